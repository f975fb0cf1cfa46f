//! Custom authorization: is a device who its token says, and what may it do for how long?
//!
//! - [`token`]: a JSON Web Token, read.
//! - [`key`]: the fleet's keys, and signatures checked against them.
//! - [`decision`]: the checks, and every reason against.
//! - [`access`]: the policies that a token's scope stands for.
//!
//! What a token looks like in this fleet: a JWT of RFC 7519, signed with ES256 or RS256 by one of the fleet's keys, which its
//! header names (`kid`). `sub` is the thing's name and the MQTT client id; `aud` is the fleet; `exp` and `iat` bound it; `scope`
//! narrows what the device may do, and without it the device may do all that one with a certificate may.
//!
//! Tokens are read and checked here rather than by a crate: of JOSE it is two algorithms of one form, and the crates for it
//! read the clock themselves.

pub mod access;
pub mod decision;
pub mod key;
pub mod token;

pub use access::Area;
pub use decision::{Asked, Denial, Grant, Rules, block_list_entries, check, grant};
pub use key::{Algorithm, BadKey, FleetKey, KeyStatus};
pub use token::{BadToken, Claims, Token};

//! The gateway as a library: AWS IoT on one machine, opened and stopped by whoever embeds it.
//!
//! - [`dock`]: the way in: a template, options, and a gateway that is up until it is stopped.
//! - `open`: every part, made once and wired together. [`gateway`]: what is done with all of them. `running`: how it begins to
//!   serve, and how it stops. [`scopes`]: the accounts and regions, opened at their first use. [`environment`]: what stands for the variables of the process.
//! - [`config`]: what `drydock.toml` says. [`account`]: its whole state as one file.
//! - [`public`]: by what name others reach it. [`listen`]: the sockets; `trouble`: what goes wrong there, in words. [`tls`]: who may
//!   pass the handshake. [`peer`]: who is at the other end.
//! - [`http`]: what comes over HTTP. [`websocket`]: MQTT over WebSocket. [`prefixed`]: a stream of which some was read.
//! - [`deploy`]: a template's resources, made here, and their functions' binaries.

pub mod account;
pub mod config;
pub mod deploy;
pub mod dock;
pub mod environment;
pub mod gateway;
pub mod http;
mod journal;
pub mod listen;
mod open;
pub mod peer;
pub mod prefixed;
mod private;
pub mod public;
mod running;
pub mod scopes;
mod seal;
mod targets;
pub mod tls;
mod trouble;
pub mod websocket;

#[cfg(test)]
mod authorizer_tests;

pub use gateway::{Addresses, Gateway};
/// The examples of the README are tried, too.
#[cfg(doctest)]
#[doc = include_str!("../../../../README.md")]
struct Readme;

pub use dock::{Dock, StartError};
pub use open::{OpenError, prepare_root};

//! Who may connect and do what.
//!
//! - [`gate`]: [`PolicyGate`](policy_gate::PolicyGate) answers the broker's question about each connect; `refusal` and
//!   `connect_authorizer` are its parts.
//! - [`credential`]: what a listener knows of its peer. [`certificate`]: what a certificate counts for.
//! - [`session`]: what one device may do. [`claim`]: what a provisioning claim may do.
//! - [`authorizer`]: asking the functions of custom authorizers.

pub mod authorizer;
pub mod certificate;
pub mod claim;
pub mod connect_authorizer;
pub mod credential;
pub mod gate;
pub mod policy_gate;
pub mod session;

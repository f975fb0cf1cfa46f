//! The TLS half: what a listener needs to speak TLS 1.2 and 1.3 with devices.
//!
//! - [`ServerNames`]: certificates for the server, for every name that a device may call it.
//! - [`Directory`]: who is asked whether a client certificate may pass the handshake.
//! - [`server_config`]: both together, as a configuration for `rustls`.
//! - [`refusal`]: why a handshake failed, where a client certificate was the reason.

mod names;
mod server;
mod verifier;

pub use names::ServerNames;
pub use server::{ClientCertificates, ServerOptions, TlsError, server_config};
pub use verifier::{Directory, refusal};

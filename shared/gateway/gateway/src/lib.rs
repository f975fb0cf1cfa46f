//! The gateway as a library: AWS IoT on one machine, opened and stopped by whoever embeds it.
//!
//! - [`open`]: every part, made once and wired together; how a gateway is opened. [`gateway`]: one that is up.
//! - [`config`]: what `drydock.toml` says. [`account`]: its whole state as one file.
//! - [`listen`]: the sockets. [`tls`]: who may pass the handshake. [`peer`]: who is at the other end.
//! - [`http`]: what comes over HTTP. [`websocket`]: MQTT over WebSocket. [`prefixed`]: a stream of which some was read.
//! - [`deploy`]: a template's resources, made here, and their functions' binaries.

pub mod account;
pub mod config;
pub mod deploy;
pub mod gateway;
pub mod http;
mod journal;
pub mod listen;
pub mod open;
pub mod peer;
pub mod prefixed;
mod private;
mod seal;
pub mod tls;
pub mod websocket;

#[cfg(test)]
mod authorizer_tests;

pub use gateway::{Addresses, Gateway};
pub use open::{OpenError, Options, Running};

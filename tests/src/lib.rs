//! What the tests of the whole workspace share: the tests themselves are under `tests/`.
//!
//! - [`workspace`]: the packages and what they depend on, as `cargo metadata` tells it
//! - [`sources`]: the Rust files of the repository, and a file reduced to the code that ships
//! - [`modules`]: which module of a crate imports which other, and whether that goes in a circle
//! - [`gateway`]: the real `drydock` binary, started and asked as a person does
//! - [`bootstrap`]: a Lambda function as a shell script
//! - [`http`]: one HTTP request over a socket
//! - [`mqtt`]: a device's connection, by a client that knows nothing of the gateway, or byte by byte
//! - [`recorder`]: a web server that writes down what it is asked
//! - [`sign`]: signatures of Signature Version 4
//! - [`websocket`]: a WebSocket, frame by frame
//! - [`tls`]: a device's certificate, and what it does with it
//! - [`maker`]: a device maker's own CA

pub mod bootstrap;
pub mod gateway;
pub mod http;
pub mod maker;
pub mod modules;
pub mod mqtt;
pub mod recorder;
pub mod sign;
pub mod sources;
pub mod tls;
pub mod token;
pub mod websocket;
pub mod workspace;

use std::time::Duration;

/// How long any one thing may take, on a machine that does other things, too.
pub const DEADLINE: Duration = Duration::from_secs(30);

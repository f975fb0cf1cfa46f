//! What comes over HTTP.
//!
//! - [`serve`]: serving HTTP on a connection. [`lines`]: answers that go on while the caller listens. `answer`: answers that
//!   several parts give.
//! - [`enter`]: which hosts and which pages are let in, as [`door`] says. [`bodies`]: how much is read, and of whom. [`links`]: what
//!   needs no signature. [`paths`]: every path of every listener, for who is to try them all.
//! - [`api`]: the API endpoint. [`service`]: which service a request is for. [`signature`]: who signed it.
//! - [`execute_api`]: requests to HTTP APIs, which let in whom they like.
//! - [`faults`]: what services do wrong because it was asked for. `refused`: what they answer then. `told`: who watches is told.
//! - `operations`: the operations of AWS IoT. [`s3`]: requests to S3, whose bodies are not read whole.
//! - [`admin`]: `/_drydock/…`, the gateway's own few paths.
//! - [`device`]: what a device reaches with its certificate: HTTPS publish. [`credentials`]: credentials by a role alias.
//! - [`websocket`]: who may open a WebSocket for MQTT.

pub mod admin;
pub(crate) mod answer;
pub mod api;
pub mod bodies;
pub mod credentials;
pub mod device;
pub mod door;
pub mod enter;
pub mod execute_api;
pub mod faults;
pub mod lines;
pub mod links;
pub(crate) mod operations;
pub mod paths;
mod refused;
pub mod s3;
pub mod serve;
pub mod service;
pub mod signature;
mod told;
pub mod websocket;

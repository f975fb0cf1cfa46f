//! The gateway: AWS IoT on one machine. This crate is the composition, the only one that knows all others, and the command line.
//!
//! - [`gateway`]: every part, made once and wired together.
//! - [`books`]: the rulebooks, and the one way to run a command: decide, save, tell.
//! - [`gate`]: who may connect and do what. [`tls`]: who may pass the handshake.
//! - [`listen`]: the sockets. [`api`]: what comes over HTTP. [`publish`]: a publish that comes over HTTP.
//! - [`roles`]: the template's IAM roles.
//! - [`rules`]: rules on messages: matching, evaluating, running actions. [`outbound`]: what they send to services elsewhere.
//! - [`shadows`]: the Device Shadow service.
//! - [`events`]: from events to the topics that tell of them. [`expiry`]: certificates that expire.
//! - [`notice`], [`watch`]: what people are told.
//! - [`explain`]: why somebody may do something, or may not.
//! - [`logs`]: AWS-style log entries.
//! - [`deploy`]: a template's resources, made here. [`functions`]: their binaries.
//! - [`config`]: what `drydock.toml` says. [`recent`]: what is remembered for a while.
//! - [`cli`], [`demo`], [`client`]: the command line, and the small client it calls the gateway with.
//! - [`websocket`]: MQTT over WebSocket.
//! - [`system`]: the only place that reads the clock and randomness of the machine.

pub mod account;
pub mod api;
pub mod authorizer;
pub mod books;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod deploy;
pub mod events;
pub mod expiry;
pub mod explain;
pub mod functions;
pub mod gate;
pub mod gateway;
pub mod listen;
pub mod logs;
pub mod notice;
pub mod outbound;
pub mod provisioning;
pub mod publish;
pub mod recent;
pub mod roles;
pub mod rules;
pub mod shadows;
pub mod support;
pub mod system;
pub mod tags;
pub mod tls;
pub mod watch;
pub mod websocket;

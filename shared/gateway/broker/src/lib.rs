//! The gateway's message broker: MQTT 3.1.1 and MQTT 5 on one session layer, as AWS IoT Core's message broker behaves.
//!
//! Follows "MQTT" and its pages in the AWS IoT Core developer guide; where AWS leaves a case open, the choice stands at its
//! place in the code with the word "AWS does not say".
//!
//! # Layout
//! - [`Broker`]: the handle; one connection is one [`Broker::serve`] future, and listeners and TLS are the caller's.
//! - Ports: [`Gate`] and [`SessionGate`] decide, [`Tap`] looks on and takes messages for services out, [`Journal`] makes
//!   retained messages and persistent sessions durable.
//! - `broker/inner`: what the parts share. `connection`: a stream from CONNECT to close. `connection/wire` reads and writes,
//!   `connection/input` does what the packets say, `connection/output` writes what waits.
//! - `session`: what waits for a client, what is in flight; `delivery`, `subscription`, `effects`: its pieces. `slots`: who holds
//!   which client id, and lifecycle events; `will`: what is published when it ends.
//! - `index`, `share`, `retained`: where a message goes; `topic`, `properties`: what one may be. `account`, `rate`: how many may.
//!   `dropped`, `happening`, `counters`: what is told and counted.
//! - `packet`: bytes. [`limits`]: every limit, in one table. `rows`: what a restart reads.
//!
//! Modules import each other in one direction.
//!
//! # The way of a message
//! One `read` takes as many packets as have arrived. Each PUBLISH is looked up in the connection's own table of topics,
//! which keeps the topic's validity, the policy's decision and the matching sessions until a counter says that they may
//! have changed: no lock, no parse, no copy. Messages in a row that go to the same sessions are handed over together, one
//! lock per session and run, and a session's task is woken only if it sleeps. Payloads are shared; what a subscriber's task
//! writes is put together just before its one `write`. An idle connection holds no buffer.
//!
//! # The codec
//! `mqtt-protocol-core` was chosen over `rmqtt-codec` (tied to its own broker's release cycle and to `tokio-util`),
//! `ntex-mqtt` (its codec comes with the `ntex` runtime) and `mqtt5-protocol` (MQTT 5 only): it is sans-I/O, speaks both
//! versions, is maintained, checks properties, and each of its packets can be used without its connection. See `packet`
//! for the parts that are done here and why.

mod account;
mod broker;
mod connection;
mod counters;
mod delivery;
mod dropped;
mod effects;
mod gate;
mod happening;
mod index;
mod journal;
pub mod limits;
mod message;
mod packet;
mod properties;
mod rate;
mod retained;
mod rows;
mod session;
mod share;
mod slots;
mod subscription;
mod tap;
mod topic;
mod usage;
mod will;

pub use broker::publish::{Origin, Publication, PublishError};
pub use broker::snapshot::{Stats, Subscription};
pub use broker::{Broker, Config, DirectError, DisconnectOptions, UnknownClient};
pub use connection::ClientClosed;
pub use dropped::{DropReason, Dropped};
pub use gate::{
    Admission, ConnectAttempt, Gate, Lifetime, Peer, Refusal, RefusalKind, SessionGate, Transport, WillRequest,
};
pub use happening::{Happening, Watch, Who};
pub use journal::{Commit, Journal, JournalError};
pub use limits::{Limit, Limits, SetLimitError};
pub use message::{Message, Properties, Protocol, Qos};
pub use packet::{PacketError, inspect};
pub use retained::Retained;
pub use slots::ConnectionInfo;
pub use tap::{Caller, Inbound, Keep, Remark, Route, Tap, Telling};
pub use usage::{ClientUsage, Usage};

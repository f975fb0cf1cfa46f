//! Every event that AWS IoT hands to the backend's functions, typed, and what a function hands back.
//!
//! - [`authorizer`]: a device connects through a custom authorizer, and what its function answers.
//! - [`certificate`]: a certificate was registered on a device's first connection (just-in-time registration).
//! - [`defender`]: an audit of Device Defender has ended, or an alarm of Detect has begun or ended.
//! - [`jobs`]: a job or a job execution came to something.
//! - [`presence`]: a client connected, disconnected, or was refused.
//! - [`provisioning`]: a device asks to be provisioned, and the hook's answer.
//! - [`telemetry`]: what the telemetry rule's `SELECT` makes of a device's message.
//! - [`error_action`]: what a rule's error action carries when an action failed.
//! - [`sqs`]: a batch of queue messages, and the reply that names those to deliver again.
//!
//! Fields that AWS adds later are ignored, and an enumeration keeps a value it does not know as text: an event must never
//! be lost because it says more than it used to. What an event cannot do without is required, so that a malformed one
//! fails where it is parsed. Each type has a fixture in `events/` and a round-trip test.

pub mod authorizer;
pub mod certificate;
pub mod defender;
pub mod error_action;
pub mod jobs;
mod lenient;
pub mod presence;
pub mod provisioning;
pub mod sqs;
pub mod telemetry;

pub use authorizer::{AuthorizerRequest, AuthorizerResponse};
pub use certificate::{CertificateRegistered, CertificateStatus};
pub use defender::{AuditEnded, CheckEnded, ViolatedBehavior, ViolationEvent};
pub use error_action::{ActionFailure, RuleFailure};
pub use jobs::{JobEvent, JobExecutionEvent, JobsEvent};
pub use presence::{ConnectFailed, Connected, DisconnectReason, Disconnected, Presence};
pub use provisioning::{PreProvisioning, PreProvisioningAnswer};
pub use sqs::{BatchResponse, SqsBatch, SqsMessage};
pub use telemetry::TelemetryEnvelope;

/// Milliseconds since 1970-01-01T00:00:00Z, as AWS IoT writes times in events.
pub type EpochMillis = i64;

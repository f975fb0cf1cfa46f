//! The vocabulary that every crate of the gateway shares, and nothing else: no socket, no clock of its own, no randomness.
//!
//! - [`names`]: newtypes for AWS IoT's names, with AWS's limits in their constructors.
//! - [`topic`]: topics and topic filters, and how a filter matches a topic.
//! - [`reserved`]: topics that start with `$`: which there are, and what a message to one asks for.
//! - [`arn`]: the account and region a gateway plays, and the ARNs in it.
//! - [`clock`]: time as a value; [`Clock`](clock::Clock) is passed in.
//! - [`ids`]: random identifiers; [`Ids`](ids::Ids) is passed in.
//! - [`error`]: the closed set of errors that AWS shows its callers.
//! - [`own`]: the gateway's own sockets, which nothing that it sends may reach.
//! - [`page`]: the tokens that lead from one page of a list to the next.
//! - [`rulebook`]: what a command returns (answer, writes, events) and how state is loaded again.
//! - [`event`]: what happened, as one stream that the composition delivers to every consumer.

pub mod arn;
pub mod clock;
pub mod error;
pub mod event;
pub mod ids;
pub mod names;
pub mod own;
pub mod page;
pub mod reserved;
pub mod rulebook;
pub mod topic;

pub use arn::{Arn, Scope};
pub use clock::{Clock, Timestamp};
pub use error::{ApiError, ErrorCode, Service};
pub use event::Event;
pub use ids::Ids;
pub use names::{
    AttributeName, AttributeValue, BillingGroupName, CertificateId, ClientId, InvalidName, PolicyName, RuleName,
    ThingGroupName, ThingName, ThingTypeName,
};
pub use own::OwnAddresses;
pub use reserved::{Reserved, ReservedTopic};
pub use rulebook::{CorruptRow, Done, Rulebook, Write};
pub use topic::{Topic, TopicFilter};

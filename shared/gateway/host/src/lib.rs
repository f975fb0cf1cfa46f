//! What every service of the gateway stands on.
//!
//! - [`host`]: [`Host`](host::Host), all of it in one value.
//! - [`books`]: the rulebooks, and the one way to run commands: decide, save, tell. [`stream`]: what they tell, in order.
//! - [`events`]: what is told of events on `$aws/events/…`. [`outbox`]: what of it outlives the process. [`deletions`]: how rows of
//!   what is done go.
//! - [`recent`]: what is remembered for a while.
//! - [`tags`]: tags on the resources of all rulebooks.
//! - [`notice`], [`watch`]: what people are told. [`logs`]: AWS-style log entries. [`shown`]: how what others wrote is shown.
//! - [`issuing`]: keys and certificates for devices, made off the async threads. [`presign`]: links to objects.
//! - [`roles`]: the template's IAM roles.
//! - [`system`]: the only place that reads the clock and randomness of the machine.

pub mod books;
pub mod deletions;
pub mod events;
pub mod host;
pub mod issuing;
pub mod logs;
pub mod notice;
pub mod once;
pub mod outbox;
pub mod presign;
pub mod recent;
pub mod roles;
pub mod shown;
pub mod stream;
pub mod system;
pub mod tags;
pub mod watch;

pub use host::{Endpoints, Host, Told};

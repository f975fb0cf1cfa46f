//! What every service of the gateway stands on.
//!
//! - [`host`]: [`Host`](host::Host), all of it in one value.
//! - [`books`]: the rulebooks, and the one way to run commands: decide, save, tell. [`stream`]: what they tell, in order.
//! - [`recent`]: what is remembered for a while.
//! - [`tags`]: tags on the resources of all rulebooks.
//! - [`notice`], [`watch`]: what people are told. [`logs`]: AWS-style log entries. [`shown`]: how what others wrote is shown.
//! - [`issuing`]: keys and certificates for devices, made off the async threads. [`presign`]: links to objects.
//! - [`roles`]: the template's IAM roles.
//! - [`system`]: the only place that reads the clock and randomness of the machine.

pub mod books;
pub mod host;
pub mod issuing;
pub mod logs;
pub mod notice;
pub mod once;
pub mod presign;
pub mod recent;
pub mod roles;
pub mod shown;
pub mod stream;
pub mod system;
pub mod tags;
pub mod watch;

pub use host::{Endpoints, Host, Told};

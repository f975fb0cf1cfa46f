//! Durable state: the rows of every rulebook, in one SQLite file that a person can open.
//!
//! - [`Store`]: opens the data directory, takes writes in order, commits them in groups, hands rows back.
//! - [`Durable`]: a rulebook behind a lock, whose commands are answered only when their writes are on disk.
//! - [`change()`]: runs commands on one or several of them as one unit, and tells of it in the order of the decisions.
//! - [`StoreError`]: what can go wrong, in words that say what to do.
//!
//! What is promised: when [`Store::submit`]'s [`Commit`] has resolved to `Ok`, the writes survive `kill -9` and a power cut
//! (SQLite's write-ahead log with `synchronous=FULL`: each group is synced before it is acknowledged). Writes are applied in
//! the order of their submission, each submission as a whole or not at all. Without a directory everything stays in memory.

mod change;
mod commit;
mod durable;
mod error;
mod lock;
mod memory;
mod order;
mod schema;
mod store;
mod writer;

pub use change::{AnyPart, Listener, Part, Parts, Set, change};
pub use commit::Commit;
pub use durable::{Durable, Tables};
pub use error::StoreError;
pub use store::{Options, Store};

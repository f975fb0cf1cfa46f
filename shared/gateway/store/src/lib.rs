//! Durable state: the rows of every rulebook, in one SQLite file that a person can open.
//!
//! - [`Store`]: opens the data directory, takes writes in order, commits them in groups, hands rows back.
//! - [`Held`]: a rulebook behind a lock, whose commands are answered only when their writes are on disk.
//! - [`Kept`]: the same whatever the rulebook, for those who go over all of them.
//! - [`StoreError`]: what can go wrong, in words that say what to do.
//!
//! What is promised: when [`Store::submit`]'s [`Commit`] has resolved to `Ok`, the writes survive `kill -9` and a power cut
//! (SQLite's write-ahead log with `synchronous=FULL`: each group is synced before it is acknowledged). Writes are applied in
//! the order of their submission, each submission as a whole or not at all. Without a directory everything stays in memory.

mod commit;
mod error;
mod held;
mod lock;
mod memory;
mod schema;
mod store;
mod writer;

pub use commit::Commit;
pub use error::StoreError;
pub use held::{Held, Kept, Tables};
pub use store::{Options, Store};

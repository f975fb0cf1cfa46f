//! What a change is told of the outside.

use drydock_core::{Ids, Timestamp};

/// What Detect asks of the registry.
pub trait Fleet {
    /// Whether there is a thing of this name.
    fn has_thing(&self, thing: &str) -> bool;
    /// Whether there is a thing group of this name.
    fn has_group(&self, group: &str) -> bool;
    /// The names of all groups that a thing is in, directly or through one below.
    fn groups_of(&self, thing: &str) -> Vec<String>;
    /// The names of all groups above a group.
    fn groups_above(&self, group: &str) -> Vec<String>;
}

/// What a change is told of the outside.
pub struct Context<'c> {
    /// Now.
    pub now: Timestamp,
    /// The things as they are.
    pub fleet: &'c dyn Fleet,
    /// Randomness, for the ids of violations.
    pub ids: &'c dyn Ids,
}

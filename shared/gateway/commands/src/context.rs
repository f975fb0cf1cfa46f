//! What a change is told of the outside.

use drydock_core::Timestamp;

/// What commands ask of the registry.
pub trait Fleet {
    /// Whether there is a thing of this name.
    fn has_thing(&self, thing: &str) -> bool;
}

/// What a change is told of the outside.
pub struct Context<'c> {
    /// Now.
    pub now: Timestamp,
    /// The things as they are.
    pub fleet: &'c dyn Fleet,
}

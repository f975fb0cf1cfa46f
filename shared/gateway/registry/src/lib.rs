//! The device registry: things, thing types, static thing groups, billing groups, tags, and which certificates and identities are attached to which thing.
//!
//! - [`Registry`]: the rulebook. Its operations are in a file per kind of resource:
//!   [`things`], [`list_things`], [`thing_types`], [`thing_groups`], [`group_members`], [`billing_groups`], [`principals`],
//!   [`event_settings`].
//! - [`tags`]: a rulebook of its own: the tags of resources of every kind.
//! - [`dynamic_groups`]: thing groups that follow a query of the fleet index.
//! - [`indexed`]: things and groups as the fleet index takes them.
//! - [`attribution`]: which thing a connection belongs to, and what policies may ask about it.
//! - `groups`: the tree of thing groups and who is in which.
//! - `shelf`: the things themselves, kept small, with the indexes over them.
//!
//! Follows "Managing devices with AWS IoT" of the AWS IoT Core developer guide. It is built for a million things: a thing is known
//! inside by a number of four bytes, names of attributes are kept once, and every list walks an index.

pub mod attribution;
pub mod billing_groups;
pub mod dynamic_groups;
pub mod event_settings;
pub mod group_members;
mod groups;
pub mod indexed;
pub mod list_things;
pub mod principals;
mod registry;
mod shelf;
pub mod tags;
pub mod thing_groups;
pub mod thing_types;
pub mod things;

pub use attribution::{Attributed, ThingFacts};
pub use registry::Registry;

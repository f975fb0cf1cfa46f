//! Fleet indexing: which things, or thing groups, are what somebody asks for, and what their values come to.
//!
//! - [`query`]: the query language. `glob`, `place`, `value`: what terms are compared with.
//! - [`sources`]: a thing or a group as the books have it. [`document`]: what is indexed of it.
//! - [`index`]: the inverted index. [`aggregate`]: statistics, percentiles, cardinality, buckets. [`explain`]: why a thing is found.
//! - [`misfits`]: values that do not fit their fields, and are left out.
//! - [`config`]: which sources are indexed, a rulebook. [`fleet_metrics`]: its queries whose aggregates are told again and again. [`fields`]: names of fields that mean something of themselves.
//!
//! Follows "Fleet indexing" of the AWS IoT Core developer guide. The index is made of the other books and kept nowhere: it is built
//! anew at each start, so that it cannot disagree with them. It is made for a million things with a shadow each.

pub mod aggregate;
pub mod config;
pub mod document;
pub mod explain;
pub mod fields;
pub mod fleet_metrics;
mod glob;
pub mod index;
pub mod misfits;
mod place;
pub mod query;
pub mod sources;
mod value;

pub use config::Indexing;
pub use glob::{Glob, Piece};
pub use index::{Hits, Index};
pub use place::{Order, Place};
pub use query::plan::Plan;
pub use query::{Invalid, Limits, Query};
pub use value::{Number, Text, Value};

/// The index of things.
pub const THINGS: &str = "AWS_Things";
/// The index of thing groups.
pub const GROUPS: &str = "AWS_ThingGroups";

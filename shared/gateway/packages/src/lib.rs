//! AWS IoT Device Management's software package catalog: which software there is for devices, and in which versions.
//!
//! - [`Packages`]: the rulebook: packages, their versions, and the configuration of the catalog.
//! - `package`, `version`: what is kept of each, and the operations on it. `configuration`: the configuration.
//! - [`sbom`]: software bills of materials: how they are validated, and the operations on them.
//! - `once`: requests that come again with the same client token.
//!
//! Follows "AWS IoT Device Management Software Package Catalog" of the AWS IoT Core developer guide. Pure: it reads no clock and
//! knows no storage; what is in Amazon S3 it is given.

mod book;
mod configuration;
mod once;
mod package;
pub mod sbom;
mod version;

pub use book::Packages;

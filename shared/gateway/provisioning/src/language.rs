//! The template language. Follows "Provisioning templates" of the developer guide.
//!
//! - `read`: a body's JSON to a [`Template`]: everything that can be checked without a device is checked here, with its place.
//! - `expression`: `Ref` and the intrinsic functions.
//! - `evaluate`: a template and a device's parameters to a [`Plan`](crate::Plan).
//! - `error`: what can be wrong with either.

mod error;
mod evaluate;
mod expression;
mod read;

pub use error::{Failure, Malformed};

use crate::plan::{Override, ThingOverrides};
use expression::Expression;
use std::collections::BTreeMap;

/// The most characters of a template body (API reference, "templateBody").
pub const MOST_CHARACTERS: usize = 10_240;

/// What a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Fleet provisioning: it may have a `DeviceConfiguration`, and takes the certificate that the device asked for.
    Fleet,
    /// Just-in-time provisioning: it takes the certificate that the device showed.
    Jitp,
    /// "RegisterThing" and bulk registration: it says where the certificate comes from.
    Registration,
}

/// A template that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// The declared parameters with their default values.
    parameters: BTreeMap<String, Option<String>>,
    mappings: Mappings,
    thing: Option<(String, Thing)>,
    certificate: Option<(String, Certificate)>,
    policies: Vec<(String, Policy)>,
    device_configuration: BTreeMap<String, Expression>,
}

/// Tables of two levels, by name.
type Mappings = BTreeMap<String, BTreeMap<String, BTreeMap<String, serde_json::Value>>>;

#[derive(Debug, Clone, PartialEq)]
struct Thing {
    name: Expression,
    attributes: Option<BTreeMap<String, Expression>>,
    thing_type: Option<Expression>,
    groups: Option<Expression>,
    billing_group: Option<Expression>,
    overrides: ThingOverrides,
}

#[derive(Debug, Clone, PartialEq)]
struct Certificate {
    source: Source,
    status: Option<Expression>,
    status_override: Option<Override>,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    Request(Expression),
    Id(Expression),
    Pem { certificate: Expression, ca: Option<Expression> },
}

#[derive(Debug, Clone, PartialEq)]
enum Policy {
    Named(Expression),
    Document(Expression),
}

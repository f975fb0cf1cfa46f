//! The device that a command is executed on: a thing, or an MQTT client that need not be one.
//!
//! Source: "Target device considerations" of the developer guide's page on command executions, and "Commands topics".

use crate::book::invalid;
use drydock_core::{ApiError, Arn, Scope, Topic};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::fmt;

/// The most characters of a thing's name and of a client id.
const LONGEST: usize = 128;
/// As long as the id of an execution.
const EXECUTION: &str = "00000000-0000-0000-0000-000000000000";

/// A device, as the resource part of its ARN has it: `thing/NAME` or `client/ID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct Target {
    is_thing: bool,
    name: SmolStr,
}

impl Target {
    /// The device that an ARN names.
    ///
    /// # Errors
    /// `ValidationException` for what is not the ARN of a thing or a client of this account and region, or has a name that cannot
    /// be in a topic.
    pub fn of_arn(scope: &Scope, text: &str) -> Result<Self, ApiError> {
        let arn = Arn::parse(text).filter(|arn| scope.arn("iot", arn.resource()) == *arn);
        let target = arn.and_then(|arn| Self::of_resource(arn.resource()));
        target.ok_or_else(|| {
            invalid(format!(
                "targetArn `{text:.300}` is not the ARN of a thing or a client of this account and region: thing/NAME or client/ID, with a name that can be in a topic"
            ))
        })
    }

    fn of_resource(resource: &str) -> Option<Self> {
        let (kind, name) = resource.split_once('/')?;
        let is_thing = match kind {
            "thing" => true,
            "client" => false,
            _ => return None,
        };
        Self::new(is_thing, name)
    }

    /// The device that a topic of commands names: `things` or `clients`, and its name there.
    #[must_use]
    pub fn of_topic(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "things" => Self::new(true, name),
            "clients" => Self::new(false, name),
            _ => None,
        }
    }

    fn new(is_thing: bool, name: &str) -> Option<Self> {
        if !(1..=LONGEST).contains(&name.chars().count()) || name.contains('/') {
            return None;
        }
        let target = Self { is_thing, name: name.into() };
        // The longest of the topics that have its name.
        let longest = format!("{}/response/accepted/json", target.topic(EXECUTION));
        Topic::new(longest).is_ok().then_some(target)
    }

    /// The name of the thing, where it is one.
    #[must_use]
    pub fn thing(&self) -> Option<&str> {
        self.is_thing.then_some(self.name.as_str())
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self, scope: &Scope) -> String {
        scope.arn("iot", &self.to_string()).into()
    }

    /// The topic of an execution's messages, without what follows the execution.
    #[must_use]
    pub fn topic(&self, execution: &str) -> String {
        let kind = if self.is_thing { "things" } else { "clients" };
        format!("$aws/commands/{kind}/{}/executions/{execution}", self.name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", if self.is_thing { "thing" } else { "client" }, self.name)
    }
}

impl TryFrom<SmolStr> for Target {
    type Error = String;

    fn try_from(resource: SmolStr) -> Result<Self, String> {
        Self::of_resource(&resource).ok_or_else(|| format!("`{resource}` is not thing/NAME or client/ID"))
    }
}

impl From<Target> for SmolStr {
    fn from(target: Target) -> Self {
        target.to_string().into()
    }
}

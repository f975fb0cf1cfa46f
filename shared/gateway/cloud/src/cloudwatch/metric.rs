//! What a metric is: a namespace, a name and dimensions; and the units of its values.

use super::fault::Fault;
use super::value::{Given, Out, structure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most dimensions of a metric ("CloudWatch quotas").
const DIMENSIONS: usize = 30;

/// A metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// For example `AWS/IoT`.
    pub namespace: String,
    /// For example `PublishIn.Success`.
    pub name: String,
    /// Its dimensions, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// A metric with dimensions.
    #[must_use]
    pub fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }

    /// The one that `Namespace`, `MetricName` and `Dimensions` of some parameters name.
    pub(super) fn given(given: Given<'_>) -> Result<Self, Fault> {
        Ok(Self {
            namespace: given.required("Namespace", 255)?.to_owned(),
            name: given.required("MetricName", 255)?.to_owned(),
            dimensions: dimensions(given)?,
        })
    }

    /// As `ListMetrics` shows it.
    pub(super) fn out(&self) -> Out {
        structure([
            ("Namespace", Some(Out::text(&self.namespace))),
            ("MetricName", Some(Out::text(&self.name))),
            ("Dimensions", Some(dimensions_out(&self.dimensions))),
        ])
    }
}

/// The dimensions of some parameters.
pub(super) fn dimensions(given: Given<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let mut dimensions = BTreeMap::new();
    for dimension in given.structures("Dimensions", DIMENSIONS)? {
        let name = dimension.required("Name", 255)?;
        let value = dimension.required("Value", 1024)?;
        let plain = |text: &str| text.is_ascii() && !text.chars().any(|c| c.is_ascii_control());
        if !plain(name) || !plain(value) || name.trim().is_empty() || value.trim().is_empty() || name.starts_with(':') {
            return Err(Fault::value(format!(
                "The dimension {name:.100} must have a name and a value of ASCII characters that are not all blank, and the name must not begin with a colon."
            )));
        }
        if dimensions.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Fault::value(format!("No dimension name may be specified twice: {name:.100}.")));
        }
    }
    Ok(dimensions)
}

pub(super) fn dimensions_out(dimensions: &BTreeMap<String, String>) -> Out {
    let dimension = |(name, value): (&String, &String)| {
        structure([("Name", Some(Out::text(name))), ("Value", Some(Out::text(value)))])
    };
    Out::List(dimensions.iter().map(dimension).collect())
}

/// The units of CloudWatch (`StandardUnit`).
const UNITS: [&str; 27] = [
    "None",
    "Count",
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
];

/// A unit: its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub struct Unit(u8);

impl Unit {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// `Count`.
    pub const COUNT: Self = Self(1);
    /// `Seconds`.
    pub const SECONDS: Self = Self(2);
    /// `Milliseconds`.
    pub const MILLISECONDS: Self = Self(4);

    /// The unit of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        UNITS.iter().position(|unit| *unit == name).and_then(|place| u8::try_from(place).ok()).map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        UNITS.get(usize::from(self.0)).copied().unwrap_or("None")
    }

    /// The one that some parameters name.
    pub(super) fn given(given: Given<'_>) -> Result<Option<Self>, Fault> {
        let Some(name) = given.text("Unit")? else { return Ok(None) };
        let unknown = || Fault::value(format!("The parameter Unit must be one of {}.", UNITS.join(", ")));
        Self::named(name).map(Some).ok_or_else(unknown)
    }
}

impl TryFrom<String> for Unit {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::named(&name).ok_or_else(|| format!("`{name}` is not a unit of CloudWatch"))
    }
}

impl From<Unit> for &'static str {
    fn from(unit: Unit) -> Self {
        unit.as_str()
    }
}

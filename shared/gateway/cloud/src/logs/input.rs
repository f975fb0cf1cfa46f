//! The parameters of a request.

use super::fault::Fault;
use drydock_core::Scope;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The days that a group may keep events ("PutRetentionPolicy").
const RETENTION: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// The parameters of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    members: &'a Map<String, Value>,
}

fn wrong(name: &str, wanted: &str) -> Fault {
    Fault::new("SerializationException", format!("`{name}` is not {wanted}"))
}

/// A value that a constraint of the service's model does not allow, in the words of AWS.
fn constraint(name: &str, value: &str, what: &str) -> Fault {
    Fault::parameter(format!(
        "1 validation error detected: Value '{value:.200}' at '{name}' failed to satisfy constraint: Member must {what}"
    ))
}

impl<'a> Input<'a> {
    /// The parameters of an operation that has these; any other is refused.
    pub(super) fn new(members: &'a Map<String, Value>, operation: &str, known: &[&str]) -> Result<Self, Fault> {
        let unknown = members.iter().find(|(name, value)| !value.is_null() && !known.contains(&name.as_str()));
        match unknown {
            Some((name, _)) => Err(Fault::not_implemented(format!("the parameter `{name:.100}` of {operation}"))),
            None => Ok(Self { members }),
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Fault> {
        let value = self.value(name);
        value.map(|value| value.as_str().ok_or_else(|| wrong(name, "a text"))).transpose()
    }

    pub(super) fn required(&self, name: &str) -> Result<&'a str, Fault> {
        self.text(name)?.ok_or_else(|| constraint(name, "null", "not be null"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        let value = self.value(name);
        value.map_or(Ok(false), |value| value.as_bool().ok_or_else(|| wrong(name, "a boolean")))
    }

    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Fault> {
        let value = self.value(name);
        value.map(|value| value.as_i64().ok_or_else(|| wrong(name, "a whole number"))).transpose()
    }

    /// A time in milliseconds, which is not negative.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Fault> {
        match self.whole(name)? {
            Some(time) if time < 0 => Err(constraint(name, &time.to_string(), "have value greater than or equal to 0")),
            time => Ok(time),
        }
    }

    /// How many there may be; as many as the range has where nothing is said.
    pub(super) fn limit(&self, name: &str, range: RangeInclusive<usize>) -> Result<usize, Fault> {
        let Some(limit) = self.whole(name)? else { return Ok(*range.end()) };
        usize::try_from(limit).ok().filter(|limit| range.contains(limit)).ok_or_else(|| {
            let bound = match limit < 1 {
                true => format!("have value greater than or equal to {}", range.start()),
                false => format!("have value less than or equal to {}", range.end()),
            };
            constraint(name, &limit.to_string(), &bound)
        })
    }

    pub(super) fn texts(&self, name: &str, most: usize) -> Result<Option<Vec<&'a str>>, Fault> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let list = value.as_array().ok_or_else(|| wrong(name, "a list"))?;
        if list.is_empty() || list.len() > most {
            let what = format!("have length from 1 to {most}");
            return Err(constraint(name, &format!("{} elements", list.len()), &what));
        }
        let all: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
        all.map(Some).ok_or_else(|| wrong(name, "a list of texts"))
    }

    /// Names with a text each.
    pub(super) fn map(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Fault> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let members = value.as_object().ok_or_else(|| wrong(name, "a map"))?;
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let all: Option<_> = members.iter().map(text).collect();
        all.map(Some).ok_or_else(|| wrong(name, "a map of texts"))
    }

    /// The name of a new group.
    pub(super) fn group_name(&self, name: &str) -> Result<&'a str, Fault> {
        let given = self.required(name)?;
        if !(1..=512).contains(&given.len()) {
            return Err(constraint(name, given, "have length from 1 to 512"));
        }
        if !given.chars().all(|c| c.is_ascii_alphanumeric() || ".-_/#".contains(c)) {
            return Err(constraint(name, given, r"satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+"));
        }
        Ok(given)
    }

    /// The name of a stream.
    pub(super) fn stream_name(&self, name: &str) -> Result<&'a str, Fault> {
        let given = self.required(name)?;
        if !(1..=512).contains(&given.len()) {
            return Err(constraint(name, given, "have length from 1 to 512"));
        }
        if given.contains([':', '*']) {
            return Err(constraint(name, given, "satisfy regular expression pattern: [^:*]*"));
        }
        Ok(given)
    }

    /// The group that a request is about: by its name, or by its name or ARN as `logGroupIdentifier`.
    pub(super) fn group(&self, scope: &Scope) -> Result<&'a str, Fault> {
        match (self.text("logGroupName")?, self.text("logGroupIdentifier")?) {
            (Some(_), Some(_)) => {
                Err(Fault::parameter("LogGroup name and LogGroup ARN are mutually exclusive parameters."))
            }
            (Some(_), None) => self.group_name("logGroupName"),
            (None, Some(identifier)) => group_of(identifier, scope),
            (None, None) => Err(constraint("logGroupName", "null", "not be null")),
        }
    }
}

/// The name of a group in its name or ARN, with or without `:*` behind it.
pub(super) fn group_of<'a>(identifier: &'a str, scope: &Scope) -> Result<&'a str, Fault> {
    if !identifier.starts_with("arn:") {
        return Ok(identifier);
    }
    let prefix = scope.arn("logs", "log-group:").to_string();
    let rest = identifier.strip_prefix(&prefix).ok_or_else(Fault::no_group)?;
    Ok(rest.strip_suffix(":*").unwrap_or(rest))
}

/// Whether a group may keep events for so many days.
pub(super) fn check_retention(days: i64) -> Result<u32, Fault> {
    let found = RETENTION.iter().copied().find(|known| i64::from(*known) == days);
    found.ok_or_else(|| {
        let all: Vec<String> = RETENTION.iter().map(ToString::to_string).collect();
        Fault::parameter(format!("`retentionInDays` is {days}: it must be one of {}", all.join(", ")))
    })
}

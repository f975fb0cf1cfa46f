//! What a device asks over MQTT: the JSON of its payload.
//!
//! Source: "Jobs device MQTT API operations" of the developer guide.

use crate::device::{Refusal, Refused, Start, Update};
use drydock_model::iot::JobExecutionStatus as Status;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The longest client token and key of a detail, in characters.
const LONGEST_TOKEN: usize = 64;
const LONGEST_KEY: usize = 128;

/// A payload, read as an object. An empty one is one without members.
#[derive(Debug, Clone, Default)]
pub struct Payload(Map<String, Value>);

impl Payload {
    /// Reads a payload.
    ///
    /// # Errors
    /// `InvalidJson` for what is not JSON in UTF-8, `InvalidRequest` for another value than an object.
    pub fn read(bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(invalid("the payload must be a JSON object")),
            Err(error) => Err(Refused::new(Refusal::InvalidJson, format!("the payload is not valid JSON: {error}"))),
        }
    }

    /// The client token, which is answered as it came.
    ///
    /// # Errors
    /// `InvalidRequest` for one that is not a text of up to 64 characters.
    pub fn client_token(&self) -> Result<Option<String>, Refused> {
        match self.get("clientToken") {
            None => Ok(None),
            Some(Value::String(token)) if token.chars().count() <= LONGEST_TOKEN => Ok(Some(token.clone())),
            Some(_) => Err(invalid(format!("clientToken must be a text of at most {LONGEST_TOKEN} characters"))),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Refused> {
        match self.get(name) {
            None => Ok(None),
            // Some devices write numbers as texts.
            Some(Value::String(text)) => {
                text.parse().map(Some).map_err(|_| invalid(format!("{name} must be a whole number")))
            }
            Some(value) => value.as_i64().map(Some).ok_or_else(|| invalid(format!("{name} must be a whole number"))),
        }
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, Refused> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(invalid(format!("{name} must be true or false"))),
        }
    }

    fn details(&self) -> Result<Option<BTreeMap<String, String>>, Refused> {
        let members = match self.get("statusDetails") {
            None => return Ok(None),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(invalid("statusDetails must be an object of names and texts")),
        };
        let is_key = |key: &str| {
            let allowed = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, ':' | '_' | '-');
            (1..=LONGEST_KEY).contains(&key.len()) && key.chars().all(allowed)
        };
        let pair = |(key, value): (&String, &Value)| match value {
            _ if !is_key(key) => Err(invalid(format!("`{key:.160}` cannot be a name in statusDetails"))),
            Value::String(text) if !text.is_empty() && !text.chars().any(char::is_control) => {
                Ok((key.clone(), text.clone()))
            }
            _ => Err(invalid(format!("`{key}` in statusDetails must be a text without control characters"))),
        };
        members.iter().map(pair).collect::<Result<_, _>>().map(Some)
    }

    /// "DescribeJobExecution": the number of the execution, and whether its document is asked for.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn describe(&self) -> Result<(Option<i64>, bool), Refused> {
        Ok((self.number("executionNumber")?, self.flag("includeJobDocument")?.unwrap_or(true)))
    }

    /// "StartNextPendingJobExecution".
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn start(&self) -> Result<Start, Refused> {
        Ok(Start { details: self.details()?, step_timeout: self.number("stepTimeoutInMinutes")? })
    }

    /// "UpdateJobExecution".
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn update(&self) -> Result<Update, Refused> {
        let status = match self.get("status") {
            None => return Err(invalid("status is missing")),
            Some(Value::String(text)) => text.parse::<Status>().map_err(|error| invalid(error.to_string()))?,
            Some(_) => return Err(invalid("status must be a text")),
        };
        Ok(Update {
            status,
            details: self.details()?,
            expected: self.number("expectedVersion")?,
            number: self.number("executionNumber")?,
            with_state: self.flag("includeJobExecutionState")?.unwrap_or_default(),
            with_document: self.flag("includeJobDocument")?.unwrap_or_default(),
            step_timeout: self.number("stepTimeoutInMinutes")?,
        })
    }
}

fn invalid(why: impl Into<String>) -> Refused {
    Refused::new(Refusal::InvalidRequest, why)
}

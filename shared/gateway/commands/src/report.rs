//! Reads what a device reports, in JSON or CBOR.
//!
//! Source: "Considerations when using the `UpdateCommandExecution` API" of the developer guide. Bytes are base64 in JSON, and bytes
//! in CBOR.

use crate::device::{Refusal, Refused, Report};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciborium::Value;
use drydock_model::iot::{CommandExecutionResult, CommandExecutionStatus as Status, StatusReason};
pub use drydock_model::payload::Format;
use std::collections::BTreeMap;

/// The most characters of a client token, of a reason's code and description, and of the name of a result.
const LONGEST_TOKEN: usize = 64;
const LONGEST_CODE: usize = 64;
const LONGEST_DESCRIPTION: usize = 1024;
const LONGEST_NAME: usize = 32;
/// How deep CBOR may be nested: as deep as JSON may.
const DEEPEST: usize = 128;

/// A payload, read as an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    members: Members,
    format: Format,
}

type Members = Vec<(Value, Value)>;

impl Payload {
    /// Reads a payload.
    ///
    /// # Errors
    /// `InvalidJson` for what is not JSON, `InvalidRequest` for what is not CBOR and for another value than an object.
    pub fn read(format: Format, bytes: &[u8]) -> Result<Self, Refused> {
        let value = match format {
            Format::Json => serde_json::from_slice(bytes).map_err(|error| {
                Refused::new(Refusal::InvalidJson, format!("the payload is not valid JSON: {error}"))
            })?,
            Format::Cbor => {
                let mut rest = bytes;
                let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEEPEST)
                    .map_err(|error| invalid(format!("the payload is not valid CBOR: {error}")))?;
                if !rest.is_empty() {
                    return Err(invalid(format!("{} bytes follow the CBOR value of the payload", rest.len())));
                }
                value
            }
        };
        match value {
            Value::Map(members) => Ok(Self { members, format }),
            _ => Err(invalid("the payload must be an object")),
        }
    }

    /// The client token, which is answered as it came.
    ///
    /// # Errors
    /// `InvalidRequest` for one that is not a text of up to 64 characters.
    pub fn client_token(&self) -> Result<Option<String>, Refused> {
        match get(&self.members, "clientToken") {
            None => Ok(None),
            Some(Value::Text(token)) if token.chars().count() <= LONGEST_TOKEN => Ok(Some(token.clone())),
            Some(_) => Err(invalid(format!("clientToken must be a text of at most {LONGEST_TOKEN} characters"))),
        }
    }

    /// The report.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn report(&self) -> Result<Report, Refused> {
        let status = text(&self.members, "status")?.ok_or_else(|| invalid("status is missing"))?;
        let status: Status = status.parse().map_err(|_| {
            invalid(format!(
                "status `{status:.40}` is not one of IN_PROGRESS, SUCCEEDED, FAILED, REJECTED and TIMED_OUT"
            ))
        })?;
        let reason = object(&self.members, "statusReason")?.map(reason).transpose()?;
        let result = object(&self.members, "result")?.map(|entries| result(entries, self.format)).transpose()?;
        Ok(Report { status, reason, result })
    }
}

fn invalid(why: impl Into<String>) -> Refused {
    Refused::new(Refusal::InvalidRequest, why)
}

/// A member; one that is null is not there.
fn get<'m>(members: &'m Members, name: &str) -> Option<&'m Value> {
    // As in serde_json, the last of several counts.
    let found = members.iter().rfind(|(key, _)| key.as_text() == Some(name));
    found.map(|(_, value)| value).filter(|value| !value.is_null())
}

fn text<'m>(members: &'m Members, name: &str) -> Result<Option<&'m str>, Refused> {
    match get(members, name) {
        None => Ok(None),
        Some(value) => value.as_text().map(Some).ok_or_else(|| invalid(format!("{name} must be a text"))),
    }
}

fn object<'m>(members: &'m Members, name: &str) -> Result<Option<&'m Members>, Refused> {
    match get(members, name) {
        None => Ok(None),
        Some(value) => value.as_map().map(Some).ok_or_else(|| invalid(format!("{name} must be an object"))),
    }
}

fn reason(members: &Members) -> Result<StatusReason, Refused> {
    let code = text(members, "reasonCode")?.ok_or_else(|| invalid("statusReason needs a reasonCode"))?;
    let allowed = |sign: char| sign.is_ascii_uppercase() || sign.is_ascii_digit() || matches!(sign, '_' | '-');
    if !(1..=LONGEST_CODE).contains(&code.len()) || !code.chars().all(allowed) {
        return Err(invalid(format!(
            "reasonCode `{code:.80}` must have 1 to {LONGEST_CODE} of A to Z, 0 to 9, `_` and `-`"
        )));
    }
    let description = text(members, "reasonDescription")?;
    let is_plain = |text: &str| text.chars().count() <= LONGEST_DESCRIPTION && !text.chars().any(char::is_control);
    if !description.is_none_or(is_plain) {
        return Err(invalid(format!(
            "reasonDescription must have at most {LONGEST_DESCRIPTION} characters, and no control characters"
        )));
    }
    Ok(StatusReason { reason_code: code.to_owned(), reason_description: description.map(str::to_owned) })
}

fn result(entries: &Members, format: Format) -> Result<BTreeMap<String, CommandExecutionResult>, Refused> {
    if entries.is_empty() {
        // AWS's own words.
        return Err(invalid("At least 1 command execution result is required"));
    }
    let entry = |(name, value): &(Value, Value)| {
        let name = name.as_text().ok_or_else(|| invalid("a name in result must be a text"))?;
        let allowed = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
        if !(1..=LONGEST_NAME).contains(&name.len()) || !name.chars().all(allowed) {
            return Err(invalid(format!("`{name:.80}` cannot be a name in result")));
        }
        let typed = value.as_map().map(Vec::as_slice);
        let Some([(type_, value)]) = typed else {
            return Err(invalid(format!("`{name}` in result must be an object with one of `s`, `b` and `bin`")));
        };
        let mut shape = CommandExecutionResult::default();
        match (type_.as_text(), value) {
            (Some("s"), Value::Text(text)) if !text.is_empty() => shape.s = Some(text.clone()),
            (Some("b"), Value::Bool(flag)) => shape.b = Some(*flag),
            (Some("bin"), value) => {
                let bytes = match (format, value) {
                    (Format::Json, Value::Text(text)) => STANDARD.decode(text).ok(),
                    (Format::Cbor, Value::Bytes(bytes)) => Some(bytes.clone()),
                    _ => None,
                };
                let bytes = bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| {
                    invalid(format!("`bin` of `{name}` in result must be bytes: base64 in JSON, a byte string in CBOR"))
                })?;
                shape.bin = Some(Bytes::from(bytes));
            }
            _ => {
                return Err(invalid(format!(
                    "`{name}` in result must have a text as `s`, true or false as `b`, or bytes as `bin`"
                )));
            }
        }
        Ok((name.to_owned(), shape))
    };
    entries.iter().map(entry).collect()
}

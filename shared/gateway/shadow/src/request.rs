//! The body of an update: "Request state document" of "Device Shadow service documents", refused with the texts of
//! "Device Shadow error messages". What is wrong with a body is looked for in the order in which that page lists its
//! texts.

use crate::document::{DESIRED, Object, REPORTED};
use drydock_core::{ApiError, ErrorCode};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The deepest that objects and arrays may be nested below `desired` and `reported`, which do not count themselves.
///
/// AWS contradicts itself: "AWS IoT Device Shadow service limits" gives 8 levels for either section, "Device Shadow
/// error messages" says "maximum is 6", and the sample of the limits page has five objects in `desired`. The text that
/// a device gets is what holds here, and [`TOO_DEEP`] repeats the number.
const NESTING: usize = 6;
const TOO_DEEP: &str = "JSON contains too many levels of nesting; maximum is 6";
const INVALID_JSON: &str = "Invalid JSON";
const INVALID_NODE: &str = "State contains an invalid node";
const ENCODING: &str = "Unsupported documented encoding; supported encoding is UTF-8";

const STATE: &str = "state";
const DELTA: &str = "delta";
const VERSION: &str = "version";
pub(crate) const TOKEN: &str = "clientToken";
/// The longest client token, in bytes ("Client tokens in shadow documents").
const TOKEN_BYTES: usize = 64;

/// What a request asks of a section.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// It is not named.
    Keep,
    /// It is null.
    Clear,
    /// Its fields are to be merged.
    Merge(Object),
}

/// What a request asks of the state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    /// It is null: both sections are cleared.
    Clear,
    /// It is an object.
    Sections { desired: Change, reported: Change },
}

impl State {
    /// What is asked of `desired` and of `reported`.
    pub(crate) fn changes(&self) -> [&Change; 2] {
        match self {
            Self::Clear => [&Change::Clear, &Change::Clear],
            Self::Sections { desired, reported } => [desired, reported],
        }
    }
}

/// A valid request to update a shadow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) state: State,
    /// The version that the shadow has to have, where the request says.
    pub(crate) version: Option<u64>,
    pub(crate) client_token: Option<String>,
}

impl Request {
    /// Reads the body of an update. Fields beside `state`, `version` and `clientToken` are ignored, and so is a
    /// client's `delta`.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body)
            .map_err(|_| ApiError::new(ErrorCode::UnsupportedDocumentEncodingException, ENCODING))?;
        let Value::Object(mut request) = serde_json::from_str(text).map_err(|error| malformed(&error))? else {
            return Err(ApiError::invalid(INVALID_JSON));
        };
        let mut strangers = false;
        let state = match request.remove(STATE) {
            None => return Err(ApiError::invalid("Missing required node: state")),
            Some(Value::Null) => State::Clear,
            Some(Value::Object(mut state)) => {
                let desired = section(&mut state, DESIRED, "Desired node must be an object")?;
                let reported = section(&mut state, REPORTED, "Reported node must be an object")?;
                state.remove(DELTA);
                strangers = !state.is_empty();
                State::Sections { desired, reported }
            }
            Some(_) => return Err(ApiError::invalid("State node must be an object")),
        };
        let version = match request.remove(VERSION) {
            None => None,
            Some(version) => Some(version.as_u64().ok_or_else(|| ApiError::invalid("Invalid version"))?),
        };
        let client_token = match request.remove(TOKEN) {
            None => None,
            Some(Value::String(token)) if token.len() <= TOKEN_BYTES => Some(token),
            Some(_) => return Err(ApiError::invalid("Invalid clientToken")),
        };
        let patches = || {
            state
                .changes()
                .into_iter()
                .filter_map(|change| if let Change::Merge(patch) = change { Some(patch) } else { None })
        };
        if patches().flat_map(|patch| patch.values()).any(|value| levels(value) > NESTING) {
            return Err(ApiError::invalid(TOO_DEEP));
        }
        if strangers || patches().flat_map(|patch| patch.values()).any(|value| has_null_in_array(value, false)) {
            return Err(ApiError::invalid(INVALID_NODE));
        }
        Ok(Self { state, version, client_token })
    }
}

/// The client token of the body of any request: get, delete or update ("Client tokens in shadow documents"). None where
/// the body is empty, is not a JSON object, or has no valid token.
#[must_use]
pub fn client_token(body: &[u8]) -> Option<String> {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body).ok()?;
    let token: String = serde_json::from_str(fields.get(TOKEN)?.get()).ok()?;
    Some(token).filter(|token| token.len() <= TOKEN_BYTES)
}

fn section(state: &mut Object, name: &str, wrong: &'static str) -> Result<Change, ApiError> {
    match state.remove(name) {
        None => Ok(Change::Keep),
        Some(Value::Null) => Ok(Change::Clear),
        Some(Value::Object(patch)) => Ok(Change::Merge(patch)),
        Some(_) => Err(ApiError::invalid(wrong)),
    }
}

/// Why a text was not read. The reader gives up at 128 levels, and only its words tell that from bad syntax.
fn malformed(error: &serde_json::Error) -> ApiError {
    let deep = error.to_string().starts_with("recursion limit exceeded");
    ApiError::invalid(if deep { TOO_DEEP } else { INVALID_JSON })
}

/// How deep a field's objects and arrays are nested; 0 for a plain value.
fn levels(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or_default(),
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Whether an array holds a null, be it in an object of the array: "arrays can't have null values" ("Array values in
/// shadow documents"), and nothing could be deleted there.
fn has_null_in_array(value: &Value, in_array: bool) -> bool {
    match value {
        Value::Null => in_array,
        Value::Array(items) => items.iter().any(|item| has_null_in_array(item, true)),
        Value::Object(fields) => fields.values().any(|field| has_null_in_array(field, in_array)),
        _ => false,
    }
}

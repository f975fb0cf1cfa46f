//! What operations answer and refuse with.

use crate::wire::page;
use serde_json::{Map, Value};

/// An error's name, and its text.
pub(super) type Refused = (&'static str, String);
pub(super) type Answer = Result<Value, Refused>;

pub(super) fn invalid(why: impl Into<String>) -> Refused {
    ("ValidationException", why.into())
}

/// The most entries of a page.
const PAGE: usize = 100;

/// A page of a list.
pub(super) fn listed(name: &str, all: Vec<(String, Value)>, body: &Map<String, Value>) -> Answer {
    let most = body.get("Limit").map(ToString::to_string);
    let token = ("NextToken", body.get("NextToken").and_then(Value::as_str));
    page::answer(name, all, token, ("Limit", most.as_deref(), PAGE)).map_err(invalid)
}

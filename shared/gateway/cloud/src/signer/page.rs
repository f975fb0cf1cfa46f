//! Pages of lists.

use super::refusal::{Refused, invalid};
use crate::wire::page;
use serde_json::Value;

/// The most entries of a page.
const PAGE: usize = 25;

/// A page of entries, which are in the order of their places.
pub(super) fn page(
    name: &str,
    all: Vec<(String, Value)>,
    token: Option<&str>,
    most: Option<&str>,
) -> Result<Value, Refused> {
    page::answer(name, all, ("nextToken", token), ("maxResults", most, PAGE)).map_err(invalid)
}

//! Lists, a part at a time: `limit` says how many, `cursor` where the part before ended.

use super::problem::{Kind, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many are sent where the caller does not say.
pub const DEFAULT_LIMIT: usize = 20;
/// The longest sort key.
const LONGEST: usize = 1024;

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many at the most.
    pub limit: usize,
    /// The sort key that the part before ended with.
    pub after: Option<String>,
}

impl Page {
    /// What the query says. A cursor is the sort key that it stands for, and opens no other list than the one that it is used
    /// on: it has to begin as the keys there do.
    ///
    /// # Errors
    /// `bad-request` for a limit or a cursor that is not valid.
    pub fn of(query: &BTreeMap<String, String>, prefix: &str, most: usize) -> Result<Self, Problem> {
        let bad = |what: String| Problem::detail(Kind::BadRequest, what);
        let limit = match query.get("limit") {
            None => DEFAULT_LIMIT.min(most),
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
                limit.ok_or_else(|| bad(format!("`limit` must be a number from 1 to {most}")))?
            }
        };
        let read = |text: &String| {
            let key = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            (key.starts_with(prefix) && key.len() <= LONGEST).then_some(key)
        };
        let after = match query.get("cursor") {
            None => None,
            Some(text) => Some(read(text).ok_or_else(|| bad("`cursor` is not one of this list".to_owned()))?),
        };
        Ok(Self { limit, after })
    }
}

/// The cursor behind a sort key.
#[must_use]
pub fn cursor(sort: &str) -> String {
    URL_SAFE_NO_PAD.encode(sort)
}

/// A part of a list.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// Where the next part begins; absent behind the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str, value: &str) -> Result<Page, Problem> {
        Page::of(&BTreeMap::from([(name.to_owned(), value.to_owned())]), "room#", 50)
    }

    #[test]
    fn a_cursor_is_of_its_list_alone() {
        assert_eq!(page("limit", "50"), Ok(Page { limit: 50, after: None }));
        assert_eq!(page("cursor", &cursor("room#1")), Ok(Page { limit: 20, after: Some("room#1".to_owned()) }));
        for (name, value) in
            [("limit", "0"), ("limit", "51"), ("limit", "1,2"), ("limit", "+1x"), ("cursor", "%"), ("cursor", "")]
        {
            assert!(page(name, value).is_err(), "{name}={value}");
        }
        for sort in ["member#1", "home", "roo"] {
            assert!(page("cursor", &cursor(sort)).is_err(), "{sort}");
        }
    }
}

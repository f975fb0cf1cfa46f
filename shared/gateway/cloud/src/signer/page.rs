//! Pages of lists.

use super::refusal::{Refused, invalid};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The most entries of a page.
const PAGE: usize = 25;

/// A page of entries, which are in the order of their places.
pub(super) fn page(
    name: &str,
    all: Vec<(String, Value)>,
    token: Option<&str>,
    most: Option<&str>,
) -> Result<Value, Refused> {
    let most = match most {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|most| (1..=PAGE).contains(most))
            .ok_or_else(|| invalid(format!("`maxResults` must be 1 to {PAGE}")))?,
    };
    let after = match token {
        None => String::new(),
        Some(token) => URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| invalid("`nextToken` is not one that was given"))?,
    };
    let mut left = all.into_iter().filter(|(place, _)| *place > after);
    let taken: Vec<(String, Value)> = left.by_ref().take(most).collect();
    let next = left.next().and_then(|_| taken.last()).map(|(place, _)| URL_SAFE_NO_PAD.encode(place));
    let mut answer = Map::new();
    answer.insert(name.to_owned(), taken.into_iter().map(|(_, value)| value).collect());
    if let Some(next) = next {
        answer.insert("nextToken".to_owned(), next.into());
    }
    Ok(answer.into())
}

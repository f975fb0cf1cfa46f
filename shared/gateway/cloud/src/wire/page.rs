//! Pages of lists.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// A page of entries, which are in the order of their places, as the member `name` of an answer; `token` is the name of the member that leads
/// on, and what the request has of it; `most` the name of the one that says how many there are at most, what the request has of it, and the
/// most that it may say.
///
/// # Errors
/// What is wrong with the request's token or number.
pub(crate) fn answer(
    name: &str,
    all: Vec<(String, Value)>,
    (token_name, token): (&str, Option<&str>),
    (most_name, most, limit): (&str, Option<&str>, usize),
) -> Result<Value, String> {
    let most = match most {
        None => limit,
        Some(text) => text
            .parse()
            .ok()
            .filter(|most| (1..=limit).contains(most))
            .ok_or_else(|| format!("`{most_name}` must be 1 to {limit}"))?,
    };
    let after = match token {
        None => None,
        Some(token) => {
            let read = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Some(read.ok_or_else(|| format!("`{token_name}` is not one that was given"))?)
        }
    };
    let mut left = all.into_iter().filter(|(place, _)| after.as_ref().is_none_or(|after| place > after));
    let taken: Vec<(String, Value)> = left.by_ref().take(most).collect();
    let next = left.next().and_then(|_| taken.last()).map(|(place, _)| URL_SAFE_NO_PAD.encode(place));
    let mut answer = Map::new();
    answer.insert(name.to_owned(), taken.into_iter().map(|(_, value)| value).collect());
    if let Some(next) = next {
        answer.insert(token_name.to_owned(), next.into());
    }
    Ok(answer.into())
}

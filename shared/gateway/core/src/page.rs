//! Pages of lists. A token holds the place where the next page begins, for the operation that gave it; callers cannot read
//! it, and a token of another operation is refused.

use crate::error::ApiError;
use std::fmt::Write as _;

/// Makes the token that leads on from `place`. `operation` is the name of the list operation, for example `ListThings`.
#[must_use]
pub fn token(operation: &str, place: &str) -> String {
    let mut out = String::with_capacity(2 * (operation.len() + place.len() + 1));
    for byte in operation.bytes().chain([b'/']).chain(place.bytes()) {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The place that a token leads to.
///
/// # Errors
/// An `InvalidRequestException` where `operation` never gave this token.
pub fn place(operation: &str, token: &str) -> Result<String, ApiError> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = token
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix(operation)?.strip_prefix('/').map(str::to_owned))
        .ok_or_else(|| {
            ApiError::invalid(format!(
                "the token `{token:.80}` is not one that {operation} gave: leave it out to begin anew"
            ))
        })
}

/// Cuts a list into a page: takes up to `limit` items from `items`, which begin at the page's first, and gives the place of
/// the last one, by `at`, where more follow.
pub fn cut<T>(mut items: impl Iterator<Item = T>, limit: usize, at: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let page: Vec<T> = items.by_ref().take(limit.max(1)).collect();
    let next = items.next().and_then(|_| page.last()).map(at);
    (page, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_to_its_place_for_its_operation_only() {
        let given = token("ListThings", "dock-1/é");
        assert_eq!(place("ListThings", &given).unwrap(), "dock-1/é");
        for (operation, bad) in
            [("ListThing", given.as_str()), ("ListThings", "zz"), ("ListThings", "4"), ("ListThings", "é")]
        {
            assert!(place(operation, bad).is_err(), "{operation} {bad}");
        }
    }

    #[test]
    fn pages_cover_a_list_once() {
        let (page, next) = cut(0..5, 2, ToString::to_string);
        assert_eq!((page, next.as_deref()), (vec![0, 1], Some("1")));
        assert_eq!(cut(4..5, 1, ToString::to_string), (vec![4], None));
        assert_eq!(cut(5..5, 2, ToString::to_string), (vec![], None));
    }
}

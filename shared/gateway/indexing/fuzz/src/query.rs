//! What must hold for any text that is given as a query of the fleet index, and any document that it meets:
//!
//! - the parser does not panic, and an error points into the text;
//! - what is printed reads as the same query, and prints the same again;
//! - each term stands where it says;
//! - the index finds a document where a look at it does.

use drydock_indexing::document::Document;
use drydock_indexing::explain::explain;
use drydock_indexing::{Index, Limits, Plan, Query, Text, Value};

/// Limits that what is printed does not reach: escapes make it longer.
const WIDE: Limits =
    Limits { length: 1_000_000, terms: 1_000_000, length_with_leading_wildcard: 1_000_000, ..Limits::SEARCH };

/// A query, up to a zero byte; then values of the field `a`, a line each.
pub(crate) fn check(input: &[u8]) {
    let (text, values) = match input.iter().position(|byte| *byte == 0) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &b"1\nb c\ntrue"[..]),
    };
    let text = String::from_utf8_lossy(text);
    let query = match Query::parse(&text, &WIDE) {
        Ok(query) => query,
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.at), "{error}");
            return;
        }
    };
    let printed = query.to_string();
    let again = Query::parse(&printed, &WIDE).unwrap_or_else(|error| panic!("{printed}: {error}"));
    assert_eq!(query, again, "{printed}");
    assert_eq!(printed, again.to_string());
    assert!(query.terms().iter().all(|term| text.get(term.at.clone()).is_some_and(|term| !term.is_empty())));
    let values = String::from_utf8_lossy(values);
    let document = Document::new(values.lines().map(|value| ("a".into(), Value::Text(Text::new(value)))));
    let plan = Plan::new(&query);
    let mut index = Index::new();
    index.put("thing", &document);
    assert_eq!(index.search(&plan).len(), u64::from(plan.fits(&document)), "{printed}");
    assert_eq!(explain(&query, &document).fits, plan.fits(&document));
}

//! What must hold for any text that is given as a filter pattern or as a query of Logs Insights, and any message that it meets:
//!
//! - nothing panics, and an error points into the text;
//! - a pattern matches exactly where it extracts; it is the same pattern when it is read again;
//! - a query says no more rows than it may, and the same twice.

use drydock_log_search::insights::{Query, Record};
use drydock_log_search::pattern::Pattern;

/// A pattern, or a query, up to a zero byte, and then the message.
pub(crate) fn check(input: &[u8]) {
    let (text, message) = match input.iter().position(|byte| *byte == 0) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &b"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] \"GET /a HTTP/1.0\" 200 1534"[..]),
    };
    let (text, message) = (String::from_utf8_lossy(text), String::from_utf8_lossy(message));
    match Pattern::parse(&text) {
        Ok(pattern) => {
            let matches = pattern.matches(&message);
            assert_eq!(pattern.extract(&message).is_some(), matches, "{text}");
            let again = Pattern::parse(&pattern.to_string()).unwrap();
            assert_eq!(again.matches(&message), matches, "{text}");
        }
        Err(error) => {
            assert!(error.at <= text.len() && !error.why.is_empty(), "{error:?}");
        }
    }
    match Query::parse(&text) {
        Ok(query) => {
            let record = |timestamp| Record {
                timestamp,
                ingestion: timestamp,
                message: &message,
                stream: "s",
                log: "1:g",
                pointer: "p",
            };
            let run = || query.run([record(1), record(i64::MAX), record(i64::MIN)], 2);
            let answer = run();
            assert!(answer.rows.len() <= 2, "{text}");
            assert_eq!(answer, run(), "{text}");
        }
        Err(error) => {
            let characters = text.chars().count();
            assert!(error.begin <= error.end && error.end <= characters && !error.why.is_empty(), "{error:?}");
        }
    }
}

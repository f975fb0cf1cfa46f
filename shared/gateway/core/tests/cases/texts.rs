//! What cases that go step by step have in common: long texts that are written short, and keys that nobody misspells. Crates with
//! such cases take this module in by its path.

use serde_json::Value;

/// Refuses a key that a part of a file does not have.
pub(crate) fn only(stem: &str, object: &Value, allowed: &[&str], what: &str) {
    let unknown = object.as_object().unwrap().keys().find(|key| !allowed.contains(&key.as_str()));
    assert_eq!(unknown, None, "{stem}: {what} has an unknown key");
}

/// A value in which each `<x*N>` stands for N times `x`, written out.
pub(crate) fn filled(value: &Value) -> Value {
    mapped(value, &written_out)
}

/// A value with each of its texts as `text` makes it.
pub(crate) fn mapped(value: &Value, text: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(of) => Value::String(text(of)),
        Value::Array(items) => items.iter().map(|item| mapped(item, text)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (text(key), mapped(value, text))).collect(),
        other => other.clone(),
    }
}

fn written_out(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, (count, after))) =
        rest.split_once("<x*").and_then(|(before, tail)| Some((before, tail.split_once('>')?)))
    {
        out.push_str(before);
        out.push_str(&"x".repeat(count.parse().unwrap()));
        rest = after;
    }
    out + rest
}

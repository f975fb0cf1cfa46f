//! What a scalar of YAML 1.1 means in a template.
//!
//! `yes`, `on` and the like are booleans, as CloudFormation and the SAM CLI read them. Whatever a person more likely
//! meant as a name stays a string: dates, numbers with a leading zero (account ids), `1e3`, `1_000`, `12:30`.

use crate::error::{Fallible, Fault};
use crate::node::Value;
use crate::source::Span;
use saphyr_parser::{ScalarStyle, Tag};

/// The value of a scalar. A tag of YAML's own (`!!str`) decides; without one the style and the text do.
pub(super) fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Fallible<Value> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() => core(text, &tag.suffix, span),
        // A short tag (`!Ref x`) says nothing about the text, which is a string unless it reads as something else.
        _ if style == ScalarStyle::Plain => Ok(plain(text)),
        _ => Ok(Value::Text(text.to_owned())),
    }
}

fn core(text: &str, tag: &str, span: Span) -> Fallible<Value> {
    let wrong = || Fault::syntax(span, format!("`{text}` is not a `!!{tag}`"));
    match tag {
        "str" => Ok(Value::Text(text.to_owned())),
        "null" => Ok(Value::Null),
        "bool" => boolean(text).map(Value::Bool).ok_or_else(wrong),
        "int" | "float" if is_number(text) => Ok(Value::Number(text.to_owned())),
        "int" | "float" => Err(wrong()),
        _ => Err(super::unknown_tag(span, &format!("!!{tag}"))),
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        _ => match boolean(text) {
            Some(value) => Value::Bool(value),
            None if is_number(text) => Value::Number(text.to_owned()),
            None => Value::Text(text.to_owned()),
        },
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// A decimal integer without leading zeros, or a decimal fraction: what JSON too takes for a number.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match text.strip_prefix('-').unwrap_or(text).split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.strip_prefix('-').unwrap_or(text), None),
    };
    digits(whole) && (whole == "0" || !whole.starts_with('0')) && fraction.is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_read_as_templates_mean_them() {
        let cases = [
            ("yes", Value::Bool(true)),
            ("Off", Value::Bool(false)),
            ("y", Value::Text("y".into())),
            ("~", Value::Null),
            ("2012-10-17", Value::Text("2012-10-17".into())),
            ("012345678901", Value::Text("012345678901".into())),
            ("123456789012", Value::Number("123456789012".into())),
            ("1.10", Value::Number("1.10".into())),
            ("-0.5", Value::Number("-0.5".into())),
            ("12e4567", Value::Text("12e4567".into())),
            ("1_000", Value::Text("1_000".into())),
            ("12:30:45", Value::Text("12:30:45".into())),
            ("1.", Value::Text("1.".into())),
            (".inf", Value::Text(".inf".into())),
        ];
        for (text, value) in cases {
            assert_eq!(plain(text), value, "{text}");
        }
    }
}

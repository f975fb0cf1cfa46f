//! Values as JSON text: compact, members in their order, `Undefined` left out.

use super::Value;
use std::fmt::Write as _;

impl Value {
    /// The value as compact JSON. What is `Undefined` is left out of arrays and objects, and is the empty text by itself;
    /// raw bytes stand as a base64 text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out, usize::MAX);
        out
    }

    /// The same, where it has at most this many bytes. Parts of a value may be shared, so that its text can be much larger than
    /// the memory that it takes.
    #[must_use]
    pub fn to_json_within(&self, most: usize) -> Option<String> {
        let mut out = String::new();
        self.write_json(&mut out, most);
        (out.len() <= most).then_some(out)
    }

    /// Writes no further than a little beyond `most` bytes.
    fn write_json(&self, out: &mut String, most: usize) {
        if out.len() > most {
            return;
        }
        match self {
            Self::Undefined => {}
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            // Writing to a `String` cannot fail.
            Self::Number(value) => {
                let _ = write!(out, "{value}");
            }
            Self::String(text) => write_string(text, out),
            Self::Raw(bytes) => write_string(&crate::base64(bytes), out),
            Self::Array(items) => {
                out.push('[');
                let mut first = true;
                for item in items.iter().filter(|item| !item.is_undefined()) {
                    if !std::mem::take(&mut first) {
                        out.push(',');
                    }
                    if out.len() > most {
                        return;
                    }
                    item.write_json(out, most);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                let mut first = true;
                for (key, item) in members.iter().filter(|(_, item)| !item.is_undefined()) {
                    if !std::mem::take(&mut first) {
                        out.push(',');
                    }
                    write_string(key, out);
                    out.push(':');
                    if out.len() > most {
                        return;
                    }
                    item.write_json(out, most);
                }
                out.push('}');
            }
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = tail.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            // Writing to a `String` cannot fail.
            Some(control) => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

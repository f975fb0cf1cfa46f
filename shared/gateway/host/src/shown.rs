//! Texts that others wrote, as a person may be shown them. Topics, client ids, names and error messages come from whoever reaches a
//! port; on a terminal they could move its cursor, forge lines, or turn the direction of what stands beside them. What could is
//! shown as JSON writes it, `\u001b`, so that a line of JSON stays one.
//!
//! Everything that is printed goes through [`page`] in the command line's `cli/print.rs`, and what is logged through [`Writer`]; a text
//! from outside goes through [`line`] where it enters: in [`Notices::tell`](crate::notice::Notices::tell) and in what the command
//! line reads of a gateway ([`value`]).

use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

/// What a terminal or a reader could be misled by: control characters, those that turn the direction of text, those that break a
/// line, and those that are not seen at all.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn escape(c: char, into: &mut String) {
    match c {
        '\n' => into.push_str("\\n"),
        '\r' => into.push_str("\\r"),
        '\t' => into.push_str("\\t"),
        c => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(into, "\\u{unit:04x}");
            }
        }
    }
}

/// The text with what misleads written out; `keeps` says at a position how many bytes pass as they are.
fn shown(text: &str, keeps: impl Fn(&str) -> usize) -> Cow<'_, str> {
    if !text.contains(misleads) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if misleads(c) { keeps(rest) } else { c.len_utf8() };
        let (kept, after) = rest.split_at(length);
        out.push_str(kept);
        rest = after;
        if length == 0 {
            escape(c, &mut out);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    Cow::Owned(out)
}

/// A text in one line.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, |_| 0)
}

/// A text that may have several lines.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    shown(text, |rest| usize::from(rest.starts_with(['\n', '\t'])))
}

/// What this program prints itself: several lines, and the colours that it put there.
#[must_use]
pub fn page(text: &str) -> Cow<'_, str> {
    shown(text, |rest| if rest.starts_with(['\n', '\t']) { 1 } else { colour(rest) })
}

/// The length of a colour's sequence at the beginning, in bytes; 0 where there is none.
fn colour(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\u{1b}[") else { return 0 };
    match rest.find(|c: char| !(c.is_ascii_digit() || c == ';')) {
        Some(at) if rest.get(at..).is_some_and(|rest| rest.starts_with('m')) => at + 3,
        _ => 0,
    }
}

/// JSON from outside, with each of its texts, names included, as [`line`] shows it.
#[must_use]
pub fn value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(line(&text).into_owned()),
        Value::Array(all) => Value::Array(all.into_iter().map(self::value).collect()),
        Value::Object(all) => {
            Value::Object(all.into_iter().map(|(name, of)| (line(&name).into_owned(), self::value(of))).collect())
        }
        other => other,
    }
}

/// Where log lines go: each that is written is one line, whatever stands in it.
#[derive(Debug, Clone)]
pub struct Writer<W>(pub W);

impl<W: io::Write> io::Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let (body, end) = text.strip_suffix('\n').map_or((text.as_ref(), ""), |body| (body, "\n"));
        let whole = format!("{}{end}", shown(body, colour));
        self.0.write_all(whole.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A text as one word of a shell's line, quoted where it has to be.
#[must_use]
pub fn word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    // `$'…'` would take control characters, but not in every shell: they are shown, and the line does not run.
    Cow::Owned(format!("'{}'", line(text).replace('\'', r"'\''")))
}

/// A text as a literal of Python or JSON, with its quotes.
#[must_use]
pub fn literal(text: &str) -> String {
    line(&Value::from(text).to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn what_misleads_is_written_out() {
        for (text, expected) in [
            ("plain, ünïcode, 日本, 👩‍💻", "plain, ünïcode, 日本, 👩‍💻"),
            ("\u{1b}]0;owned\u{7}", "\\u001b]0;owned\\u0007"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{9b}2J", "\\u009b2J"),
            ("abc\u{202e}cba\u{2066}", "abc\\u202ecba\\u2066"),
            ("\u{e0041}", "\\udb40\\udc41"),
        ] {
            assert_eq!(line(text), expected);
        }
        assert_eq!(lines("a\nb\r\u{1b}[31m"), "a\nb\\r\\u001b[31m");
        assert_eq!(
            page("\u{1b}[1mbold\u{1b}[0m\n\u{1b}[2J\u{1b}[1;31mx"),
            "\u{1b}[1mbold\u{1b}[0m\n\\u001b[2J\u{1b}[1;31mx"
        );
        assert_eq!(page("\u{1b}[3"), "\\u001b[3");
        let json = serde_json::json!({ "a\u{1b}": ["\n"] });
        assert_eq!(value(json).to_string(), r#"{"a\\u001b":["\\n"]}"#);
        let text = serde_json::json!("\u{9b}\u{202e}").to_string();
        assert_eq!(serde_json::from_str::<String>(&line(&text)).unwrap(), "\u{9b}\u{202e}");
    }

    #[test]
    fn a_log_line_is_one() {
        let mut out = Vec::new();
        Writer(&mut out).write_all("\u{1b}[2mWARN\u{1b}[0m a\nb\u{1b}[2J\n".as_bytes()).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\u{1b}[2mWARN\u{1b}[0m a\\nb\\u001b[2J\n");
    }

    #[test]
    fn a_word_is_one_to_the_shell() {
        for (text, expected) in [
            ("127.0.0.1", "127.0.0.1"),
            ("a b", "'a b'"),
            ("$(rm -rf ~)", "'$(rm -rf ~)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected);
        }
        assert_eq!(literal("a\"\u{1b}"), r#""a\"\u001b""#);
    }
}

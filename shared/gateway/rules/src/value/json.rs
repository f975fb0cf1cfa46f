//! Reads JSON (RFC 8259) into [`Value`]s. Our own reader, since numbers must keep their 34 digits and their decimal point,
//! and a general reader hands them on as doubles.

mod scan;

use super::{Number, Object, Value};
use crate::sql::SqlVersion;
pub(crate) use scan::{Outline, outline};
use smol_str::SmolStr;

/// How deep arrays and objects may nest; what is deeper is not read.
pub const MAX_DEPTH: usize = 128;

/// Why a text is not JSON, and the byte at which that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {at}: {what}")]
pub struct NotJson {
    /// The byte's offset.
    pub at: usize,
    /// What was expected or wrong.
    pub what: &'static str,
}

/// Reads a whole JSON text.
///
/// # Errors
/// [`NotJson`] where the bytes are not one JSON value in UTF-8, or nest deeper than [`MAX_DEPTH`].
pub fn parse(bytes: &[u8]) -> Result<Value, NotJson> {
    read(bytes, false)
}

/// Reads a whole JSON text as a version of the SQL sees it: from 2016-03-23 on, whole decimals such as `10.0` are `Int`.
///
/// # Errors
/// As [`parse`].
pub fn parse_for(version: SqlVersion, bytes: &[u8]) -> Result<Value, NotJson> {
    read(bytes, version.is_2016())
}

fn read(bytes: &[u8], normalise: bool) -> Result<Value, NotJson> {
    let text = std::str::from_utf8(bytes).map_err(|e| NotJson { at: e.valid_up_to(), what: "invalid UTF-8" })?;
    let mut reader = Reader { text, bytes, at: 0, normalise };
    reader.blank();
    let value = reader.value(0)?;
    reader.blank();
    if reader.at == bytes.len() { Ok(value) } else { Err(reader.wrong("something follows the value")) }
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    normalise: bool,
}

impl<'a> Reader<'a> {
    fn wrong(&self, what: &'static str) -> NotJson {
        NotJson { at: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, NotJson> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("nested too deep"));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wrong("a value is expected")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, NotJson> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.wrong("a value is expected"))
        }
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.wrong("a digit is expected"));
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, NotJson> {
        let start = self.at;
        let number = Number::from_literal(self.number_text()?);
        let number = number.ok_or(NotJson { at: start, what: "a number out of range" })?;
        Ok(Value::Number(if self.normalise { number.normalised() } else { number }))
    }

    fn number_text(&mut self) -> Result<&'a str, NotJson> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn string(&mut self) -> Result<SmolStr, NotJson> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = SmolStr::new(self.text.get(start..self.at).unwrap_or_default());
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => return self.escaped(start),
                Some(0..=0x1f) => return Err(self.wrong("a control character in a text")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("a text without an end")),
            }
        }
    }

    fn escaped(&mut self, start: usize) -> Result<SmolStr, NotJson> {
        let mut out = String::from(self.text.get(start..self.at).unwrap_or_default());
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out.into());
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(0..=0x1f) => return Err(self.wrong("a control character in a text")),
                Some(_) => {
                    let plain = self.at;
                    while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                        self.at += 1;
                    }
                    out.push_str(self.text.get(plain..self.at).unwrap_or_default());
                }
                None => return Err(self.wrong("a text without an end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, NotJson> {
        let escaped = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.wrong("an unknown escape")),
        };
        self.at += 1;
        Ok(escaped)
    }

    fn unicode(&mut self) -> Result<char, NotJson> {
        let first = self.hex4()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                return Err(self.wrong("half of a surrogate pair"));
            }
            self.at += 2;
            let second = self.hex4()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.wrong("half of a surrogate pair"));
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or(self.wrong("half of a surrogate pair"))
    }

    fn hex4(&mut self) -> Result<u32, NotJson> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or(self.wrong("four hexadecimal digits are expected"))?;
        self.at += 4;
        Ok(code)
    }

    fn array(&mut self, depth: usize) -> Result<Value, NotJson> {
        self.at += 1;
        let mut items = Vec::new();
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::array(items));
        }
        loop {
            self.blank();
            items.push(self.value(depth + 1)?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::array(items));
                }
                _ => return Err(self.wrong("`,` or `]` is expected")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, NotJson> {
        self.at += 1;
        let mut members = Object::new();
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::object(members));
        }
        loop {
            self.blank();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key is expected"));
            }
            let key = self.string()?;
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.wrong("`:` is expected"));
            }
            self.at += 1;
            self.blank();
            let value = self.value(depth + 1)?;
            members.insert(key, value);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::object(members));
                }
                _ => return Err(self.wrong("`,` or `}` is expected")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What `serde_json` reads, this reads too, to the same JSON; and the other way round.
        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{},:\"0-9a-u.eE+ \\\\\u{e9}-]{0,24}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            let ours = parse(text.as_bytes());
            prop_assert_eq!(theirs.is_ok(), ours.is_ok());
            // `serde_json` alone keeps the sign of zero.
            if let (Ok(theirs), Ok(ours), false) = (theirs, ours, text.contains("-0")) {
                let again: serde_json::Value = serde_json::from_str(&ours.to_json()).unwrap();
                prop_assert_eq!(theirs, again);
            }
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            drop(parse(&bytes));
        }
    }

    #[test]
    fn keeps_what_a_double_would_lose() {
        let text = r#"{"a":1234567890.123456789012345678901234,"b":"\u00e9\ud83d\ude00\n","c":[1,2.50,-0,null]}"#;
        let read = parse(text.as_bytes()).unwrap().to_json();
        assert_eq!(read, "{\"a\":1234567890.123456789012345678901234,\"b\":\"é😀\\n\",\"c\":[1,2.50,0,null]}");
    }

    #[test]
    fn nests_only_so_deep() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }
}

//! A first look at a JSON text: whether it is one, and where the members of its outermost object are. Nothing is made of
//! what nobody asks for.

use super::{MAX_DEPTH, NotJson, Number, Reader, Value};
use crate::sql::SqlVersion;
use smol_str::SmolStr;
use std::sync::OnceLock;

/// The longest text of a number without an exponent that is in range whatever its digits are.
const SURELY_IN_RANGE: usize = 34;

/// What a text is.
#[derive(Debug, Clone)]
pub(crate) enum Outline {
    /// An object with these members.
    Object(Vec<Member>),
    /// An array.
    Array,
    /// Some other JSON, or none.
    Other,
}

/// A member of the outermost object, and its value once somebody has asked for it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    key: SmolStr,
    from: usize,
    to: usize,
    values: [OnceLock<Value>; 2],
}

/// Looks a text over: takes the same texts for JSON as [`super::parse`] does.
pub(crate) fn outline(bytes: &[u8]) -> Outline {
    let Ok(text) = std::str::from_utf8(bytes) else { return Outline::Other };
    let mut reader = Reader { text, bytes, at: 0, normalise: false };
    reader.outline().unwrap_or(Outline::Other)
}

impl Outline {
    /// The value of a member as a version of the SQL sees it; of several with the same key the last counts. `bytes` is the
    /// text that was looked over.
    pub(crate) fn member(&self, name: &str, version: SqlVersion, bytes: &[u8]) -> Option<&Value> {
        let Self::Object(members) = self else { return None };
        let member = members.iter().rev().find(|member| member.key == name)?;
        let [v2015, v2016] = &member.values;
        let value = if version.is_2016() { v2016 } else { v2015 };
        Some(value.get_or_init(|| {
            let part = bytes.get(member.from..member.to).unwrap_or_default();
            super::parse_for(version, part).unwrap_or_default()
        }))
    }
}

impl Reader<'_> {
    fn outline(&mut self) -> Result<Outline, NotJson> {
        self.blank();
        let outline = match self.peek() {
            Some(b'{') => {
                let mut members = Vec::with_capacity(16);
                self.members(0, |key, from, to| members.push(Member { key, from, to, values: Default::default() }))?;
                Outline::Object(members)
            }
            Some(b'[') => {
                self.pass(0)?;
                Outline::Array
            }
            _ => return Ok(Outline::Other),
        };
        self.blank();
        if self.at == self.bytes.len() { Ok(outline) } else { Err(self.wrong("something follows the value")) }
    }

    /// Passes over an object, and tells of each member.
    fn members(&mut self, depth: usize, mut tell: impl FnMut(SmolStr, usize, usize)) -> Result<(), NotJson> {
        self.elements(b'}', |reader| {
            reader.quote()?;
            let key = reader.string()?;
            reader.colon()?;
            let from = reader.at;
            reader.pass(depth + 1)?;
            tell(key, from, reader.at);
            Ok(())
        })
    }

    /// Passes over an array or object: `element` over each of its elements.
    fn elements(&mut self, end: u8, mut element: impl FnMut(&mut Self) -> Result<(), NotJson>) -> Result<(), NotJson> {
        self.at += 1;
        self.blank();
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blank();
            element(self)?;
            if self.ends(end)? {
                return Ok(());
            }
        }
    }

    fn quote(&self) -> Result<(), NotJson> {
        if self.peek() == Some(b'"') { Ok(()) } else { Err(self.wrong("a key is expected")) }
    }

    fn colon(&mut self) -> Result<(), NotJson> {
        self.blank();
        if self.peek() != Some(b':') {
            return Err(self.wrong("`:` is expected"));
        }
        self.at += 1;
        self.blank();
        Ok(())
    }

    /// Whether an array or object ends here; a comma goes on.
    fn ends(&mut self, end: u8) -> Result<bool, NotJson> {
        self.blank();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(self.wrong("`,` or an end is expected")),
        }
    }

    /// Passes over a value.
    fn pass(&mut self, depth: usize) -> Result<(), NotJson> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("nested too deep"));
        }
        match self.peek() {
            Some(b'{') => self.elements(b'}', |reader| {
                reader.quote()?;
                reader.pass_string()?;
                reader.colon()?;
                reader.pass(depth + 1)
            }),
            Some(b'[') => self.elements(b']', |reader| reader.pass(depth + 1)),
            Some(b'"') => self.pass_string(),
            Some(b'-' | b'0'..=b'9') => {
                let text = self.number_text()?;
                let sure = text.len() <= SURELY_IN_RANGE && !text.contains(['e', 'E']);
                if sure || Number::from_literal(text).is_some() {
                    Ok(())
                } else {
                    Err(self.wrong("a number out of range"))
                }
            }
            _ => self.value(depth).map(drop),
        }
    }

    fn pass_string(&mut self) -> Result<(), NotJson> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(0..=0x1f) => return Err(self.wrong("a control character in a text")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("a text without an end")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "1",
            "-0",
            "2.50",
            "10.0",
            "1E400",
            "1e1000",
            "12345678901234567890123456789012345678",
            "\"\"",
            "\"é\\n\"",
            "null",
            "true",
            "false",
            "tru",
            "01",
            "\"\\ud800\"",
            "",
        ]);
        let leaf = leaf.prop_map(str::to_owned);
        leaf.prop_recursive(3, 24, 4, |inner| {
            let key = prop::sample::select(vec!["a", "b", "\\u0061", "a\\\"", ""]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
                prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                    let members: Vec<String> = members.iter().map(|(k, v)| format!("\"{k}\" : {v}")).collect();
                    format!(" {{ {} }} ", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        /// The outline of a text agrees with the whole that is read of it, member by member.
        #[test]
        fn agrees_with_the_whole(text in prop_oneof![json(), "[\\[\\]{},:\"0-9a-u.eE+ \\\\-]{0,24}".prop_map(|text| format!("{{\"a\":{text}}}"))]) {
            let bytes = text.as_bytes();
            for version in [SqlVersion::V2015, SqlVersion::V2016] {
                let outline = outline(bytes);
                match super::super::parse_for(version, bytes) {
                    Ok(whole @ Value::Object(_)) => {
                        prop_assert!(matches!(outline, Outline::Object(_)), "{}", text);
                        for name in ["a", "b", "a\"", "", "c"] {
                            let found = outline.member(name, version, bytes).cloned().unwrap_or_default();
                            prop_assert_eq!(found.to_json(), whole.member(name).to_json(), "{} of {}", name, text);
                        }
                    }
                    Ok(Value::Array(_)) => prop_assert!(matches!(outline, Outline::Array), "{}", text),
                    _ => prop_assert!(matches!(outline, Outline::Other), "{}", text),
                }
            }
        }
    }
}

//! The values of indexed fields, in the order in which a field's values are kept: numbers, booleans, texts, places.

use crate::place::Place;
use smol_str::SmolStr;
use std::cmp::Ordering;

/// A finite number, ordered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(f64);

impl Number {
    /// A number; `None` where it is not finite.
    #[must_use]
    pub fn new(number: f64) -> Option<Self> {
        // One zero: -0 equals 0 for whoever asks, and the order has to agree with that.
        number.is_finite().then_some(Self(if number == 0.0 { 0.0 } else { number }))
    }

    /// The number that a text is, where it is one as JSON writes numbers. `inf`, `0x10`, `1_000` and `.5` are not.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
        let ends = digits.bytes().next_back().is_some_and(|byte| byte.is_ascii_digit());
        let begins = digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
        (begins && ends && digits.bytes().all(plain)).then(|| text.parse().ok()).flatten().and_then(Self::new)
    }

    /// As a float.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Eq for Number {}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A text, compared without regard to case, and with its white space made one blank ("Search is case insensitive. Words are
/// separated by white-space characters", the guide's "Query syntax").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    folded: SmolStr,
    /// As it was written, where that differs.
    written: Option<Box<str>>,
}

impl Text {
    /// A text as somebody wrote it.
    #[must_use]
    pub fn new(written: &str) -> Self {
        let folded = folded(written);
        let written = (folded != written).then(|| written.into());
        Self { folded, written }
    }

    /// What it is compared by.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// As it was written.
    #[must_use]
    pub fn written(&self) -> &str {
        self.written.as_deref().unwrap_or(&self.folded)
    }

    /// The least of the texts that are compared as `folded`.
    pub(crate) fn least(folded: SmolStr) -> Self {
        Self { folded, written: None }
    }
}

/// A text as it is compared: in lower case, words one blank apart.
pub(crate) fn folded(text: &str) -> SmolStr {
    if text.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()) {
        return text.into();
    }
    let mut folded = String::with_capacity(text.len());
    for word in text.split(is_java_whitespace).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded.into()
}

/// White space as Java's `Character.isWhitespace` has it: without the spaces that do not break.
pub(crate) fn is_java_whitespace(c: char) -> bool {
    match c {
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{85}' => false,
        '\u{1c}'..='\u{1f}' => true,
        _ => c.is_whitespace(),
    }
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A number of JSON, or an attribute of the registry that reads as one.
    Number(Number),
    /// A boolean of JSON.
    Bool(bool),
    /// A text.
    Text(Text),
    /// Where a thing is: of a field that the configuration names as a geolocation.
    Place(Place),
}

impl Value {
    /// As `--explain` and buckets show it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Number(number) => number.get().to_string(),
            Self::Bool(bool) => bool.to_string(),
            Self::Text(text) => text.written().to_owned(),
            Self::Place(place) => format!("{},{}", place.latitude(), place.longitude()),
        }
    }
}

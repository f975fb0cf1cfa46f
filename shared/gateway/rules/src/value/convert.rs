//! The standard conversions ("Conversions" under "Data types" in the guide): what a value becomes where an operator or a
//! function takes another type. `None` stands for `Undefined`. Nothing converts to an array, an object or `Null`.

use super::{Number, Value};
use smol_str::{SmolStr, ToSmolStr};

/// The longest text that a container becomes; its own JSON may come many times in one another.
const MAX_TEXT: usize = 1024 * 1024;

impl Value {
    /// The value as a number: a number itself, or a text that writes one.
    #[must_use]
    pub fn to_number(&self) -> Option<Number> {
        match self {
            Self::Number(value) => Some(*value),
            Self::String(text) => Number::from_string(text),
            _ => None,
        }
    }

    /// The value as a text: containers as JSON of at most 1 MiB. `Null`, `Undefined` and raw bytes have none.
    #[must_use]
    pub fn to_text(&self) -> Option<SmolStr> {
        match self {
            Self::String(text) => Some(text.clone()),
            Self::Number(value) => Some(value.to_smolstr()),
            Self::Bool(true) => Some(SmolStr::new_static("true")),
            Self::Bool(false) => Some(SmolStr::new_static("false")),
            Self::Array(_) | Self::Object(_) => self.to_json_within(MAX_TEXT).map(Into::into),
            Self::Undefined | Self::Null | Self::Raw(_) => None,
        }
    }

    /// The value as a boolean: one itself, or the text `true` or `false` in any case.
    #[must_use]
    pub fn to_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
}

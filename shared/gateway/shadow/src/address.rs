//! Whose shadow: the name of a thing, and of one of its shadows ("Device Shadow REST API").

use drydock_core::{ApiError, ThingName};
use smol_str::SmolStr;

/// The longest name of a shadow, in bytes ("AWS IoT Device Shadow service limits").
const NAME: usize = 64;

/// Whose shadow: a thing's classic one, or one of its named ones. A thing's classic shadow sorts before its named ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The thing; it need not be registered.
    pub thing: SmolStr,
    /// The shadow's name; the classic one has none.
    pub name: Option<SmolStr>,
}

impl Address {
    /// The address of a shadow ("Device Shadow REST API").
    ///
    /// # Errors
    /// `InvalidRequestException` for a thing name that is not `[a-zA-Z0-9:_-]{1,128}` or a shadow name that is not
    /// `[$a-zA-Z0-9:_-]{1,64}`.
    pub fn new(thing: &str, name: Option<&str>) -> Result<Self, ApiError> {
        let thing = ThingName::new(thing)?.into();
        match name.filter(|name| !is_shadow_name(name)) {
            None => Ok(Self { thing, name: name.map(SmolStr::new) }),
            Some(wrong) => {
                let rule = format!("1 to {NAME} characters of a-z, A-Z, 0-9, `:`, `_`, `-` and `$`");
                Err(ApiError::invalid(format!("shadow name `{wrong:.80}` is not valid: it must be {rule}")))
            }
        }
    }

    /// What the shadow is called in errors and logs: the classic one by its thing.
    #[must_use]
    pub fn called(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.thing)
    }

    /// The key of the shadow's row: `THING` or `THING/NAME`, which is unambiguous as neither name has a slash.
    pub(crate) fn key(&self) -> String {
        match &self.name {
            None => self.thing.to_string(),
            Some(name) => format!("{}/{name}", self.thing),
        }
    }

    /// The address that a row's key stands for.
    pub(crate) fn from_key(key: &str) -> Result<Self, ApiError> {
        match key.split_once('/') {
            None => Self::new(key, None),
            Some((thing, name)) => Self::new(thing, Some(name)),
        }
    }
}

fn is_shadow_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":_-$".contains(&byte);
    (1..=NAME).contains(&name.len()) && name.bytes().all(allowed)
}

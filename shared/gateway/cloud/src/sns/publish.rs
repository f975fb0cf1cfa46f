//! A message that is published.

use crate::sqs::message::Attribute;
use std::collections::BTreeMap;

/// The most bytes of a message with its attributes ("Publish": 256 KB).
pub const MAX_MESSAGE: usize = 262_144;

/// A message as it is published.
#[derive(Debug, Clone, Default)]
pub struct Publish {
    /// The text: at most 256 KB with its attributes.
    pub message: String,
    /// The subject line: at most 100 characters.
    pub subject: Option<String>,
    /// Attributes, which filter policies look at.
    pub attributes: BTreeMap<String, Attribute>,
    /// Whether the text is a JSON object with a message per protocol (`MessageStructure`).
    pub per_protocol: bool,
}

impl Publish {
    /// A message with a text only.
    pub fn text(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

//! Patterns with `?` for one character and `*` for any number of them.

use std::fmt::Write as _;

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These characters.
    Literal(String),
    /// `?`.
    One,
    /// `*`.
    Any,
}

/// A pattern over whole texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Piece>);

impl Glob {
    pub(crate) fn new(pieces: Vec<Piece>) -> Self {
        Self(pieces)
    }

    /// Its parts.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The text that it is where nothing in it is a wildcard.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// With what every text begins that it fits.
    pub(crate) fn prefix(&self) -> &str {
        match self.0.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    /// Whether it fits every text with its prefix.
    pub(crate) fn is_prefix(&self) -> bool {
        matches!(self.0.as_slice(), [Piece::Literal(_), Piece::Any] | [Piece::Any])
    }

    pub(crate) fn folded(&self) -> Self {
        let fold = |text: &String| text.chars().flat_map(char::to_lowercase).collect();
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Literal(text) => Piece::Literal(fold(text)),
            other => other.clone(),
        });
        Self(pieces.collect())
    }

    /// Whether it fits the whole of a text. Takes at most the product of both lengths.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        // Greedy with one step back to the last `*`: what lies before it stays settled.
        let (mut rest, mut text) = (self.0.as_slice(), text);
        let mut back: Option<(&[Piece], &str)> = None;
        loop {
            let (left, after) = match rest.split_first() {
                Some((Piece::Any, left)) => {
                    if left.is_empty() {
                        return true;
                    }
                    back = Some((left, text));
                    rest = left;
                    continue;
                }
                Some((Piece::Literal(wanted), left)) => (left, text.strip_prefix(wanted.as_str())),
                Some((Piece::One, left)) => (left, without_first(text)),
                None if text.is_empty() => return true,
                None => (rest, None),
            };
            if let Some(after) = after {
                (rest, text) = (left, after);
                continue;
            }
            let Some((pieces, from)) = back else { return false };
            let Some(from) = without_first(from) else { return false };
            back = Some((pieces, from));
            (rest, text) = (pieces, from);
        }
    }
}

fn without_first(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next().map(|_| chars.as_str())
}

/// Writes a text so that the parser reads it back as characters: with `\` before all that means something.
pub(crate) fn escape(text: &str, out: &mut String, at_begin: bool) {
    for (place, c) in text.chars().enumerate() {
        let plain = match c {
            '_' | '.' | '$' => true,
            '-' => place > 0 || !at_begin,
            _ => !c.is_ascii_punctuation() && !c.is_whitespace() && !c.is_control(),
        };
        // Writing to a string does not fail.
        let _ = if plain { write!(out, "{c}") } else { write!(out, "\\{c}") };
    }
}

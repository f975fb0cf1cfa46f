//! Wildcard patterns: `*` stands for any run of characters, `/` and `:` among them, and `?` for one character.
//!
//! See "Using wildcards in resource ARNs" of the IAM user guide. The MQTT wildcards `+` and `#` are ordinary characters.

use std::fmt;

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These characters; never empty.
    Text(Box<str>),
    /// Any one character: `?`.
    One,
    /// Any characters, or none: `*`.
    Run,
}

/// A pattern: pieces, no two texts and no two runs beside each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pattern {
    pieces: Box<[Piece]>,
}

impl Pattern {
    /// A pattern from a text in which `*` and `?` are wildcards.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut builder = Builder::default();
        builder.wild(text);
        builder.finish()
    }

    /// Whether the pattern matches all of a text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        matches(&self.pieces, text)
    }

    /// Whether the pattern ends with `*`.
    #[must_use]
    pub fn ends_open(&self) -> bool {
        self.pieces.last() == Some(&Piece::Run)
    }

    /// The pattern cut at a separator into at most `limit` patterns; a wildcard belongs to the part it stands in.
    #[must_use]
    pub fn split(&self, separator: char, limit: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut current = Builder::default();
        for piece in &self.pieces {
            match piece {
                Piece::One => current.one(),
                Piece::Run => current.run(),
                Piece::Text(text) => {
                    let mut rest = &**text;
                    while parts.len() + 1 < limit
                        && let Some((before, after)) = rest.split_once(separator)
                    {
                        current.literal(before);
                        parts.push(std::mem::take(&mut current).finish());
                        rest = after;
                    }
                    current.literal(rest);
                }
            }
        }
        parts.push(current.finish());
        parts
    }

    /// What is left of the pattern once `prefix` has been matched: a text that starts with `prefix` matches the pattern where
    /// one of the tails matches the rest of it. Empty where nothing that starts so can match.
    #[must_use]
    pub fn after(&self, prefix: &str) -> Vec<Tail> {
        let mut pieces = &*self.pieces;
        let mut prefix = prefix;
        // Literal text at the start, the usual case, is compared at once.
        while let [Piece::Text(text), after @ ..] = pieces {
            if let Some(rest) = prefix.strip_prefix(&**text) {
                (pieces, prefix) = (after, rest);
            } else {
                let Some(rest) = text.strip_prefix(prefix) else { return Vec::new() };
                return vec![Tail::new(rest, after)];
            }
        }
        let mut states: Vec<Position> = vec![Position::default()];
        for c in prefix.chars() {
            let mut next = Vec::with_capacity(states.len() + 1);
            for state in states {
                advance(pieces, state, c, &mut next);
            }
            states = next;
        }
        // Whatever matches from an earlier run matches from a later one too, so only what follows the last run counts.
        let last_run = states.iter().filter(|s| matches!(pieces.get(s.piece), Some(Piece::Run))).map(|s| s.piece).max();
        states.retain(|s| last_run.is_none_or(|run| s.piece >= run));
        states.iter().map(|s| s.tail(pieces)).collect()
    }
}

/// A place in a pattern: before a byte of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Position {
    piece: usize,
    offset: usize,
}

impl Position {
    fn tail(self, pieces: &[Piece]) -> Tail {
        match pieces.get(self.piece..) {
            Some([Piece::Text(text), after @ ..]) => Tail::new(text.get(self.offset..).unwrap_or_default(), after),
            Some(rest) => Tail::new("", rest),
            None => Tail::new("", &[]),
        }
    }
}

/// Adds the places that are reached from one by reading a character.
fn advance(pieces: &[Piece], from: Position, c: char, reached: &mut Vec<Position>) {
    let mut reach = |position: Position| {
        if !reached.contains(&position) {
            reached.push(position);
        }
    };
    match pieces.get(from.piece) {
        Some(Piece::Text(text)) => {
            let rest = text.get(from.offset..).unwrap_or_default();
            if let Some(rest) = rest.strip_prefix(c) {
                let next = Position { piece: from.piece, offset: text.len() - rest.len() };
                reach(if rest.is_empty() { Position { piece: from.piece + 1, offset: 0 } } else { next });
            }
        }
        Some(Piece::One) => reach(Position { piece: from.piece + 1, offset: 0 }),
        Some(Piece::Run) => {
            reach(from);
            advance(pieces, Position { piece: from.piece + 1, offset: 0 }, c, reached);
        }
        None => {}
    }
}

/// What is left of a pattern behind a known prefix, in the form that is quickest to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// Matches whatever follows.
    All,
    /// Matches this text alone.
    Exact(Box<str>),
    /// Matches what starts with this text.
    Prefix(Box<str>),
    /// Anything else.
    Pattern(Box<[Piece]>),
}

impl Tail {
    fn new(text: &str, after: &[Piece]) -> Self {
        match (text, after) {
            ("", [Piece::Run]) => Self::All,
            ("", [Piece::Text(only)]) => Self::Exact(only.clone()),
            ("", [Piece::Text(start), Piece::Run]) => Self::Prefix(start.clone()),
            (only, []) => Self::Exact(only.into()),
            (start, [Piece::Run]) => Self::Prefix(start.into()),
            ("", pieces) => Self::Pattern(pieces.into()),
            (start, pieces) => {
                Self::Pattern(std::iter::once(Piece::Text(start.into())).chain(pieces.iter().cloned()).collect())
            }
        }
    }

    /// Whether the rest of a text matches.
    #[must_use]
    pub fn matches(&self, rest: &str) -> bool {
        match self {
            Self::All => true,
            Self::Exact(text) => **text == *rest,
            Self::Prefix(text) => rest.starts_with(&**text),
            Self::Pattern(pieces) => matches(pieces, rest),
        }
    }
}

/// Matches greedily and goes back to the last run on a mismatch; an earlier run never needs to be tried again.
fn matches(pieces: &[Piece], text: &str) -> bool {
    let (mut pieces, mut rest) = (pieces, text);
    let mut last_run: Option<(&[Piece], &str)> = None;
    loop {
        let step = match pieces {
            [] if rest.is_empty() => return true,
            [] => None,
            [Piece::Run] => return true,
            [Piece::Run, after @ ..] => {
                last_run = Some((after, rest));
                pieces = after;
                continue;
            }
            [Piece::One, after @ ..] => skip_one(rest).map(|rest| (after, rest)),
            [Piece::Text(text), after @ ..] => rest.strip_prefix(&**text).map(|rest| (after, rest)),
        };
        if let Some(next) = step {
            (pieces, rest) = next;
            continue;
        }
        let Some((after, from)) = last_run else { return false };
        let Some(mut from) = skip_one(from) else { return false };
        if let [Piece::Text(text), ..] = after {
            let Some(found) = from.find(&**text).and_then(|i| from.get(i..)) else { return false };
            from = found;
        }
        last_run = Some((after, from));
        (pieces, rest) = (after, from);
    }
}

fn skip_one(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next().map(|_| chars.as_str())
}

/// Puts a pattern together.
#[derive(Debug, Default)]
pub struct Builder {
    pieces: Vec<Piece>,
    text: String,
}

impl Builder {
    /// Adds characters that stand for themselves.
    pub fn literal(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds `?`.
    pub fn one(&mut self) {
        self.flush();
        self.pieces.push(Piece::One);
    }

    /// Adds `*`.
    pub fn run(&mut self) {
        self.flush();
        if self.pieces.last() != Some(&Piece::Run) {
            self.pieces.push(Piece::Run);
        }
    }

    /// Adds a text in which `*` and `?` are wildcards.
    pub fn wild(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '*' => self.run(),
                '?' => self.one(),
                c => self.text.push(c),
            }
        }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.text).into()));
        }
    }

    /// The pattern.
    #[must_use]
    pub fn finish(mut self) -> Pattern {
        self.flush();
        Pattern { pieces: self.pieces.into() }
    }
}

impl fmt::Display for Pattern {
    /// With `*` and `?` for the wildcards; characters that stand for themselves are shown as they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::One => f.write_str("?"),
            Piece::Run => f.write_str("*"),
        })
    }
}

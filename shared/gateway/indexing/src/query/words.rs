//! The words that a query is made of, each with its place.

use super::Invalid;
use crate::glob::{Glob, Piece};
use crate::value::is_java_whitespace;

/// What AWS lists as special characters that queries cannot have: here they are characters where they are escaped or in quotes.
const UNSUPPORTED: &str = "`@#%/';,";

/// Reads a query from left to right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    text: &'a str,
    at: usize,
}

/// A word with the wildcards in it.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) glob: Glob,
    /// Whether it begins with `\`, so that it is not an operator.
    escaped: bool,
}

impl Word {
    /// The operator that it is.
    pub(super) fn operator(&self) -> Option<&str> {
        let text = self.glob.literal().filter(|_| !self.escaped)?;
        matches!(text, "AND" | "OR" | "NOT" | "TO").then_some(text)
    }
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Passes a character, where it is the next one.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        let is_next = self.peek() == Some(wanted);
        if is_next {
            self.next();
        }
        is_next
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek().is_some_and(is_java_whitespace) {
            self.next();
        }
    }

    pub(super) fn is_at_space(&self) -> bool {
        self.peek().is_some_and(is_java_whitespace)
    }

    /// What is wrong here.
    pub(super) fn invalid(&self, why: impl Into<String>, help: impl Into<String>) -> Invalid {
        self.invalid_at(self.at, why, help)
    }

    pub(super) fn invalid_at(&self, at: usize, why: impl Into<String>, help: impl Into<String>) -> Invalid {
        let before = self.text.get(..at).unwrap_or_default();
        let near = self.text.get(at..).unwrap_or_default().chars().take(20).collect();
        Invalid { at: before.chars().count() + 1, near, why: why.into(), help: help.into() }
    }

    /// Whether a word is next, and of which operator. Nothing is passed.
    pub(super) fn operator(&self) -> Option<&'static str> {
        let rest = self.rest();
        ["AND", "OR", "NOT", "TO"].into_iter().find(|operator| {
            let after = rest.strip_prefix(operator).map(|after| after.chars().next());
            after.is_some_and(|next| next.is_none_or(|c| is_java_whitespace(c) || "()\"[]{}".contains(c)))
        })
    }

    /// Passes an operator, where it is next.
    pub(super) fn take_operator(&mut self, wanted: &str) -> bool {
        let is_next = self.operator() == Some(wanted);
        if is_next {
            self.at += wanted.len();
        }
        is_next
    }

    /// The next word: up to white space or a character that means something. None where there is none.
    pub(super) fn word(&mut self) -> Result<Option<Word>, Invalid> {
        let begin = self.at;
        let escaped = self.peek() == Some('\\');
        let (mut pieces, mut literal) = (Vec::new(), String::new());
        let settle = |literal: &mut String, pieces: &mut Vec<Piece>| {
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(literal)));
            }
        };
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.next();
                    let Some(c) = self.next() else {
                        let help = "Put the character after it that is meant, or `\\\\` for a backslash itself";
                        return Err(self.invalid_at(self.at - 1, "`\\` stands last, and escapes nothing", help));
                    };
                    literal.push(c);
                }
                '*' | '?' => {
                    self.next();
                    settle(&mut literal, &mut pieces);
                    // Two in a row are one, so that there is one way to write a pattern.
                    if c == '?' {
                        pieces.push(Piece::One);
                    } else if pieces.last() != Some(&Piece::Any) {
                        pieces.push(Piece::Any);
                    }
                }
                c if is_java_whitespace(c) || "()[]{}\":<>=".contains(c) => break,
                c if UNSUPPORTED.contains(c) => {
                    let help = format!("Write `\\{c}` for the character itself, or put the value into double quotes");
                    return Err(self.invalid(format!("`{c}` is a special character that queries do not have"), help));
                }
                '~' | '^' => {
                    let what = if c == '~' { "Fuzzy and proximity searches are" } else { "Boosting is" };
                    let help = format!("Write `\\{c}` for the character itself");
                    return Err(self.invalid(format!("{what} not supported"), help));
                }
                c => {
                    self.next();
                    literal.push(c);
                }
            }
        }
        settle(&mut literal, &mut pieces);
        if self.at == begin {
            return Ok(None);
        }
        let plain = self.text.get(begin..self.at).unwrap_or_default();
        if matches!(plain, "&&" | "||") || plain.starts_with(['!', '+']) {
            let help = match plain {
                "&&" => "Write AND",
                "||" => "Write OR",
                _ if plain.starts_with('!') => "Write NOT, or `\\!` for the character itself",
                _ => "Leave it out, as all terms are required, or write `\\+` for the character itself",
            };
            let sign: String =
                plain.chars().take(if plain.len() == 2 && !plain.starts_with(['!', '+']) { 2 } else { 1 }).collect();
            return Err(self.invalid_at(begin, format!("`{sign}` is not an operator"), help));
        }
        Ok(Some(Word { glob: Glob::new(pieces), escaped }))
    }

    /// The text between the double quotes that stand next.
    pub(super) fn quoted(&mut self) -> Result<String, Invalid> {
        let begin = self.at;
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.extend(self.next()),
                Some(c) => text.push(c),
                None => return Err(self.invalid_at(begin, "the quotes are not closed", "Put `\"` behind the phrase")),
            }
        }
    }

    /// Everything up to white space or a parenthesis.
    pub(super) fn raw(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| is_java_whitespace(c) || "()".contains(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }
}

//! Terms in any text: "Using filter patterns to match terms in unstructured log events".

use super::InvalidPattern;
use super::cursor::Cursor;
use super::expression::Expression;

/// A word, a phrase or a regular expression: found wherever it stands, within words too.
#[derive(Debug, Clone)]
enum Term {
    Text(String),
    Expression(Expression),
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => message.contains(text.as_str()),
            Self::Expression(expression) => expression.is_in(message),
        }
    }
}

/// All that has to be in a message, what must not be in it, and what one of has to be in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    wanted: Vec<Term>,
    unwanted: Vec<Term>,
    optional: Vec<Term>,
}

/// Reads terms; `None` where they come to nothing, as an empty phrase does.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Terms>, InvalidPattern> {
    let mut terms = Terms::default();
    loop {
        cursor.space();
        let Some(first) = cursor.peek() else { break };
        let list = match first {
            '-' => &mut terms.unwanted,
            '?' => &mut terms.optional,
            _ => &mut terms.wanted,
        };
        if matches!(first, '-' | '?') {
            cursor.next();
            cursor.space();
        }
        let term = match cursor.peek() {
            Some('"') => Term::Text(cursor.quoted()?),
            Some('%') => Term::Expression(cursor.expression()?),
            Some(_) => Term::Text(word(cursor)?),
            None => return Err(cursor.wrong(format!("a term is missing behind `{first}`"))),
        };
        match term {
            Term::Text(text) if text.is_empty() => {}
            term => list.push(term),
        }
    }
    // Terms of which one is enough do not count beside others.
    if !(terms.wanted.is_empty() && terms.unwanted.is_empty()) {
        terms.optional.clear();
    }
    let none = terms.wanted.is_empty() && terms.unwanted.is_empty() && terms.optional.is_empty();
    Ok((!none).then_some(terms))
}

fn word(cursor: &mut Cursor<'_>) -> Result<String, InvalidPattern> {
    let at = cursor.wrong("").at;
    let word = cursor.take_while(|c| !c.is_whitespace() && c != '"');
    if word.is_empty() || !word.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Err(InvalidPattern { why: format!("Invalid character(s) in term '{word}'"), at });
    }
    Ok(word.to_owned())
}

impl Terms {
    pub(super) fn matches(&self, message: &str) -> bool {
        self.wanted.iter().all(|term| term.is_in(message))
            && !self.unwanted.iter().any(|term| term.is_in(message))
            && (self.optional.is_empty() || self.optional.iter().any(|term| term.is_in(message)))
    }

    pub(super) fn has_expression(&self) -> bool {
        [&self.wanted, &self.unwanted, &self.optional]
            .into_iter()
            .flatten()
            .any(|term| matches!(term, Term::Expression(_)))
    }
}

//! Regular expressions as filter patterns take them: "Supported regular expressions (regex) syntax". No groups, no characters but
//! those of ASCII that the page lists.

use regex::{Regex, RegexBuilder};

/// The most bytes of a compiled expression.
const MAX_SIZE: usize = 1 << 20;

/// A regular expression.
#[derive(Debug, Clone)]
pub(super) struct Expression(Regex);

impl Expression {
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// Compiles an expression, without the `%` around it.
pub(super) fn compile(text: &str) -> Result<Expression, String> {
    if text.is_empty() {
        return Err("a regular expression is empty".to_owned());
    }
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c) if "dDsSwWx".contains(c) || c.is_ascii_punctuation() || c.is_ascii_digit() => {}
                Some(c) => return Err(format!("`\\{c}` is not supported in regular expressions")),
                None => return Err("a regular expression ends with a backslash".to_owned()),
            },
            c if c.is_ascii_alphanumeric() || ":_#=@/;,-^$?[]{}|*+.".contains(c) => {}
            c => return Err(format!("`{c}` is not supported in regular expressions")),
        }
    }
    let compiled = RegexBuilder::new(text).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build();
    match compiled {
        Ok(expression) => Ok(Expression(expression)),
        Err(_) => Err(format!("`%{text}%` is not a regular expression")),
    }
}

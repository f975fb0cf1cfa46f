//! Characters to tokens.

use super::{Span, SqlError};
use crate::value::Number;
use smol_str::SmolStr;

/// The longest name of a variable, in characters ("SET clause limits").
pub const MAX_VARIABLE_NAME: usize = 64;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenKind {
    /// A keyword or a name: letters, digits and `_`, not a digit first.
    Word(SmolStr),
    /// `@name`, without the `@`.
    Variable(SmolStr),
    /// A number.
    Number(super::ast::Literal),
    /// A text, without its quotes.
    String(SmolStr),
    /// Anything else that means something.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// A token and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

impl Token {
    /// The token in words, for an error.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.kind {
            TokenKind::Word(word) => format!("`{word}`"),
            TokenKind::Variable(name) => format!("`@{name}`"),
            TokenKind::Number(number) => format!("`{}`", number.0),
            TokenKind::String(text) => format!("the text `{text}`"),
            TokenKind::Symbol(symbol) => format!("`{symbol}`"),
            TokenKind::End => "the end".to_owned(),
        }
    }
}

const SYMBOLS: [&str; 19] =
    ["<>", "<=", ">=", "(", ")", "{", "}", "[", "]", ",", ":", ".", "=", "<", ">", "+", "-", "*", "/"];

/// Operators of other dialects, and what to write here.
const FOREIGN: [(&str, &str); 5] = [
    ("!=", "write `<>`"),
    ("==", "write `=`"),
    ("&&", "write `AND`"),
    ("||", "write `OR`, or `+` to join texts"),
    ("!", "write `NOT`"),
];

/// Takes a text apart, from a byte on. With `stop` it ends before the `}` that closes no `{`, and says at which byte.
///
/// # Errors
/// [`SqlError`] at the first character that begins no token.
pub fn tokens(text: &str, from: usize, stop: bool) -> Result<Vec<Token>, SqlError> {
    let mut out = Vec::new();
    let mut at = from;
    let mut open = 0_usize;
    while let Some(rest) = text.get(at..) {
        let Some(c) = rest.chars().next() else { break };
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if stop && c == '}' && open == 0 {
            break;
        }
        let (kind, length) = token(rest, c, at)?;
        match kind {
            TokenKind::Symbol("{") => open += 1,
            TokenKind::Symbol("}") => open = open.saturating_sub(1),
            _ => {}
        }
        out.push(Token { kind, span: Span::new(at, at + length) });
        at += length;
    }
    out.push(Token { kind: TokenKind::End, span: Span::new(at, at) });
    Ok(out)
}

fn token(rest: &str, first: char, at: usize) -> Result<(TokenKind, usize), SqlError> {
    if first.is_alphabetic() || first == '_' {
        let word = name(rest);
        return Ok((TokenKind::Word(word.into()), word.len()));
    }
    if first.is_ascii_digit() {
        return number(rest, at);
    }
    if let '\'' | '"' = first {
        return string(rest, first, at);
    }
    if let Some(tail) = rest.strip_prefix('@') {
        let name = name(tail);
        let span = Span::new(at, at + 1 + name.len());
        return match name.chars().count() {
            0 => Err(SqlError::new(span, "`@` without a name").help("write a variable as `@name`")),
            1..=MAX_VARIABLE_NAME => Ok((TokenKind::Variable(name.into()), name.len() + 1)),
            _ => Err(SqlError::new(span, format!("a variable's name has at most {MAX_VARIABLE_NAME} characters"))),
        };
    }
    if let Some((foreign, help)) = FOREIGN.iter().find(|(foreign, _)| rest.starts_with(foreign)) {
        let span = Span::new(at, at + foreign.len());
        return Err(SqlError::new(span, format!("`{foreign}` is not an operator of the rules SQL")).help(*help));
    }
    if rest.starts_with('%') {
        return Ok((TokenKind::Symbol("%"), 1));
    }
    match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        Some(symbol) => Ok((TokenKind::Symbol(symbol), symbol.len())),
        None => {
            let span = Span::new(at, at + first.len_utf8());
            let error = SqlError::new(span, format!("`{}` means nothing here", first.escape_default()));
            Err(match first {
                ';' => error.help("a rule has one statement, without `;`"),
                '#' | '$' => error.help("a topic filter stands in quotes: `FROM 'topic/#'`"),
                '`' => error.help("reach a key of another form with `get(object, 'key')`"),
                _ => error,
            })
        }
    }
}

fn name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

fn number(rest: &str, at: usize) -> Result<(TokenKind, usize), SqlError> {
    let bytes = rest.as_bytes();
    let digits = |mut end: usize| {
        while bytes.get(end).is_some_and(u8::is_ascii_digit) {
            end += 1;
        }
        end
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let after = digits(end + 1 + sign);
        if after > end + 1 + sign {
            end = after;
        }
    }
    let span = Span::new(at, at + end);
    if let Some(tail) = rest.get(end..).map(name).filter(|tail| !tail.is_empty()) {
        let span = Span::new(at, at + end + tail.len());
        return Err(SqlError::new(span, "a name does not begin with a digit")
            .help("reach such a key with `get(object, 'key')`"));
    }
    let text = rest.get(..end).unwrap_or_default();
    match Number::from_literal(text) {
        Some(number) => Ok((TokenKind::Number(super::ast::Literal(number)), end)),
        None => Err(SqlError::new(span, "the number is out of range").help("a decimal lies within 9.99E999")),
    }
}

fn string(rest: &str, quote: char, at: usize) -> Result<(TokenKind, usize), SqlError> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((offset, c)) = chars.next() {
        if c != quote {
            out.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            chars.next();
            out.push(quote);
        } else {
            return Ok((TokenKind::String(out.into()), offset + 1));
        }
    }
    Err(SqlError::new(Span::new(at, at + 1), "the text has no end").help(format!("close it with {quote}")))
}

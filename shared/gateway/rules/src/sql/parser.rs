//! Tokens to the syntax tree: recursive descent for clauses, precedence climbing for operators.

mod expression;
mod query;

use super::ast::{Expr, Kind, Statement};
use super::lexer::{self, Token, TokenKind};
use super::{Span, SqlError};

/// How deep expressions and queries may nest.
pub const MAX_DEPTH: usize = 100;
/// The longest statement, in bytes: a rule's whole payload may have no more.
pub const MAX_LENGTH: usize = 128 * 1024;

/// Words that are never a key of the payload.
const RESERVED: [&str; 17] = [
    "select", "from", "where", "as", "and", "or", "not", "in", "case", "when", "then", "else", "end", "null", "true",
    "false", "set",
];

/// Parses a statement.
///
/// # Errors
/// [`SqlError`] with the place and, where there is one, the remedy.
pub fn parse(sql: &str) -> Result<Statement, SqlError> {
    parse_leniently(sql).map(|(statement, _)| statement)
}

/// Parses a statement, and tells where there is a comma too many: AWS takes one after the last member of an object and before
/// FROM, and deployed rules have some.
///
/// # Errors
/// [`SqlError`] with the place and, where there is one, the remedy.
pub fn parse_leniently(sql: &str) -> Result<(Statement, Vec<SqlError>), SqlError> {
    let (statement, commas) = statement(sql).map_err(|error| error.located(sql))?;
    let warning = |span| SqlError::new(span, "there is a comma too many").help("leave it out").located(sql);
    Ok((statement, commas.into_iter().map(warning).collect()))
}

fn statement(sql: &str) -> Result<(Statement, Vec<Span>), SqlError> {
    if sql.len() > MAX_LENGTH {
        let span = Span::new(0, 0);
        return Err(SqlError::new(span, format!("the statement is longer than {MAX_LENGTH} bytes")));
    }
    let mut parser = Parser::new(lexer::tokens(sql, 0, false)?);
    let statement = parser.statement()?;
    parser.expect_end()?;
    Ok((statement, parser.commas))
}

/// Parses an expression by itself.
///
/// # Errors
/// [`SqlError`] with the place and, where there is one, the remedy.
pub fn parse_expression(sql: &str) -> Result<Expr, SqlError> {
    let parse = || {
        let mut parser = Parser::new(lexer::tokens(sql, 0, false)?);
        let expr = parser.expression()?;
        parser.expect_end()?;
        Ok(expr)
    };
    parse().map_err(|error: SqlError| error.located(sql))
}

/// Parses the expression of a template from a byte on, up to the `}` that closes it; says at which byte that stands.
pub(super) fn parse_within(text: &str, from: usize) -> Result<(Expr, usize), SqlError> {
    let mut parser = Parser::new(lexer::tokens(text, from, true)?);
    let expr = parser.argument()?;
    parser.expect_end()?;
    Ok((expr, parser.span().start))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    end: Token,
    /// The commas that nothing follows.
    commas: Vec<Span>,
}

impl Parser {
    fn new(tokens: Vec<Token>) -> Self {
        let end = tokens.last().map_or(Span::default(), |token| token.span);
        Self { tokens, at: 0, depth: 0, end: Token { kind: TokenKind::End, span: end }, commas: Vec::new() }
    }

    fn peek(&self) -> &Token {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> &Token {
        self.tokens.get(self.at + count).unwrap_or(&self.end)
    }

    fn span(&self) -> Span {
        self.peek().span
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len());
        token
    }

    fn is_word(token: &Token, word: &str) -> bool {
        matches!(&token.kind, TokenKind::Word(text) if text.eq_ignore_ascii_case(word))
    }

    fn at_word(&self, word: &str) -> bool {
        Self::is_word(self.peek(), word)
    }

    fn at_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek().kind, TokenKind::Symbol(here) if here == symbol)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.at += usize::from(found);
        found
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.at_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn expected(&self, what: &str) -> SqlError {
        SqlError::new(self.span(), format!("{what} is expected, {} is found", self.peek().describe()))
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<Span, SqlError> {
        if self.at_symbol(symbol) { Ok(self.advance().span) } else { Err(self.expected(&format!("`{symbol}`"))) }
    }

    fn expect_word(&mut self, word: &str) -> Result<Span, SqlError> {
        if self.at_word(word) { Ok(self.advance().span) } else { Err(self.expected(&format!("`{word}`"))) }
    }

    fn expect_end(&self) -> Result<(), SqlError> {
        if self.peek().kind == TokenKind::End {
            return Ok(());
        }
        let error = self.expected("the end");
        Err(match &self.peek().kind {
            TokenKind::Symbol("[") => error.help("reach an element with `get(array, index)`"),
            TokenKind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "like" => error.help("write `regexp_matches(text, 'pattern')`"),
                "between" => error.help("write `x >= low AND x <= high`"),
                "is" => error.help("write `isNull(x)` or `isUndefined(x)`"),
                "not" => error.help("put `NOT` before the whole comparison"),
                "group" | "order" | "limit" | "having" | "join" | "union" => {
                    error.help("a rule looks at one message: it neither groups, orders nor joins")
                }
                _ => error,
            },
            _ => error,
        })
    }

    /// Runs `parse` one level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, SqlError>) -> Result<T, SqlError> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep(self.span()));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }
}

/// An expression of a kind, one deeper than the deepest of its parts.
fn expr(kind: Kind, span: Span, parts: usize) -> Result<Expr, SqlError> {
    let depth = parts + 1;
    if depth > 2 * MAX_DEPTH { Err(too_deep(span)) } else { Ok(Expr { kind, span, depth }) }
}

fn too_deep(span: Span) -> SqlError {
    SqlError::new(span, "the expression nests too deep").help("split it with `SET @name = …`")
}

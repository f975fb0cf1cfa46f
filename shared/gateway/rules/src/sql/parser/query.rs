//! Clauses: SET, SELECT, FROM, WHERE, and nested queries.

use super::super::ast::{Assignment, Expr, Filter, Item, Kind, Nested, Select, Statement};
use super::super::lexer::TokenKind;
use super::super::{SqlError, nearest};
use super::{Parser, expr};
use smol_str::SmolStr;

/// The most variables that a statement may set ("SET clause limits").
const MAX_VARIABLES: usize = 10;

impl Parser {
    pub(super) fn statement(&mut self) -> Result<Statement, SqlError> {
        let set = if self.take_word("set") { self.assignments()? } else { Vec::new() };
        if !self.at_word("select") {
            let error = self.expected("`SELECT`");
            return Err(match &self.peek().kind {
                TokenKind::Word(word) if nearest(word, ["select", "set"].into_iter()).is_some() => {
                    error.help("a statement begins with `SELECT`, or with `SET` and then `SELECT`")
                }
                _ => error,
            });
        }
        self.advance();
        let select = self.select()?;
        let from = if self.take_word("from") { Some(self.topic_filter()?) } else { None };
        let filter = if self.take_word("where") { Some(self.expression()?) } else { None };
        Ok(Statement { set, select, from, filter })
    }

    fn assignments(&mut self) -> Result<Vec<Assignment>, SqlError> {
        let mut set: Vec<Assignment> = Vec::new();
        loop {
            let token = self.peek().clone();
            let TokenKind::Variable(name) = token.kind else {
                return Err(self.expected("a variable such as `@name`"));
            };
            self.advance();
            if set.iter().any(|other| other.name == name) {
                return Err(SqlError::new(token.span, format!("`@{name}` is set twice")));
            }
            if set.len() == MAX_VARIABLES {
                return Err(SqlError::new(token.span, format!("a statement sets at most {MAX_VARIABLES} variables")));
            }
            self.expect_symbol("=")?;
            let value = self.argument()?;
            set.push(Assignment { name, span: token.span, value });
            if !self.take_symbol(",") {
                return Ok(set);
            }
        }
    }

    fn topic_filter(&mut self) -> Result<Filter, SqlError> {
        let token = self.peek().clone();
        match token.kind {
            TokenKind::String(text) => {
                self.advance();
                Ok(Filter { text, span: token.span })
            }
            _ => Err(self.expected("a topic filter").help("put it in quotes: `FROM 'topic/filter'`")),
        }
    }

    /// What follows the word SELECT.
    fn select(&mut self) -> Result<Select, SqlError> {
        if self.at_value_keyword() {
            self.advance();
            return Ok(Select::Value(self.argument()?));
        }
        let mut items = Vec::new();
        loop {
            let expr = self.argument()?;
            let alias = if self.take_word("as") { Some(self.alias()?) } else { None };
            items.push(Item { expr, alias });
            let comma = self.span();
            if !self.take_symbol(",") {
                return Ok(Select::Items(items));
            }
            if self.at_word("from") {
                self.commas.push(comma);
                return Ok(Select::Items(items));
            }
        }
    }

    /// Whether `value` here is the keyword, not a key of the payload: something to select follows.
    fn at_value_keyword(&self) -> bool {
        if !self.at_word("value") {
            return false;
        }
        match &self.ahead(1).kind {
            TokenKind::Word(word) => {
                !["from", "as", "and", "or", "in", "where"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
            }
            TokenKind::Variable(_) | TokenKind::Number(_) | TokenKind::String(_) => true,
            TokenKind::Symbol("(" | "{" | "[") => true,
            TokenKind::Symbol("*") => {
                let after = self.ahead(2);
                after.kind == TokenKind::End
                    || after.kind == TokenKind::Symbol(")")
                    || ["from", "where"].iter().any(|word| Self::is_word(after, word))
            }
            TokenKind::Symbol(_) | TokenKind::End => false,
        }
    }

    fn alias(&mut self) -> Result<Vec<SmolStr>, SqlError> {
        let mut path = vec![self.alias_name()?];
        while self.take_symbol(".") {
            path.push(self.alias_name()?);
        }
        Ok(path)
    }

    fn alias_name(&mut self) -> Result<SmolStr, SqlError> {
        match self.peek().kind.clone() {
            TokenKind::Word(word) => {
                self.advance();
                Ok(word)
            }
            _ => Err(self.expected("a name after `AS`").help("a name has letters, digits and `_`, and no quotes")),
        }
    }

    /// `SELECT … FROM expression [AS alias] [WHERE …]`, from its first word on; with the depth of its deepest part.
    pub(super) fn nested(&mut self) -> Result<(Nested, usize), SqlError> {
        self.expect_word("select")?;
        let select = self.select()?;
        self.expect_word("from")?;
        if let TokenKind::String(_) = self.peek().kind {
            return Err(self.expected("a part of the payload").help("only the outermost query reads from a topic"));
        }
        let source = self.operand()?;
        let alias = if self.take_word("as") { Some(self.alias_name()?) } else { None };
        let filter = if self.take_word("where") { Some(self.expression()?) } else { None };
        let selected = match &select {
            Select::Value(value) => value.depth,
            Select::Items(items) => items.iter().map(|item| item.expr.depth).max().unwrap_or(0),
        };
        let depth = source.depth.max(selected).max(filter.as_ref().map_or(0, |filter| filter.depth));
        Ok((Nested { select, source, alias, filter }, depth))
    }

    /// An expression, or `*`.
    pub(super) fn argument(&mut self) -> Result<Expr, SqlError> {
        if self.at_symbol("*") {
            let span = self.advance().span;
            return expr(Kind::Star, span, 0);
        }
        self.expression()
    }
}

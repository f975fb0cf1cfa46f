//! Expressions.

use super::super::ast::{Binary, Expr, Kind, Unary};
use super::super::lexer::TokenKind;
use super::super::{Span, SqlError};
use super::{Parser, RESERVED, expr};
use smol_str::SmolStr;

impl Parser {
    pub(super) fn expression(&mut self) -> Result<Expr, SqlError> {
        self.deeper(|parser| parser.binary(0))
    }

    /// Operands joined by operators that bind tighter than `least`.
    fn binary(&mut self, least: u8) -> Result<Expr, SqlError> {
        let mut left = self.prefix()?;
        while let Some(operator) = self.operator() {
            let strength = operator.strength();
            if strength <= least {
                break;
            }
            self.advance();
            let right = self.deeper(|parser| parser.binary(strength))?;
            let (span, depth) = (left.span.to(right.span), left.depth.max(right.depth));
            left = expr(Kind::Binary(operator, Box::new(left), Box::new(right)), span, depth)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<Binary> {
        Some(match &self.peek().kind {
            TokenKind::Symbol("=") => Binary::Equal,
            TokenKind::Symbol("<>") => Binary::NotEqual,
            TokenKind::Symbol("<") => Binary::Less,
            TokenKind::Symbol("<=") => Binary::LessOrEqual,
            TokenKind::Symbol(">") => Binary::Greater,
            TokenKind::Symbol(">=") => Binary::GreaterOrEqual,
            TokenKind::Symbol("+") => Binary::Add,
            TokenKind::Symbol("-") => Binary::Subtract,
            TokenKind::Symbol("*") => Binary::Multiply,
            TokenKind::Symbol("/") => Binary::Divide,
            TokenKind::Symbol("%") => Binary::Remainder,
            TokenKind::Word(word) if word.eq_ignore_ascii_case("or") => Binary::Or,
            TokenKind::Word(word) if word.eq_ignore_ascii_case("and") => Binary::And,
            TokenKind::Word(word) if word.eq_ignore_ascii_case("in") => Binary::In,
            _ => return None,
        })
    }

    fn prefix(&mut self) -> Result<Expr, SqlError> {
        let operator = if self.at_word("not") {
            Unary::Not
        } else if self.at_symbol("-") {
            Unary::Negate
        } else {
            return self.operand();
        };
        let start = self.advance().span;
        // `-` takes the next operand, `NOT` the whole comparison that follows.
        let operand = self.deeper(|parser| parser.binary(operator.strength()))?;
        let (span, depth) = (start.to(operand.span), operand.depth);
        expr(Kind::Unary(operator, Box::new(operand)), span, depth)
    }

    /// An operand with the members reached from it.
    pub(super) fn operand(&mut self) -> Result<Expr, SqlError> {
        let mut base = self.atom()?;
        while self.take_symbol(".") {
            let token = self.advance();
            let TokenKind::Word(name) = token.kind else {
                return Err(SqlError::new(token.span, format!("a key is expected, {} is found", token.describe()))
                    .help("reach a key of another form with `get(object, 'key')`"));
            };
            let (span, depth) = (base.span.to(token.span), base.depth);
            base = expr(Kind::Member(Box::new(base), name), span, depth)?;
        }
        if self.at_symbol("[") {
            return Err(SqlError::new(self.span(), "the rules SQL has no `[index]`")
                .help("reach an element with `get(array, index)`"));
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<Expr, SqlError> {
        let token = self.peek().clone();
        let span = token.span;
        let kind = match token.kind {
            TokenKind::Number(number) => Kind::Number(number),
            TokenKind::String(text) => Kind::String(text),
            TokenKind::Variable(name) => Kind::Variable(name),
            TokenKind::Word(word) => return self.word(&word, span),
            TokenKind::Symbol("(") => return self.parenthesis(),
            TokenKind::Symbol("{") => return self.object(),
            TokenKind::Symbol("[") => return self.array(),
            TokenKind::Symbol("*") => {
                return Err(self.expected("an expression").help("`*` stands alone, as a column or an argument"));
            }
            TokenKind::Symbol(_) | TokenKind::End => return Err(self.expected("an expression")),
        };
        self.advance();
        expr(kind, span, 0)
    }

    fn word(&mut self, word: &SmolStr, span: Span) -> Result<Expr, SqlError> {
        let lower = word.to_ascii_lowercase();
        let literal = match lower.as_str() {
            "null" => Some(Kind::Null),
            "true" => Some(Kind::Bool(true)),
            "false" => Some(Kind::Bool(false)),
            "case" => return self.case(),
            reserved if RESERVED.contains(&reserved) => {
                let help = format!("`{word}` is a keyword: reach a key of that name with `get(*, '{word}')`");
                return Err(self.expected("an expression").help(help));
            }
            _ => None,
        };
        self.advance();
        if let Some(kind) = literal {
            return expr(kind, span, 0);
        }
        if !self.at_symbol("(") {
            return expr(Kind::Field(word.clone()), span, 0);
        }
        match lower.as_str() {
            "cast" => self.cast(span),
            "exists" => {
                self.advance();
                let (nested, depth) = self.deeper(Self::nested)?;
                let end = self.expect_symbol(")")?;
                expr(Kind::Exists(Box::new(nested)), span.to(end), depth)
            }
            _ => self.call(word.clone(), span),
        }
    }

    /// What stands between a parenthesis and its end, separated by commas; with the depth of the deepest.
    fn list<T>(
        &mut self,
        end: &'static str,
        one: impl Fn(&mut Self) -> Result<(T, usize), SqlError>,
    ) -> Result<(Vec<T>, usize, Span), SqlError> {
        let (mut items, mut depth) = (Vec::new(), 0);
        if !self.at_symbol(end) {
            loop {
                let (item, deep) = self.deeper(&one)?;
                depth = depth.max(deep);
                items.push(item);
                let comma = self.span();
                if !self.take_symbol(",") {
                    break;
                }
                if end == "}" && self.at_symbol(end) {
                    self.commas.push(comma);
                    break;
                }
            }
        }
        let end = self.expect_symbol(end)?;
        Ok((items, depth, end))
    }

    fn call(&mut self, name: SmolStr, start: Span) -> Result<Expr, SqlError> {
        self.expect_symbol("(")?;
        let (arguments, depth, end) = self.list(")", |parser| {
            let argument = parser.argument()?;
            let depth = argument.depth;
            Ok((argument, depth))
        })?;
        expr(Kind::Call(name, arguments), start.to(end), depth)
    }

    fn object(&mut self) -> Result<Expr, SqlError> {
        let start = self.advance().span;
        let (members, depth, end) = self.list("}", |parser| {
            let TokenKind::String(key) = parser.peek().kind.clone() else {
                return Err(parser.expected("a key in quotes"));
            };
            parser.advance();
            parser.expect_symbol(":")?;
            let value = parser.expression()?;
            let depth = value.depth;
            Ok(((key, value), depth))
        })?;
        expr(Kind::Object(members), start.to(end), depth)
    }

    fn array(&mut self) -> Result<Expr, SqlError> {
        let start = self.advance().span;
        let (items, depth, end) = self.list("]", |parser| {
            let item = parser.expression()?;
            let depth = item.depth;
            Ok((item, depth))
        })?;
        expr(Kind::Array(items), start.to(end), depth)
    }

    fn cast(&mut self, start: Span) -> Result<Expr, SqlError> {
        self.expect_symbol("(")?;
        let value = self.expression()?;
        if !self.take_word("as") {
            return Err(self.expected("`AS` and a type").help("write `cast(value AS Int)`"));
        }
        let TokenKind::Word(target) = self.peek().kind.clone() else {
            return Err(self.expected("a type"));
        };
        self.advance();
        let end = self.expect_symbol(")")?;
        let depth = value.depth;
        expr(Kind::Cast(Box::new(value), target), start.to(end), depth)
    }

    fn case(&mut self) -> Result<Expr, SqlError> {
        let start = self.advance().span;
        if self.at_word("when") {
            return Err(self.expected("an expression to compare").help("write `CASE x WHEN 1 THEN … END`"));
        }
        let subject = self.expression()?;
        let mut depth = subject.depth;
        let mut arms = Vec::new();
        while self.take_word("when") {
            let when = self.expression()?;
            self.expect_word("then")?;
            let then = self.expression()?;
            depth = depth.max(when.depth).max(then.depth);
            arms.push((when, then));
        }
        if arms.is_empty() {
            return Err(self.expected("`WHEN`"));
        }
        let otherwise = if self.take_word("else") { Some(Box::new(self.expression()?)) } else { None };
        depth = depth.max(otherwise.as_ref().map_or(0, |e| e.depth));
        let end = self.expect_word("end")?;
        expr(Kind::Case(Box::new(subject), arms, otherwise), start.to(end), depth)
    }

    fn parenthesis(&mut self) -> Result<Expr, SqlError> {
        let start = self.advance().span;
        if self.at_word("select") {
            let (nested, depth) = self.deeper(Self::nested)?;
            let end = self.expect_symbol(")")?;
            return expr(Kind::Nested(Box::new(nested)), start.to(end), depth);
        }
        let mut inner = self.expression()?;
        let end = self.expect_symbol(")")?;
        inner.span = start.to(end);
        Ok(inner)
    }
}

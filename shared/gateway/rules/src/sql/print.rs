//! The syntax tree to text, with no more parentheses than it needs. What is printed parses to the same tree.

use super::ast::{Expr, Item, Kind, Nested, Select, Statement, Unary};
use smol_str::SmolStr;
use std::fmt::{self, Display, Formatter};

/// Stronger than every operator: what needs no parentheses anywhere.
const ATOM: u8 = 8;

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn strength(expr: &Expr) -> u8 {
    match &expr.kind {
        Kind::Binary(operator, ..) => operator.strength(),
        Kind::Unary(operator, _) => operator.strength(),
        _ => ATOM,
    }
}

/// An expression, in parentheses where it binds less tightly than its place asks.
struct Within<'a>(&'a Expr, u8);

impl Display for Within<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if strength(self.0) < self.1 { write!(f, "({})", self.0) } else { write!(f, "{}", self.0) }
    }
}

fn list<T>(f: &mut Formatter<'_>, items: &[T], one: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        one(f, item)?;
    }
    Ok(())
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Null => f.write_str("NULL"),
            Kind::Bool(value) => write!(f, "{value}"),
            Kind::Number(value) => write!(f, "{}", value.0),
            Kind::String(text) => f.write_str(&quoted(text)),
            Kind::Star => f.write_str("*"),
            Kind::Field(name) => f.write_str(name),
            Kind::Variable(name) => write!(f, "@{name}"),
            Kind::Member(base, name) => write!(f, "{}.{name}", Within(base, ATOM)),
            Kind::Call(name, arguments) => {
                write!(f, "{name}(")?;
                list(f, arguments, |f, argument| write!(f, "{argument}"))?;
                f.write_str(")")
            }
            Kind::Cast(value, target) => write!(f, "cast({value} AS {target})"),
            Kind::Case(subject, arms, otherwise) => {
                write!(f, "CASE {subject}")?;
                for (when, then) in arms {
                    write!(f, " WHEN {when} THEN {then}")?;
                }
                if let Some(otherwise) = otherwise {
                    write!(f, " ELSE {otherwise}")?;
                }
                f.write_str(" END")
            }
            Kind::Unary(Unary::Not, operand) => write!(f, "NOT {}", Within(operand, Unary::Not.strength())),
            Kind::Unary(Unary::Negate, operand) => write!(f, "-{}", Within(operand, Unary::Negate.strength())),
            Kind::Binary(operator, left, right) => {
                let strength = operator.strength();
                write!(f, "{} {} {}", Within(left, strength), operator.as_str(), Within(right, strength + 1))
            }
            Kind::Object(members) => {
                f.write_str("{")?;
                list(f, members, |f, (key, value)| write!(f, "{}: {value}", quoted(key)))?;
                f.write_str("}")
            }
            Kind::Array(items) => {
                f.write_str("[")?;
                list(f, items, |f, item| write!(f, "{item}"))?;
                f.write_str("]")
            }
            Kind::Nested(nested) => write!(f, "({nested})"),
            Kind::Exists(nested) => write!(f, "exists({nested})"),
        }
    }
}

struct Path<'a>(&'a [SmolStr]);

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.alias {
            Some(alias) => write!(f, "{} AS {}", self.expr, Path(alias)),
            None => write!(f, "{}", self.expr),
        }
    }
}

impl Display for Select {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => {
                // After the word VALUE a sign would be an operator, and VALUE a key of the payload.
                let text = value.to_string();
                if text.starts_with('-') {
                    write!(f, "SELECT VALUE ({text})")
                } else {
                    write!(f, "SELECT VALUE {text}")
                }
            }
            Self::Items(items) => {
                f.write_str("SELECT ")?;
                list(f, items, |f, item| write!(f, "{item}"))
            }
        }
    }
}

impl Display for Nested {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} FROM {}", self.select, Within(&self.source, ATOM))?;
        if let Some(alias) = &self.alias {
            write!(f, " AS {alias}")?;
        }
        match &self.filter {
            Some(filter) => write!(f, " WHERE {filter}"),
            None => Ok(()),
        }
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.set.is_empty() {
            f.write_str("SET ")?;
            list(f, &self.set, |f, assignment| write!(f, "@{} = {}", assignment.name, assignment.value))?;
            f.write_str(" ")?;
        }
        write!(f, "{}", self.select)?;
        if let Some(from) = &self.from {
            write!(f, " FROM {}", quoted(&from.text))?;
        }
        match &self.filter {
            Some(filter) => write!(f, " WHERE {filter}"),
            None => Ok(()),
        }
    }
}

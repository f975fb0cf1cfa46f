//! The syntax tree. Every expression knows its span; two are equal when they say the same, wherever they stand.

use super::Span;
use crate::value::Number;
use smol_str::SmolStr;

/// `[SET …] SELECT … [FROM '…'] [WHERE …]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The variables, in their order.
    pub set: Vec<Assignment>,
    /// What goes out.
    pub select: Select,
    /// The topic filter; a rule that is reached by Basic Ingest alone needs none.
    pub from: Option<Filter>,
    /// Whether anything goes out.
    pub filter: Option<Expr>,
}

/// `@name = value`.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The variable, without its `@`.
    pub name: SmolStr,
    /// Where the name stands.
    pub span: Span,
    /// What it holds.
    pub value: Expr,
}

/// The topic filter of FROM.
#[derive(Debug, Clone)]
pub struct Filter {
    /// The filter.
    pub text: SmolStr,
    /// Where it stands, with its quotes.
    pub span: Span,
}

/// What a SELECT selects.
#[derive(Debug, Clone, PartialEq)]
pub enum Select {
    /// `SELECT VALUE expression`.
    Value(Expr),
    /// A list of columns.
    Items(Vec<Item>),
}

/// `expression [AS alias]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The column.
    pub expr: Expr,
    /// Where in the outgoing object it goes, key by key.
    pub alias: Option<Vec<SmolStr>>,
}

/// `SELECT … FROM expression [AS alias] [WHERE …]` inside another statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Nested {
    /// What each element becomes.
    pub select: Select,
    /// What is queried.
    pub source: Expr,
    /// The name of an element.
    pub alias: Option<SmolStr>,
    /// Which elements are taken.
    pub filter: Option<Expr>,
}

/// An expression and its place.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it says.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
    /// How deep it nests, itself counted.
    pub depth: usize,
}

/// What an expression says.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `NULL`.
    Null,
    /// `TRUE` or `FALSE`.
    Bool(bool),
    /// A number, without a sign.
    Number(Literal),
    /// A text in quotes.
    String(SmolStr),
    /// `*`: the whole payload. It stands only as a column or an argument.
    Star,
    /// A key of the payload, or in a nested query of the element, or the element's alias.
    Field(SmolStr),
    /// `@name`.
    Variable(SmolStr),
    /// `expression.name`.
    Member(Box<Expr>, SmolStr),
    /// `name(arguments)`.
    Call(SmolStr, Vec<Expr>),
    /// `cast(expression AS type)`.
    Cast(Box<Expr>, SmolStr),
    /// `CASE subject WHEN … THEN … ELSE … END`.
    Case(Box<Expr>, Vec<(Expr, Expr)>, Option<Box<Expr>>),
    /// `NOT expression` or `-expression`.
    Unary(Unary, Box<Expr>),
    /// `left operator right`.
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `{'key': expression, …}`.
    Object(Vec<(SmolStr, Expr)>),
    /// `[expression, …]`.
    Array(Vec<Expr>),
    /// `(SELECT …)`.
    Nested(Box<Nested>),
    /// `EXISTS (SELECT …)`.
    Exists(Box<Nested>),
}

/// A number as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Literal(pub Number);

/// An operator before its operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unary {
    /// `NOT`.
    Not,
    /// `-`.
    Negate,
}

/// An operator between its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the operator of its name")]
pub enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Binary {
    /// The operator as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Or => "OR",
            Self::And => "AND",
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "IN",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    /// How tightly the operator binds; all of one strength group from the left.
    #[must_use]
    pub fn strength(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::In => 4,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide | Self::Remainder => 6,
        }
    }
}

impl Unary {
    /// How tightly the operator binds: `NOT` looser than comparisons, `-` tighter than any operator between operands.
    #[must_use]
    pub fn strength(self) -> u8 {
        match self {
            Self::Not => 3,
            Self::Negate => 7,
        }
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl PartialEq for Assignment {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Equal as written: `1` is not `1.0`.
impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

//! A statement ready to be evaluated: names resolved, versions and capabilities checked, constants made.

mod compile;

use crate::externals::External;
use crate::functions::Function;
use crate::functions::cast::Target;
use crate::sql::ast::Binary;
use crate::sql::{Span, SqlVersion};
use crate::value::Value;
use drydock_core::TopicFilter;
use fancy_regex::Regex;
use smol_str::SmolStr;

pub(crate) use compile::{compile, compile_template};

/// A compiled statement.
#[derive(Debug)]
pub struct Program {
    /// Its text.
    pub sql: String,
    /// The version it is written in.
    pub version: SqlVersion,
    /// The topics it listens to; `None` where Basic Ingest alone reaches it.
    pub from: Option<TopicFilter>,
    /// What is wrong with it and taken all the same, for a person.
    pub warnings: Vec<String>,
    pub(crate) set: Vec<(SmolStr, Node)>,
    pub(crate) select: Selection,
    pub(crate) filter: Option<Node>,
    /// Whether it calls a function that reaches out.
    pub(crate) reaches: bool,
    /// A function that may be called once and is called more often: no message gets through.
    pub(crate) too_often: Option<External>,
}

/// What a SELECT selects.
#[derive(Debug)]
pub(crate) enum Selection {
    Value(Node),
    Columns(Vec<Column>),
}

/// A column and where it goes; `*` without an alias goes nowhere in particular.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) node: Node,
    pub(crate) path: Vec<SmolStr>,
}

/// A query inside the statement.
#[derive(Debug)]
pub(crate) struct NestedPlan {
    pub(crate) selection: Selection,
    pub(crate) source: Node,
    pub(crate) alias: Option<SmolStr>,
    pub(crate) filter: Option<Node>,
}

/// An expression and its place in the statement.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) span: Span,
}

/// What an expression does.
#[derive(Debug)]
pub(crate) enum NodeKind {
    Constant(Value),
    Star,
    Field(SmolStr),
    Path(SmolStr, Vec<SmolStr>),
    Variable(usize),
    Member(Box<Node>, SmolStr),
    Call { function: &'static Function, arguments: Vec<Node>, pattern: Option<Regex> },
    Cast(Box<Node>, Target),
    Case { subject: Box<Node>, arms: Vec<(Node, Node)>, otherwise: Option<Box<Node>> },
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    Object(Vec<(SmolStr, Node)>),
    Array(Vec<Node>),
    Nested(Box<NestedPlan>),
    Exists(Box<NestedPlan>),
}

/// A template ready to be filled in.
#[derive(Debug)]
pub(crate) enum Piece {
    Text(String),
    Node(Node),
}

//! Why a rule did what it did, step by step: as text for people, as JSON for tools. Nothing is noted unless asked for.

use crate::plan::{Node, NodeKind};
use crate::sql::Span;
use crate::sql::ast::Binary;
use crate::value::Value;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;

/// A value in a trace. `Undefined` is left out of JSON, and written `undefined` in text.
#[derive(Debug, Clone)]
pub struct Shown(pub Value);

impl Shown {
    fn is_undefined(&self) -> bool {
        self.0.is_undefined()
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = if self.is_undefined() { "null".to_owned() } else { self.0.to_json() };
        RawValue::from_string(json).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Undefined => f.write_str("undefined"),
            Value::Raw(bytes) => write!(f, "{} raw bytes", bytes.len()),
            value => f.write_str(&value.to_json()),
        }
    }
}

/// A part of the statement and the value it had.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    /// The part.
    pub sql: String,
    /// Its value.
    #[serde(skip_serializing_if = "Shown::is_undefined")]
    pub value: Shown,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.sql, self.value)
    }
}

/// A step of an evaluation.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "step", rename_all = "camelCase")]
pub enum Step {
    /// The topic against the filter of FROM.
    From {
        /// The filter; absent where the rule has none.
        #[serde(skip_serializing_if = "Option::is_none")]
        filter: Option<String>,
        /// The topic.
        topic: String,
        /// Whether they match.
        matched: bool,
    },
    /// The payload.
    Payload {
        /// Its length.
        bytes: usize,
        /// Why it is not JSON that the SQL can look into, where it is not.
        #[serde(skip_serializing_if = "Option::is_none")]
        raw: Option<String>,
    },
    /// A variable.
    Set {
        /// Its name, without `@`.
        name: String,
        /// Its expression.
        sql: String,
        /// Its value.
        #[serde(skip_serializing_if = "Shown::is_undefined")]
        value: Shown,
    },
    /// The WHERE clause.
    Where {
        /// The clause.
        sql: String,
        /// Its value.
        #[serde(skip_serializing_if = "Shown::is_undefined")]
        value: Shown,
        /// The values that decided it.
        because: Vec<Seen>,
    },
    /// A column.
    Select {
        /// Where it goes.
        key: String,
        /// Its expression.
        sql: String,
        /// Its value.
        #[serde(skip_serializing_if = "Shown::is_undefined")]
        value: Shown,
        /// The values that went into it, where it is `Undefined`.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        because: Vec<Seen>,
    },
    /// A substitution template of an action.
    Template {
        /// The template.
        template: String,
        /// The text that came of it.
        value: String,
        /// Its expressions and their values.
        because: Vec<Seen>,
    },
    /// The evaluation ended without a result.
    Failed {
        /// Why.
        why: String,
    },
    /// An answer from outside is needed first.
    Waiting {
        /// The call.
        call: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From { filter: None, .. } => f.write_str("the statement has no FROM"),
            Self::From { filter: Some(filter), topic, matched } => {
                write!(f, "FROM `{filter}` {} the topic `{topic}`", if *matched { "matches" } else { "does not match" })
            }
            Self::Payload { bytes, raw: None } => write!(f, "the payload is JSON of {bytes} bytes"),
            Self::Payload { bytes, raw: Some(why) } => write!(f, "the payload of {bytes} bytes is raw: {why}"),
            Self::Set { name, sql, value } => write!(f, "SET @{name} = `{sql}` is {value}"),
            Self::Where { sql, value, because } => write!(f, "WHERE `{sql}` was {value}{}", Because(because)),
            Self::Select { key, sql, value, because } => {
                write!(f, "SELECT `{sql}`")?;
                if key != sql {
                    write!(f, " as {key}")?;
                }
                write!(f, " is {value}{}", Because(because))
            }
            Self::Template { template, value, because } => {
                write!(f, "`{template}` became `{value}`{}", Because(because))
            }
            Self::Failed { why } => write!(f, "the evaluation failed: {why}"),
            Self::Waiting { call } => write!(f, "the evaluation waits for {call}"),
        }
    }
}

struct Because<'a>(&'a [Seen]);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut mark = ": ";
        for seen in self.0 {
            write!(f, "{mark}{seen}")?;
            mark = ", ";
        }
        Ok(())
    }
}

/// The steps of an evaluation.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Trace {
    /// In their order.
    pub steps: Vec<Step>,
}

impl fmt::Display for Trace {
    /// A line per step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

/// What stands in a trace for a secret.
const HIDDEN: &str = "(a secret)";

/// Whether a statement or template calls `get_secret`.
pub(crate) fn asks_for_a_secret(sql: &str) -> bool {
    sql.to_ascii_lowercase().contains("get_secret")
}

/// What an evaluation notes while it runs.
#[derive(Debug)]
pub(crate) struct Notes {
    sql: String,
    /// Whether the statement asks for a secret, which its variables may hold then.
    secret: bool,
    seen: Vec<(Span, Value)>,
    pub(crate) trace: Trace,
}

impl Notes {
    pub(crate) fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), secret: asks_for_a_secret(sql), seen: Vec::new(), trace: Trace::default() }
    }

    fn text(&self, span: Span) -> String {
        span.of(&self.sql).to_owned()
    }

    /// The value of a part of the statement or of a template; where it has a secret in it, it is not shown.
    pub(crate) fn shown(&self, sql: &str, value: &Value) -> Shown {
        Shown(if self.hides(sql) { Value::string(HIDDEN) } else { value.clone() })
    }

    fn hides(&self, sql: &str) -> bool {
        asks_for_a_secret(sql) || (self.secret && sql.contains('@'))
    }

    /// A substitution template that was filled in.
    pub(crate) fn template(&mut self, template: &str, value: &str, because: Vec<Seen>) {
        let value = if self.hides(template) { HIDDEN } else { value }.to_owned();
        self.step(Step::Template { template: template.to_owned(), value, because });
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.trace.steps.push(step);
    }

    pub(crate) fn value(&mut self, node: &Node, value: &Value) {
        if !matches!(node.kind, NodeKind::Constant(_)) {
            self.seen.push((node.span, value.clone()));
        }
    }

    pub(crate) fn set(&mut self, name: &str, span: Span, value: &Value) {
        let sql = self.text(span);
        let value = self.shown(&sql, value);
        self.step(Step::Set { name: name.to_owned(), sql, value });
        self.seen.clear();
    }

    pub(crate) fn filter(&mut self, node: &Node, value: &Value) {
        let mut because = Vec::new();
        self.because(node, value.is_true(), &mut because);
        let sql = self.text(node.span);
        self.step(Step::Where { sql, value: Shown(value.clone()), because });
        self.seen.clear();
    }

    pub(crate) fn column(&mut self, key: &str, span: Span, value: &Value) {
        let mut because = Vec::new();
        if value.is_undefined() {
            self.parts(span, &mut because);
        }
        let sql = self.text(span);
        let value = self.shown(&sql, value);
        self.step(Step::Select { key: key.to_owned(), sql, value, because });
        self.seen.clear();
    }

    /// The values that made a condition what it was: of an AND that is not true only those sides that are not.
    fn because(&self, node: &Node, wanted: bool, out: &mut Vec<Seen>) {
        match &node.kind {
            NodeKind::Binary(Binary::And, left, right) if !wanted => {
                for side in [left, right].into_iter().filter(|side| !self.was_true(side)) {
                    self.because(side, false, out);
                }
            }
            NodeKind::Binary(Binary::And | Binary::Or, left, right) => {
                self.because(left, wanted, out);
                self.because(right, wanted, out);
            }
            NodeKind::Not(operand) => self.because(operand, !wanted, out),
            NodeKind::Binary(..) => self.parts(node.span, out),
            _ => {
                self.push(node.span, out);
                self.parts(node.span, out);
            }
        }
    }

    fn was_true(&self, node: &Node) -> bool {
        match &node.kind {
            NodeKind::Constant(value) => value.is_true(),
            _ => self.last(node.span).is_some_and(Value::is_true),
        }
    }

    fn last(&self, span: Span) -> Option<&Value> {
        self.seen.iter().rev().find(|(seen, _)| *seen == span).map(|(_, value)| value)
    }

    fn push(&self, span: Span, out: &mut Vec<Seen>) {
        let sql = self.text(span);
        if let (Some(value), false) = (self.last(span), out.iter().any(|seen| seen.sql == sql)) {
            let value = self.shown(&sql, value);
            out.push(Seen { sql, value });
        }
    }

    /// All that was seen inside a span, from left to right, the greater part first.
    fn parts(&self, within: Span, out: &mut Vec<Seen>) {
        let mut spans: Vec<Span> = self
            .seen
            .iter()
            .map(|(span, _)| *span)
            .filter(|span| *span != within && span.start >= within.start && span.end <= within.end)
            .collect();
        spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        spans.dedup();
        for span in spans {
            self.push(span, out);
        }
    }
}

//! Conditions: an operator, a key and the values to compare the key with.
//!
//! Follows "IAM JSON policy elements: Condition operators" and "Set operators for multi-valued context keys" of the IAM user
//! guide.

mod evaluate;
mod network;
mod operator;
mod timestamp;

pub use network::Network;
pub use operator::{Comparison, Operator, Order, Quantifier};

use crate::document::{ConditionText, LanguageVersion};
use crate::error::PolicyError;
use crate::template::Template;
use crate::variables::Variable;
use drydock_core::Timestamp;

/// A condition, ready to be decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// How to compare.
    pub operator: Operator,
    /// What to compare.
    pub key: Variable,
    /// What to compare with.
    operand: Operand,
    /// The values as the document has them.
    pub values: Vec<String>,
}

/// Values in the type that the operator compares.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Templates(Vec<Template>),
    Numbers(Vec<f64>),
    Times(Vec<Timestamp>),
    Booleans(Vec<bool>),
    Networks(Vec<Network>),
}

impl Condition {
    /// A condition of a document.
    ///
    /// # Errors
    /// [`PolicyError::Grammar`] where the operator is unknown, or a value is not of the operator's type.
    pub fn compile(text: &ConditionText, version: LanguageVersion) -> Result<Self, PolicyError> {
        let operator = Operator::parse(&text.operator).ok_or_else(|| {
            PolicyError::grammar(&text.path, format!("`{}` is not a condition operator", text.operator))
                .help("use for example `StringEquals`, `StringLike`, `ForAnyValue:StringEquals`, `Bool`, `IpAddress`, `ArnLike`")
        })?;
        let operand = match operator.comparison {
            Comparison::Equal | Comparison::EqualIgnoringCase | Comparison::Like | Comparison::Arn => {
                Operand::Templates(text.values.iter().map(|v| Template::parse(v, version)).collect())
            }
            Comparison::Number(_) => Operand::Numbers(each(text, "a number", |v| v.trim().parse().ok())?),
            Comparison::Time(_) => Operand::Times(each(
                text,
                "a time: write `2026-11-01T12:00:00Z` or seconds since 1970",
                timestamp::parse,
            )?),
            Comparison::Boolean | Comparison::Null => Operand::Booleans(each(text, "`true` or `false`", boolean)?),
            Comparison::Network => {
                Operand::Networks(each(text, "an IP address or a block like `203.0.113.0/24`", Network::parse)?)
            }
        };
        Ok(Self { operator, key: Variable::parse(&text.key), operand, values: text.values.clone() })
    }

    /// The variables that the condition looks at: its key, and those in its values.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        let templates = match &self.operand {
            Operand::Templates(templates) => templates.as_slice(),
            _ => &[],
        };
        std::iter::once(&self.key).chain(templates.iter().flat_map(Template::variables))
    }
}

fn boolean(text: &str) -> Option<bool> {
    [("true", true), ("false", false)].into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, b)| b)
}

/// Each value of a condition in its type.
fn each<T>(text: &ConditionText, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, PolicyError> {
    let one = |value: &String| {
        parse(value).ok_or_else(|| PolicyError::grammar(&text.path, format!("`{value}` is not {what}")))
    };
    text.values.iter().map(one).collect()
}

//! The names of condition operators.

use std::fmt;

/// A condition operator with its prefix and suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// How a key with several values is judged.
    pub quantifier: Option<Quantifier>,
    /// What is compared.
    pub comparison: Comparison,
    /// Whether it is a `…Not…` operator.
    pub negated: bool,
    /// `…IfExists`: holds where the key is absent.
    pub if_exists: bool,
    name: &'static str,
}

/// How a key with several values is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's words, described in the IAM user guide")]
pub enum Quantifier {
    ForAllValues,
    ForAnyValue,
}

/// What an operator compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Texts, exactly.
    Equal,
    /// Texts, upper and lower case alike.
    EqualIgnoringCase,
    /// Texts with wildcards.
    Like,
    /// ARNs, each of the six fields with wildcards; `ArnEquals` and `ArnLike` are the same.
    Arn,
    /// Numbers.
    Number(Order),
    /// Times.
    Time(Order),
    /// `true` and `false`.
    Boolean,
    /// Addresses and blocks of them.
    Network,
    /// Whether the key is absent.
    Null,
}

/// How two numbers or times are to be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's words, described in the IAM user guide")]
pub enum Order {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Order {
    pub(super) fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equals => left == right,
            Self::LessThan => left < right,
            Self::LessThanEquals => left <= right,
            Self::GreaterThan => left > right,
            Self::GreaterThanEquals => left >= right,
        }
    }
}

const OPERATORS: [(&str, Comparison, bool); 27] = [
    ("StringEquals", Comparison::Equal, false),
    ("StringNotEquals", Comparison::Equal, true),
    ("StringEqualsIgnoreCase", Comparison::EqualIgnoringCase, false),
    ("StringNotEqualsIgnoreCase", Comparison::EqualIgnoringCase, true),
    ("StringLike", Comparison::Like, false),
    ("StringNotLike", Comparison::Like, true),
    ("ArnEquals", Comparison::Arn, false),
    ("ArnLike", Comparison::Arn, false),
    ("ArnNotEquals", Comparison::Arn, true),
    ("ArnNotLike", Comparison::Arn, true),
    ("NumericEquals", Comparison::Number(Order::Equals), false),
    ("NumericNotEquals", Comparison::Number(Order::Equals), true),
    ("NumericLessThan", Comparison::Number(Order::LessThan), false),
    ("NumericLessThanEquals", Comparison::Number(Order::LessThanEquals), false),
    ("NumericGreaterThan", Comparison::Number(Order::GreaterThan), false),
    ("NumericGreaterThanEquals", Comparison::Number(Order::GreaterThanEquals), false),
    ("DateEquals", Comparison::Time(Order::Equals), false),
    ("DateNotEquals", Comparison::Time(Order::Equals), true),
    ("DateLessThan", Comparison::Time(Order::LessThan), false),
    ("DateLessThanEquals", Comparison::Time(Order::LessThanEquals), false),
    ("DateGreaterThan", Comparison::Time(Order::GreaterThan), false),
    ("DateGreaterThanEquals", Comparison::Time(Order::GreaterThanEquals), false),
    ("Bool", Comparison::Boolean, false),
    ("IpAddress", Comparison::Network, false),
    ("NotIpAddress", Comparison::Network, true),
    ("BinaryEquals", Comparison::Equal, false),
    ("Null", Comparison::Null, false),
];

impl Operator {
    /// The operator of a name, or `None` where there is none such.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (quantifier, rest) = match text.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Quantifier::ForAllValues), rest),
            Some(("ForAnyValue", rest)) => (Some(Quantifier::ForAnyValue), rest),
            Some(_) => return None,
            None => (None, text),
        };
        let (base, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |base| (base, true));
        let (name, comparison, negated) = *OPERATORS.iter().find(|(name, ..)| *name == base)?;
        let null_alone = comparison == Comparison::Null && (if_exists || quantifier.is_some());
        (!null_alone).then_some(Self { quantifier, comparison, negated, if_exists, name })
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.quantifier {
            Some(Quantifier::ForAllValues) => "ForAllValues:",
            Some(Quantifier::ForAnyValue) => "ForAnyValue:",
            None => "",
        })?;
        f.write_str(self.name)?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}

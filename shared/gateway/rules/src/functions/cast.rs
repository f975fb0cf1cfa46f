//! `cast(value AS type)`.

use super::{Body, Function, example, example_2015, required};
use crate::sql::{SqlVersion, nearest};
use crate::value::number::Round;
use crate::value::{Number, Value};

/// A type to convert to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Text,
    Int,
    Double,
    Decimal,
    Bool,
}

const TARGETS: [(&str, Target, SqlVersion); 11] = [
    ("String", Target::Text, SqlVersion::V2015),
    ("Nvarchar", Target::Text, SqlVersion::V2015),
    ("Text", Target::Text, SqlVersion::V2015),
    ("Ntext", Target::Text, SqlVersion::V2015),
    ("Varchar", Target::Text, SqlVersion::V2015),
    ("Int", Target::Int, SqlVersion::V2015),
    ("Integer", Target::Int, SqlVersion::V2015),
    ("Double", Target::Double, SqlVersion::V2015),
    ("Decimal", Target::Decimal, SqlVersion::V2016),
    ("Bool", Target::Bool, SqlVersion::V2016),
    ("Boolean", Target::Bool, SqlVersion::V2016),
];

impl Target {
    /// The type of a name.
    ///
    /// # Errors
    /// What is wrong, where there is none, or not in this version.
    pub(crate) fn find(name: &str, version: SqlVersion) -> Result<Self, String> {
        match TARGETS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)) {
            Some((_, target, since)) if version >= *since => Ok(*target),
            Some((known, _, since)) => Err(format!("cast to `{known}` needs the SQL version {since}")),
            None => Err(match nearest(name, TARGETS.iter().map(|(known, ..)| *known)) {
                Some(known) => format!("unknown type `{name}`: did you mean `{known}`?"),
                None => format!("unknown type `{name}`: cast knows String, Int, Double, Decimal and Boolean"),
            }),
        }
    }
}

pub(super) static FUNCTION: Function = Function {
    name: "cast",
    since: SqlVersion::V2015,
    summary: "Converts a value to another type, numbers and booleans to each other too. Written `cast(value AS type)`, with \
              one of String, Nvarchar, Text, Ntext, Varchar, Int, Integer, Double and, from 2016-03-23 on, Decimal, Bool \
              and Boolean.",
    parameters: &[required("value AS type", "Any")],
    returns: "the type",
    examples: &[
        example("cast(true AS Int)", "1"),
        example_2015("cast(true AS Double)", "1.0"),
        example_2015("cast(false AS Double)", "0.0"),
        example("cast(true AS Decimal)", "1"),
        example("cast(2.7 AS Int)", "2"),
        example("cast(-2.7 AS Integer)", "-3"),
        example("cast('-1.2' AS Int)", "-2"),
        example("cast('5E-12' AS Decimal)", "5E-12"),
        example_2015("cast(10.0 AS Double)", "10.0"),
        example("cast(10.0 AS Decimal)", "10"),
        example("cast('x' AS Int)", ""),
        example("cast(0 AS Boolean)", "false"),
        example("cast(-0.5 AS Bool)", "true"),
        example("cast('TRUE' AS Boolean)", "true"),
        example("cast('yes' AS Boolean)", ""),
        example("cast(5 AS String)", r#""5""#),
        example("cast(true AS Text)", r#""true""#),
        example("cast([1, 'a', true] AS Ntext)", r#""[1,\"a\",true]""#),
        example("cast({'a': NULL} AS varchar)", r#""{\"a\":null}""#),
        example("cast(NULL AS String)", ""),
        example("cast([1] AS Int)", ""),
        example("cast(missing AS Nvarchar)", ""),
    ],
    // The grammar knows the call by its AS; without one it is refused before this.
    body: Body::Value(|_| None),
};

/// Converts a value.
pub(crate) fn cast(value: &Value, target: Target) -> Value {
    match target {
        Target::Text => value.to_text().into(),
        Target::Int => match value {
            Value::Bool(value) => Value::int((*value).into()),
            value => value.to_number().map(|number| number.rounded(Round::Floor)).into(),
        },
        Target::Double => match value {
            Value::Bool(value) => Value::double(f64::from(u8::from(*value))),
            Value::Number(Number::Int(_)) => value.to_number().map(Number::to_decimal).into(),
            value => value.to_number().and_then(|number| Number::from_f64(number.to_f64())).into(),
        },
        Target::Decimal => match value {
            Value::Bool(value) => Value::double(f64::from(u8::from(*value))),
            value => value.to_number().map(Number::to_decimal).into(),
        },
        Target::Bool => match value {
            Value::Number(number) => Value::Bool(!number.is_zero()),
            value => value.to_bool().into(),
        },
    }
}

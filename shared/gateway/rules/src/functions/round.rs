//! `round(Decimal)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::number::Round;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "round",
    since: SqlVersion::V2015,
    summary: "A number rounded to the nearest whole one; from the middle away from zero.",
    parameters: &[required("value", "Decimal")],
    returns: "Int",
    examples: &[
        example("Round(1.2)", "1"),
        example("Round(1.5)", "2"),
        example("Round(1.7)", "2"),
        example("Round(-1.1)", "-1"),
        example("Round(-1.5)", "-2"),
        example("round('2.5')", "3"),
        example("round(7)", "7"),
        example("round(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.number(0).map(|number| Value::Number(number.rounded(Round::Nearest)))
}

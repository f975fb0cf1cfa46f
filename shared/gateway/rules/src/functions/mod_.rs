//! `mod(Decimal, Decimal)`.

use super::{Body, Call, Function, example, example_2015, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "mod",
    since: SqlVersion::V2015,
    summary: "What remains of dividing the first argument by the second, as the operator `%` gives it.",
    parameters: &[required("dividend", "Decimal"), required("divisor", "Decimal")],
    returns: "Int or Decimal",
    examples: &[
        example("mod(8, 3)", "2"),
        example("mod(-8, 3)", "-2"),
        example("mod(5.5, 2)", "1.5"),
        example_2015("mod('8', 3)", "2"),
        example("mod(8, 0)", ""),
        example("mod(8, true)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let (dividend, divisor) = (call.number(0)?, call.number(1)?);
    dividend.remainder(divisor).map(Value::Number)
}

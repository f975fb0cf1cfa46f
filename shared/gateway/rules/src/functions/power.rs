//! `power(Decimal, Decimal)`.

use super::{Body, Call, Function, example, example_2015, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "power",
    since: SqlVersion::V2015,
    summary: "The first argument raised to the second. The arguments are rounded to double precision.",
    parameters: &[required("base", "Decimal"), required("exponent", "Decimal")],
    returns: "Decimal",
    examples: &[
        example_2015("power(2, 5)", "32.0"),
        example("power(2, 5)", "32"),
        example("power('2', 0.5)", "1.4142135623730951"),
        example("power(-1, 0.5)", ""),
        example("power('a', 1)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let (base, exponent) = (call.double(0)?, call.double(1)?);
    Some(Value::double(base.powf(exponent)))
}

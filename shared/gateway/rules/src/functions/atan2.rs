//! `atan2(Decimal, Decimal)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "atan2",
    since: SqlVersion::V2015,
    summary: "The angle, in radians, between the positive x-axis and the point (x, y). The arguments are rounded to double precision.",
    parameters: &[required("y", "Decimal"), required("x", "Decimal")],
    returns: "Decimal",
    examples: &[
        example("atan2(1, 0)", "1.5707963267948966"),
        example("atan2('1', '0')", "1.5707963267948966"),
        example("atan2(1, true)", ""),
        example("atan2(1)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let (y, x) = (call.double(0)?, call.double(1)?);
    Some(Value::double(y.atan2(x)))
}

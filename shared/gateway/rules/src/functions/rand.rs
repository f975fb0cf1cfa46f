//! `rand()`.

use super::{Body, Call, Function, example};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "rand",
    since: SqlVersion::V2015,
    summary: "A pseudorandom double, uniformly distributed from 0.0 up to 1.0.",
    parameters: &[],
    returns: "Decimal",
    examples: &[
        example("rand() >= 0 AND rand() < 1", "true"),
        example("rand(1)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let mut bytes = [0; 8];
    call.context.env.ids.fill(&mut bytes);
    // 53 bits, as many as a double has.
    #[expect(clippy::cast_precision_loss, reason = "the number has 53 bits")]
    let fraction = (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64;
    Some(Value::double(fraction))
}

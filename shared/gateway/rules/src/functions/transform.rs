//! `transform(String, Object, Array)`.

use super::{Body, Call, Function, example, example_on, required};
use crate::sql::SqlVersion;
use crate::value::{Object, Value};

/// The largest result, as JSON.
const MAX_BYTES: usize = 128 * 1024;
/// What a member of an object takes, in bytes, its value aside.
const MEMBER: usize = 64;

pub(super) static FUNCTION: Function = Function {
    name: "transform",
    since: SqlVersion::V2016,
    summary: "With the mode `enrichArray`, an array of objects with the members of another object joined to each. Any other mode is `Undefined`, and so is a result of more than 128 KiB.",
    parameters: &[required("mode", "String"), required("object", "Object"), required("array", "Array")],
    returns: "Array",
    examples: &[
        example_on(r#"{"attributes":{"data1":1,"data2":2},"values":[{"a":3},{"b":4},{"c":5}]}"#, r#"transform('enrichArray', attributes, values)"#, r#"[{"a":3,"data1":1,"data2":2},{"b":4,"data1":1,"data2":2},{"c":5,"data1":1,"data2":2}]"#),
        example_on(r#"{"attributes":{"data1":1,"data2":2},"values":[{"a":3},{"b":4},{"c":5}]}"#, r#"transform('enrichArray', {'key': attributes.data1}, values)"#, r#"[{"a":3,"key":1},{"b":4,"key":1},{"c":5,"key":1}]"#),
        example_on(r#"{"attributes":{"data1":1,"data2":2},"values":[{"a":3},{"b":4},{"c":5}]}"#, r#"transform('other', attributes, values)"#, r#""#),
        example_on(r#"{"attributes":{"data1":1,"data2":2},"values":[{"a":3},{"b":4},{"c":5}]}"#, r#"transform('enrichArray', values, values)"#, r#""#),
        example("transform('enrichArray', {'a': 1}, [1])", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let (Value::String(mode), Value::Object(joined), Value::Array(items)) = (call.value(0), call.value(1), call.value(2)) else {
        return None;
    };
    if mode != "enrichArray" {
        return None;
    }
    let budget = &call.context.budget;
    let mut out = Vec::with_capacity(items.len());
    for item in items.iter() {
        let Value::Object(item) = item else { return None };
        budget.bytes(MEMBER.saturating_mul(item.len() + joined.len()))?;
        budget.steps((item.len() + joined.len()) as u64)?;
        let mut members = Object::clone(item);
        members.extend(joined.iter().map(|(key, member)| (key.clone(), member.clone())));
        out.push(Value::object(members));
    }
    let result = Value::array(out);
    result.to_json_within(MAX_BYTES).map(|_| result)
}

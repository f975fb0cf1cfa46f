//! `get(collection, key)`.

use super::{Body, Call, Function, example, example_on, required};
use crate::sql::SqlVersion;
use crate::value::number::Round;
use crate::value::Value;

/// The second argument by the standard conversion to `Int`: decimals are rounded to the nearest, texts cut.
fn index(call: &Call<'_>) -> Option<usize> {
    let how = if let Value::String(_) = call.value(1) { Round::Truncate } else { Round::Nearest };
    usize::try_from(call.number(1)?.index(how)).ok()
}

pub(super) static FUNCTION: Function = Function {
    name: "get",
    since: SqlVersion::V2015,
    summary: "An element of an array or a character of a text by its index from 0, or a member of an object by its key.",
    parameters: &[required("collection", "Array, String or Object"), required("key", "Int or String")],
    returns: "Any",
    examples: &[
        example(r#"get(['a', 'b', 'c'], 1)"#, r#""b""#),
        example(r#"get({'a': 'b'}, 'a')"#, r#""b""#),
        example(r#"get('abc', 0)"#, r#""a""#),
        example(r#"get(['a', 'b'], '1')"#, r#""b""#),
        example("get([1, 2], 2)", ""),
        example("get([1, 2], -1)", ""),
        example("get([1, 2], 'x')", ""),
        example("get('abc', 3)", ""),
        example("get({'a': 1}, 'b')", ""),
        example("get({'1': 1}, 1)", ""),
        example("get(5, 0)", ""),
        example_on(r#"{"my-key":{"0":"v"}}"#, r#"get(get(*, 'my-key'), '0')"#, r#""v""#),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    match call.value(0) {
        Value::Array(items) => items.get(index(call)?).cloned(),
        Value::String(text) => text.chars().nth(index(call)?).map(|c| c.to_string().into()),
        Value::Object(members) => match call.value(1) {
            Value::String(key) => members.get(&key).cloned(),
            _ => None,
        },
        _ => None,
    }
}

//! `concat()`.

use super::{Body, Call, Function, any_number, example};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "concat",
    since: SqlVersion::V2015,
    summary: "Joins texts, or arrays. One argument is returned as it is. If any argument is an array, the result is one array of all; else the arguments are joined as texts.",
    parameters: &[any_number("values", "Any")],
    returns: "String or Array",
    examples: &[
        example("concat()", ""),
        example("concat(1)", "1"),
        example("concat([1, 2, 3], 4)", "[1,2,3,4]"),
        example(r#"concat([1, 2, 3], 'hello')"#, r#"[1,2,3,"hello"]"#),
        example(r#"concat('con', 'cat')"#, r#""concat""#),
        example(r#"concat(1, 'hello')"#, r#""1hello""#),
        example(r#"concat('he', 'is', 'man')"#, r#""heisman""#),
        example(r#"concat([1, 2, 3], 'hello', [4, 5, 6])"#, r#"[1,2,3,"hello",4,5,6]"#),
        example(r#"concat('a', {'b': 1})"#, r#""a{\"b\":1}""#),
        example("concat('a', NULL)", ""),
        example("concat('a', missing)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    if let [] | [_] = call.arguments {
        return call.arguments.first().cloned();
    }
    if call.arguments.iter().any(|argument| matches!(argument, Value::Array(_))) {
        let mut joined = Vec::new();
        for argument in call.arguments {
            match argument {
                Value::Array(items) => joined.extend(items.iter().cloned()),
                other => joined.push(other.clone()),
            }
        }
        return Some(Value::array(joined));
    }
    let texts: Option<Vec<_>> = call.arguments.iter().map(Value::to_text).collect();
    Some(texts?.concat().into())
}

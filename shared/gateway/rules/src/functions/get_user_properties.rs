//! `get_user_properties(userPropertyKey)`.

use super::{Body, Call, Function, example, optional};
use crate::sql::SqlVersion;
use crate::value::{Object, Value};

pub(super) static FUNCTION: Function = Function {
    name: "get_user_properties",
    since: SqlVersion::V2016,
    summary: "The MQTT 5 user properties of the message: the values of one key, or all, each as an object of one member.",
    parameters: &[optional("key", "String")],
    returns: "Array",
    examples: &[
        example(r#"get_user_properties('some key')"#, r#"["some value","value with duplicate key"]"#),
        example(r#"get_user_properties('a different key')"#, r#"["a different value"]"#),
        example(r#"get_user_properties()"#, r#"[{"some key":"some value"},{"a different key":"a different value"},{"some key":"value with duplicate key"}]"#),
        example("get_user_properties('non-existent key')", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let properties = &call.context.message.mqtt.user_properties;
    let found: Vec<Value> = if call.has(0) {
        let wanted = call.text(0)?;
        properties.iter().filter(|(key, _)| *key == wanted).map(|(_, value)| value.as_str().into()).collect()
    } else {
        let pair = |(key, value): &(String, String)| Value::object(Object::from_iter([(key.into(), value.as_str().into())]));
        properties.iter().map(pair).collect()
    };
    (!found.is_empty()).then(|| Value::array(found))
}

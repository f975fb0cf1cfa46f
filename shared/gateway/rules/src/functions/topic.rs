//! `topic(Decimal)`.

use super::{Body, Call, Function, example, optional};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "topic",
    since: SqlVersion::V2015,
    summary: "The topic that the message was sent to, or one of its levels, counted from 1. With Basic Ingest the prefix `$aws/rules/<rule>` is not part of it.",
    parameters: &[optional("level", "Decimal")],
    returns: "String",
    examples: &[
        example(r#"topic()"#, r#""things/myThings/thingOne""#),
        example(r#"topic(1)"#, r#""things""#),
        example(r#"topic('3')"#, r#""thingOne""#),
        example("topic(4)", ""),
        example("topic(0)", ""),
        example("topic(true)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let topic = call.context.message.topic_for_rules();
    if !call.has(0) {
        return Some(topic.into());
    }
    let level = usize::try_from(call.floor(0)?).ok()?.checked_sub(1)?;
    topic.split('/').nth(level).map(Into::into)
}

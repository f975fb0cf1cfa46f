//! `time_to_epoch(String, String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use super::time_pattern;

pub(super) static FUNCTION: Function = Function {
    name: "time_to_epoch",
    since: SqlVersion::V2016,
    summary: "A time written as text, read by a `java.time` pattern, in milliseconds since 1970. A time without a zone is in UTC.",
    parameters: &[required("time", "String"), required("pattern", "String")],
    returns: "Int",
    examples: &[
        example("time_to_epoch('2020-04-03 09:45:18 UTC+01:00', 'yyyy-MM-dd HH:mm:ss VV')", "1585903518000"),
        example("time_to_epoch('18 December 2015', 'dd MMMM yyyy')", "1450396800000"),
        example("time_to_epoch('2007-12-03 10:15:30.592 America/Los_Angeles', 'yyyy-MM-dd HH:mm:ss.SSS z')", "1196705730592"),
        example(r#"time_to_epoch("20231114T221320Z", "yyyyMMdd'T'HHmmssX")"#, "1700000000000"),
        example("time_to_epoch('14/11/23 10:13 PM', 'dd/MM/yy hh:mm a')", "1699999980000"),
        example("time_to_epoch('2023-02-30', 'yyyy-MM-dd')", ""),
        example("time_to_epoch('soon', 'yyyy')", ""),
        example("time_to_epoch(NULL, 'yyyy')", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    time_pattern::java::parse(&call.text(1)?, &call.text(0)?).map(|millis| Value::int(millis.into()))
}

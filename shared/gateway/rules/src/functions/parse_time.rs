//! `parse_time(String, Long[, String])`.

use super::{Body, Call, Function, example, optional, required};
use crate::sql::SqlVersion;
use crate::value::number::Round;
use crate::value::Value;
use super::time_pattern;
use jiff::{Timestamp, tz::TimeZone};

pub(super) static FUNCTION: Function = Function {
    name: "parse_time",
    since: SqlVersion::V2016,
    summary: "A time in milliseconds since 1970, written by a Joda-Time pattern, in a time zone or in UTC.",
    parameters: &[required("pattern", "String"), required("time", "Int"), optional("zone", "String")],
    returns: "String",
    examples: &[
        example(r#"parse_time("yyyy.MM.dd G 'at' HH:mm:ss z", 100000000, 'America/Belize')"#, r#""1970.01.01 AD at 21:46:40 CST""#),
        example(r#"parse_time("yyyy.MM.dd G 'at' HH:mm:ss z", timestamp())"#, r#""2016.12.15 AD at 18:07:31 UTC""#),
        example(r#"parse_time('yyyy', timestamp(), 'UTC')"#, r#""2016""#),
        example(r#"parse_time("yyyy-MM-dd'T'HH:mm:ss.SSSZZ", 0, "+01:30")"#, r#""1970-01-01T01:30:00.000+01:30""#),
        example(r#"parse_time('EEEE, d MMM yy h:mm a', 1700000000000)"#, r#""Tuesday, 14 Nov 23 10:13 PM""#),
        example("parse_time('yyyy', 0, 'No/Where')", ""),
        example("parse_time('yyyy', 'soon')", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let at = Timestamp::from_millisecond(call.number(1)?.index(Round::Truncate)).ok()?;
    let zone = if call.has(2) { time_pattern::zone(&call.text(2)?)? } else { TimeZone::UTC };
    time_pattern::joda::format(&call.text(0)?, at, &zone).map(Value::from)
}

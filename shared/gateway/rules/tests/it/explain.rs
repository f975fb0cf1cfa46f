//! What a statement says of itself: errors with their place, and why WHERE was not true.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use drydock_core::{Ids, Timestamp};
use drydock_rules::{Env, Message, NoExternals, SqlVersion, explain};
use expect_test::{Expect, expect};

struct Zeros;

impl Ids for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn explained(sql: &str, payload: &str) -> drydock_rules::Explanation {
    let message = Message::new("dt/dock-1/telemetry", payload.to_owned(), "123456789012", Timestamp(0));
    explain(sql, SqlVersion::V2016, &message, Env { ids: &Zeros, externals: &NoExternals })
}

fn steps(sql: &str, payload: &str, expected: Expect) {
    expected.assert_eq(&explained(sql, payload).trace.to_string());
}

fn error(sql: &str, expected: Expect) {
    expected.assert_eq(&explained(sql, "{}").error.unwrap());
}

#[test]
fn says_why_where_was_not_true() {
    steps(
        "SELECT * FROM 'dt/+/telemetry' WHERE temperature > 50 AND topic(2) = 'dock-1'",
        r#"{"temperature":20}"#,
        expect![[r#"
            FROM `dt/+/telemetry` matches the topic `dt/dock-1/telemetry`
            the payload is JSON of 18 bytes
            WHERE `temperature > 50 AND topic(2) = 'dock-1'` was false: temperature = 20
        "#]],
    );
    steps(
        "SELECT * FROM 'dt/+/telemetry' WHERE NOT (a.b = 1 OR lower(c) = 'x')",
        r#"{"a":{"b":1},"c":"X"}"#,
        expect![[r#"
            FROM `dt/+/telemetry` matches the topic `dt/dock-1/telemetry`
            the payload is JSON of 21 bytes
            WHERE `NOT (a.b = 1 OR lower(c) = 'x')` was false: a.b = 1, lower(c) = "x", c = "X"
        "#]],
    );
    steps(
        "SELECT * FROM 'other/#' WHERE a = 1",
        "{}",
        expect![[r#"
            FROM `other/#` does not match the topic `dt/dock-1/telemetry`
        "#]],
    );
    steps(
        "SET @f = t * 9 / 5 + 32 SELECT @f AS f, missing + 1 AS x FROM '#' WHERE @f > 0",
        r#"{"t":100}"#,
        expect![[r#"
            FROM `#` matches the topic `dt/dock-1/telemetry`
            the payload is JSON of 9 bytes
            SET @f = `t * 9 / 5 + 32` is 212
            WHERE `@f > 0` was true: @f = 212
            SELECT `@f` as f is 212
            SELECT `missing + 1` as x is undefined: missing = undefined
        "#]],
    );
    steps(
        "SELECT * FROM '#' WHERE a = 1",
        "80",
        expect![[r#"
            FROM `#` matches the topic `dt/dock-1/telemetry`
            the payload of 2 bytes is raw: it is JSON of type Int, no object or array
            WHERE `a = 1` was undefined: a = undefined
        "#]],
    );
    steps(
        "SELECT * FROM '#' WHERE a = 1",
        "{temperature: 50}",
        expect![[r#"
            FROM `#` matches the topic `dt/dock-1/telemetry`
            the payload of 17 bytes is raw: not JSON at byte 1: a key is expected
            WHERE `a = 1` was undefined: a = undefined
        "#]],
    );
}

#[test]
fn the_trace_is_json_too() {
    let explained = explained("SELECT a FROM '#' WHERE a.b > 1.50", r#"{"a":{"b":1.5}}"#);
    expect![[r##"{"matched":false,"error":null,"trace":[{"step":"from","filter":"#","topic":"dt/dock-1/telemetry","matched":true},{"step":"payload","bytes":15},{"step":"where","sql":"a.b > 1.50","value":false,"because":[{"sql":"a.b","value":1.5}]}]}"##]]
    .assert_eq(&serde_json::to_string(&explained).unwrap());
    let matched = self::explained("SELECT VALUE 1.234567890123456789012345678901234 FROM '#'", "{}");
    assert_eq!(serde_json::to_value(&matched).unwrap()["matched"], serde_json::Value::Bool(true));
    let text = serde_json::to_string(&matched).unwrap();
    assert!(text.contains(r#""result":1.234567890123456789012345678901234"#), "{text}");
}

#[test]
fn errors_point_at_the_place() {
    error(
        "SELECT a,\n  uper(b) AS b\nFROM 'x'",
        expect![[r#"
            line 2, column 3: unknown function `uper`
              |   uper(b) AS b
              |   ^^^^
              = did you mean `upper`?"#]],
    );
    error(
        "SELECT a FROM topic/#",
        expect![[r#"
            line 1, column 21: `#` means nothing here
              | SELECT a FROM topic/#
              |                     ^
              = a topic filter stands in quotes: `FROM 'topic/#'`"#]],
    );
    error(
        "SELECT a FROM iot/rules",
        expect![[r#"
            line 1, column 15: a topic filter is expected, `iot` is found
              | SELECT a FROM iot/rules
              |               ^^^
              = put it in quotes: `FROM 'topic/filter'`"#]],
    );
    error(
        "SELECT a FROM 'x' WHERE b != 1",
        expect![[r#"
            line 1, column 27: `!=` is not an operator of the rules SQL
              | SELECT a FROM 'x' WHERE b != 1
              |                           ^^
              = write `<>`"#]],
    );
    error(
        "SELECT e[0] FROM 'x'",
        expect![[r#"
            line 1, column 9: the rules SQL has no `[index]`
              | SELECT e[0] FROM 'x'
              |         ^
              = reach an element with `get(array, index)`"#]],
    );
    error(
        "SELECT a FROM 'x' WHERE b LIKE 'y%'",
        expect![[r#"
            line 1, column 27: the end is expected, `LIKE` is found
              | SELECT a FROM 'x' WHERE b LIKE 'y%'
              |                           ^^^^
              = write `regexp_matches(text, 'pattern')`"#]],
    );
    error(
        "SET @temp = 1 SELECT @tmp FROM 'x'",
        expect![[r#"
            line 1, column 22: `@tmp` is not set
              | SET @temp = 1 SELECT @tmp FROM 'x'
              |                      ^^^^
              = did you mean `@temp`?"#]],
    );
    error(
        "SELECT cast(a AS Itn) FROM 'x'",
        expect![[r#"
            line 1, column 8: unknown type `Itn`: did you mean `Int`?
              | SELECT cast(a AS Itn) FROM 'x'
              |        ^^^^^^^^^^^^^^"#]],
    );
    error(
        "SELECT my-key FROM 'a' WHERE 'x",
        expect![[r#"
            line 1, column 30: the text has no end
              | SELECT my-key FROM 'a' WHERE 'x
              |                              ^
              = close it with '"#]],
    );
}

#[test]
fn a_secret_is_not_shown() {
    struct Known;
    impl drydock_rules::Externals for Known {
        fn capabilities(&self) -> drydock_rules::Capabilities {
            drydock_rules::Capabilities::NONE.with(drydock_rules::External::GetSecret)
        }

        fn ask(&self, _: &drydock_rules::ExternalCall) -> drydock_rules::Answer {
            drydock_rules::Answer::Value("s3cret".into())
        }
    }
    let sql = "SET @key = get_secret('k', 'SecretString', 'role') SELECT @key AS k, a FROM '#' WHERE @key <> 'x'";
    let message = Message::new("t", r#"{"a":1}"#, "123456789012", Timestamp(0));
    let explained = explain(sql, SqlVersion::V2016, &message, Env { ids: &Zeros, externals: &Known });
    let trace = explained.trace.to_string();
    assert!(!trace.contains("s3cret") && trace.contains("(a secret)") && trace.contains("`a` is 1"), "{trace}");
}

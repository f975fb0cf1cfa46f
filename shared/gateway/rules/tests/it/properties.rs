//! Laws that hold for every statement and every number.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use drydock_rules::sql::{self, template};
use drydock_rules::value::Number;
use drydock_rules::{Capabilities, SqlVersion, compile};
use proptest::prelude::*;

/// Texts made of what statements are made of, in any order.
fn soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "SELECT", "select", "VALUE", "FROM", "WHERE", "AS", "AND", "OR", "NOT", "IN", "CASE", "WHEN", "THEN", "ELSE",
        "END", "SET", "exists", "cast", "NULL", "true", "'a/b'", "\"x\"", "'", "\"", "*", "+", "-", "/", "%", "=",
        "<>", "<", ">=", "(", ")", "{", "}", "[", "]", ",", ".", ":", "@v", "@", "1", "2.5", "1e9", "1E99999", "a",
        "b.c", "abs(", "get(", "decode(", "concat(", "é", "\u{0}", "!=", "$", "${", "\\",
    ]);
    prop::collection::vec(words, 0..24).prop_map(|words| words.join(" "))
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "a.b.c",
        "value",
        "@v",
        "1",
        "2.50",
        "1E+3",
        "1e-7",
        "'it''s'",
        "\"x\"",
        "NULL",
        "true",
        "topic(2)",
        "timestamp()",
        "rand()",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 48, 3, |inner| {
        let operator =
            prop::sample::select(vec!["AND", "OR", "=", "<>", "<", "<=", ">", ">=", "IN", "+", "-", "*", "/", "%"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("NOT {a}")),
            inner.clone().prop_map(|a| format!("- {a}")),
            inner.clone().prop_map(|a| format!("({a}).key")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("get({a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{'k': {a}, \"l\": [{b}]}}")),
            inner.clone().prop_map(|a| format!("cast({a} AS Int)")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("CASE {a} WHEN {b} THEN {c} ELSE {a} END")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(SELECT {a}, b AS x.y FROM e AS e WHERE {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("exists(SELECT VALUE {a} FROM e WHERE {b})")),
        ]
    })
}

fn statement() -> impl Strategy<Value = String> {
    (expression(), expression(), expression(), prop::bool::ANY).prop_map(|(a, b, c, value)| {
        let select = if value { format!("VALUE ({a})") } else { format!("{a}, *, {b} AS q.r") };
        format!("SET @v = {c} SELECT {select} FROM 'a/+/#' WHERE {b}")
    })
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(|n| Number::Int(n.into())),
        (any::<i32>(), 0..12_u32).prop_map(|(n, exponent)| Number::from_literal(&format!("{n}e-{exponent}")).unwrap()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_the_parser_panic(text in prop_oneof![soup(), any::<String>()]) {
        let compiled = compile(&text, SqlVersion::V2016, Capabilities::NONE);
        if let Err(error) = compiled {
            drop(error.report());
        }
        drop(template::parse(&text));
        drop(sql::parse_expression(&text));
    }

    #[test]
    fn what_is_printed_parses_to_the_same(text in statement()) {
        let statement = sql::parse(&text).map_err(|e| TestCaseError::fail(e.report()))?;
        let printed = statement.to_string();
        let again = sql::parse(&printed).map_err(|e| TestCaseError::fail(e.report()))?;
        prop_assert_eq!(&statement, &again, "{}", printed);
        prop_assert_eq!(printed, again.to_string());
    }

    #[test]
    fn numbers_keep_their_laws(a in number(), b in number()) {
        let sum = a.plus(b).unwrap();
        prop_assert!(sum.compare(b.plus(a).unwrap()).is_eq());
        prop_assert!(sum.minus(b).unwrap().compare(a).is_eq());
        prop_assert!(a.times(b).unwrap().compare(b.times(a).unwrap()).is_eq());
        prop_assert!(a.negated().negated().compare(a).is_eq());
        prop_assert_eq!(a.compare(b), b.compare(a).reverse());
        prop_assert_eq!(a.is_negative(), a.compare(Number::Int(0)).is_lt());
        prop_assert!(Number::from_literal(&a.to_string()).unwrap().compare(a).is_eq());
        prop_assert!(a.normalised().compare(a).is_eq());
        if let (Number::Int(x), Number::Int(y), Some(quotient), Some(rest)) = (a, b, a.divided(b), a.remainder(b)) {
            let whole = quotient.times(Number::Int(y)).unwrap().plus(rest).unwrap();
            prop_assert!(whole.compare(Number::Int(x)).is_eq());
        }
    }
}

#[test]
fn nesting_is_limited_not_fatal() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{'a':", "}"), ("-", ""), ("NOT ", ""), ("abs(", ")"), ("1+(", ")")]
    {
        let text = format!("SELECT {}1{} FROM 'a'", open.repeat(20_000), close.repeat(20_000));
        let error = compile(&text, SqlVersion::V2016, Capabilities::NONE).unwrap_err();
        assert!(error.message.contains("nests too deep"), "{open}: {error}");
    }
    for chain in ["+1", ".a", " AND a"] {
        let text = format!("SELECT a{} FROM 'a'", chain.repeat(20_000));
        let error = compile(&text, SqlVersion::V2016, Capabilities::NONE).unwrap_err();
        assert!(error.message.contains("nests too deep"), "{chain}: {error}");
    }
}

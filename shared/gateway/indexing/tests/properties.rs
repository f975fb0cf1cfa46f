//! What holds of any fleet and any query: the index finds what a look at each document finds, also after changes; a query that
//! is printed reads as the same query; no text makes the parser fail otherwise than by an error with its place.

#![expect(clippy::unwrap_used, reason = "what cannot be asked is a broken test")]

use drydock_indexing::aggregate::Values;
use drydock_indexing::document::Document;
use drydock_indexing::query::{Bound, Term, Test, Unit};
use drydock_indexing::{Glob, Index, Limits, Number, Place, Plan, Query, Text, Value};
use drydock_model::iot::FieldType;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// Limits that no generated query reaches.
const WIDE: Limits = Limits {
    length: 100_000,
    terms: 1000,
    leading_wildcards: 1000,
    length_with_leading_wildcard: 100_000,
    stars: 100,
    question_marks: 100,
};

/// Few fields and few values, so that terms find some.
fn field() -> impl Strategy<Value = SmolStr> {
    prop::sample::select(vec![
        "attributes.a",
        "attributes.ab",
        "shadow.reported.a",
        "connectivity.x",
        "registry.version",
    ])
    .prop_map(SmolStr::from)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abAB]{1,3}",
        prop::sample::select(vec![
            "1", "1.0", "02", "-3", "true", "False", "a b", "a  B", "*", "?a", "AND", "-x", "é\"\\", "", "TO"
        ])
        .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-4i32..5).prop_map(|number| Value::Number(Number::new(f64::from(number) / 2.0).unwrap())),
        any::<bool>().prop_map(Value::Bool),
        text().prop_map(|text| Value::Text(Text::new(&text))),
        (-2i32..3, -2i32..3).prop_map(|(lat, lon)| Value::Place(Place::new(f64::from(lat), f64::from(lon)).unwrap())),
    ]
}

fn document() -> impl Strategy<Value = Document> {
    vec((field(), value()), 0..6).prop_map(Document::new)
}

/// Read from a text, so that it is one that queries can have.
fn glob(text: &str) -> Option<Glob> {
    match Query::parse(&format!("x:{text}"), &WIDE) {
        Ok(Query::Term(Term { test: Test::Pattern(glob), .. })) => Some(glob),
        _ => None,
    }
}

fn bound() -> impl Strategy<Value = Option<Bound>> {
    prop::option::of((text(), any::<bool>()).prop_map(|(text, inclusive)| Bound { text, inclusive }))
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        Just(Test::Exists),
        text().prop_filter("a word has letters", |text| !text.is_empty()).prop_map(Test::Word),
        text().prop_map(Test::Phrase),
        "[ab?*]{1,4}".prop_filter_map("not a pattern", |text| glob(&text)).prop_map(Test::Pattern),
        (bound(), bound()).prop_map(|(low, high)| Test::Between { low, high }),
        (-2i32..3, -2i32..3, 0u32..300).prop_map(|(latitude, longitude, distance)| Test::Near {
            latitude: f64::from(latitude),
            longitude: f64::from(longitude),
            distance: f64::from(distance),
            unit: Unit::Kilometres,
        }),
    ]
}

fn term() -> impl Strategy<Value = Query> {
    let name = prop_oneof![
        4 => field().prop_filter("versions are not searchable", |name| name != "registry.version").prop_map(|name| name.to_string()),
        1 => prop::sample::select(vec!["attributes.*", "*.a", "attributes.?", "*", "none"]).prop_map(str::to_owned),
    ];
    (prop::option::of(name), test()).prop_filter_map("a distance has a field", |(name, test)| {
        let field = name.map(|name| match Query::parse(&format!("{name}:x"), &WIDE) {
            Ok(Query::Term(term)) => term.field.unwrap(),
            _ => unreachable!(),
        });
        let without_field = field.is_none() && matches!(test, Test::Near { .. });
        (!without_field).then_some(Query::Term(Term { field, test, at: 0..0 }))
    })
}

/// Of the form that the parser gives: nothing of one kind directly in itself.
fn query() -> impl Strategy<Value = Query> {
    term().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| Query::Not(Box::new(part))),
            vec(inner.clone(), 2..4).prop_map(|parts| {
                let flat = parts.into_iter().flat_map(|part| match part {
                    Query::And(inner) => inner,
                    other => vec![other],
                });
                Query::And(flat.collect())
            }),
            vec(inner, 2..4).prop_map(|parts| {
                let flat = parts.into_iter().flat_map(|part| match part {
                    Query::Or(inner) => inner,
                    other => vec![other],
                });
                Query::Or(flat.collect())
            }),
        ]
    })
}

fn found(index: &Index, plan: &Plan) -> BTreeSet<String> {
    index.search(plan).iter().map(|slot| index.name(slot).unwrap().to_owned()).collect()
}

fn looked(fleet: &BTreeMap<String, Document>, plan: &Plan) -> BTreeSet<String> {
    fleet.iter().filter(|(_, document)| plan.fits(document)).map(|(name, _)| name.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_a_look_at_each_document_finds(
        mut fleet in btree_map("[a-z]{1,2}", document(), 0..40),
        changes in vec(("[a-z]{1,2}", prop::option::of(document())), 0..40),
        queries in vec(query(), 1..8),
    ) {
        let mut index = Index::new();
        for (name, document) in &fleet {
            prop_assert!(index.put(name, document).1);
        }
        for (name, change) in changes {
            match change {
                Some(document) => {
                    let is_other = fleet.get(&name) != Some(&document);
                    prop_assert_eq!(index.put(&name, &document).1, is_other);
                    fleet.insert(name, document);
                }
                None => prop_assert_eq!(index.remove(&name), fleet.remove(&name).is_some()),
            }
        }
        prop_assert_eq!(index.len(), fleet.len());
        let names: BTreeSet<_> = fleet.values().flat_map(|document| document.fields().map(|(name, _)| name)).collect();
        prop_assert_eq!(index.field_names().collect::<BTreeSet<_>>(), names);
        for (name, document) in &fleet {
            let kept = index.document(name);
            prop_assert_eq!(kept.as_ref(), Some(document));
        }
        for query in &queries {
            let plan = Plan::new(query);
            let wanted = looked(&fleet, &plan);
            prop_assert_eq!(&found(&index, &plan), &wanted, "{}", query);
            // A document alone is judged likewise.
            for name in fleet.keys() {
                prop_assert_eq!(index.fits(index.slot(name).unwrap(), &plan), wanted.contains(name), "{} on {}", query, name);
            }
            let hits = index.search(&plan);
            for of in [FieldType::Number, FieldType::String, FieldType::Boolean] {
                let counted: usize = fleet.iter().filter(|(name, _)| wanted.contains(*name)).map(|(_, document)| {
                    document.fields().filter(|(field, value)| *field == "attributes.a" && match (of, value) {
                        (FieldType::Number, Value::Number(_)) | (FieldType::String, Value::Text(_)) | (FieldType::Boolean, Value::Bool(_)) => true,
                        (FieldType::Boolean, Value::Text(text)) => matches!(text.folded(), "true" | "false"),
                        _ => false,
                    }).count()
                }).sum();
                let values = Values::new(&index, &hits, "attributes.a", of);
                prop_assert_eq!(values.statistics().count, i32::try_from(counted).ok());
                let (total, buckets) = values.buckets(1000);
                prop_assert_eq!(buckets.iter().map(|bucket| bucket.count.unwrap()).sum::<i32>(), total);
                prop_assert_eq!(i32::try_from(buckets.len()).unwrap(), values.cardinality());
            }
        }
    }

    #[test]
    fn a_query_that_is_printed_reads_as_the_same(query in query()) {
        let text = query.to_string();
        let again = Query::parse(&text, &WIDE);
        prop_assert_eq!(again.as_ref(), Ok(&query), "{}", text);
    }

    #[test]
    fn a_text_that_is_a_query_is_printed_as_the_same(text in "[ab:*?()\\[\\]{}<>=\"\\\\ ANDORTO,\\-+!~é1.]{0,24}") {
        match Query::parse(&text, &WIDE) {
            Ok(query) => {
                let printed = query.to_string();
                let again = Query::parse(&printed, &WIDE);
                prop_assert_eq!(again.as_ref(), Ok(&query), "{} from {}", printed, text);
                prop_assert!(query.terms().iter().all(|term| text.get(term.at.clone()).is_some()));
            }
            Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.at), "{}", error),
        }
    }
}

//! Laws of shadows: merging is JSON Merge Patch but for empty objects, a delta that is reported leaves no delta, no
//! body makes the book panic, and rows load back.

#![expect(clippy::unwrap_used, reason = "helpers of these tests stop the run where a command fails")]

use drydock_core::{Rulebook, Timestamp, Write};
use drydock_shadow::{Address, Shadows, client_token};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "timestamp", "desired"]).prop_map(str::to_owned)
}

fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-2i8..3).prop_map(Value::from),
        (-2i8..3).prop_map(|number| Value::from(f64::from(number))),
        Just(Value::from(0.5)),
        any::<bool>().prop_map(Value::Bool),
        "[xy]{0,2}".prop_map(Value::String),
    ]
}

/// A value without nulls, as it may stand in an array.
fn item() -> impl Strategy<Value = Value> {
    plain().prop_recursive(1, 4, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::btree_map(key(), inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn fields(leaf: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let inner = leaf.prop_recursive(3, 12, 3, |inner| {
        prop::collection::btree_map(key(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
    });
    prop::collection::btree_map(key(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// The fields of a section without nulls.
fn section() -> impl Strategy<Value = Value> {
    fields(item().boxed())
}

/// The fields of a section in a request, where nulls delete.
fn patch() -> impl Strategy<Value = Value> {
    fields(prop_oneof![2 => item(), 1 => Just(Value::Null)].boxed())
}

fn dock() -> Address {
    Address::new("dock-1", None).unwrap()
}

fn update(book: &mut Shadows, state: Value, now: Timestamp) -> Vec<Write> {
    book.update(&dock(), json!({ "state": state }).to_string().as_bytes(), now).unwrap().writes
}

/// JSON Merge Patch as RFC 7396 writes it down.
fn rfc7396(target: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut target = target.as_object().cloned().unwrap_or_default();
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            let merged = rfc7396(target.get(name).unwrap_or(&Value::Null), value);
            target.insert(name.clone(), merged);
        }
    }
    Value::Object(target)
}

/// A section without its empty objects: about these a shadow and the RFC differ.
fn pruned(value: &Value) -> Option<Value> {
    let Value::Object(fields) = value else { return Some(value.clone()) };
    let kept: Map<String, Value> =
        fields.iter().filter_map(|(name, value)| Some((name.clone(), pruned(value)?))).collect();
    (!kept.is_empty()).then_some(Value::Object(kept))
}

/// Every field with its path; empty objects have themselves.
fn paths(value: &Value, at: &str, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| paths(value, &format!("{at}/{name}"), into));
        }
        _ => {
            into.insert(at.to_owned(), value.clone());
        }
    }
}

/// Whether this is the metadata of a state without nulls, of which every field was set when it may have been.
fn is_metadata(metadata: &Value, state: &Value, may: &dyn Fn(i64) -> bool) -> bool {
    match (metadata, state) {
        (Value::Object(metadata), Value::Object(state)) => {
            metadata.keys().eq(state.keys()) && metadata.iter().all(|(k, m)| is_metadata(m, &state[k], may))
        }
        (Value::Array(metadata), Value::Array(state)) => {
            metadata.len() == state.len() && metadata.iter().zip(state).all(|(m, s)| is_metadata(m, s, may))
        }
        (metadata, plain) => {
            !plain.is_null()
                && metadata["timestamp"].as_i64().is_some_and(may)
                && metadata.as_object().is_some_and(|leaf| leaf.len() == 1)
        }
    }
}

proptest! {
    #[test]
    fn merging_is_json_merge_patch(first in section(), patches in prop::collection::vec(patch(), 1..4)) {
        let mut book = Shadows::new();
        update(&mut book, json!({"desired": first, "reported": {"kept": 1}}), NOW);
        let mut model = first;
        for (i, patch) in patches.iter().enumerate() {
            let before = book.get(&dock(), NOW).unwrap();
            let now = NOW.plus_millis(1000 * (1 + i as i64));
            update(&mut book, json!({ "desired": patch }), now);
            model = rfc7396(&model, patch);
            let got = book.get(&dock(), now).unwrap();
            let desired = got["state"].get("desired").cloned().unwrap_or(json!({}));
            prop_assert_eq!(pruned(&desired), pruned(&model));
            prop_assert_eq!(&got["state"]["reported"], &json!({"kept": 1}));
            prop_assert_eq!(got["version"].as_u64(), Some(2 + i as u64));
            // What the patch names has its time, unless it is gone, and what it does not name has the time it had.
            let metadata = got["metadata"].get("desired").cloned().unwrap_or(json!({}));
            prop_assert!(is_metadata(&metadata, &desired, &|at| (NOW.seconds()..=now.seconds()).contains(&at)), "{metadata}");
            let (mut named, mut had, mut has) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
            paths(patch, "", &mut named);
            // An empty object that meets an object changes nothing in it.
            named.retain(|_, value| value != &json!({}));
            paths(&before["metadata"]["desired"], "", &mut had);
            paths(&metadata, "", &mut has);
            for (path, value) in &has {
                let below = |named: &String| path == named || path.starts_with(&format!("{named}/"));
                if named.keys().any(below) {
                    let fresh = |at| at == now.seconds();
                    let times: Vec<i64> = all_times(value);
                    prop_assert!(times.into_iter().all(fresh) || value == &json!({}), "{path} {value}");
                } else if value != &json!({}) {
                    prop_assert_eq!(Some(value), had.get(path), "{}", path);
                }
            }
        }
    }

    #[test]
    fn reporting_the_delta_leaves_none(desired in section(), reported in section()) {
        let mut book = Shadows::new();
        let state = json!({"desired": desired, "reported": reported});
        let body = json!({ "state": state }).to_string();
        let updated = book.update(&dock(), body.as_bytes(), NOW).unwrap().reply;
        let got = book.get(&dock(), NOW).unwrap();
        prop_assert_eq!(updated.delta.as_ref().map(|delta| &delta["state"]), got["state"].get("delta"));
        if let Some(delta) = updated.delta {
            prop_assert!(is_metadata(&delta["metadata"], &delta["state"], &|at| at == NOW.seconds()));
            let body = json!({"state": {"reported": delta["state"]}}).to_string();
            let again = book.update(&dock(), body.as_bytes(), NOW).unwrap().reply;
            prop_assert_eq!(again.delta, None);
        } else {
            prop_assert_eq!(pruned(&rfc7396(&reported, &desired)).map(|v| floats(&v)), pruned(&reported).map(|v| floats(&v)));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = client_token(&bytes);
        let _ = Shadows::new().update(&dock(), &bytes, NOW);
    }

    #[test]
    fn any_document_is_read_or_refused(
        state in prop_oneof![patch(), item(), Just(Value::Null)],
        desired in prop_oneof![patch(), item(), Just(Value::Null)],
        version in item(),
        token in item(),
        cut in 0usize..200,
    ) {
        let bodies = [
            json!({"state": {"desired": desired, "reported": state}, "version": version, "clientToken": token}),
            json!({"state": state, "clientToken": token}),
            json!({"state": {"desired": [desired]}}),
            desired,
        ];
        for body in bodies {
            let text = body.to_string();
            let read = client_token(text.as_bytes());
            prop_assert_eq!(read.as_deref(), body.get("clientToken").and_then(Value::as_str));
            let _ = Shadows::new().update(&dock(), text.as_bytes(), NOW);
            let _ = Shadows::new().update(&dock(), &text.as_bytes()[..cut.min(text.len())], NOW);
        }
    }

    #[test]
    fn rows_load_back(
        steps in prop::collection::vec((0usize..4, 0u8..8, patch(), patch()), 1..16),
        hours in 0i64..40,
    ) {
        let addresses = [("dock", None), ("dock", Some("a")), ("dock", Some("$b")), ("dock:a", None)]
            .map(|(thing, name)| Address::new(thing, name).unwrap());
        let (mut book, mut rows, mut now) = (Shadows::new(), BTreeMap::new(), NOW);
        for (who, what, desired, reported) in steps {
            now = now.plus_millis(hours * 3_600_000 + 1);
            let address = &addresses[who];
            let writes = match what {
                0..3 => book.delete(address, now).map(|done| done.writes).unwrap_or_default(),
                3 => book.update(address, br#"{"state": null}"#, now).unwrap().writes,
                _ => {
                    let body = json!({"state": {"desired": desired, "reported": reported}}).to_string();
                    book.update(address, body.as_bytes(), now).unwrap().writes
                }
            };
            for Write { key, value, .. } in writes {
                match value {
                    Some(value) => rows.insert(key, value),
                    None => rows.remove(&key),
                };
            }
        }
        let mut anew = Shadows::new();
        for (key, value) in &rows {
            prop_assert!(anew.load("shadows", key, value).is_ok(), "{key} {value}");
        }
        prop_assert_eq!(format!("{anew:?}"), format!("{book:?}"));
        for address in &addresses {
            prop_assert_eq!(anew.get(address, now), book.get(address, now));
            // What is kept of deleted shadows is their versions, which count on.
            let again = anew.update(address, br#"{"state": {}}"#, now).unwrap().reply;
            prop_assert_eq!(again, book.update(address, br#"{"state": {}}"#, now).unwrap().reply);
        }
    }
}

/// All times in metadata.
fn all_times(metadata: &Value) -> Vec<i64> {
    match metadata {
        Value::Number(at) => at.as_i64().into_iter().collect(),
        Value::Array(items) => items.iter().flat_map(all_times).collect(),
        Value::Object(fields) => fields.values().flat_map(all_times).collect(),
        _ => Vec::new(),
    }
}

/// A value with all its numbers as floats, so that 1 is 1.0.
fn floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(floats).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), floats(value))).collect(),
        other => other.clone(),
    }
}

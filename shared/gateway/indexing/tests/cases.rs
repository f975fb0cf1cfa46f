//! The cases under `cases/`. One test per case.
//!
//! A file has a `source`, and `cases`; optionally a `config`, the indexing configuration of things; and `things`, by name: `id`,
//! `version`, `type`, `groups`, `attributes`, `shadow` (the state of the classic one), `metadata` (its metadata),
//! `shadows` (the states of named ones), `connected`, `last` (timestamp and, where it is gone, reason), `defender`. A case has a
//! `name`, optionally a `source` of its own, and one of:
//! - `query`, and `reads` (the query as it is printed), or `error` (where, and parts of the text), or `finds` (names, sorted), which
//!   the index and a look at each document have to agree on; `group` reads it with the limits of a dynamic group;
//! - `query`, `of` (the aggregation field), and `statistics`, `percentiles` (with `percents`), `cardinality`, `buckets` (with
//!   `most`) or `error`;
//! - `explain` (a thing), `query`, and `terms`: of each its text, whether it fits, and what else is to be looked at;
//! - `update`, a configuration of things or under `groups` one of groups, with `in_use`, and `managed` (some fields), `schema` or
//!   `error`.
//!
//! In all texts `<x*N>` stands for N times `x`.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken case file has to stop the run"
)]

#[path = "../../core/tests/cases/files.rs"]
mod files;
#[path = "../../core/tests/cases/texts.rs"]
mod texts;

use drydock_core::Rulebook;
use drydock_indexing::aggregate::{PERCENTS, Values};
use drydock_indexing::config::{GroupConfig, ThingConfig};
use drydock_indexing::explain::explain;
use drydock_indexing::sources::{Connectivity, LastConnection, Thing};
use drydock_indexing::{Hits, Index, Indexing, Limits, Plan, Query};
use drydock_model::iot::UpdateIndexingConfigurationRequest;
use drydock_model::wire::{At, Wire};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::sync::Arc;

const CASE: &[&str] = &[
    "name",
    "source",
    "query",
    "group",
    "reads",
    "error",
    "finds",
    "of",
    "statistics",
    "percentiles",
    "percents",
    "cardinality",
    "buckets",
    "most",
    "explain",
    "terms",
    "update",
    "groups",
    "in_use",
    "managed",
    "schema",
];

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 300, trials_of);
}

/// The things of a file, indexed.
struct Fleet {
    config: ThingConfig,
    things: Vec<Thing>,
    index: Index,
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    texts::only(stem, content, &["source", "config", "things", "cases"], "the file");
    let fleet = Arc::new(Fleet::of(&texts::filled(content)));
    let cases = content["cases"].as_array().unwrap().iter().map(|case| {
        let name = case["name"].as_str().unwrap();
        texts::only(stem, case, CASE, name);
        let (case, fleet) = (texts::filled(case), Arc::clone(&fleet));
        Trial::test(format!("{stem}::{name}"), move || run(&fleet, &case))
    });
    cases.collect()
}

fn read<T: Wire>(value: &Value) -> T {
    T::read(value, &At::ROOT).unwrap_or_else(|error| panic!("{error}: {value}"))
}

impl Fleet {
    fn of(content: &Value) -> Self {
        let config = match &content["config"] {
            Value::Null => ThingConfig::default(),
            config => ThingConfig::new(read(config)).unwrap_or_else(|error| panic!("{}", error.message)),
        };
        let named = content["things"].as_object().into_iter().flatten();
        let things: Vec<Thing> = named.map(|(name, thing)| thing_of(name, thing)).collect();
        let mut index = Index::new();
        for thing in &things {
            index.put(&thing.name, &thing.document(&config));
        }
        Self { config, things, index }
    }
}

fn thing_of(name: &str, thing: &Value) -> Thing {
    let known = [
        "id",
        "version",
        "type",
        "groups",
        "attributes",
        "shadow",
        "metadata",
        "shadows",
        "connected",
        "last",
        "defender",
    ];
    texts::only(name, thing, &known, "a thing");
    let text = |key: &str| thing[key].as_str().map(SmolStr::new);
    let object = |key: &str| thing[key].as_object().into_iter().flatten();
    let shadow = |state: &Value, metadata: &Value| json!({ "state": state, "metadata": metadata, "version": 1 });
    let classic = thing.get("shadow").map(|state| (None, shadow(state, &thing["metadata"])));
    let named = object("shadows").map(|(name, state)| (Some(name.as_str().into()), shadow(state, &Value::Null)));
    let last = thing.get("last").map(|last| LastConnection {
        timestamp: last[0].as_i64().unwrap(),
        reason: last[1].as_str().map(|reason| &*reason.to_owned().leak()),
        version: 1,
        client_id: name.into(),
        keep_alive: 60,
        clean_session: true,
        session_expiry: 0,
    });
    Thing {
        name: name.into(),
        id: text("id").unwrap_or_default().to_string(),
        version: thing["version"].as_i64().unwrap_or(1),
        thing_type: text("type"),
        groups: thing["groups"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap().into()).collect(),
        attributes: object("attributes").map(|(name, text)| (name.into(), text.as_str().unwrap().into())).collect(),
        shadows: classic.into_iter().chain(named).collect(),
        connectivity: Connectivity { connected: thing["connected"] == true, last },
        defender: thing.get("defender").cloned(),
    }
}

/// Whether an error is what was expected: a part of its text, or parts.
fn is_error(expected: &Value, text: &str) -> Result<(), Failed> {
    let parts: Vec<&str> = match expected {
        Value::String(part) => vec![part],
        parts => parts.as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect(),
    };
    match parts.iter().find(|part| !text.contains(**part)) {
        Some(part) => Err(format!("the error has no `{part}`: {text}").into()),
        None => Ok(()),
    }
}

fn same(what: &str, is: &Value, expected: &Value) -> Result<(), Failed> {
    if is == expected { Ok(()) } else { Err(format!("{what} is {is}, not {expected}").into()) }
}

fn run(fleet: &Fleet, case: &Value) -> Result<(), Failed> {
    if let Some(update) = case.get("update") {
        return updated(update, case);
    }
    let text = case["query"].as_str().unwrap();
    let limits = if case["group"] == true { Limits::GROUP } else { Limits::SEARCH };
    let query = match Query::parse(text, &limits) {
        Ok(query) => query,
        Err(error) => return is_error(case.get("error").ok_or_else(|| error.to_string())?, &error.to_string()),
    };
    let again =
        Query::parse(&query.to_string(), &Limits { length: 10_000, ..limits }).map_err(|error| error.to_string())?;
    if again != query {
        return Err(format!("`{query}` reads as `{again}`").into());
    }
    if let Some(reads) = case.get("reads") {
        same("the query", &query.to_string().into(), reads)?;
    }
    let plan = Plan::new(&query);
    let hits = fleet.index.search(&plan);
    let mut found: Vec<&str> = hits.iter().map(|slot| fleet.index.name(slot).unwrap()).collect();
    found.sort_unstable();
    let mut looked: Vec<&str> = fleet
        .things
        .iter()
        .filter(|thing| plan.fits(&thing.document(&fleet.config)))
        .map(|thing| thing.name.as_str())
        .collect();
    looked.sort_unstable();
    same("what is found", &json!(found), &json!(looked))?;
    if let Some(finds) = case.get("finds") {
        return same("what is found", &json!(found), finds);
    }
    if let Some(thing) = case.get("explain") {
        return explained(fleet, thing.as_str().unwrap(), &query, &case["terms"]);
    }
    if let Some(of) = case.get("of") {
        return aggregated(fleet, &hits, of.as_str().unwrap(), case);
    }
    case.get("reads").map(|_| ()).ok_or_else(|| format!("`{query}` is a query, which was not expected").into())
}

fn aggregated(fleet: &Fleet, hits: &Hits, of: &str, case: &Value) -> Result<(), Failed> {
    let (field, kind) = match fleet.config.aggregated(of) {
        Ok(field) => field,
        Err(error) => return is_error(&case["error"], &format!("{} {}", error.code.as_str(), error.message)),
    };
    let values = Values::new(&fleet.index, hits, &field, kind);
    if let Some(expected) = case.get("statistics") {
        same("the statistics", &rounded(&values.statistics().write()), &rounded(expected))?;
    } else if let Some(expected) = case.get("percentiles") {
        let percents = case["percents"].as_array().map(|all| all.iter().map(|one| one.as_f64().unwrap()).collect());
        let percents = percents.unwrap_or_else(|| PERCENTS.to_vec());
        let found = values.percentiles(&percents).into_iter();
        let found: Vec<_> =
            found.map(|pair| json!([pair.percent, (pair.value.unwrap() * 1e6).round() / 1e6])).collect();
        same("the percentiles", &json!(found), expected)?;
    } else if let Some(expected) = case.get("cardinality") {
        same("the cardinality", &values.cardinality().into(), expected)?;
    } else if let Some(expected) = case.get("buckets") {
        let (total, buckets) = values.buckets(usize::try_from(case["most"].as_u64().unwrap_or(100)).unwrap());
        let found: Vec<_> = buckets.into_iter().map(|bucket| json!([bucket.key_value, bucket.count])).collect();
        same("the buckets", &json!([total, found]), expected)?;
    } else {
        return Err(format!("`{of}` can be aggregated, which was not expected").into());
    }
    Ok(())
}

/// Numbers with nine digits.
fn rounded(value: &Value) -> Value {
    let fields = value.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    fields.map(|(name, value)| (name.clone(), Value::String(format!("{:.9e}", value.as_f64().unwrap())))).collect()
}

fn explained(fleet: &Fleet, thing: &str, query: &Query, expected: &Value) -> Result<(), Failed> {
    let document = fleet.index.document(thing).ok_or("there is no such thing")?;
    let terms = explain(query, &document).terms.into_iter().map(|term| {
        let values: Vec<String> = term.values.into_iter().map(|(field, value)| format!("{field}={value}")).collect();
        let shown = [values, term.similar].concat();
        json!([term.text, term.fits, shown])
    });
    same("the explanation", &Value::Array(terms.collect()), expected)
}

fn updated(update: &Value, case: &Value) -> Result<(), Failed> {
    let in_use = case["in_use"].as_array().into_iter().flatten();
    let in_use: Vec<_> =
        in_use.map(|field| (field.as_str().unwrap().to_owned(), "the dynamic thing group `g1`".to_owned())).collect();
    let mut book = Indexing::new();
    let mut last = Ok(());
    // Several, one after another: all but the last have to do.
    for update in update.as_array().unwrap_or(&vec![update.clone()]) {
        last.map_err(|error: drydock_core::ApiError| error.message.to_string())?;
        let mut request = UpdateIndexingConfigurationRequest::default();
        if case["groups"] == true {
            request.thing_group_indexing_configuration = Some(read(update));
        } else {
            request.thing_indexing_configuration = Some(read(update));
        }
        last = book.update(request, &in_use).map(|done| {
            let mut again = Indexing::new();
            done.writes
                .iter()
                .for_each(|write| again.load(write.table, &write.key, write.value.as_ref().unwrap()).unwrap());
            assert_eq!(again.get(), book.get());
        });
    }
    if let Err(error) = last {
        return is_error(&case["error"], &format!("{} {}", error.code.as_str(), error.message));
    }
    let answer = book.get().write();
    let (part, schema) = if case["groups"] == true {
        ("thingGroupIndexingConfiguration", GroupConfig::schema(&book.groups()))
    } else {
        ("thingIndexingConfiguration", ThingConfig::schema(&book.things()))
    };
    if let Some(expected) = case.get("managed") {
        let fields = answer[part]["managedFields"].as_array().into_iter().flatten();
        let found: Vec<_> = fields
            .map(|field| json!(format!("{} {}", field["name"].as_str().unwrap(), field["type"].as_str().unwrap())))
            .collect();
        same("the managed fields", &Value::Array(found), expected)?;
    }
    if let Some(expected) = case.get("schema") {
        same("the schema", &json!(schema), expected)?;
    }
    if case.get("error").is_some() {
        return Err("the configuration is valid, which was not expected".into());
    }
    Ok(())
}

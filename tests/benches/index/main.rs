//! A million things with a shadow of a kilobyte each: indexed, asked, changed and aggregated; held against a hundred dynamic groups;
//! and the same questions to SQLite's full-text search on the same documents. Prints each, and the memory.
//! `THINGS=100000 cargo bench --package drydock-tests --bench index` takes fewer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]

#[path = "../../../shared/gateway/core/benches/support/measure.rs"]
mod measure;

use drydock_indexing::aggregate::{PERCENTS, Values};
use drydock_indexing::config::ThingConfig;
use drydock_indexing::sources::{Connectivity, Thing};
use drydock_indexing::{Index, Limits, Plan, Query};
use drydock_model::iot::{FieldType, ThingConnectivityIndexingMode, ThingIndexingConfiguration, ThingIndexingMode};
use measure::{number, rate, resident};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Results of a page.
const PAGE: usize = 100;
/// How often each question is asked: the fastest counts.
const TIMES: usize = 5;

fn config() -> ThingConfig {
    ThingConfig::new(ThingIndexingConfiguration {
        thing_indexing_mode: ThingIndexingMode::RegistryAndShadow,
        thing_connectivity_indexing_mode: Some(ThingConnectivityIndexingMode::Status),
        ..ThingIndexingConfiguration::default()
    })
    .unwrap()
}

/// A thing; `round` is how often it was changed.
fn thing(n: usize, round: usize) -> Thing {
    let mixed = n.wrapping_mul(2_654_435_761) % 1_000_003;
    let mode = ["idle", "charging", "fault"][mixed % 3];
    let reported = json!({
        "firmware": format!("1.{}", mixed % 40),
        "battery": mixed % 101,
        "temperature": (mixed % 60_000) as f64 / 100.0 + round as f64,
        "network": { "ssid": format!("site-{}", mixed % 997), "rssi": -((mixed % 90) as i64), "ip": format!("10.{}.{}.{}", mixed % 250, mixed % 241, mixed % 239) },
        "mode": mode,
        "errors": mixed % 7,
        "note": "x".repeat(620),
    });
    let shadow = json!({ "state": { "reported": reported }, "metadata": { "reported": { "battery": { "timestamp": 1_793_491_200 } } }, "version": 1 });
    Thing {
        name: format!("charger-{n:07}").into(),
        id: format!("{mixed:032x}"),
        version: 1,
        thing_type: Some(format!("model-{}", n % 10).into()),
        attributes: vec![
            ("manufactured".into(), format!("{}", 2000 + mixed % 25).into()),
            ("serial".into(), format!("SN-{n:08}").into()),
        ],
        shadows: vec![(None, shadow)],
        connectivity: Connectivity { connected: mixed.is_multiple_of(2), last: None },
        ..Thing::default()
    }
}

fn fastest(mut part: impl FnMut() -> usize) -> (Duration, usize) {
    (0..TIMES)
        .map(|_| {
            let begin = Instant::now();
            let found = part();
            (begin.elapsed(), found)
        })
        .min()
        .unwrap()
}

fn told(what: &str, (took, found): (Duration, usize)) {
    println!("{what:<64} {:>10.3} ms {found:>9} found", took.as_secs_f64() * 1e3);
}

/// Asks the index: all hits, and the names of the first page.
fn ask(index: &Index, text: &str) -> (Duration, usize) {
    let plan = Plan::new(&Query::parse(text, &Limits::SEARCH).unwrap());
    fastest(|| {
        let hits = index.search(&plan);
        std::hint::black_box(hits.iter().take(PAGE).filter_map(|slot| index.name(slot)).count());
        usize::try_from(hits.len()).unwrap()
    })
}

fn main() {
    let count = number("THINGS", 1_000_000);
    let config = config();
    let mut index = Index::new();
    let before = resident();
    let begin = Instant::now();
    for n in 0..count {
        let thing = thing(n, 0);
        index.put(&thing.name, &thing.document(&config));
    }
    rate("indexed, with the making of documents", count, begin.elapsed());
    let bytes = resident().saturating_sub(before);
    println!("{:<46} {:>9} MiB {:>12} bytes a thing", "memory", bytes >> 20, bytes / count as u64);

    let questions = [
        ("a selective term", "shadow.reported.network.ssid:site-123 AND shadow.reported.battery>90"),
        ("one thing by its serial number", "attributes.serial:SN-00012345"),
        (
            "the seed's question",
            "attributes.manufactured>2013 AND shadow.reported.firmware:1.2 AND connectivity.connected:true",
        ),
        ("a range of 1 %", "shadow.reported.temperature:[100 TO 106]"),
        ("a prefix of 10 %", "thingName:charger-01*"),
        ("a wildcard first, over a million names", "thingName:*12345"),
        ("a term without a field", "site-123"),
        ("all but a term", "NOT shadow.reported.mode:fault"),
    ];
    for (what, text) in questions {
        told(what, ask(&index, text));
    }
    let all = index.search(&Plan::new(&Query::parse("*", &Limits::SEARCH).unwrap()));
    let field = "shadow.reported.temperature";
    told(
        "percentiles of 60,000 values over all",
        fastest(|| Values::new(&index, &all, field, FieldType::Number).percentiles(&PERCENTS).len()),
    );
    told(
        "cardinality of a million serial numbers",
        fastest(|| {
            usize::try_from(Values::new(&index, &all, "attributes.serial", FieldType::String).cardinality()).unwrap()
        }),
    );

    let changed = 100_000.min(count);
    let documents: Vec<_> = (0..changed)
        .map(|n| (thing(n * 7 % count, 1), n))
        .map(|(thing, _)| (thing.name.clone(), thing.document(&config)))
        .collect();
    let begin = Instant::now();
    for (name, document) in &documents {
        index.put(name, document);
    }
    rate("updated, a value each", changed, begin.elapsed());
    let groups: Vec<Plan> = (0..100)
        .map(|n| {
            format!(
                "shadow.reported.battery>{n} AND shadow.reported.firmware:1.{} AND NOT shadow.reported.mode:fault",
                n % 40
            )
        })
        .map(|text| Plan::new(&Query::parse(&text, &Limits::GROUP).unwrap()))
        .collect();
    let begin = Instant::now();
    for (name, document) in &documents {
        std::hint::black_box(groups.iter().filter(|plan| plan.fits(document)).count());
        index.put(name, document);
    }
    rate("updated with 100 dynamic groups", changed, begin.elapsed());
    drop(index);
    beside(count);
}

/// What a user would take instead: a table with columns that are indexed, and a full-text index over all values, in memory.
fn beside(count: usize) {
    let mut sqlite = Connection::open_in_memory().unwrap();
    sqlite
        .execute_batch(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, manufactured INTEGER, firmware TEXT, connected INTEGER, temperature REAL, document TEXT);
             CREATE VIRTUAL TABLE words USING fts5 (text, content='');",
        )
        .unwrap();
    let begin = Instant::now();
    let unit = sqlite.transaction().unwrap();
    for n in 0..count {
        let thing = thing(n, 0);
        let reported = &thing.shadows[0].1["state"]["reported"];
        let mut words = vec![thing.name.to_string(), thing.attributes[1].1.to_string()];
        walk(reported, &mut words);
        let id = i64::try_from(n).unwrap();
        let row = params![
            id,
            thing.attributes[0].1.parse::<i64>().unwrap(),
            reported["firmware"].as_str(),
            thing.connectivity.connected,
            reported["temperature"].as_f64(),
            reported.to_string()
        ];
        unit.prepare_cached("INSERT INTO things VALUES (?1, ?2, ?3, ?4, ?5, ?6)").unwrap().execute(row).unwrap();
        unit.prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")
            .unwrap()
            .execute(params![id, words.join(" ")])
            .unwrap();
    }
    unit.execute_batch(
        "CREATE INDEX by_firmware ON things (firmware); CREATE INDEX by_temperature ON things (temperature);",
    )
    .unwrap();
    unit.commit().unwrap();
    rate("SQLite: indexed, four columns and all words", count, begin.elapsed());
    let count_of = |sql: &str| {
        fastest(|| {
            let mut asked = sqlite.prepare_cached(sql).unwrap();
            let found = asked.query_map([], |row| row.get::<_, i64>(0)).unwrap();
            found.count()
        })
    };
    told(
        "SQLite: one thing by its serial number",
        count_of("SELECT rowid FROM words WHERE words MATCH '\"SN-00012345\"'"),
    );
    told(
        "SQLite: the seed's question",
        count_of("SELECT id FROM things WHERE manufactured > 2013 AND firmware = '1.2' AND connected"),
    );
    told("SQLite: a range of 1 %", count_of("SELECT id FROM things WHERE temperature BETWEEN 100 AND 106"));
    told("SQLite: a term without a field", count_of("SELECT rowid FROM words WHERE words MATCH '\"site-123\"'"));
}

fn walk(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|member| walk(member, words)),
        Value::String(text) => words.push(text.clone()),
        other => words.push(other.to_string()),
    }
}

//! A million things: made, described, listed by page, by attribute and by type, changed, put into groups, and loaded again as at a
//! restart. Prints the rate of each, and the memory. `THINGS=100000 cargo bench --package drydock-registry` takes fewer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]

#[path = "../../core/benches/support/measure.rs"]
mod measure;

use drydock_core::{Ids, Rulebook, Scope, Timestamp};
use drydock_model::iot::{
    AddThingToThingGroupRequest, AttributePayload, CreateThingGroupRequest, CreateThingRequest, CreateThingTypeRequest,
    DescribeThingRequest, ListThingsInThingGroupRequest, ListThingsRequest, UpdateThingRequest,
};
use drydock_registry::Registry;
use measure::{number, rate, resident};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const NOW: Timestamp = Timestamp(1_793_491_200_000);
/// The largest page there is.
const PAGE: i32 = 250;
/// How many models of device, and as many thing types.
const MODELS: usize = 10;
/// How many sites; each has a thing group.
const SITES: usize = 1_000;

/// Ids that differ, with no source of randomness in the measurement.
struct Counting(AtomicU64);

impl Ids for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().zip(next.iter().cycle()).for_each(|(byte, next)| *byte = *next);
    }
}

/// Runs a part, and prints how many of it there were and how fast.
fn measure<T>(what: &str, count: usize, part: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = part();
    rate(what, count, begin.elapsed());
    result
}

fn name(n: usize) -> String {
    format!("charger-{n:07}")
}

fn create(n: usize) -> CreateThingRequest {
    let attributes = [("serial", format!("SN-{n:08}")), ("site", format!("site-{}", n % SITES))];
    CreateThingRequest {
        thing_name: name(n),
        thing_type_name: Some(format!("model-{}", n % MODELS)),
        attribute_payload: Some(AttributePayload {
            attributes: Some(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            merge: None,
        }),
        billing_group_name: None,
    }
}

/// Every page of a list.
fn pages(book: &Registry, request: &ListThingsRequest) -> usize {
    let mut found = 0;
    let mut next_token = None;
    loop {
        let request = ListThingsRequest { max_results: Some(PAGE), next_token, ..request.clone() };
        let page = book.list_things(&request).unwrap().reply;
        found += page.things.map_or(0, |things| things.len());
        next_token = page.next_token;
        if next_token.is_none() {
            return found;
        }
    }
}

fn main() {
    let count = number("THINGS", 1_000_000);
    let ids = Counting(AtomicU64::new(1));
    let scope = Scope::new("123456789012", "us-east-1");
    let mut book = Registry::new(scope.clone());
    let mut rows: BTreeMap<(&str, String), String> = BTreeMap::new();
    for n in 0..MODELS {
        let request = CreateThingTypeRequest { thing_type_name: format!("model-{n}"), ..Default::default() };
        let done = book.create_thing_type(&request, NOW, &ids).unwrap();
        rows.extend(done.writes.into_iter().map(|write| ((write.table, write.key), write.value.unwrap())));
    }

    let before = resident();
    measure("CreateThing (a type, two attributes)", count, || {
        for n in 0..count {
            let _ = std::hint::black_box(book.create_thing(&create(n), NOW, &ids).unwrap());
        }
    });
    let bytes = resident().saturating_sub(before);
    println!("{:<46} {:>9} MiB {:>12} bytes a thing", "memory", bytes >> 20, bytes / count as u64);

    measure("DescribeThing", count, || {
        for n in 0..count {
            let request = DescribeThingRequest { thing_name: name(n.wrapping_mul(7_919) % count) };
            let _ = std::hint::black_box(book.describe_thing(&request).unwrap());
        }
    });
    let all = measure("ListThings, pages of 250", count, || pages(&book, &ListThingsRequest::default()));
    assert_eq!(all, count);
    let of_type = ListThingsRequest { thing_type_name: Some("model-3".into()), ..Default::default() };
    let found = measure("ListThings of a type, a tenth of all", count / MODELS, || pages(&book, &of_type));
    assert_eq!(found, count / MODELS);
    let lookups = 100_000.min(count);
    measure("ListThings of one serial number", lookups, || {
        for n in 0..lookups {
            let request = ListThingsRequest {
                attribute_name: Some("serial".into()),
                attribute_value: Some(format!("SN-{:08}", n.wrapping_mul(7_919) % count)),
                ..Default::default()
            };
            assert_eq!(pages(&book, &request), 1);
        }
    });
    measure("ListThings of a site, all its pages", SITES, || {
        for n in 0..SITES {
            let request = ListThingsRequest {
                attribute_name: Some("site".into()),
                attribute_value: Some(format!("site-{n}")),
                ..Default::default()
            };
            assert_eq!(pages(&book, &request), count / SITES);
        }
    });
    measure("ListThings of a serial number's begin", 1_000, || {
        for n in 0..1_000 {
            let request = ListThingsRequest {
                attribute_name: Some("serial".into()),
                attribute_value: Some(format!("SN-{:05}", n % (count / 1_000).max(1))),
                use_prefix_attribute_value: Some(true),
                ..Default::default()
            };
            assert!(pages(&book, &request) >= 100);
        }
    });
    measure("UpdateThing (one attribute)", lookups, || {
        for n in 0..lookups {
            let mut request = UpdateThingRequest { thing_name: name(n), ..Default::default() };
            let attributes = BTreeMap::from([("firmware".to_owned(), format!("1.{}", n % 20))]);
            request.attribute_payload = Some(AttributePayload { attributes: Some(attributes), merge: Some(true) });
            let _ = std::hint::black_box(book.update_thing(&request, NOW).unwrap());
        }
    });
    for n in 0..SITES {
        let request = CreateThingGroupRequest { thing_group_name: format!("site-{n}"), ..Default::default() };
        let done = book.create_thing_group(&request, NOW, &ids).unwrap();
        rows.extend(done.writes.into_iter().map(|write| ((write.table, write.key), write.value.unwrap())));
    }
    measure("AddThingToThingGroup", count, || {
        for n in 0..count {
            let request = AddThingToThingGroupRequest {
                thing_name: Some(name(n)),
                thing_group_name: Some(format!("site-{}", n % SITES)),
                ..Default::default()
            };
            let _ = std::hint::black_box(book.add_thing_to_thing_group(&request, NOW, &ids).unwrap());
        }
    });
    measure("ListThingsInThingGroup, first pages", SITES, || {
        for n in 0..SITES {
            let request = ListThingsInThingGroupRequest {
                thing_group_name: format!("site-{n}"),
                max_results: Some(PAGE),
                ..Default::default()
            };
            assert!(!book.list_things_in_thing_group(&request).unwrap().reply.things.unwrap().is_empty());
        }
    });

    // A restart: the rows as the disk gives them.
    let load = |book: &mut Registry, rows: &BTreeMap<(&str, String), String>| {
        for table in Registry::TABLES {
            for ((_, key), value) in rows.range((*table, String::new())..).take_while(|((of, _), _)| of == table) {
                book.load(table, key, value).unwrap();
            }
        }
    };
    book.clear();
    load(&mut book, &rows);
    for n in 0..count {
        let done = book.create_thing(&create(n), NOW, &ids).unwrap();
        rows.extend(done.writes.into_iter().map(|write| ((write.table, write.key), write.value.unwrap())));
    }
    book.clear();
    measure("loading at a restart", count, || load(&mut book, &rows));
    assert_eq!(book.len(), count);
}

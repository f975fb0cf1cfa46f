//! The rulebook along many periods: what its lists say always goes together, what is loaded from its rows is the same, percentiles
//! are of the fleet, and what is learnt is learnt after the gates that AWS has.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what does not work fails the test")]

use behaviors::Transition;
use behaviors::report::Format;
use drydock_core::{ApiError, Done, Event, Ids, Rulebook, Scope, Timestamp, Write};
use drydock_detect::{Activity, Context, Detect, Fleet, Traffic};
use drydock_model::{Operation, Wire, iot};
use proptest::prelude::*;
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

const PERIOD: i64 = 300_000;
/// Monday, 30 November 2026, 00:00 UTC.
const BEGIN: i64 = 1_795_996_800_000;

struct Things;

impl Fleet for Things {
    fn has_thing(&self, thing: &str) -> bool {
        thing.starts_with("thing")
    }
    fn has_group(&self, group: &str) -> bool {
        group == "group"
    }
    fn groups_of(&self, thing: &str) -> Vec<String> {
        if thing == "thing0" { vec!["group".to_owned()] } else { Vec::new() }
    }
    fn groups_above(&self, _group: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Ids that count.
struct Counting(AtomicU32);

impl Ids for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
        bytes[..4].copy_from_slice(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    }
}

struct Run {
    book: Detect,
    rows: BTreeMap<(&'static str, String), String>,
    now: Timestamp,
    ids: Counting,
    events: Vec<(SmolStr, &'static str)>,
}

fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

impl Run {
    fn new() -> Self {
        let (rows, events) = Default::default();
        Self { book: Detect::new(scope()), rows, now: Timestamp(BEGIN), ids: Counting(AtomicU32::new(0)), events }
    }

    fn done<T>(&mut self, done: Done<T>) -> T {
        for Write { table, key, value } in done.writes {
            match value {
                Some(value) => drop(self.rows.insert((table, key), value)),
                None => drop(self.rows.remove(&(table, key))),
            }
        }
        for event in done.events {
            let Event::ViolationChanged { violation, .. } = event else { continue };
            self.events.push((violation.id, violation.change));
        }
        done.reply
    }

    fn change<T, E>(&mut self, change: impl FnOnce(&mut Detect, &Context<'_>) -> Result<Done<T>, E>) -> Result<T, E> {
        let context = Context { now: self.now, fleet: &Things, ids: &self.ids };
        let indexed =
            |book: &Detect| ["thing0", "thing1", "thing2", "thing3"].map(|thing| (thing, book.indexed(thing)));
        let before = indexed(&self.book);
        let done = change(&mut self.book, &context)?;
        // The fleet index is told of each device of which it has something else now.
        let told: BTreeSet<&str> = done.events.iter().flat_map(named).collect();
        for ((thing, was), (_, is)) in before.into_iter().zip(indexed(&self.book)) {
            assert!(was == is || told.contains(thing), "nobody is told of {thing}: {was:?} is {is:?}");
        }
        Ok(self.done(done))
    }

    fn profile(&mut self, name: &str, request: &Value, target: &str) {
        let mut request = request.clone();
        request["securityProfileName"] = json!(name);
        let request = input::<iot::ops::CreateSecurityProfile>(&request);
        self.change(|book, context| book.create_profile(request, context.now)).unwrap();
        let target = scope().arn("iot", target);
        let attach = json!({ "securityProfileName": name, "securityProfileTargetArn": target.as_str() });
        let attach = input::<iot::ops::AttachSecurityProfile>(&attach);
        self.change(|book, context| book.attach(&attach, context)).unwrap();
    }

    /// A period ends in which devices have sent so many messages.
    fn period(&mut self, sent: &[(&str, i64)]) {
        self.now = self.now.plus_millis(PERIOD);
        let activities = sent.iter().map(|(thing, sent)| {
            let traffic = vec![("a".into(), Traffic { sent: *sent, least: 1, most: 9, ..Traffic::default() })];
            (SmolStr::new(thing), Activity { traffic, connected: true, ..Activity::default() })
        });
        let activities = activities.collect();
        let end = self.now;
        self.change(|book, context| Ok::<_, ApiError>(book.period(end, &activities, context))).unwrap();
    }

    fn report(&mut self, thing: &str, bytes: i64) {
        let report = json!({ "header": { "report_id": 1, "version": "1.0" }, "metrics": { "network_stats": { "bytes_in": bytes } } });
        let report = report.to_string();
        self.change(|book, context| book.report(thing, Format::Json, report.as_bytes(), context)).unwrap();
    }

    fn violated(&self) -> Vec<String> {
        self.book.active_violations().map(|of| format!("{} {}", of.thing, of.behavior.name)).collect()
    }

    /// The lists say the same of a book that is loaded from its rows.
    fn reload(&self) -> Detect {
        let mut book = Detect::new(scope());
        for table in Detect::TABLES {
            for ((_, key), value) in self.rows.iter().filter(|((of, _), _)| of == table) {
                book.load(table, key, value).unwrap();
            }
        }
        book
    }
}

/// The devices that an event is about.
fn named(event: &Event) -> Vec<&str> {
    match event {
        Event::ViolationChanged { violation, .. } => vec![&violation.thing],
        Event::FoundOtherwise { things } => things.iter().map(SmolStr::as_str).collect(),
        _ => Vec::new(),
    }
}

fn input<O: Operation>(value: &Value) -> O::Input {
    O::Input::read(value, &drydock_model::wire::At::ROOT).unwrap()
}

fn shown(book: &Detect) -> String {
    let active = book.list_active(&input::<iot::ops::ListActiveViolations>(&json!({ "maxResults": 250 }))).unwrap();
    let all = json!({ "startTime": 0, "endTime": 99_999_999_999_i64, "maxResults": 250 });
    let events = book.list_events(&input::<iot::ops::ListViolationEvents>(&all)).unwrap();
    let mut values = Vec::new();
    for thing in ["thing0", "thing1", "stray/1"] {
        let mut asked = all.clone();
        (asked["thingName"], asked["metricName"]) = (json!(thing), json!("aws:num-messages-sent"));
        values.push(book.list_values(&input::<iot::ops::ListMetricValues>(&asked)).unwrap().write());
    }
    format!("{}\n{}\n{values:?}\n{:?}", active.write(), events.write(), book.untold())
}

fn sent(name: &str, count: i64, more: &Value) -> Value {
    let mut criteria =
        json!({ "comparisonOperator": "less-than", "value": { "count": count }, "durationSeconds": 300 });
    for (key, value) in more.as_object().unwrap() {
        criteria[key] = value.clone();
    }
    json!({ "name": name, "metric": "aws:num-messages-sent", "criteria": criteria })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each violation begins once and ends once at most, what is active is what has begun and not ended, and its rows say the same.
    #[test]
    fn violations_skip_nothing(
        steps in proptest::collection::vec((0usize..9, 0i64..4, 0i64..4, 0i64..4), 1..60),
        (alarm, clear) in (1i32..4, 1i32..4),
    ) {
        let mut run = Run::new();
        let often = json!({ "consecutiveDatapointsToAlarm": alarm, "consecutiveDatapointsToClear": clear });
        let alerts = json!({ "SNS": { "alertTargetArn": "arn:aws:sns:us-east-1:123456789012:t", "roleArn": "arn:aws:iam::123456789012:role/r" } });
        let behaviors = json!([sent("few", 2, &often), sent("some", 3, &json!({ "durationSeconds": 600 }))]);
        run.profile("p", &json!({ "behaviors": behaviors, "alertTargets": alerts }), "all/things");
        run.profile("g", &json!({ "behaviors": [sent("none", 1, &json!({}))] }), "thinggroup/group");
        for (what, a, b, c) in steps {
            match what {
                0 => run.now = run.now.plus_millis(3 * 24 * 3_600_000),
                7 => run.now = run.now.plus_millis(31 * 24 * 3_600_000),
                8 => {
                    let delete = input::<iot::ops::DeleteSecurityProfile>(&json!({ "securityProfileName": "g" }));
                    run.change(|book, context| book.delete_profile(&delete, context)).unwrap();
                    run.profile("g", &json!({ "behaviors": [sent("none", 1, &json!({}))] }), "thinggroup/group");
                }
                1 => {
                    let behaviors = json!([sent("few", 2 + a, &often)]);
                    let update = input::<iot::ops::UpdateSecurityProfile>(&json!({ "securityProfileName": "p", "behaviors": behaviors }));
                    run.change(|book, context| book.update_profile(update, context)).unwrap();
                }
                _ => run.period(&[("thing0", a), ("thing1", b), ("stray/1", c)]),
            }
            let mut begun: Vec<SmolStr> = Vec::new();
            let mut on: Vec<SmolStr> = Vec::new();
            for (id, change) in &run.events {
                if *change == Transition::InAlarm.as_str() {
                    prop_assert!(!begun.contains(id), "begins once");
                    begun.push(id.clone());
                    on.push(id.clone());
                } else {
                    let at = on.iter().position(|of| of == id);
                    prop_assert!(at.is_some(), "ends once, after it began");
                    on.remove(at.unwrap());
                }
            }
            let mut active: Vec<SmolStr> = run.book.active_violations().map(|of| SmolStr::new(of.id)).collect();
            (on, active) = { on.sort(); active.sort(); (on, active) };
            prop_assert_eq!(on, active);
            prop_assert_eq!(shown(&run.reload()), shown(&run.book));
        }
        // Who is told is told once.
        for alert in run.book.untold() {
            run.change(|book, _| Ok::<_, ApiError>(book.told(&alert.key))).unwrap();
        }
        prop_assert!(run.book.untold().is_empty() && run.reload().untold().is_empty());
    }
}

#[test]
fn a_device_is_compared_with_the_percentile_of_its_fleet() {
    let mut run = Run::new();
    let criteria = json!({ "comparisonOperator": "less-than-equals", "durationSeconds": 600, "statisticalThreshold": { "statistic": "p90" } });
    let behavior = json!({ "name": "usual", "metric": "aws:all-bytes-in", "criteria": criteria });
    run.profile("p", &json!({ "behaviors": [behavior] }), "all/registered-things");
    // Over two reports each: thing9 has the most together, though in no report alone.
    for round in 0..2 {
        run.now = run.now.plus_millis(1000);
        for at in 0..9 {
            run.report(&format!("thing{at}"), if round == 0 { 100 } else { at });
        }
        run.report("thing9", 80);
        // Of devices that have no profile nothing is kept, and nothing compared with.
        run.report("stray", 1_000_000);
    }
    run.now = Timestamp(BEGIN);
    run.period(&[]);
    assert_eq!(run.violated(), [""; 0], "ten minutes are not over");
    run.period(&[]);
    assert_eq!(run.violated(), ["thing9 usual"]);
}

#[test]
fn what_is_learnt_is_learnt_after_two_weeks_and_enough_datapoints() {
    let mut run = Run::new();
    let learnt = json!({ "mlDetectionConfig": { "confidenceLevel": "HIGH" } });
    let behavior = json!({ "name": "usual", "metric": "aws:num-messages-sent", "criteria": learnt });
    run.profile("p", &json!({ "behaviors": [behavior] }), "all/things");
    let asked = input::<iot::ops::GetBehaviorModelTrainingSummaries>(&json!({}));
    let summary = |run: &Run| run.book.training_summaries(&asked).unwrap().write()["summaries"][0].clone();
    assert_eq!(summary(&run)["modelStatus"], "PENDING_BUILD");
    let names: Vec<String> = (0..7).map(|at| format!("thing{at}")).collect();
    let usual = |at: i64| -> Vec<(&str, i64)> {
        names.iter().zip(0..).map(|(name, device)| (name.as_str(), 10 + (at + device) % 5)).collect()
    };
    // Whatever is sent: nothing is learnt yet.
    run.period(&[("thing0", 1_000_000)]);
    assert_eq!(run.violated(), [""; 0]);
    for at in 0..14 * 288 {
        run.period(&usual(at));
    }
    let trained = summary(&run);
    assert_eq!(
        (&trained["modelStatus"], &trained["datapointsCollectionPercentage"]),
        (&json!("ACTIVE"), &json!(100.0))
    );
    run.period(&[("thing0", 12), ("thing1", 500)]);
    assert_eq!(run.violated(), ["thing1 usual"]);
    let info = shown(&run.book);
    assert!(info.contains("\"confidenceLevel\":\"HIGH\""), "{info:.400}");
    run.period(&[("thing1", 11)]);
    assert_eq!(run.violated(), [""; 0]);
}

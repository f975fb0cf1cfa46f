//! Detection against a table, a queue and a topic in memory: periods in which devices do this and that, duplicates, any order.

use super::*;
use fleet::detection::attribute::{ALARMS, MESSAGES, STATE, UNTOLD};
use fleet::fakes::{Faults, Outbox, Table};
use serde_json::{Value, json};

/// The beginning of a period.
pub(super) const BEGIN: i64 = 1_764_000_000_000;
const PERIOD: i64 = 300_000;

#[derive(Debug)]
pub(super) struct World {
    pub(super) table: Table,
    pub(super) looks: Outbox<(Look, u16)>,
    quarantine: Outbox<Quarantined>,
    pub(super) topic: Outbox<Value>,
    pub(super) profile: Profile,
}

pub(super) type TestPorts<'a> = Ports<'a, Table, Outbox<(Look, u16)>, Outbox<Quarantined>, Outbox<Value>>;

pub(super) fn profile(behaviors: &Value) -> Profile {
    let text = json!({
        "securityProfileName": "meters", "behaviors": behaviors,
        "dimensions": { "telemetry": ["dt/${iot:ClientId}/telemetry"] }, "customMetrics": { "temperature": "number" },
    });
    Profile::read(&text.to_string()).unwrap()
}

pub(super) fn at_most(name: &str, metric: &str, count: i64) -> Value {
    json!({ "name": name, "metric": metric, "criteria": {
        "comparisonOperator": "less-than-equals", "value": { "count": count }, "durationSeconds": 300,
    } })
}

pub(super) fn message(id: &str, at: i64, topic: &str) -> Value {
    json!({
        "clientId": "m", "topic": topic, "receivedAt": at, "traceId": id, "encodedLength": 8, "padded": true,
        "paddedTwice": false,
    })
}

pub(super) fn connected(session: &str, at: i64, address: &str) -> Value {
    json!({
        "eventType": "connected", "clientId": "m", "timestamp": at, "sessionIdentifier": session, "principalIdentifier": "p",
        "ipAddress": address, "versionNumber": 0,
    })
}

fn report(id: i64, at: i64, bytes: i64) -> Value {
    use base64::Engine as _;
    let report = json!({
        "header": { "report_id": id, "version": "1.0" },
        "metrics": { "network_stats": { "bytes_out": bytes } }, "custom_metrics": { "temperature": [{ "number": 20.5 }] },
    });
    let report = base64::engine::general_purpose::STANDARD.encode(report.to_string());
    json!({ "thingName": "m", "receivedAt": at, "traceId": "t", "report": report })
}

impl World {
    pub(super) fn with(faults: &Faults, profile: Profile) -> Self {
        Self {
            table: Table::new(faults),
            looks: Outbox::new(faults),
            quarantine: Outbox::new(faults),
            topic: Outbox::new(faults),
            profile,
        }
    }

    fn new(behaviors: &Value) -> Self {
        Self::with(&Faults::default(), profile(behaviors))
    }

    pub(super) fn ports(&self) -> TestPorts<'_> {
        Ports { table: &self.table, looks: &self.looks, quarantine: &self.quarantine, topic: &self.topic }
    }

    /// Hands a batch to the function; gives what became of each message, and how many come again.
    fn hand(&self, bodies: &[Value], now: i64) -> (Vec<Result<Handled, DetectionError>>, usize) {
        let record = |(at, body): (usize, &Value)| json!({ "messageId": at.to_string(), "body": body.to_string() });
        let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
        let batch: SqsBatch = serde_json::from_value(json!({ "Records": records })).unwrap();
        let ports = self.ports();
        let work = handle_batch(&ports, &self.profile, &batch, now);
        let (response, all) = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work);
        (all, response.batch_item_failures.len())
    }

    /// Lets time go on: what is on the queue comes once it is due, up to a time.
    fn until(&self, end: i64) {
        let mut now = BEGIN;
        while now <= end {
            let mut later = Vec::new();
            while let Some((look, _)) = self.looks.take(0) {
                if look.is_due(now) {
                    let (handled, again) = self.hand(&[json!(look)], now);
                    assert_eq!(again, 0, "{handled:?}");
                } else {
                    later.push(look);
                }
            }
            let ports = self.ports();
            let back = async {
                for look in later {
                    ports.looks.schedule_look(&look, 0).await.unwrap();
                }
            };
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(back);
            now += 60_000;
        }
    }

    fn told(&self) -> Vec<String> {
        let line = |told: &Value| {
            let period = (told["violationEventTime"].as_i64().unwrap() - BEGIN) / PERIOD;
            let text = |of: &Value| of.as_str().unwrap().to_owned();
            format!("{period} {} {}", text(&told["behavior"]["name"]), text(&told["violationEventType"]))
        };
        self.topic.sent().iter().map(line).collect()
    }
}

const TOPIC: &str = "dt/m/telemetry";

#[test]
fn a_device_that_floods_is_told_of_and_cleared_once_it_is_calm() {
    let world = World::new(&json!([at_most("calm", "aws:num-messages-sent", 2)]));
    let flood: Vec<Value> = (0..5).map(|n| message(&n.to_string(), BEGIN + n, TOPIC)).collect();
    let (handled, again) = world.hand(&flood, BEGIN + 10);
    assert!(handled.iter().all(|handled| matches!(handled, Ok(Handled::Observed { late: false }))), "{handled:?}");
    assert_eq!((again, world.looks.sent().len()), (0, 1), "one look, whatever the number of messages");
    assert_eq!(world.looks.sent()[0].1, 360, "a minute after the period's end");
    // All of it again: nothing more is counted, or put on the queue.
    world.hand(&flood, BEGIN + 20);
    assert_eq!(world.looks.sent().len(), 1);
    let (handled, again) = world.hand(&[json!(world.looks.sent()[0].0)], BEGIN + 30);
    assert!(matches!(handled[0], Err(DetectionError::Early)) && again == 1, "{handled:?}");

    world.until(BEGIN + 4 * PERIOD);
    assert_eq!(world.told(), ["1 calm in-alarm", "2 calm alarm-cleared"]);
    let sent = world.topic.sent();
    assert_eq!(sent[0]["violationId"], sent[1]["violationId"]);
    assert_eq!(
        sent[0],
        json!({
            "violationEventTime": BEGIN + PERIOD, "thingName": "m", "violationEventType": "in-alarm",
            "securityProfileName": "meters", "metricValue": { "count": 5 }, "violationId": sent[0]["violationId"],
            "behavior": at_most("calm", "aws:num-messages-sent", 2),
        })
    );
    let row = world.table.row(&format!("m|{STATE}")).unwrap();
    assert!(!row.0.contains_key(ALARMS) && !row.0.contains_key(UNTOLD), "{row:?}");
    assert!(world.looks.sent().is_empty(), "nothing to follow any more");
}

#[test]
fn what_comes_in_any_order_and_again_leaves_the_same_rows() {
    let behaviors = json!([
        at_most("calm", "aws:num-messages-sent", 2),
        at_most("connects", "aws:num-connection-attempts", 1),
        at_most("out", "aws:all-bytes-out", 99),
        { "name": "small", "metric": "aws:message-byte-size",
            "criteria": { "comparisonOperator": "less-than", "value": { "count": 100 } } },
        { "name": "at-home", "metric": "aws:source-ip-address",
            "criteria": { "comparisonOperator": "in-cidr-set", "value": { "cidrs": ["192.0.2.0/24"] } } },
        { "name": "cold", "metric": "temperature", "criteria": { "comparisonOperator": "less-than", "value": { "number": 20.0 } } },
    ]);
    let mut all = [
        message("a", BEGIN, TOPIC),
        message("b", BEGIN + 1, "dt/m/other"),
        message("c", BEGIN + PERIOD, TOPIC),
        connected("s", BEGIN, "192.0.2.1"),
        connected("t", BEGIN + 2, "198.51.100.1"),
        report(1, BEGIN, 50),
        report(2, BEGIN + 3, 100),
    ];
    let mut first: Option<(Vec<String>, _)> = None;
    for turn in 0..all.len() * 2 {
        all.rotate_left(1);
        if turn % 2 == 1 {
            all.reverse();
        }
        let world = World::new(&behaviors);
        // One by one, and some of them twice.
        for (at, body) in all.iter().enumerate() {
            world.hand(std::slice::from_ref(body), BEGIN + 5);
            if at % 3 == turn % 3 {
                world.hand(&all[at / 2..=at], BEGIN + 6);
            }
        }
        world.until(BEGIN + 5 * PERIOD);
        let mut told = world.told();
        told.sort();
        let rows: std::collections::BTreeMap<_, _> =
            world.table.rows().into_iter().filter(|(key, _)| !key.ends_with(STATE)).collect();
        let seen = (told, rows);
        match &first {
            None => first = Some(seen),
            Some(first) => assert_eq!(&seen, first, "turn {turn}"),
        }
    }
    let (told, _) = first.unwrap();
    // Of what is not heard any more nobody knows whether it is normal: addresses and temperature stay as they are.
    assert_eq!(
        told,
        ["1 at-home in-alarm", "1 cold in-alarm", "1 connects in-alarm", "1 out in-alarm", "2 connects alarm-cleared"]
    );
}

#[test]
fn dimensions_durations_and_consecutive_datapoints_count_as_detect_has_them() {
    let mut scoped = at_most("telemetry", "aws:num-messages-sent", 1);
    scoped["metricDimension"] = json!({ "dimensionName": "telemetry", "operator": "IN" });
    let mut others = at_most("others", "aws:num-messages-sent", 1);
    others["metricDimension"] = json!({ "dimensionName": "telemetry", "operator": "NOT_IN" });
    let mut long = at_most("long", "aws:num-messages-sent", 3);
    long["criteria"]["durationSeconds"] = json!(600);
    let mut twice = at_most("twice", "aws:num-messages-sent", 1);
    twice["criteria"]["consecutiveDatapointsToAlarm"] = json!(2);
    twice["criteria"]["consecutiveDatapointsToClear"] = json!(2);
    let mut quiet = at_most("quiet", "aws:num-messages-sent", 1);
    quiet["suppressAlerts"] = json!(true);
    let world = World::new(&json!([scoped, others, long, twice, quiet]));
    // The beginning of ten minutes.
    let begin = if (BEGIN / PERIOD) % 2 == 0 { BEGIN } else { BEGIN + PERIOD };
    for period in 0..2 {
        let at = begin + period * PERIOD;
        let all: Vec<Value> = (0..2).map(|n| message(&format!("{period}/{n}"), at + n, TOPIC)).collect();
        world.hand(&all, at + 10);
    }
    world.until(begin + 7 * PERIOD);
    let offset = (begin - BEGIN) / PERIOD;
    let expected = [
        (1, "telemetry in-alarm"),
        (2, "long in-alarm"),
        (2, "twice in-alarm"),
        (3, "telemetry alarm-cleared"),
        (4, "long alarm-cleared"),
        (4, "twice alarm-cleared"),
    ];
    assert_eq!(world.told(), expected.map(|(period, what)| format!("{} {what}", period + offset)));
}

#[test]
fn what_comes_after_its_period_was_judged_is_late() {
    let world = World::new(&json!([at_most("calm", "aws:num-messages-sent", 0)]));
    world.hand(&[message("a", BEGIN, TOPIC)], BEGIN + 1);
    world.until(BEGIN + 4 * PERIOD);
    let (handled, again) = world.hand(&[message("b", BEGIN + 1, TOPIC)], BEGIN + 4 * PERIOD);
    assert!(matches!(handled[0], Ok(Handled::Observed { late: true })) && again == 0, "{handled:?}");
    // An event of the period before the first that was heard of is not.
    let world = World::new(&json!([at_most("calm", "aws:num-messages-sent", 0)]));
    world.hand(&[message("b", BEGIN + PERIOD, TOPIC)], BEGIN + PERIOD);
    let (handled, _) = world.hand(&[message("a", BEGIN, TOPIC)], BEGIN + PERIOD + 1);
    assert!(matches!(handled[0], Ok(Handled::Observed { late: false })), "{handled:?}");
    world.until(BEGIN + 5 * PERIOD);
    assert_eq!(world.told(), ["1 calm in-alarm", "3 calm alarm-cleared"]);
}

#[test]
fn a_set_that_is_full_grows_no_more_and_others_do() {
    let world = World::new(&json!([
        at_most("calm", "aws:num-messages-sent", 999),
        at_most("few", "aws:num-connection-attempts", 1)
    ]));
    for batch in 0..150 {
        let all: Vec<Value> = (0..10).map(|n| message(&format!("{batch}/{n}"), BEGIN, TOPIC)).collect();
        let (_, again) = world.hand(&all, BEGIN + 1);
        assert_eq!(again, 0);
    }
    let row = world.table.rows().into_iter().find(|(key, _)| !key.ends_with(STATE)).unwrap().1;
    let counted = row.numbers(MESSAGES).unwrap().len();
    assert!((fleet::detection::period::MOST..1_030).contains(&counted), "{counted}");
    world.hand(&[connected("s", BEGIN, "192.0.2.1"), connected("t", BEGIN, "192.0.2.1")], BEGIN + 1);
    world.until(BEGIN + 3 * PERIOD);
    assert_eq!(world.told()[..2], ["1 calm in-alarm", "1 few in-alarm"]);
}

#[test]
fn a_behavior_that_is_changed_or_gone_invalidates_its_alarm() {
    let mut world =
        World::new(&json!([at_most("calm", "aws:num-messages-sent", 0), at_most("gone", "aws:num-messages-sent", 0)]));
    for period in 0..3 {
        world.hand(&[message(&period.to_string(), BEGIN + period * PERIOD, TOPIC)], BEGIN + period * PERIOD);
        if period == 1 {
            world.until(BEGIN + PERIOD + 60_000);
            world.profile = profile(&json!([at_most("calm", "aws:num-messages-sent", 5)]));
        }
    }
    world.until(BEGIN + 4 * PERIOD);
    let told = world.told();
    assert_eq!(told, ["1 calm in-alarm", "1 gone in-alarm", "2 calm alarm-invalidated", "2 gone alarm-invalidated"]);
}

#[test]
fn an_alarm_of_which_nothing_is_heard_for_two_days_is_invalidated() {
    let world = World::new(&json!([at_most("out", "aws:all-bytes-out", 99)]));
    world.hand(&[report(1, BEGIN, 100)], BEGIN + 1);
    world.until(BEGIN + 600 * PERIOD);
    assert_eq!(world.told(), ["1 out in-alarm", "578 out alarm-invalidated"]);
    assert!(world.looks.sent().is_empty());
}

#[test]
fn what_cannot_be_read_is_set_aside_with_the_reason() {
    let world = World::new(&json!([at_most("out", "aws:all-bytes-out", 99)]));
    let mut bad = report(1, BEGIN, 1);
    bad["report"] = json!("bm90IEpTT04=");
    let (handled, again) = world.hand(&[json!({ "clientId": "m" }), bad, message("a", BEGIN, TOPIC)], BEGIN);
    assert_eq!(again, 0, "{handled:?}");
    let reasons: Vec<String> = world.quarantine.sent().into_iter().map(|aside| aside.reason).collect();
    assert!(reasons[0].contains("topic") && reasons[1].contains("not JSON"), "{reasons:?}");
    assert!(world.table.rows().is_empty(), "no behavior measures messages");
}

#[test]
fn a_profile_names_what_cannot_be_measured() {
    let cases = [
        (at_most("b", "aws:num-messages-received", 1), "no rule hears of what devices receive"),
        (at_most("b", "aws:num-messages-sent", 1_000), "at most 1000 are counted in five minutes"),
        (at_most("b", "aws:no-such-metric", 1), "neither one of AWS IoT Device Defender nor a custom metric"),
        (
            json!({ "name": "b", "metric": "aws:disconnect-duration",
                "criteria": { "comparisonOperator": "less-than", "value": { "count": 1 } } }),
            "`connectivity`",
        ),
        (
            json!({ "name": "b", "metric": "aws:num-messages-sent", "criteria": {
                "comparisonOperator": "less-than", "statisticalThreshold": { "statistic": "p90" }, "durationSeconds": 300 } }),
            "one device at a time",
        ),
        (
            json!({ "name": "b", "metric": "aws:num-messages-sent",
                "metricDimension": { "dimensionName": "none" }, "criteria": {
                "comparisonOperator": "less-than", "value": { "count": 1 }, "durationSeconds": 300 } }),
            "there is no dimension none",
        ),
    ];
    for (behavior, why) in cases {
        let text = json!({ "securityProfileName": "p", "behaviors": [behavior] }).to_string();
        let refused = Profile::read(&text).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn the_sample_events_raise_an_alarm() {
    let no_telnet = json!({ "name": "no-telnet", "metric": "aws:listening-tcp-ports",
        "criteria": { "comparisonOperator": "not-in-port-set", "value": { "ports": [23] } } });
    let world = World::new(&json!([no_telnet, at_most("calm", "aws:num-messages-sent", 0)]));
    let batch: SqsBatch = serde_json::from_str(include_str!("../../../../events/defender-detect-batch.json")).unwrap();
    let look: SqsBatch = serde_json::from_str(include_str!("../../../../events/defender-detect-look.json")).unwrap();
    let run = |batch: &SqsBatch, now: i64| {
        let ports = world.ports();
        let work = handle_batch(&ports, &world.profile, batch, now);
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    };
    let (response, handled) = run(&batch, BEGIN + 121_000);
    assert!(response.batch_item_failures.is_empty(), "{handled:?}");
    assert_eq!(world.quarantine.sent().len(), 1);
    let (response, _) = run(&look, BEGIN + 361_000);
    assert!(response.batch_item_failures.is_empty());
    assert_eq!(world.told(), ["1 no-telnet in-alarm", "1 calm in-alarm"]);
    assert_eq!(world.topic.sent()[1]["metricValue"], json!({ "count": 1 }), "the message came twice");
}

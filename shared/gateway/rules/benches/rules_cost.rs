//! What rules cost: one statement on a telemetry message beside `serde_json`'s parser, one rule beside 10,000 others that do not
//! match, and one message beside many rules that do. Each figure is the least of many rounds, in turns, in one run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]

use bytes::Bytes;
use drydock_core::{Ids, Scope, Timestamp};
use drydock_model::iot::{CreateTopicRuleRequest, TopicRulePayload};
use drydock_rules::{Capabilities, Env, Message, NoExternals, Outcome, Rules};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const NOW: Timestamp = Timestamp(1_793_491_200_000);
const TOPIC: &str = "dt/charger-0000017/telemetry";
const SQL: &str = "SELECT temperature, deviceId FROM 'dt/+/telemetry' WHERE temperature > 50";
/// How often a thing is done in a round, and how many rounds there are.
const TIMES: u32 = 2_000;
const ROUNDS: usize = 60;

struct Zeros;

impl Ids for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Telemetry of 300 bytes.
fn payload() -> Bytes {
    let text = concat!(
        r#"{"deviceId":"charger-0000017","temperature":61.25,"humidity":48.5,"voltage":231.7,"current":15.92,"#,
        r#""state":"charging","errors":[],"location":{"lat":48.39841,"lon":9.99155},"firmware":"2.14.3","#,
        r#""session":{"id":"9f1c2a7b","energyWh":18230,"startedAt":1793490000000},"seq":104233,"online":true,"rssi":-61}"#,
    );
    assert_eq!(text.len(), 300, "the payload is what the figure says");
    Bytes::from_static(text.as_bytes())
}

fn rules(count: usize, filter: impl Fn(usize) -> String) -> Rules {
    let scope = Scope::new("123456789012", "us-east-1");
    let mut book = Rules::new(scope, Capabilities::NONE).with_max_rules(count);
    for index in 0..count {
        let sql = SQL.replace("dt/+/telemetry", &filter(index));
        let payload = TopicRulePayload::from_json(&serde_json::json!({
            "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [],
        }));
        let request = CreateTopicRuleRequest {
            rule_name: format!("rule_{index}"),
            topic_rule_payload: payload.unwrap(),
            tags: None,
        };
        drop(book.create_topic_rule(request, NOW).unwrap());
    }
    book
}

/// A message on its way through the rules: those that match it evaluate.
fn run(book: &drydock_rules::RuleSet, payload: &Bytes) -> usize {
    let message = Message::new(TOPIC, payload.clone(), "123456789012", NOW);
    let env = Env { ids: &Zeros, externals: &NoExternals };
    let mut matched = 0;
    for rule in book.matching(&message.topic).unwrap() {
        if let Outcome::Matched(output) = black_box(rule.evaluate(&message, env)) {
            matched += usize::from(!output.value.is_undefined());
        }
    }
    matched
}

/// Nanoseconds for one time of each, in turns, the least of all rounds.
fn measure<const N: usize>(mut parts: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut least = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (part, least) in parts.iter_mut().zip(&mut least) {
            let begin = Instant::now();
            (0..TIMES).for_each(|_| part());
            *least = least.min(begin.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES));
        }
    }
    least
}

fn main() {
    let payload = payload();
    let one = rules(1, |_| "dt/+/telemetry".to_owned()).enabled();
    let many = rules(10_001, |index| match index {
        0 => "dt/+/telemetry".to_owned(),
        index if index % 2 == 0 => format!("dt/charger-{index:07}/telemetry/{index}"),
        index => format!("site/{index}/+/events"),
    });
    let many = many.enabled();
    let hundred = rules(100, |_| "dt/+/telemetry".to_owned()).enabled();
    assert_eq!((run(&one, &payload), run(&many, &payload), run(&hundred, &payload)), (1, 1, 100));

    let parsed = Message::new(TOPIC, payload.clone(), "123456789012", NOW);
    let env = Env { ids: &Zeros, externals: &NoExternals };
    let rule = Arc::clone(one.matching(TOPIC).unwrap()[0]);
    let [serde, ours, among, all, again] = measure([
        &mut || drop(black_box(serde_json::from_slice::<serde_json::Value>(black_box(&payload)).unwrap())),
        &mut || {
            black_box(run(&one, &payload));
        },
        &mut || {
            black_box(run(&many, &payload));
        },
        &mut || {
            black_box(run(&hundred, &payload));
        },
        &mut || drop(black_box(rule.evaluate(&parsed, env))),
    ]);
    println!("serde_json parses 300 bytes                 {serde:>8.0} ns");
    println!("one rule, parsing and evaluating            {ours:>8.0} ns   {:.2} of serde_json", ours / serde);
    println!("the same among 10,000 that do not match     {among:>8.0} ns   {:.2} of one rule", among / ours);
    println!("100 rules that all match                    {all:>8.0} ns   {:.2} of one rule", all / ours);
    println!("one rule on a message that is parsed        {again:>8.0} ns   {:.2} of one rule", again / ours);
}

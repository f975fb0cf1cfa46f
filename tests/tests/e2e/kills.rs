//! What follows from what was acknowledged comes about, at least once: over kills at any moment, and over stops. Rules act on every
//! message of QoS 1, and what the account asked to be told of a change is told.

use drydock_tests::gateway::{Gateway, Place, SMALL, authorization, wait_for};
use drydock_tests::http;
use drydock_tests::mqtt::Raw;
use drydock_tests::recorder::{Recorded, Recorder, Reply};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const OPTIONS: [&str; 5] = ["--data-dir", "state", "--no-functions", "--plain-port", "0"];
const ROLE: &str = "arn:aws:iam::123456789012:role/r";
/// How often the gateway is killed.
const KILLS: u64 = 100;
/// Messages on their way to the gateway at a time.
const WINDOW: u64 = 16;
/// The most that are acknowledged between two kills.
const BETWEEN: u64 = 40;

fn sqs(gateway: &Gateway<'_>, operation: &str, body: &Value) -> Value {
    let target = format!("AmazonSQS.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
    gateway.call("sqs", "POST", "/", &headers, body).ok()
}

/// Numbers that look random, the same each time.
pub(crate) fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// The identifier of the next PUBACK; nothing where the connection has ended.
fn acknowledged(publisher: &mut Raw) -> Option<u64> {
    match publisher.packet()? {
        (0x40, body) => Some(u16::from_be_bytes([body[0], body[1]]).into()),
        other => panic!("{other:?} instead of a PUBACK"),
    }
}

/// Publishes until so many are acknowledged, with a window of others on their way, and kills the gateway: the numbers of the
/// messages that were acknowledged, of those that are sent from `first` on.
fn publish_and_kill(gateway: Gateway<'_>, first: u64, most: u64) -> BTreeSet<u64> {
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    let mut known = BTreeSet::new();
    for id in 1..=most + WINDOW {
        publisher.publish("in", &json!({ "n": first + id }).to_string(), u16::try_from(id).unwrap());
        if id > WINDOW {
            known.extend(acknowledged(&mut publisher));
        }
    }
    gateway.kill();
    while let Some(id) = acknowledged(&mut publisher) {
        known.insert(id);
    }
    known.into_iter().map(|id| first + id).collect()
}

/// What waits for the subscriber, which acknowledges it, until all that is wanted has come: how often each.
fn received(gateway: &Gateway<'_>, wanted: &BTreeSet<u64>) -> BTreeMap<u64, usize> {
    let mut subscriber = gateway.raw();
    assert!(subscriber.resume("subscriber"), "the session is there");
    let mut got = BTreeMap::new();
    let mut left = wanted.clone();
    while !left.is_empty() {
        let packet = subscriber.packet();
        let (_, body) = packet.unwrap_or_else(|| panic!("the subscriber never got {left:?}"));
        let value: Value = serde_json::from_slice(&body[7..]).unwrap();
        let number = value["n"].as_u64().unwrap();
        left.remove(&number);
        *got.entry(number).or_default() += 1;
        subscriber.send(&[0x40, 2, body[5], body[6]]);
    }
    got
}

/// The numbers of the table's rows.
fn rows(gateway: &Gateway<'_>) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    let mut from = Value::Null;
    loop {
        let mut scan = json!({ "TableName": "rows" });
        if !from.is_null() {
            scan["ExclusiveStartKey"] = from;
        }
        let page = gateway.dynamodb("Scan", &scan);
        found.extend(page["Items"].as_array().unwrap().iter().map(|item| number(item["n"]["N"].as_str().unwrap())));
        from = page["LastEvaluatedKey"].clone();
        if from.is_null() {
            return found;
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|e| panic!("`{text}`: {e}"))
}

#[test]
fn a_hundred_kills_under_load_lose_no_action_of_a_rule() {
    let place = Place::new(SMALL);
    let limits =
        "publishes_per_second = 0\nstored_per_second = 0\nqueue_messages = 1000000\nqueue_bytes = 1000000000\n";
    fs::write(place.path().join("drydock.toml"), format!("[limits]\n{limits}")).unwrap();
    let gateway = place.up(&OPTIONS);
    let queue =
        sqs(&gateway, "CreateQueue", &json!({ "QueueName": "q", "Attributes": { "VisibilityTimeout": "3600" } }));
    let queue = queue["QueueUrl"].clone();
    gateway.dynamodb(
        "CreateTable",
        &json!({
            "TableName": "rows", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "n", "AttributeType": "N" }],
            "KeySchema": [{ "AttributeName": "n", "KeyType": "HASH" }],
        }),
    );
    let actions = json!([
        { "republish": { "topic": "out", "qos": 1, "roleArn": ROLE } },
        { "dynamoDBv2": { "putItem": { "tableName": "rows" }, "roleArn": ROLE } },
        { "sqs": { "queueUrl": queue, "roleArn": ROLE } },
    ]);
    gateway.iot("POST", "/rules/all", &json!({ "sql": "SELECT n FROM 'in'", "actions": actions }));
    let mut subscriber = gateway.raw();
    assert!(!subscriber.resume("subscriber"));
    subscriber.send(b"\x82\x08\x00\x01\x00\x03out\x01");
    assert_eq!(subscriber.packet(), Some((0x90, vec![0, 1, 1])));
    subscriber.send(&[0xE0, 0]);
    subscriber.closed();
    gateway.kill();

    let (mut wanted, mut state) = (BTreeSet::new(), 7);
    for kill in 0..KILLS {
        let most = random(&mut state) % BETWEEN;
        wanted.extend(publish_and_kill(place.up(&OPTIONS), kill * 1000, most));
    }
    assert!(wanted.len() as u64 > KILLS * BETWEEN / 4, "{} acknowledged messages are not a load", wanted.len());

    let gateway = place.up(&OPTIONS);
    let got = received(&gateway, &wanted);
    wait_for("a row for each message", || wanted.is_subset(&rows(&gateway)).then_some(()));
    let mut left = wanted.clone();
    while !left.is_empty() {
        let messages = wait_for("more messages in the queue", || {
            let batch = sqs(&gateway, "ReceiveMessage", &json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 }));
            batch["Messages"].as_array().filter(|messages| !messages.is_empty()).cloned()
        });
        for message in messages {
            let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            left.remove(&body["n"].as_u64().unwrap());
        }
    }
    let again = got.values().filter(|count| **count > 1).count();
    println!("{KILLS} kills, {} messages acknowledged, {} received, {again} of them twice", wanted.len(), got.len());

    // All of it is done: after a stop in peace the rule meets new messages only.
    gateway.stop();
    let gateway = place.up(&OPTIONS);
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    publisher.publish("in", r#"{"n":1000000}"#, 1);
    assert_eq!(acknowledged(&mut publisher), Some(1));
    received(&gateway, &BTreeSet::from([1_000_000]));
    let counts = gateway.send("GET", "/_drydock/metrics", &[], b"").body;
    assert!(counts.contains("aws_iot{metric=\"RulesExecuted\"} 1\n"), "{counts}");
}

const ANSWERS: u8 = 0;
const HANGS: u8 = 1;
const REFUSES: u8 = 2;

/// A queue elsewhere that answers, hangs or refuses.
struct Elsewhere {
    recorder: Recorder,
    mode: Arc<AtomicU8>,
}

impl Elsewhere {
    fn start(place: &Place) -> Self {
        let mode = Arc::new(AtomicU8::new(HANGS));
        let told = Arc::clone(&mode);
        let recorder = Recorder::start(move |_| match told.load(Ordering::SeqCst) {
            ANSWERS => Reply::new(200, r#"{"MessageId":"m","MD5OfMessageBody":"d"}"#),
            REFUSES => Reply::new(400, r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}"#),
            _ => Reply::new(200, "{}").after(Duration::from_secs(3600)),
        });
        let text = format!("[endpoints]\nsqs = \"{}\"\n", recorder.url());
        fs::write(place.path().join("drydock.toml"), text).unwrap();
        Self { recorder, mode }
    }

    fn now(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }

    /// Forgets what was asked so far: what hangs for long is tried again.
    fn forget(&self) {
        drop(self.recorder.rest());
    }

    /// The message of the next request.
    fn next(&self) -> Value {
        Self::message(&self.recorder.next())
    }

    fn message(request: &Recorded) -> Value {
        serde_json::from_str(request.json()["MessageBody"].as_str().unwrap_or_default()).unwrap()
    }

    /// All until a message on this topic has come, and what came beside it at once.
    fn until(&self, topic: &str) -> Vec<Value> {
        let mut found = vec![self.next()];
        while found.last().is_some_and(|message| message["topic"] != topic) {
            found.push(self.next());
        }
        found.extend(self.recorder.rest().iter().map(Self::message));
        found
    }
}

fn rule(gateway: &Gateway<'_>) {
    let sql = "SELECT *, topic() AS topic, timestamp() AS at, traceid() AS trace FROM 'slow/+'";
    let queue = "https://sqs.us-east-1.amazonaws.com/123456789012/q";
    let action = json!({ "sqs": { "queueUrl": queue, "roleArn": ROLE } });
    let error = json!({ "republish": { "topic": "failed", "qos": 1, "roleArn": ROLE } });
    gateway.iot("POST", "/rules/slow", &json!({ "sql": sql, "actions": [action], "errorAction": error }));
}

fn publish(publisher: &mut Raw, topic: &str, id: u16) {
    publisher.publish(topic, r#"{"a":1}"#, id);
    assert_eq!(acknowledged(publisher), Some(id.into()), "{topic}");
}

fn topics(messages: &[Value]) -> BTreeSet<&str> {
    messages.iter().filter_map(|message| message["topic"].as_str()).collect()
}

#[test]
fn every_way_to_publish_at_qos_1_is_kept_and_qos_0_is_not() {
    let place = Place::new(SMALL);
    let elsewhere = Elsewhere::start(&place);
    let gateway = place.up(&OPTIONS);
    rule(&gateway);
    let again = json!({ "republish": { "topic": "slow/republished", "qos": 1, "roleArn": ROLE } });
    gateway.iot("POST", "/rules/again", &json!({ "sql": "SELECT a FROM 'first'", "actions": [again] }));
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    publish(&mut publisher, "slow/mqtt", 1);
    publish(&mut publisher, "$aws/rules/slow/slow/ingest", 2);
    publish(&mut publisher, "first", 3);
    publisher.send(b"\x30\x12\x00\x09slow/zero{\"a\":1}");
    gateway.publish("slow/http", r#"{"a":1}"#, false);
    let path = "/topics/slow%2Fhttp0?qos=0";
    gateway.send("POST", path, &[("authorization", &authorization("us-east-1", "iotdata"))], br#"{"a":1}"#).ok();
    let mut lost = gateway.raw();
    lost.connect_with_will("lost", "slow/will", r#"{"a":1}"#);
    drop(lost);
    // All of them hang in their action; one that hangs for long is tried again before the last has come.
    let kept = BTreeSet::from(["slow/http", "slow/ingest", "slow/mqtt", "slow/republished", "slow/will"]);
    let others = BTreeSet::from(["slow/http0", "slow/zero"]);
    let all: BTreeSet<&str> = kept.union(&others).copied().collect();
    let mut before: Vec<Value> = Vec::new();
    while topics(&before) != all {
        before.push(elsewhere.next());
    }
    gateway.kill();

    elsewhere.forget();
    elsewhere.now(ANSWERS);
    let gateway = place.up(&OPTIONS);
    let mut after = Vec::new();
    while !kept.is_subset(&topics(&after)) {
        after.push(elsewhere.next());
    }
    // Nobody waits for a will to be saved: one that a kill came before is published anew, under another trace id.
    let acknowledged = |topic: &str| kept.contains(topic) && topic != "slow/will";
    for message in before.iter().filter(|message| acknowledged(message["topic"].as_str().unwrap())) {
        assert!(after.contains(message), "{message}, with its time and trace id, is not among {after:?}");
    }
    gateway.stop();
    // What has ended does not come again.
    let gateway = place.up(&OPTIONS);
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    publish(&mut publisher, "slow/last", 1);
    let rest = elsewhere.until("slow/last");
    assert!(topics(&rest).is_subset(&BTreeSet::from(["slow/last", "slow/republished"])), "{rest:?}");
}

#[test]
fn a_stop_keeps_what_rules_have_not_done_a_reset_and_a_lasting_failure_do_not() {
    let place = Place::new(SMALL);
    let elsewhere = Elsewhere::start(&place);
    let gateway = place.up(&OPTIONS);
    rule(&gateway);
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    publish(&mut publisher, "slow/stopped", 1);
    let before = elsewhere.next();
    gateway.stop();

    elsewhere.forget();
    elsewhere.now(ANSWERS);
    let gateway = place.up(&OPTIONS);
    assert_eq!(elsewhere.next(), before, "it is done after the stop");

    // What fails for good is told to the error action, once.
    elsewhere.now(REFUSES);
    let mut observer = gateway.observer(&["failed"]);
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    publish(&mut publisher, "slow/refused", 1);
    // At least once: what was asked for as the gateway stopped may come once more.
    while elsewhere.next()["topic"] != "slow/refused" {}
    observer.receive("failed");
    gateway.stop();
    elsewhere.now(ANSWERS);
    let gateway = place.up(&OPTIONS);
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    publish(&mut publisher, "slow/last", 1);
    assert_eq!(topics(&elsewhere.until("slow/last")), BTreeSet::from(["slow/last"]));

    elsewhere.now(HANGS);
    publish(&mut publisher, "slow/reset", 2);
    assert_eq!(elsewhere.next()["topic"], "slow/reset");
    gateway.send("POST", "/_drydock/reset?to=empty", &[], b"").ok();
    rule(&gateway);
    gateway.kill();
    elsewhere.forget();
    elsewhere.now(ANSWERS);
    let gateway = place.up(&OPTIONS);
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    publish(&mut publisher, "slow/end", 1);
    assert_eq!(topics(&elsewhere.until("slow/end")), BTreeSet::from(["slow/end"]), "a reset forgets what is not done");
}

/// Makes a thing; whether it was acknowledged.
fn make(port: u16, name: &str) -> bool {
    let answer = http::answer_so_far(port, "POST", &format!("/things/{name}"), &[], b"{}");
    answer.is_some_and(|answer| answer.status == 200)
}

/// Makes things from several sides and kills the gateway in the middle of it: the names of those that were acknowledged.
fn make_and_kill(gateway: Gateway<'_>, round: usize) -> BTreeSet<String> {
    const SIDES: usize = 8;
    let (port, made) = (gateway.api_port(), AtomicUsize::new(0));
    let most = 24 + 7 * round;
    thread::scope(|scope| {
        let sides: Vec<_> = (0..SIDES)
            .map(|side| {
                let made = &made;
                scope.spawn(move || {
                    let mut known = BTreeSet::new();
                    for number in 0.. {
                        let name = format!("t-{round}-{side}-{number}");
                        if !make(port, &name) {
                            break;
                        }
                        made.fetch_add(1, Ordering::SeqCst);
                        known.insert(name);
                    }
                    known
                })
            })
            .collect();
        wait_for("things are made", || (made.load(Ordering::SeqCst) >= most).then_some(()));
        gateway.kill();
        sides.into_iter().flat_map(|side| side.join().unwrap()).collect()
    })
}

#[test]
fn a_kill_loses_nothing_that_the_account_asked_to_be_told() {
    const ROUNDS: usize = 10;
    let place = Place::new(SMALL);
    fs::write(place.path().join("drydock.toml"), "[limits]\nstored_per_second = 0\nqueue_messages = 100000\n").unwrap();
    let gateway = place.up(&OPTIONS);
    gateway.iot("PATCH", "/event-configurations", &json!({ "eventConfigurations": { "THING": { "Enabled": true } } }));
    let mut subscriber = gateway.raw();
    assert!(!subscriber.resume("subscriber"));
    subscriber.send(b"\x82\x20\x00\x01\x00\x1b$aws/events/thing/+/created\x01");
    assert_eq!(subscriber.packet(), Some((0x90, vec![0, 1, 1])));
    subscriber.send(&[0xE0, 0]);
    subscriber.closed();
    gateway.kill();

    let mut wanted = BTreeSet::new();
    for round in 0..ROUNDS {
        wanted.extend(make_and_kill(place.up(&OPTIONS), round));
    }
    let gateway = place.up(&OPTIONS);
    let mut subscriber = gateway.raw();
    assert!(subscriber.resume("subscriber"), "the session is there");
    let mut events: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    while !wanted.iter().all(|name| events.contains_key(name)) {
        let left = || wanted.iter().filter(|name| !events.contains_key(*name)).collect::<Vec<_>>();
        let (_, body) = subscriber.packet().unwrap_or_else(|| panic!("nothing was told of {:?}", left()));
        let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let event: Value = serde_json::from_slice(&body[topic + 4..]).unwrap();
        assert_eq!(event["operation"], "CREATED");
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        events.entry(text("thingName")).or_default().insert(text("eventId"));
        subscriber.send(&[0x40, 2, body[topic + 2], body[topic + 3]]);
    }
    // What comes twice comes under the same id.
    assert!(events.values().all(|ids| ids.len() == 1), "{events:?}");
    println!("{ROUNDS} kills, {} things acknowledged, {} told of", wanted.len(), events.len());
}

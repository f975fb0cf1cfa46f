//! A rollout that is killed a hundred times, at moments that look random: it goes on where it was, no device gets its job twice, none
//! is left out, and what a device was told to have ended stays so.

use crate::kills::random;
use drydock_tests::gateway::{Gateway, Place, SMALL, authorization, wait_for};
use drydock_tests::http;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const OPTIONS: [&str; 3] = ["--data-dir", "state", "--no-functions"];
/// How often the gateway is killed.
const KILLS: u64 = 100;
/// The most requests that are answered between two kills.
const BETWEEN: u64 = 24;
/// Things that are in the group from the beginning. Each kill has one more.
const THINGS: u64 = 100;
/// Executions that are made in a minute at most: things are rolled out to for as long as the gateway is killed.
const A_MINUTE: u64 = 10;

fn name(thing: u64) -> String {
    format!("t{thing:03}")
}

/// One request, signed in name; nothing where the gateway is killed before it has answered.
fn ask(port: u16, service: &str, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
    let authorization = authorization("us-east-1", service);
    let headers = [("authorization", authorization.as_str())];
    let answer = http::answer_so_far(port, method, path, &headers, body.to_string().as_bytes())?;
    // An answer that was cut off is none.
    let length: Option<usize> = answer.header("content-length").parse().ok();
    if length.is_some_and(|length| answer.body.len() < length) {
        return None;
    }
    Some((answer.status, serde_json::from_str(&answer.body).unwrap_or_default()))
}

/// What was answered before the gateway was killed.
#[derive(Debug, Default)]
struct Known {
    members: BTreeSet<String>,
    succeeded: BTreeSet<String>,
}

/// Does what happens in a fleet: devices do the job, another thing joins, time passes; until nobody answers any more.
fn go_on(port: u16, round: u64, answered: &AtomicUsize) -> Known {
    let (mut known, mut state) = (Known::default(), round + 1);
    let joining = name(THINGS + round);
    for step in 0.. {
        let thing = name(random(&mut state) % (THINGS + round));
        let done = match step {
            1 => ask(port, "iot", "POST", &format!("/things/{joining}"), &json!({})),
            3 => {
                let body = json!({ "thingName": joining, "thingGroupName": "fleet" });
                let joined = ask(port, "iot", "PUT", "/thing-groups/addThingToThingGroup", &body);
                known.members.extend(joined.as_ref().filter(|(status, _)| *status == 200).map(|_| joining.clone()));
                joined
            }
            _ if step % 3 == 2 => ask(port, "iot", "POST", "/_drydock/clock", &json!({ "advance": "7s" })),
            _ => {
                let path = format!("/things/{thing}/jobs/$next");
                let started = ask(port, "iot-jobs-data", "PUT", &path, &json!({}));
                let execution = started.as_ref().map(|(_, body)| &body["execution"]["executionNumber"]);
                if execution.is_some_and(|number| number.is_i64()) {
                    let body = json!({ "status": "SUCCEEDED" });
                    let ended = ask(port, "iot-jobs-data", "POST", &format!("/things/{thing}/jobs/roll"), &body);
                    known.succeeded.extend(ended.as_ref().filter(|(status, _)| *status == 200).map(|_| thing.clone()));
                    ended
                } else {
                    started
                }
            }
        };
        if done.is_none() {
            break;
        }
        answered.fetch_add(1, Ordering::SeqCst);
    }
    known
}

fn go_on_and_kill(gateway: Gateway<'_>, round: u64, most: u64) -> Known {
    let (port, answered) = (gateway.api_port(), AtomicUsize::new(0));
    thread::scope(|scope| {
        let fleet = scope.spawn(|| go_on(port, round, &answered));
        wait_for("the fleet goes on", || (answered.load(Ordering::SeqCst) as u64 >= most).then_some(()));
        gateway.kill();
        fleet.join().unwrap()
    })
}

/// Lets the gateway's clock, which begins with the machine's at each start, be as late as it was.
fn advance(gateway: &Gateway<'_>, seconds: u64) {
    let body = json!({ "advance": format!("{seconds}s") }).to_string();
    gateway.send("POST", "/_drydock/clock", &[], body.as_bytes()).ok();
}

/// All executions of the job: the thing, the number, the status.
fn executions(gateway: &Gateway<'_>) -> Vec<(String, i64, String)> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/jobs/roll/things?maxResults=250{token}");
        let page = gateway.iot("GET", &path, &Value::Null);
        found.extend(page["executionSummaries"].as_array().unwrap().iter().map(|summary| {
            let (thing, of) = (summary["thingArn"].as_str().unwrap(), &summary["jobExecutionSummary"]);
            let thing = thing.rsplit('/').next().unwrap().to_owned();
            (thing, of["executionNumber"].as_i64().unwrap(), of["status"].as_str().unwrap().to_owned())
        }));
        match page["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => return found,
        }
    }
}

#[test]
fn a_hundred_kills_in_a_rollout_leave_nobody_out_and_give_nobody_a_job_twice() {
    let place = Place::new(SMALL);
    let gateway = place.up(&OPTIONS);
    gateway.iot("POST", "/thing-groups/fleet", &json!({}));
    let mut known = Known::default();
    for thing in (0..THINGS).map(name) {
        gateway.iot("POST", &format!("/things/{thing}"), &json!({}));
        let body = json!({ "thingName": thing, "thingGroupName": "fleet" });
        gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &body);
        known.members.insert(thing);
    }
    let job = json!({
        "targets": ["arn:aws:iot:us-east-1:123456789012:thinggroup/fleet"], "document": "{}",
        "targetSelection": "CONTINUOUS", "jobExecutionsRolloutConfig": { "maximumPerMinute": A_MINUTE },
    });
    gateway.iot("PUT", "/jobs/roll", &job);
    gateway.kill();

    let (mut state, mut made) = (7, 0);
    for round in 0..KILLS {
        let gateway = place.up(&OPTIONS);
        advance(&gateway, 14 * round);
        let found = executions(&gateway);
        let things: BTreeSet<&String> = found.iter().map(|(thing, ..)| thing).collect();
        assert_eq!(things.len(), found.len(), "somebody has two executions: {found:?}");
        assert!(found.len() >= made, "{} executions, and {made} before the kill", found.len());
        made = found.len();
        let most = random(&mut state) % BETWEEN;
        let more = go_on_and_kill(gateway, round, most);
        known.members.extend(more.members);
        known.succeeded.extend(more.succeeded);
    }
    assert!(known.succeeded.len() > 50, "{} devices that were done are no rollout", known.succeeded.len());

    let gateway = place.up(&OPTIONS);
    wait_for("everybody to have the job", || {
        advance(&gateway, 3600);
        let found = executions(&gateway);
        let things: BTreeSet<String> = found.iter().map(|(thing, ..)| thing.clone()).collect();
        known.members.is_subset(&things).then_some(())
    });
    let found = executions(&gateway);
    assert!(found.iter().all(|(_, number, _)| *number == 1), "{found:?}");
    for thing in &known.succeeded {
        let of: Vec<_> = found.iter().filter(|(found, ..)| found == thing).map(|(.., status)| status).collect();
        assert_eq!(of, ["SUCCEEDED"], "{thing} was told that it is done");
    }
    let details = &gateway.iot("GET", "/jobs/roll", &Value::Null)["job"]["jobProcessDetails"];
    let counts = details.as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(counts, found.len() as u64, "{details}");
    println!("{KILLS} kills, {} things, {} of them told that they are done", found.len(), known.succeeded.len());
}

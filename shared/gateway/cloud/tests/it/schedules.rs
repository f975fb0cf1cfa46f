//! Schedules on a clock that is moved.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not recognise outside of test functions"
)]

use crate::common::{advance, config, open, scope, still};
use drydock_cloud::schedules::{Expression, Schedule, Target};
use drydock_cloud::{Cloud, CloudConfig};
use drydock_core::Timestamp;
use drydock_timers::Timers;
use serde_json::{Value, json};
use std::time::Duration;

async fn queue(cloud: &Cloud, name: &str) -> drydock_core::Arn {
    cloud.sqs().ensure(name, &json!({})).await.unwrap();
    scope().arn("sqs", name)
}

/// The bodies of all messages of a queue.
async fn bodies(cloud: &Cloud, name: &str) -> Vec<Value> {
    let queue = cloud.sqs().queue(name).unwrap();
    let mut found = Vec::new();
    loop {
        let received = cloud.sqs().receive(&queue, 10, Some(600), Some(0)).await.unwrap();
        if received.is_empty() {
            return found;
        }
        found.extend(received.iter().map(|message| serde_json::from_str::<Value>(&message.body).unwrap()));
    }
}

/// Stand-ins on a clock.
fn on(clock: &Timers) -> Cloud {
    open(CloudConfig { timers: clock.clone(), ..config() }).0
}

fn rule(expression: &str, targets: Vec<Target>) -> Schedule {
    Schedule {
        arn: scope().arn("events", "rule/r"),
        expression: Expression::parse(expression, None).unwrap(),
        start: None,
        end: None,
        of_scheduler: false,
        targets,
    }
}

#[tokio::test]
async fn a_rule_tells_its_target_each_time_and_at_that_time() {
    let clock = still();
    let cloud = on(&clock);
    let target = Target { arn: queue(&cloud, "q").await, input: None, dead_letter: None };
    cloud.schedules().start(rule("rate(20 minutes)", vec![target]));
    advance(&clock, Duration::from_secs(3600)).await;
    let events = bodies(&cloud, "q").await;
    let mut times: Vec<&str> = events.iter().map(|event| event["time"].as_str().unwrap()).collect();
    times.sort_unstable();
    assert_eq!(times, ["2023-11-14T22:33:20Z", "2023-11-14T22:53:20Z", "2023-11-14T23:13:20Z"]);
    assert_eq!(events[0]["source"], "aws.events");
    assert_eq!(events[0]["resources"], json!(["arn:aws:events:us-east-1:123456789012:rule/r"]));
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_handed_over_goes_to_the_dead_letters_and_a_schedule_ends() {
    let clock = still();
    let cloud = on(&clock);
    let dead = queue(&cloud, "dead").await;
    let missing = scope().arn("lambda", "function:none");
    let target = Target { arn: missing, input: Some("{\"n\":1}".to_owned()), dead_letter: Some(dead) };
    let end = Some(Timestamp(clock.now().millis() + 5 * 60_000));
    cloud.schedules().start(Schedule { end, ..rule("rate(2 minutes)", vec![target]) });
    advance(&clock, Duration::from_secs(3600)).await;
    assert_eq!(bodies(&cloud, "dead").await, [json!({"n": 1}), json!({"n": 1})]);
    cloud.shutdown().await;
}

#[tokio::test]
async fn the_scheduler_fills_in_its_keywords() {
    let clock = still();
    let cloud = on(&clock);
    let input = Some("{\"at\":\"<aws.scheduler.scheduled-time>\"}".to_owned());
    let target = Target { arn: queue(&cloud, "q").await, input, dead_letter: None };
    let schedule = Schedule { of_scheduler: true, ..rule("at(2023-11-15T00:00:00)", vec![target]) };
    cloud.schedules().start(schedule);
    advance(&clock, Duration::from_secs(7200)).await;
    assert_eq!(bodies(&cloud, "q").await, [json!({"at": "2023-11-15T00:00:00Z"})]);
    cloud.shutdown().await;
}

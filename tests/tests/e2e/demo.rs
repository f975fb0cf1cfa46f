//! `drydock demo jobs` and `drydock demo defender`, as people run them and as machines read them.

use crate::backend::place;
use drydock_tests::gateway::Place;
use serde_json::{Value, json};

#[test]
fn the_demo_of_jobs_stops_a_bad_release_and_brings_the_corrected_one_to_everybody() {
    let place = place("");
    let seen: Value = serde_json::from_str(&place.run(&["demo", "jobs", "--json"])).unwrap();
    assert_eq!(seen["observed"], true, "{seen}");
    let wave = |at: usize| seen["waves"][at].clone();
    assert_eq!(
        wave(0),
        json!({ "version": "2.0.0", "wave": "canary", "things": 6, "succeeded": 6, "failed": 0, "pending": 0, "outcome": "well" })
    );
    assert_eq!((&wave(1)["wave"], &wave(1)["outcome"]), (&json!("half"), &json!("stopped")), "{seen}");
    // How many had failed when it was stopped is a matter of who was first; which can fail at all, of their boards.
    assert!((1..=15).contains(&wave(1)["failed"].as_u64().unwrap()), "{seen}");
    let corrected: Vec<_> = (2..5).map(|at| (wave(at)["wave"].clone(), wave(at)["failed"].clone())).collect();
    assert_eq!(corrected, ["canary", "half", "all"].map(|name| (json!(name), json!(0))), "{seen}");
    // The one that was away and the one that joined late are among them.
    assert_eq!((&wave(4)["things"], &wave(4)["succeeded"]), (&json!(61), &json!(61)), "{seen}");
    let steps = seen["timeline"].as_array().unwrap();
    let last = steps.last().unwrap()["what"].as_str().unwrap();
    assert!(last.contains("meter-61 joined the group late"), "{last}");
    // What the last wave waits for is the clock, which was moved by minutes.
    assert!(steps.last().unwrap()["afterMillis"].as_u64().unwrap() > 5 * 60_000, "{seen}");
}

#[test]
fn the_demo_of_device_defender_finds_tells_and_remedies_what_is_wrong() {
    let place = Place::empty();
    let seen: Value = serde_json::from_str(&place.run(&["demo", "defender", "--json"])).unwrap();
    assert_eq!(seen["observed"], true, "{seen}");
    let report = seen["report"].as_array().unwrap();
    let found: Vec<_> = report.iter().map(|found| (&found["foundBy"], &found["severity"], &found["told"])).collect();
    let (alarm, told) = (json!("in alarm"), json!(true));
    assert_eq!(
        found,
        [
            (&json!("calm"), &alarm, &told),
            (&json!("quiet"), &alarm, &told),
            (&json!("DEVICE_CERTIFICATE_SHARED_CHECK"), &json!("CRITICAL"), &told),
            (&json!("DEVICE_CERTIFICATE_EXPIRING_CHECK"), &json!("MEDIUM"), &told),
            (&json!("IOT_POLICY_OVERLY_PERMISSIVE_CHECK"), &json!("CRITICAL"), &told),
        ],
        "{seen}"
    );
    assert!(report.iter().all(|found| found["remedy"].is_string()), "{seen}");
    let steps = seen["timeline"].as_array().unwrap();
    let cleared = steps.iter().filter(|step| step["seen"] == "SNS: alarm-cleared").count();
    assert_eq!(cleared, 2, "{seen}");
    let last = steps.last().unwrap();
    assert!(last["what"].as_str().unwrap().contains("the daily audit ran"), "{last}");
    // The clock was moved by more than a day.
    assert!(last["afterMillis"].as_u64().unwrap() > 24 * 3_600_000, "{last}");
}

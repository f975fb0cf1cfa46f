//! Releases against tables, jobs and topics in memory.

use super::*;
use fleet::alert::Alert;
use fleet::fakes::{Faults, Jobs as FakeJobs, Outbox, Table};
use fleet::release::definition::Definition;
use fleet::release::{Counts, Release, environment};
use fleet::telemetry::Quarantined;
use iot_events::BatchResponse;
use serde_json::{Value, json};

const NOW: i64 = 1_764_000_000_000;

#[derive(Debug)]
pub(super) struct World {
    pub(super) releases: Table,
    history: Table,
    pub(super) jobs: FakeJobs,
    queue: Outbox<String>,
    quarantine: Outbox<Quarantined>,
    pub(super) alerts: Outbox<Alert>,
}

/// All of it in memory.
pub(super) struct Memory;

impl Outside for Memory {
    type Releases = Table;
    type History = Table;
    type Jobs = FakeJobs;
    type Queue = Outbox<String>;
    type Quarantine = Outbox<Quarantined>;
    type Alerts = Outbox<Alert>;
}

impl World {
    pub(super) fn with(faults: &Faults, made: Vec<(String, Counts)>) -> Self {
        let jobs = FakeJobs::new(faults, made);
        jobs.put("canary", &["a", "b"]);
        jobs.put("all", &["a", "b", "c", "d"]);
        Self {
            releases: Table::new(faults),
            history: Table::apart(faults),
            jobs,
            queue: Outbox::new(faults),
            quarantine: Outbox::new(faults),
            alerts: Outbox::new(faults),
        }
    }

    fn new() -> Self {
        Self::with(&Faults::default(), Vec::new())
    }

    pub(super) fn ports(&self) -> Ports<'_, Memory> {
        Ports {
            releases: &self.releases,
            history: &self.history,
            jobs: &self.jobs,
            queue: &self.queue,
            quarantine: &self.quarantine,
            alerts: &self.alerts,
        }
    }

    fn run<T>(&self, work: impl AsyncFnOnce(&Ports<'_, Memory>) -> T) -> T {
        let ports = self.ports();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work(&ports))
    }

    /// Asks for something, at so many minutes.
    fn ask(&self, minutes: i64, command: Value) -> Value {
        let command: Command = serde_json::from_value(command).unwrap();
        let answer = self.run(async |ports| obey(ports, &command, NOW + minutes * 60_000).await).unwrap();
        serde_json::to_value(answer).unwrap()
    }

    fn create(&self, definition: &Definition) -> Value {
        self.ask(0, json!({ "command": "create", "release": definition, "by": "alice" }))
    }

    fn phase(&self, id: &str) -> Phase {
        self.release(id).phase
    }

    pub(super) fn release(&self, id: &str) -> Release {
        Release::read(&self.releases.row(id).unwrap()).unwrap()
    }

    /// Devices come further with a job, and AWS IoT tells of it.
    fn come(&self, job_id: &str, counts: Counts) -> Vec<Result<Handled, ReleaseError>> {
        self.jobs.come(job_id, counts);
        self.events(&[event(job_id, "a", "succeeded")]).1
    }

    fn events(&self, bodies: &[Value]) -> (BatchResponse, Vec<Result<Handled, ReleaseError>>) {
        let messages: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(number, body)| {
                let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                json!({ "messageId": format!("m{number}"), "body": body })
            })
            .collect();
        let batch: SqsBatch = serde_json::from_value(json!({ "Records": messages })).unwrap();
        self.run(async |ports| handle_batch(ports, &batch, NOW).await)
    }

    fn told(&self) -> Vec<(Phase, Option<String>)> {
        let sent = self.alerts.sent();
        let telling = |alert: Alert| match alert {
            Alert::Release(telling) => (telling.phase, telling.wave),
            other => panic!("{other:?}"),
        };
        sent.into_iter().map(telling).collect()
    }
}

pub(super) fn event(job_id: &str, thing: &str, operation: &str) -> Value {
    json!({
        "eventType": "JOB_EXECUTION", "eventId": "e", "timestamp": 1_764_000_000, "operation": operation,
        "jobId": job_id, "thingArn": format!("arn:aws:iot:us-east-1:123456789012:thing/{thing}"),
        "status": operation.to_uppercase(), "statusDetails": { "step": "last" },
    })
}

/// Succeeded and failed, of a job that is over.
pub(super) fn ended(succeeded: u32, failed: u32) -> Counts {
    Counts { succeeded, failed, ..Counts::default() }
}

pub(super) fn definition(id: &str, more: Value) -> Definition {
    let mut definition = json!({
        "releaseId": id, "environment": "production", "what": { "version": id, "document": { "do": id } },
        "waves": [{ "name": "canary", "group": "canary" }, { "name": "all", "group": "all" }],
    });
    for (key, value) in more.as_object().unwrap() {
        definition[key] = value.clone();
    }
    serde_json::from_value(definition).unwrap()
}

/// A release that has succeeded.
fn succeeded(world: &World, id: &str) {
    world.create(&definition(id, json!({})));
    world.come(&format!("release-{id}-w1"), ended(2, 0));
    world.come(&format!("release-{id}-w2"), ended(4, 0));
    assert_eq!(world.phase(id), Phase::Succeeded);
}

#[test]
fn waves_follow_one_another_and_devices_have_a_history() {
    let world = World::new();
    let made = world.create(&definition("r", json!({})));
    assert_eq!(made["release"]["phase"], "rollingOut", "{made}");
    let job = world.jobs.all()["release-r-w1"].clone();
    assert_eq!(
        (job.request.groups, job.request.document.as_deref()),
        (vec!["canary".to_owned()], Some(r#"{"do":"r"}"#))
    );
    world.come("release-r-w1", Counts { succeeded: 1, queued: 1, ..Counts::default() });
    assert_eq!(world.jobs.all().len(), 1, "one of two is not done yet");
    world.come("release-r-w1", ended(2, 0));
    assert!(world.jobs.all().contains_key("release-r-w2"));
    // Others' jobs and what cannot be read do no harm; an event that comes twice is kept once.
    let (response, handled) = world.events(&[
        event("release-r-w1", "a", "succeeded"),
        event("somebody", "a", "failed"),
        event("release-nobody-w1", "a", "failed"),
        event("release-r-w7", "a", "failed"),
        json!("not json"),
    ]);
    assert!(response.batch_item_failures.is_empty(), "{handled:?}");
    let handled: Vec<_> = handled.into_iter().map(Result::unwrap).collect();
    assert!(matches!(handled[0], Handled::Looked { kept: true, .. }), "{handled:?}");
    assert_eq!(handled[1..3], [Handled::NotOurs, Handled::NotOurs]);
    assert!(matches!(handled[3], Handled::Looked { kept: false, .. }), "{handled:?}");
    assert_eq!(handled[4], Handled::Quarantined);
    world.come("release-r-w2", ended(4, 0));
    assert_eq!(world.phase("r"), Phase::Succeeded);
    assert_eq!(world.told(), [(Phase::Succeeded, Some("all".to_owned()))]);
    let history = world.history.rows();
    let keys: Vec<_> = history.keys().map(String::as_str).collect();
    assert_eq!(keys, ["a|001764000000#release-r-w1", "a|001764000000#release-r-w2"]);
    assert_eq!(history[keys[0]].text("what"), Some("r"));
    let list = world.ask(0, json!({ "command": "list", "environment": "production" }));
    assert_eq!(list["environments"], json!([{ "environment": "production", "active": null, "current": "r" }]));
    assert_eq!((&list["releases"][0]["phase"], &list["releases"][0]["wave"]), (&json!("succeeded"), &json!("all")));
}

#[test]
fn a_wave_that_fails_is_stopped_and_rolled_back_to_the_release_before() {
    let world = World::new();
    succeeded(&world, "one");
    let waves = json!([{ "name": "all", "group": "all", "abort": { "percent": 50, "minimum": 2 } }]);
    world.create(&definition("two", json!({ "waves": waves, "rollback": "automatic" })));
    world.come("release-two-w1", Counts { succeeded: 1, failed: 1, queued: 2, ..Counts::default() });
    assert_eq!(world.phase("two"), Phase::RollingBack);
    let jobs = world.jobs.all();
    assert!(jobs["release-two-w1"].canceled.is_some());
    let back = &jobs["release-two-back"].request;
    assert_eq!((back.document.as_deref(), &back.groups), (Some(r#"{"do":"one"}"#), &vec!["all".to_owned()]));
    world.come("release-two-back", ended(4, 0));
    assert_eq!(world.phase("two"), Phase::RolledBack);
    let tellings: Vec<_> = world.told().into_iter().map(|(phase, _)| phase).skip(1).collect();
    assert_eq!(tellings, [Phase::Stopped, Phase::RollingBack, Phase::RolledBack]);
    let stopped = world.alerts.sent().into_iter().find_map(|alert| match alert {
        Alert::Release(telling) if telling.phase == Phase::Stopped => Some(telling),
        _ => None,
    });
    let stopped = stopped.unwrap();
    assert_eq!(stopped.failures[0].details["why"], "no room");
    assert!(stopped.reason.unwrap().contains("1 of 2 failed"));
    assert_eq!(world.ask(0, json!({ "command": "list" }))["environments"][0]["current"], "one");
    // The next one is not held up by it.
    succeeded(&world, "three");
    assert!(world.jobs.all()["release-one-w2"].canceled.is_some(), "what went on of the one before is over");
}

#[test]
fn one_release_at_a_time_in_an_environment() {
    let world = World::new();
    world.create(&definition("one", json!({})));
    let second = world.create(&definition("two", json!({})));
    assert_eq!(second["release"]["phase"], "stopped");
    assert!(second["release"]["reason"].as_str().unwrap().contains("has release `one`"), "{second}");
    let elsewhere = world.create(&definition("three", json!({ "environment": "staging" })));
    assert_eq!(elsewhere["release"]["phase"], "rollingOut");
    let stop = |id: &str| world.ask(0, json!({ "command": "stop", "releaseId": id, "by": "bob", "why": "bad" }));
    assert_eq!(stop("one")["release"]["phase"], "stopped");
    assert_eq!(stop("one")["release"]["reason"], "bad (stopped by bob)");
    assert_eq!(world.alerts.sent().len(), 1, "stopping twice tells once");
    assert!(world.jobs.all()["release-one-w1"].canceled.is_some());
    let resume = |id: &str| world.ask(0, json!({ "command": "resume", "releaseId": id, "by": "bob" }));
    assert_eq!(resume("two")["release"]["phase"], "rollingOut");
    assert!(resume("one")["release"]["reason"].as_str().unwrap().contains("`two`"));
    stop("two");
    assert_eq!(resume("one")["release"]["runs"][1]["jobId"], "release-one-w1_2", "the wave begins anew");
    let again = world.create(&definition("one", json!({})));
    assert_eq!(again["release"]["phase"], "rollingOut", "the same once more is the same release");
    let other = world.create(&definition("one", json!({ "approval": true })));
    assert!(other["refused"].as_str().unwrap().contains("already"), "{other}");
    assert!(stop("nobody")["refused"].as_str().unwrap().contains("no release `nobody`"));
}

#[test]
fn a_second_person_approves_and_somebody_promotes() {
    let world = World::new();
    let waves = json!([
        { "name": "canary", "group": "canary", "soakMinutes": 10 },
        { "name": "all", "group": "all", "promote": "manual" },
    ]);
    world.create(&definition("r", json!({ "waves": waves, "approval": true })));
    assert!(world.jobs.all().is_empty());
    let approve = |by: &str| world.ask(0, json!({ "command": "approve", "releaseId": "r", "by": by }));
    assert!(approve("alice")["refused"].as_str().unwrap().contains("a second person"));
    assert_eq!(approve("bob")["release"]["phase"], "rollingOut");
    assert_eq!(approve("bob")["release"]["approvedBy"], "bob");
    assert!(approve("carol")["refused"].is_string());
    let promote =
        |wave: Value| world.ask(5, json!({ "command": "promote", "releaseId": "r", "by": "bob", "wave": wave }));
    assert!(promote(json!(null))["refused"].is_string(), "nothing has done well");
    world.come("release-r-w1", ended(2, 0));
    assert_eq!(world.phase("r"), Phase::RollingOut, "it soaks");
    world.ask(9, json!({ "command": "reconcile" }));
    assert_eq!(world.phase("r"), Phase::RollingOut);
    world.ask(10, json!({ "command": "reconcile" }));
    assert_eq!(world.phase("r"), Phase::AwaitingPromotion);
    assert!(promote(json!(3))["refused"].as_str().unwrap().contains("wave 2 is next"));
    for _ in 0..2 {
        assert_eq!(promote(json!(2))["release"]["runs"].as_array().unwrap().len(), 2);
    }
    let told: Vec<_> = world.told().into_iter().map(|(phase, _)| phase).collect();
    assert_eq!(told, [Phase::AwaitingApproval, Phase::AwaitingPromotion]);
}

#[test]
fn shares_of_a_group_are_counted_from_its_first() {
    let world = World::new();
    let names: Vec<String> = (0..40).map(|number| format!("device-{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    world.jobs.put("fleet", &names);
    let wave = |percent: u8| json!({ "name": format!("{percent} %"), "group": "fleet", "percent": percent });
    let definition = definition("r", json!({ "waves": [wave(25), wave(60), wave(100)] }));
    let dry = world.ask(0, json!({ "command": "create", "release": definition, "by": "a", "dryRun": true }));
    let numbers: Vec<_> =
        dry["waves"].as_array().unwrap().iter().map(|wave| wave["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers.iter().sum::<u64>(), 40, "{numbers:?}");
    assert!(numbers.iter().all(|number| *number >= 5), "{numbers:?}");
    assert_eq!(dry["waves"][0]["job"]["document"], r#"{"do":"r"}"#);
    assert!(world.releases.rows().is_empty() && world.jobs.all().is_empty(), "nothing is made");

    world.create(&definition);
    // 20 pages of two: what does not fit into an invocation goes on in the next, by the queue.
    let mut times = 0;
    while let Some(release_id) = world.queue.take(0) {
        let (response, handled) = world.events(&[json!({ "releaseId": release_id })]);
        assert!(response.batch_item_failures.is_empty(), "{handled:?}");
        times += 1;
    }
    assert!(times >= 2, "{times}");
    let first = world.jobs.group("release-r-w1");
    let expected: Vec<_> =
        dry["waves"][0]["things"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(first.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert_eq!(world.jobs.all()["release-r-w1"].request.groups, ["release-r-w1"]);
}

#[test]
fn what_can_never_be_made_stops_the_release() {
    let world = World::new();
    let waves = json!([{ "name": "none", "group": "nobody" }]);
    let made = world.create(&definition("r", json!({ "waves": waves })));
    assert_eq!(made["release"]["phase"], "stopped", "{made}");
    assert!(made["release"]["reason"].as_str().unwrap().contains("a target does not exist"), "{made}");
    let row = world.releases.row(&environment::key("production")).unwrap();
    assert_eq!(environment::active(&row), None);
    let dry = json!({ "command": "create", "release": definition("s", json!({ "waves": waves })), "by": "a", "dryRun": true });
    assert_eq!(world.ask(0, dry)["waves"][0]["wrong"], "there is no thing group `nobody`");
    let rollback = world.ask(0, json!({ "command": "rollback", "releaseId": "r", "by": "a" }));
    assert!(rollback["refused"].as_str().unwrap().contains("has reached no device"), "{rollback}");
}

#[test]
fn a_command_that_is_not_one_is_refused_where_it_is_read() {
    for (command, expected) in [
        (json!({ "command": "destroy" }), "unknown variant `destroy`"),
        (json!({ "command": "stop", "by": "a" }), "missing field `releaseId`"),
        (json!({ "command": "show", "releaseId": "r", "force": true }), "unknown field `force`"),
    ] {
        let error = serde_json::from_value::<Input>(command).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let world = World::new();
    let mut bad = definition("r", json!({}));
    bad.waves.clear();
    assert!(world.create(&bad)["refused"].as_str().unwrap().contains("1 to 20 waves"));
}

#[test]
fn the_sample_events_are_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let read = |name: &str| -> Input {
        let text = std::fs::read_to_string(folder.join(format!("job-orchestration-{name}.json"))).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let Input::Command(create) = read("create") else { panic!("not a command") };
    let Command::Create { release, .. } = *create else { panic!("{create:?}") };
    release.check().unwrap();
    assert!(matches!(read("stop"), Input::Command(command) if matches!(*command, Command::Stop { .. })));
    assert!(matches!(read("reconcile"), Input::Command(command) if *command == Command::Reconcile {}));
    let Input::Batch(batch) = read("batch") else { panic!("not a batch") };
    let world = World::new();
    let (response, handled) = world.run(async |ports| handle_batch(ports, &batch, NOW).await);
    assert!(response.batch_item_failures.is_empty(), "{handled:?}");
    assert!(matches!(handled[2], Ok(Handled::Quarantined)), "{handled:?}");
}

#[test]
fn another_function_asks_by_the_queue() {
    let world = World::new();
    let create = json!({ "command": "create", "release": definition("r", json!({})), "by": "defender-audit" });
    let (response, handled) = world.events(&[create.clone(), create]);
    assert!(response.batch_item_failures.is_empty(), "{handled:?}");
    assert!(handled.iter().all(|handled| matches!(handled, Ok(Handled::Obeyed))), "{handled:?}");
    assert_eq!(world.jobs.all().len(), 1, "asked for twice, it is made once");
    // What cannot be is set aside with its reason.
    let other = json!({ "command": "create", "release": definition("r", json!({})), "by": "mallory" });
    let (response, handled) = world.events(&[other]);
    assert!(response.batch_item_failures.is_empty() && matches!(handled.first(), Some(Err(_))), "{handled:?}");
    assert!(world.quarantine.sent().first().unwrap().reason.contains("there is a release"));
}

//! Releases step by step: `cases/releases.json` plays them, each with the phase that it comes to, what is then to be done, and what
//! is refused.

use fleet::release::definition::{Definition, hundredth};
use fleet::release::environment::Claimed;
use fleet::release::environment::Current;
use fleet::release::progress::Done;
use fleet::release::{Counts, Effect, JobName, JobStatus, JobView, Part, Release, Step};
use serde::Deserialize;
use serde_json::{Value, json};

const START: i64 = 1_764_000_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    release: Value,
    steps: Vec<Play>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Play {
    /// What happens: `claimed`, `taken`, `started`, `not started`, `done`, `seen`, or a command.
    what: String,
    /// Minutes since the beginning.
    at: i64,
    by: String,
    wave: Option<u32>,
    previous: Option<String>,
    things: u32,
    counts: Counts,
    job: Option<String>,
    status: String,
    // What comes of it.
    phase: Option<String>,
    todo: Option<Vec<String>>,
    refused: Option<String>,
    reason: Option<String>,
}

fn definition(more: &Value) -> Definition {
    let mut all = json!({
        "releaseId": "r", "environment": "e", "what": { "document": {} },
        "waves": [{ "name": "one", "group": "g1" }, { "name": "two", "group": "g2" }],
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn shown(effect: &Effect) -> String {
    match effect {
        Effect::Claim { .. } => "claim".into(),
        Effect::Fill { of, from, to, .. } => format!("fill {of} {from}-{to}"),
        Effect::Start { job_id } => format!("start {job_id}"),
        Effect::Cancel { job_id, .. } => format!("cancel {job_id}"),
        Effect::Tell(telling) => format!("tell {}", telling.phase.as_str()),
        Effect::Free { current: None } => "free".into(),
        Effect::Free { current: Some(current) } => format!("free with {}", current.release_id),
    }
}

fn play(release: &mut Release, play: &Play) -> Option<String> {
    let now = START + play.at * 60_000;
    let done = match play.what.as_str() {
        "claimed" => {
            let current = play.previous.as_ref().map(|id| {
                Box::new(Current {
                    release_id: id.clone(),
                    what: release.definition.what.clone(),
                    jobs: vec![format!("job-of-{id}")],
                })
            });
            Done::Claimed(Claimed::Yes(current))
        }
        "taken" => Done::Claimed(Claimed::No(play.by.clone())),
        "started" => Done::Started(play.things),
        "not started" => Done::NotStarted("why".into()),
        "done" => Done::Simply,
        command => {
            let step = match command {
                "approve" => Step::Approve { by: play.by.clone() },
                "promote" => Step::Promote { wave: play.wave },
                "stop" => Step::Stop { why: "why".into() },
                "resume" => Step::Resume,
                "roll back" => Step::RollBack,
                "seen" => {
                    let status = match play.status.as_str() {
                        "completed" => Some(JobStatus::Completed),
                        "canceled" => Some(JobStatus::Stopped),
                        "gone" => None,
                        _ => Some(JobStatus::Going),
                    };
                    let view = status.map(|status| JobView { status, comment: None, counts: play.counts });
                    let job_id = play.job.clone().unwrap_or_else(|| release.run().unwrap().job_id.clone());
                    Step::Seen { job_id, view, failures: Vec::new() }
                }
                other => panic!("`{other}` is no step"),
            };
            let before = release.clone();
            let outcome = release.step(&step, now);
            if outcome != Ok(true) {
                assert_eq!(*release, before, "what changes nothing changes nothing");
            }
            return outcome.err().map(|refusal| refusal.to_string());
        }
    };
    release.done(done, now);
    None
}

#[test]
fn releases_go_as_the_cases_say() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/releases.json");
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() >= 25, "{}", cases.len());
    for case in cases {
        let definition = definition(&case.release);
        definition.check().unwrap();
        let mut release = Release::new(definition, "alice", START);
        for (at, step) in case.steps.iter().enumerate() {
            let place = format!("{}, step {at} ({})", case.name, step.what);
            let refused = play(&mut release, step);
            match (&step.refused, &refused) {
                (Some(expected), Some(refused)) => assert!(refused.contains(expected), "{place}: {refused}"),
                (expected, refused) => assert_eq!(expected.is_some(), refused.is_some(), "{place}: {refused:?}"),
            }
            if let Some(phase) = &step.phase {
                assert_eq!(release.phase.as_str(), phase, "{place}: {release:?}");
            }
            if let Some(todo) = &step.todo {
                assert_eq!(release.todo.iter().map(shown).collect::<Vec<_>>(), *todo, "{place}");
            }
            if let Some(reason) = &step.reason {
                assert!(
                    release.reason.as_deref().unwrap_or_default().contains(reason),
                    "{place}: {:?}",
                    release.reason
                );
            }
            let kept: Release = serde_json::from_value(json!(release)).unwrap();
            assert_eq!(kept, release, "{place}: it is read as it was written");
        }
    }
}

#[test]
fn what_is_not_a_release_is_refused_with_what_is_wrong() {
    let long = "x".repeat(33_000);
    for (more, expected) in [
        (json!({ "releaseId": "a b" }), "`releaseId`"),
        (json!({ "releaseId": "x".repeat(41) }), "`releaseId`"),
        (json!({ "environment": "" }), "`environment`"),
        (json!({ "what": {} }), "one of"),
        (json!({ "what": { "document": {}, "documentSource": "https://s3/x" } }), "one of"),
        (json!({ "what": { "document": "text" } }), "not a JSON object"),
        (json!({ "what": { "document": { "a": long } } }), "longer than"),
        (
            json!({ "what": { "remedy": { "name": "reboot" }, "package": { "name": "p", "version": "1" } } }),
            "installs no package",
        ),
        (json!({ "waves": [] }), "1 to 20 waves"),
        (json!({ "waves": [{ "name": "w", "group": "g/h" }] }), "thing group name"),
        (json!({ "waves": [{ "name": "w", "group": "g", "percent": 0 }] }), "`percent` is 1 to 100"),
        (json!({ "waves": [{ "name": "w", "group": "g", "percent": 5, "continuous": true }] }), "share"),
        (json!({ "waves": [{ "name": "w", "group": "g", "success": { "percent": 101 } }] }), "`success.percent`"),
        (
            json!({ "waves": [{ "name": "w", "group": "g", "abort": { "percent": 10, "minimum": 0 } }] }),
            "`abort.minimum`",
        ),
        (json!({ "waves": [{ "name": "w", "group": "g", "timeoutMinutes": 10_081 }] }), "`timeoutMinutes`"),
        (json!({ "waves": [{ "name": "w", "group": "g", "retries": 11 }] }), "`retries`"),
        (json!({ "waves": [{ "name": "w", "group": "g", "maximumPerMinute": 1001 }] }), "`maximumPerMinute`"),
        (
            json!({ "waves": [{ "name": "a", "group": "g", "percent": 50 }, { "name": "b", "group": "g", "percent": 20 }] }),
            "have 50 %",
        ),
    ] {
        let error = definition(&more).check().unwrap_err();
        assert!(error.contains(expected), "{more}: {error}");
    }
}

#[test]
fn a_remedy_is_a_release_whose_document_names_it() {
    for (name, document) in [
        ("reboot", r#"{"parameters":{},"remedy":"reboot"}"#),
        ("factory-reset", r#"{"parameters":{},"remedy":"factory-reset"}"#),
        ("security-fix", r#"{"parameters":{},"remedy":"security-fix"}"#),
        ("rotate-certificate", r#"{"parameters":{},"remedy":"rotate-certificate"}"#),
    ] {
        let definition = definition(&json!({ "what": { "remedy": { "name": name } } }));
        definition.check().unwrap();
        let planned = Release::plan(&definition);
        assert_eq!(planned[0].job.document.as_deref(), Some(document));
        assert_eq!(definition.what.label(), name);
    }
}

#[test]
fn a_job_is_known_by_its_id() {
    for (id, part, attempt) in
        [("r", Part::Wave(1), 1), ("a-w1_2", Part::Wave(20), 3), ("r", Part::Rollback, 1), ("r_2", Part::Rollback, 12)]
    {
        let name = JobName { release_id: id.into(), part, attempt };
        let text = name.to_string();
        assert_eq!(JobName::read(&text), Some(name), "{text}");
        assert!(text.len() <= 64);
    }
    for other in [
        "job",
        "release-r",
        "release--w1",
        "release-r-w",
        "release-r-w01",
        "release-r-w1_1",
        "release-r-x1",
        "x-release-r-w1",
    ] {
        assert_eq!(JobName::read(other), None, "{other}");
    }
}

#[test]
fn things_spread_over_the_hundredths() {
    let mut counts = [0_u32; 100];
    (0..100_000).for_each(|number| counts[usize::from(hundredth(&format!("charger-{number:06}")))] += 1);
    assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
}

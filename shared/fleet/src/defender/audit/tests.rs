//! What is decided about findings.

use super::*;
use serde_json::json;

const START: EpochMillis = 1_764_000_000_000;

fn ended(checks: &serde_json::Value) -> AuditEnded {
    serde_json::from_value(json!({
        "accountId": "123456789012", "taskId": "t", "taskStatus": "COMPLETED", "taskType": "ON_DEMAND_AUDIT_TASK",
        "taskStartTime": START, "auditDetails": checks,
    }))
    .unwrap()
}

fn found(check: &str, certificates: &[&str]) -> Found {
    let finding = |id: &&str| Finding {
        check: check.to_owned(),
        severity: "CRITICAL".to_owned(),
        reason: "R".to_owned(),
        resource: Resource::DeviceCertificate((*id).to_owned()),
    };
    Found { findings: certificates.iter().map(finding).collect(), more: false }
}

fn reached(things: &[&str]) -> Reached {
    Reached { things: things.iter().map(|thing| (*thing).to_owned()).collect(), nameless: 0 }
}

fn decided(respond: Respond, found: &Found, reached: &Reached, room: &Room) -> CheckReport {
    let mut check = CheckReport { check: "C".into(), plan: Plan { respond, wrong: None }, ..CheckReport::default() };
    check.decide(found, "t", START, reached, room);
    check
}

fn mitigate(percent: u8) -> Respond {
    Respond::Mitigate { actions: vec!["off".into()], percent }
}

#[test]
fn mitigation_stays_within_its_share_of_the_fleet() {
    let (two, devices) = (found("C", &["1", "2"]), reached(&["a", "b"]));
    for (percent, fleet, is_done) in [(5, 40, true), (5, 39, false), (100, 2, true), (1, 200, true), (1, 199, false)] {
        let check = decided(mitigate(percent), &two, &devices, &Room { fleet, ..Room::default() });
        assert_eq!(check.act.is_some(), is_done, "{percent} % of {fleet}: {check:?}");
        assert_eq!(check.held_back.is_some(), !is_done);
        assert_eq!(check.devices, Some(2));
    }
    let room = Room { taken: reached(&["b", "c"]), fleet: 40 };
    assert!(decided(mitigate(5), &two, &devices, &room).held_back.is_some(), "three with those of earlier checks");
    assert!(decided(mitigate(5), &two, &reached(&[]), &Room::default()).act.is_some(), "no device is reached");
}

#[test]
fn what_is_too_much_is_for_people() {
    let ids: Vec<_> = (0..=MOST_RESOURCES).map(|id| id.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let all = Room { fleet: 1_000_000, ..Room::default() };
    for respond in [mitigate(100), Respond::Suppress { days: 1 }] {
        let check = decided(respond, &found("C", &ids), &reached(&["a"]), &all);
        assert!(check.act.is_none() && check.held_back.is_some(), "{check:?}");
    }
    let more = Found { more: true, ..found("C", &["1"]) };
    assert!(decided(Respond::Suppress { days: 1 }, &more, &reached(&[]), &all).held_back.is_some());
}

#[test]
fn findings_are_suppressed_each_under_a_token_of_its_own() {
    let check = decided(Respond::Suppress { days: 2 }, &found("C", &["1", "2", "1"]), &reached(&[]), &Room::default());
    let all = suppressions(&check);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|suppression| suppression.until == START / 1000 + 2 * DAY));
    assert_ne!(all.first().unwrap().token, all.last().unwrap().token);
}

#[test]
fn the_report_has_the_worst_first_and_says_what_people_are_to_do() {
    let ended = ended(&json!([
        {"checkName": "LOGGING_DISABLED_CHECK", "checkRunStatus": "COMPLETED_COMPLIANT", "totalResourcesCount": 1},
        {"checkName": "IOT_POLICY_OVERLY_PERMISSIVE_CHECK", "checkRunStatus": "FAILED", "errorCode": "INSUFFICIENT_PERMISSIONS"},
        {"checkName": "DEVICE_CERTIFICATE_SHARED_CHECK", "checkRunStatus": "COMPLETED_NON_COMPLIANT",
         "totalResourcesCount": 5, "nonCompliantResourcesCount": 2},
    ]));
    assert_eq!(non_compliant(&ended), ["DEVICE_CERTIFICATE_SHARED_CHECK"]);
    let check = "DEVICE_CERTIFICATE_SHARED_CHECK";
    let found: BTreeMap<_, _> = [(check.to_owned(), found(check, &["1", "2"]))].into();
    let mut report = Report::new(&ended, found.clone(), BTreeMap::new());
    assert_eq!(report.checks.first().map(|check| check.check.as_str()), Some(check));
    assert_eq!(report.mitigation(), None);
    let summary = report.summary();
    assert_eq!(summary.findings.len(), 2, "the compliant check is not told: {summary:?}");
    assert!(!summary.findings.first().unwrap().steps.is_empty());
    assert!(summary.findings.last().unwrap().done.contains("INSUFFICIENT_PERMISSIONS"));
    assert!(summary.subject().contains("CRITICAL"), "{}", summary.subject());

    let first = report.checks.first_mut().unwrap();
    first.plan.respond = mitigate(100);
    first.decide(found.get(check).unwrap(), "t", START, &reached(&["a"]), &Room { fleet: 9, ..Room::default() });
    let mitigation = report.mitigation().unwrap();
    assert_eq!(mitigation.actions, [(check.to_owned(), vec!["off".to_owned()])].into());
    let counts = Counts { total: 2, succeeded: 1, failed: 1, ..Counts::default() };
    report.mitigated(&MitigationView { goes_on: false, counts: [(check.to_owned(), counts)].into() });
    assert!(report.summary().findings.first().unwrap().done.contains("1 succeeded, 1 failed"));
}

#[test]
fn a_row_goes_through_its_phases_once() {
    let report = Report::new(&ended(&json!([])), BTreeMap::new(), BTreeMap::new());
    let mut row = None;
    let claims = |row: &mut Option<Item>, now| judge(&claim("t", now, 10).apply(row));
    assert_eq!(claims(&mut row, 0), Claim::Decide);
    assert_eq!(claims(&mut row, 5), Claim::InProgress);
    assert_eq!(claims(&mut row, 11), Claim::Decide, "the first has died");
    let late = note(&report, Phase::Decided, 10).apply(&mut row);
    assert!(matches!(late, Outcome::Refused { .. }), "it lives after all, and is too late");
    note(&report, Phase::Decided, 21).apply(&mut row);
    assert_eq!(claims(&mut row, 22), Claim::Act(Box::new(report.clone())));
    note(&report, Phase::Acted, 32).apply(&mut row);
    pause("t", 32).apply(&mut row);
    assert_eq!(claims(&mut row, 32), Claim::Follow(Box::new(report.clone())));
    note(&report, Phase::Done, 42).apply(&mut row);
    assert_eq!(claims(&mut row, 99), Claim::Done);
    assert_eq!(read(&row.unwrap()), Some(report));
}

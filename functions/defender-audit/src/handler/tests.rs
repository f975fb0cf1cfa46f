//! Audits against tables, findings and topics in memory.

use super::*;
use fleet::conditional::{Item, Value};
use fleet::defender::audit::read;
use fleet::defender::finding::{Finding, Resource};
use fleet::fakes::{Defender as FakeDefender, Faults, Outbox, Table};
use fleet::release::Definition;
use serde_json::json;

pub(super) const NOW: i64 = 1_764_000_000_000;
pub(super) const SHARED: &str = "DEVICE_CERTIFICATE_SHARED_CHECK";
pub(super) const WIDE: &str = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK";
pub(super) const SILENT: &str = "LOGGING_DISABLED_CHECK";

#[derive(Debug)]
pub(super) struct World {
    pub(super) audits: Table,
    pub(super) plans: Table,
    pub(super) defender: FakeDefender,
    pub(super) releases: Outbox<(Definition, String)>,
    quarantine: Outbox<Quarantined>,
    pub(super) alerts: Outbox<Alert>,
}

/// All of it in memory.
pub(super) struct Memory;

impl Outside for Memory {
    type Audits = Table;
    type Plans = Table;
    type Defender = FakeDefender;
    type Releases = Outbox<(Definition, String)>;
    type Quarantine = Outbox<Quarantined>;
    type Alerts = Outbox<Alert>;
}

impl World {
    /// Forty things; a certificate that two of them share, a policy that one has, and logs that are off.
    pub(super) fn with(faults: &Faults) -> Self {
        let names: Vec<_> = (0..40).map(|number| format!("t{number}")).collect();
        let mut defender = FakeDefender::new(faults, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let certificate = Resource::DeviceCertificate("ab".into());
        let policy = Resource::PolicyVersion { name: "wide".into(), version: "1".into() };
        defender.reached.insert(certificate.to_string(), vec!["t1".into(), "t2".into()]);
        defender.reached.insert(policy.to_string(), vec!["t3".into()]);
        for (check, severity, resource) in [
            (SHARED, "CRITICAL", certificate),
            (WIDE, "CRITICAL", policy),
            (SILENT, "LOW", Resource::Account("123456789012".into())),
        ] {
            let (check, severity, reason) = (check.into(), severity.into(), "REASON".into());
            defender.findings.push(Finding { check, severity, reason, resource });
        }
        Self {
            audits: Table::new(faults),
            plans: Table::apart(faults),
            defender,
            releases: Outbox::new(faults),
            quarantine: Outbox::new(faults),
            alerts: Outbox::new(faults),
        }
    }

    fn new() -> Self {
        Self::with(&Faults::default())
    }

    pub(super) fn plan(&self, about: &str, attributes: &[(&str, Value)]) {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.plans.put(about, Item(attributes.chain([("about".to_owned(), about.into())]).collect()));
    }

    pub(super) fn ports(&self) -> Ports<'_, Memory> {
        Ports {
            audits: &self.audits,
            plans: &self.plans,
            defender: &self.defender,
            releases: &self.releases,
            quarantine: &self.quarantine,
            alerts: &self.alerts,
        }
    }

    fn take(&self, body: &str) -> (BatchResponse, Result<Handled, AuditError>) {
        let batch = serde_json::from_value(json!({ "Records": [{ "messageId": "m", "body": body }] })).unwrap();
        let ports = self.ports();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (response, mut handled) = runtime.block_on(handle_batch(&ports, &batch, NOW));
        (response, handled.pop().unwrap())
    }

    fn answer(&self) -> Report {
        let (response, handled) = self.take(&message(&[SHARED, WIDE, SILENT]).to_string());
        assert!(response.batch_item_failures.is_empty(), "{handled:?}");
        let Ok(Handled::Answered(report)) = handled else { panic!("{handled:?}") };
        assert_eq!(read(&self.audits.row("t").unwrap()).as_ref(), Some(&*report), "the report is in the table");
        *report
    }
}

pub(super) fn message(checks: &[&str]) -> serde_json::Value {
    let details: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({ "checkName": check, "checkRunStatus": "COMPLETED_NON_COMPLIANT", "totalResourcesCount": 9,
                "nonCompliantResourcesCount": 1 })
        })
        .collect();
    json!({
        "accountId": "123456789012", "taskId": "t", "taskStatus": "COMPLETED", "taskType": "SCHEDULED_AUDIT_TASK",
        "scheduledAuditName": "daily", "taskStartTime": NOW - 60_000, "auditDetails": details,
    })
}

pub(super) fn mitigate(action: &str, percent: i64) -> [(&'static str, Value); 3] {
    [("respond", "mitigate".into()), ("actions", action.into()), ("percent", percent.into())]
}

#[test]
fn without_a_plan_people_are_told_and_nothing_is_done() {
    let world = World::new();
    let report = world.answer();
    assert!(report.checks.iter().all(|check| check.act.is_none()), "{report:?}");
    assert_eq!((world.defender.mitigations().len(), world.releases.sent().len()), (0, 0));
    let told = world.alerts.sent();
    let Some(Alert::Audit(summary)) = told.first() else { panic!("{told:?}") };
    let checks: Vec<_> = summary.findings.iter().map(|line| line.check.as_str()).collect();
    assert_eq!(checks, [SHARED, WIDE, SILENT]);
    assert!(summary.findings.iter().all(|line| !line.steps.is_empty()));
    // Once more: it is known.
    assert!(matches!(world.take(&message(&[SHARED]).to_string()).1, Ok(Handled::Known)));
    assert_eq!(world.alerts.sent().len(), 1);
}

#[test]
fn each_check_is_answered_as_its_plan_says_under_one_cap() {
    let world = World::new();
    world.plan(&format!("check#{SHARED}"), &mitigate("deactivate", 5));
    // One device more than 5 % of the fleet, with the two before.
    world.plan(&format!("check#{WIDE}"), &mitigate("blank", 5));
    world.plan("check", &[("respond", "suppress".into()), ("days", 7.into())]);
    let report = world.answer();
    let mitigations = world.defender.mitigations();
    let Some((mitigation, 1)) = mitigations.first() else { panic!("{mitigations:?}") };
    assert_eq!(mitigation.actions, [(SHARED.to_owned(), vec!["deactivate".to_owned()])].into());
    let wide = report.checks.iter().find(|check| check.check == WIDE).unwrap();
    assert!(wide.held_back.as_ref().unwrap().contains("3 devices"), "{wide:?}");
    assert_eq!(world.defender.suppressed().len(), 1);
    let shared = report.checks.iter().find(|check| check.check == SHARED).unwrap();
    assert_eq!((shared.devices, shared.mitigated.map(|counts| counts.succeeded)), (Some(2), Some(1)));
}

#[test]
fn devices_are_asked_to_do_something() {
    let world = World::new();
    let remedy = Value::Document(json!({ "name": "rotate-certificate" }));
    world.plan(&format!("check#{SHARED}"), &[("respond", "remedy".into()), ("remedy", remedy)]);
    world.answer();
    let asked = world.releases.sent();
    let Some((release, by)) = asked.first() else { panic!("{asked:?}") };
    assert_eq!((release.check(), by.as_str()), (Ok(()), "defender-audit"));
    assert_eq!(world.defender.group(&release.release_id), ["t1".to_owned(), "t2".to_owned()].into());
}

#[test]
fn an_action_that_does_not_exist_is_reported() {
    let mut world = World::new();
    world.defender.actions = ["another".to_owned()].into();
    world.plan("check", &mitigate("deactivate", 100));
    let report = world.answer();
    assert!(report.not_started.as_ref().unwrap().contains("deactivate does not exist"), "{report:?}");
    assert!(report.summary().findings.first().unwrap().done.contains("could not be applied"));
}

#[test]
fn mitigation_is_followed_to_its_end() {
    let mut world = World::new();
    world.defender.goes_on = 2;
    world.plan("check", &mitigate("deactivate", 100));
    for _ in 0..2 {
        let (response, handled) = world.take(&message(&[SHARED]).to_string());
        assert_eq!(response.batch_item_failures.len(), 1);
        assert!(matches!(handled, Err(AuditError::Mitigating)), "{handled:?}");
        assert_eq!(world.alerts.sent().len(), 0);
    }
    assert!(matches!(world.take(&message(&[SHARED]).to_string()).1, Ok(Handled::Answered(_))));
    assert_eq!(world.defender.mitigations().first().map(|(_, asked)| *asked), Some(1));
}

#[test]
fn what_is_not_an_audit_is_set_aside() {
    let world = World::new();
    assert!(matches!(world.take("{\"taskId\":7}").1, Ok(Handled::Quarantined)));
    assert!(world.quarantine.sent().first().unwrap().reason.contains("not the end of an audit"));
}

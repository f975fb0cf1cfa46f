//! Audits at every interleaving: each is answered once, whatever fails, and the report says what was done.

use super::tests::{SHARED, SILENT, WIDE, World, message, mitigate};
use super::*;
use fleet::conditional::Value;
use fleet::defender::audit::{BUSY_UNTIL, PHASE, read};
use fleet::fakes::Faults;
use fleet::interleavings::{Invocation, Most, Scenario, check, told};
use serde_json::json;

/// The message of one audit, delivered so often.
struct Play {
    copies: usize,
    checks: &'static [&'static str],
    /// How often mitigation is seen to go on.
    goes_on: usize,
}

impl Scenario for Play {
    type World = World;
    type Job = ();

    fn world(&self, faults: &Faults) -> World {
        let mut world = World::with(faults);
        world.defender.goes_on = self.goes_on;
        world.plan(&format!("check#{SHARED}"), &mitigate("deactivate", 5));
        world.plan(&format!("check#{SILENT}"), &[("respond", "suppress".into())]);
        let remedy = Value::Document(json!({ "name": "reboot" }));
        world.plan("check", &[("respond", "remedy".into()), ("remedy", remedy), ("percent", 100.into())]);
        world
    }

    fn jobs(&self) -> Vec<()> {
        vec![(); self.copies]
    }

    fn invoke<'a>(&'a self, world: &'a World, (): (), now: i64) -> Invocation<'a> {
        Box::pin(async move {
            let ended = serde_json::from_value(message(self.checks)).map_err(|error| error.to_string())?;
            answer(&world.ports(), &ended, now).await.map(drop).map_err(|error| error.to_string())
        })
    }

    fn judge(&self, world: &World, faults: usize) -> Result<(), String> {
        let row = world.audits.row("t").ok_or("no row")?;
        if row.text(PHASE) != Some("done") || row.0.contains_key(BUSY_UNTIL) {
            return Err(format!("the audit is not closed: {row:?}"));
        }
        let report = read(&row).ok_or("no report")?;
        let told = told(&world.alerts.sent(), faults)?;
        if told != [Alert::Audit(report.summary())] {
            return Err(format!("what was told is not the report: {told:?}, {report:?}"));
        }
        let mitigations = world.defender.mitigations();
        let asked: usize = mitigations.iter().map(|(_, asked)| *asked).sum();
        let is_mitigated = self.checks.contains(&SHARED);
        if mitigations.len() != usize::from(is_mitigated) || asked > usize::from(is_mitigated) + faults {
            return Err(format!("mitigation: {mitigations:?}"));
        }
        if world.defender.suppressed().len() != usize::from(self.checks.contains(&SILENT)) {
            return Err("the finding is not suppressed".to_owned());
        }
        let mut releases: Vec<_> = world.releases.sent().into_iter().map(|(release, _)| release.release_id).collect();
        let asked = releases.len();
        releases.dedup();
        let wide = usize::from(self.checks.contains(&WIDE));
        if releases.len() != wide || asked > wide + faults {
            return Err(format!("releases: {releases:?}, asked for {asked} times"));
        }
        match releases.first() {
            Some(name) if world.defender.group(name).len() != 1 => Err("the group is not the device's".to_owned()),
            _ => Ok(()),
        }
    }
}

#[test]
fn one_audit() {
    let all = Play { copies: 1, checks: &[SHARED, WIDE, SILENT], goes_on: 0 };
    check("audits: one", &all, Most::Faults(3));
    check("audits: one, mitigation takes a while", &Play { goes_on: 2, ..all }, Most::Faults(2));
}

#[test]
fn an_audit_that_is_told_of_again() {
    check("audits: twice", &Play { copies: 2, checks: &[SHARED, WIDE, SILENT], goes_on: 0 }, Most::Faults(2));
    check(
        "audits: twice, mitigation takes a while",
        &Play { copies: 2, checks: &[SHARED], goes_on: 1 },
        Most::Faults(2),
    );
    check("audits: three times", &Play { copies: 3, checks: &[SHARED], goes_on: 0 }, Most::Faults(1));
}

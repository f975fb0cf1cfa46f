//! What is done about an audit, and the report of it: a row per audit.
//!
//! An invocation claims the row, decides once on all that was found and writes that down, does it, and writes down that it is done;
//! where mitigation goes on in AWS IoT, the event comes again until it has ended. Then people are told, and the row is closed.

use super::finding::{Finding, Resource};
use super::plan::{Plan, Respond};
use super::{remedy, steps};
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item, Outcome, Value};
use crate::release::definition::Remedy;
use iot_events::AuditEnded;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The key of an audit's row.
pub const TASK_ID: &str = "taskId";
/// How far it is.
pub const PHASE: &str = "phase";
/// What was decided, and what has become of it.
pub const REPORT: &str = "report";
/// While an invocation is at it: when that one has died.
pub const BUSY_UNTIL: &str = "busyUntil";
/// When the row may go, in seconds since 1970: DynamoDB removes it.
const EXPIRES_AT: &str = "expiresAt";
/// How many mitigation actions a check may have applied (`MitigationActionNameList`).
pub const MOST_ACTIONS: usize = 5;
/// How many resources of a check something is done about by itself: more are for people.
pub const MOST_RESOURCES: usize = 100;
/// How many resources of a check the report names.
const NAMED: usize = 50;
/// How long a report is kept, in seconds: as long as AWS IoT keeps findings.
const KEPT: i64 = 90 * 86_400;
const DAY: i64 = 86_400;

/// How far an audit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// What is to be done is written down.
    Decided,
    /// It is done, but for what AWS IoT is at.
    Acted,
    /// People were told.
    Done,
}

impl Phase {
    /// As it is kept in the row.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Acted => "acted",
            Self::Done => "done",
        }
    }
}

/// The report of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The audit.
    pub task_id: String,
    /// How it ended: `COMPLETED`, `FAILED` or `CANCELED`.
    pub status: String,
    /// The scheduled audit that it was a run of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_audit: Option<String>,
    /// When it began.
    pub started: EpochMillis,
    /// The checks, the most severe first.
    pub checks: Vec<CheckReport>,
    /// Why the mitigation task was not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_started: Option<String>,
}

/// A check of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// The check.
    pub check: String,
    /// How it ended, as AWS spells it.
    pub status: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `CRITICAL`, `HIGH`, `MEDIUM` or `LOW`; empty where nothing was found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub severity: String,
    /// How many resources were looked at.
    pub total: i64,
    /// How many do not comply.
    pub found: i64,
    /// How many do not comply and are suppressed.
    pub suppressed: i64,
    /// How many findings there are for each reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, usize>,
    /// The first resources that do not comply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// What the response plan says.
    pub plan: Plan,
    /// How many things what is done reaches, where that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<usize>,
    /// Why what the plan says is not done by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
    /// What is done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
    /// What has become of mitigation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mitigated: Option<Counts>,
    /// What people are to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
}

/// What is done about a check's findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Act {
    /// These mitigation actions are applied to all of them.
    Mitigate(Vec<String>),
    /// They are suppressed until then, in seconds since 1970.
    Suppress {
        /// Which.
        resources: Vec<Resource>,
        /// Until when.
        until: i64,
    },
    /// Devices are asked to do something.
    Remedy {
        /// The release, and the group.
        name: String,
        /// What.
        remedy: Remedy,
        /// The devices.
        things: Vec<String>,
    },
}

/// What has become of the findings of a check that mitigation was started for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// How many there are.
    pub total: i64,
    /// How many actions were applied.
    pub succeeded: i64,
    /// How many failed.
    pub failed: i64,
    /// How many did not apply.
    pub skipped: i64,
    /// How many were canceled.
    pub canceled: i64,
}

/// A mitigation task, as far as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MitigationView {
    /// Whether it goes on.
    pub goes_on: bool,
    /// What has become of the findings, by check.
    pub counts: BTreeMap<String, Counts>,
}

/// What is asked of AWS IoT for an audit's findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mitigation {
    /// The id of the mitigation task: it follows from the audit, so that it is started once.
    pub id: String,
    /// The audit.
    pub audit: String,
    /// The mitigation actions, by check.
    pub actions: BTreeMap<String, Vec<String>>,
}

/// A suppression of a finding to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The check.
    pub check: String,
    /// What is found no more.
    pub resource: Resource,
    /// Until when, in seconds since 1970.
    pub until: i64,
    /// Equal for every request for it.
    pub token: String,
}

/// The checks about which something is to be decided.
#[must_use]
pub fn non_compliant(ended: &AuditEnded) -> Vec<&str> {
    let found = ended.audit_details.iter().filter(|check| check.check_run_status == "COMPLETED_NON_COMPLIANT");
    found.map(|check| check.check_name.as_str()).collect()
}

/// What was found for a check, as far as it was listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The findings.
    pub findings: Vec<Finding>,
    /// Whether there are more of them.
    pub more: bool,
}

impl Report {
    /// The report before anything is decided: what was found, and what the plans say.
    #[must_use]
    pub fn new(ended: &AuditEnded, mut found: BTreeMap<String, Found>, mut plans: BTreeMap<String, Plan>) -> Self {
        let checks = ended.audit_details.iter().map(|check| {
            let found = found.remove(&check.check_name).unwrap_or_default();
            let mut report = CheckReport {
                check: check.check_name.clone(),
                status: check.check_run_status.clone(),
                error: check.message.clone().or_else(|| check.error_code.clone()),
                total: check.total_resources_count,
                found: check.non_compliant_resources_count,
                suppressed: check.suppressed_non_compliant_resources_count,
                plan: plans.remove(&check.check_name).unwrap_or_default(),
                ..CheckReport::default()
            };
            if let Some(first) = found.findings.first() {
                report.severity.clone_from(&first.severity);
                report.steps = steps::steps(&check.check_name).iter().map(|step| (*step).to_owned()).collect();
            }
            for finding in &found.findings {
                let count = report.reasons.entry(finding.reason.clone()).or_default();
                *count = count.saturating_add(1);
            }
            let resources: BTreeSet<_> = found.findings.iter().map(|finding| &finding.resource).collect();
            report.resources = resources.iter().take(NAMED).map(ToString::to_string).collect();
            report
        });
        let mut checks: Vec<_> = checks.collect();
        checks.sort_by(|one, other| {
            rank(&one.severity).cmp(&rank(&other.severity)).then_with(|| one.check.cmp(&other.check))
        });
        Self {
            task_id: ended.task_id.clone(),
            status: ended.task_status.clone(),
            scheduled_audit: ended.scheduled_audit_name.clone(),
            started: ended.task_start_time,
            checks,
            not_started: None,
        }
    }

    /// What mitigation is to be started, if any.
    #[must_use]
    pub fn mitigation(&self) -> Option<Mitigation> {
        let actions = self.checks.iter().filter_map(|check| match &check.act {
            Some(Act::Mitigate(actions)) => Some((check.check.clone(), actions.clone())),
            _ => None,
        });
        let actions: BTreeMap<_, _> = actions.collect();
        (!actions.is_empty() && self.not_started.is_none()).then(|| Mitigation {
            id: format!("response-{}", self.task_id),
            audit: self.task_id.clone(),
            actions,
        })
    }

    /// Notes what has become of mitigation.
    pub fn mitigated(&mut self, view: &MitigationView) {
        for check in &mut self.checks {
            if matches!(check.act, Some(Act::Mitigate(_))) {
                check.mitigated = view.counts.get(&check.check).copied();
            }
        }
    }
}

fn rank(severity: &str) -> u8 {
    match severity {
        "CRITICAL" => 0,
        "HIGH" => 1,
        "MEDIUM" => 2,
        "LOW" => 3,
        _ => 4,
    }
}

/// The devices that something reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// Things that are known by name.
    pub things: BTreeSet<String>,
    /// Certificates that are attached to no thing: a device each.
    pub nameless: usize,
}

impl Reached {
    /// How many devices these are.
    #[must_use]
    pub fn number(&self) -> usize {
        self.things.len().saturating_add(self.nameless)
    }
}

impl CheckReport {
    /// Which resources have to be looked at for the devices that they reach, before [`CheckReport::decide`]; `None` where the plan needs no
    /// such count.
    #[must_use]
    pub fn asks_for_devices(&self) -> bool {
        matches!(self.plan.respond, Respond::Mitigate { .. } | Respond::Remedy { .. })
    }

    /// Decides what is done. `reached`: the devices; `before`: those that earlier checks of the audit have come to already; `at_least`: as
    /// many things as the fleet was found to have, see [`enough`].
    pub fn decide(&mut self, found: &Found, task_id: &str, started: EpochMillis, reached: &Reached, room: &Room) {
        let mut resources: Vec<_> = found.findings.iter().map(|finding| finding.resource.clone()).collect();
        resources.sort();
        resources.dedup();
        if resources.is_empty() {
            return;
        }
        let too_many = found.more || resources.len() > MOST_RESOURCES;
        let held = |report: &mut Self, why: String| report.held_back = Some(why);
        match self.plan.respond.clone() {
            Respond::Nothing | Respond::Notify | Respond::Quarantine { .. } => {}
            _ if too_many => {
                held(self, format!("more than {MOST_RESOURCES} resources do not comply: that is for people to see to"));
            }
            Respond::Suppress { days } => {
                let until = started.div_euclid(1000).saturating_add(i64::from(days).saturating_mul(DAY));
                self.act = Some(Act::Suppress { resources, until });
            }
            Respond::Mitigate { actions, percent } => {
                self.devices = Some(reached.number());
                match room.refuses(percent, reached) {
                    Some(why) => held(self, why),
                    None => self.act = Some(Act::Mitigate(actions)),
                }
            }
            Respond::Remedy { remedy, percent } => {
                self.devices = Some(reached.number());
                if reached.things.is_empty() {
                    held(self, "no thing is known that could be asked to do something".to_owned());
                } else if let Some(why) = room.refuses(percent, reached) {
                    held(self, why);
                } else {
                    let name = remedy::name(&format!("{task_id}/{}", self.check));
                    let things = reached.things.iter().cloned().collect();
                    self.act = Some(Act::Remedy { name, remedy, things });
                }
            }
        }
    }
}

/// How much of the fleet an audit may still change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// The devices that earlier checks of the audit have come to.
    pub taken: Reached,
    /// How many things the fleet has, counted no further than [`enough`].
    pub fleet: usize,
}

/// How many things the fleet must have for so many devices to be within the share.
#[must_use]
pub fn enough(devices: usize, percent: u8) -> usize {
    devices.saturating_mul(100).div_ceil(usize::from(percent.max(1)))
}

impl Room {
    /// With these devices, too.
    #[must_use]
    pub fn with(&self, reached: &Reached) -> Reached {
        Reached {
            things: self.taken.things.union(&reached.things).cloned().collect(),
            nameless: self.taken.nameless.saturating_add(reached.nameless),
        }
    }

    /// Why what reaches these devices is not done by itself.
    fn refuses(&self, percent: u8, reached: &Reached) -> Option<String> {
        let all = self.with(reached).number();
        (all > 0 && self.fleet < enough(all, percent)).then(|| {
            format!(
                "{all} devices would be changed, which is more than {percent} % of the fleet's {} things",
                self.fleet
            )
        })
    }
}

// ---- The row -------------------------------------------------------------------------------------------------------

/// What becomes of a [`claim`].
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// Decide.
    Decide,
    /// It was decided: do it.
    Act(Box<Report>),
    /// It was done, but for what AWS IoT is at: see how that stands.
    Follow(Box<Report>),
    /// Nothing is left to do.
    Done,
    /// Another invocation is at it: come again, in case that one dies.
    InProgress,
}

/// Claims the audit for `lease` milliseconds, longer than the function's timeout.
#[must_use]
pub fn claim(task_id: &str, now: EpochMillis, lease: EpochMillis) -> Change {
    Change::of(TASK_ID, task_id)
        .when(Condition::All(vec![
            Condition::equal(PHASE, Phase::Done.as_str()).negated(),
            Condition::Any(vec![Condition::Missing(BUSY_UNTIL.into()), Condition::less(BUSY_UNTIL, now)]),
        ]))
        .set(BUSY_UNTIL, now.saturating_add(lease))
}

/// Judges the outcome of [`claim`].
#[must_use]
pub fn judge(outcome: &Outcome) -> Claim {
    let phase = |row: &Item, phase: Phase| row.text(PHASE) == Some(phase.as_str());
    match outcome {
        Outcome::Refused { current: Some(row) } if phase(row, Phase::Done) => Claim::Done,
        Outcome::Refused { .. } => Claim::InProgress,
        Outcome::Applied { before } => match before.as_ref().and_then(|row| Some((row, read(row)?))) {
            Some((row, report)) if phase(row, Phase::Acted) => Claim::Follow(Box::new(report)),
            Some((_, report)) => Claim::Act(Box::new(report)),
            None => Claim::Decide,
        },
    }
}

/// The report in a row.
#[must_use]
pub fn read(row: &Item) -> Option<Report> {
    serde_json::from_value(serde_json::Value::Object(row.document(REPORT)?.clone())).ok()
}

/// Writes down how far the audit is, holding the lease that ends at `held`. Refused: it has run out, and another has taken the audit up.
#[must_use]
pub fn note(report: &Report, phase: Phase, held: EpochMillis) -> Change {
    let expires = report.started.div_euclid(1000).saturating_add(KEPT);
    let change = Change::of(TASK_ID, report.task_id.as_str())
        .when(Condition::equal(BUSY_UNTIL, held))
        .set(PHASE, phase.as_str())
        .set(REPORT, Value::Document(serde_json::json!(report)))
        .set(EXPIRES_AT, expires);
    if phase == Phase::Done { change.remove(BUSY_UNTIL) } else { change }
}

/// Gives the lease back: the audit waits for AWS IoT.
#[must_use]
pub fn pause(task_id: &str, held: EpochMillis) -> Change {
    Change::of(TASK_ID, task_id).when(Condition::equal(BUSY_UNTIL, held)).remove(BUSY_UNTIL)
}

/// The suppressions of a check.
#[must_use]
pub fn suppressions(check: &CheckReport) -> Vec<Suppression> {
    let Some(Act::Suppress { resources, until }) = &check.act else { return Vec::new() };
    let suppression = |resource: &Resource| Suppression {
        check: check.check.clone(),
        resource: resource.clone(),
        until: *until,
        token: format!("{:016x}-{until}", crate::alert::digest(&format!("{}/{resource}", check.check))),
    };
    resources.iter().map(suppression).collect()
}

// ---- What people are told ------------------------------------------------------------------------------------------

/// An audit in short, for people; the report is in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The audit: the key of its report.
    pub task_id: String,
    /// How it ended.
    pub status: String,
    /// The scheduled audit that it was a run of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_audit: Option<String>,
    /// When it began.
    pub at: EpochMillis,
    /// How many checks were carried out.
    pub checks: usize,
    /// The checks that found something, or failed; the most severe first.
    pub findings: Vec<Line>,
    /// Why the mitigation task was not started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_started: Option<String>,
}

/// A check that found something, or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The check.
    pub check: String,
    /// How severe it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub severity: String,
    /// How many resources do not comply.
    pub found: i64,
    /// What the plan says.
    pub respond: &'static str,
    /// What was done, or why it was not, in words.
    pub done: String,
    /// What people are to do.
    pub steps: Vec<String>,
}

impl Report {
    /// In short.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let worth = |check: &&CheckReport| check.found > 0 || check.error.is_some() || check.status == "FAILED";
        // What the plan leaves alone is not told, but stays in the report.
        let told = |check: &&CheckReport| check.error.is_some() || check.plan.respond != Respond::Nothing;
        let lines = self.checks.iter().filter(worth).filter(told).map(|check| Line {
            check: check.check.clone(),
            severity: check.severity.clone(),
            found: check.found,
            respond: check.plan.respond.as_str(),
            done: self.done(check),
            steps: check.steps.clone(),
        });
        Summary {
            task_id: self.task_id.clone(),
            status: self.status.clone(),
            scheduled_audit: self.scheduled_audit.clone(),
            at: self.started,
            checks: self.checks.len(),
            findings: lines.collect(),
            not_started: self.not_started.clone(),
        }
    }

    fn done(&self, check: &CheckReport) -> String {
        if let Some(error) = &check.error {
            return format!("the check failed: {error}");
        }
        if let Some(why) = check.held_back.as_ref().or(check.plan.wrong.as_ref()) {
            return format!("nothing was done: {why}");
        }
        match &check.act {
            None => "nothing was done".to_owned(),
            Some(Act::Suppress { resources, .. }) => format!("{} findings are suppressed", resources.len()),
            Some(Act::Remedy { name, things, .. }) => format!("{} things were given the release {name}", things.len()),
            Some(Act::Mitigate(actions)) => {
                let actions = actions.join(", ");
                match (&self.not_started, check.mitigated) {
                    (Some(why), _) => format!("{actions} could not be applied: {why}"),
                    (None, Some(Counts { total, succeeded, failed, skipped, canceled })) => format!(
                        "{actions} applied to {total} findings: {succeeded} succeeded, {failed} failed, {skipped} skipped, {canceled} canceled"
                    ),
                    (None, None) => format!("{actions} applied"),
                }
            }
        }
    }
}

impl Summary {
    /// One line for people.
    #[must_use]
    pub fn subject(&self) -> String {
        let worst = self.findings.first().map(|line| line.severity.as_str()).filter(|severity| !severity.is_empty());
        let name = self.scheduled_audit.as_deref().unwrap_or("on demand");
        match worst {
            Some(worst) => format!("Audit {} ({name}): {} checks, worst {worst}", self.status, self.findings.len()),
            None => format!("Audit {} ({name}): {} checks to look at", self.status, self.findings.len()),
        }
    }
}

#[cfg(test)]
mod tests;

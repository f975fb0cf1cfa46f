//! What is to be done about an audit's findings.

use super::{Outside, Ports};
use fleet::defender::audit::{CheckReport, Found, MOST_RESOURCES, Reached, Report, Room, enough, non_compliant};
use fleet::defender::plan::{ABOUT, About, Plan, Respond};
use fleet::ports::{CountThings as _, FindRow as _, ListDevices as _, ListFindings as _, PortResult};
use iot_events::AuditEnded;
use std::collections::{BTreeMap, BTreeSet};

/// How many devices are counted: what reaches more is for people.
const DEVICES: usize = 1000;

/// Asks what was found, what the plans say, and whom it would reach; decides.
pub(super) async fn decide<O: Outside>(ports: &Ports<'_, O>, ended: &AuditEnded) -> PortResult<Report> {
    let (mut found, mut plans) = (BTreeMap::new(), BTreeMap::new());
    for check in non_compliant(ended) {
        found.insert(
            check.to_owned(),
            ports.defender.list_findings(&ended.task_id, check, MOST_RESOURCES.saturating_add(1)).await?,
        );
        plans.insert(check.to_owned(), plan(ports, check).await?);
    }
    let mut report = Report::new(ended, found.clone(), plans);
    let mut room = Room::default();
    for check in &mut report.checks {
        let Some(found) = found.get(&check.check) else { continue };
        let reached = reached(ports, check, found).await?;
        let all = room.with(&reached);
        if let (Some(percent), 1..) = (percent(check), all.number()) {
            room.fleet = room.fleet.max(ports.defender.count_things(enough(all.number(), percent)).await?);
        }
        check.decide(found, &ended.task_id, ended.task_start_time, &reached, &room);
        if check.act.is_some() {
            room.taken = all;
        }
    }
    Ok(report)
}

async fn plan<O: Outside>(ports: &Ports<'_, O>, check: &str) -> PortResult<Plan> {
    let about = About::Check(check);
    for key in about.keys() {
        if let Some(row) = ports.plans.find_row(ABOUT, &key).await? {
            return Ok(about.read(&row));
        }
    }
    Ok(Plan::default())
}

fn percent(check: &CheckReport) -> Option<u8> {
    match check.plan.respond {
        Respond::Mitigate { percent, .. } | Respond::Remedy { percent, .. } => Some(percent),
        _ => None,
    }
}

/// The devices that what is done would reach, counted where the plan asks for it and no more than by itself is done anyway.
async fn reached<O: Outside>(ports: &Ports<'_, O>, check: &CheckReport, found: &Found) -> PortResult<Reached> {
    let mut reached = Reached::default();
    if !check.asks_for_devices() || found.more {
        return Ok(reached);
    }
    let resources: BTreeSet<_> = found.findings.iter().map(|finding| &finding.resource).collect();
    for resource in resources.into_iter().filter(|resource| resource.is_of_devices()).take(MOST_RESOURCES) {
        let things = ports.defender.list_devices(resource, DEVICES).await?;
        if things.is_empty() {
            reached.nameless = reached.nameless.saturating_add(1);
        }
        reached.things.extend(things);
        if reached.number() > DEVICES {
            break;
        }
    }
    Ok(reached)
}

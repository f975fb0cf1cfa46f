//! AWS IoT Device Defender and thing groups as far as the functions ask: findings that stay, mitigation tasks that are started once under
//! one id, and things that exist or do not.

use super::{Faults, Part};
use crate::defender::audit::{Counts, Found, Mitigation, MitigationView, Suppression};
use crate::defender::finding::{Finding, Resource};
use crate::ports::{
    AddThingToGroup, AttachPolicy, CountThings, DescribeMitigation, ErrorKind, ListDevices, ListFindings, MakeGroup,
    PortError, PortResult, RemoveThingFromGroup, StartMitigation, Suppress,
};
use std::collections::{BTreeMap, BTreeSet};

/// What has changed by calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Changed {
    tasks: BTreeMap<String, Task>,
    suppressed: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Task {
    mitigation: Mitigation,
    asked: usize,
    looked: usize,
}

/// Audits' findings, mitigation, suppressions, things and groups.
#[derive(Debug)]
pub struct Defender {
    /// What audits have found, whatever the audit.
    pub findings: Vec<Finding>,
    /// The things of resources, as these are shown.
    pub reached: BTreeMap<String, Vec<String>>,
    /// The things of the fleet.
    pub things: BTreeSet<String>,
    /// How often a mitigation task is seen to go on before it has ended.
    pub goes_on: usize,
    /// The mitigation actions that exist; any, where there are none.
    pub actions: BTreeSet<String>,
    changed: Part<Changed>,
    groups: Part<BTreeMap<String, BTreeSet<String>>>,
    policies: Part<BTreeSet<(String, String)>>,
    faults: Faults,
}

impl Defender {
    /// Nothing was found yet; there are these things, and calls fail as asked.
    #[must_use]
    pub fn new(faults: &Faults, things: &[&str]) -> Self {
        Self {
            findings: Vec::new(),
            reached: BTreeMap::new(),
            things: things.iter().map(|thing| (*thing).to_owned()).collect(),
            goes_on: 0,
            actions: BTreeSet::new(),
            changed: Part::new(faults, Changed::default()),
            groups: Part::new(faults, BTreeMap::new()),
            policies: Part::new(faults, BTreeSet::new()),
            faults: faults.clone(),
        }
    }

    /// The things of a group; none where there is no group.
    #[must_use]
    pub fn group(&self, group: &str) -> BTreeSet<String> {
        self.groups.lock().get(group).cloned().unwrap_or_default()
    }

    /// The policies that are attached, each with its target.
    #[must_use]
    pub fn policies(&self) -> BTreeSet<(String, String)> {
        self.policies.lock().clone()
    }

    /// The mitigation tasks, each with how often it was asked for.
    #[must_use]
    pub fn mitigations(&self) -> Vec<(Mitigation, usize)> {
        self.changed.lock().tasks.values().map(|task| (task.mitigation.clone(), task.asked)).collect()
    }

    /// What is suppressed: check and resource.
    #[must_use]
    pub fn suppressed(&self) -> BTreeSet<String> {
        self.changed.lock().suppressed.clone()
    }
}

fn gone(operation: &'static str, what: &str) -> PortError {
    PortError::new(operation, format!("{what} does not exist")).of_kind(ErrorKind::Permanent)
}

impl ListFindings for Defender {
    async fn list_findings(&self, _task_id: &str, check: &str, most: usize) -> PortResult<Found> {
        let list = || {
            let of: Vec<_> = self.findings.iter().filter(|finding| finding.check == check).cloned().collect();
            let more = of.len() > most;
            (of.into_iter().take(most).collect::<Vec<_>>(), more)
        };
        let (findings, more) = self.faults.ask("ListAuditFindings", list).await?;
        Ok(Found { findings, more })
    }
}

impl ListDevices for Defender {
    async fn list_devices(&self, resource: &Resource, most: usize) -> PortResult<Vec<String>> {
        let list = || {
            let reached = self.reached.get(&resource.to_string()).into_iter().flatten();
            reached.take(most).cloned().collect::<Vec<_>>()
        };
        self.faults.ask("ListDevices", list).await
    }
}

impl CountThings for Defender {
    async fn count_things(&self, enough: usize) -> PortResult<usize> {
        self.faults.ask("ListThings", || self.things.len().min(enough)).await
    }
}

impl StartMitigation for Defender {
    async fn start_mitigation(&self, mitigation: &Mitigation) -> PortResult<()> {
        let unknown = mitigation
            .actions
            .values()
            .flatten()
            .find(|action| !self.actions.is_empty() && !self.actions.contains(*action));
        let start = || {
            if unknown.is_some() {
                return false;
            }
            let mut changed = self.changed.lock();
            let new = Task { mitigation: mitigation.clone(), asked: 0, looked: 0 };
            let task = changed.tasks.entry(mitigation.id.clone()).or_insert(new);
            task.asked = task.asked.saturating_add(1);
            true
        };
        match self.faults.run("StartAuditMitigationActionsTask", start).await? {
            true => Ok(()),
            false => Err(gone("StartAuditMitigationActionsTask", unknown.map_or("", String::as_str))),
        }
    }
}

impl DescribeMitigation for Defender {
    async fn describe_mitigation(&self, id: &str) -> PortResult<Option<MitigationView>> {
        let describe = || {
            let mut changed = self.changed.lock();
            let task = changed.tasks.get_mut(id)?;
            let goes_on = task.looked < self.goes_on;
            if goes_on {
                task.looked = task.looked.saturating_add(1);
            }
            let counts = task.mitigation.actions.keys().map(|check| {
                let total = self.findings.iter().filter(|finding| finding.check == *check).count();
                let total = i64::try_from(total).unwrap_or(i64::MAX);
                (check.clone(), Counts { total, succeeded: total, ..Counts::default() })
            });
            Some((goes_on, counts.collect::<BTreeMap<_, _>>()))
        };
        let described = self.faults.run("DescribeAuditMitigationActionsTask", describe).await?;
        Ok(described.map(|(goes_on, counts)| MitigationView { goes_on, counts }))
    }
}

impl Suppress for Defender {
    async fn suppress(&self, suppression: &Suppression) -> PortResult<()> {
        let suppress = || {
            let what = format!("{}: {}", suppression.check, suppression.resource);
            self.changed.lock().suppressed.insert(what);
        };
        self.faults.run("CreateAuditSuppression", suppress).await
    }
}

impl MakeGroup for Defender {
    async fn make_group(&self, group: &str) -> PortResult<()> {
        let make = || {
            self.groups.lock().entry(group.to_owned()).or_default();
        };
        self.faults.run("CreateThingGroup", make).await
    }
}

impl AddThingToGroup for Defender {
    async fn add_thing_to_group(&self, name: &str, group: &str) -> PortResult<()> {
        let add = || {
            let is_there = self.things.contains(name);
            if is_there {
                self.groups.lock().entry(group.to_owned()).or_default().insert(name.to_owned());
            }
            is_there
        };
        match self.faults.run("AddThingToThingGroup", add).await? {
            true => Ok(()),
            false => Err(gone("AddThingToThingGroup", name)),
        }
    }
}

impl RemoveThingFromGroup for Defender {
    async fn remove_thing_from_group(&self, name: &str, group: &str) -> PortResult<()> {
        let remove = || {
            if let Some(things) = self.groups.lock().get_mut(group) {
                things.remove(name);
            }
        };
        self.faults.run("RemoveThingFromThingGroup", remove).await
    }
}

impl AttachPolicy for Defender {
    async fn attach_policy(&self, policy: &str, target: &str) -> PortResult<()> {
        let attach = || {
            self.policies.lock().insert((policy.to_owned(), target.to_owned()));
        };
        self.faults.run("AttachPolicy", attach).await
    }
}

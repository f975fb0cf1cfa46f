//! One release at a time in an environment: its row, in the table of the releases, under a key that no release can have.

use super::definition::What;
use super::state::{RELEASE_ID, Release};
use crate::conditional::{Change, Condition, Item, Outcome, Value};
use serde::{Deserialize, Serialize};

/// The release that goes on.
const ACTIVE: &str = "active";
/// The release that was the last to succeed.
const CURRENT: &str = "current";

/// What an environment has: the release that was the last to succeed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// The release.
    pub release_id: String,
    /// What it brought.
    pub what: What,
    /// Its jobs that still go on: continuous ones, and those that devices which were offline have yet to do.
    #[serde(default)]
    pub jobs: Vec<String>,
}

/// The key of an environment's row.
#[must_use]
pub fn key(environment: &str) -> String {
    format!("environment#{environment}")
}

fn change(release: &Release) -> Change {
    Change::of(RELEASE_ID, key(&release.definition.environment))
}

/// Claims the environment for a release. Refused if another has it.
#[must_use]
pub fn claim(release: &Release) -> Change {
    let free = Condition::Any(vec![Condition::Missing(ACTIVE.into()), Condition::equal(ACTIVE, release.id())]);
    change(release).when(free).set(ACTIVE, release.id())
}

/// What became of a [`claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The release has the environment, which has this.
    Yes(Option<Box<Current>>),
    /// This release has it.
    No(String),
}

/// Judges the outcome of [`claim`].
#[must_use]
pub fn judge(outcome: &Outcome) -> Claimed {
    match outcome {
        Outcome::Applied { before } => Claimed::Yes(before.as_ref().and_then(current).map(Box::new)),
        Outcome::Refused { current } => {
            let active = current.as_ref().and_then(|row| row.text(ACTIVE));
            Claimed::No(active.unwrap_or("another").to_owned())
        }
    }
}

/// What the environment has, by its row.
#[must_use]
pub fn current(row: &Item) -> Option<Current> {
    serde_json::from_value(serde_json::Value::Object(row.document(CURRENT)?.clone())).ok()
}

/// The release that goes on in the environment, by its row.
#[must_use]
pub fn active(row: &Item) -> Option<&str> {
    row.text(ACTIVE)
}

/// Lets the environment go, with what it has from now on, if that changed. Refused if another release has it by now: it was let go.
#[must_use]
pub fn free(release: &Release, current: Option<&Current>) -> Change {
    let change = change(release).when(Condition::equal(ACTIVE, release.id())).remove(ACTIVE);
    match current {
        Some(current) => change.set(CURRENT, Value::Document(serde_json::json!(current))),
        None => change,
    }
}

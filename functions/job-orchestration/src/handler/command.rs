//! What people ask for, and the schedule.

use super::{Outside, Ports, ReleaseError, Releases, drive};
use fleet::conditional::Outcome;
use fleet::ports::{DescribeJob as _, FindRelease as _, ListGroup as _, ListReleases as _, UpdateItem as _};
use fleet::release::definition::Definition;
use fleet::release::environment::{self, Current};
use fleet::release::state::Run;
use fleet::release::{JobRequest, Phase, Release, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many things a dry run resolves a group to, at most.
const RESOLVED: usize = 10_000;
/// How many of them it names.
const NAMED: usize = 100;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Command {
    /// A new release; with `dryRun`, what it would be.
    Create {
        /// What it is.
        release: Definition,
        /// Who asks.
        by: String,
        /// Whether nothing is to be made.
        #[serde(default)]
        dry_run: bool,
    },
    /// A second person agrees.
    Approve {
        /// Which.
        release_id: String,
        /// Who.
        by: String,
    },
    /// The next wave is to begin.
    Promote {
        /// Which.
        release_id: String,
        /// The number of the wave, from 1.
        #[serde(default)]
        wave: Option<u32>,
        /// Who.
        by: String,
    },
    /// It is to stop.
    Stop {
        /// Which.
        release_id: String,
        /// Who.
        by: String,
        /// Why.
        #[serde(default)]
        why: Option<String>,
    },
    /// It is to go on.
    Resume {
        /// Which.
        release_id: String,
        /// Who.
        by: String,
    },
    /// Devices are to get what they had before.
    Rollback {
        /// Which.
        release_id: String,
        /// Who.
        by: String,
    },
    /// How it stands.
    Show {
        /// Which.
        release_id: String,
    },
    /// All releases.
    List {
        /// Of this environment alone.
        #[serde(default)]
        environment: Option<String>,
    },
    /// All that goes on is to be looked at: the schedule asks for it.
    Reconcile {},
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum Answer {
    /// A release.
    Release {
        /// How it stands.
        release: Box<Release>,
    },
    /// Releases, the newest first, and what environments have.
    List {
        /// The releases.
        releases: Vec<Summary>,
        /// The environments.
        environments: Vec<Environment>,
    },
    /// What a release would be.
    DryRun {
        /// Its waves.
        waves: Vec<Dry>,
        /// The release that has the environment now, which this one would have to wait for.
        active: Option<String>,
        /// What the environment has.
        current: Option<Box<Current>>,
    },
    /// What was asked for cannot be, and why.
    Refused {
        /// Why.
        refused: String,
    },
    /// So many releases were looked at.
    Reconciled {
        /// How many.
        reconciled: usize,
        /// Those that could not be, and why.
        failed: Vec<String>,
    },
}

/// A release in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    release_id: String,
    environment: String,
    what: String,
    phase: Phase,
    wave: Option<String>,
    waves: usize,
    created_at: i64,
    created_by: String,
    reason: Option<String>,
}

/// What an environment has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Environment {
    environment: String,
    active: Option<String>,
    current: Option<String>,
}

/// A wave as it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dry {
    wave: String,
    /// The job, with its document.
    job: JobRequest,
    /// How many things it reaches; more where there are more than are counted.
    number: usize,
    /// Whether there are more.
    more: bool,
    /// The first of them by name.
    things: Vec<String>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<String>,
}

/// Does what is asked for; what cannot be is an answer, too.
pub(crate) async fn obey<O: Outside>(
    ports: &Ports<'_, O>,
    command: &Command,
    now: i64,
) -> Result<Answer, ReleaseError> {
    match carry_out(ports, command, now).await {
        Err(ReleaseError::Refused(refusal)) => Ok(Answer::Refused { refused: refusal.to_string() }),
        other => other,
    }
}

/// Does what is asked for.
pub(super) async fn carry_out<O: Outside>(
    ports: &Ports<'_, O>,
    command: &Command,
    now: i64,
) -> Result<Answer, ReleaseError> {
    match command {
        Command::Create { release, dry_run: true, .. } => dry_run(ports, release).await,
        Command::Create { release, by, .. } => create(ports, release, by, now).await,
        Command::Approve { release_id, by } => step(ports, release_id, Step::Approve { by: by.clone() }, now).await,
        Command::Promote { release_id, wave, .. } => step(ports, release_id, Step::Promote { wave: *wave }, now).await,
        Command::Stop { release_id, by, why } => {
            let why =
                why.as_deref().map_or_else(|| format!("stopped by {by}"), |why| format!("{why} (stopped by {by})"));
            step(ports, release_id, Step::Stop { why }, now).await
        }
        Command::Resume { release_id, .. } => step(ports, release_id, Step::Resume, now).await,
        Command::Rollback { release_id, .. } => step(ports, release_id, Step::RollBack, now).await,
        Command::Show { release_id } => show(ports, release_id).await,
        Command::List { environment } => list(ports, environment.as_deref()).await,
        Command::Reconcile {} => reconcile(ports, now).await,
    }
}

async fn find<R: Releases>(releases: &R, release_id: &str) -> Result<Release, ReleaseError> {
    let row = releases.find_release(release_id).await?;
    let found = row.as_ref().and_then(Release::read);
    found.ok_or_else(|| ReleaseError::refusal(format!("there is no release `{release_id}`")))
}

async fn step<O: Outside>(
    ports: &Ports<'_, O>,
    release_id: &str,
    step: Step,
    now: i64,
) -> Result<Answer, ReleaseError> {
    let release = find(ports.releases, release_id).await?;
    answered(ports, release_id, drive::take(ports, release, &step, now).await).await
}

/// Where another invocation is at the release, it does what was decided here, too; the schedule looks after it.
async fn answered<O: Outside>(
    ports: &Ports<'_, O>,
    release_id: &str,
    taken: Result<Release, ReleaseError>,
) -> Result<Answer, ReleaseError> {
    let release = match taken {
        Err(ReleaseError::InProgress) => find(ports.releases, release_id).await?,
        other => other?,
    };
    Ok(Answer::Release { release: Box::new(release) })
}

async fn create<O: Outside>(
    ports: &Ports<'_, O>,
    definition: &Definition,
    by: &str,
    now: i64,
) -> Result<Answer, ReleaseError> {
    definition.check().map_err(ReleaseError::refusal)?;
    let mut release = Release::new(definition.clone(), by, now);
    match ports.releases.update_item(&release.put()).await? {
        Outcome::Applied { .. } => release.revision = 1,
        Outcome::Refused { current } => {
            let current = current.as_ref().and_then(Release::read);
            // The same once more: its answer was lost, or the function died behind it.
            match current.filter(|current| current.definition == *definition && current.created_by == by) {
                Some(current) => release = current,
                None => {
                    return Err(ReleaseError::refusal(format!(
                        "there is a release `{}` already",
                        definition.release_id
                    )));
                }
            }
        }
    }
    let looked = drive::look(ports, release, now).await;
    answered(ports, &definition.release_id, looked).await
}

async fn show<O: Outside>(ports: &Ports<'_, O>, release_id: &str) -> Result<Answer, ReleaseError> {
    let mut release = find(ports.releases, release_id).await?;
    for run in &mut release.runs {
        if let Some(view) = ports.jobs.describe_job(&run.job_id).await? {
            run.counts = view.counts;
        }
    }
    Ok(Answer::Release { release: Box::new(release) })
}

async fn list<O: Outside>(ports: &Ports<'_, O>, environment: Option<&str>) -> Result<Answer, ReleaseError> {
    let rows = ports.releases.list_releases().await?;
    let mut releases: Vec<_> = rows.iter().filter_map(Release::read).collect();
    releases.retain(|release| environment.is_none_or(|environment| release.definition.environment == environment));
    releases.sort_by(|one, other| other.created_at.cmp(&one.created_at).then_with(|| one.id().cmp(other.id())));
    let names: BTreeSet<_> = releases.iter().map(|release| release.definition.environment.clone()).collect();
    let environments = names.into_iter().map(|name| {
        let key = environment::key(&name);
        let row = rows.iter().find(|row| row.text(fleet::release::state::RELEASE_ID) == Some(key.as_str()));
        Environment {
            environment: name,
            active: row.and_then(environment::active).map(str::to_owned),
            current: row.and_then(environment::current).map(|current| current.release_id),
        }
    });
    let environments = environments.collect();
    let releases = releases.into_iter().map(|release| Summary {
        what: release.definition.what.label(),
        wave: release.run().map(|run: &Run| run.name.clone()),
        waves: release.definition.waves.len(),
        phase: release.phase,
        created_at: release.created_at,
        created_by: release.created_by,
        reason: release.reason,
        release_id: release.definition.release_id,
        environment: release.definition.environment,
    });
    Ok(Answer::List { releases: releases.collect(), environments })
}

/// Looks at all that goes on: what an invocation left that died, what an event would have said that never came, and what time brings.
async fn reconcile<O: Outside>(ports: &Ports<'_, O>, now: i64) -> Result<Answer, ReleaseError> {
    let rows = ports.releases.list_releases().await?;
    let (mut reconciled, mut failed) = (0, Vec::new());
    for release in rows.iter().filter_map(Release::read).filter(|release| !release.rests()) {
        let id = release.id().to_owned();
        match drive::look(ports, release, now).await {
            Ok(_) | Err(ReleaseError::InProgress) => reconciled += 1,
            Err(error) => failed.push(format!("{id}: {error}")),
        }
    }
    Ok(Answer::Reconciled { reconciled, failed })
}

/// Says what a release would be: the jobs with their documents, and whom each would reach.
async fn dry_run<O: Outside>(ports: &Ports<'_, O>, definition: &Definition) -> Result<Answer, ReleaseError> {
    definition.check().map_err(ReleaseError::refusal)?;
    if ports.releases.find_release(&definition.release_id).await?.is_some() {
        return Err(ReleaseError::refusal(format!("there is a release `{}` already", definition.release_id)));
    }
    let row = ports.releases.find_release(&environment::key(&definition.environment)).await?;
    let mut waves = Vec::new();
    for planned in Release::plan(definition) {
        let found = ports.jobs.list_group(&planned.group, RESOLVED.saturating_add(1)).await?;
        let wrong = found.is_none().then(|| format!("there is no thing group `{}`", planned.group));
        let found = found.unwrap_or_default();
        let more = found.len() > RESOLVED;
        let mut things: Vec<_> = found.into_iter().take(RESOLVED).filter(|name| planned.reaches(name)).collect();
        things.sort();
        let number = things.len();
        things.truncate(NAMED);
        waves.push(Dry { wave: planned.name, job: planned.job, number, more, things, wrong });
    }
    let active = row.as_ref().and_then(environment::active).map(str::to_owned);
    Ok(Answer::DryRun { waves, active, current: row.as_ref().and_then(environment::current).map(Box::new) })
}

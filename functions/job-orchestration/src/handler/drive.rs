//! One step of a release: decided on its row, written with all that follows from it, and carried out.

use super::{LEASE, Outside, PAGES, Ports, ReleaseError, TRIES};
use fleet::alert::Alert;
use fleet::conditional::Outcome;
use fleet::ports::{
    CancelJob as _, CreateJob as _, DescribeJob as _, ErrorKind, FillGroup as _, GoOn as _, ListFailures as _,
    ListGroup as _, Notify as _, PortError, SwitchOnJobEvents as _, UpdateItem,
};
use fleet::release::progress::Done;
use fleet::release::{Effect, Refusal, Release, Step, environment};

/// How many things of a group are counted, at most.
const COUNTED: usize = 10_000;

/// What is done with a release: a step, or only what is left of earlier ones.
type Decide<'d> = dyn Fn(&mut Release) -> Result<bool, ReleaseError> + Send + Sync + 'd;

/// Takes a step of a release and carries it out.
pub(crate) async fn take<O: Outside>(
    ports: &Ports<'_, O>,
    release: Release,
    step: &Step,
    now: i64,
) -> Result<Release, ReleaseError> {
    let taken = drive(ports, release, &|release| Ok(release.step(step, now)?), now).await?;
    follow(ports, taken, now).await
}

/// Looks at the job that the release is at, and does what follows.
pub(crate) async fn look<O: Outside>(
    ports: &Ports<'_, O>,
    release: Release,
    now: i64,
) -> Result<Release, ReleaseError> {
    // What is left of earlier steps goes first: only then is there a job to look at.
    let release = drive(ports, release, &|_| Ok(false), now).await?;
    follow(ports, release, now).await
}

/// Looks at the release's job, and at the next one's where that moved it: devices may be done with a job before its making was noted,
/// and their events then had nothing to say.
async fn follow<O: Outside>(ports: &Ports<'_, O>, mut release: Release, now: i64) -> Result<Release, ReleaseError> {
    for _ in 0..TRIES {
        let Some(job_id) = release.run().filter(|_| release.phase.holds() && release.todo.is_empty()) else { break };
        let job_id = job_id.job_id.clone();
        let view = ports.jobs.describe_job(&job_id).await?;
        let failures = match &view {
            Some(view) if release.fails(&job_id, view, now) => ports.jobs.list_failures(&job_id).await?,
            _ => Vec::new(),
        };
        let step = Step::Seen { job_id: job_id.clone(), view, failures };
        release = drive(ports, release, &|release| Ok(release.step(&step, now)?), now).await?;
        if release.run().is_none_or(|run| run.job_id == job_id) {
            break;
        }
    }
    Ok(release)
}

/// Decides on the release, on its row as it is, and carries out what is to be done.
async fn drive<O: Outside>(
    ports: &Ports<'_, O>,
    mut release: Release,
    decide: &Decide<'_>,
    now: i64,
) -> Result<Release, ReleaseError> {
    for _ in 0..TRIES {
        let is_busy = release.busy_until.is_some_and(|until| until >= now);
        let mut next = release.clone();
        let decided = match decide(&mut next) {
            Ok(false) if release.todo.is_empty() => return Ok(release),
            Ok(false) if is_busy => return Err(ReleaseError::InProgress),
            Err(ReleaseError::Refused(Refusal::Busy)) if !is_busy => None,
            decided => Some(decided?),
        };
        if decided.is_none() {
            // Refused because of what is left of an earlier step, whose invocation has died or has left it: that goes first.
            next = release.clone();
        }
        if !is_busy {
            next.busy_until = (!next.todo.is_empty()).then(|| now.saturating_add(LEASE));
        }
        match save(ports.releases, next).await? {
            // Whoever is at it carries this out, too.
            Ok(_) if is_busy => return Err(ReleaseError::InProgress),
            Ok(held) => release = carry_out(ports, held, now).await?,
            Err(current) => {
                release = current;
                continue;
            }
        }
        match decided {
            Some(_) => return Ok(release),
            None if !release.todo.is_empty() => return Err(Refusal::Busy.into()),
            None => {}
        }
    }
    Err(ReleaseError::InProgress)
}

/// Writes the release down; the release as it is where somebody else has.
async fn save<R: UpdateItem>(releases: &R, mut next: Release) -> Result<Result<Release, Release>, ReleaseError> {
    match releases.update_item(&next.save()).await? {
        Outcome::Applied { .. } => {
            next.revision = next.revision.saturating_add(1);
            Ok(Ok(next))
        }
        Outcome::Refused { current } => {
            let current = current.as_ref().and_then(Release::read);
            current.map(Err).ok_or_else(|| ReleaseError::refusal(format!("release `{}` is gone", next.id())))
        }
    }
}

/// Carries out what is to be done, holding the lease.
async fn carry_out<O: Outside>(ports: &Ports<'_, O>, mut release: Release, now: i64) -> Result<Release, ReleaseError> {
    let (held, mut pages) = (release.busy_until, 0);
    while let Some(effect) = release.todo.first().cloned() {
        let done = perform(ports, &release, &effect).await?;
        pages += usize::from(matches!(done, Done::Filled(Some(_))));
        let pauses = pages >= PAGES;
        release = loop {
            let mut next = release;
            next.done(done.clone(), now);
            if next.todo.is_empty() || pauses {
                next.busy_until = None;
            }
            match save(ports.releases, next).await? {
                Ok(saved) => break saved,
                Err(current) if current.busy_until == held => release = current,
                // It took longer than the lease: another has taken it up.
                Err(_) => return Err(ReleaseError::InProgress),
            }
        };
        if pauses && !release.todo.is_empty() {
            ports.queue.go_on(release.id()).await?;
            return Ok(release);
        }
    }
    Ok(release)
}

/// Does one thing, for the first time or once more.
async fn perform<O: Outside>(ports: &Ports<'_, O>, release: &Release, effect: &Effect) -> Result<Done, PortError> {
    Ok(match effect {
        Effect::Claim { .. } => {
            let outcome = ports.releases.update_item(&environment::claim(release)).await?;
            Done::Claimed(environment::judge(&outcome))
        }
        Effect::Fill { group, of, from, to, page } => {
            let filled = ports.jobs.fill_group(group, of, *from..*to, page.as_deref()).await;
            or_never(filled, Done::Filled)?
        }
        Effect::Start { job_id } => {
            let Some(run) = release.runs.iter().find(|run| run.job_id == *job_id) else { return Ok(Done::Simply) };
            let begun = async {
                let mut targets = 0_usize;
                for group in &run.groups {
                    let things = ports.jobs.list_group(group, COUNTED).await?.unwrap_or_default();
                    targets = targets.saturating_add(things.len());
                }
                // Without events nothing would move the release but the schedule.
                ports.jobs.switch_on_job_events().await?;
                ports.jobs.create_job(&release.request(run)).await?;
                Ok(u32::try_from(targets).unwrap_or(u32::MAX))
            };
            or_never(begun.await, Done::Started)?
        }
        Effect::Cancel { job_id, comment } => {
            ports.jobs.cancel_job(job_id, comment).await?;
            Done::Simply
        }
        Effect::Tell(telling) => {
            ports.alerts.notify(&Alert::Release((**telling).clone())).await?;
            Done::Simply
        }
        Effect::Free { current } => {
            ports.releases.update_item(&environment::free(release, current.as_deref())).await?;
            Done::Simply
        }
    })
}

/// What fails the same way each time is no reason to try again.
fn or_never<T>(result: Result<T, PortError>, done: impl FnOnce(T) -> Done) -> Result<Done, PortError> {
    match result {
        Ok(answer) => Ok(done(answer)),
        Err(error) if error.kind == ErrorKind::Permanent => Ok(Done::NotStarted(error.to_string())),
        Err(error) => Err(error),
    }
}

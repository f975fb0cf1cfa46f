//! Whether a wave has done well, or fails.

use super::definition::Wave;
use super::job::{JobStatus, JobView};
use super::state::Run;
use crate::EpochMillis;

/// What a wave's criteria say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It has done well so far as it goes: as many have come to an end as have to.
    Well,
    /// It cannot be said yet.
    Open,
    /// It fails, and why.
    Fails(String),
}

const MINUTE: EpochMillis = 60_000;

/// Judges a run by how its job stands.
#[must_use]
pub fn judge(wave: &Wave, run: &Run, view: &JobView, now: EpochMillis) -> Judgement {
    let success = &wave.success;
    let counts = view.counts;
    let (executed, failures) = (counts.executed(), counts.failures());
    if let Some(abort) =
        wave.abort.as_ref().filter(|abort| executed >= abort.minimum && reaches(failures, abort.percent, executed))
    {
        let percent = abort.percent;
        return Judgement::Fails(format!("{failures} of {executed} failed, {percent} % or more"));
    }
    if view.status == JobStatus::Stopped {
        let comment = view.comment.as_deref().map(|comment| format!(": {comment}")).unwrap_or_default();
        return Judgement::Fails(format!("its job was canceled{comment}"));
    }
    // What is not yet told to its devices has no execution yet.
    let all = run.targets.unwrap_or(0).max(executed.saturating_add(counts.pending()).saturating_add(counts.gone()));
    let unfinished = match view.status {
        JobStatus::Completed => 0,
        _ => all.saturating_sub(executed).saturating_sub(counts.gone()),
    };
    let enough = executed >= success.minimum && !exceeds(unfinished, success.unfinished_percent, all);
    if enough && reaches(counts.succeeded, success.percent, executed) {
        return Judgement::Well;
    }
    if unfinished == 0 && (view.status == JobStatus::Completed || all > 0) {
        let (succeeded, percent, minimum) = (counts.succeeded, success.percent, success.minimum);
        return Judgement::Fails(match executed < minimum {
            true => format!("{executed} came to an end, of {minimum} or more that have to"),
            false => format!("{succeeded} of {executed} succeeded, less than {percent} %"),
        });
    }
    if let Some(minutes) =
        wave.timeout_minutes.filter(|minutes| run.begun_at.saturating_add(i64::from(*minutes) * MINUTE) <= now)
    {
        return Judgement::Fails(format!("{unfinished} of {all} have not come to an end after {minutes} minutes"));
    }
    Judgement::Open
}

/// Whether a part is at least so many in a hundred of the whole.
fn reaches(part: u32, percent: u8, whole: u32) -> bool {
    u64::from(part) * 100 >= u64::from(percent) * u64::from(whole)
}

/// Whether a part is more than so many in a hundred of the whole.
fn exceeds(part: u32, percent: u8, whole: u32) -> bool {
    u64::from(part) * 100 > u64::from(percent) * u64::from(whole)
}

//! What an invocation does next: run once for what it has learned and for the parts of the world that its call touches.

use super::{Invocation, Scenario};
use crate::EpochMillis;
use crate::fakes::{Answer, Faults, Keep, Kept, Moment, Turn, Waiting, digest};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The number of a job; equal jobs have one.
pub(super) type JobId = u32;
/// The number of an invocation of a job that has learned something.
pub(super) type LocalId = u32;

/// Where an invocation is.
#[derive(Debug, Clone)]
pub(super) enum Then {
    /// It waits to make a call.
    Calls(LocalId),
    /// It has ended.
    Done,
    /// It has failed, and comes again.
    Again(Rc<str>),
}

/// What a call did.
#[derive(Debug)]
pub(super) struct Made {
    /// The digests of the parts that it changed.
    pub(super) parts: Vec<(usize, u64)>,
    /// Jobs that the function has put on its queues.
    pub(super) jobs: Vec<JobId>,
    /// Where the invocation is then.
    pub(super) then: Then,
}

/// An invocation up to a call.
struct Local {
    job: JobId,
    since: EpochMillis,
    /// What its calls answered.
    answers: Vec<Answer>,
    next: Waiting,
    /// The parts that its next call touches, a bit each.
    touches: u64,
    /// By what becomes of the call, and by what these parts hold.
    made: HashMap<(Option<Moment>, u64), Rc<Made>>,
    /// By what the call answers.
    then: HashMap<u64, LocalId>,
}

/// All that invocations have done so far.
pub(super) struct Steps<'s, S: Scenario> {
    scenario: &'s S,
    world: &'s S::World,
    faults: &'s Faults,
    parts: Vec<Arc<dyn Keep>>,
    /// What each part has held, by digest.
    held: Vec<HashMap<u64, Kept>>,
    /// What the world shows, by what its parts hold.
    shows: HashMap<u64, u64>,
    jobs: Vec<S::Job>,
    names: HashMap<String, JobId>,
    begun: HashMap<(JobId, EpochMillis), Then>,
    locals: Vec<Local>,
    pub(super) calls: usize,
}

impl<'s, S: Scenario> Steps<'s, S> {
    pub(super) fn new(scenario: &'s S, world: &'s S::World, faults: &'s Faults) -> Self {
        let parts = faults.parts();
        assert!(parts.len() < 64, "a world has at most 63 parts");
        let held = parts.iter().map(|_| HashMap::new()).collect();
        let (shows, names, begun) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self {
            scenario,
            world,
            faults,
            parts,
            held,
            shows,
            jobs: Vec::new(),
            names,
            begun,
            locals: Vec::new(),
            calls: 0,
        }
    }

    /// What the world holds at the beginning.
    pub(super) fn first(&mut self) -> Vec<u64> {
        (0..self.parts.len()).map(|part| self.keep(part)).collect()
    }

    /// The number of a job.
    pub(super) fn number(&mut self, job: S::Job) -> JobId {
        let jobs = &mut self.jobs;
        *self.names.entry(format!("{job:?}")).or_insert_with(|| {
            jobs.push(job);
            u32::try_from(jobs.len().saturating_sub(1)).unwrap_or(u32::MAX)
        })
    }

    /// How a job is shown.
    pub(super) fn show(&self, job: JobId) -> String {
        self.jobs.get(job as usize).map(|job| format!("{job:?}")).unwrap_or_default()
    }

    /// The job of an invocation, when it began, and the call that it waits to make.
    pub(super) fn next(&self, local: LocalId) -> Option<(JobId, EpochMillis, Waiting)> {
        self.locals.get(local as usize).map(|local| (local.job, local.since, local.next))
    }

    /// Makes the world hold this.
    pub(super) fn restore(&self, parts: &[u64]) {
        for ((part, held), digest) in self.parts.iter().zip(&self.held).zip(parts) {
            if let Some(kept) = held.get(digest) {
                part.restore(kept);
            }
        }
    }

    /// Starts an invocation and runs it to its first call.
    pub(super) fn begin(&mut self, job: JobId, now: EpochMillis) -> Then {
        if let Some(then) = self.begun.get(&(job, now)) {
            return then.clone();
        }
        self.faults.turn(|turn| *turn = Turn::default());
        self.faults.touched();
        let polled = self.invoke(job, now).map(|mut invocation| poll(&mut invocation));
        assert_eq!(self.faults.touched(), 0, "an invocation looks at the world by its calls alone");
        let then = match polled {
            Some(Poll::Pending) => self.local(job, now, Vec::new()),
            Some(Poll::Ready(answer)) => ended(answer),
            None => Then::Done,
        };
        self.begun.insert((job, now), then.clone());
        then
    }

    /// Makes the call that the invocation waits for, in a world whose parts hold this, and runs it to its next.
    pub(super) fn make(&mut self, local: LocalId, fault: Option<Moment>, parts: &[u64]) -> Option<Rc<Made>> {
        let at = local as usize;
        let known = self.locals.get(at)?;
        let key = (fault, held(parts, known.touches));
        if let Some(made) = known.made.get(&key) {
            return Some(Rc::clone(made));
        }
        self.calls = self.calls.saturating_add(1);
        let (job, since, answers) = (known.job, known.since, known.answers.clone());
        self.restore(parts);
        self.faults.touched();
        self.faults.turn(|turn| *turn = Turn { known: answers.iter().cloned().collect(), ..Turn::default() });
        let mut invocation = self.invoke(job, since)?;
        let begins = poll(&mut invocation);
        assert!(begins.is_pending(), "an invocation that is run again makes the same calls");
        assert_eq!(self.faults.touched(), 0, "an invocation looks at the world by its calls alone");
        self.faults.turn(|turn| *turn = Turn { fault, ..Turn::default() });
        let polled = poll(&mut invocation);
        drop(invocation);
        let answered = self.faults.turn(|turn| turn.answered.take()).flatten();
        let queued = self.scenario.queued(self.world);
        let touched = self.faults.touched();
        let jobs = queued.into_iter().map(|job| self.number(job)).collect();
        let then = match (polled, answered) {
            (Poll::Ready(answer), _) => ended(answer),
            (Poll::Pending, Some((digest, answer))) => self.after(local, digest, || {
                let mut answers = answers;
                answers.push(answer);
                answers
            }),
            (Poll::Pending, None) => panics(),
        };
        let mut after = parts.to_vec();
        let mut changed = Vec::new();
        for part in (0..parts.len()).filter(|part| touched & (1 << part) != 0) {
            let digest = self.keep(part);
            if let Some(before) = after.get_mut(part).filter(|before| **before != digest) {
                *before = digest;
                changed.push((part, digest));
            }
        }
        self.is_whole(&after);
        let made = Rc::new(Made { parts: changed, jobs, then });
        if let Some(known) = self.locals.get_mut(at) {
            if known.touches | touched != known.touches {
                known.touches |= touched;
                known.made.clear();
            }
            known.made.insert((fault, held(parts, known.touches)), Rc::clone(&made));
        }
        Some(made)
    }

    fn invoke(&self, job: JobId, now: EpochMillis) -> Option<Invocation<'s>> {
        let job = self.jobs.get(job as usize)?.clone();
        Some(self.scenario.invoke(self.world, job, now))
    }

    fn keep(&mut self, part: usize) -> u64 {
        let Some((now, held)) = self.parts.get(part).zip(self.held.get_mut(part)) else { return 0 };
        let (digest, kept) = now.keep();
        held.entry(digest).or_insert(kept);
        digest
    }

    fn after(&mut self, from: LocalId, answered: u64, answers: impl FnOnce() -> Vec<Answer>) -> Then {
        let Some(known) = self.locals.get(from as usize) else { return Then::Done };
        if let Some(then) = known.then.get(&answered) {
            return Then::Calls(*then);
        }
        let then = self.local(known.job, known.since, answers());
        if let (Then::Calls(then), Some(known)) = (&then, self.locals.get_mut(from as usize)) {
            known.then.insert(answered, *then);
        }
        then
    }

    fn local(&mut self, job: JobId, since: EpochMillis, answers: Vec<Answer>) -> Then {
        let Some(next) = self.faults.turn(|turn| turn.waiting.take()).flatten() else { return panics() };
        let (made, then) = (HashMap::new(), HashMap::new());
        self.locals.push(Local { job, since, answers, next, touches: 0, made, then });
        Then::Calls(u32::try_from(self.locals.len().saturating_sub(1)).unwrap_or(u32::MAX))
    }

    /// Two worlds whose parts hold the same show the same, or something else changes.
    fn is_whole(&mut self, parts: &[u64]) {
        let shows = digest(self.world);
        let before = *self.shows.entry(held(parts, u64::MAX)).or_insert(shows);
        assert_eq!(before, shows, "the world has state that is in no part of it");
    }
}

/// A digest of what these parts hold.
fn held(parts: &[u64], which: u64) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    for (at, part) in parts.iter().enumerate() {
        if which & (1 << at) != 0 {
            hasher.write_u64(*part);
        }
    }
    hasher.finish()
}

fn ended(answer: Result<(), String>) -> Then {
    match answer {
        Ok(()) => Then::Done,
        Err(why) => Then::Again(why.into()),
    }
}

fn poll(invocation: &mut Invocation<'_>) -> Poll<Result<(), String>> {
    invocation.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[expect(clippy::panic, reason = "a checker of tests: it fails the test that it is run in")]
fn panics() -> Then {
    panic!("an invocation waits for something that is not a port")
}

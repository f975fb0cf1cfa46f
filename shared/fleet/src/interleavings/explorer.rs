//! Every order of the calls, as a walk over states.

use super::steps::{JobId, LocalId, Steps, Then};
use super::{Explored, Most, PATIENCE, RETRY, START, STEP, Scenario, Wrong};
use crate::EpochMillis;
use crate::fakes::{Faults, Moment};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// How far an event is. One that is done is none any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    /// It arrives at this time.
    Waits(JobId, EpochMillis),
    /// Its invocation waits to make a call.
    Runs(LocalId),
}

/// Two that are equal have the same future.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// What the parts of the world hold.
    parts: Vec<u64>,
    /// In their order: events are interchangeable where they are equal.
    stages: Vec<Stage>,
    clock: EpochMillis,
    faults: usize,
}

impl State {
    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    fn settle(&mut self) {
        for stage in &mut self.stages {
            if let Stage::Waits(_, until) = stage {
                *until = self.clock.max(*until);
            }
        }
        self.stages.sort_unstable();
    }
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// The invocation makes its call.
    Call,
    /// Its call fails.
    Fail(Moment),
    /// Its call is made, and then its process dies.
    Die,
}

pub(super) struct Explorer<'s, S: Scenario> {
    scenario: &'s S,
    world: &'s S::World,
    most: Most,
    steps: Steps<'s, S>,
    /// The schedules from a state on.
    known: HashMap<u64, u128>,
    /// Ends that are right.
    right: HashSet<(u64, usize)>,
    /// How the state came about that is looked at.
    path: Vec<String>,
    /// Whether the path is taken down: once a schedule has ended wrong.
    is_told: bool,
}

impl<'s, S: Scenario> Explorer<'s, S> {
    pub(super) fn new(scenario: &'s S, world: &'s S::World, faults: &'s Faults, most: Most) -> Self {
        let steps = Steps::new(scenario, world, faults);
        let (known, right) = (HashMap::new(), HashSet::new());
        Self { scenario, world, most, steps, known, right, path: Vec::new(), is_told: false }
    }

    pub(super) fn explore(mut self) -> Result<Explored, Box<Wrong>> {
        let jobs: Vec<_> = self.scenario.jobs().into_iter().map(|job| self.steps.number(job)).collect();
        let stages = jobs.into_iter().map(|job| Stage::Waits(job, START)).collect();
        let mut first = State { parts: self.steps.first(), stages, clock: START, faults: 0 };
        first.settle();
        match self.follow(&first) {
            Ok(schedules) => Ok(Explored { schedules, states: self.known.len(), calls: self.steps.calls }),
            Err(_) => {
                // Once more, to take down how it came about: the states that are known to be right are not looked at again.
                self.is_told = true;
                let what = self.follow(&first).err().unwrap_or_default();
                Err(Box::new(Wrong { what, schedule: self.path }))
            }
        }
    }

    /// The number of schedules from this state on, or what is wrong at the end of one.
    fn follow(&mut self, state: &State) -> Result<u128, String> {
        let digest = state.digest();
        if let Some(schedules) = self.known.get(&digest) {
            return Ok(*schedules);
        }
        if state.clock.saturating_sub(START) > PATIENCE {
            return Err("it never settles".to_owned());
        }
        let mut schedules = 0_u128;
        let alike = state.stages.chunk_by(Stage::eq);
        let mut at = 0_usize;
        let first = self.constant(state);
        let running = state.stages.iter().filter(|stage| matches!(stage, Stage::Runs(_))).count();
        for alike in alike {
            let here = at;
            at = at.saturating_add(alike.len());
            if first.is_some_and(|first| first != here) {
                continue;
            }
            if matches!(alike.first(), Some(Stage::Waits(_, until)) if *until > state.clock) {
                continue;
            }
            // A call that has to do with no other is made for one of those alike, in whatever order.
            let ways = if first.is_some() { 1 } else { alike.len() };
            for choice in self.choices(state) {
                let Some(next) = self.next(state, here, choice) else { continue };
                let behind = self.go(&next)?;
                schedules = schedules.saturating_add(behind.saturating_mul(u128::try_from(ways).unwrap_or(1)));
            }
        }
        let comes_again =
            state.stages.iter().any(|stage| matches!(stage, Stage::Waits(_, until) if *until > state.clock));
        if running == 0 && comes_again {
            let mut later = State { clock: state.clock.saturating_add(STEP), ..state.clone() };
            later.settle();
            self.tell(|_| format!("{} s have passed", later.clock.saturating_sub(START).div_euclid(1000)));
            schedules = schedules.saturating_add(self.go(&later)?);
        }
        if state.stages.is_empty() {
            self.judge(state)?;
            schedules = 1;
        }
        self.known.insert(digest, schedules);
        Ok(schedules)
    }

    fn go(&mut self, next: &State) -> Result<u128, String> {
        let schedules = self.follow(next)?;
        if self.is_told {
            self.path.pop();
        }
        Ok(schedules)
    }

    fn tell(&mut self, line: impl FnOnce(&Steps<'s, S>) -> String) {
        if self.is_told {
            self.path.push(line(&self.steps));
        }
    }

    fn judge(&mut self, state: &State) -> Result<(), String> {
        let mut hasher = DefaultHasher::new();
        state.parts.hash(&mut hasher);
        let end = (hasher.finish(), state.faults);
        if !self.right.contains(&end) {
            self.steps.restore(&state.parts);
            self.scenario.judge(self.world, state.faults)?;
            self.right.insert(end);
        }
        Ok(())
    }

    /// A call that has to do with no other may as well be made at once: whether others act before it makes no difference.
    fn constant(&self, state: &State) -> Option<usize> {
        state.stages.iter().position(|stage| match stage {
            Stage::Runs(local) => self.steps.next(*local).is_some_and(|(_, _, next)| next.is_constant),
            Stage::Waits(..) => false,
        })
    }

    fn choices(&self, state: &State) -> impl Iterator<Item = Choice> + use<S> {
        let may_fail = state.faults < self.most.number();
        let any = may_fail && matches!(self.most, Most::Faults(_));
        let fails = [Moment::Before, Moment::After].map(Choice::Fail);
        [Choice::Call]
            .into_iter()
            .chain(fails.into_iter().filter(move |_| any))
            .chain([Choice::Die].into_iter().filter(move |_| may_fail))
    }

    /// The state behind a choice, or none where it is no different from another.
    fn next(&mut self, state: &State, at: usize, choice: Choice) -> Option<State> {
        let mut next = state.clone();
        let then = match state.stages.get(at).copied()? {
            Stage::Runs(local) => Then::Calls(local),
            Stage::Waits(job, _) => self.steps.begin(job, state.clock),
        };
        next.stages.remove(at);
        let Then::Calls(local) = then else {
            // It makes no call that could fail.
            let Some(Stage::Waits(job, _)) = state.stages.get(at).copied().filter(|_| choice == Choice::Call) else {
                return None;
            };
            self.come(&mut next, &then, job, state.clock);
            self.tell(|steps| format!("{}: no call", steps.show(job)));
            next.settle();
            return Some(next);
        };
        let (job, since, call) = self.steps.next(local)?;
        let fault = if let Choice::Fail(moment) = choice { Some(moment) } else { None };
        let made = self.steps.make(local, fault, &state.parts)?;
        for (part, digest) in &made.parts {
            *next.parts.get_mut(*part)? = *digest;
        }
        next.stages.extend(made.jobs.iter().map(|job| Stage::Waits(*job, state.clock)));
        next.faults = next.faults.saturating_add(usize::from(choice != Choice::Call));
        let comes_again = if let (Then::Again(why), false) = (&made.then, choice == Choice::Die) {
            format!(", it comes again: {why}")
        } else {
            String::new()
        };
        self.tell(|steps| format!("{} {}: {}{comes_again}", steps.show(job), call.operation, happened(choice)));
        if choice == Choice::Die {
            next.stages.push(Stage::Waits(job, since.saturating_add(RETRY)));
        } else {
            self.come(&mut next, &made.then, job, since);
        }
        next.settle();
        Some(next)
    }

    fn come(&self, state: &mut State, then: &Then, job: JobId, since: EpochMillis) {
        match then {
            Then::Calls(local) => state.stages.push(Stage::Runs(*local)),
            Then::Again(_) => state.stages.push(Stage::Waits(job, since.saturating_add(RETRY))),
            Then::Done => {}
        }
    }
}

fn happened(choice: Choice) -> &'static str {
    match choice {
        Choice::Fail(Moment::Before) => "fails",
        Choice::Fail(Moment::After) => "is made, its answer is lost",
        Choice::Die => "is made, then the process dies",
        Choice::Call => "is made",
    }
}

//! A function's own code at every interleaving of the calls that its invocations make, with crashes, lost answers and retries.
//!
//! A [`Scenario`] says what the world is, what the function is invoked with, and what must be true in the end; [`explore`] runs
//! it in every order there is. An invocation runs until its next call of a port and waits there; which one goes on, and
//! whether its call fails before or after its effect, or its process dies behind it, is tried in every way, up to a number
//! of faults. What fails comes again a minute later, as from a queue or from Lambda. Two ways that lead to the same state
//! (the world, and what each invocation has learned so far) are followed once and counted both: so "every" is meant.
//!
//! How time goes: it stands still while an invocation runs, as its timeout is shorter than any lease, and passes in steps of
//! [`STEP`] where nothing runs and something is yet to come again.

use crate::EpochMillis;
use crate::alert::Alert;
use crate::fakes::{Faults, Moment, Turn, Waiting};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// When the first invocation starts.
pub const START: EpochMillis = 1_764_000_000_000;
/// How long what failed waits until it comes again, in milliseconds: SQS's visibility timeout, or Lambda's first retry.
pub const RETRY: EpochMillis = 60_000;
/// The step of the clock, in milliseconds: longer than a lease, shorter than [`RETRY`], so that others come in between.
pub const STEP: EpochMillis = 30_000;
/// What is not settled after so long never will be, in milliseconds.
const PATIENCE: EpochMillis = 30 * RETRY;

/// An invocation; an error makes it come again.
pub type Invocation<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

/// What is explored.
pub trait Scenario {
    /// The fakes that the function works on. What its `Debug` shows is the state.
    type World: fmt::Debug;
    /// What the function is invoked with.
    type Job: Clone + fmt::Debug;

    /// A world in which nothing has happened yet, whose ports take turns by `faults`.
    fn world(&self, faults: &Faults) -> Self::World;

    /// The events: they arrive in any order, and any number of them at once.
    fn jobs(&self) -> Vec<Self::Job>;

    /// How many invocations run at once at the most; the others wait until one has ended. Where many of them write one row,
    /// all at once are more than can be tried.
    fn at_once(&self) -> usize {
        usize::MAX
    }

    /// Invokes the function.
    fn invoke<'a>(&'a self, world: &'a Self::World, job: Self::Job, now: EpochMillis) -> Invocation<'a>;

    /// Takes out what the function has put on its own queues: it is invoked with it from then on.
    fn queued(&self, _world: &Self::World) -> Vec<Self::Job> {
        Vec::new()
    }

    /// What must be true once all is done, after so many faults.
    ///
    /// # Errors
    /// What is wrong.
    fn judge(&self, world: &Self::World, faults: usize) -> Result<(), String>;
}

/// What was explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explored {
    /// Orders of calls, with their faults.
    pub schedules: u128,
    /// States that differ.
    pub states: usize,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} schedules over {} states", self.schedules, self.states)
    }
}

/// A schedule that ends wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong.
    pub what: String,
    /// The calls in their order.
    pub schedule: Vec<String>,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nafter:\n  {}", self.what, self.schedule.join("\n  "))
    }
}

/// How many faults a schedule may have, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Most {
    /// So many crashes, each behind a call: what an invocation does that hands on the error of a call whose answer was lost.
    /// With it three invocations stay few enough to be tried in seconds.
    Crashes(usize),
    /// So many crashes, calls that fail, and answers that are lost.
    Faults(usize),
}

impl Most {
    fn number(self) -> usize {
        match self {
            Self::Crashes(number) | Self::Faults(number) => number,
        }
    }
}

impl fmt::Display for Most {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crashes(number) => write!(f, "crashes up to {number}"),
            Self::Faults(number) => write!(f, "faults up to {number}"),
        }
    }
}

/// Runs the scenario in every order, with every choice of faults.
///
/// # Errors
/// The first schedule that ends wrong.
pub fn explore<S: Scenario>(scenario: &S, most: Most) -> Result<Explored, Box<Wrong>> {
    let mut explorer = Explorer { scenario, most, known: HashMap::new() };
    let schedules = explorer.follow(&mut Vec::new(), &[])?;
    Ok(Explored { schedules, states: explorer.known.len() })
}

/// Explores, says on standard error how much that was, whether or not the test's output is shown, and panics if a schedule
/// ends wrong.
pub fn check<S: Scenario>(name: &str, scenario: &S, most: Most) {
    use std::io::Write;
    match explore(scenario, most) {
        Ok(explored) => drop(writeln!(std::io::stderr(), "{name}, {most}: {explored}")),
        Err(wrong) => assert!(wrong.what.is_empty(), "{name}: {wrong}"),
    }
}

/// What a receiver was told that drops copies, as it should: an alert may come again behind a fault, under the same id and with
/// the same content.
///
/// # Errors
/// Two alerts under one id, or a copy without a fault.
pub fn told(sent: &[Alert], faults: usize) -> Result<Vec<Alert>, String> {
    let mut told: Vec<Alert> = Vec::new();
    let mut copies = 0_usize;
    for alert in sent {
        match told.iter().find(|known| known.id() == alert.id()) {
            None => told.push(alert.clone()),
            Some(known) if known == alert => copies = copies.saturating_add(1),
            Some(known) => return Err(format!("two alerts have one id: {known:?} and {alert:?}")),
        }
    }
    if copies > faults {
        return Err(format!("told again {copies} times after {faults} faults: {sent:?}"));
    }
    Ok(told)
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// The invocation makes its call.
    Call(usize),
    /// Its call fails.
    Fail(usize, Moment),
    /// Its call is made, and then its process dies.
    Die(usize),
    /// Time passes.
    Wait,
}

/// How far an event is.
enum Stage<'a> {
    /// It arrives at this time.
    Waits(EpochMillis),
    /// It runs since then; what it has learned; what it calls next.
    Runs { since: EpochMillis, learned: u64, next: Waiting, invocation: Invocation<'a> },
    /// It is done.
    Done,
}

struct Node {
    state: u64,
    learned: Vec<u64>,
    choices: Vec<Choice>,
    end: Result<(), String>,
}

/// Takes down a line of the schedule, which is made up only where somebody reads it.
type Log<'l> = &'l mut dyn FnMut(&dyn Fn() -> String);

struct Explorer<'s, S> {
    scenario: &'s S,
    most: Most,
    known: HashMap<u64, u128>,
}

impl<S: Scenario> Explorer<'_, S> {
    /// The number of schedules that begin so; `learned` is what each invocation had learned before the last choice.
    fn follow(&mut self, so_far: &mut Vec<Choice>, learned: &[u64]) -> Result<u128, Box<Wrong>> {
        let node = replay(self.scenario, so_far, learned, self.most, &mut |_| ());
        if let Some(schedules) = self.known.get(&node.state) {
            return Ok(*schedules);
        }
        if let Err(what) = node.end {
            let mut schedule = Vec::new();
            replay(self.scenario, so_far, learned, self.most, &mut |line| schedule.push(line()));
            return Err(Box::new(Wrong { what, schedule }));
        }
        let mut schedules = u128::from(node.choices.is_empty());
        for choice in node.choices {
            so_far.push(choice);
            schedules = schedules.saturating_add(self.follow(so_far, &node.learned)?);
            so_far.pop();
        }
        self.known.insert(node.state, schedules);
        Ok(schedules)
    }
}

/// Runs the scenario from its beginning, and says what may happen next.
fn replay<S: Scenario>(scenario: &S, choices: &[Choice], learned: &[u64], most: Most, log: Log<'_>) -> Node {
    let faults = Faults::default();
    faults.take_turns();
    let world = scenario.world(&faults);
    let (mut clock, mut used) = (START, 0_usize);
    let mut stages: Vec<(S::Job, Stage<'_>)> =
        scenario.jobs().into_iter().map(|job| (job, Stage::Waits(clock))).collect();
    for (step, choice) in choices.iter().enumerate() {
        // What was learned before is known: an answer is digested when it is new.
        let is_last = step.saturating_add(1) == choices.len();
        if is_last {
            for ((_, stage), known) in stages.iter_mut().zip(learned) {
                if let Stage::Runs { learned, .. } = stage {
                    *learned = *known;
                }
            }
        }
        faults.digest(is_last);
        match *choice {
            Choice::Wait => {
                clock = clock.saturating_add(STEP);
                log(&|| format!("{} s have passed", clock.saturating_sub(START).div_euclid(1000)));
            }
            Choice::Call(at) | Choice::Fail(at, _) | Choice::Die(at) => {
                let Some((job, stage)) = stages.get_mut(at) else { continue };
                let fault = if let Choice::Fail(_, moment) = choice { Some(*moment) } else { None };
                let dies = matches!(choice, Choice::Die(_));
                used = used.saturating_add(usize::from(dies || fault.is_some()));
                if matches!(stage, Stage::Waits(_)) {
                    *stage = begin(scenario, &world, job.clone(), clock, &faults);
                }
                log(&|| format!("{at} {job:?}: {}{}", next(stage), happened(choice)));
                advance(stage, &faults, fault, dies, log);
            }
        }
        for job in scenario.queued(&world) {
            stages.push((job, Stage::Waits(clock)));
        }
    }
    let running = stages.iter().filter(|(_, stage)| matches!(stage, Stage::Runs { .. })).count();
    let may_start = running < scenario.at_once();
    let choices = possible(&stages, clock, may_start, (used < most.number()).then_some(most));
    let end = if clock.saturating_sub(START) > PATIENCE {
        Err("it never settles".to_owned())
    } else if choices.is_empty() {
        scenario.judge(&world, used)
    } else {
        Ok(())
    };
    let learned = stages.iter().map(|(_, stage)| if let Stage::Runs { learned, .. } = stage { *learned } else { 0 });
    let learned = learned.collect();
    Node { learned, state: state(&world, &stages, clock, used), choices, end }
}

/// Starts an invocation and runs it to its first call.
fn begin<'a, S: Scenario>(
    scenario: &'a S,
    world: &'a S::World,
    job: S::Job,
    now: EpochMillis,
    faults: &Faults,
) -> Stage<'a> {
    faults.turn(|turn| *turn = Turn { digests: turn.digests, ..Turn::default() });
    let mut invocation = scenario.invoke(world, job, now);
    match poll(&mut invocation) {
        Poll::Ready(answer) => ended(now, &answer),
        Poll::Pending => Stage::Runs { since: now, learned: 0, next: waiting(faults), invocation },
    }
}

/// Makes the call that the invocation waits for, and runs it to its next.
fn advance(stage: &mut Stage<'_>, faults: &Faults, fault: Option<Moment>, dies: bool, log: Log<'_>) {
    let Stage::Runs { since, learned, next, invocation } = stage else { return };
    faults.turn(|turn| *turn = Turn { waiting: None, fault, answered: *learned, digests: turn.digests });
    let polled = poll(invocation);
    *learned = faults.turn(|turn| turn.answered).unwrap_or_default();
    let since = *since;
    match polled {
        _ if dies => *stage = Stage::Waits(since.saturating_add(RETRY)),
        Poll::Pending => *next = waiting(faults),
        Poll::Ready(answer) => {
            if let Err(why) = &answer {
                log(&|| format!("  it comes again: {why}"));
            }
            *stage = ended(since, &answer);
        }
    }
}

fn ended<'a>(since: EpochMillis, answer: &Result<(), String>) -> Stage<'a> {
    match answer {
        Ok(()) => Stage::Done,
        Err(_) => Stage::Waits(since.saturating_add(RETRY)),
    }
}

fn poll(invocation: &mut Invocation<'_>) -> Poll<Result<(), String>> {
    invocation.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn waiting(faults: &Faults) -> Waiting {
    let none = Waiting { operation: "something that is not a port", is_constant: false };
    faults.turn(|turn| turn.waiting.take()).flatten().unwrap_or(none)
}

fn next(stage: &Stage<'_>) -> &'static str {
    match stage {
        Stage::Runs { next, .. } => next.operation,
        Stage::Waits(_) | Stage::Done => "no call",
    }
}

fn happened(choice: &Choice) -> &'static str {
    match choice {
        Choice::Fail(_, Moment::Before) => " fails",
        Choice::Fail(_, Moment::After) => " is made, its answer is lost",
        Choice::Die(_) => ", then the process dies",
        Choice::Call(_) | Choice::Wait => "",
    }
}

fn possible<J>(stages: &[(J, Stage<'_>)], clock: EpochMillis, may_start: bool, most: Option<Most>) -> Vec<Choice> {
    let mut choices = Vec::new();
    // A call that has to do with no other may as well be made at once: whether others act before it makes no difference.
    let asks = |stage: &Stage<'_>| matches!(stage, Stage::Runs { next: Waiting { is_constant: true, .. }, .. });
    let first = stages.iter().position(|(_, stage)| asks(stage));
    for (at, (_, stage)) in stages.iter().enumerate().filter(|(at, _)| first.is_none_or(|first| first == *at)) {
        let goes_on = match stage {
            Stage::Waits(until) => may_start && *until <= clock,
            Stage::Runs { .. } => true,
            Stage::Done => false,
        };
        if goes_on {
            choices.push(Choice::Call(at));
            match most {
                None => {}
                Some(Most::Crashes(_)) => choices.push(Choice::Die(at)),
                Some(Most::Faults(_)) => {
                    let fails = [Moment::Before, Moment::After].map(|moment| Choice::Fail(at, moment));
                    choices.extend(fails);
                    choices.push(Choice::Die(at));
                }
            }
        }
    }
    let nothing_runs = !stages.iter().any(|(_, stage)| matches!(stage, Stage::Runs { .. }));
    let comes_again = stages.iter().any(|(_, stage)| matches!(stage, Stage::Waits(until) if *until > clock));
    if nothing_runs && comes_again {
        choices.push(Choice::Wait);
    }
    choices
}

/// The state: two that are equal have the same future. Events are interchangeable where they are equal.
fn state<W: fmt::Debug, J: fmt::Debug>(world: &W, stages: &[(J, Stage<'_>)], clock: EpochMillis, used: usize) -> u64 {
    let mut events: Vec<String> = stages
        .iter()
        .map(|(job, stage)| match stage {
            Stage::Waits(until) => format!("{job:?} waits {}", clock.max(*until)),
            Stage::Runs { since, learned, next, .. } => format!("{job:?} runs {since} {learned} {}", next.operation),
            Stage::Done => format!("{job:?} done"),
        })
        .collect();
    events.sort_unstable();
    let mut hasher = DefaultHasher::new();
    (format!("{world:?}"), events, clock, used).hash(&mut hasher);
    hasher.finish()
}

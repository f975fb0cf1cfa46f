//! A function's own code at every interleaving of the calls that its invocations make, with crashes, lost answers and retries.
//!
//! A [`Scenario`] says what the world is, what the function is invoked with, and what must be true in the end; [`explore`] runs
//! it in every order there is. An invocation runs until its next call of a port and waits there; which one goes on, and
//! whether its call fails before or after its effect, or its process dies behind it, is tried in every way, up to a number
//! of faults. What fails comes again a minute later, as from a queue or from Lambda.
//!
//! Three things make "every" cheap, and leave none out. Two ways that lead to the same state (the world, and what each
//! invocation has learned so far) are followed once and counted both. Jobs that show the same are the same: give equal ones
//! to events that are equal. And what a call does to the parts of the world that it touches, and what the invocation does then,
//! depends on these parts and on what the invocation has learned: it is run once for them, and looked up from then on.
//!
//! How time goes: it stands still while an invocation runs, as its timeout is shorter than any lease, and passes in steps of
//! [`STEP`] where nothing runs and something is yet to come again.

use crate::EpochMillis;
use crate::alert::Alert;
use crate::fakes::Faults;
use std::fmt;
use std::pin::Pin;

mod explorer;
mod steps;

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
    /// The fakes that the function works on. All that changes in it is a [`Part`](crate::fakes::Part) or made of some.
    type World: fmt::Debug;
    /// What the function is invoked with. Those that `Debug` shows alike are alike.
    type Job: Clone + fmt::Debug;

    /// A world in which nothing has happened yet, whose ports take turns by `faults`.
    fn world(&self, faults: &Faults) -> Self::World;

    /// The events: they arrive in any order, and any number of them at once.
    fn jobs(&self) -> Vec<Self::Job>;

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
    /// Calls that were run for them.
    pub calls: usize,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} schedules over {} states, {} calls run", self.schedules, self.states, self.calls)
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
    let faults = Faults::default();
    faults.take_turns();
    let world = scenario.world(&faults);
    explorer::Explorer::new(scenario, &world, &faults, most).explore()
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

#[cfg(test)]
mod tests;

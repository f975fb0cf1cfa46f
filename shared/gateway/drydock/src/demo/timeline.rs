//! The timeline: what happened, when, seen by whom.

use crate::cli::print;
use drydock_core::{Clock, Timestamp};
use indicatif::MultiProgress;
use serde_json::{Value, json};
use std::sync::Arc;

/// One step.
struct Step {
    at: Timestamp,
    who: &'static str,
    what: String,
    seen: String,
}

/// The steps so far.
pub struct Timeline {
    clock: Arc<dyn Clock>,
    start: Timestamp,
    steps: Vec<Step>,
    quiet: bool,
    /// Where lines are printed while progress bars are below them.
    above: Option<MultiProgress>,
}

impl Timeline {
    /// An empty timeline that begins now; `quiet` prints nothing while it grows.
    pub fn begin(clock: Arc<dyn Clock>, quiet: bool) -> Self {
        Self { start: clock.now(), clock, steps: Vec::new(), quiet, above: None }
    }

    /// Whether nothing is printed while it grows.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints what follows above these bars.
    pub fn above(&mut self, bars: &MultiProgress) {
        self.above = Some(bars.clone());
    }

    /// Adds a step that was observed: who did what, and what shows it.
    pub fn step(&mut self, who: &'static str, what: impl Into<String>, seen: impl Into<String>) {
        let step = Step { at: self.clock.now(), who, what: what.into(), seen: seen.into() };
        if !self.quiet {
            let line = format!("{:>8}  {}", print::dim(format!("{} ms", step.at.since(self.start))), step.what);
            match &self.above {
                Some(bars) => bars.suspend(|| print::told(line)),
                None => print::told(line),
            }
        }
        self.steps.push(step);
    }

    /// The timeline as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = print::table(["after", "who", "what", "seen as"]);
        for step in &self.steps {
            table.add_row([
                format!("{} ms", step.at.since(self.start)),
                step.who.to_owned(),
                step.what.clone(),
                step.seen.clone(),
            ]);
        }
        table.to_string()
    }

    /// The timeline for machines.
    #[must_use]
    pub fn json(&self) -> Value {
        self.steps
            .iter()
            .map(|s| json!({ "afterMillis": s.at.since(self.start), "who": s.who, "what": s.what, "seen": s.seen }))
            .collect()
    }
}

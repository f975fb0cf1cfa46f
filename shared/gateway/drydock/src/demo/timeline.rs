//! The timeline: what happened, when, seen by whom.

use crate::cli::print;
use drydock_core::{Clock, Timestamp};
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
}

impl Timeline {
    /// An empty timeline that begins now; `quiet` prints nothing while it grows.
    pub fn begin(clock: Arc<dyn Clock>, quiet: bool) -> Self {
        Self { start: clock.now(), clock, steps: Vec::new(), quiet }
    }

    /// Adds a step that was observed: who did what, and what shows it.
    pub fn step(&mut self, who: &'static str, what: impl Into<String>, seen: impl Into<String>) {
        let step = Step { at: self.clock.now(), who, what: what.into(), seen: seen.into() };
        if !self.quiet {
            print::told(format_args!("{:>8}  {}", print::dim(format!("{} ms", step.at.since(self.start))), step.what));
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

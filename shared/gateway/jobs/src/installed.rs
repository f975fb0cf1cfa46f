//! What jobs have installed on things, until it is told in their shadows.
//!
//! Source: "Preparing AWS IoT Jobs" of the developer guide's part on the software package catalog: a job that succeeds updates the
//! reserved named shadow.

use crate::book::Jobs;
use crate::context::{Context, Outcome};
use crate::install::Install;
use crate::step::Step;
use drydock_core::{Done, ThingName};
use smol_str::SmolStr;

/// What a job has installed on a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The job.
    pub job: SmolStr,
    /// The thing.
    pub thing: ThingName,
    /// The package versions, each of another package.
    pub installs: Vec<Install>,
}

impl Jobs {
    /// Whether there is something to be told.
    #[must_use]
    pub fn has_installed(&self) -> bool {
        !self.untold.is_empty()
    }

    /// What is to be told, up to so many.
    #[must_use]
    pub fn installed(&self, most: usize) -> Vec<Installed> {
        let of = |(id, thing): &(SmolStr, ThingName)| {
            let installs = self.jobs.get(id)?.row.installs.clone();
            Some(Installed { job: id.clone(), thing: thing.clone(), installs })
        };
        self.untold.iter().take(most).filter_map(of).collect()
    }

    /// It is told.
    pub fn told_installed(&mut self, of: &Installed, context: &Context<'_>) -> Done<Outcome<()>> {
        let mut step = Step::new(context);
        self.alter(&mut step, &of.job, &of.thing, |assignment| assignment.untold = false);
        self.finish(step, ())
    }
}

//! Things that come to the targets of a continuous job, or leave them, and things that are gone.
//!
//! Source: "Continuous jobs" of the developer guide. Who comes gets the job at once, whatever its rate; who leaves loses what is
//! queued; who comes back begins anew, also where the job had ended on it.

use crate::book::Jobs;
use crate::context::{Context, Outcome};
use crate::step::Step;
use drydock_core::event::jobs::ExecutionStage;
use drydock_core::{Done, ThingName};
use drydock_model::iot::{JobExecutionStatus as Status, TargetSelection};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use uuid::Uuid;

impl Jobs {
    /// Brings what jobs are on some things in step with the groups that these are in now.
    pub fn follow(&mut self, things: &[ThingName], context: &Context<'_>) -> Done<Outcome<()>> {
        let mut step = Step::new(context);
        for thing in things {
            self.follow_one(&mut step, thing);
        }
        self.finish(step, ())
    }

    /// The things that [`follow`](Self::follow) may have something to do for: all that a job has or is to have.
    #[must_use]
    pub fn followed(&self, context: &Context<'_>) -> Vec<ThingName> {
        let mut things: BTreeSet<ThingName> = self.by_thing.iter().map(|(thing, _)| thing.clone()).collect();
        for job in self.jobs.values().filter(|job| job.is_active()) {
            if job.row.selection == TargetSelection::Continuous {
                things.extend(job.row.groups.keys().flat_map(|group| context.fleet.members(group)));
            }
        }
        things.into_iter().collect()
    }

    fn follow_one(&mut self, step: &mut Step<'_>, thing: &ThingName) {
        let fleet = step.context.fleet;
        let now_id = fleet.thing_id(thing.as_str());
        let groups: BTreeSet<SmolStr> = fleet.groups_of(thing.as_str()).into_iter().collect();
        let target = self.scope.thing(thing);
        let mut concerned: BTreeSet<SmolStr> = self.jobs_of(thing).cloned().collect();
        let continuous = self.jobs.iter().filter(|(_, job)| {
            job.is_active() && job.row.selection == TargetSelection::Continuous && !job.row.groups.is_empty()
        });
        let joined = continuous.filter(|(_, job)| job.row.groups.keys().any(|group| groups.contains(group)));
        concerned.extend(joined.map(|(id, _)| id.clone()));
        for id in concerned {
            let Some(job) = self.jobs.get(&id) else { continue };
            let known = job.things.get(thing).filter(|assignment| !assignment.thing_id.is_nil());
            let known = known.map(|assignment| (assignment.thing_id, assignment.targeted));
            let follows = job.is_active() && job.row.selection == TargetSelection::Continuous;
            let meant = job.row.groups.keys().any(|group| groups.contains(group))
                || job.row.targets.iter().any(|arn| arn == target.as_str());
            match (known, now_id) {
                // The thing is gone, or is another one of its name.
                (Some((before, _)), now) if now != Some(before) => {
                    self.leave(step, &id, thing, true);
                    if let Some(now) = now.filter(|_| follows && meant) {
                        self.join(step, &id, thing, now);
                    }
                }
                (Some((_, true)), Some(_)) if follows && !meant => self.leave(step, &id, thing, false),
                (Some((_, false)) | None, Some(now)) if follows && meant => self.join(step, &id, thing, now),
                _ => continue,
            }
            self.judge(step, &id);
        }
    }

    /// The jobs that a thing has or had.
    pub(crate) fn jobs_of(&self, thing: &ThingName) -> impl Iterator<Item = &SmolStr> {
        let from = (thing.clone(), SmolStr::default());
        let wanted = thing.clone();
        self.by_thing.range(from..).take_while(move |(of, _)| *of == wanted).map(|(_, job)| job)
    }

    /// A thing comes to a job that has begun.
    pub(crate) fn join(&mut self, step: &mut Step<'_>, id: &SmolStr, thing: &ThingName, thing_id: Uuid) {
        let is_free = self.alter(step, id, thing, |assignment| {
            assignment.thing_id = thing_id;
            assignment.targeted = true;
            assignment.retried = crate::assignment::Retried::default();
            // What was in progress when the thing left goes on.
            assignment.open().is_none()
        });
        if is_free == Some(true) {
            self.want(step, id, thing, 0);
        }
    }

    fn leave(&mut self, step: &mut Step<'_>, id: &SmolStr, thing: &ThingName, gone: bool) {
        let open = self.alter(step, id, thing, |assignment| {
            assignment.targeted = false;
            assignment.waiting = None;
            if gone {
                // Another thing of its name is not to be taken for it.
                assignment.thing_id = Uuid::nil();
            }
            assignment.open().map(|open| open.status)
        });
        // Seen on AWS in October 2026: what is in progress goes on when a thing leaves a group.
        if open.flatten().is_some_and(|status| gone || status == Status::Queued) {
            self.end(step, id, thing, ExecutionStage::Removed, None);
        }
    }
}

//! Commands on the jobs: with what they are told of the outside, and with what follows from them.

use super::fleet::{Registered, tells};
use super::notify::Notifier;
use super::packages::Shelf;
use super::signatures::Signed;
use drydock_core::{ApiError, Done, Timestamp};
use drydock_host::Host;
use drydock_jobs::{Changed, Context, Jobs, Known, Outcome};
use drydock_registry::tags::Tags;
use drydock_store::Part;
use drydock_timers::Reminder;

/// Runs commands on the jobs.
pub(crate) struct Runner {
    pub(super) host: Host,
    /// For when something is due.
    pub(super) reminder: Reminder,
    notifier: Notifier,
}

impl Runner {
    pub(super) fn new(host: Host) -> Self {
        let reminder = host.books.time.reminder("jobs");
        Self { notifier: Notifier::new(host.clone()), host, reminder }
    }

    /// Runs a command on the jobs, with what it is told of the outside. What things are to be told comes with its answer: for
    /// [`tell`](Self::tell), once whoever asked was answered.
    pub(super) async fn change<T, E: From<ApiError>>(
        &self,
        command: impl FnOnce(&mut Jobs, &Context<'_>) -> Result<Done<Outcome<T>>, E>,
    ) -> Result<(T, Vec<Changed>), E> {
        let books = &self.host.books;
        let outcome = books.change_or((&books.registry, &books.jobs), |(registry, jobs)| {
            let fleet = Registered(registry);
            let tells = tells(registry);
            let context = Context { now: books.now(), fleet: &fleet, links: &self.host.links, tells };
            jobs.apply(|book| command(book, &context))
        });
        let Outcome { reply, changed, due } = outcome.await?;
        self.remind(due);
        Ok((reply, changed))
    }

    /// The same, with the catalog of packages, the signatures, and the tags of what is made or deleted.
    pub(super) async fn change_tagged<T>(
        &self,
        command: impl FnOnce(&mut Jobs, &Known<'_>, &Context<'_>) -> Result<Done<Outcome<T>>, ApiError>,
        tag: impl FnOnce(&mut Part<'_, Tags>, &T) -> Result<(), ApiError>,
    ) -> Result<T, ApiError> {
        let books = &self.host.books;
        let touched = (&books.registry, &books.packages, &books.jobs, &books.tags);
        let outcome = books.change(touched, |(registry, packages, jobs, kept)| {
            let fleet = Registered(registry);
            let tells = tells(registry);
            let context = Context { now: books.now(), fleet: &fleet, links: &self.host.links, tells };
            let known = Known { catalog: &Shelf(packages), signatures: &Signed(self.host.cloud.signer()) };
            let outcome = jobs.apply(|book| command(book, &known, &context))?;
            tag(kept, &outcome.reply)?;
            Ok(outcome)
        });
        Ok(self.settled(outcome.await?))
    }

    /// Sees to what follows from a change that was made elsewhere, and gives its answer.
    pub(crate) fn settled<T>(&self, outcome: Outcome<T>) -> T {
        self.remind(outcome.due);
        self.tell(&outcome.changed);
        outcome.reply
    }

    /// Runs a command, and tells the things whose lists have changed.
    pub(crate) async fn run<T>(
        &self,
        command: impl FnOnce(&mut Jobs, &Context<'_>) -> Result<Done<Outcome<T>>, ApiError>,
    ) -> Result<T, ApiError> {
        let (reply, changed) = self.change(command).await?;
        self.tell(&changed);
        Ok(reply)
    }

    /// Asks the jobs something, with what is so outside of them.
    pub(super) fn ask<T>(&self, ask: impl FnOnce(&Jobs, &Context<'_>) -> T) -> T {
        let books = &self.host.books;
        // In the order of their locks.
        books.registry.read(|registry| {
            let fleet = Registered(registry);
            let tells = tells(registry);
            let context = Context { now: books.now(), fleet: &fleet, links: &self.host.links, tells };
            books.jobs.read(|jobs| ask(jobs, &context))
        })
    }

    /// Tells things that their lists have changed.
    pub(super) fn tell(&self, changed: &[Changed]) {
        self.notifier.tell(changed);
    }

    fn remind(&self, due: Option<Timestamp>) {
        if let Some(at) = due {
            self.reminder.by(at);
        }
    }
}

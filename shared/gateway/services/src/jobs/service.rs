//! The state of AWS IoT Jobs: the requests that came as messages and are unanswered, the things whose groups have changed, and
//! what is due.

use super::mqtt::{self, Request};
use super::runner::Runner;
use crate::in_flight::Inbox;
use crate::request::TopicRequest;
use crate::service::{AGAIN, Service};
use async_trait::async_trait;
use drydock_core::event::jobs::ExecutionStage;
use drydock_core::{ApiError, Event, ReservedTopic, ThingName, Timestamp};
use drydock_host::Host;
use drydock_jobs::Jobs;
use drydock_tasks::Tasks;
use drydock_timers::{Due, Reminder};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many things are looked at in one change, so that others are let in between.
const AT_ONCE: usize = 500;

/// AWS IoT Jobs.
pub struct JobsService {
    pub(crate) runner: Arc<Runner>,
    inbox: Inbox<Request>,
    /// The things that came, went, or changed their groups, and that jobs have not been brought in step with.
    moved: Mutex<BTreeSet<ThingName>>,
}

impl JobsService {
    /// Jobs.
    #[must_use]
    pub fn new(host: Host) -> Self {
        let inbox = Inbox::new(host.broker.limits());
        let (runner, moved) = (Arc::new(Runner::new(host)), Mutex::default());
        Self { runner, inbox, moved }
    }

    /// The books have become others: all that they have is looked at, and what is due is done.
    pub fn look_again(&self) {
        let things = self.runner.ask(Jobs::followed);
        self.moved.lock().extend(things);
        self.runner.reminder.by(self.runner.host.books.now());
    }

    /// Brings jobs in step with the groups of the things that have moved.
    async fn follow(&self) -> Result<(), ApiError> {
        // A job that is made later looks at the groups itself.
        if self.runner.host.books.jobs.read(Jobs::is_empty) {
            self.moved.lock().clear();
        }
        loop {
            let things: Vec<ThingName> = {
                let mut moved = self.moved.lock();
                let some: Vec<_> = moved.iter().take(AT_ONCE).cloned().collect();
                some.iter().for_each(|thing| {
                    moved.remove(thing);
                });
                some
            };
            if things.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.runner.run(|book, context| Ok(book.follow(&things, context))).await {
                self.moved.lock().extend(things);
                return Err(error);
            }
        }
    }

    async fn catch_up(&self) -> Result<(), ApiError> {
        self.follow().await?;
        while self.runner.run(|book, context| Ok(book.due(context))).await? {}
        self.runner.tell_installed().await
    }
}

#[async_trait]
impl Due for JobsService {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if let Err(error) = self.catch_up().await {
            tracing::warn!(%error, "jobs could not go on");
            return Some(now.plus_millis(AGAIN));
        }
        self.runner.host.books.jobs.read(Jobs::next_due)
    }
}

#[async_trait]
impl Service for JobsService {
    fn reminder(&self) -> Option<Reminder> {
        Some(self.runner.reminder.clone())
    }

    fn topics(&self) -> &'static [ReservedTopic] {
        use ReservedTopic::{
            DescribeJobExecution, GetPendingJobExecutions, StartNextPendingJobExecution, UpdateJobExecution,
        };
        &[GetPendingJobExecutions, StartNextPendingJobExecution, DescribeJobExecution, UpdateJobExecution]
    }

    fn request(&self, request: TopicRequest) -> Result<(), TopicRequest> {
        let unanswered = self.inbox.begin(request.client.as_ref(), request.name(0).unwrap_or_default());
        let request = Request::of(request)?;
        match unanswered {
            Some(unanswered) => self.inbox.put(request, unanswered),
            None => mqtt::throttle(&self.runner, &request),
        }
        Ok(())
    }

    fn hears(self: Arc<Self>, event: &Event) {
        let thing = match event {
            Event::ThingGroupMembership { membership, .. } => &membership.thing,
            Event::ThingChanged { thing, .. } => &thing.name,
            Event::JobExecutionChanged { stage: ExecutionStage::Succeeded, .. } => {
                if self.runner.host.books.jobs.read(Jobs::has_installed) {
                    self.runner.reminder.by(self.runner.host.books.now());
                }
                return;
            }
            _ => return,
        };
        self.moved.lock().insert(thing.clone());
        self.runner.reminder.by(self.runner.host.books.now());
    }

    async fn reconcile(self: Arc<Self>) -> Result<(), ApiError> {
        // What moved before the kill is not known: all that jobs may have to do with is looked at.
        let things = self.runner.ask(Jobs::followed);
        self.moved.lock().extend(things);
        self.catch_up().await
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        let arriving = self.inbox.arriving();
        if let Some(arriving) = arriving {
            tasks.spawn(mqtt::serve(Arc::clone(&self.runner), arriving));
        }
    }
}

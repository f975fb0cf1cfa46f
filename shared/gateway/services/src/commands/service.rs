//! The state of AWS IoT commands: the reports that came as messages and are unanswered, and what is due.

use super::mqtt::{self, Report};
use super::runner::Runner;
use crate::in_flight::Inbox;
use crate::request::TopicRequest;
use crate::service::{AGAIN, Service};
use async_trait::async_trait;
use drydock_commands::Commands;
use drydock_core::{ApiError, ReservedTopic, Timestamp};
use drydock_host::Host;
use drydock_tasks::Tasks;
use drydock_timers::{Due, Reminder};
use std::sync::Arc;

/// AWS IoT commands.
pub struct CommandsService {
    pub(super) runner: Arc<Runner>,
    inbox: Inbox<Report>,
}

impl CommandsService {
    /// Commands.
    #[must_use]
    pub fn new(host: Host) -> Self {
        let inbox = Inbox::new(host.broker.limits());
        Self { runner: Arc::new(Runner::new(host)), inbox }
    }

    /// The books have become others: what is due is done.
    pub fn look_again(&self) {
        self.runner.reminder.by(self.runner.host.books.now());
    }
}

#[async_trait]
impl Due for CommandsService {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if let Err(error) = self.runner.catch_up().await {
            tracing::warn!(%error, "commands could not go on");
            return Some(now.plus_millis(AGAIN));
        }
        self.runner.host.books.commands.read(Commands::next_due)
    }
}

#[async_trait]
impl Service for CommandsService {
    fn reminder(&self) -> Option<Reminder> {
        Some(self.runner.reminder.clone())
    }

    fn topics(&self) -> &'static [ReservedTopic] {
        &[ReservedTopic::CommandResponse]
    }

    fn request(&self, request: TopicRequest) -> Result<(), TopicRequest> {
        let unanswered = self.inbox.begin(request.client.as_ref(), request.name(1).unwrap_or_default());
        let report = Report::of(request)?;
        match unanswered {
            Some(unanswered) => self.inbox.put(report, unanswered),
            None => mqtt::throttle(&self.runner, &report),
        }
        Ok(())
    }

    async fn reconcile(self: Arc<Self>) -> Result<(), ApiError> {
        self.runner.catch_up().await?;
        self.runner.send_left().await
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        let arriving = self.inbox.arriving();
        if let Some(arriving) = arriving {
            tasks.spawn(mqtt::serve(Arc::clone(&self.runner), arriving));
        }
    }
}

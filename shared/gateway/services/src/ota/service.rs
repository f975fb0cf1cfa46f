//! The state of streams and OTA updates: the requests of devices that are unanswered, and the updates that are to be made.

use super::mqtt::{self, Request};
use crate::in_flight::Inbox;
use crate::jobs::service::JobsService;
use crate::request::TopicRequest;
use crate::service::{AGAIN, Service};
use async_trait::async_trait;
use drydock_core::{ReservedTopic, Timestamp};
use drydock_host::Host;
use drydock_tasks::Tasks;
use drydock_timers::{Due, Reminder};
use std::sync::Arc;

/// Streams and OTA updates.
pub struct OtaService {
    pub(super) host: Host,
    pub(super) jobs: Arc<JobsService>,
    /// For when an update is to be made.
    pub(super) reminder: Reminder,
    inbox: Inbox<Request>,
}

impl OtaService {
    /// Streams and OTA updates, which make jobs.
    #[must_use]
    pub fn new(host: Host, jobs: Arc<JobsService>) -> Self {
        let reminder = host.books.time.reminder("OTA updates");
        let inbox = Inbox::new(host.broker.limits());
        Self { host, jobs, reminder, inbox }
    }

    /// The books have become others: what is to be made in them is.
    pub fn look_again(&self) {
        self.reminder.by(self.host.books.now());
    }
}

#[async_trait]
impl Due for OtaService {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        match self.make_updates().await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(%error, "OTA updates could not go on");
                Some(now.plus_millis(AGAIN))
            }
        }
    }
}

#[async_trait]
impl Service for OtaService {
    /// What an earlier run has not made is made at the first time that it is asked what is due.
    fn reminder(&self) -> Option<Reminder> {
        Some(self.reminder.clone())
    }

    fn topics(&self) -> &'static [ReservedTopic] {
        &[ReservedTopic::DescribeStream, ReservedTopic::GetStream]
    }

    fn request(&self, request: TopicRequest) -> Result<(), TopicRequest> {
        let thing = request.name(0).unwrap_or_default();
        let unanswered = request.client.as_ref().map(|client| self.inbox.begin(Some(client), thing));
        let request = Request::of(request)?;
        match unanswered {
            // What rules and callers over HTTP publish has nobody who is answered.
            None => {}
            Some(Some(unanswered)) => self.inbox.put(request, unanswered),
            Some(None) => mqtt::throttle(&self.host, &request),
        }
        Ok(())
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        let arriving = self.inbox.arriving();
        if let Some(arriving) = arriving {
            tasks.spawn(mqtt::serve(self.host.clone(), arriving));
        }
    }
}

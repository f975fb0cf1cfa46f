//! The state of Device Defender Detect: what was seen since the last period ended, and the reports that are unanswered.

use super::mqtt::{self, MetricsReport};
use super::runner::{PERIOD, Runner};
use super::seen::Seen;
use crate::defender;
use crate::in_flight::Inbox;
use crate::request::TopicRequest;
use crate::service::{AGAIN, Service};
use async_trait::async_trait;
use drydock_core::{ApiError, Event, ReservedTopic, Timestamp};
use drydock_host::Host;
use drydock_tasks::Tasks;
use drydock_timers::{Due, Reminder};
use parking_lot::Mutex;
use std::sync::Arc;

/// Device Defender Detect.
pub struct DetectService {
    pub(super) runner: Arc<Runner>,
    seen: Mutex<Seen>,
    /// The period that was last judged, by its end.
    judged: Mutex<Timestamp>,
    inbox: Inbox<MetricsReport>,
}

impl DetectService {
    /// Detect.
    #[must_use]
    pub fn new(host: Host) -> Self {
        let inbox = Inbox::new(host.broker.limits());
        // What ended before the start was judged then, or nobody saw it.
        let judged = Mutex::new(ended(host.books.now()));
        Self { runner: Arc::new(Runner::new(host)), seen: Mutex::default(), judged, inbox }
    }

    /// The books have become others: what was seen is not of these.
    pub fn look_again(&self) {
        *self.seen.lock() = Seen::default();
        self.runner.refresh();
    }

    /// Judges the period that has ended, where one has.
    async fn judge(&self, now: Timestamp) -> Result<(), ApiError> {
        let end = ended(now);
        let runner = &self.runner;
        let waits = runner.host.books.detect.read(drydock_detect::Detect::waits);
        if !waits || std::mem::replace(&mut *self.judged.lock(), end) == end {
            return Ok(());
        }
        let activities = self.seen.lock().take(&runner.host.broker);
        let exports = runner.quietly(|book, context| Ok::<_, ApiError>(book.period(end, &activities, context))).await?;
        runner.export(exports).await;
        runner.tell().await;
        Ok(())
    }
}

/// When the last period ended.
fn ended(now: Timestamp) -> Timestamp {
    Timestamp(now.millis() - now.millis().rem_euclid(PERIOD))
}

#[async_trait]
impl Due for DetectService {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if let Err(error) = self.judge(now).await {
            // What was seen in the period is lost; the next one begins.
            tracing::warn!(%error, "a period could not be judged");
            return Some(now.plus_millis(AGAIN));
        }
        self.runner.refresh();
        None
    }
}

#[async_trait]
impl Service for DetectService {
    fn reminder(&self) -> Option<Reminder> {
        Some(self.runner.reminder.clone())
    }

    fn topics(&self) -> &'static [ReservedTopic] {
        &[ReservedTopic::DefenderMetrics]
    }

    fn request(&self, request: TopicRequest) -> Result<(), TopicRequest> {
        if request.client.is_none() {
            mqtt::not_over_mqtt(&self.runner, &request.topic);
            return Ok(());
        }
        let unanswered = self.inbox.begin(request.client.as_ref(), request.name(0).unwrap_or_default());
        let report = MetricsReport::of(request)?;
        match unanswered {
            Some(unanswered) => self.inbox.put(report, unanswered),
            None => mqtt::throttle(&self.runner, &report),
        }
        Ok(())
    }

    fn hears(self: Arc<Self>, event: &Event) {
        if let Event::ViolationChanged { violation, at } = event {
            defender::violated(&self.runner.host, violation, *at);
        }
        if self.runner.is_on() {
            self.seen.lock().hears(event);
        }
    }

    async fn reconcile(self: Arc<Self>) -> Result<(), ApiError> {
        self.runner.refresh();
        // In a task: who is told may be a function that has not been deployed yet.
        self.runner.settled();
        Ok(())
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        if let Some(arriving) = self.inbox.arriving() {
            tasks.spawn(mqtt::serve(Arc::clone(&self.runner), arriving));
        }
    }
}

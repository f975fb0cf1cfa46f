//! The state of streams and OTA updates: the requests of devices that are unanswered, and the updates that are to be made.

use super::mqtt::{self, Request};
use crate::in_flight::{InFlight, Unanswered};
use crate::jobs::service::JobsService;
use crate::request::TopicRequest;
use crate::service::Service;
use async_trait::async_trait;
use drydock_core::{ReservedTopic, Timestamp};
use drydock_host::Host;
use drydock_tasks::Tasks;
use drydock_timers::{Due, Reminder};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// How long after a change that the disk did not take the next try is, in milliseconds.
const AGAIN: i64 = 5000;

/// Streams and OTA updates.
pub struct OtaService {
    pub(super) host: Host,
    pub(super) jobs: Arc<JobsService>,
    /// For when an update is to be made.
    pub(super) reminder: Reminder,
    in_flight: InFlight,
    requests: Sender<(Request, Unanswered)>,
    arriving: Mutex<Option<Receiver<(Request, Unanswered)>>>,
}

impl OtaService {
    /// Streams and OTA updates, which make jobs.
    #[must_use]
    pub fn new(host: Host, jobs: Arc<JobsService>) -> Self {
        let reminder = host.books.time.reminder("OTA updates");
        let in_flight = InFlight::new(host.broker.limits());
        let (requests, arriving) = mpsc::channel(in_flight.most());
        Self { host, jobs, reminder, in_flight, requests, arriving: Mutex::new(Some(arriving)) }
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
        let unanswered = request.client.as_ref().map(|client| self.in_flight.begin(Some(client), thing));
        let request = Request::of(request)?;
        match unanswered {
            // What rules and callers over HTTP publish has nobody who is answered.
            None => {}
            // The queue has a place for each that may be unanswered. Only a gateway that is stopping has nobody at the other end.
            Some(Some(unanswered)) => drop(self.requests.try_send((request, unanswered))),
            Some(None) => mqtt::throttle(&self.host, &request),
        }
        Ok(())
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        let arriving = self.arriving.lock().take();
        if let Some(arriving) = arriving {
            tasks.spawn(mqtt::serve(self.host.clone(), arriving));
        }
    }
}

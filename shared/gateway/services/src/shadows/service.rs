//! The state of the Device Shadow service: the requests that came as messages and are unanswered.

use super::mqtt::{self, Request};
use crate::in_flight::{InFlight, Unanswered};
use crate::request::TopicRequest;
use crate::service::Service;
use drydock_core::ReservedTopic;
use drydock_host::Host;
use drydock_tasks::Tasks;
use drydock_timers::Due;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// The Device Shadow service.
pub struct ShadowService {
    host: Host,
    in_flight: InFlight,
    requests: Sender<(Request, Unanswered)>,
    arriving: Mutex<Option<Receiver<(Request, Unanswered)>>>,
}

impl ShadowService {
    /// Device shadows.
    #[must_use]
    pub fn new(host: Host) -> Self {
        let in_flight = InFlight::new(host.broker.limits());
        let (requests, arriving) = mpsc::channel(in_flight.most());
        Self { host, in_flight, requests, arriving: Mutex::new(Some(arriving)) }
    }
}

/// A shadow has no time of its own.
impl Due for ShadowService {}

impl Service for ShadowService {
    fn topics(&self) -> &'static [ReservedTopic] {
        &[ReservedTopic::GetThingShadow, ReservedTopic::UpdateThingShadow, ReservedTopic::DeleteThingShadow]
    }

    fn request(&self, request: TopicRequest) -> Result<(), TopicRequest> {
        let thing = request.name(0).unwrap_or_default();
        let unanswered = self.in_flight.begin(request.client.as_ref(), thing);
        let request = Request::of(request)?;
        match unanswered {
            // The queue has a place for each that may be unanswered. Only a gateway that is stopping has nobody at the other end.
            Some(unanswered) => drop(self.requests.try_send((request, unanswered))),
            None => mqtt::throttle(&self.host, request),
        }
        Ok(())
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        if let Some(arriving) = self.arriving.lock().take() {
            tasks.spawn(mqtt::serve(self.host.clone(), arriving));
        }
    }
}

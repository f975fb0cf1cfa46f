//! The state of the Device Shadow service: the requests that came as messages and are unanswered.

use super::mqtt::{self, Request};
use crate::in_flight::Inbox;
use crate::request::TopicRequest;
use crate::service::Service;
use drydock_core::ReservedTopic;
use drydock_host::Host;
use drydock_tasks::Tasks;
use drydock_timers::Due;
use std::sync::Arc;

/// The Device Shadow service.
pub struct ShadowService {
    host: Host,
    inbox: Inbox<Request>,
}

impl ShadowService {
    /// Device shadows.
    #[must_use]
    pub fn new(host: Host) -> Self {
        let inbox = Inbox::new(host.broker.limits());
        Self { host, inbox }
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
        let unanswered = self.inbox.begin(request.client.as_ref(), thing);
        let request = Request::of(request)?;
        match unanswered {
            Some(unanswered) => self.inbox.put(request, unanswered),
            None => mqtt::throttle(&self.host, request),
        }
        Ok(())
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        if let Some(arriving) = self.inbox.arriving() {
            tasks.spawn(mqtt::serve(self.host.clone(), arriving));
        }
    }
}

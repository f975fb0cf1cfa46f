//! From the messages that ask for something to the services that they ask.

use crate::request::TopicRequest;
use crate::service::Service;
use drydock_broker::Inbound;
use drydock_core::ReservedTopic;
use std::sync::{Arc, OnceLock, Weak};

/// Who takes which requests. Cheap to clone; the clones are one.
#[derive(Clone, Default)]
pub struct Requests(Arc<OnceLock<Vec<Taker>>>);

/// A service, and the topics whose requests it takes.
type Taker = (&'static [ReservedTopic], Weak<dyn Service>);

impl Requests {
    /// Hands requests over to these services from now on. The services go with whoever holds them, not with this.
    pub fn go_to(&self, services: &[Arc<dyn Service>]) {
        let all = services.iter().map(|service| (service.topics(), Arc::downgrade(service)));
        // It is called once, before the first socket is served.
        let _ = self.0.set(all.collect());
    }

    /// Hands a message over to the service whose request it is; whether it is one.
    pub(crate) fn take(&self, inbound: &Inbound<'_>) -> bool {
        let Some(asked) = inbound.reserved else { return false };
        let owner = self.0.get().and_then(|all| all.iter().find(|(topics, _)| topics.contains(&asked.topic)));
        let Some((_, service)) = owner else { return false };
        match (service.upgrade(), TopicRequest::of(inbound)) {
            (Some(service), Some(request)) => service.request(request).is_ok(),
            // The gateway is stopping: nobody is there to answer.
            _ => true,
        }
    }
}

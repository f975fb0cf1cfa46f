//! What all services of AWS IoT have in common.

use crate::request::TopicRequest;
use async_trait::async_trait;
use drydock_core::{ApiError, Event, ReservedTopic};
use drydock_tasks::Tasks;
use std::sync::Arc;

/// A service, as far as something goes on behind its operations. [`SERVICES`](crate::SERVICES) has a line for each.
#[async_trait]
pub trait Service: Send + Sync {
    /// The reserved topics whose messages are its requests. No two services have one of them.
    fn topics(&self) -> &'static [ReservedTopic] {
        &[]
    }

    /// Takes a request; called on the path of the messages, so that it does not wait. What waits with the service is bounded: a
    /// request too many is answered at once, as AWS throttles it.
    ///
    /// # Errors
    /// The request, where it is not one after all. It goes to subscribers then, as a message like others.
    fn request(&self, request: TopicRequest) -> Result<(), TopicRequest> {
        Err(request)
    }

    /// Hears of an event, in the order in which changes were committed. A hint: it begins something, or marks it to be looked at,
    /// and neither waits nor decides, for the books may say something else by now.
    fn hears(self: Arc<Self>, event: &Event) {
        let _ = event;
    }

    /// Brings what is derived in step with the books, after they were read and before the first socket is served.
    ///
    /// # Errors
    /// Where the disk does not take it.
    async fn reconcile(&self) -> Result<(), ApiError> {
        Ok(())
    }

    /// Starts what goes on behind the service, as tasks that end with the gateway.
    fn start(self: Arc<Self>, tasks: &Tasks) {
        let _ = tasks;
    }

    /// Ends what cannot be dropped where it stands, within a limit.
    async fn stop(&self) {}
}

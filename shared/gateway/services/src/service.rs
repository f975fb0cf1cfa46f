//! What all services of AWS IoT have in common.

use crate::request::TopicRequest;
use async_trait::async_trait;
use drydock_core::{ApiError, Event, ReservedTopic};
use drydock_tasks::Tasks;
use drydock_timers::{Due, Reminder};
use std::sync::Arc;

/// How long after a change that the disk did not take the next try is, in milliseconds.
pub(crate) const AGAIN: i64 = 5000;

/// A service, as far as something goes on behind its operations. [`SERVICES`](crate::SERVICES) has a line for each.
///
/// What it has to do at a time of the gateway's clock it does as a [`Due`], and says by its [`reminder`](Self::reminder) when.
#[async_trait]
pub trait Service: Due {
    /// By which it is asked what is due: first when it starts. `None` where nothing ever is.
    fn reminder(&self) -> Option<Reminder> {
        None
    }

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

    /// Mends what a kill left between a change and what this service makes of it, and brings what is derived in step with the
    /// books: after they were read and before the first socket is served. Whatever [`hears`](Self::hears) begins has to be found
    /// here by the books alone, as an event that was on its way is lost with the process.
    ///
    /// # Errors
    /// Where the disk does not take it: the gateway does not open then.
    async fn reconcile(self: Arc<Self>) -> Result<(), ApiError> {
        Ok(())
    }

    /// Starts what goes on behind the service, as tasks that end with the gateway.
    fn start(self: Arc<Self>, tasks: &Tasks) {
        let _ = tasks;
    }

    /// Ends what cannot be dropped where it stands, within a limit.
    async fn stop(&self) {}
}

/// Starts what goes on behind the services, and has each asked what is due; as tasks that end with the gateway.
pub fn start(services: &[Arc<dyn Service>], tasks: &Tasks) {
    for service in services {
        if let Some(reminder) = service.reminder() {
            tasks.spawn(reminder.run(Arc::clone(service)));
        }
        Arc::clone(service).start(tasks);
    }
}

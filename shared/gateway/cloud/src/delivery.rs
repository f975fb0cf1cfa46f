//! How one stand-in hands a message to another: by the ARN of a queue, topic or function. Destinations, dead-letter targets
//! and subscriptions all go this way. And what is told of what was not handed over: [`Failure`].

use crate::stand_in::{Parcel, StandIn};
use bytes::Bytes;
use drydock_core::Arn;
use http::{Request, Response};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

/// The places that messages can be handed to. The stand-ins refer to each other in a circle, so that they are put in when all
/// are there.
#[derive(Default)]
pub(crate) struct Outlets(OnceLock<Vec<Weak<dyn StandIn>>>);

impl Outlets {
    /// Leads to these from now on.
    pub(crate) fn lead_to(&self, all: &[Arc<dyn StandIn>]) {
        // A second call would only set what is set.
        let _ = self.0.set(all.iter().map(Arc::downgrade).collect());
    }

    /// Hands a parcel over; returns once it is durable there. Boxed, since what is handed to a function may end up here
    /// again.
    pub(crate) fn send<'a>(
        &'a self,
        to: &'a Arn,
        parcel: Parcel,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move { self.of(to)?.take(to, parcel).await })
    }

    /// Whether a parcel of a sender would be taken, as things are now.
    pub(crate) fn check(&self, to: &Arn, sender: (&'static str, &Arn)) -> Result<(), String> {
        self.of(to)?.check(to, sender)
    }

    /// Asks a service something over its own API; the error says that there is none.
    pub(crate) async fn ask(&self, service: &str, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let asked = self.named(service)?;
        // Boxed for the circle that this may go in.
        let answer: Pin<Box<dyn Future<Output = Response<Bytes>> + Send>> = Box::pin(asked.handle(request, ""));
        Ok(answer.await)
    }

    /// Where what an ARN names is.
    fn of(&self, to: &Arn) -> Result<Arc<dyn StandIn>, String> {
        self.named(to.service())
    }

    fn named(&self, service: &str) -> Result<Arc<dyn StandIn>, String> {
        for stand_in in self.0.get().into_iter().flatten() {
            let stand_in = stand_in.upgrade().ok_or_else(|| "the gateway is shutting down".to_owned())?;
            if stand_in.service().name == service {
                return Ok(stand_in);
            }
        }
        Err(format!("nothing can be handed to the service `{service}`"))
    }
}

/// Why something was not handed over.
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
    /// Whether it may be otherwise the next time.
    pub(crate) passing: bool,
}

impl Failure {
    pub(crate) fn lasting(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), passing: false }
    }
}

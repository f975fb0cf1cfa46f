//! How one stand-in hands a message to another: by the ARN of a queue, topic or function. Destinations, dead-letter targets
//! and subscriptions all go this way.

use crate::lambda::Lambda;
use crate::sns::{Publish, Sns};
use crate::sqs::{Attribute, NewMessage, Sqs};
use drydock_core::Arn;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

/// What is handed over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parcel {
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
}

/// The places that messages can be handed to. The stand-ins refer to each other in a circle, so that the two that come
/// later are put in when they are there.
pub(crate) struct Outlets {
    pub(crate) sqs: Arc<Sqs>,
    sns: OnceLock<Weak<Sns>>,
    lambda: OnceLock<Weak<Lambda>>,
}

impl Outlets {
    pub(crate) fn new(sqs: Arc<Sqs>) -> Self {
        Self { sqs, sns: OnceLock::new(), lambda: OnceLock::new() }
    }

    /// Closes the circle.
    pub(crate) fn join(&self, sns: &Arc<Sns>, lambda: &Arc<Lambda>) {
        // A second call would only set what is set.
        let _ = self.sns.set(Arc::downgrade(sns));
        let _ = self.lambda.set(Arc::downgrade(lambda));
    }

    pub(crate) fn lambda(&self) -> Option<Arc<Lambda>> {
        self.lambda.get()?.upgrade()
    }

    /// Hands a parcel over; returns once it is durable there. Boxed, since what is handed to a function may end up here
    /// again.
    pub(crate) fn send<'a>(
        &'a self,
        to: &'a Arn,
        parcel: Parcel,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            match to.service() {
                "sqs" => {
                    let queue = self.sqs.by_arn(to).map_err(|e| e.to_string())?;
                    let message =
                        NewMessage { body: parcel.body, attributes: parcel.attributes, ..NewMessage::default() };
                    queue.send(vec![message]).await.map(|_| ()).map_err(|e| e.to_string())
                }
                "sns" => {
                    let sns = self.sns.get().and_then(Weak::upgrade).ok_or("the gateway is shutting down")?;
                    let message = Publish { message: parcel.body, attributes: parcel.attributes, ..Publish::default() };
                    sns.publish(to, message).await.map(|_| ()).map_err(|e| e.to_string())
                }
                "lambda" => {
                    let lambda = self.lambda().ok_or("the gateway is shutting down")?;
                    lambda.invoke_async(to.as_str(), parcel.body.into()).await.map(|_| ()).map_err(|e| e.to_string())
                }
                other => Err(format!("nothing can be handed to the service `{other}`")),
            }
        })
    }
}

//! A topic for alerts.

use crate::failure::failed;
pub use aws_sdk_sns::Client;

use aws_sdk_sns::types::MessageAttributeValue;
use fleet::alert::Alert;
use fleet::ports::{Notify, PortError, PortResult, TellViolation};

/// A standard topic. An alert is published as JSON, with its kind and id as attributes for subscription filters and for
/// receivers that drop duplicates.
#[derive(Debug, Clone)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// The topic with this ARN.
    #[must_use]
    pub fn new(client: &Client, arn: String) -> Self {
        Self { client: client.clone(), arn }
    }
}

impl Notify for Topic {
    async fn notify(&self, alert: &Alert) -> PortResult<()> {
        const OPERATION: &str = "Publish";
        let message = serde_json::to_string(alert).map_err(|error| PortError::new(OPERATION, error))?;
        let attribute = |text: String| {
            let value = MessageAttributeValue::builder().data_type("String").string_value(text).build();
            value.map_err(|error| PortError::new(OPERATION, error))
        };
        let request = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(alert.subject())
            .message(message)
            .message_attributes("kind", attribute(alert.kind().to_owned())?)
            .message_attributes("id", attribute(alert.id())?);
        let answer = request.send().await;
        answer.map(drop).map_err(|error| failed(OPERATION, &error))
    }
}

impl TellViolation for Topic {
    async fn tell_violation(&self, message: &serde_json::Value) -> PortResult<()> {
        const OPERATION: &str = "Publish";
        let answer = self.client.publish().topic_arn(&self.arn).message(message.to_string()).send().await;
        answer.map(drop).map_err(|error| failed(OPERATION, &error))
    }
}

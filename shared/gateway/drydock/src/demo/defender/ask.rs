//! What the demo asks of AWS IoT, Amazon SNS and Amazon SQS.

use crate::client::Api;
use crate::demo::error::{DemoError, POLL};
use crate::demo::stage::text;
use crate::mqtt::PATIENCE;
use http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Who is asked.
pub(super) struct Asks {
    pub(super) api: Api,
    /// The topic that alerts go to.
    pub(super) topic: String,
    /// The URL of the queue that gets them.
    queue: String,
    /// What was told, and nobody has looked for yet.
    told: tokio::sync::Mutex<Vec<Value>>,
}

impl Asks {
    pub(super) fn new(api: Api) -> Self {
        Self { api, topic: String::new(), queue: String::new(), told: tokio::sync::Mutex::default() }
    }

    /// The ARN of something of AWS IoT.
    pub(super) fn arn(&self, resource: &str) -> String {
        format!("arn:aws:iot:us-east-1:123456789012:{resource}")
    }

    /// An operation of AWS IoT.
    pub(super) async fn iot(
        &self,
        operation: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, DemoError> {
        Ok(self.api.iot(operation, method, path, &[], body).await?)
    }

    /// Asks again until something is as it is to be.
    pub(super) async fn until(
        &self,
        operation: &str,
        path: &str,
        pointer: &str,
        wanted: &str,
    ) -> Result<Value, DemoError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.iot(operation, Method::GET, path, &Value::Null).await?;
            if answer.pointer(pointer).and_then(Value::as_str) == Some(wanted) {
                return Ok(answer);
            }
            if Instant::now() > deadline {
                return Err(DemoError::NotSeen(format!("that {operation} says {wanted} (it says {answer})")));
            }
            sleep(POLL).await;
        }
    }

    /// Sees that something is as it is to be.
    pub(super) fn is(&self, answer: &Value, pointer: &str, wanted: &str, what: &str) -> Result<(), DemoError> {
        match answer.pointer(pointer).and_then(Value::as_str) {
            Some(found) if found == wanted => Ok(()),
            found => Err(DemoError::NotSeen(format!("that {what} is {wanted} (it is {found:?})"))),
        }
    }

    /// Makes the topic for alerts, and a queue that gets what it is told.
    pub(super) async fn alerts(&mut self) -> Result<(), DemoError> {
        let made = self.api.json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": "alerts" })).await?;
        self.queue = text(&made, "CreateQueue", "QueueUrl")?;
        let made = self.api.query("sns", "CreateTopic", &[("Name", "alerts"), ("Version", "2010-03-31")]).await?;
        let arn = made.split_once("<TopicArn>").and_then(|(_, rest)| rest.split_once('<')).map(|(arn, _)| arn);
        self.topic = arn.ok_or(DemoError::Lacks("CreateTopic", "TopicArn"))?.to_owned();
        let subscription = [
            ("Version", "2010-03-31"),
            ("TopicArn", self.topic.as_str()),
            ("Protocol", "sqs"),
            ("Endpoint", "arn:aws:sqs:us-east-1:123456789012:alerts"),
            ("Attributes.entry.1.key", "RawMessageDelivery"),
            ("Attributes.entry.1.value", "true"),
        ];
        self.api.query("sns", "Subscribe", &subscription).await?;
        Ok(())
    }

    /// Waits until something is told; what else is told waits for whoever looks for it.
    pub(super) async fn told(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Result<Value, DemoError> {
        let deadline = Instant::now() + PATIENCE;
        let mut all = self.told.lock().await;
        loop {
            if let Some(at) = all.iter().position(&is_it) {
                return Ok(all.swap_remove(at));
            }
            let ask = json!({ "QueueUrl": self.queue, "MaxNumberOfMessages": 10 });
            let got = self.api.json("sqs", "AmazonSQS.ReceiveMessage", &ask).await?;
            let messages = got.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
            if messages.is_empty() {
                if Instant::now() > deadline {
                    return Err(DemoError::NotSeen(what.to_owned()));
                }
                sleep(POLL).await;
            }
            for message in messages {
                let body = message.get("Body").and_then(Value::as_str).unwrap_or_default();
                all.extend(serde_json::from_str::<Value>(body));
                let gone = json!({ "QueueUrl": self.queue, "ReceiptHandle": message.get("ReceiptHandle") });
                self.api.json("sqs", "AmazonSQS.DeleteMessage", &gone).await?;
            }
        }
    }
}

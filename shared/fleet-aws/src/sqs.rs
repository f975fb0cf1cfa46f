//! Queues for second looks and for what is set aside.

use crate::failure::failed;
pub use aws_sdk_sqs::Client;

use fleet::connectivity::Settle;
use fleet::detection::look::Look;
use fleet::ports::{AskForRelease, GoOn, PortError, PortResult, Quarantine, ScheduleLook, ScheduleSettle};
use fleet::release::Definition;
use fleet::telemetry::Quarantined;
use serde::Serialize;

/// A standard queue. What is sent is JSON.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue with this URL.
    #[must_use]
    pub fn new(client: &Client, url: String) -> Self {
        Self { client: client.clone(), url }
    }

    async fn send<T: Serialize + Sync>(&self, message: &T, delay_seconds: u16) -> PortResult<()> {
        const OPERATION: &str = "SendMessage";
        let body = serde_json::to_string(message).map_err(|error| PortError::new(OPERATION, error))?;
        let request =
            self.client.send_message().queue_url(&self.url).message_body(body).delay_seconds(i32::from(delay_seconds));
        let answer = request.send().await;
        answer.map(drop).map_err(|error| failed(OPERATION, &error))
    }
}

impl ScheduleSettle for Queue {
    async fn schedule_settle(&self, settle: &Settle, delay_seconds: u16) -> PortResult<()> {
        self.send(settle, delay_seconds).await
    }
}

impl ScheduleLook for Queue {
    async fn schedule_look(&self, look: &Look, delay_seconds: u16) -> PortResult<()> {
        self.send(look, delay_seconds).await
    }
}

impl Quarantine for Queue {
    async fn quarantine(&self, message: &Quarantined) -> PortResult<()> {
        self.send(message, 0).await
    }
}

impl GoOn for Queue {
    async fn go_on(&self, release_id: &str) -> PortResult<()> {
        self.send(&serde_json::json!({ "releaseId": release_id }), 0).await
    }
}

impl AskForRelease for Queue {
    async fn ask_for_release(&self, release: &Definition, by: &str) -> PortResult<()> {
        self.send(&serde_json::json!({ "command": "create", "release": release, "by": by }), 0).await
    }
}

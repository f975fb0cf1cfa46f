//! DynamoDB over its JSON protocol, on the engine of the crate `dynoxide` (SQLite, verified against AWS by its conformance
//! suite). What the engine has is passed through; any other operation is refused by name.
//!
//! The engine commits with WAL and `synchronous = FULL`, so that what was acknowledged survives `kill -9`. It knows one fixed
//! region and account, which are put right in the ARNs of requests and answers.

mod expiry;
mod operations;
mod table;

use crate::context::{Context, lock};
use crate::error::CloudError;
use crate::stand_in::{Facts, Refusal, Service, StandIn};
use crate::wire::{self, json};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_core::Timestamp;
use drydock_timers::{Due, Reminder, Timers};
use dynoxide::Database;
use http::{Request, Response};
use operations::Failure;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// DynamoDB, its streams included.
pub const SERVICE: Service = Service::new(&Facts {
    name: "dynamodb",
    title: "Amazon DynamoDB",
    targets: &["DynamoDB", "DynamoDBStreams"],
    most: Facts::LARGE,
    ..Facts::PLAIN
});

/// The prefix of the engine's ARNs.
const ENGINE_ARN: &str = "arn:aws:dynamodb:dynoxide:000000000000:";
/// How long after a write items are looked for whose time to live is over, in milliseconds. AWS deletes them "within a few days".
const SWEEP: i64 = 60_000;
/// How long after a sweep that failed the next one is tried, in milliseconds.
const AGAIN: i64 = 60_000;

/// The tables of the account and region.
pub struct DynamoDb {
    /// `None` once it was closed.
    database: Mutex<Option<Database>>,
    arn: String,
    timers: Timers,
    on_disk: bool,
    /// For when an item's time to live is over.
    expiry: Reminder,
    /// Whether a table may have a time to live.
    expires: AtomicBool,
}

impl DynamoDb {
    pub(crate) fn open(context: &Arc<Context>) -> Result<Arc<Self>, CloudError> {
        let failed = |e: dynoxide::DynoxideError| CloudError::DynamoDb(e.to_string());
        let database = match &context.config.data_dir {
            None => Database::memory_with_clock(expiry::EngineClock::of(&context.timers)).map_err(failed)?,
            Some(dir) => {
                let path = dir.join("dynamodb.db");
                let path = path
                    .to_str()
                    .ok_or_else(|| CloudError::DynamoDb(format!("the path `{}` is not UTF-8", path.display())))?;
                Database::new(path).map_err(failed)?
            }
        };
        let scope = &context.config.scope;
        let arn = format!("arn:{}:dynamodb:{}:{}:", scope.partition(), scope.region, scope.account);
        let timers = context.timers.clone();
        let expiry = timers.reminder("DynamoDB time to live");
        let on_disk = context.config.data_dir.is_some();
        Ok(Arc::new(Self {
            database: Mutex::new(Some(database)),
            arn,
            timers,
            on_disk,
            expiry,
            expires: AtomicBool::new(true),
        }))
    }

    fn database(&self) -> Option<Database> {
        lock(&self.database).clone()
    }

    /// Runs an operation with its input as JSON text, and returns its output; what rule actions and the composition use
    /// without a socket between. An error is that of the wire: its HTTP status and JSON body.
    ///
    /// # Errors
    /// Whatever DynamoDB answers, as status and JSON body with its `__type`.
    pub async fn call(&self, operation: &str, input: String) -> Result<String, (u16, String)> {
        let control = operations::is_control(operation);
        let input = if control { input.replace(&self.arn, ENGINE_ARN) } else { input };
        let Some(database) = self.database() else {
            let kind = "com.amazonaws.dynamodb.v20120810#InternalServerError";
            return Err((500, json!({"__type": kind, "message": "the gateway is shutting down"}).to_string()));
        };
        let name = operation.to_owned();
        if operation == "UpdateTimeToLive" {
            self.expires.store(true, Ordering::Release);
        }
        if operations::writes(operation) && self.expires.load(Ordering::Acquire) {
            self.expiry.by(self.timers.now().plus_millis(SWEEP));
        }
        let done = tokio::task::spawn_blocking(move || operations::run(&database, &name, &input)).await;
        let right = |text: String| if control { text.replace(ENGINE_ARN, &self.arn) } else { text };
        match done {
            Ok(Ok(output)) => Ok(right(output)),
            Ok(Err(Failure::Engine(error))) => Err((error.status_code(), right(error.to_json()))),
            Ok(Err(Failure::Unknown)) => {
                let message = format!("the DynamoDB operation `{operation}` is not implemented by this gateway");
                let kind = "com.amazon.coral.service#UnknownOperationException";
                Err((501, json!({"__type": kind, "message": message}).to_string()))
            }
            Err(panic) => {
                tracing::error!(%panic, operation, "the DynamoDB engine panicked");
                let kind = "com.amazonaws.dynamodb.v20120810#InternalServerError";
                Err((500, json!({"__type": kind, "message": "internal error"}).to_string()))
            }
        }
    }

    async fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        const PREFIXES: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];
        let refuse = |kind: &str, message: &str| {
            let body = json!({"__type": kind, "message": message}).to_string();
            wire::response(400, json::CONTENT_TYPE, body)
        };
        let Some(operation) = json::operation(request, &PREFIXES) else {
            let kind = "com.amazon.coral.service#UnknownOperationException";
            return refuse(kind, "the request names no operation in `X-Amz-Target: DynamoDB_20120810.…`");
        };
        let Ok(input) = String::from_utf8(request.body().to_vec()) else {
            return refuse("com.amazon.coral.service#SerializationException", "the body is not UTF-8");
        };
        match self.call(operation, input).await {
            Ok(output) => wire::response(200, json::CONTENT_TYPE, output),
            Err((status, body)) => wire::response(status, json::CONTENT_TYPE, body),
        }
    }

    /// Deletes every table.
    async fn clear(&self) -> Result<(), CloudError> {
        let failed = |(_, body): (u16, String)| CloudError::DynamoDb(body);
        loop {
            let listed = self.call("ListTables", "{}".into()).await.map_err(failed)?;
            let listed: Value = serde_json::from_str(&listed).map_err(|e| CloudError::DynamoDb(e.to_string()))?;
            let names = listed.get("TableNames").and_then(Value::as_array).cloned().unwrap_or_default();
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                // A protected table is emptied with everything else.
                let open = json!({"TableName": name, "DeletionProtectionEnabled": false}).to_string();
                let described = json!({"TableName": name}).to_string();
                if let Ok(table) = self.call("DescribeTable", described.clone()).await
                    && table.contains("\"DeletionProtectionEnabled\":true")
                {
                    self.call("UpdateTable", open).await.map_err(failed)?;
                }
                self.call("DeleteTable", described).await.map_err(failed)?;
            }
        }
    }
}

#[async_trait]
impl StandIn for DynamoDb {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, _request_id: &str) -> Response<Bytes> {
        self.answer(&request).await
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        json::refusal(refusal)
    }

    fn reminder(&self) -> Option<Reminder> {
        Some(self.expiry.clone())
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }

    /// Closes the file, once what is being done is done.
    fn close(&self) {
        drop(lock(&self.database).take());
    }
}

#[async_trait]
impl Due for DynamoDb {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let database = self.database()?;
        // The second that may pass between two looks at the clock is none.
        let is_ahead = self.on_disk && now.seconds() + 1 < self.timers.machine_now().seconds();
        // Before the tables are looked at: a time to live that is set meanwhile is not overlooked.
        self.expires.store(false, Ordering::Release);
        let swept = tokio::task::spawn_blocking(move || expiry::sweep(&database, now, is_ahead)).await;
        let next = match swept {
            Ok(Ok(swept)) => {
                if !swept.some {
                    return None;
                }
                swept.next
            }
            Ok(Err(why)) => {
                tracing::error!(why, "expired items could not be deleted");
                Some(now.plus_millis(AGAIN))
            }
            Err(error) => {
                tracing::error!(%error, "the sweep for expired items panicked");
                Some(now.plus_millis(AGAIN))
            }
        };
        self.expires.store(true, Ordering::Release);
        next
    }
}

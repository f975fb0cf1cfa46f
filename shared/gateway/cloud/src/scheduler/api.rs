//! The operations over HTTP, a line each; any other is refused by name.

use super::check::{Refused, invalid};
use super::{SERVICE, Scheduler};
use crate::error::CloudError;
use crate::stand_in::{Refusal, Service, StandIn, Why};
use crate::wire;
use async_trait::async_trait;
use bytes::Bytes;
use drydock_timers::Reminder;
use http::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const JSON: &str = "application/json";

#[async_trait]
impl StandIn for Scheduler {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, _request_id: &str) -> Response<Bytes> {
        match dispatch(&self, &request).await {
            Ok(answer) => wire::response(200, JSON, answer.to_string()),
            Err((code, message)) => {
                let status = match code {
                    "ResourceNotFoundException" => 404,
                    "ServiceQuotaExceededException" => 402,
                    "ConflictException" => 409,
                    "InternalServerException" => 500,
                    "NotImplementedException" => 501,
                    _ => 400,
                };
                error(status, code, &message)
            }
        }
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        match refusal.why {
            Why::Denied => error(403, refusal.code, refusal.message),
            Why::Throttled => error(429, "ThrottlingException", refusal.message),
            Why::Failed => error(500, "InternalServerException", refusal.message),
        }
    }

    fn reminder(&self) -> Option<Reminder> {
        Some(self.reminder.clone())
    }

    /// The template has said what it says by now, and functions are there.
    fn resume(self: Arc<Self>) {
        self.drop_sleepers();
        self.ready.store(true, Ordering::Release);
        self.reminder.by(self.context.now());
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }
}

fn error(status: u16, code: &str, message: &str) -> Response<Bytes> {
    wire::rest_error(status, code, &json!({ "Message": message }))
}

/// The parameters of a request's query.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    fn of(request: &Request<Bytes>) -> Self {
        Self(form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// A parameter's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values of one that may be given several times.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

async fn dispatch(scheduler: &Scheduler, request: &Request<Bytes>) -> Result<Value, Refused> {
    let path = request.uri().path().trim_matches('/');
    let (kind, name) = path.split_once('/').map_or((path, None), |(kind, name)| (kind, Some(name)));
    let name = name.map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned());
    let query = Query::of(request);
    let body = || -> Result<Map<String, Value>, Refused> {
        if request.body().is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_slice(request.body())
            .map_err(|error| invalid(format!("the body is not a JSON object: {error}")))
    };
    match (request.method(), kind, name.as_deref()) {
        (&Method::POST, "schedules", Some(name)) => scheduler.create_schedule(name, &body()?).await,
        (&Method::GET, "schedules", Some(name)) => scheduler.get_schedule(name, &query),
        (&Method::PUT, "schedules", Some(name)) => scheduler.update_schedule(name, &body()?).await,
        (&Method::DELETE, "schedules", Some(name)) => scheduler.delete_schedule(name, &query).await,
        (&Method::GET, "schedules", None) => scheduler.list_schedules(&query),
        (&Method::POST, "schedule-groups", Some(name)) => scheduler.create_group(name, &body()?).await,
        (&Method::GET, "schedule-groups", Some(name)) => scheduler.get_group(name),
        (&Method::DELETE, "schedule-groups", Some(name)) => scheduler.delete_group(name).await,
        (&Method::GET, "schedule-groups", None) => scheduler.list_groups(&query),
        (&Method::GET, "tags", Some(arn)) => scheduler.list_tags(arn),
        (&Method::POST, "tags", Some(arn)) => scheduler.tag(arn, &body()?).await,
        (&Method::DELETE, "tags", Some(arn)) => scheduler.untag(arn, &query).await,
        (method, ..) => {
            let what = format!(
                "the EventBridge Scheduler operation `{method} /{path:.120}` is not implemented by this gateway"
            );
            Err(("NotImplementedException", what))
        }
    }
}

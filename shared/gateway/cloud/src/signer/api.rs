//! The operations over HTTP, a line each; any other is refused by name.

use super::jobs;
use super::refusal::{Refused, invalid};
use super::state::{SERVICE, Signer};
use crate::error::CloudError;
use crate::stand_in::{Refusal, Service, StandIn, Why};
use crate::wire;
use async_trait::async_trait;
use bytes::Bytes;
use drydock_timers::Due;
use http::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const JSON: &str = "application/json";

impl Due for Signer {}

#[async_trait]
impl StandIn for Signer {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, _request_id: &str) -> Response<Bytes> {
        match dispatch(&self, &request).await {
            Ok(answer) => wire::response(200, JSON, answer.to_string()),
            Err((code, message)) => {
                let status = match code {
                    "ResourceNotFoundException" => 404,
                    "ServiceLimitExceededException" => 402,
                    "InternalServiceErrorException" => 500,
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
            Why::Throttled => error(429, "TooManyRequestsException", refusal.message),
            Why::Failed => error(500, "InternalServiceErrorException", refusal.message),
        }
    }

    /// Goes on with the jobs of an earlier run.
    fn resume(self: Arc<Self>) {
        for id in self.unfinished() {
            finish_later(&self, id);
        }
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }
}

fn error(status: u16, code: &str, message: &str) -> Response<Bytes> {
    wire::rest_error(status, code, &json!({ "code": code, "message": message }))
}

fn finish_later(signer: &Arc<Signer>, id: String) {
    let of = Arc::clone(signer);
    signer.context.spawn_to_end(async move {
        if let Err(error) = of.finish(&id).await {
            tracing::warn!(%error, job = id, "a signing job could not be done; it is begun anew at the next start");
        }
    });
}

async fn dispatch(signer: &Arc<Signer>, request: &Request<Bytes>) -> Result<Value, Refused> {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let query: Vec<(String, String)> =
        form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let body = || -> Result<Map<String, Value>, Refused> {
        serde_json::from_slice(request.body())
            .map_err(|error| invalid(format!("the body is not a JSON object: {error}")))
    };
    let mut levels = path.trim_start_matches('/').splitn(2, '/');
    let (kind, rest) = (levels.next().unwrap_or_default(), levels.next().filter(|rest| !rest.is_empty()));
    match (request.method(), kind, rest) {
        (&Method::PUT, "signing-profiles", Some(name)) if !name.contains('/') => {
            signer.put_profile(name, &body()?).await
        }
        (&Method::GET, "signing-profiles", Some(name)) if !name.contains('/') => signer.get_profile(name),
        (&Method::GET, "signing-profiles", None) => signer.list_profiles(&query),
        (&Method::DELETE, "signing-profiles", Some(name)) if !name.contains('/') => signer.cancel_profile(name).await,
        (&Method::POST, "signing-jobs", None) => {
            let id = signer.begin(jobs::read(&body()?)?).await?;
            finish_later(signer, id.clone());
            Ok(json!({ "jobId": id, "jobOwner": signer.context.config.scope.account.as_str() }))
        }
        (&Method::GET, "signing-jobs", Some(id)) if !id.contains('/') => signer.describe_job(id),
        (&Method::GET, "signing-jobs", None) => signer.list_jobs(&query),
        (method, ..) => {
            let what = format!("the AWS Signer operation `{method} {path:.120}` is not implemented by this gateway");
            Err(("NotImplementedException", what))
        }
    }
}

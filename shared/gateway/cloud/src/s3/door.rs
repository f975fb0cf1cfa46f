//! S3 with its wire in front.

use super::operations::Operations;
use super::payload::{self, Framing, Payload};
use super::{Body, S3, S3ErrorCode, SERVICE, host};
use crate::context::Context;
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::journal::Rows;
use crate::stand_in::{Refusal, Service, StandIn};
use crate::wire;
use async_trait::async_trait;
use bytes::Bytes;
use drydock_timers::Due;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use s3s::service::{S3Service, S3ServiceBuilder};
use std::sync::Arc;

/// S3 with its wire in front.
pub struct Door {
    pub(crate) s3: Arc<S3>,
    service: S3Service,
}

impl Door {
    pub(crate) fn open(context: Arc<Context>, outlets: Arc<Outlets>, rows: &Rows) -> Result<Self, CloudError> {
        let s3 = Arc::new(S3::open(context, outlets, rows)?);
        let mut builder = S3ServiceBuilder::new(Operations(Arc::clone(&s3)));
        builder.set_host(host::AnyHost);
        Ok(Self { s3, service: builder.build() })
    }

    /// Answers a request that has been let in, whose body comes and goes in pieces.
    pub(crate) async fn answer(&self, request: Request<Payload>) -> Response<Body> {
        let request = payload::plain(request);
        let mut response = match self.service.call(request).await {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(?error, "an S3 request was not answered");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        };
        if let Ok(id) = HeaderValue::from_str(&self.s3.context.uuid()) {
            response.headers_mut().insert(HeaderName::from_static("x-amz-request-id"), id);
        }
        response
    }
}

impl Due for Door {}

#[async_trait]
impl StandIn for Door {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, _request_id: &str) -> Response<Bytes> {
        let answer = self.answer(request.map(|body| Payload::new(Full::new(body), Framing::Plain))).await;
        let (parts, body) = answer.into_parts();
        match body.collect().await {
            Ok(body) => Response::from_parts(parts, body.to_bytes()),
            Err(error) => wire::response(500, "text/plain", error.to_string()),
        }
    }

    /// For callers that read no more than the status; in S3's own form it is [`refusal`].
    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        wire::response(refusal.status(403), "text/plain", refusal.message.to_owned())
    }

    fn resume(self: Arc<Self>) {
        self.s3.outbox.resume();
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.s3.clear().await
    }
}

/// The answer to a request that is not let in.
#[must_use]
pub fn refusal(code: S3ErrorCode, status: u16, message: &str) -> Response<Body> {
    let mut error = s3s::S3Error::with_message(code, message.to_owned());
    if let Ok(status) = StatusCode::from_u16(status) {
        error.set_status_code(status);
    }
    // Only text is written: that does not fail.
    error.to_http_response().unwrap_or_default()
}

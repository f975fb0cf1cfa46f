//! What is asked of the APIs themselves. They are read; the template makes them.

use super::SERVICE;
use super::state::{Api, HttpApis};
use crate::error::CloudError;
use crate::stand_in::{Refusal, Service, StandIn, Why};
use crate::wire::{self, set_header};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_timers::Due;
use http::{Method, Request, Response};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const JSON: &str = "application/json";

impl Due for HttpApis {}

#[async_trait]
impl StandIn for HttpApis {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, _request_id: &str) -> Response<Bytes> {
        match self.read(&request) {
            Ok(answer) => wire::response(200, JSON, answer.to_string()),
            Err((status, code, message)) => refusal_of(status, code, &message),
        }
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        match refusal.why {
            Why::Denied => refusal_of(403, refusal.code, refusal.message),
            Why::Throttled => refusal_of(429, "TooManyRequestsException", refusal.message),
            Why::Failed => refusal_of(500, "InternalServerErrorException", refusal.message),
        }
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await;
        Ok(())
    }
}

fn refusal_of(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let mut response = wire::response(status, JSON, json!({ "message": message }).to_string());
    set_header(&mut response, "x-amzn-errortype", code);
    response
}

type Unread = (u16, &'static str, String);

impl HttpApis {
    fn read(&self, request: &Request<Bytes>) -> Result<Value, Unread> {
        let path = request.uri().path();
        let parts: Vec<&str> = path.trim_matches('/').split('/').skip(2).collect();
        let not_found =
            |what: &str, id: &str| (404, "NotFoundException", format!("Invalid {what} identifier specified {id:.64}"));
        let of = |id: &str| self.find(id).ok_or_else(|| not_found("API", id));
        match (request.method(), parts.as_slice()) {
            (&Method::GET, [] | [""]) => {
                Ok(json!({ "items": self.all().iter().map(|api| self.shown(api)).collect::<Vec<_>>() }))
            }
            (&Method::GET, [id]) => of(id).map(|api| self.shown(&api)),
            (&Method::GET, [id, "routes"]) => Ok(items(&of(id)?.routes, "routeId")),
            (&Method::GET, [id, "integrations"]) => Ok(items(&of(id)?.integrations, "integrationId")),
            (&Method::GET, [id, "stages"]) => Ok(items(&of(id)?.stages, "stageName")),
            (&Method::GET, [id, "authorizers"]) => Ok(items(&of(id)?.authorizers, "authorizerId")),
            (method, _) => {
                let what = format!(
                    "the API Gateway operation `{method} {path:.120}` is not implemented by this gateway: HTTP APIs are made by a template"
                );
                Err((501, "NotImplementedException", what))
            }
        }
    }

    fn shown(&self, api: &Api) -> Value {
        let mut shown = json!(api.properties);
        if let Some(object) = shown.as_object_mut() {
            object.insert("apiId".to_owned(), json!(api.id));
            object.insert("protocolType".to_owned(), json!("HTTP"));
            let endpoint = format!("{}/_aws/execute-api/{}", self.context.config.endpoint, api.id);
            object.insert("apiEndpoint".to_owned(), json!(endpoint));
        }
        shown
    }
}

fn items<T: Serialize>(all: &BTreeMap<String, T>, id: &str) -> Value {
    let shown = all.iter().map(|(name, one)| {
        let mut shown = json!(one);
        if let Some(object) = shown.as_object_mut() {
            object.insert(id.to_owned(), json!(name));
        }
        shown
    });
    json!({ "items": shown.collect::<Vec<_>>() })
}

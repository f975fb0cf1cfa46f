//! The gateway over HTTP, as its benchmarks call it.

use bytes::Bytes;
use drydock_gateway::Gateway;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

#[derive(Clone)]
pub(crate) struct Api {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Api {
    pub(crate) fn of(gateway: &Gateway) -> Self {
        Self {
            url: format!("http://{}", gateway.addresses().api),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// The body of the answer; a `null` sends none.
    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> Bytes {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url)).body(Full::new(body));
        let answer = self.client.request(request.unwrap()).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(status.is_success(), "{path}: {status} {body:?}");
        body
    }
}

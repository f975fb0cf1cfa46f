//! What goes out: a publish, or a call of an AWS service over its own wire protocol, or a request to somebody else's server.

mod answer;
mod http;
mod kafka;

pub use answer::CallFailure;
pub use http::{Batch, HttpPost};
pub use kafka::KafkaRecord;

use super::influxdb::Points;
use crate::message::MqttProperties;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use smol_str::SmolStr;

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes a segment of a path, or a value of a form.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Something for the host to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A message for the broker.
    Publish {
        /// Its topic.
        topic: String,
        /// Its payload.
        payload: Bytes,
        /// 0 or 1.
        qos: u8,
        /// Its MQTT 5 properties.
        mqtt: Box<MqttProperties>,
    },
    /// A call of an AWS service.
    Aws(AwsCall),
    /// A request to a web service.
    Http(Box<HttpPost>),
    /// A record for a Kafka cluster.
    Kafka(Box<KafkaRecord>),
    /// Points for an InfluxDB instance.
    InfluxDb(Box<Points>),
}

/// A call of an AWS service, complete but for host and signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsCall {
    /// The service, as SigV4 scopes name it, for example `lambda` or `monitoring`.
    pub service: &'static str,
    /// The region.
    pub region: SmolStr,
    /// The HTTP method.
    pub method: &'static str,
    /// The path, percent-encoded.
    pub path: String,
    /// The headers besides host and signature.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// The URL before the path, where the action itself names it; else it is that of the service.
    pub endpoint: Option<String>,
    /// The member of an answer of 200 that tells of items which were refused all the same: a list of them, or their number.
    pub refused: Option<&'static str>,
    /// What may be missing, and the call that makes it.
    pub missing: Option<Box<Missing>>,
}

/// Something that a call needs and that the rules engine makes where it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The error that tells of it.
    pub error: &'static str,
    /// The call that makes it. That somebody else has made it meanwhile is not a failure.
    pub make: AwsCall,
}

impl AwsCall {
    /// A call of the REST protocols.
    pub(super) fn rest(
        service: &'static str,
        region: SmolStr,
        method: &'static str,
        path: String,
        body: Bytes,
    ) -> Self {
        let (headers, endpoint, refused, missing) = (Vec::new(), None, None, None);
        Self { service, region, method, path, headers, body, endpoint, refused, missing }
    }

    /// A request to Secrets Manager for a secret's value.
    #[must_use]
    pub fn secret(region: &str, body: &Json) -> Self {
        Self::json_1_1("secretsmanager", region.into(), "secretsmanager.GetSecretValue", body)
    }

    /// A call of the REST protocols with a JSON body.
    pub(super) fn rest_json(service: &'static str, region: SmolStr, path: String, body: &Json) -> Self {
        Self::rest(service, region, "POST", path, body.to_string().into()).with("content-type", "application/json")
    }

    /// A call by AWS's JSON 1.0 protocol.
    pub(super) fn json(service: &'static str, region: SmolStr, target: &str, body: &Json) -> Self {
        Self::rest(service, region, "POST", "/".to_owned(), body.to_string().into())
            .with("content-type", "application/x-amz-json-1.0")
            .with("x-amz-target", target)
    }

    /// A call by AWS's JSON 1.1 protocol.
    pub(super) fn json_1_1(service: &'static str, region: SmolStr, target: &str, body: &Json) -> Self {
        Self::rest(service, region, "POST", "/".to_owned(), body.to_string().into())
            .with("content-type", "application/x-amz-json-1.1")
            .with("x-amz-target", target)
    }

    /// A call by AWS's query protocol: a form, in this order.
    pub(super) fn query(service: &'static str, region: SmolStr, fields: &[(&str, &str)]) -> Self {
        let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        Self::rest(service, region, "POST", "/".to_owned(), pairs.join("&").into())
            .with("content-type", "application/x-www-form-urlencoded; charset=utf-8")
    }

    /// The same with a header more.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same, whose answer names what was refused in this member.
    pub(super) fn refusing(mut self, member: &'static str) -> Self {
        self.refused = Some(member);
        self
    }
}

//! What goes out: a publish, or a call of an AWS service over its own wire protocol.

use crate::message::MqttProperties;
use bytes::Bytes;
use serde_json::Value as Json;
use smol_str::SmolStr;

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
}

/// A call of an AWS service, complete but for host and signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsCall {
    /// The service, as SigV4 scopes name it: `lambda`, `dynamodb`, `sns`, `sqs`.
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
}

impl AwsCall {
    /// A call by AWS's JSON 1.0 protocol.
    pub(super) fn json(service: &'static str, region: SmolStr, target: &str, body: &Json) -> Self {
        Self {
            service,
            region,
            method: "POST",
            path: "/".to_owned(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.0".to_owned()),
                ("x-amz-target", target.to_owned()),
            ],
            body: body.to_string().into(),
        }
    }

    /// Why a call failed, from its answer: the service's error with its message where there is one, else the status.
    #[must_use]
    pub fn failure(&self, status: u16, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let json: Option<Json> = serde_json::from_slice(body).ok();
        let member = |names: [&str; 2]| {
            let json = json.as_ref()?;
            names.iter().find_map(|name| json.get(name)?.as_str()).map(str::to_owned)
        };
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once("</").map(|(inner, _)| inner.to_owned())
        };
        let code = member(["__type", "Type"]).or_else(|| element("Code"));
        let message = member(["message", "Message"]).or_else(|| element("Message"));
        let code = code.as_deref().map(|code| code.rsplit('#').next().unwrap_or(code));
        match (code, message) {
            (Some(code), Some(message)) => format!("{} answered {status} {code}: {message}", self.service),
            (Some(known), None) => format!("{} answered {status} {known}", self.service),
            (None, Some(message)) => format!("{} answered {status}: {message}", self.service),
            (None, None) => format!("{} answered {status}", self.service),
        }
    }
}

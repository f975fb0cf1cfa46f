//! What AWS IoT asks a custom authorizer's function, and what the function answers ("Defining your Lambda function" and
//! "Custom authentication with X.509 client certificates" of the AWS IoT Core developer guide).
//!
//! Written here rather than taken from `aws_lambda_events`: its types know nothing of the client certificate, hold policies as
//! IAM documents, and would bring HTTP header types into a crate that is serde and nothing else.

use crate::lenient;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A device wants to connect, or to publish over HTTPS. What is not part of the connection is not in the event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerRequest {
    /// The token, where the authorizer has a name for it and the device sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Whether AWS IoT has checked the token's signature; `false` where the authorizer has signing disabled.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub signature_verified: bool,
    /// The parts of `protocol_data` to expect: `tls`, `http`, `mqtt`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub protocols: Vec<String>,
    /// What the device sent, by protocol.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub protocol_data: ProtocolData,
    /// The connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_metadata: Option<ConnectionMetadata>,
}

/// What the device sent, by protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolData {
    /// The TLS handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsData>,
    /// The HTTP request, that of a WebSocket included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpData>,
    /// The CONNECT packet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<MqttData>,
}

/// The TLS handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsData {
    /// The host name that the device asked for (SNI).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The client certificate, where the domain asks for one besides the authorizer (`CUSTOM_AUTH_X509`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x509_certificate_pem: Option<String>,
    /// Its certificate id. The function's answer must have it as its principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
}

/// The HTTP request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpData {
    /// Its headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::texts")]
    pub headers: BTreeMap<String, String>,
    /// Its query, with the question mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_string: Option<String>,
}

impl HttpData {
    /// A header's value, whatever case its name is in.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The CONNECT packet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MqttData {
    /// The user name, with its query string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password's bytes; base64 in the event.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "lenient::optional_base64_bytes")]
    pub password: Option<Vec<u8>>,
    /// The client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// The connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionMetadata {
    /// Names the connection, for logs.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub id: String,
}

/// What the function answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerResponse {
    /// Whether the device is who it claims to be. Where not, nothing else is looked at.
    pub is_authenticated: bool,
    /// Who it is: 1 to 128 letters and digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// What it may do: at most 10 documents of at most 2,048 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_documents: Vec<Value>,
    /// The connection ends after so many seconds, 300 to 86,400; asking again does not prolong it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_after_in_seconds: Option<u32>,
    /// The function is asked again after so many seconds, 300 to 86,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_after_in_seconds: Option<u32>,
}

impl AuthorizerResponse {
    /// The answer to a device that is turned away.
    #[must_use]
    pub fn denied() -> Self {
        Self::default()
    }
}

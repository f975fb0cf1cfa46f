//! What an authorizer's function is asked ("Defining your Lambda function").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drydock_model::iot::{HttpContext, MqttContext, TlsContext};
use serde_json::{Map, Value, json};

/// One connection or request, as far as the function gets to see it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Occasion {
    /// The token; `None` where the authorizer does not look for one or the device sent none.
    pub token: Option<String>,
    /// Whether the token's signature was checked and holds; `false` where signing is disabled.
    pub signature_verified: bool,
    /// What TLS told.
    pub tls: Option<TlsContext>,
    /// The client certificate, where the domain asks for one besides the authorizer.
    pub certificate: Option<ShownCertificate>,
    /// The HTTP request, that of a WebSocket included.
    pub http: Option<HttpContext>,
    /// The CONNECT packet.
    pub mqtt: Option<MqttContext>,
    /// Names the connection, for logs.
    pub connection_id: Option<String>,
}

/// A client certificate that was shown in the TLS handshake ("Custom authentication with X.509 client certificates").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCertificate {
    /// Its PEM form.
    pub pem: String,
    /// Its id, which the function's answer must have as its principal.
    pub id: String,
}

impl Occasion {
    /// The event for the function. A protocol that is not part of the occasion is not in it.
    #[must_use]
    pub fn event(&self) -> Value {
        let mut data = Map::new();
        if let Some(tls) = &self.tls {
            let certificate = self.certificate.as_ref();
            let fields = [
                ("serverName", tls.server_name.clone().map(Value::from)),
                ("x509CertificatePem", certificate.map(|certificate| certificate.pem.clone().into())),
                ("principalId", certificate.map(|certificate| certificate.id.clone().into())),
            ];
            data.insert("tls".into(), object(fields));
        }
        if let Some(http) = &self.http {
            let headers = http.headers.as_ref().map(|headers| json!(headers));
            let query = http.query_string.clone().map(Value::from);
            data.insert("http".into(), object([("headers", headers), ("queryString", query)]));
        }
        if let Some(mqtt) = &self.mqtt {
            let password = mqtt.password.as_ref().map(|password| Value::from(STANDARD.encode(password)));
            let fields = [
                ("username", mqtt.username.clone().map(Value::from)),
                ("password", password),
                ("clientId", mqtt.client_id.clone().map(Value::from)),
            ];
            data.insert("mqtt".into(), object(fields));
        }
        let protocols: Vec<&str> =
            ["tls", "http", "mqtt"].into_iter().filter(|name| data.contains_key(*name)).collect();
        object([
            ("token", self.token.clone().map(Value::from)),
            ("signatureVerified", Some(self.signature_verified.into())),
            ("protocols", Some(protocols.into())),
            ("protocolData", Some(data.into())),
            ("connectionMetadata", self.connection_id.as_ref().map(|id| json!({ "id": id }))),
        ])
    }
}

fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>().into()
}

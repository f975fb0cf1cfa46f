//! Signature Version 4, by the library of AWS's own SDK.

#![expect(clippy::panic, reason = "a helper of tests: what does not work fails the test")]

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest, SignatureLocation,
    SigningInstructions, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use std::time::{Duration, SystemTime};

/// The host that requests of these tests name.
const HOST: &str = "127.0.0.1";

/// Keys of an account.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token of temporary ones.
    pub token: Option<String>,
}

impl Keys {
    /// Keys without a session token.
    #[must_use]
    pub fn new(id: &str, secret: &str) -> Self {
        Self { id: id.to_owned(), secret: secret.to_owned(), token: None }
    }

    /// The headers that sign a request.
    #[must_use]
    pub fn headers(&self, service: &str, method: &str, path: &str, body: &[u8]) -> Vec<(String, String)> {
        self.headers_at(service, method, path, body, SystemTime::now())
    }

    /// The same at another time.
    #[must_use]
    pub fn headers_at(
        &self,
        service: &str,
        method: &str,
        path: &str,
        body: &[u8],
        at: SystemTime,
    ) -> Vec<(String, String)> {
        let settings = settings(service);
        let (headers, _) = self.sign(service, method, path, SignableBody::Bytes(body), at, settings).into_parts();
        headers.iter().map(|header| (header.name().to_owned(), header.value().to_owned())).collect()
    }

    /// The headers that sign a request of another region, or to another host.
    #[must_use]
    pub fn headers_of(
        &self,
        (region, host): (&str, &str),
        service: &str,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Vec<(String, String)> {
        let (body, settings) = (SignableBody::Bytes(body), settings(service));
        let signed = self.sign_of((region, host), service, method, path, body, SystemTime::now(), settings);
        let (headers, _) = signed.into_parts();
        headers.iter().map(|header| (header.name().to_owned(), header.value().to_owned())).collect()
    }

    /// The path that opens a WebSocket for MQTT, presigned for five minutes. With `later` the session token is added after
    /// signing.
    #[must_use]
    pub fn websocket(&self, service: &str, at: SystemTime, later: bool) -> String {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(300));
        settings.session_token_mode = if later { SessionTokenMode::Exclude } else { SessionTokenMode::Include };
        let (_, query) = self.sign(service, "GET", "/mqtt", SignableBody::Bytes(b""), at, settings).into_parts();
        let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        format!("/mqtt?{}", pairs.join("&"))
    }

    /// The path of a presigned request to S3, which holds for some seconds from a time on.
    #[must_use]
    pub fn presigned(&self, method: &str, path: &str, seconds: u64, at: SystemTime) -> String {
        let mut settings = settings("s3");
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(seconds));
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        let (_, query) = self.sign("s3", method, path, SignableBody::UnsignedPayload, at, settings).into_parts();
        let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        format!("{path}?{}", pairs.join("&"))
    }

    fn sign(
        &self,
        service: &str,
        method: &str,
        path: &str,
        body: SignableBody<'_>,
        at: SystemTime,
        settings: SigningSettings,
    ) -> SigningInstructions {
        self.sign_of(("us-east-1", HOST), service, method, path, body, at, settings)
    }

    #[expect(clippy::too_many_arguments, reason = "all that a signature depends on")]
    fn sign_of(
        &self,
        (region, host): (&str, &str),
        service: &str,
        method: &str,
        path: &str,
        body: SignableBody<'_>,
        at: SystemTime,
        settings: SigningSettings,
    ) -> SigningInstructions {
        let keys = Credentials::new(&self.id, &self.secret, self.token.clone(), None, "the test").into();
        let builder = v4::SigningParams::builder().identity(&keys).region(region).name(service);
        let params = builder.time(at).settings(settings).build().unwrap_or_else(|e| panic!("no parameters: {e}"));
        let uri = format!("https://{host}{path}");
        let headers = [("host", host)].into_iter();
        let request = SignableRequest::new(method, uri, headers, body);
        let request = request.unwrap_or_else(|e| panic!("no request to sign: {e}"));
        sign(request, &params.into()).unwrap_or_else(|e| panic!("no signature: {e}")).into_parts().0
    }
}

/// How a service has its requests signed.
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

fn encode(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

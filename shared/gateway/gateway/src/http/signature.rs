//! Who signed a request, and whether the signature holds.
//!
//! Where keys are configured (`[[credentials]]` in `drydock.toml`), every request has to be signed by one of them or by
//! credentials that this gateway issued. Otherwise any key will do; only the signatures of issued credentials are checked then.
//! The date of a signature is compared with the machine's clock, which clients have, and the end of credentials with the
//! gateway's.

use super::answer::json_error;
use super::service::{self, Service};
use crate::gateway::Gateway;
use crate::peer::Endpoint;
use bytes::Bytes;
use drydock_core::{Clock as _, Ids as _};
use drydock_gate::credential::Caller;
use drydock_host::logs::unproven::{Over, Unproven};
use drydock_host::notice::{Notice, Tone, Topic};
use drydock_host::system::SystemClock;
use drydock_identity::sigv4::{Chunks, Claim, Denied, SignedRequest, verify};
use drydock_model::Service as Plane;
use drydock_model::iot::AuthenticationType;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::json;
use smol_str::SmolStr;
use std::net::SocketAddr;

/// The caller of a request to the API; `None` where it is not signed and need not be.
///
/// # Errors
/// [`Denied`], which [`denied`] makes an answer of.
pub fn of_request(gateway: &Gateway, service: Service, request: &Request<Bytes>) -> Result<Option<Caller>, Denied> {
    match judge(gateway, request, request.body()) {
        Err(Denied::Missing) if needs_none(service, request) => Ok(None),
        judged => judged.map(|(caller, _)| caller),
    }
}

/// What the signatures of a body's chunks follow on, where the request's own signature was checked. The body is not read.
///
/// # Errors
/// [`Denied`].
pub fn of_stream<B>(gateway: &Gateway, request: &Request<B>) -> Result<Option<Chunks>, Denied> {
    judge(gateway, request, b"").map(|(_, chunks)| chunks)
}

/// The caller who opens a WebSocket for MQTT; `None` where the request is not signed.
///
/// # Errors
/// The refusal.
pub fn of_websocket<B>(endpoint: &Endpoint, request: &Request<B>) -> Result<Option<Caller>, Response<Bytes>> {
    let gateway = &endpoint.gateway;
    let query = request.uri().query().unwrap_or_default();
    let refused = |why: &Denied| {
        let key = service::credential_scope(request.headers(), query).map(|scope| scope.access_key).unwrap_or_default();
        let client = Unproven {
            local: Some(endpoint.local),
            server_name: endpoint.tls.as_ref().and_then(|tls| tls.server_name.as_deref()),
            ..unproven(Over::Mqtt, &key, endpoint.remote)
        };
        gateway.host.told.logs.unproven(client, &reason(why));
        denied(gateway, Service::Iot(Plane::IotData), why)
    };
    let Some(scope) = service::credential_scope(request.headers(), query) else { return Ok(None) };
    if let Some(refusal) = super::operations::wrong_region(gateway, &scope) {
        return Err(refusal);
    }
    if !matches!(scope.service.as_str(), "iotdevicegateway" | "iotdata") {
        let why = "Credential should be scoped to correct service: 'iotdevicegateway'.";
        return Err(refused(&Denied::Invalid(why.to_owned())));
    }
    judge(gateway, request, b"").map(|(caller, _)| caller).map_err(|why| refused(&why))
}

/// Logs a request to the data plane whose signature does not hold.
pub fn log(gateway: &Gateway, request: &Request<Bytes>, remote: SocketAddr, why: &Denied) {
    let scope = service::credential_scope(request.headers(), request.uri().query().unwrap_or_default());
    let key = scope.map(|scope| scope.access_key).unwrap_or_default();
    gateway.host.told.logs.unproven(unproven(Over::Http, &key, remote), &reason(why));
}

fn unproven(over: Over, access_key: &str, remote: SocketAddr) -> Unproven<'_> {
    let way = AuthenticationType::AwsSigv4;
    Unproven { over, way, client_id: "", principal: access_key, remote, local: None, server_name: None }
}

/// The reason as the log entry `Connection.AuthNError` names it.
fn reason(why: &Denied) -> String {
    let word = match why {
        Denied::Missing | Denied::Incomplete(_) => "NOT_AUTHENTICATED",
        Denied::UnknownKey => "SECURITY_TOKEN_INVALID",
        Denied::ExpiredToken => "SECURITY_TOKEN_EXPIRED",
        Denied::Untimely { .. } | Denied::Invalid(_) => "SECURITY_TOKEN_SIGNATURE_MISMATCH",
    };
    // The texts that were to be signed are for the caller, not for a log.
    format!("{word}: {}", why.to_string().lines().next().unwrap_or_default())
}

/// The caller, and where the signature was checked what the signatures of chunks follow on.
type Judged = (Option<Caller>, Option<Chunks>);

fn judge<B>(gateway: &Gateway, request: &Request<B>, body: &[u8]) -> Result<Judged, Denied> {
    let credentials = &gateway.credentials;
    let (uri, headers) = (request.uri(), headers(request));
    let signed = SignedRequest {
        method: request.method().as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        headers: &headers,
        body,
    };
    let claim = match Claim::read(&signed) {
        Some(Ok(claim)) => claim,
        None if credentials.are_configured() => return Err(Denied::Missing),
        Some(Err(why)) if credentials.are_configured() => return Err(why),
        // Signed in name, as tools for local use do.
        None | Some(Err(_)) => {
            let scope = service::credential_scope(request.headers(), signed.query);
            return Ok((scope.map(|scope| unknown(&scope.access_key)), None));
        }
    };
    match credentials.lookup(&claim.access_key, claim.token.as_deref(), gateway.host.books.now())? {
        Some(known) => {
            verify(&claim, &signed, &known.secret, SystemClock.now())?;
            let caller = Caller { access_key: claim.access_key.as_str().into(), principal: known.principal };
            Ok((Some(caller), Some(Chunks::after(claim, known.secret))))
        }
        None if credentials.are_configured() => Err(Denied::UnknownKey),
        None => Ok((Some(unknown(&claim.access_key)), None)),
    }
}

/// A caller with a key that nobody knows, where any key will do.
fn unknown(access_key: &str) -> Caller {
    Caller { access_key: access_key.into(), principal: SmolStr::new(access_key) }
}

/// What may be asked without a signature: the links that SNS sends to a subscriber, and the one that a topic rule destination is
/// confirmed with, whose token is the proof.
fn needs_none(service: Service, request: &Request<Bytes>) -> bool {
    let action = service::query_value(request.uri().query().unwrap_or_default(), "Action");
    let of_sns = service == Service::Cloud(drydock_cloud::Service::Sns)
        && matches!(action.as_deref(), Some("ConfirmSubscription" | "Unsubscribe"));
    let confirms = service == Service::Iot(Plane::Iot)
        && request.method() == Method::GET
        && request.uri().path().starts_with("/confirmdestination/");
    of_sns || confirms
}

/// The headers as they are signed; HTTP/2 has the host elsewhere.
fn headers<B>(request: &Request<B>) -> Vec<(String, String)> {
    let all: &HeaderMap = request.headers();
    let mut headers: Vec<(String, String)> = all
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    if let Some(authority) = request.uri().authority().filter(|_| !all.contains_key(http::header::HOST)) {
        headers.push(("host".to_owned(), authority.as_str().to_owned()));
    }
    headers
}

/// The answer to who is not let in, as the service that was asked shows it.
#[must_use]
pub fn denied(gateway: &Gateway, service: Service, why: &Denied) -> Response<Bytes> {
    let message = why.to_string();
    let first = message.lines().next().unwrap_or_default();
    told(gateway, why);
    let id = gateway.host.books.ids.uuid().to_string();
    let response = match service {
        // The device gateway does not show the texts that were to be signed.
        Service::Iot(Plane::IotData) => {
            let mut response = json_error(StatusCode::FORBIDDEN, why.code(), first);
            *response.body_mut() = json!({ "message": first, "traceId": id }).to_string().into();
            response
        }
        Service::Iot(_) => json_error(StatusCode::FORBIDDEN, why.code(), &message),
        Service::Cloud(service) => {
            drydock_cloud::service::refusal(service, why.code(), why.query_code(), &message, &id)
        }
    };
    super::answer::with_request_id(gateway, response)
}

/// Tells those who watch that a request was refused.
pub(super) fn told(gateway: &Gateway, why: &Denied) {
    gateway.host.told.notices.tell(|| Notice {
        at: gateway.host.books.now(),
        tone: Tone::Bad,
        topic: Topic::Refusal,
        subject: "signature".to_owned(),
        text: format!("request refused: {}: {}", why.code(), why.to_string().lines().next().unwrap_or_default()),
        reasons: Vec::new(),
    });
}

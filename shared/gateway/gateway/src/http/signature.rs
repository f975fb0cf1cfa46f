//! Who signed a request, and whether the signature holds.
//!
//! Where keys are configured (`[[credentials]]` in `drydock.toml`), every request has to be signed by one of them or by
//! credentials that this gateway issued. Otherwise any key will do; only the signatures of issued credentials are checked then.
//! The date of a signature is compared with the machine's clock, which clients have, and the end of credentials with the
//! gateway's.

use super::answer::json_error;
use super::service::Service;
use crate::gateway::Gateway;
use crate::peer::Endpoint;
use crate::scopes::ScopeError;
use bytes::Bytes;
use drydock_cloud::stand_in::Refusal;
use drydock_core::{Clock as _, Ids as _};
use drydock_gate::credential::Caller;
use drydock_host::logs::unproven::{Over, Unproven};
use drydock_host::notice::{Notice, Tone, Topic, help};
use drydock_host::system::SystemClock;
use drydock_identity::sigv4::{Chunks, Claim, Denied, Known, SignedRequest, Stated, is_timely, verify, verify_head};
use drydock_model::Service as Plane;
use drydock_model::iot::AuthenticationType;
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::json;
use smol_str::SmolStr;
use std::net::SocketAddr;

/// What a request says of its signature; `None` where it is not signed.
#[must_use]
pub fn read<B>(request: &Request<B>) -> Option<Stated> {
    let (uri, headers) = (request.uri(), signed_headers(request.headers(), request.uri()));
    Stated::read(&signed(request, uri, &headers, b""))
}

fn signed<'r, B>(
    request: &'r Request<B>,
    uri: &'r http::Uri,
    headers: &'r [(String, String)],
    body: &'r [u8],
) -> SignedRequest<'r> {
    let query = uri.query().unwrap_or_default();
    SignedRequest { method: request.method().as_str(), path: uri.path(), query, headers, body }
}

/// What can be judged of a request before its body is read: whether nothing is left to prove but that the body is the one that was
/// signed. Where no key is needed, nothing is left of a request that is signed in name or not at all.
///
/// # Errors
/// [`Denied`].
pub fn before_body<B>(gateway: &Gateway, request: &Request<B>, stated: Option<&Stated>) -> Result<bool, Denied> {
    let Some((claim, known)) = find(gateway, stated)? else { return Ok(true) };
    let (uri, headers) = (request.uri(), signed_headers(request.headers(), request.uri()));
    is_timely(claim, SystemClock.now())?;
    let head = signed(request, uri, &headers, b"");
    verify_head(claim, &head, &known.secret, SystemClock.now()).transpose().map(|judged| judged.is_some())
}

/// The caller of a request to the API; `None` where it is not signed and need not be.
///
/// # Errors
/// [`Denied`], which [`denied`] makes an answer of.
pub fn of_request(
    gateway: &Gateway,
    request: &Request<Bytes>,
    stated: Option<&Stated>,
) -> Result<Option<Caller>, Denied> {
    judge(gateway, request, request.body(), stated).map(|(caller, _)| caller)
}

/// The gateway as the account and region see it that a request is signed for, whose signature was judged; the one that was asked
/// where it is not signed.
///
/// # Errors
/// [`ScopeError`], which [`unscoped`] makes an answer of.
pub async fn scoped(gateway: &Gateway, stated: Option<&Stated>) -> Result<Gateway, ScopeError> {
    let Some(stated) = stated else { return Ok(gateway.clone()) };
    let Some(signed) = &stated.scope else { return Ok(gateway.clone()) };
    let token = stated.claim.as_ref().ok().and_then(|claim| claim.token.as_deref());
    let known = gateway.credentials.lookup(&signed.access_key, token, gateway.host.books.now())?;
    gateway.in_scope(&gateway.scopes.of_signature(signed, known.as_ref())?).await
}

/// The answer to a request for an account or region that is not there.
#[must_use]
pub fn unscoped(why: &ScopeError) -> Response<Bytes> {
    let code = match why {
        ScopeError::TooMany(_) => "LimitExceededException",
        ScopeError::NotARegion(_) => "InvalidRequestException",
        ScopeError::Denied(why) => why.code(),
        ScopeError::Stopping => "ServiceUnavailableException",
        ScopeError::Open { .. } => "InternalFailureException",
    };
    json_error(why.status(), code, &why.to_string())
}

/// What the signatures of a body's chunks follow on, where the request's own signature was checked. The body is not read.
///
/// # Errors
/// [`Denied`].
pub fn of_stream<B>(
    gateway: &Gateway,
    request: &Request<B>,
    stated: Option<&Stated>,
) -> Result<Option<Chunks>, Denied> {
    judge(gateway, request, b"", stated).map(|(_, chunks)| chunks)
}

/// The caller who opens a WebSocket for MQTT; `None` where the request is not signed. `stated` is what the request says of it.
///
/// # Errors
/// The refusal.
pub fn of_websocket<B>(
    endpoint: &Endpoint,
    request: &Request<B>,
    stated: Option<&Stated>,
) -> Result<Option<Caller>, Response<Bytes>> {
    let gateway = &endpoint.gateway;
    let refused = |why: &Denied| {
        let key = access_key(stated);
        let client = Unproven {
            local: Some(endpoint.local),
            server_name: endpoint.tls.as_ref().and_then(|tls| tls.server_name.as_deref()),
            ..unproven(Over::Mqtt, key, endpoint.remote)
        };
        gateway.host.told.logs.unproven(client, &reason(why));
        denied(gateway, Service::Iot(Plane::IotData), why)
    };
    let Some(stated) = stated else { return Ok(None) };
    let scope = match (&stated.scope, &stated.claim) {
        (Some(scope), _) => scope,
        (None, Err(why)) => return Err(refused(why)),
        (None, Ok(_)) => return Err(refused(&Denied::Missing)),
    };
    if !matches!(scope.service.as_str(), "iotdevicegateway" | "iotdata") {
        let why = "Credential should be scoped to correct service: 'iotdevicegateway'.";
        return Err(refused(&Denied::Invalid(why.to_owned())));
    }
    judge(gateway, request, b"", Some(stated)).map(|(caller, _)| caller).map_err(|why| refused(&why))
}

/// Logs a request to the data plane whose signature does not hold.
pub fn log(gateway: &Gateway, stated: Option<&Stated>, remote: SocketAddr, why: &Denied) {
    gateway.host.told.logs.unproven(unproven(Over::Http, access_key(stated), remote), &reason(why));
}

fn access_key(stated: Option<&Stated>) -> &str {
    stated.and_then(|stated| stated.scope.as_ref()).map_or("", |scope| scope.access_key.as_str())
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
        Denied::Untimely { .. } | Denied::Invalid(_) | Denied::Unsigned(_) => "SECURITY_TOKEN_SIGNATURE_MISMATCH",
    };
    // The texts that were to be signed are for the caller, not for a log.
    format!("{word}: {}", why.to_string().lines().next().unwrap_or_default())
}

/// The caller, and where the signature was checked what the signatures of chunks follow on.
type Judged = (Option<Caller>, Option<Chunks>);

/// The headers of a request as they are signed; a request to a proxy may have the host elsewhere.
fn signed_headers(all: &HeaderMap, uri: &http::Uri) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = all
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    if let Some(authority) = uri.authority().filter(|_| !all.contains_key(http::header::HOST)) {
        headers.push(("host".to_owned(), authority.as_str().to_owned()));
    }
    headers
}

/// The claim that has to hold, and the key that it is of; `None` where any key will do and none of the gateway's own was used.
fn find<'s>(gateway: &Gateway, stated: Option<&'s Stated>) -> Result<Option<(&'s Claim, Known)>, Denied> {
    let credentials = &gateway.credentials;
    let needed = credentials.are_configured();
    let claim = match stated.map(|stated| &stated.claim) {
        Some(Ok(claim)) => claim,
        None if needed => return Err(Denied::Missing),
        Some(Err(why)) if needed => return Err(why.clone()),
        // Signed in name, as tools for local use do.
        None | Some(Err(_)) => return Ok(None),
    };
    match credentials.lookup(&claim.access_key, claim.token.as_deref(), gateway.host.books.now())? {
        Some(known) => Ok(Some((claim, known))),
        None if needed => Err(Denied::UnknownKey),
        None => Ok(None),
    }
}

fn judge<B>(gateway: &Gateway, request: &Request<B>, body: &[u8], stated: Option<&Stated>) -> Result<Judged, Denied> {
    let Some((claim, known)) = find(gateway, stated)? else {
        let scope = stated.and_then(|stated| stated.scope.as_ref());
        return Ok((scope.map(|scope| unknown(&scope.access_key)), None));
    };
    let (uri, headers) = (request.uri(), signed_headers(request.headers(), request.uri()));
    verify(claim, &signed(request, uri, &headers, body), &known.secret, SystemClock.now())?;
    if let (Some(role), Some(scope)) = (&known.role, stated.and_then(|stated| stated.scope.as_ref())) {
        gateway.services.audit.used(role, &scope.service);
    }
    let caller = Caller { access_key: claim.access_key.as_str().into(), principal: known.principal };
    Ok((Some(caller), Some(Chunks::after(claim.clone(), known.secret))))
}

/// A caller with a key that nobody knows, where any key will do.
fn unknown(access_key: &str) -> Caller {
    Caller { access_key: access_key.into(), principal: SmolStr::new(access_key) }
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
            let refusal = Refusal::denied(why.code(), why.query_code(), &message, &id);
            gateway.host.cloud.refusal(service, &refusal)
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
        reasons: help(match why {
            Denied::Missing | Denied::Incomplete(_) => "sign it with a key of `[[credentials]]` in drydock.toml",
            Denied::UnknownKey => {
                "use a key of `[[credentials]]` in drydock.toml, or one that STS or a role alias gave"
            }
            Denied::ExpiredToken => "get credentials anew",
            Denied::Untimely { .. } => "set the client's clock: a signature counts for minutes",
            Denied::Invalid(_) | Denied::Unsigned(_) => {
                "compare the secret key, the region and the service it is signed for"
            }
        }),
    });
}

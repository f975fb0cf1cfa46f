//! The credentials provider: a device shows its certificate and gets credentials of AWS, by a role alias.
//!
//! Follows "Authorizing direct calls to AWS services using AWS IoT Core credential provider" of the developer guide. The order of
//! the checks and the texts of the refusals are those that the notes of AWS's own session helper for it record.

use super::answer::{json, json_error};
use crate::gateway::Gateway;
use crate::peer::TlsPeer;
use bytes::Bytes;
use drydock_core::names::short;
use drydock_core::{CertificateId, Event, Timestamp};
use drydock_gate::certificate::{DeviceCertificate, Standing};
use drydock_gate::session::{HttpsSession, Source};
use drydock_host::roles::Unassumable;
use drydock_identity::trust::{Assumer, CREDENTIALS_PROVIDER};
use drydock_policy::Action;
use http::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::json;
use smol_str::SmolStr;
use std::net::SocketAddr;

/// The header with the thing that a device wants to be.
const THING: &str = "x-amzn-iot-thingname";

/// The role alias that a request wants credentials by; `None` where it is for something else.
///
/// On AWS the credentials provider has a host name of its own. Here it shares the port with the data plane, so a client that
/// calls the machine by its address is told by the path alone; one that calls AWS's name of another endpoint is not answered.
#[must_use]
pub fn role_alias(path: &str, server_name: Option<&str>) -> Option<String> {
    let alias = path.strip_prefix("/role-aliases/")?.strip_suffix("/credentials")?;
    if alias.is_empty() || alias.contains('/') || server_name.is_some_and(is_another_endpoint) {
        return None;
    }
    Some(percent_decode_str(alias).decode_utf8_lossy().into_owned())
}

fn is_another_endpoint(server_name: &str) -> bool {
    let aws = server_name.ends_with(".amazonaws.com") || server_name.ends_with(".amazonaws.com.cn");
    aws && !server_name.contains(".credentials.iot.")
}

/// Answers a request for credentials.
pub async fn handle(
    gateway: &Gateway,
    request: &Request<Bytes>,
    alias: &str,
    tls: &TlsPeer,
    remote: SocketAddr,
) -> Response<Bytes> {
    let response = if request.method() == Method::GET {
        let presented =
            drydock_gate::certificate::present(&gateway.host.books, &tls.chain, tls.server_name.as_deref()).await;
        match presented {
            Standing::Active(certificate) => issue(gateway, request, alias, *certificate, tls, remote),
            Standing::Pending(id) => {
                denied("Certificate is invalid on this endpoint").told(gateway, Some(&id), "it is PENDING_ACTIVATION")
            }
            Standing::Refused { id, why, .. } => {
                denied("Certificate is invalid on this endpoint").told(gateway, id.as_ref(), &why)
            }
            Standing::Unknown(why) => json_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException", &why),
        }
    } else {
        json_error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowedException", "credentials are asked for with GET")
    };
    super::answer::with_request_id(gateway, response)
}

fn issue(
    gateway: &Gateway,
    request: &Request<Bytes>,
    alias: &str,
    certificate: DeviceCertificate,
    tls: &TlsPeer,
    remote: SocketAddr,
) -> Response<Bytes> {
    let books = &gateway.host.books;
    let id = certificate.id.clone();
    let principal = books.scope.certificate(&id);
    let thing = request.headers().get(THING).map(|value| value.to_str().unwrap_or_default());
    if let Some(thing) = thing {
        let attached = books.registry.read(|registry| registry.attribute(principal.as_str(), thing));
        if attached.is_none_or(|attributed| attributed.thing.as_str() != thing) {
            let why = format!("the certificate is not attached to a thing `{thing}`: see AttachThingPrincipal");
            return denied("Invalid thing name passed").told(gateway, Some(&id), &why);
        }
    }
    let server_name = tls.server_name.as_deref();
    let subject = short(&certificate.id).to_owned();
    let source = Source { certificate: Some(certificate), returned: None };
    let thing = thing.map(SmolStr::new);
    let session =
        HttpsSession::of_thing(books, &gateway.host.told.notices, &subject, source, remote, server_name, thing);
    if !session.allows(Action::AssumeRoleWithCertificate, alias) {
        let why = format!("its policies do not allow iot:AssumeRoleWithCertificate on the role alias `{alias}`");
        return denied("Access Denied").told(gateway, Some(&id), &why);
    }
    let found = books.identity.read(|identity| {
        let row = identity.known_role_alias(alias).ok()?;
        Some((row.role_arn.clone(), i64::from(row.seconds), identity.role_alias_arn(alias)))
    });
    let Some((role, seconds, alias_arn)) = found else {
        let refusal = Refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", "Role alias does not exist");
        return refusal.told(gateway, Some(&id), &format!("there is no role alias `{alias}`: see ListRoleAliases"));
    };
    let who = Assumer { service: CREDENTIALS_PROVIDER, source_account: &books.scope.account, source_arn: &alias_arn };
    match gateway.host.assume(&role, who, seconds) {
        Ok(()) => {}
        Err(Unassumable::Untrusting(why)) => {
            let text = "Unable to assume the role, or the role to assume does not exist";
            let refusal = Refusal(StatusCode::BAD_REQUEST, "InvalidRequestException", text);
            return refusal.told(gateway, Some(&id), &why.join("; "));
        }
        Err(Unassumable::TooLong(most)) => {
            let text = "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role";
            let refusal = Refusal(StatusCode::BAD_REQUEST, "InvalidRequestException", text);
            return refusal.told(
                gateway,
                Some(&id),
                &format!("the alias asks for {seconds} s, `{role}` allows {most} s"),
            );
        }
    }
    let expires = books.now().plus_millis(seconds * 1000);
    let given = gateway.credentials.issue(&role, id.as_str(), Some(expires), books.ids.as_ref());
    tell(gateway, &id, true, format!("credentials of `{role}` by the role alias `{alias}`, until {expires}"));
    json(
        StatusCode::OK,
        &json!({ "credentials": {
            "accessKeyId": given.access_key_id,
            "secretAccessKey": given.secret_access_key.reveal(),
            "sessionToken": given.session_token.reveal(),
            "expiration": without_fraction(expires),
        } }),
    )
}

/// `2023-02-06T05:54:46Z`.
fn without_fraction(at: Timestamp) -> String {
    Timestamp(at.seconds() * 1000).to_string().replace(".000Z", "Z")
}

/// A refusal as AWS words it.
struct Refusal(StatusCode, &'static str, &'static str);

fn denied(message: &'static str) -> Refusal {
    Refusal(StatusCode::FORBIDDEN, "AccessDeniedException", message)
}

impl Refusal {
    /// The answer; why it is so is told to whoever watches, not to the device.
    fn told(self, gateway: &Gateway, id: Option<&CertificateId>, why: &str) -> Response<Bytes> {
        let Self(status, code, message) = self;
        if let Some(id) = id {
            tell(gateway, id, false, format!("{message}: {why}"));
        }
        json_error(status, code, message)
    }
}

fn tell(gateway: &Gateway, certificate_id: &CertificateId, success: bool, details: String) {
    let at = gateway.host.books.now();
    gateway.host.books.emit(Event::DeviceCredentials { certificate_id: certificate_id.clone(), success, details, at });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_and_the_host_say_what_is_asked_for() {
        let credentials = "a123456789012.credentials.iot.us-east-1.amazonaws.com";
        let data = "a123456789012-ats.iot.us-east-1.amazonaws.com";
        for (path, host, wanted) in [
            ("/role-aliases/cameras/credentials", None, Some("cameras")),
            ("/role-aliases/cameras/credentials", Some("localhost"), Some("cameras")),
            ("/role-aliases/cameras/credentials", Some(credentials), Some("cameras")),
            ("/role-aliases/cameras/credentials", Some(data), None),
            ("/role-aliases/a%3Db/credentials", None, Some("a=b")),
            ("/role-aliases//credentials", None, None),
            ("/role-aliases/a/b/credentials", None, None),
            ("/role-aliases/cameras", None, None),
            ("/topics/a", Some(credentials), None),
        ] {
            assert_eq!(role_alias(path, host).as_deref(), wanted, "{path} {host:?}");
        }
    }
}

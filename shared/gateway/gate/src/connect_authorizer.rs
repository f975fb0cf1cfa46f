//! A device that a custom authorizer is to let in: which one is asked, what it is asked, and what becomes of its answer.
//!
//! Follows "Connecting to AWS IoT Core by using custom authentication" of the developer guide.

use crate::authorizer::renewal::{Cut, Renewal};
use crate::authorizer::{Granted, Question, Unanswered};
use crate::certificate::DeviceCertificate;
use crate::credential::Shown;
use crate::policy_gate::PolicyGate;
use crate::session::{Session, Source};
use drydock_broker::{Admission, ConnectAttempt, Lifetime, Refusal, RefusalKind, Transport};
use drydock_core::event::DisconnectReason;
use drydock_host::books::Books;
use drydock_host::notice::help;
use drydock_identity::Certificate;
use drydock_identity::authorizer::{NoAuthorizer, Occasion, Presented, ShownCertificate};
use drydock_identity::book::authorizers::AuthorizerRow;
use drydock_identity::book::domains::Domain;
use drydock_model::iot::{AuthenticationType, HttpContext, MqttContext, TlsContext};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Duration;

/// Decides on a connect through a custom authorizer; with a certificate, both have to let the device in.
///
/// # Errors
/// The refusal.
pub(crate) async fn connect(
    gate: &PolicyGate,
    attempt: &ConnectAttempt,
    shown: &Shown,
    domain: &Domain,
    certificate: Option<DeviceCertificate>,
) -> Result<Admission, Refusal> {
    let books = &gate.books;
    let refused = |why: String, reasons: Vec<String>| {
        let principal = certificate.as_ref().map_or("", |certificate| certificate.id.as_str());
        let way =
            if certificate.is_some() { AuthenticationType::CustomAuthX509 } else { AuthenticationType::CustomAuth };
        gate.unproven(attempt, principal, way, &why);
        Err(gate.refuse(attempt, RefusalKind::BadCredentials, principal, format!("connect refused: {why}"), reasons))
    };
    let presented = presented(attempt, shown);
    let (name, row) = match choose(books, &presented, domain) {
        Ok(chosen) => chosen,
        Err(error) => return refused(format!("CUSTOM_AUTHORIZER_NOT_FOUND: {error}"), help(how(attempt))),
    };
    let http = shown.upgrade.as_ref().map(|upgrade| http_context(&upgrade.headers, &upgrade.query));
    let occasion = Occasion {
        tls: tls_context(attempt.peer.server_name.as_deref()),
        http,
        mqtt: Some(MqttContext {
            username: attempt.username.as_deref().map(str::to_owned),
            password: attempt.password.clone(),
            client_id: Some(attempt.client_id.to_string()),
        }),
        certificate: certificate.as_ref().and_then(|certificate| shown_certificate(certificate, &shown.chain)),
        connection_id: Some(books.ids.uuid().to_string()),
        ..Occasion::default()
    };
    let question = Question::new(&name, &row, &presented, occasion);
    let granted = match gate.authorizer_client.ask(&name, &row, question.signature.as_deref(), &question.occasion).await
    {
        Ok(Some(granted)) => granted,
        Ok(None) => return refused(denied(&name), help(&try_it(&name))),
        Err(error) => return refused(unanswered(&name, &error), help(&try_it(&name))),
    };
    admit(gate, attempt, certificate, question, granted)
}

/// Judges the connect by the policies of the answer, and has them renewed from now on.
fn admit(
    gate: &PolicyGate,
    attempt: &ConnectAttempt,
    certificate: Option<DeviceCertificate>,
    question: Question,
    granted: Granted,
) -> Result<Admission, Refusal> {
    let authorized = granted.authorized;
    let principal = SmolStr::new(&authorized.principal_id);
    let source = Source { certificate, returned: Some(granted.policies) };
    let session = Arc::new(Session::new(&gate.books, &gate.notices, attempt, source));
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let lifetime = Lifetime {
        after: seconds(authorized.disconnect_after_seconds),
        reason: DisconnectReason::CustomauthTtlExpiration,
    };
    let admission = gate.decide(attempt, principal.clone(), Arc::clone(&session), Some(lifetime))?;
    let renewal = Renewal {
        authorizer_client: gate.authorizer_client.clone(),
        question,
        notices: gate.notices.clone(),
        cuts: gate.cuts.clone(),
        of: Cut { client_id: attempt.client_id.clone(), principal },
    };
    let first = seconds(authorized.refresh_after_seconds);
    // Where the gateway is stopping the connection ends anyway.
    if let Some(task) = gate.tasks.spawn(renewal.run(Arc::downgrade(&session), first)) {
        session.renewed_by(task);
    }
    Ok(admission)
}

/// The authorizer that a device meets.
pub fn choose(books: &Books, presented: &Presented, domain: &Domain) -> Result<(String, AuthorizerRow), NoAuthorizer> {
    books.identity.read(|identity| {
        let (name, row) = identity.choose_authorizer(presented.authorizer(), domain.authorizer.as_ref())?;
        Ok((name.to_owned(), row.clone()))
    })
}

/// What TLS told.
pub fn tls_context(server_name: Option<&str>) -> Option<TlsContext> {
    Some(TlsContext { server_name: server_name.map(str::to_owned) })
}

/// An HTTP request for the function; the query with its question mark, as the guide shows it.
pub fn http_context(headers: &[(String, String)], query: &str) -> HttpContext {
    HttpContext {
        headers: Some(headers.iter().rev().cloned().collect()),
        query_string: (!query.is_empty()).then(|| format!("?{query}")),
    }
}

/// The certificate for the function.
pub fn shown_certificate(certificate: &DeviceCertificate, chain: &[Vec<u8>]) -> Option<ShownCertificate> {
    let read = Certificate::from_der("client certificate", chain.first()?).ok()?;
    Some(ShownCertificate { pem: read.pem(), id: certificate.id.as_str().to_owned() })
}

/// The refusal of a device that the function turned away.
pub fn denied(name: &str) -> String {
    format!("NOT_AUTHENTICATED: the authorizer `{name}` says that the device is not authenticated")
}

/// The refusal of a device that nobody could be asked about.
pub fn unanswered(name: &str, error: &Unanswered) -> String {
    format!("{}: the authorizer `{name}`: {error}", error.reason())
}

/// How an authorizer is tried without a device.
fn try_it(name: &str) -> String {
    format!(
        "`aws iot test-invoke-authorizer --authorizer-name {name}` with what the device sends shows what is asked and answered"
    )
}

/// What a device shows: in the request that opened its WebSocket, else in the user name.
fn presented(attempt: &ConnectAttempt, shown: &Shown) -> Presented {
    let user_name = Presented::in_user_name(attempt.username.as_deref().unwrap_or_default());
    match &shown.upgrade {
        Some(upgrade) => {
            let headers = upgrade.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            Presented::in_http(headers, &upgrade.query).or(user_name)
        }
        None => user_name,
    }
}

fn how(attempt: &ConnectAttempt) -> &'static str {
    match attempt.peer.transport {
        Transport::WebSocket => {
            "name it as x-amz-customauthorizer-name in the request's headers or query or in the user name, or sign the request"
        }
        _ => {
            "name it at the end of the user name: user?x-amz-customauthorizer-name=NAME; a device with a certificate uses ALPN x-amzn-mqtt-ca or none"
        }
    }
}

//! The MQTT API of fleet provisioning: "CreateKeysAndCertificate", "CreateCertificateFromCsr" and "RegisterThing".
//!
//! The broker's tap hands the requests over; an answer goes straight to the connection that asked, whether it subscribed or not, and to
//! nobody else. Follows "Device provisioning MQTT API".

use super::failure::NotProvisioned;
use super::payload;
use super::request::{Operation, Request};
use super::run::{Parts, provision_between};
use super::service::ProvisioningService;
use super::{hook, provider};
use drydock_broker::{Message, Qos, Who};
use drydock_core::names::short;
use drydock_core::{ApiError, CertificateId, Done, ErrorCode};
use drydock_host::logs::failure;
use drydock_host::notice::{Notice, Tone, Topic as About};
use drydock_identity::Certificate;
use drydock_identity::x509::SigningRequest;
use drydock_logging::Status;
use drydock_provisioning::book::tokens::Refused;
use drydock_provisioning::plan::CertificateSource;
use drydock_provisioning::{Dialect, Plan};
use drydock_timers::Work;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many requests are worked on at a time.
const CONCURRENCY: usize = 64;

/// Answers requests as long as the gateway runs. Connections take turns, so that one that asks for much keeps nobody else
/// waiting but itself, and each may have only so many requests waiting.
pub(super) async fn serve(service: Arc<ProvisioningService>) {
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let (request, work) = next(&service).await;
        let service = Arc::clone(&service);
        service.host.tasks.clone().spawn_to_end(async move {
            answer(&service, &request).await;
            drop((permit, work));
        });
    }
}

/// The request whose turn it is, once there is one and the rates let it through; where it waited for them, the clock waits for it.
async fn next(service: &ProvisioningService) -> (Request, Option<Work>) {
    let time = &service.host.books.time;
    let mut work = None;
    loop {
        let arrived = service.arrived.notified();
        let wait = {
            let mut waiting = service.waiting.lock();
            let now = time.now();
            if let Some(request) = waiting.take(now) {
                return (request, work);
            }
            (!waiting.is_empty()).then(|| now.plus_millis(waiting.wait(now)))
        };
        match wait {
            None => arrived.await,
            Some(due) => tokio::select! {
                woken = time.until("fleet provisioning", due) => work = Some(woken),
                () = arrived => {}
            },
        }
    }
}

/// Rejects a request of a connection that has too many waiting.
pub(super) fn throttle(service: &ProvisioningService, request: &Request) {
    reply(service, request, Err(Rejected::throttled()));
}

async fn answer(service: &ProvisioningService, request: &Request) {
    let result = match &request.operation {
        Operation::CreateKeysAndCertificate => create_keys(service, request).await,
        Operation::CreateCertificateFromCsr => create_from_csr(service, request).await,
        Operation::RegisterThing(template) => register_thing(service, request, template).await,
    };
    reply(service, request, result);
}

fn reply(service: &ProvisioningService, request: &Request, result: Result<Value, Rejected>) {
    tell(service, request, result.as_ref().err());
    let (outcome, body) = match result {
        Ok(body) => ("accepted", body),
        Err(rejected) => ("rejected", rejected.body()),
    };
    let reply = Message::new(format!("{}/{outcome}", request.topic), request.format.write(&body));
    // The device may have hung up, or its policies may not let it receive; the broker's gate tells of the latter. Who has its
    // client id by now is somebody else, and gets neither its key nor its token.
    if let Err(error) = service.host.broker.answer(&request.client, reply.with_qos(Qos::AtLeastOnce), true) {
        tracing::debug!(client = %request.client.client_id, topic = %request.topic, %error, "an answer did not arrive");
    }
}

/// What a rejected request is answered with.
#[derive(Debug)]
struct Rejected {
    status: u16,
    code: &'static str,
    /// What the device is told.
    message: String,
    /// What the logs are told where the device is not to know: it may hold secrets of a function.
    details: Option<String>,
}

impl Rejected {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: None }
    }

    /// For the logs.
    fn details(&self) -> &str {
        self.details.as_deref().unwrap_or(&self.message)
    }

    /// AWS's text for what it does not explain to a device.
    fn unexplained(status: u16, code: &'static str, message: &'static str, details: String) -> Self {
        Self { details: Some(details), ..Self::new(status, code, message) }
    }

    fn body(&self) -> Value {
        json!({ "statusCode": self.status, "errorCode": self.code, "errorMessage": self.message })
    }

    fn throttled() -> Self {
        Self::new(429, "Throttling", "Too many requests of this connection wait already: ask again later")
    }

    fn payload(why: String) -> Self {
        Self::new(400, "InvalidPayload", why)
    }

    fn token(why: impl Into<String>) -> Self {
        Self::new(400, "InvalidCertificateOwnershipToken", why)
    }
}

impl From<ApiError> for Rejected {
    fn from(error: ApiError) -> Self {
        tracing::error!(%error, "a provisioning request failed");
        Self::unexplained(500, "InternalError", "Internal error", error.message.into_owned())
    }
}

impl From<NotProvisioned> for Rejected {
    fn from(failure: NotProvisioned) -> Self {
        match failure.code() {
            (status @ 500.., code) => Self::unexplained(status, code, "Internal error", failure.to_string()),
            (status, code) => Self::new(status, code, failure.to_string()),
        }
    }
}

async fn create_keys(service: &ProvisioningService, request: &Request) -> Result<Value, Rejected> {
    payload::read(request.format, &request.payload).map_err(Rejected::payload)?;
    let issued = service.host.issuer.make_keys().await?;
    let mut body = hand_out(service, &issued.certificate).await?;
    if let (Some(body), Some(keys)) = (body.as_object_mut(), issued.keys) {
        body.insert("privateKey".to_owned(), json!(keys.private));
    }
    Ok(body)
}

async fn create_from_csr(service: &ProvisioningService, request: &Request) -> Result<Value, Rejected> {
    let body = payload::read(request.format, &request.payload).map_err(Rejected::payload)?;
    let invalid = |why: String| Rejected::new(400, "InvalidCertificateSigningRequest", why);
    let csr = match body.get("certificateSigningRequest") {
        Some(Value::String(csr)) if !csr.is_empty() => csr.clone(),
        _ => return Err(invalid("`certificateSigningRequest` has to be a signing request in PEM".to_owned())),
    };
    let read = SigningRequest::from_pem(&csr).map_err(|error| invalid(error.message.into_owned()))?;
    match provider::sign(&service.host, &csr, &read, &request.client).await {
        Ok(None) => {}
        Ok(Some(certificate)) => return hand_out(service, &certificate).await,
        Err(why) => {
            let why = format!("the certificate provider signed nothing: {why}");
            return Err(Rejected::unexplained(403, "AccessDenied", "Access denied", why));
        }
    }
    let issued = match service.host.issuer.sign(csr).await {
        Err(error) if error.code == ErrorCode::InternalFailureException => return Err(error.into()),
        Err(error) => return Err(invalid(error.message.into_owned())),
        Ok(issued) => issued,
    };
    hand_out(service, &issued.certificate).await
}

/// Registers a certificate that waits for its provisioning, and gives it out with its token.
async fn hand_out(service: &ProvisioningService, certificate: &Certificate) -> Result<Value, Rejected> {
    let books = &service.host.books;
    let id = certificate.id().clone();
    let made = books.change((&books.identity, &books.provisioning), |(identity, provisioning)| {
        let (now, ids) = (books.now(), books.ids.as_ref());
        let made = identity.apply(|book| book.create_pending_certificate(certificate, now, ids))?;
        Ok((made, provisioning.run(|book| book.issue_token(id, now, ids))))
    });
    let (id, token) = made.await?;
    service.left_behind.by(books.now().plus_millis(drydock_provisioning::book::tokens::LIFETIME));
    Ok(json!({
        "certificateId": id,
        "certificatePem": certificate.pem(),
        "certificateOwnershipToken": token,
    }))
}

/// Provisions by a template, and logs how it went.
async fn register_thing(service: &ProvisioningService, request: &Request, template: &str) -> Result<Value, Rejected> {
    let mut certificate = None;
    let result = by_token(service, request, template, &mut certificate).await;
    let client = &request.client;
    let who = Who { client_id: &client.client_id, principal: &client.principal, remote: None };
    let (status, details) = match &result {
        Ok(reply) => {
            let thing = reply.get("thingName").and_then(Value::as_str).unwrap_or("no thing");
            (Status::Success, format!("provisioned: {thing}"))
        }
        Err(rejected) => (failure(rejected.code, rejected.details()), String::new()),
    };
    service.host.told.logs.provisioned(who, Some(template), certificate.as_ref(), status, &details);
    result
}

/// `found` is set to the certificate that the device's token is for.
async fn by_token(
    service: &ProvisioningService,
    request: &Request,
    template: &str,
    found: &mut Option<CertificateId>,
) -> Result<Value, Rejected> {
    let books = &service.host.books;
    let body = payload::read(request.format, &request.payload).map_err(Rejected::payload)?;
    let token = match body.get("certificateOwnershipToken") {
        Some(Value::String(token)) if !token.is_empty() => token.clone(),
        None | Some(Value::Null | Value::String(_)) => {
            return Err(Rejected::token("Certificate ownership token cannot be empty."));
        }
        Some(_) => return Err(Rejected::token("the certificate ownership token has to be a text")),
    };
    let parameters: BTreeMap<String, String> = match body.get("parameters") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(given) => serde_json::from_value(given.clone()).map_err(|_| {
            Rejected::new(400, "InvalidParameters", "`parameters` has to be an object of names and texts")
        })?,
    };
    let taken = books.apply(&books.provisioning, |book| Ok(Done::reply(book.take_token(&token, books.now()))));
    let certificate = taken.await?.map_err(|refused| match refused {
        Refused::Unknown => Rejected::token(refused.to_string()),
        Refused::InUse => Rejected::new(409, "ConflictingResourceUpdate", refused.to_string()),
    })?;
    *found = Some(certificate.clone());
    let result = with_certificate(service, request, template, &certificate, parameters, &token).await;
    if result.is_err() {
        books.apply(&books.provisioning, |book| Ok(book.give_back(&token))).await?;
    }
    // A token that expired while it was used was left alone.
    service.left_behind.by(books.now());
    result
}

async fn with_certificate(
    service: &ProvisioningService,
    request: &Request,
    template: &str,
    certificate: &CertificateId,
    mut parameters: BTreeMap<String, String>,
    token: &str,
) -> Result<Value, Rejected> {
    let books = &service.host.books;
    let usable = books.provisioning.read(|book| book.usable(template, Dialect::Fleet));
    let usable = usable.map_err(|error| match error.code {
        ErrorCode::ResourceNotFoundException => Rejected::new(404, "ResourceNotFound", error.message),
        _ => Rejected::new(400, "InvalidRequest", error.message),
    })?;
    let found = books.identity.read(|identity| {
        let pem = identity.certificate(certificate.as_str())?.der.pem();
        Some((pem, identity.provisioning_parameters(certificate)?))
    });
    let (pem, supplied) = found.ok_or_else(|| Rejected::token("the certificate of this token was deleted"))?;
    // What AWS IoT supplies is not for the device to say.
    parameters.retain(|name, _| !name.starts_with("AWS::"));
    if let Some(function) = &usable.hook {
        let occasion = hook::Occasion {
            claim_certificate_id: &request.client.principal,
            certificate_id: certificate.as_str(),
            certificate_pem: &pem,
            template_arn: &usable.arn,
            client_id: &request.client.client_id,
            parameters: &parameters,
        };
        match hook::ask(&service.host, function, &occasion).await {
            Ok(overrides) => parameters.extend(overrides),
            Err(why) => {
                tracing::warn!(template, certificate = %certificate, why, "InvokePreProvisioningHook: refused");
                let details = format!("the pre-provisioning hook: {why}");
                return Err(Rejected::unexplained(403, "AccessDenied", "Access denied", details));
            }
        }
    }
    parameters.extend(supplied);
    let plan = usable.template.plan(&parameters).map_err(NotProvisioned::from)?;
    expect_own(&plan, certificate)?;
    // The token is spent with the change that it lets in, and neither without the other.
    let holds = |(.., provisioning): &Parts<'_>| Ok(provisioning.check_token(token)?);
    let spend = |(.., provisioning): &mut Parts<'_>| provisioning.run(|book| book.spend(token));
    let done = provision_between(&service.host, &plan, holds, spend).await?;
    let mut reply = json!({ "deviceConfiguration": plan.device_configuration });
    if let (Some(reply), Some(thing)) = (reply.as_object_mut(), done.thing) {
        reply.insert("thingName".to_owned(), json!(thing));
    }
    Ok(reply)
}

/// A plan has to be about the very certificate that the device holds, whatever its template makes of the parameters.
pub(super) fn expect_own(plan: &Plan, own: &CertificateId) -> Result<(), NotProvisioned> {
    match plan.certificate.as_ref().map(|certificate| &certificate.source) {
        Some(CertificateSource::Id(id)) if id == own => Ok(()),
        _ => Err(NotProvisioned::Conflict(format!(
            "the template is not about the device's own certificate `{own}`: use {{\"Ref\": \"AWS::IoT::Certificate::Id\"}}"
        ))),
    }
}

fn tell(service: &ProvisioningService, request: &Request, rejected: Option<&Rejected>) {
    let client = &request.client;
    if let Some(Rejected { status, code, .. }) = rejected {
        let message = rejected.map(Rejected::details).unwrap_or_default();
        tracing::warn!(client = %client.client_id, topic = %request.topic, status, code, message, "ProvisionDevice: rejected");
    }
    service.host.told.notices.tell(|| {
        let (tone, text) = match rejected {
            None => (Tone::Good, format!("{} accepted", request.topic)),
            Some(rejected) => {
                (Tone::Bad, format!("{} rejected: {} {}", request.topic, rejected.code, rejected.details()))
            }
        };
        let principal = CertificateId::new(&client.principal).ok();
        let principal = principal.as_ref().map_or("", short);
        let subject = client.client_id.to_string();
        let reasons =
            if principal.is_empty() { Vec::new() } else { vec![format!("asked with certificate {principal}")] };
        Notice { at: service.host.books.now(), tone, topic: About::Certificate, subject, text, reasons }
    });
}

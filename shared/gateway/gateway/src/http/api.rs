//! The API endpoint: every AWS service on one port, told apart by the SigV4 scope.

use super::answer::{json_error, unread, with_request_id};
use super::faults::Fate;
use super::lines::{self, Answer};
use super::operations::iot;
use super::service::{self, Service};
use super::{admin, device, execute_api, links, refused, s3, signature};
use crate::gateway::Gateway;
use crate::peer::{Endpoint, TlsPeer};
use bytes::Bytes;
use drydock_gate::credential::Caller;
use drydock_identity::sigv4::{Denied, Stated};
use drydock_services::call::Call;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use std::sync::Arc;

/// Answers one request that the door let in.
pub async fn answer(endpoint: &Endpoint, request: Request<Incoming>) -> Response<Answer> {
    if execute_api::is_for(endpoint, &request) {
        return lines::body(execute_api::answer(endpoint, request).await);
    }
    if endpoint.tls.is_none()
        && let Some((service, link)) = links::follow(&request)
    {
        let gateway = links::holder(&endpoint.gateway, &link);
        return lines::body(serve(&endpoint.of(gateway), service, link, None).await);
    }
    // Read once: what routes the request, what judges it and what is compared with it are the same.
    let stated = signature::read(&request);
    let stated = stated.as_ref();
    let answer = match &endpoint.tls {
        Some(tls) if !device::takes_signature(&endpoint.gateway, &request, stated, tls) => {
            devices(endpoint, request, tls).await
        }
        _ if s3::is_meant(&request, stated) => return s3::handle(&endpoint.gateway, request, stated).await,
        _ => signed(endpoint, request, stated).await,
    };
    lines::body(answer.unwrap_or_else(|refusal| refusal))
}

/// Answers a request of a device, which its certificate or an authorizer proves.
async fn devices(
    endpoint: &Endpoint,
    request: Request<Incoming>,
    tls: &TlsPeer,
) -> Result<Response<Bytes>, Response<Bytes>> {
    let (parts, body) = request.into_parts();
    let bodies = &endpoint.gateway.door.bodies;
    let held = bodies.whole(body, device::MAX_BODY, !tls.chain.is_empty()).await.map_err(|why| unread(&why))?;
    let request = Request::from_parts(parts, held.body.clone());
    Ok(device::handle(&endpoint.gateway, request, tls, endpoint.remote).await)
}

/// What a request is for, and what is known of who sent it before its body is there.
struct Admitted {
    service: Service,
    /// Whether it is for one of the gateway's own paths.
    own: bool,
    /// Whether nothing is left to prove but that the body is the one that was signed.
    proven: bool,
}

/// Answers a request that is signed, or needs not be: whatever can be judged without the body is judged before it is read.
async fn signed(
    endpoint: &Endpoint,
    request: Request<Incoming>,
    stated: Option<&Stated>,
) -> Result<Response<Bytes>, Response<Bytes>> {
    let gateway = &endpoint.gateway;
    let Admitted { service, own, proven } = admit(endpoint, &request, stated)?;
    if own && admin::is_import(&request) {
        let gateway = if proven { scoped(gateway, stated).await? } else { gateway.clone() };
        return admin::account::import(&gateway, request, proven).await;
    }
    let (parts, body) = request.into_parts();
    let held = gateway.door.bodies.whole(body, service.most(), proven).await;
    let held = held.map_err(|why| unread(&why))?;
    let request = Request::from_parts(parts, held.body.clone());
    let signer = signature::of_request(gateway, &request, stated);
    let signer = signer.map_err(|why| denied(endpoint, service, stated, &why))?;
    if own && admin::is_of_all(&request) {
        return Ok(admin::handle(gateway, &request).await);
    }
    let gateway = match scoped(gateway, stated).await {
        Ok(gateway) => gateway,
        Err(refusal) => return Err(in_form_of(gateway, &request, refusal)),
    };
    if own {
        return Ok(admin::handle(&gateway, &request).await);
    }
    Ok(serve(&endpoint.of(gateway), service, request, signer).await)
}

/// The gateway as the account and region see it that a request is signed for.
async fn scoped(gateway: &Gateway, stated: Option<&Stated>) -> Result<Gateway, Response<Bytes>> {
    signature::scoped(gateway, stated).await.map_err(|why| signature::unscoped(&why))
}

fn admit<B>(endpoint: &Endpoint, request: &Request<B>, stated: Option<&Stated>) -> Result<Admitted, Response<Bytes>> {
    let gateway = &endpoint.gateway;
    let scope = stated.and_then(|stated| stated.scope.as_ref());
    let path = request.uri().path();
    // None of them is on the port of devices.
    let own = endpoint.tls.is_none() && (path.starts_with(service::OWN) || admin::front::is_meant(request, scope));
    let iot = Service::Iot(drydock_model::Service::Iot);
    let service = if own {
        iot
    } else {
        service::of(scope, request.headers(), path)
            .map_err(|name| in_form_of(gateway, request, unknown_service(&name)))?
    };
    if own && scope.is_some_and(|scope| service::of(Some(scope), request.headers(), path) != Ok(iot)) {
        let why = Denied::Invalid("Credential should be scoped to correct service: 'iot'.".to_owned());
        return Err(signature::denied(gateway, service, &why));
    }
    let proven = signature::before_body(gateway, request, stated);
    let proven = proven.map_err(|why| denied(endpoint, service, stated, &why))?;
    Ok(Admitted { service, own, proven })
}

/// The refusal of a signature, logged where the service is the data plane.
fn denied(endpoint: &Endpoint, service: Service, stated: Option<&Stated>, why: &Denied) -> Response<Bytes> {
    if service == Service::Iot(drydock_model::Service::IotData) {
        signature::log(&endpoint.gateway, stated, endpoint.remote, why);
    }
    signature::denied(&endpoint.gateway, service, why)
}

/// Hands a request that was let in to its service.
async fn serve(
    endpoint: &Endpoint,
    service: Service,
    request: Request<Bytes>,
    signer: Option<Caller>,
) -> Response<Bytes> {
    let gateway = &endpoint.gateway;
    let fate = gateway.faults.meet(service, &request).await;
    let refusal = || refused::refusal(&gateway.host.cloud, service, fate, &gateway.host.books.ids.uuid().to_string());
    if matches!(fate, Fate::Throttled | Fate::Failed) {
        return with_request_id(gateway, refusal());
    }
    let answer = match service {
        Service::Cloud(service) => gateway.host.cloud.handle(service, request).await,
        Service::Iot(service) => {
            let services = Arc::clone(&gateway.services);
            let call = Call { services, source: endpoint.remote, device: None, signer };
            iot(gateway, call, service, request).await
        }
    };
    if fate == Fate::Lost { with_request_id(gateway, refusal()) } else { answer }
}

/// A refusal in the form that the caller reads: clients of the query protocol, such as those of IAM and CloudFormation, read
/// XML, and those of the JSON protocols, such as that of Kinesis, the error's name in the body.
fn in_form_of<B>(gateway: &Gateway, request: &Request<B>, mut refusal: Response<Bytes>) -> Response<Bytes> {
    let form = request.headers().get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if form.is_some_and(|kind| kind.starts_with("application/x-amz-json")) {
        let code = refusal.headers().get("x-amzn-errortype").and_then(|code| code.to_str().ok()).map(str::to_owned);
        if let (Some(code), Ok(serde_json::Value::Object(mut body))) = (code, serde_json::from_slice(refusal.body())) {
            body.insert("__type".to_owned(), code.into());
            *refusal.body_mut() = serde_json::Value::Object(body).to_string().into();
        }
        return refusal;
    }
    let speaks_query = form.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
        || service::query_value(request.uri().query().unwrap_or_default(), "Action").is_some();
    if !speaks_query {
        return refusal;
    }
    let code = refusal.headers().get("x-amzn-errortype").and_then(|code| code.to_str().ok()).unwrap_or_default();
    let body: serde_json::Value = serde_json::from_slice(refusal.body()).unwrap_or_default();
    let message = body.get("message").and_then(serde_json::Value::as_str).unwrap_or_default();
    let id = gateway.host.books.ids.uuid().to_string();
    let code = code.strip_suffix("Exception").unwrap_or(code);
    let answer = drydock_cloud::stand_ins::query_error(refusal.status().as_u16(), code, message, &id);
    with_request_id(gateway, answer)
}

fn unknown_service(name: &str) -> Response<Bytes> {
    let names: Vec<&str> = service::names().collect();
    json_error(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplementedException",
        &format!("`{name}` is not a service of this gateway; it serves {}", names.join(", ")),
    )
}

//! The gateway's own paths, below `/_drydock/`.
//!
//! | path | method | what |
//! |---|---|---|
//! | `clock` | GET, POST | the gateway's clock, and what waits for its time ([`clock`]) |
//! | `health` | GET | how it is, and where everything is |
//! | `reset` | POST | goes back to the template, with `?to=empty` to nothing; with `?all` every account and region |
//! | `export` | GET | the whole state of the account ([`account`]), with `?all` of every account and region |
//! | `import` | POST | takes such a state in, with `?replace=true` in the place of another; with `?all` those of several |
//! | `explain` | POST | why somebody may do something, or may not ([`Question`]) |
//! | `find` | POST | which things a query of the fleet index finds, and why ([`drydock_services::indexing::find`]) |
//! | `logs?follow=&eventType=&clientId=` | GET | the AWS-style log, a JSON line each |
//! | `metrics` | GET | counts by the names of AWS's metrics, as Prometheus reads them |
//! | `rules?name=` | GET | what a rule makes of each message, a JSON line each |
//! | `refusals?clientId=` | GET | each refusal as it happens, a JSON line each |
//!
//! They are about the account and region that the request is signed for, `clock`, `health` and `refusals` about the gateway as a whole.
//! The paths of [`front`] answer as well, to who looks whether somebody is there.

pub mod account;
pub mod clock;
pub mod front;

use super::answer::{json, json_error};
use super::lines;
use super::service::parameter;
use crate::gateway::Gateway;
use bytes::Bytes;
use drydock_core::{ApiError, CertificateId};
use drydock_host::logs::Line;
use drydock_host::notice::{Notice, Tone, Topic};
use drydock_services::policies::explain::Question;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use std::error::Error as _;
use tokio::sync::broadcast::error::RecvError;

pub(super) const PATHS: &[(&str, Method)] = &[
    ("clock", Method::GET),
    ("clock", Method::POST),
    ("explain", Method::POST),
    ("export", Method::GET),
    ("find", Method::POST),
    ("health", Method::GET),
    ("import", Method::POST),
    ("logs", Method::GET),
    ("metrics", Method::GET),
    ("refusals", Method::GET),
    ("reset", Method::POST),
    ("rules", Method::GET),
];

/// Whether a request is an import, whose body is not read whole: [`account::import`].
pub(super) fn is_import<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path() == "/_drydock/import"
}

/// Whether a request is about the gateway as a whole, whichever account or region it is signed for.
pub(super) fn is_of_all<B>(request: &Request<B>) -> bool {
    let path = request.uri().path();
    front::PATHS.contains(&path) || matches!(path.strip_prefix(super::service::OWN), Some("clock" | "health"))
}

/// Answers a request below `/_drydock/`.
pub async fn handle(gateway: &Gateway, request: &Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path();
    if let Some(answer) = front::answer(gateway, path) {
        return answer;
    }
    let name = path.strip_prefix("/_drydock/").unwrap_or_default();
    let mut methods = PATHS.iter().filter(|(known, _)| *known == name).map(|(_, method)| method.clone());
    let found = methods.clone().find(|method| method == request.method()).or_else(|| methods.next());
    match found.map(|method| (name, method)) {
        None => {
            let mut all: Vec<String> = PATHS.iter().map(|(name, _)| format!("/_drydock/{name}")).collect();
            all.dedup();
            let message = format!("`{path}` is none of this gateway's own paths, which are {}", all.join(", "));
            json_error(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message)
        }
        Some((_, method)) if method != *request.method() => {
            let all: Vec<String> = std::iter::once(method).chain(methods).map(|method| method.to_string()).collect();
            let message = format!("{path} answers to {}", all.join(" and "));
            json_error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowedException", &message)
        }
        Some(("clock", Method::GET)) => clock::show(gateway, parameter(request, "most").as_deref()),
        Some(("clock", _)) => clock::change(gateway, request.body()).await,
        Some(("health", _)) => json(StatusCode::OK, &gateway.health()),
        Some(("reset", _)) => reset(gateway, parameter(request, "to").as_deref(), account::is_of_all(request)).await,
        Some(("export", _)) => account::export(gateway, account::is_of_all(request)),
        Some(("explain", _)) => match explain(gateway, request.body()) {
            Ok(answer) => json(StatusCode::OK, &answer),
            Err(error) => refuse(&error),
        },
        Some(("find", _)) => match find(gateway, request.body()).await {
            Ok(answer) => json(StatusCode::OK, &answer),
            Err(error) => refuse(&error),
        },
        Some(("logs", _)) => logs(gateway, request),
        Some(("metrics", _)) => metrics(gateway),
        Some(("rules", _)) => match executions(gateway, &parameter(request, "name").unwrap_or_default()) {
            Ok(response) => response,
            Err(error) => refuse(&error),
        },
        Some(_) => refusals(gateway, parameter(request, "clientId")),
    }
}

fn refuse(error: &ApiError) -> Response<Bytes> {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json_error(status, error.code.as_str(), &error.message)
}

async fn reset(gateway: &Gateway, to: Option<&str>, all: bool) -> Response<Bytes> {
    let to_template = match to {
        None | Some("template") => true,
        Some("empty") => false,
        Some(other) => {
            let message = format!("`to` is `template` or `empty`, not `{}`", drydock_host::shown::line(other));
            return json_error(StatusCode::BAD_REQUEST, "InvalidRequestException", &message);
        }
    };
    let mut to_a_template = false;
    for each in if all { gateway.scopes.all() } else { vec![gateway.clone()] } {
        let there = if to_template { each.reset_to_template().await } else { each.reset().await.map(|()| false) };
        match there {
            Ok(there) => to_a_template |= there,
            Err(error) => {
                let because = error.source().map(|source| format!(": {source}")).unwrap_or_default();
                let message = format!("reset failed: {error}{because}");
                return json_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException", &message);
            }
        }
    }
    json(StatusCode::OK, &json!({ "status": if to_a_template { "template" } else { "empty" } }))
}

async fn find(gateway: &Gateway, body: &[u8]) -> Result<Value, ApiError> {
    gateway.services.indexing.find(drydock_services::indexing::find::request(body)?).await
}

/// Answers a [`Question`]. A client that is connected is judged by the certificate that it is connected with.
fn explain(gateway: &Gateway, body: &[u8]) -> Result<Value, ApiError> {
    let question: Question = serde_json::from_slice(body).map_err(|error| ApiError::invalid(error.to_string()))?;
    let connected = question.client_id.as_deref().and_then(|id| gateway.host.broker.connection(id));
    let principal = connected.filter(|c| c.connected).and_then(|c| CertificateId::new(&c.identity.principal).ok());
    let principal = principal.map(|id| gateway.host.books.scope.certificate(&id).to_string());
    let explanation = question.answer(&gateway.host.books, principal, gateway.host.broker.limits().topics())?;
    drydock_services::policies::explain::both(&explanation).map_err(|error| ApiError::invalid(error.to_string()))
}

/// Sends refusals for as long as the caller listens.
fn refusals(gateway: &Gateway, client_id: Option<String>) -> Response<Bytes> {
    let (response, lines) = lines::open();
    let mut notices = gateway.host.told.notices.watch();
    gateway.serving.spawn(async move {
        loop {
            let notice = tokio::select! {
                notice = notices.recv() => notice,
                () = lines.closed() => return,
            };
            let line = match notice {
                Ok(notice) if is_refusal(&notice, client_id.as_deref()) => told(&notice),
                Ok(_) => continue,
                Err(RecvError::Lagged(missed)) => json!({ "missed": missed }),
                Err(RecvError::Closed) => return,
            };
            if lines.send(Bytes::from(format!("{line}\n"))).await.is_err() {
                return;
            }
        }
    });
    response
}

/// Sends the entries that are kept, and with `follow` those to come.
fn logs(gateway: &Gateway, request: &Request<Bytes>) -> Response<Bytes> {
    let (event, client_id) = (parameter(request, "eventType"), parameter(request, "clientId"));
    let follow = parameter(request, "follow").is_some_and(|follow| follow == "true");
    let (kept, mut coming) = gateway.host.told.logs.follow();
    let wanted = move |line: &Line| {
        event.as_ref().is_none_or(|event| *event == line.event) && (client_id.is_none() || client_id == line.client_id)
    };
    let (response, lines) = lines::open();
    gateway.serving.spawn(async move {
        for line in kept.iter().filter(|line| wanted(line)) {
            if lines.send(Bytes::from(format!("{}\n", line.text))).await.is_err() {
                return;
            }
        }
        if !follow {
            return;
        }
        loop {
            let line = tokio::select! {
                line = coming.recv() => line,
                () = lines.closed() => return,
            };
            let text = match line {
                Ok(line) if wanted(&line) => format!("{}\n", line.text),
                Ok(_) => continue,
                Err(RecvError::Lagged(missed)) => format!("{}\n", json!({ "missed": missed })),
                Err(RecvError::Closed) => return,
            };
            if lines.send(Bytes::from(text)).await.is_err() {
                return;
            }
        }
    });
    response
}

/// Sends what a rule makes of messages, for as long as the caller listens.
fn executions(gateway: &Gateway, name: &str) -> Result<Response<Bytes>, ApiError> {
    let names = gateway.host.books.rules.read(|rules| {
        let all: Vec<String> = rules.names().map(ToString::to_string).collect();
        if all.iter().any(|known| known == name) { None } else { Some(all) }
    });
    if let Some(names) = names {
        let known = if names.is_empty() {
            "there is none at all".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        };
        return Err(ApiError::not_found(format!("there is no topic rule `{name}`: {known}")));
    }
    let mut watcher = gateway.services.rules.watches.watch(name);
    let (response, lines) = lines::open();
    gateway.serving.spawn(async move {
        loop {
            let execution = tokio::select! {
                execution = watcher.next() => execution,
                () = lines.closed() => return,
            };
            let line = match execution {
                Ok(execution) => execution.line(),
                Err(Some(missed)) => json!({ "missed": missed }).to_string(),
                Err(None) => return,
            };
            if lines.send(Bytes::from(format!("{line}\n"))).await.is_err() {
                return;
            }
        }
    });
    Ok(response)
}

/// Counts, in the text form that Prometheus reads.
fn metrics(gateway: &Gateway) -> Response<Bytes> {
    let broker = &gateway.host.broker;
    let mut text = String::from("# TYPE aws_iot counter\n");
    for (name, count) in broker.metrics() {
        text.push_str(&format!("aws_iot{{metric=\"{name}\",protocol=\"MQTT\"}} {count}\n"));
    }
    for (metric, rule, action, count) in gateway.services.rules.states.counts() {
        let mut labels = format!("metric=\"{metric}\"");
        for (name, value) in [("rule_name", rule.as_deref()), ("action_type", action)] {
            if let Some(value) = value {
                labels.push_str(&format!(",{name}=\"{value}\""));
            }
        }
        text.push_str(&format!("aws_iot{{{labels}}} {count}\n"));
    }
    text.push_str("# TYPE drydock_messages_dropped counter\n");
    for (reason, count) in broker.drops() {
        text.push_str(&format!("drydock_messages_dropped{{reason=\"{}\"}} {count}\n", reason.as_str()));
    }
    let logs = gateway.host.cloud.logs();
    text.push_str("# TYPE drydock_log_events_dropped counter\n");
    for (reason, count) in [("QUEUE_FULL", logs.ingest().lost()), ("NO_ROOM", logs.displaced())] {
        text.push_str(&format!("drydock_log_events_dropped{{reason=\"{reason}\"}} {count}\n"));
    }
    let stats = broker.stats();
    let gauges = [("drydock_connections", stats.connections), ("drydock_subscriptions", stats.subscriptions)];
    for (name, value) in gauges {
        text.push_str(&format!("# TYPE {name} gauge\n{name} {value}\n"));
    }
    let mut response = Response::new(Bytes::from(text));
    let kind = http::HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}

fn is_refusal(notice: &Notice, client_id: Option<&str>) -> bool {
    notice.tone == Tone::Bad
        && matches!(notice.topic, Topic::Connection | Topic::Refusal)
        && client_id.is_none_or(|id| id == notice.subject)
}

fn told(notice: &Notice) -> Value {
    json!({
        "time": notice.at.to_string(), "topic": notice.topic, "subject": notice.subject,
        "text": notice.text, "reasons": notice.reasons,
    })
}

//! What is told of events on `$aws/events/…`: the topic, and the message.
//!
//! - `registry`, `jobs`: what the registry and jobs tell, where the account wants to hear it. `commands`: what commands tell.
//!
//! Follows "Lifecycle events" and "Register a client certificate when the client connects to AWS IoT just-in-time registration
//! (JITR)" of the AWS IoT Core developer guide.

mod commands;
mod jobs;
mod registry;

use drydock_core::event::ClientIdentity;
use drydock_core::{Event, Scope, Timestamp};
use serde_json::{Map, Value, json};

/// The topic that an event is told on, where it is one that clients and rules may see. Client ids with a wildcard in them have
/// none, as AWS tells nothing of them either.
#[must_use]
pub fn topic(event: &Event) -> Option<String> {
    let of = |client: &ClientIdentity, kind: &str| {
        let plain = !client.client_id.contains(['+', '#']);
        plain.then(|| format!("$aws/events/{kind}/{}", client.client_id))
    };
    match event {
        Event::CertificatePending { ca_certificate_id, .. } => {
            Some(format!("$aws/events/certificates/registered/{ca_certificate_id}"))
        }
        Event::ClientConnected { client, .. } => of(client, "presence/connected"),
        Event::ClientDisconnected { client, .. } => of(client, "presence/disconnected"),
        Event::ConnectFailed { client, .. } => of(client, "presence/connect_failed"),
        Event::Subscribed { client, .. } => of(client, "subscriptions/subscribed"),
        Event::Unsubscribed { client, .. } => of(client, "subscriptions/unsubscribed"),
        // Told by `registry`, `jobs` or `commands`, or by nothing.
        _ => None,
    }
}

/// What is told of an event on its [`topic`]; nothing where it has none.
#[must_use]
pub fn payload(scope: &Scope, event: &Event) -> Value {
    let (mut body, more) = match event {
        Event::CertificatePending { certificate_id, ca_certificate_id, registered_at, at } => (
            Map::new(),
            json!({
                "certificateId": certificate_id,
                "caCertificateId": ca_certificate_id,
                "timestamp": at.millis(),
                "certificateStatus": "PENDING_ACTIVATION",
                "awsAccountId": scope.account,
                "certificateRegistrationTimestamp": registered_at.millis().to_string(),
            }),
        ),
        Event::ClientConnected { client, version, at } => {
            (lifecycle(client, "connected", *at), json!({ "versionNumber": version, "ipAddress": client.ip }))
        }
        Event::ClientDisconnected { client, version, reason, at } => {
            let by_client = *reason == drydock_core::event::DisconnectReason::ClientInitiatedDisconnect;
            let more = json!({
                "versionNumber": version,
                "clientInitiatedDisconnect": by_client,
                "disconnectReason": reason.as_str(),
            });
            (lifecycle(client, "disconnected", *at), more)
        }
        Event::ConnectFailed { client, at } => {
            let more = json!({ "connectFailureReason": "AUTHORIZATION_FAILED", "ipAddress": client.ip });
            (lifecycle(client, "connect_failed", *at), more)
        }
        Event::Subscribed { client, topics, at } => (lifecycle(client, "subscribed", *at), json!({ "topics": topics })),
        Event::Unsubscribed { client, topics, at } => {
            (lifecycle(client, "unsubscribed", *at), json!({ "topics": topics }))
        }
        _ => return Value::Null,
    };
    if let Value::Object(more) = more {
        body.extend(more);
    }
    Value::Object(body)
}

/// What all lifecycle events have.
fn lifecycle(client: &ClientIdentity, event_type: &str, at: Timestamp) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("clientId".to_owned(), json!(client.client_id));
    if let Some(thing) = &client.exclusive_thing {
        body.insert("thingName".to_owned(), json!(thing));
    }
    body.insert("timestamp".to_owned(), json!(at.millis()));
    body.insert("eventType".to_owned(), json!(event_type));
    body.insert("sessionIdentifier".to_owned(), json!(client.session_identifier));
    body.insert("principalIdentifier".to_owned(), json!(client.principal));
    body
}

/// What is told of an event, and where; `id` is made for a message that has an id of its own. `None` where there is nothing to tell.
#[must_use]
pub fn message(scope: &Scope, id: &str, event: &Event) -> Option<(String, String)> {
    match topic(event) {
        Some(topic) => Some((topic, payload(scope, event).to_string())),
        None => {
            let told = registry::message(scope, id, event).or_else(|| jobs::message(scope, id, event));
            let told = told.or_else(|| commands::message(scope, event));
            told.map(|(topic, body)| (topic, body.to_string()))
        }
    }
}

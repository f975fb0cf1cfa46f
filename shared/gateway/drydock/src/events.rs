//! From events to the topics that tell of them. Each event of the gateway passes here once; adding a consumer is adding it to
//! [`deliver`].
//!
//! - [`registry`]: what the registry tells, where the account wants to hear it.
//!
//! Follows "Lifecycle events" and "Register a client certificate when the client connects to AWS IoT just-in-time registration
//! (JITR)" of the AWS IoT Core developer guide.

pub mod registry;

use crate::books::Books;
use drydock_broker::{Broker, Message, Origin, Qos};
use drydock_core::event::ClientIdentity;
use drydock_core::{Event, Scope, Timestamp};
use serde_json::{Map, Value, json};

/// The message that an event is published as, where it is one that clients and rules may see.
#[must_use]
pub fn message(scope: &Scope, event: &Event) -> Option<(String, Value)> {
    Some(match event {
        Event::CertificatePending { certificate_id, ca_certificate_id, registered_at, at } => (
            format!("$aws/events/certificates/registered/{ca_certificate_id}"),
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
            let mut body = lifecycle(client, "connected", *at)?;
            body.insert("versionNumber".to_owned(), json!(version));
            body.insert("ipAddress".to_owned(), json!(client.ip));
            (format!("$aws/events/presence/connected/{}", client.client_id), Value::Object(body))
        }
        Event::ClientDisconnected { client, version, reason, at } => {
            let mut body = lifecycle(client, "disconnected", *at)?;
            let by_client = *reason == drydock_core::event::DisconnectReason::ClientInitiatedDisconnect;
            body.insert("versionNumber".to_owned(), json!(version));
            body.insert("clientInitiatedDisconnect".to_owned(), json!(by_client));
            body.insert("disconnectReason".to_owned(), json!(reason.as_str()));
            (format!("$aws/events/presence/disconnected/{}", client.client_id), Value::Object(body))
        }
        Event::ConnectFailed { client, at } => {
            let mut body = lifecycle(client, "connect_failed", *at)?;
            body.insert("connectFailureReason".to_owned(), json!("AUTHORIZATION_FAILED"));
            body.insert("ipAddress".to_owned(), json!(client.ip));
            (format!("$aws/events/presence/connect_failed/{}", client.client_id), Value::Object(body))
        }
        Event::Subscribed { client, topics, at } => {
            let mut body = lifecycle(client, "subscribed", *at)?;
            body.insert("topics".to_owned(), json!(topics));
            (format!("$aws/events/subscriptions/subscribed/{}", client.client_id), Value::Object(body))
        }
        Event::Unsubscribed { client, topics, at } => {
            let mut body = lifecycle(client, "unsubscribed", *at)?;
            body.insert("topics".to_owned(), json!(topics));
            (format!("$aws/events/subscriptions/unsubscribed/{}", client.client_id), Value::Object(body))
        }
        // Told by `registry`, or by nothing.
        _ => return None,
    })
}

/// What all lifecycle events have; none for client ids with a wildcard in them, as AWS sends none either.
fn lifecycle(client: &ClientIdentity, event_type: &str, at: Timestamp) -> Option<Map<String, Value>> {
    if client.client_id.contains(['+', '#']) {
        return None;
    }
    let mut body = Map::new();
    body.insert("clientId".to_owned(), json!(client.client_id));
    if let Some(thing) = &client.exclusive_thing {
        body.insert("thingName".to_owned(), json!(thing));
    }
    body.insert("timestamp".to_owned(), json!(at.millis()));
    body.insert("eventType".to_owned(), json!(event_type));
    body.insert("sessionIdentifier".to_owned(), json!(client.session_identifier));
    body.insert("principalIdentifier".to_owned(), json!(client.principal));
    Some(body)
}

/// Brings one event to its consumers.
pub fn deliver(broker: &Broker, books: &Books, event: &Event) {
    if let Some((topic, body)) = message(&books.scope, event).or_else(|| registry::wanted(books, event)) {
        let told = broker.publish(Message::new(topic, body.to_string()).with_qos(Qos::AtLeastOnce), Origin::Service);
        if let Err(error) = told {
            tracing::warn!(%error, "an event could not be told");
        }
    }
    // What else changes a session's rights it finds out itself: it looks at the authorization generation with each message.
    if let Event::CertificateStatusChanged { certificate_id, active: false }
    | Event::CertificateExpired { certificate_id, .. } = event
    {
        let reason = drydock_core::event::DisconnectReason::AuthError;
        broker.disconnect_where(|client| client.principal == certificate_id.as_str(), reason);
    }
}

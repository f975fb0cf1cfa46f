//! Connections: "DeleteConnection", "GetConnection" and "ListSubscriptions" of the data plane's API reference.

use crate::call::{Call, logged, may};
use drydock_broker::{ConnectionInfo, DisconnectOptions};
use drydock_core::{ApiError, page};
use drydock_logging::EventType;
use drydock_model::Router;
use drydock_model::iot_data::{
    DeleteConnectionRequest, GetConnectionRequest, GetConnectionResponse, ListSubscriptionsRequest,
    ListSubscriptionsResponse, SubscriptionSummary, ops,
};
use drydock_policy::Action;

const DELETE: &str = "DeleteConnection";
const GET: &str = "GetConnection";
const LIST: &str = "ListSubscriptions";
/// Subscriptions of a page, where the caller does not say.
const PAGE: i32 = 20;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::DeleteConnection>(|call: Call, input| async move {
        let result = delete(&call, &input);
        logged(&call, EventType::DeleteConnection, &input.client_id, &result, |entry| entry);
        result
    });
    router.on::<ops::GetConnection>(|call: Call, input| async move {
        let result = get(&call, &input);
        logged(&call, EventType::GetConnection, &input.client_id, &result, |entry| entry);
        result
    });
    router.on::<ops::ListSubscriptions>(|call: Call, input| async move {
        let result = list(&call, &input);
        logged(&call, EventType::ListSubscriptions, &input.client_id, &result, |entry| {
            entry.with_some("maxResults", input.max_results)
        });
        result
    });
}

fn delete(call: &Call, input: &DeleteConnectionRequest) -> Result<(), ApiError> {
    let id = input.client_id.as_str();
    may(call, Action::DeleteConnection, "client", id)?;
    pace(call, DELETE, id, call.host().broker.limits().delete_connections_per_second_per_client)?;
    let options = DisconnectOptions {
        clean_session: input.clean_session.unwrap_or_default(),
        prevent_will: input.prevent_will_message.unwrap_or_default(),
    };
    let ended = call.host().broker.disconnect(id, options);
    ended.map_err(|unknown| ApiError::not_found(unknown.to_string()))
}

fn get(call: &Call, input: &GetConnectionRequest) -> Result<GetConnectionResponse, ApiError> {
    let id = input.client_id.as_str();
    may(call, Action::GetConnection, "client", id)?;
    pace(call, GET, id, call.host().broker.limits().get_connections_per_second_per_client)?;
    let found = call.host().broker.connection(id);
    let found = found.ok_or_else(|| {
        ApiError::not_found(format!("client `{id}` is not connected, and was not in the last 30 minutes"))
    })?;
    Ok(describe(call, found, input.include_socket_information.unwrap_or_default()))
}

fn list(call: &Call, input: &ListSubscriptionsRequest) -> Result<ListSubscriptionsResponse, ApiError> {
    let id = input.client_id.as_str();
    may(call, Action::ListSubscriptions, "client", id)?;
    pace(call, LIST, id, call.host().broker.limits().list_subscriptions_per_second_per_client)?;
    let after = input.next_token.as_deref().map(|token| page::place(LIST, token)).transpose()?;
    let found = call.host().broker.subscriptions(id).map_err(|unknown| ApiError::not_found(unknown.to_string()))?;
    // They are sorted by filter, which is what a token holds.
    let rest = found.into_iter().skip_while(|s| after.as_deref().is_some_and(|after| s.filter.as_str() <= after));
    let limit = usize::try_from(input.max_results.unwrap_or(PAGE)).unwrap_or_default();
    let (found, next) = page::cut(rest, limit, |subscription| subscription.filter.to_string());
    let summary =
        |s: drydock_broker::Subscription| SubscriptionSummary { topic_filter: s.filter.to_string(), qos: s.qos as i32 };
    Ok(ListSubscriptionsResponse {
        subscriptions: Some(found.into_iter().map(summary).collect()),
        next_token: next.map(|place| page::token(LIST, &place)),
    })
}

fn pace(call: &Call, operation: &'static str, client_id: &str, most: u64) -> Result<(), ApiError> {
    call.services.paces.take(operation, client_id, most, call.books().now())
}

/// A connection as the API describes it. The socket is told where it was asked for; there are no VPC endpoints here.
fn describe(call: &Call, found: ConnectionInfo, with_socket: bool) -> GetConnectionResponse {
    let identity = &found.identity;
    let thing = identity.exclusive_thing.clone().or_else(|| {
        let registry = &call.books().registry;
        registry.read(|registry| Some(registry.attribute(&identity.principal, &identity.client_id)?.thing))
    });
    let (remote, local) = (found.peer.remote, found.peer.local);
    GetConnectionResponse {
        client_id: Some(identity.client_id.to_string()),
        connected: Some(found.connected),
        thing_name: thing.map(|thing| thing.to_string()),
        clean_session: Some(found.clean_session),
        keep_alive_duration: Some(i32::from(found.keep_alive)),
        session_expiry: i64::try_from(found.session_expiry).ok(),
        connected_since: found.connected.then(|| found.connected_since.millis()),
        disconnected_since: found.disconnected.map(|(at, _)| at.millis()),
        disconnect_reason: found.disconnected.map(|(_, reason)| reason.as_str().to_owned()),
        source_ip: with_socket.then(|| remote.ip().to_canonical().to_string()),
        source_port: with_socket.then(|| i32::from(remote.port())),
        target_ip: with_socket.then(|| local.ip().to_canonical().to_string()),
        target_port: with_socket.then(|| i32::from(local.port())),
        vpc_endpoint_id: None,
    }
}

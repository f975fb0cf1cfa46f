//! The indexing configuration, the indexes, and the connectivity of one thing.

use super::service::Indexed;
use crate::call::Call;
use drydock_core::{ApiError, ErrorCode, ThingName, Timestamp, page};
use drydock_indexing::config::no_index;
use drydock_indexing::{GROUPS, THINGS};
use drydock_model::Router;
use drydock_model::iot::{
    DescribeIndexResponse, DisconnectReasonValue, GetThingConnectivityDataRequest, GetThingConnectivityDataResponse,
    ListIndicesRequest, ListIndicesResponse, ops,
};

/// How many things are indexed before an update of the configuration is answered.
const AT_UPDATE: usize = 1000;
/// Indexes of a page, where the caller does not say.
const PAGE: i32 = 100;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::GetIndexingConfiguration>(|call: Call, _| async move {
        Ok(call.books().indexing.read(drydock_indexing::Indexing::get))
    });
    router.on::<ops::UpdateIndexingConfiguration>(|call: Call, input| async move {
        let (books, service) = (call.books(), &call.services.indexing);
        let change = books.change((&books.registry, &books.indexing), |(registry, indexing)| {
            let in_use = Indexed::in_use(&registry.dynamic_groups());
            indexing.apply(|book| book.update(input, &in_use))
        });
        let reply = change.await?;
        service.look_again();
        // A small fleet is indexed before the answer; a larger one behind it, and DescribeIndex says when.
        if let Err(error) = service.indexed.bring(Some(AT_UPDATE)).await {
            tracing::warn!(%error, "the fleet index could not be brought up to date");
        }
        Ok(reply)
    });
    router.on::<ops::DescribeIndex>(|call: Call, input| async move {
        describe(&call.services.indexing.indexed, &input.index_name)
    });
    router.on::<ops::ListIndices>(|call: Call, input| async move { list(&call.services.indexing.indexed, &input) });
    router.on::<ops::GetThingConnectivityData>(|call: Call, input| async move {
        connectivity(&call.services.indexing.indexed, &input)
    });
}

fn describe(indexed: &Indexed, name: &str) -> Result<DescribeIndexResponse, ApiError> {
    let (things, groups) = indexed.configs();
    let schema = match name {
        THINGS => things.schema(),
        GROUPS => groups.schema(),
        _ => None,
    };
    let status = indexed.state.read().of(name).and_then(|kept| kept.status);
    match schema.zip(status) {
        Some((schema, status)) => Ok(DescribeIndexResponse {
            index_name: Some(name.to_owned()),
            index_status: Some(status),
            schema: Some(schema.to_owned()),
        }),
        None => Err(no_index(name)),
    }
}

fn list(indexed: &Indexed, request: &ListIndicesRequest) -> Result<ListIndicesResponse, ApiError> {
    let operation = "ListIndices";
    let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
    let (things, groups) = indexed.configs();
    let all = [(GROUPS, groups.is_on()), (THINGS, things.is_on())];
    let names = all.into_iter().filter(|(name, is_on)| *is_on && after.as_deref().is_none_or(|after| *name > after));
    let most = usize::try_from(request.max_results.unwrap_or(PAGE)).unwrap_or_default();
    let (page, next) = page::cut(names.map(|(name, _)| name.to_owned()), most, String::clone);
    Ok(ListIndicesResponse { index_names: Some(page), next_token: next.map(|place| page::token(operation, &place)) })
}

/// "GetThingConnectivityData".
fn connectivity(
    indexed: &Indexed,
    request: &GetThingConnectivityDataRequest,
) -> Result<GetThingConnectivityDataResponse, ApiError> {
    let (config, _) = indexed.configs();
    if !config.has_connectivity() {
        return Err(ApiError::new(
            ErrorCode::IndexNotReadyException,
            "Connectivity is not indexed: set thingConnectivityIndexingMode to STATUS by UpdateIndexingConfiguration",
        ));
    }
    let wants_socket = request.include_socket_information == Some(true);
    if wants_socket && !config.has_socket_information() {
        return Err(ApiError::invalid(
            "socket information is not indexed: put GET_THING_CONNECTIVITY_DATA into filter.connectivity.includeSocketInformation of \
             the indexing configuration",
        ));
    }
    let name = ThingName::new(&request.thing_name)?;
    if indexed.host.books.registry.read(|registry| registry.thing_id(name.as_str()).is_none()) {
        return Err(ApiError::not_found(format!("there is no thing `{name}`")));
    }
    let found = indexed.outside.connections.of(&indexed.outside.broker, &name);
    let last = found.last;
    let about =
        last.as_ref().and_then(|last| indexed.outside.broker.connection(&last.client_id)).filter(|_| wants_socket);
    let reason = last.as_ref().and_then(|last| last.reason);
    let of_reason = |reason: &str| reason.parse().unwrap_or(DisconnectReasonValue::Unknown);
    Ok(GetThingConnectivityDataResponse {
        thing_name: Some(name.to_string()),
        connected: Some(found.connected),
        timestamp: last.as_ref().map(|last| Timestamp(last.timestamp)),
        disconnect_reason: Some(reason.map_or(DisconnectReasonValue::None, of_reason)),
        client_id: last.as_ref().map(|last| last.client_id.to_string()),
        keep_alive_duration: last.as_ref().map(|last| i32::from(last.keep_alive)),
        clean_session: last.as_ref().map(|last| last.clean_session),
        session_expiry: last.as_ref().and_then(|last| i64::try_from(last.session_expiry).ok()),
        source_ip: about.as_ref().map(|about| about.peer.remote.ip().to_canonical().to_string()),
        source_port: about.as_ref().map(|about| i32::from(about.peer.remote.port())),
        target_ip: about.as_ref().map(|about| about.peer.local.ip().to_canonical().to_string()),
        target_port: about.as_ref().map(|about| i32::from(about.peer.local.port())),
        vpc_endpoint_id: None,
    })
}

//! Shadows over HTTP: "Device Shadow REST API".

use super::mqtt;
use crate::call::{Call, logged, may};
use bytes::Bytes;
use drydock_core::ApiError;
use drydock_logging::EventType;
use drydock_model::Router;
use drydock_model::iot_data::{
    DeleteThingShadowResponse, GetThingShadowResponse, ListNamedShadowsForThingResponse, UpdateThingShadowResponse, ops,
};
use drydock_policy::Action;
use drydock_shadow::Address;
use serde_json::Value;

pub(crate) fn register(router: &mut Router<Call>) {
    router.on::<ops::GetThingShadow>(|call: Call, input| async move {
        let address = address(&call, Action::GetThingShadow, &input.thing_name, input.shadow_name.as_deref())?;
        let result = mqtt::get(call.host(), &address);
        log(&call, EventType::GetThingShadow, &address, &result);
        result.map(|document| GetThingShadowResponse { payload: Some(body(&document)) })
    });
    router.on::<ops::UpdateThingShadow>(|call: Call, input| async move {
        let address = address(&call, Action::UpdateThingShadow, &input.thing_name, input.shadow_name.as_deref())?;
        let result = mqtt::update(call.host(), &address, &input.payload).await;
        log(&call, EventType::UpdateThingShadow, &address, &result);
        result.map(|document| UpdateThingShadowResponse { payload: Some(body(&document)) })
    });
    router.on::<ops::DeleteThingShadow>(|call: Call, input| async move {
        let address = address(&call, Action::DeleteThingShadow, &input.thing_name, input.shadow_name.as_deref())?;
        let result = mqtt::delete(call.host(), &address).await;
        log(&call, EventType::DeleteThingShadow, &address, &result);
        result.map(|document| DeleteThingShadowResponse { payload: body(&document) })
    });
    router.on::<ops::ListNamedShadowsForThing>(|call: Call, input| async move {
        may(&call, Action::ListNamedShadowsForThing, "thing", &input.thing_name)?;
        let (books, token) = (call.books(), input.next_token.as_deref());
        let (results, next_token) =
            books.shadows.read(|book| book.list_named(&input.thing_name, input.page_size, token))?;
        let timestamp = Some(books.now().seconds());
        Ok(ListNamedShadowsForThingResponse { results: Some(results), next_token, timestamp })
    });
}

/// The shadow that is asked for, where the caller may do this to it. A policy names a classic shadow by its thing, a named one by
/// both names.
fn address(call: &Call, action: Action, thing: &str, name: Option<&str>) -> Result<Address, ApiError> {
    let address = Address::new(thing, name)?;
    match &address.name {
        Some(name) => may(call, action, "shadow", &format!("{}/{name}", address.thing))?,
        None => may(call, action, "thing", &address.thing)?,
    }
    Ok(address)
}

fn body(document: &Value) -> Bytes {
    document.to_string().into()
}

fn log(call: &Call, event: EventType, address: &Address, result: &Result<Value, ApiError>) {
    logged(call, event, "", result, |entry| entry.with("deviceShadowName", address.called()));
}

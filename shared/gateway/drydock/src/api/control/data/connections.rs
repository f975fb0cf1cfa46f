//! Connections: "DeleteConnection" of the data plane's API reference. For signed callers only.

use super::{Call, unauthorized};
use drydock_broker::DisconnectOptions;
use drydock_core::ApiError;
use drydock_model::Router;
use drydock_model::iot_data::ops;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::DeleteConnection>(|call: Call, input| async move {
        if call.device.is_some() {
            return Err(unauthorized("end connections with a certificate: sign the request"));
        }
        let options = DisconnectOptions {
            clean_session: input.clean_session.unwrap_or_default(),
            prevent_will: input.prevent_will_message.unwrap_or_default(),
        };
        let ended = call.gateway.broker().disconnect(&input.client_id, options);
        ended.map_err(|unknown| ApiError::not_found(unknown.to_string()))
    });
}

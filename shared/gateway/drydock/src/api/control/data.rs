//! The data plane.

use super::Call;
use drydock_model::Router;
use drydock_model::iot_data::ops;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::Publish>(|call: Call, input| async move {
        crate::publish::publish(&call.gateway, input, |topic, retain| match &call.device {
            Some(device) => device.publish(topic, retain),
            // A signed caller is whoever runs on this machine: IAM is not played, any access key may do everything.
            None => true,
        })
        .await
    });
}

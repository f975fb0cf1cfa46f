//! "Publish" of the data plane.

use crate::call::{Call, logged};
use crate::connections::publish::publish;
use drydock_broker::Caller;
use drydock_logging::EventType;
use drydock_model::Router;
use drydock_model::iot_data::ops;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::Publish>(|call: Call, input| async move {
        let (topic, retain) = (input.topic.clone(), input.retain.unwrap_or_default());
        let principal = match (&call.device, &call.signer) {
            (Some(device), _) => Some(device.principal().into()),
            (None, signer) => signer.as_ref().map(|signer| signer.principal.clone()),
        };
        let caller = principal.map(|principal| Caller { principal, ip: call.source.ip() });
        let may = |topic: &str, retain: bool| match &call.device {
            Some(device) => device.publish(topic, retain),
            // A signed caller is whoever runs on this machine: IAM is not played, any access key may do everything.
            None => true,
        };
        let result = publish(call.host(), input, caller.as_ref(), may).await;
        logged(&call, EventType::PublishIn, "", &result, |entry| {
            entry.with("topicName", topic).with_some("retain", retain.then_some("True"))
        });
        result
    });
}

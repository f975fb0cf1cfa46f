//! Operations of AWS IoT as targets of schedules: they are carried out as requests over HTTP are.

use crate::gateway::Shared;
use crate::http::operations::routed;
use async_trait::async_trait;
use bytes::Bytes;
use drydock_cloud::IotApi;
use drydock_model::Service;
use drydock_services::call::Call;
use drydock_services::services::Services;
use http::{Request, Response, StatusCode};
use std::sync::Weak;

/// The operations of one account and region. What has the schedules holds it, so that it holds nothing.
pub(crate) struct Targets {
    pub(crate) services: Weak<Services>,
    pub(crate) shared: Weak<Shared>,
}

#[async_trait]
impl IotApi for Targets {
    async fn call(&self, service: &'static str, request: Request<Bytes>) -> Response<Bytes> {
        let (Some(services), Some(shared)) = (self.services.upgrade(), self.shared.upgrade()) else {
            let mut closing = Response::new(Bytes::from_static(b"the gateway is shutting down"));
            *closing.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return closing;
        };
        let service = match service {
            "iotdata" => Service::IotData,
            "iot-jobs-data" => Service::IotJobsData,
            _ => Service::Iot,
        };
        let call = Call { services, source: shared.addresses.api, device: None, signer: None };
        routed(&shared.router, call, service, request).await
    }
}

//! Where things are.

use crate::call::Call;
use drydock_core::ApiError;
use drydock_model::Router;
use drydock_model::iot::{DescribeEndpointResponse, ops};

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::DescribeEndpoint>(|call: Call, input| async move {
        // The address is this machine's own, unless somebody has made AWS's names point here.
        let endpoints = &call.host().endpoints;
        let address = match input.endpoint_type.as_deref() {
            // One port serves all of them: it tells them apart by the path.
            None | Some("iot:Data" | "iot:Data-ATS" | "iot:Data-Beta") => endpoints.tls.clone(),
            Some("iot:CredentialProvider") => endpoints.credentials.clone(),
            // AWS's own words.
            Some("iot:Jobs") => {
                return Err(ApiError::invalid(
                    "IoT Jobs and Commands APIs are now available through iot:Data-ATS endpoints instead of iot:Jobs endpoints. Please use iot:Data-ATS.",
                ));
            }
            Some(known @ "iot:DeviceAdvisor") => {
                return Err(ApiError::not_implemented(&format!("DescribeEndpoint of endpoint type {known}")));
            }
            Some(other) => {
                return Err(ApiError::invalid(format!(
                    "`{other}` is not an endpoint type: there are iot:Data, iot:Data-ATS and iot:CredentialProvider"
                )));
            }
        };
        Ok(DescribeEndpointResponse { endpoint_address: Some(address) })
    });
}

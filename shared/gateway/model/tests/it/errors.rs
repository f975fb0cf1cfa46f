//! The codes and statuses of `drydock-core` against the service models.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use drydock_core::{ErrorCode, Service};
use serde_json::Value;
use std::collections::BTreeSet;

fn model(service: Service) -> Value {
    let text = match service {
        Service::Iot => include_str!("../../service/iot.json"),
        Service::IotData => include_str!("../../service/iot-data.json"),
        Service::IotJobsData => include_str!("../../service/iot-jobs-data.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// The errors of a service's model with their statuses.
fn errors(service: Service) -> Vec<(String, u64)> {
    model(service)["shapes"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, shape)| shape["exception"] == true)
        .map(|(name, shape)| (name.clone(), shape["error"]["httpStatusCode"].as_u64().expect("an error has a status")))
        .collect()
}

#[test]
fn every_error_has_the_status_of_its_service() {
    for service in Service::ALL {
        let errors = errors(service);
        assert!(errors.len() > 10, "{service}: {} errors", errors.len());
        for (name, status) in errors {
            let code = ErrorCode::from_name(&name).unwrap_or_else(|| panic!("{service}: `{name}` is not an ErrorCode"));
            assert_eq!(u64::from(code.status_in(service)), status, "{service}: {name}");
        }
    }
}

#[test]
fn the_signing_names_are_the_models() {
    for service in Service::ALL {
        assert_eq!(model(service)["metadata"]["signingName"], service.signing_name());
        assert_eq!(Service::from_signing_name(service.signing_name()), Some(service));
    }
}

#[test]
fn every_declared_error_is_in_the_model() {
    for service in Service::ALL {
        let known: BTreeSet<String> = errors(service).into_iter().map(|(name, _)| name).collect();
        for operation in drydock_model::operations().iter().filter(|operation| operation.service == service) {
            for code in operation.errors {
                assert!(known.contains(code.as_str()), "{}: {}", operation.name, code.as_str());
            }
        }
    }
}

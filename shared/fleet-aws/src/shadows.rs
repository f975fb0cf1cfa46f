//! Device shadows, through AWS IoT's data plane.

use crate::failure::failed;
use aws_config::SdkConfig;
use aws_sdk_iotdataplane::Client;
use aws_sdk_iotdataplane::operation::update_thing_shadow::UpdateThingShadowError;
use aws_sdk_iotdataplane::primitives::Blob;
use fleet::homes::state::{Desired, Shadow};
use fleet::ports::{ErrorKind, GetShadow, PortError, PortResult, UpdateShadow, Written};
use serde_json::{Value, json};

/// The shadows of the account and region that the configuration names.
#[derive(Debug, Clone)]
pub struct Shadows(Client);

impl Shadows {
    /// A client.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

impl GetShadow for Shadows {
    async fn get_shadow(&self, thing_name: &str) -> PortResult<Option<Shadow>> {
        const OPERATION: &str = "GetThingShadow";
        let payload = match self.0.get_thing_shadow().thing_name(thing_name).send().await {
            Ok(answer) => answer.payload.unwrap_or_else(|| Blob::new("")),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                return Ok(None);
            }
            Err(error) => return Err(failed(OPERATION, &error)),
        };
        let document = serde_json::from_slice::<Value>(payload.as_ref());
        let shadow = document.ok().as_ref().and_then(Shadow::read);
        shadow.map(Some).ok_or_else(|| PortError::new(OPERATION, "the answer is not a shadow's document"))
    }
}

impl UpdateShadow for Shadows {
    async fn update_shadow(&self, thing_name: &str, desired: &Desired, version: Option<i64>) -> PortResult<Written> {
        let mut document = json!({ "state": { "desired": desired.members() } });
        if let (Some(version), Some(document)) = (version, document.as_object_mut()) {
            document.insert("version".to_owned(), version.into());
        }
        let request = self.0.update_thing_shadow().thing_name(thing_name).payload(Blob::new(document.to_string()));
        let Err(error) = request.send().await else { return Ok(Written::Done) };
        match error.as_service_error() {
            // Without a version it is another update of the same moment: it can be tried again.
            Some(UpdateThingShadowError::ConflictException(_)) if version.is_some() => Ok(Written::OtherVersion),
            Some(UpdateThingShadowError::ConflictException(_)) => {
                Err(failed("UpdateThingShadow", &error).of_kind(ErrorKind::Throttled))
            }
            Some(UpdateThingShadowError::RequestEntityTooLargeException(_)) => Ok(Written::TooLarge),
            Some(UpdateThingShadowError::InvalidRequestException(refused)) => {
                Ok(Written::Refused(refused.message().unwrap_or("AWS IoT does not take it").to_owned()))
            }
            _ => Err(failed("UpdateThingShadow", &error)),
        }
    }
}

//! `location`: updates a device's position in a tracker of Amazon Location Service ("Location" rule action).

use super::epoch::Epoch;
use super::outgoing::encoded;
use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use drydock_core::{ApiError, Timestamp};
use drydock_model::iot::LocationAction;
use serde_json::json;

#[derive(Debug)]
struct Location {
    tracker: Template,
    device: Template,
    latitude: Template,
    longitude: Template,
    timestamp: Option<Epoch>,
}

pub(super) fn compile(action: &LocationAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    Ok(Box::new(Location {
        tracker: compiler.filled("trackerName", &action.tracker_name)?,
        device: compiler.filled("deviceId", &action.device_id)?,
        latitude: compiler.checked("latitude", &action.latitude, |text| degrees(text, 90.0).map(|_| ()))?,
        longitude: compiler.checked("longitude", &action.longitude, |text| degrees(text, 180.0).map(|_| ()))?,
        timestamp: match &action.timestamp {
            Some(timestamp) => Some(Epoch::compile(&timestamp.value, timestamp.unit.as_deref(), compiler)?),
            None => None,
        },
    }))
}

fn degrees(text: &str, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.abs() <= most => Ok(value),
        _ => Err(format!("`{text}` is not a number from -{most} to {most}")),
    }
}

impl Act for Location {
    fn kind(&self) -> &'static str {
        "LocationAction"
    }

    fn resource(&self) -> &Template {
        &self.tracker
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let latitude = degrees(&render.fill(&self.latitude)?, 90.0).map_err(Problem::Failed)?;
        let longitude = degrees(&render.fill(&self.longitude)?, 180.0).map_err(Problem::Failed)?;
        let at = match &self.timestamp {
            Some(timestamp) => Timestamp(timestamp.millis(render)?),
            None => render.now(),
        };
        let update = json!({
            "DeviceId": render.fill(&self.device)?,
            "Position": [longitude, latitude],
            "SampleTime": at.to_string(),
        });
        let path = format!("/tracking/v0/trackers/{}/positions", encoded(resource));
        let call = AwsCall::rest_json("geo", render.account.region.clone(), path, &json!({ "Updates": [update] }));
        Ok(vec![Outgoing::Aws(call.refusing("Errors"))])
    }
}

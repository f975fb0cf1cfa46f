//! The pre-provisioning hook: a function that says whether a device may be provisioned, and with which parameters.
//!
//! Follows "Pre-provisioning hooks". Whatever is not a clear yes within five seconds is a no.

use drydock_cloud::lambda::LambdaError;
use drydock_core::Arn;
use drydock_host::Host;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long AWS waits for the function.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the function is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Occasion<'a> {
    pub(super) claim_certificate_id: &'a str,
    pub(super) certificate_id: &'a str,
    pub(super) certificate_pem: &'a str,
    pub(super) template_arn: &'a str,
    pub(super) client_id: &'a str,
    pub(super) parameters: &'a BTreeMap<String, String>,
}

/// What the function answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    allow_provisioning: bool,
    #[serde(default)]
    parameter_overrides: Option<BTreeMap<String, String>>,
}

/// Asks the function, and gives the parameters that it sets.
///
/// # Errors
/// Why the device is not to be provisioned.
pub(super) async fn ask(
    host: &Host,
    function: &str,
    occasion: &Occasion<'_>,
) -> Result<BTreeMap<String, String>, String> {
    let template = Arn::parse(occasion.template_arn).ok_or("the template has no ARN")?;
    let event = serde_json::to_vec(occasion).map_err(|error| error.to_string())?;
    let lambda = host.cloud.lambda();
    let invoked = lambda.invoke_from_sync("iot.amazonaws.com", &template, function, event.into());
    let answer = match tokio::time::timeout(PATIENCE, invoked).await {
        Err(_) => return Err(format!("`{function}` took more than {} s", PATIENCE.as_secs())),
        Ok(Err(error @ LambdaError::AccessDenied { .. })) => {
            return Err(format!("{error}: add a permission for iot.amazonaws.com to the function"));
        }
        Ok(Err(error)) => return Err(error.to_string()),
        Ok(Ok(answer)) => answer,
    };
    if answer.function_error.is_some() {
        return Err(format!("`{function}` failed: {}", String::from_utf8_lossy(&answer.payload)));
    }
    let answer: Answer = serde_json::from_slice(&answer.payload)
        .map_err(|error| format!("`{function}` did not answer as a hook does: {error}"))?;
    if !answer.allow_provisioning {
        return Err(format!("`{function}` does not allow it"));
    }
    Ok(answer.parameter_overrides.unwrap_or_default())
}

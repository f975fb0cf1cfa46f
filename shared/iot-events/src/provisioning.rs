//! The pre-provisioning hook of fleet provisioning: what AWS IoT asks, and what the function answers.

use crate::lenient;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A device asks to be provisioned ("Pre-provisioning hooks", payload version 2020-04-01).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreProvisioning {
    /// The certificate that the device connected with: a claim, which a whole batch of devices may share.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub claim_certificate_id: String,
    /// The certificate that is to be the device's own.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub certificate_id: String,
    /// The same in PEM form.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub certificate_pem: String,
    /// The provisioning template.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub template_arn: String,
    /// The MQTT client id of the device.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub client_id: String,
    /// What the device says of itself. Nothing of it is proven.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub parameters: BTreeMap<String, String>,
}

/// What the function answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreProvisioningAnswer {
    /// Whether the device may be provisioned.
    pub allow_provisioning: bool,
    /// Parameters that are set for the template, over those that the device gave.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameter_overrides: BTreeMap<String, String>,
}

//! What is kept of profiles and jobs.

use drydock_core::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The signing parameter that says where devices have the certificate, as the console of FreeRTOS sets it.
pub(super) const CERTNAME: &str = "certname";

/// A signing profile; its key is its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProfileRow {
    pub(super) version: String,
    pub(super) platform: String,
    pub(super) certificate_arn: String,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created: Timestamp,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) canceled: bool,
}

impl ProfileRow {
    pub(super) fn status(&self) -> &'static str {
        if self.canceled { "Canceled" } else { "Active" }
    }
}

/// What a job is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The bucket of the payload.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its version; `null` where its bucket keeps none.
    pub version: String,
    /// Where the signed object goes.
    pub to_bucket: String,
    /// How its key begins; the job's id follows.
    pub to_prefix: String,
    /// The profile that it is signed with.
    pub profile: String,
    /// Of jobs with the same token there is one.
    pub token: String,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The bucket of the payload.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its version, where its bucket keeps any.
    pub version: Option<String>,
    /// The signature of the payload in DER, in base64.
    pub signature: String,
    /// Where devices have the certificate, as the profile says it (`certname`).
    pub certificate_path: Option<String>,
}

/// A signing job; its key is its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobRow {
    pub(super) asked: Asked,
    pub(super) profile_version: String,
    pub(super) platform: String,
    pub(super) certificate_arn: String,
    pub(super) created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) completed: Option<Timestamp>,
    pub(super) status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<String>,
    /// Where devices have the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) certificate_path: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    InProgress,
    Failed,
    Succeeded,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Succeeded => "Succeeded",
        }
    }
}

impl JobRow {
    pub(super) fn signed_key(&self, id: &str) -> String {
        format!("{}{id}", self.asked.to_prefix)
    }
}

//! The checks, a file each: what it looks at, how bad what it finds is, why, what is recommended, and how it judges. [`ALL`] has a line
//! for each.
//!
//! A check judges one resource at a time, on facts that it is given. What it may say of one is a [`Verdict`].

pub mod authenticated_cognito_role;
pub mod ca_certificate_expiring;
pub mod ca_certificate_key_quality;
pub mod conflicting_client_ids;
pub mod device_certificate_age;
pub mod device_certificate_expiring;
pub mod device_certificate_key_quality;
pub mod device_certificate_shared;
pub mod intermediate_ca_revoked;
pub mod logging_disabled;
pub mod policy_misconfigured;
pub mod policy_permissive;
pub mod revoked_ca_certificate;
pub mod revoked_device_certificate;
pub mod role_alias_permissive;
pub mod role_alias_unused_services;
pub mod unauthenticated_cognito_role;

use crate::breadth::Grant;
use crate::statement::Document;
use drydock_model::iot::{
    AuditFindingSeverity, MitigationActionType, NonCompliantResource, RelatedResource, ResourceType,
};
use std::borrow::Cow;

/// A check.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// As the API calls it.
    pub name: &'static str,
    /// How bad what it finds is.
    pub severity: AuditFindingSeverity,
    /// What its findings are about.
    pub resource: ResourceType,
    /// What it looks at.
    pub looks_at: &'static str,
    /// The codes of its reasons.
    pub reasons: &'static [&'static str],
    /// What AWS recommends to do, in the order in which to do it.
    pub steps: &'static [&'static str],
    /// The page of the developer guide, without the folder and the ending.
    pub page: &'static str,
    /// What of mitigation may be applied to its findings, besides telling a topic.
    pub mitigation: &'static [MitigationActionType],
}

impl Check {
    /// Where AWS describes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://docs.aws.amazon.com/iot-device-defender/latest/devguide/{}.html", self.page)
    }

    /// Whether an action may be applied to its findings ("Mitigation actions", the table).
    #[must_use]
    pub fn takes(&self, action: MitigationActionType) -> bool {
        action == MitigationActionType::PublishFindingToSns || self.mitigation.contains(&action)
    }
}

/// Every check, by name.
pub const ALL: &[&Check] = &[
    &authenticated_cognito_role::CHECK,
    &ca_certificate_expiring::CHECK,
    &ca_certificate_key_quality::CHECK,
    &conflicting_client_ids::CHECK,
    &device_certificate_age::CHECK,
    &device_certificate_expiring::CHECK,
    &device_certificate_key_quality::CHECK,
    &device_certificate_shared::CHECK,
    &intermediate_ca_revoked::CHECK,
    &policy_permissive::CHECK,
    &policy_misconfigured::CHECK,
    &role_alias_unused_services::CHECK,
    &role_alias_permissive::CHECK,
    &logging_disabled::CHECK,
    &revoked_ca_certificate::CHECK,
    &revoked_device_certificate::CHECK,
    &unauthenticated_cognito_role::CHECK,
];

/// The check of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Check> {
    ALL.iter().copied().find(|check| check.name == name)
}

/// Why something does not comply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The code, one of its check's.
    pub code: &'static str,
    /// The reason in words.
    pub why: Cow<'static, str>,
    /// What of a policy leads to it; nothing where it is not one.
    pub grants: Vec<Grant>,
}

impl Verdict {
    pub(crate) fn new(code: &'static str, why: impl Into<Cow<'static, str>>) -> Self {
        Self { code, why: why.into(), grants: Vec::new() }
    }

    /// A verdict on a policy, where there is a grant that leads to it. What is granted is named behind `why`.
    pub(crate) fn of(code: &'static str, why: &str, grants: Vec<Grant>) -> Option<Self> {
        if grants.is_empty() {
            return None;
        }
        // A policy may grant hundreds of operations: the first ones say enough.
        const MOST: usize = 20;
        let mut names: Vec<&str> = grants.iter().map(|grant| grant.action.as_str()).take(MOST).collect();
        let more = format!("and {} more", grants.len().saturating_sub(MOST));
        if grants.len() > MOST {
            names.push(&more);
        }
        let why = format!("{why}: [{}].", names.join(", "));
        Some(Self { code, why: why.into(), grants })
    }
}

/// What is granted by documents, each told by which.
pub(crate) fn of_all(documents: &[Document], find: impl Fn(&Document) -> Vec<Grant>) -> Vec<Grant> {
    let each = documents.iter().enumerate().flat_map(|(document, of)| {
        let grants = find(of).into_iter();
        grants.map(move |grant| Grant { document, ..grant })
    });
    each.collect()
}

/// What a check has found of the account: a resource that does not comply.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Why it does not.
    pub verdict: Verdict,
    /// The resource.
    pub resource: NonCompliantResource,
    /// What else has to do with it.
    pub related: Vec<RelatedResource>,
}

/// What may be done about certificates of devices.
pub(crate) const DEVICE_CERTIFICATE: &[MitigationActionType] =
    &[MitigationActionType::UpdateDeviceCertificate, MitigationActionType::AddThingsToThingGroup];
/// What may be done about CA certificates.
pub(crate) const CA_CERTIFICATE: &[MitigationActionType] = &[MitigationActionType::UpdateCaCertificate];
/// What may be done about policies.
pub(crate) const POLICY: &[MitigationActionType] = &[MitigationActionType::ReplaceDefaultPolicyVersion];

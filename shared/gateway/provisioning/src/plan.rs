//! What a template comes to for one device.

use drydock_core::{CertificateId, PolicyName, ThingGroupName, ThingName, ThingTypeName};
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The resources that a device is to have. Nothing has been looked up: whether groups, types and policies exist is for whoever
/// carries the plan out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The thing.
    pub thing: Option<ThingPlan>,
    /// The certificate.
    pub certificate: Option<CertificatePlan>,
    /// The policies, in the order of their logical names.
    pub policies: Vec<PolicyPlan>,
    /// What the device is told besides (`DeviceConfiguration`).
    pub device_configuration: BTreeMap<String, String>,
}

/// A thing that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThingPlan {
    /// Its name in the template.
    pub logical_name: String,
    /// Its name.
    pub name: ThingName,
    /// Its attributes; `None` where the template says nothing of them.
    pub attributes: Option<BTreeMap<SmolStr, SmolStr>>,
    /// Its type.
    pub thing_type: Option<ThingTypeName>,
    /// The groups that it is in.
    pub groups: Vec<ThingGroupName>,
    /// The billing group that it is in.
    pub billing_group: Option<SmolStr>,
    /// What happens where it exists.
    pub overrides: ThingOverrides,
}

/// What happens to the properties of a thing that exists. `None` where the template says nothing: the thing then has to be as
/// the template describes it, as for "CreateThing".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThingOverrides {
    /// To its attributes.
    pub attributes: Option<Override>,
    /// To its type; never [`Override::Merge`].
    pub thing_type: Option<Override>,
    /// To its groups.
    pub groups: Option<Override>,
}

/// What happens to a property of a resource that exists (`OverrideSettings`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Override {
    /// It stays as it is.
    DoNothing,
    /// The template's takes its place.
    Replace,
    /// Provisioning fails.
    Fail,
    /// The template's is added to it.
    Merge,
}

impl Override {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "DO_NOTHING" => Some(Self::DoNothing),
            "REPLACE" => Some(Self::Replace),
            "FAIL" => Some(Self::Fail),
            "MERGE" => Some(Self::Merge),
            _ => None,
        }
    }
}

/// A certificate that is to be the device's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePlan {
    /// Its name in the template.
    pub logical_name: String,
    /// Where it comes from.
    pub source: CertificateSource,
    /// Whether it is to be `ACTIVE`, which it is without a `Status`, or `INACTIVE`.
    pub active: bool,
    /// What happens to the status of one that exists; never [`Override::Merge`].
    pub status_override: Option<Override>,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// It is made from a signing request (PEM).
    Request(String),
    /// It is registered already.
    Id(CertificateId),
    /// It is given (PEM), with the certificate of the CA that signed it.
    Pem {
        /// The certificate.
        certificate: String,
        /// That of its CA; without one, a registered CA with the issuer's name is looked for.
        ca: Option<String>,
    },
}

/// A policy that the certificate is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyPlan {
    /// Its name in the template.
    pub logical_name: String,
    /// The policy's name: that of one which exists, or a hash of the document.
    pub name: PolicyName,
    /// The document where it is to be made; `None` where it exists.
    pub document: Option<String>,
}

/// The name of a policy that is made from a document: its SHA-256, in hexadecimal digits.
pub(crate) fn policy_name(document: &str) -> String {
    Sha256::digest(document.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

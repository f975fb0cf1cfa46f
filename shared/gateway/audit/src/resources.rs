//! Resources as findings name them.

use drydock_model::iot::{NonCompliantResource, PolicyVersionIdentifier, ResourceIdentifier, ResourceType};

fn resource(kind: ResourceType, identifier: ResourceIdentifier) -> NonCompliantResource {
    NonCompliantResource { resource_type: Some(kind), resource_identifier: Some(identifier), additional_info: None }
}

/// A certificate of a device.
#[must_use]
pub fn device_certificate(id: &str) -> NonCompliantResource {
    let device_certificate_id = Some(id.to_owned());
    resource(ResourceType::DeviceCertificate, ResourceIdentifier { device_certificate_id, ..Default::default() })
}

/// A CA certificate.
#[must_use]
pub fn ca_certificate(id: &str) -> NonCompliantResource {
    let ca_certificate_id = Some(id.to_owned());
    resource(ResourceType::CaCertificate, ResourceIdentifier { ca_certificate_id, ..Default::default() })
}

/// A version of a policy.
#[must_use]
pub fn policy(name: &str, version: &str) -> NonCompliantResource {
    let version =
        PolicyVersionIdentifier { policy_name: Some(name.to_owned()), policy_version_id: Some(version.to_owned()) };
    resource(
        ResourceType::IotPolicy,
        ResourceIdentifier { policy_version_identifier: Some(version), ..Default::default() },
    )
}

/// A client id.
#[must_use]
pub fn client_id(id: &str) -> NonCompliantResource {
    resource(ResourceType::ClientId, ResourceIdentifier { client_id: Some(id.to_owned()), ..Default::default() })
}

/// The account.
#[must_use]
pub fn account(id: &str) -> NonCompliantResource {
    resource(ResourceType::AccountSettings, ResourceIdentifier { account: Some(id.to_owned()), ..Default::default() })
}

/// A role alias.
#[must_use]
pub fn role_alias(arn: &str) -> NonCompliantResource {
    resource(ResourceType::RoleAlias, ResourceIdentifier { role_alias_arn: Some(arn.to_owned()), ..Default::default() })
}

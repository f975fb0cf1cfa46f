//! What people are to do about a check's findings, after the pages of the checks in the AWS IoT Device Defender guide ("Audit checks",
//! "How to fix it").

/// The steps, in their order.
#[must_use]
pub fn steps(check: &str) -> &'static [&'static str] {
    match check {
        "DEVICE_CERTIFICATE_SHARED_CHECK" => &[
            "Make a certificate of its own for each device that uses the shared one, and attach the policy to it.",
            "Bring the new certificates to the devices, and see them connect with them.",
            "Revoke the shared certificate, and detach it from its things.",
        ],
        "CONFLICTING_CLIENT_IDS_CHECK" => &[
            "Give each device a client id of its own, best its thing's name.",
            "Allow each certificate to connect under its thing's name alone, and require that it is attached.",
        ],
        "DEVICE_CERTIFICATE_EXPIRING_CHECK" => &[
            "Make a new certificate for each device, and attach the policy and the thing to it.",
            "Bring it to the device, and see it connect with it.",
            "Deactivate the old certificate, then detach and delete it.",
        ],
        "DEVICE_CERTIFICATE_AGE_CHECK" => &[
            "Rotate the certificate: make a new one, bring it to the device, and deactivate the old one.",
            "Find out why it was not rotated as the fleet's rules have it.",
        ],
        "CA_CERTIFICATE_EXPIRING_CHECK" => &[
            "Register the CA's successor, and have devices get certificates that it has signed.",
            "Deactivate the old CA, so that no more certificates of it are registered.",
        ],
        "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK" => &[
            "Replace the device's key and certificate: the key can be computed by others.",
            "Revoke the certificate at once where the device can be without a connection until then.",
            "Mend the software or the chip that made the key before it makes more.",
        ],
        "CA_CERTIFICATE_KEY_QUALITY_CHECK" => &[
            "Deactivate the CA: whoever computes its key can sign certificates of devices.",
            "Register a CA with a sound key, and replace every device certificate that the old one has signed.",
            "Review the certificates that were registered under it.",
        ],
        "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK" => &[
            "See whether the certificate's key is in other hands: its issuer has revoked it.",
            "Bring a new certificate to the device.",
            "Revoke the certificate in AWS IoT, and detach it from its things.",
        ],
        "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK" => &[
            "Deactivate the CA, so that no more certificates of it are registered.",
            "Review the device certificates that it has signed, and revoke those that nobody can account for.",
        ],
        "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK" => &[
            "Find the devices whose certificates the revoked intermediate CA has signed (the finding's related resources).",
            "Bring them certificates of another issuer.",
            "Revoke the old certificates.",
        ],
        "IOT_POLICY_OVERLY_PERMISSIVE_CHECK" => &[
            "Write a version of the policy that allows each device its own client id and topics, by policy variables.",
            "Make it the default version, and see that devices still do their work.",
            "Look into what was done under the wide version.",
        ],
        "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK" => &[
            "Write `*` in place of MQTT's `+` and `#` where a statement denies: these two stand for themselves there.",
            "Deny `iot:Receive` as well where a subscription to a wildcard is allowed and part of it is denied.",
            "Keep the policy as it is, and suppress the finding, where it is meant so.",
        ],
        "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK" => &[
            "Take out of the role's policies what devices do not need: each device that has the alias gets all of it.",
            "Require that the thing's name be in the resource, by `credentials-iot:ThingName`.",
        ],
        "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK" => {
            &["Take those services out of the role's policies that no device has used for a year."]
        }
        "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK" => &[
            "Allow the pool's authenticated role what its users do, and no administration of things.",
            "Narrow what each identity may do by a policy of AWS IoT that is attached to it.",
        ],
        "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK" => &[
            "Allow the pool's unauthenticated role what anybody may do, or turn unauthenticated access off.",
            "Look into what was done with the role.",
        ],
        "LOGGING_DISABLED_CHECK" => &["Turn AWS IoT's logs on, with a role that may write them."],
        _ => &["See the check's page in the AWS IoT Device Defender guide."],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_its_own_steps() {
        let checks = [
            "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
            "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
            "CA_CERTIFICATE_EXPIRING_CHECK",
            "CA_CERTIFICATE_KEY_QUALITY_CHECK",
            "CONFLICTING_CLIENT_IDS_CHECK",
            "DEVICE_CERTIFICATE_EXPIRING_CHECK",
            "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK",
            "DEVICE_CERTIFICATE_SHARED_CHECK",
            "DEVICE_CERTIFICATE_AGE_CHECK",
            "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
            "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK",
            "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK",
            "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK",
            "LOGGING_DISABLED_CHECK",
            "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK",
            "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
            "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK",
        ];
        let unknown = steps("A_CHECK_OF_TOMORROW");
        let mut all: Vec<_> = checks.iter().map(|check| steps(check)).collect();
        assert!(all.iter().all(|steps| *steps != unknown));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), checks.len(), "two checks have the same steps");
    }
}

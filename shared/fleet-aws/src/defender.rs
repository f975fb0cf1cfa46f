//! Device Defender's findings, mitigation and suppressions, and the groups that devices are put into because of it.

use crate::failure::failed;
use aws_config::SdkConfig;
use aws_sdk_iot::Client;
use aws_sdk_iot::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iot::primitives::DateTime;
use aws_sdk_iot::types::{
    AuditFinding, AuditMitigationActionsTaskStatus, AuditMitigationActionsTaskTarget, IssuerCertificateIdentifier,
    PolicyVersionIdentifier, ResourceIdentifier,
};
use fleet::defender::audit::{Counts, Found, Mitigation, MitigationView, Suppression};
use fleet::defender::finding::{Finding, Resource};
use fleet::ports::{
    AddThingToGroup, AttachPolicy, CountThings, DescribeMitigation, ErrorKind, ListDevices, ListFindings, MakeGroup,
    PortError, PortResult, RemoveThingFromGroup, StartMitigation, Suppress,
};

/// How many findings, things or targets a page has at most.
const PAGE: i32 = 250;

/// Device Defender and the thing groups of the account and region that the configuration names.
#[derive(Debug)]
pub struct Defender {
    client: Client,
    arn: String,
}

impl Defender {
    /// A client; ARNs of certificates and groups begin as `arn` does, which is `arn:PARTITION:iot:REGION:ACCOUNT`.
    #[must_use]
    pub fn new(config: &SdkConfig, arn: String) -> Self {
        Self { client: Client::new(config), arn }
    }

    /// Puts the principal's things into the list, until it has so many.
    async fn things_of(&self, principal: &str, most: usize, all: &mut Vec<String>) -> PortResult<()> {
        let mut token = None;
        while all.len() <= most {
            let request = self.client.list_principal_things().principal(principal).set_next_token(token);
            let page = match request.send().await {
                Ok(page) => page,
                Err(error) if is_gone(&error) => return Ok(()),
                Err(error) => return Err(failed("ListPrincipalThings", &error)),
            };
            all.extend(page.things.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn things_in(&self, group: &str, most: usize, all: &mut Vec<String>) -> PortResult<()> {
        let mut token = None;
        while all.len() <= most {
            let request = self.client.list_things_in_thing_group().thing_group_name(group).recursive(true);
            let page = match request.max_results(PAGE).set_next_token(token).send().await {
                Ok(page) => page,
                Err(error) if is_gone(&error) => return Ok(()),
                Err(error) => return Err(failed("ListThingsInThingGroup", &error)),
            };
            all.extend(page.things.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The things that have the policy by their certificates or their groups.
    async fn things_under(&self, policy: &str, most: usize, all: &mut Vec<String>) -> PortResult<()> {
        let mut token = None;
        while all.len() <= most {
            let request = self.client.list_targets_for_policy().policy_name(policy).page_size(PAGE);
            let page = match request.set_marker(token).send().await {
                Ok(page) => page,
                Err(error) if is_gone(&error) => return Ok(()),
                Err(error) => return Err(failed("ListTargetsForPolicy", &error)),
            };
            for target in page.targets.unwrap_or_default() {
                match target.split_once(":thinggroup/") {
                    Some((_, group)) => self.things_in(group, most, all).await?,
                    None => self.things_of(&target, most, all).await?,
                }
            }
            token = page.next_marker;
            if token.is_none() {
                break;
            }
        }
        Ok(())
    }
}

fn is_gone<E>(error: &SdkError<E>) -> bool
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    error.code() == Some("ResourceNotFoundException")
}

/// The same where something that does not exist will not come of itself.
fn failed_for_good<E>(operation: &'static str, error: &SdkError<E>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let failed = failed(operation, error);
    if is_gone(error) { failed.of_kind(ErrorKind::Permanent) } else { failed }
}

/// What a finding is about; `None` where AWS says it in a way that is not known yet.
fn resource(identifier: &ResourceIdentifier) -> Option<Resource> {
    if let Some(id) = &identifier.device_certificate_id {
        return Some(Resource::DeviceCertificate(id.clone()));
    }
    if let Some(arn) = &identifier.device_certificate_arn {
        return arn.split_once(":cert/").map(|(_, id)| Resource::DeviceCertificate(id.to_owned()));
    }
    if let Some(policy) = &identifier.policy_version_identifier {
        let (name, version) = (policy.policy_name.clone()?, policy.policy_version_id.clone()?);
        return Some(Resource::PolicyVersion { name, version });
    }
    if let Some(issuer) = &identifier.issuer_certificate_identifier {
        return Some(Resource::Issuer {
            subject: issuer.issuer_certificate_subject.clone(),
            id: issuer.issuer_id.clone(),
            serial: issuer.issuer_certificate_serial_number.clone(),
        });
    }
    type Make = fn(String) -> Resource;
    let plain: [(&Option<String>, Make); 6] = [
        (&identifier.ca_certificate_id, Resource::CaCertificate),
        (&identifier.cognito_identity_pool_id, Resource::CognitoIdentityPool),
        (&identifier.client_id, Resource::ClientId),
        (&identifier.account, Resource::Account),
        (&identifier.role_alias_arn, Resource::RoleAlias),
        (&identifier.iam_role_arn, Resource::IamRole),
    ];
    plain.into_iter().find_map(|(text, make)| text.clone().map(make))
}

fn identifier(resource: &Resource) -> ResourceIdentifier {
    let builder = ResourceIdentifier::builder();
    match resource.clone() {
        Resource::DeviceCertificate(id) => builder.device_certificate_id(id),
        Resource::CaCertificate(id) => builder.ca_certificate_id(id),
        Resource::CognitoIdentityPool(id) => builder.cognito_identity_pool_id(id),
        Resource::ClientId(id) => builder.client_id(id),
        Resource::PolicyVersion { name, version } => builder.policy_version_identifier(
            PolicyVersionIdentifier::builder().policy_name(name).policy_version_id(version).build(),
        ),
        Resource::Account(id) => builder.account(id),
        Resource::RoleAlias(arn) => builder.role_alias_arn(arn),
        Resource::IamRole(arn) => builder.iam_role_arn(arn),
        Resource::Issuer { subject, id, serial } => builder.issuer_certificate_identifier(
            IssuerCertificateIdentifier::builder()
                .set_issuer_certificate_subject(subject)
                .set_issuer_id(id)
                .set_issuer_certificate_serial_number(serial)
                .build(),
        ),
    }
    .build()
}

fn finding(found: AuditFinding) -> Option<Finding> {
    let resource = resource(found.non_compliant_resource.as_ref()?.resource_identifier.as_ref()?)?;
    Some(Finding {
        check: found.check_name?,
        severity: found.severity.map(|severity| severity.as_str().to_owned()).unwrap_or_default(),
        reason: found.reason_for_non_compliance_code.unwrap_or_default(),
        resource,
    })
}

impl ListFindings for Defender {
    async fn list_findings(&self, task_id: &str, check: &str, most: usize) -> PortResult<Found> {
        let (mut found, mut token) = (Found::default(), None);
        loop {
            let request = self.client.list_audit_findings().task_id(task_id).check_name(check).max_results(PAGE);
            let page = request.set_next_token(token).send().await;
            let page = page.map_err(|error| failed("ListAuditFindings", &error))?;
            found.findings.extend(page.findings.unwrap_or_default().into_iter().filter_map(finding));
            token = page.next_token;
            found.more = token.is_some() || found.findings.len() > most;
            if token.is_none() || found.findings.len() >= most {
                found.findings.truncate(most);
                return Ok(found);
            }
        }
    }
}

impl ListDevices for Defender {
    async fn list_devices(&self, resource: &Resource, most: usize) -> PortResult<Vec<String>> {
        let mut all = Vec::new();
        match resource {
            Resource::DeviceCertificate(id) => {
                self.things_of(&format!("{}:cert/{id}", self.arn), most, &mut all).await?;
            }
            Resource::PolicyVersion { name, .. } => self.things_under(name, most, &mut all).await?,
            // In this fleet a client's id is its thing's name.
            Resource::ClientId(id) => all.push(id.clone()),
            _ => {}
        }
        Ok(all)
    }
}

impl CountThings for Defender {
    async fn count_things(&self, enough: usize) -> PortResult<usize> {
        let (mut count, mut token) = (0_usize, None);
        loop {
            let page = self.client.list_things().max_results(PAGE).set_next_token(token).send().await;
            let page = page.map_err(|error| failed("ListThings", &error))?;
            count = count.saturating_add(page.things.unwrap_or_default().len());
            token = page.next_token;
            if token.is_none() || count >= enough {
                return Ok(count.min(enough));
            }
        }
    }
}

impl StartMitigation for Defender {
    async fn start_mitigation(&self, mitigation: &Mitigation) -> PortResult<()> {
        let target = AuditMitigationActionsTaskTarget::builder().audit_task_id(&mitigation.audit).build();
        let mapping = mitigation.actions.clone().into_iter().collect();
        let request = self
            .client
            .start_audit_mitigation_actions_task()
            .task_id(&mitigation.id)
            .target(target)
            .set_audit_check_to_actions_mapping(Some(mapping))
            .client_request_token(&mitigation.id);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("TaskAlreadyExistsException") => Ok(()),
            Err(error) => Err(failed_for_good("StartAuditMitigationActionsTask", &error)),
        }
    }
}

impl DescribeMitigation for Defender {
    async fn describe_mitigation(&self, id: &str) -> PortResult<Option<MitigationView>> {
        let task = match self.client.describe_audit_mitigation_actions_task().task_id(id).send().await {
            Ok(task) => task,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(failed("DescribeAuditMitigationActionsTask", &error)),
        };
        let counts = task.task_statistics.unwrap_or_default().into_iter().map(|(check, statistics)| {
            let counts = Counts {
                total: statistics.total_findings_count.unwrap_or_default(),
                succeeded: statistics.succeeded_findings_count.unwrap_or_default(),
                failed: statistics.failed_findings_count.unwrap_or_default(),
                skipped: statistics.skipped_findings_count.unwrap_or_default(),
                canceled: statistics.canceled_findings_count.unwrap_or_default(),
            };
            (check, counts)
        });
        let goes_on = task.task_status == Some(AuditMitigationActionsTaskStatus::InProgress);
        Ok(Some(MitigationView { goes_on, counts: counts.collect() }))
    }
}

impl Suppress for Defender {
    async fn suppress(&self, suppression: &Suppression) -> PortResult<()> {
        let request = self
            .client
            .create_audit_suppression()
            .check_name(&suppression.check)
            .resource_identifier(identifier(&suppression.resource))
            .expiration_date(DateTime::from_secs(suppression.until))
            .description("Suppressed as the response plan says")
            .client_request_token(&suppression.token);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceAlreadyExistsException") => Ok(()),
            Err(error) => Err(failed_for_good("CreateAuditSuppression", &error)),
        }
    }
}

impl MakeGroup for Defender {
    async fn make_group(&self, group: &str) -> PortResult<()> {
        match self.client.create_thing_group().thing_group_name(group).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceAlreadyExistsException") => Ok(()),
            Err(error) => Err(failed("CreateThingGroup", &error)),
        }
    }
}

impl AddThingToGroup for Defender {
    async fn add_thing_to_group(&self, name: &str, group: &str) -> PortResult<()> {
        let request = self.client.add_thing_to_thing_group().thing_name(name).thing_group_name(group);
        request.send().await.map(drop).map_err(|error| failed_for_good("AddThingToThingGroup", &error))
    }
}

impl RemoveThingFromGroup for Defender {
    async fn remove_thing_from_group(&self, name: &str, group: &str) -> PortResult<()> {
        let request = self.client.remove_thing_from_thing_group().thing_name(name).thing_group_name(group);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(failed("RemoveThingFromThingGroup", &error)),
        }
    }
}

impl AttachPolicy for Defender {
    async fn attach_policy(&self, policy: &str, target: &str) -> PortResult<()> {
        let request = self.client.attach_policy().policy_name(policy).target(target);
        request.send().await.map(drop).map_err(|error| failed("AttachPolicy", &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_asked_for_as_it_was_found() {
        for one in [
            Resource::DeviceCertificate("a".into()),
            Resource::CaCertificate("a".into()),
            Resource::CognitoIdentityPool("a".into()),
            Resource::ClientId("a".into()),
            Resource::PolicyVersion { name: "a".into(), version: "2".into() },
            Resource::Account("1".into()),
            Resource::RoleAlias("arn".into()),
            Resource::IamRole("arn".into()),
            Resource::Issuer { subject: Some("a".into()), id: None, serial: Some("1".into()) },
        ] {
            assert_eq!(resource(&identifier(&one)), Some(one));
        }
        assert_eq!(resource(&ResourceIdentifier::builder().build()), None);
    }
}

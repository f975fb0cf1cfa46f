//! The runner of plans. What can fail is looked at first; then come the policies, the thing, and last the certificate's status, so
//! that no device ever connects with half of what it should have. Each step may be done again: a run that was cut short is
//! mended by the next one.

use super::certificate::{Certificate, check_certificate, find_or_make, set_status};
use super::failure::NotProvisioned;
use super::service::ProvisioningService;
use super::settled::Settled;
use super::thing::{check_thing, make_thing};
use drydock_core::{ApiError, Arn, CertificateId, ErrorCode};
use drydock_model::iot::{AttachPolicyRequest, CreatePolicyRequest, GetPolicyRequest};
use drydock_policy::CompiledDocument;
use drydock_provisioning::Plan;
use drydock_provisioning::plan::{CertificateSource, PolicyPlan};
use std::collections::BTreeMap;

/// A device that is provisioned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provisioned {
    /// The thing's name.
    pub thing: Option<String>,
    /// The certificate's id.
    pub certificate: Option<CertificateId>,
    /// The certificate.
    pub certificate_pem: Option<String>,
    /// The ARNs of the resources, by their names in the template.
    pub arns: BTreeMap<String, String>,
}

/// Carries a plan out.
///
/// # Errors
/// [`NotProvisioned`]; the certificate is then not activated.
pub async fn provision(service: &ProvisioningService, plan: &Plan) -> Result<Provisioned, NotProvisioned> {
    provision_settled(service, plan, &Settled::default()).await
}

/// Carries a plan out, of which some is settled.
///
/// # Errors
/// [`NotProvisioned`]; the certificate is then not activated.
pub async fn provision_settled(
    service: &ProvisioningService,
    plan: &Plan,
    settled: &Settled,
) -> Result<Provisioned, NotProvisioned> {
    let mut names = Vec::new();
    if let Some(thing) = &plan.thing {
        names.push(format!("the thing `{}`", thing.name));
    }
    if let Some(CertificateSource::Id(id)) = plan.certificate.as_ref().map(|certificate| &certificate.source) {
        names.push(format!("the certificate `{id}`"));
    }
    let _claimed = service.underway.claim(names)?;
    check(service, plan, settled)?;
    let mut done = Provisioned::default();
    let certificate = match &plan.certificate {
        Some(wanted) => Some((wanted, find_or_make(&service.host, wanted, settled).await?)),
        None => None,
    };
    if let Some((wanted, Certificate { id, arn, pem, .. })) = &certificate {
        done.arns.insert(wanted.logical_name.clone(), arn.to_string());
        done.certificate = Some(id.clone());
        done.certificate_pem = Some(pem.clone());
        for policy in &plan.policies {
            let policy_arn = attach(service, policy, arn).await?;
            done.arns.insert(policy.logical_name.clone(), policy_arn);
        }
    }
    if let Some(thing) = &plan.thing {
        let certificate = certificate.as_ref().map(|(_, certificate)| &certificate.arn);
        let arn = make_thing(&service.host, thing, certificate, settled.thing_id).await?;
        done.arns.insert(thing.logical_name.clone(), arn);
        done.thing = Some(thing.name.to_string());
    }
    if let Some((wanted, certificate)) = &certificate {
        set_status(&service.host, wanted, certificate).await?;
    }
    Ok(done)
}

/// Looks at all that can be seen to fail before anything is changed.
fn check(service: &ProvisioningService, plan: &Plan, settled: &Settled) -> Result<(), NotProvisioned> {
    let certificate = plan.certificate.as_ref().map(|wanted| check_certificate(&service.host, wanted, settled));
    let certificate = certificate.transpose()?.flatten();
    if let Some(thing) = &plan.thing {
        check_thing(&service.host, thing, certificate.as_ref(), settled.thing_id)?;
    }
    for policy in &plan.policies {
        let failed = || NotProvisioned::of(policy.logical_name.clone());
        match &policy.document {
            Some(document) => {
                CompiledDocument::parse(document).map_err(|error| failed()(ApiError::from(error)))?;
            }
            None => {
                let request = GetPolicyRequest { policy_name: policy.name.to_string() };
                service.host.books.policies.read(|book| book.get_policy(&request)).map_err(failed())?;
            }
        }
    }
    Ok(())
}

/// Makes a policy where it is not there yet, and attaches it.
async fn attach(
    service: &ProvisioningService,
    policy: &PolicyPlan,
    certificate: &Arn,
) -> Result<String, NotProvisioned> {
    let books = &service.host.books;
    if let Some(document) = &policy.document {
        let request = CreatePolicyRequest {
            policy_name: policy.name.to_string(),
            policy_document: document.clone(),
            ..CreatePolicyRequest::default()
        };
        let made = books.apply(&books.policies, |book| book.create_policy(request, books.now(), books.ids.as_ref()));
        match made.await {
            // Its name is the hash of its document: one that exists is this one.
            Err(error) if error.code == ErrorCode::ResourceAlreadyExistsException => {}
            made => made.map(|_| ()).map_err(NotProvisioned::of(policy.logical_name.clone()))?,
        }
    }
    let request = AttachPolicyRequest { policy_name: policy.name.to_string(), target: certificate.to_string() };
    let attached = books.apply(&books.policies, |book| book.attach_policy(&request, |_| Ok(())));
    attached.await.map_err(NotProvisioned::of(policy.logical_name.clone()))?;
    Ok(books.scope.policy(&policy.name).into())
}

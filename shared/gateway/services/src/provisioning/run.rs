//! The runner of plans. A plan is one change of the books: what can fail is looked at first, then everything is made, and no
//! device ever has half of what it should have.

use super::certificate::{Certificate, check_certificate, find_or_make, set_status};
use super::failure::NotProvisioned;
use super::thing::{Step, check_thing, make_thing};
use drydock_core::{ApiError, Arn, CertificateId};
use drydock_host::Host;
use drydock_host::books::Books;
use drydock_identity::{Identity, Issued};
use drydock_model::iot::{AttachPolicyRequest, CreatePolicyRequest, GetPolicyRequest};
use drydock_policy::{CompiledDocument, Policies};
use drydock_provisioning::plan::{CertificateSource, PolicyPlan};
use drydock_provisioning::{Plan, Provisioning};
use drydock_registry::Registry;
use drydock_store::{Part, Set};
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

/// The rulebooks that plans are carried out on, opened for a change.
pub(super) type Parts<'b> = (Part<'b, Identity>, Part<'b, Registry>, Part<'b, Policies>, Part<'b, Provisioning>);

/// The rulebooks that a change names to open [`Parts`].
pub(super) fn touched(books: &Books) -> impl Set<Parts = Parts<'_>> {
    (&books.identity, &books.registry, &books.policies, &books.provisioning)
}

/// Why a plan was not carried out.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was refused before anything was changed.
    Refused(NotProvisioned),
    /// Something was changed already: the change that it is part of must fail.
    Broken(NotProvisioned),
}

impl From<Failure> for NotProvisioned {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(why) | Failure::Broken(why) => why,
        }
    }
}

/// Carries a plan out.
///
/// # Errors
/// [`NotProvisioned`]; nothing was changed then.
pub async fn provision(host: &Host, plan: &Plan) -> Result<Provisioned, NotProvisioned> {
    provision_between(host, plan, |_| Ok(()), |_| ()).await
}

/// Carries a plan out where `first` lets it, with `last` in the same change.
///
/// # Errors
/// [`NotProvisioned`], as `first` says or otherwise; nothing was changed then.
pub(super) async fn provision_between(
    host: &Host,
    plan: &Plan,
    first: impl FnOnce(&Parts<'_>) -> Result<(), NotProvisioned>,
    last: impl FnOnce(&mut Parts<'_>),
) -> Result<Provisioned, NotProvisioned> {
    let books = &host.books;
    let issued = match plan.certificate.as_ref().map(|wanted| (wanted, &wanted.source)) {
        Some((wanted, CertificateSource::Request(request))) => {
            let signed = host.issuer.sign(request.clone()).await;
            Some(signed.map_err(NotProvisioned::of(wanted.logical_name.clone()))?)
        }
        _ => None,
    };
    let change = books.change_or(touched(books), |parts| {
        first(parts)?;
        let done = carry_out(books, parts, plan, issued.as_ref())?;
        last(parts);
        Ok::<_, NotProvisioned>(done)
    });
    change.await
}

/// Carries a plan out as a part of a change. `issued` is what was signed for the plan's request.
pub(super) fn carry_out(
    books: &Books,
    parts: &mut Parts<'_>,
    plan: &Plan,
    issued: Option<&Issued>,
) -> Result<Provisioned, Failure> {
    let step = check(books, parts, plan).map_err(Failure::Refused)?;
    // The first thing that is made: where it is refused, nothing has changed.
    let certificate = match &plan.certificate {
        Some(wanted) => {
            let found = find_or_make(books, &mut parts.0, wanted, issued).map_err(Failure::Refused)?;
            Some((wanted, found))
        }
        None => None,
    };
    let mut done = Provisioned::default();
    if let Some((wanted, Certificate { id, arn, pem, .. })) = &certificate {
        done.arns.insert(wanted.logical_name.clone(), arn.to_string());
        done.certificate = Some(id.clone());
        done.certificate_pem = Some(pem.clone());
        for policy in &plan.policies {
            let policy_arn = attach(books, &mut parts.2, policy, arn).map_err(Failure::Broken)?;
            done.arns.insert(policy.logical_name.clone(), policy_arn);
        }
    }
    if let (Some(thing), Some(step)) = (&plan.thing, step) {
        let certificate = certificate.as_ref().map(|(_, certificate)| &certificate.arn);
        let arn = make_thing(books, &mut parts.1, thing, certificate, &step).map_err(Failure::Broken)?;
        done.arns.insert(thing.logical_name.clone(), arn);
        done.thing = Some(thing.name.to_string());
    }
    if let Some((wanted, certificate)) = &certificate {
        set_status(books, &mut parts.0, wanted, certificate).map_err(Failure::Broken)?;
    }
    Ok(done)
}

/// Looks at all that can be seen to fail, and says what is to be done about the thing.
fn check(
    books: &Books,
    (identity, registry, policies, _): &Parts<'_>,
    plan: &Plan,
) -> Result<Option<Step>, NotProvisioned> {
    let certificate = plan.certificate.as_ref().map(|wanted| check_certificate(books, identity, wanted));
    let certificate = certificate.transpose()?.flatten();
    let step = plan.thing.as_ref().map(|thing| check_thing(registry, thing, certificate.as_ref())).transpose()?;
    for policy in &plan.policies {
        let failed = || NotProvisioned::of(policy.logical_name.clone());
        match &policy.document {
            // Its name is the hash of its document: one that exists was read before.
            Some(document) if !policies.has_policy(policy.name.as_str()) => {
                CompiledDocument::parse(document).map_err(|error| failed()(ApiError::from(error)))?;
            }
            Some(_) => {}
            None => {
                let request = GetPolicyRequest { policy_name: policy.name.to_string() };
                policies.get_policy(&request).map_err(failed())?;
            }
        }
    }
    if let Some(last) = plan.policies.last() {
        let target = certificate.as_ref().map_or("the certificate", Arn::as_str);
        let names = plan.policies.iter().map(|policy| &policy.name);
        policies.check_attachments(target, names).map_err(NotProvisioned::of(last.logical_name.clone()))?;
    }
    Ok(step)
}

/// Makes a policy where it is not there yet, and attaches it.
fn attach(
    books: &Books,
    policies: &mut Part<'_, Policies>,
    policy: &PolicyPlan,
    certificate: &Arn,
) -> Result<String, NotProvisioned> {
    let failed = || NotProvisioned::of(policy.logical_name.clone());
    if let Some(document) = policy.document.as_ref().filter(|_| !policies.has_policy(policy.name.as_str())) {
        let request = CreatePolicyRequest {
            policy_name: policy.name.to_string(),
            policy_document: document.clone(),
            ..CreatePolicyRequest::default()
        };
        policies.apply(|book| book.create_policy(request, books.now(), books.ids.as_ref())).map_err(failed())?;
    }
    let request = AttachPolicyRequest { policy_name: policy.name.to_string(), target: certificate.to_string() };
    policies.apply(|book| book.attach_policy(&request, |_| Ok(()))).map_err(failed())?;
    Ok(books.scope.policy(&policy.name).into())
}

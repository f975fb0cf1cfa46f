//! One certificate, from pending to registered and active, or turned away.
//!
//! AWS IoT sends the event each time the pending certificate is presented, and Lambda repeats an invocation that failed.
//! So the function always starts over, from what the registry says now, and each of its steps may be done again. A status
//! other than pending is a decision made, by this function or by a person, and is left alone.

use fleet::alert::Alert;
use fleet::ports::{
    AddThingToGroup, AttachPolicy, AttachThingPrincipal, CreateThing, Created, DescribeCaCertificate,
    DescribeCertificate, DescribeThing, FindAllowed, FindBlocked, Notify, PortError, PortResult, RegisteredCertificate,
    UpdateCertificate, UpdateItem,
};
use fleet::registration::{
    Blocked, CaState, Decision, DeviceCertificate, Evidence, Plan, Reason, Rejection, Rules, Step, approval_record,
    block_list_entries, decide, device_record, rejection_record,
};
use iot_events::{CertificateRegistered, CertificateStatus};

/// What registration needs of the outside.
pub(crate) struct Ports<'a, R, B, A, D, W, N> {
    /// Certificates and things.
    pub(crate) registry: &'a R,
    /// What may never join.
    pub(crate) block_list: &'a B,
    /// Who may join, if the fleet keeps such a list.
    pub(crate) allow_list: Option<&'a A>,
    /// The devices that joined.
    pub(crate) devices: &'a D,
    /// The record of every decision.
    pub(crate) registrations: &'a W,
    /// Where rejections are told.
    pub(crate) alerts: &'a N,
}

/// What became of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is active and its thing complete.
    Registered {
        /// The thing.
        thing_name: String,
    },
    /// It was turned away.
    Rejected(Rejection),
    /// It was not pending any more.
    AlreadyDecided(CertificateStatus),
    /// It does not exist any more.
    Gone,
}

/// Decides on the certificate of the event and carries the decision out.
///
/// # Errors
/// [`PortError`] if a call failed. Until the last step the certificate stays pending, so that Lambda's retry, or the
/// device's next attempt to connect, starts over.
pub(crate) async fn register<R, B, A, D, W, N>(
    ports: &Ports<'_, R, B, A, D, W, N>,
    rules: &Rules,
    event: &CertificateRegistered,
) -> PortResult<Outcome>
where
    R: DescribeCertificate + DescribeCaCertificate + CreateThing + DescribeThing + AddThingToGroup,
    R: AttachPolicy + AttachThingPrincipal + UpdateCertificate,
    B: FindBlocked,
    A: FindAllowed,
    D: UpdateItem,
    W: UpdateItem,
    N: Notify,
{
    let Some(registered) = ports.registry.describe_certificate(&event.certificate_id).await? else {
        return Ok(Outcome::Gone);
    };
    if registered.status != CertificateStatus::PendingActivation {
        return Ok(Outcome::AlreadyDecided(registered.status));
    }
    let evidence = gather(ports, event, &registered).await?;
    let rejection = match decide(&evidence, rules) {
        Decision::Register(plan) => match carry_out(ports, event, &registered.arn, &plan).await? {
            Ok(()) => return Ok(Outcome::Registered { thing_name: plan.thing_name }),
            Err(conflict) => Rejection { reasons: vec![conflict] },
        },
        Decision::Reject(rejection) => rejection,
    };
    let common_name = evidence.certificate.ok().and_then(|certificate| certificate.common_name);
    reject(ports, event, common_name, &rejection).await?;
    Ok(Outcome::Rejected(rejection))
}

/// Asks all that the decision needs.
async fn gather<R, B, A, D, W, N>(
    ports: &Ports<'_, R, B, A, D, W, N>,
    event: &CertificateRegistered,
    registered: &RegisteredCertificate,
) -> PortResult<Evidence>
where
    R: DescribeCaCertificate,
    B: FindBlocked,
    A: FindAllowed,
{
    let ca = match ports.registry.ca_is_active(&event.ca_certificate_id).await? {
        None => CaState::Unknown,
        Some(false) => CaState::Inactive,
        Some(true) => CaState::Active,
    };
    let certificate = DeviceCertificate::read(&registered.pem);
    let serial = certificate.as_ref().ok().and_then(DeviceCertificate::serial);
    let mut blocked = Vec::new();
    for entry in block_list_entries(&event.certificate_id, &event.ca_certificate_id, serial) {
        if let Some(why) = ports.block_list.find_blocked(&entry).await? {
            blocked.push(Blocked { entry, why });
        }
    }
    let allowed = match (ports.allow_list, serial) {
        (Some(list), Some(serial)) => Some(list.find_allowed(serial).await?),
        _ => None,
    };
    Ok(Evidence {
        ca_certificate_id: event.ca_certificate_id.clone(),
        ca,
        signed_by: registered.ca_certificate_id.clone(),
        certificate,
        blocked,
        allowed,
        presented_at: event.timestamp,
    })
}

/// Takes the plan's steps in their order. The inner error is a conflict, which no retry would mend.
async fn carry_out<R, B, A, D, W, N>(
    ports: &Ports<'_, R, B, A, D, W, N>,
    event: &CertificateRegistered,
    certificate_arn: &str,
    plan: &Plan,
) -> PortResult<Result<(), Reason>>
where
    R: CreateThing + DescribeThing + AddThingToGroup + AttachPolicy + AttachThingPrincipal + UpdateCertificate,
    D: UpdateItem,
    W: UpdateItem,
{
    let id = &event.certificate_id;
    for step in plan.steps() {
        match step {
            Step::CreateThing => {
                if let Err(conflict) = create_thing(ports.registry, plan).await? {
                    return Ok(Err(conflict));
                }
            }
            Step::AddToGroup(group) => ports.registry.add_thing_to_group(&plan.thing_name, group).await?,
            Step::AttachPolicy => ports.registry.attach_policy(&plan.policy, certificate_arn).await?,
            Step::AttachPrincipal => {
                ports.registry.attach_thing_principal(&plan.thing_name, certificate_arn).await?;
            }
            Step::SaveDevice => {
                ports.devices.update_item(&device_record(id, plan, event.timestamp)).await?;
            }
            Step::RecordApproval => {
                let record = approval_record(id, &event.ca_certificate_id, plan, event.timestamp);
                ports.registrations.update_item(&record).await?;
            }
            Step::Activate => ports.registry.update_certificate(id, &CertificateStatus::Active).await?,
        }
    }
    Ok(Ok(()))
}

/// Makes the thing, or finds it made: by an attempt that failed later, or for a certificate that this one succeeds.
async fn create_thing<R>(registry: &R, plan: &Plan) -> PortResult<Result<(), Reason>>
where
    R: CreateThing + DescribeThing,
{
    match registry.create_thing(&plan.thing_name, &plan.thing).await? {
        Created::Made => Ok(Ok(())),
        Created::ExistsOtherwise => match registry.describe_thing(&plan.thing_name).await? {
            Some(existing) => Ok(plan.compare(&existing)),
            None => Err(PortError::new("CreateThing", "the thing existed and was deleted in the same moment")),
        },
    }
}

/// Writes down why, tells, and only then takes the certificate out of pending: whatever fails, the next event repeats it.
async fn reject<R, B, A, D, W, N>(
    ports: &Ports<'_, R, B, A, D, W, N>,
    event: &CertificateRegistered,
    common_name: Option<String>,
    rejection: &Rejection,
) -> PortResult<()>
where
    R: UpdateCertificate,
    W: UpdateItem,
    N: Notify,
{
    let (id, ca) = (&event.certificate_id, &event.ca_certificate_id);
    let record = rejection_record(id, ca, common_name.as_deref(), rejection, event.timestamp);
    ports.registrations.update_item(&record).await?;
    let status = rejection.status();
    let alert = Alert::RegistrationRejected {
        certificate_id: id.clone(),
        ca_certificate_id: ca.clone(),
        common_name,
        status: status.as_str().to_owned(),
        reasons: rejection.texts(),
        at: event.timestamp,
    };
    ports.alerts.notify(&alert).await?;
    ports.registry.update_certificate(id, &status).await
}

#[cfg(test)]
mod tests;

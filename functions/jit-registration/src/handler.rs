//! One certificate, from pending to registered and active, or turned away.
//!
//! AWS IoT sends the event each time the pending certificate is presented, and an event that failed comes again. So the
//! function always starts over, from what the registry says now, and each of its steps may be done again. A status other
//! than pending is a decision made, by this function or by a person, and is left alone. Before the registry is asked, the
//! attempt is noted in the certificate's own row: see [`attempt`].

use fleet::alert::Alert;
use fleet::batch::comes_again;
use fleet::conditional::{Item, Outcome as Written};
use fleet::ports::{
    AddThingToGroup, AttachPolicy, AttachThingPrincipal, CreateThing, Created, DescribeCaCertificate,
    DescribeCertificate, DescribeThing, ErrorKind, FindAllowed, FindBlocked, Notify, PortError, PortResult, Quarantine,
    RegisteredCertificate, UpdateCertificate, UpdateItem,
};
use fleet::registration::attempt::{self, Begun};
use fleet::registration::{
    Blocked, CaState, Decision, DeviceCertificate, Evidence, Plan, Reason, Rejection, Rules, Step, approval_record,
    block_list_entries, decide, device_record, rejection_record, retired,
};
use fleet::telemetry::Quarantined;
use iot_events::{BatchResponse, CertificateRegistered, CertificateStatus, SqsBatch, SqsMessage};
use serde::de::{Deserialize, Deserializer, Error};

/// How long an attempt may take, in milliseconds: longer than the function's timeout (30 s in the template), shorter than the
/// queue's visibility timeout (180 s).
const LEASE: i64 = 60_000;

/// What the function is invoked with.
#[derive(Debug)]
pub(crate) enum Input {
    /// One event, by a rule.
    One(CertificateRegistered),
    /// Events, by a queue.
    Batch(SqsBatch),
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        // Not an untagged enum: that would not say what is wrong with an event.
        let read = if value.get("Records").is_some() {
            serde_json::from_value(value).map(Self::Batch)
        } else {
            serde_json::from_value(value).map(Self::One)
        };
        read.map_err(D::Error::custom)
    }
}

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
    /// Another attempt at it is under way, or it was done with since: nothing was asked.
    NotNow,
    /// Its CA is not one of this fleet's: it is for another to decide on.
    NotOurs,
    /// The event cannot be read, and was set aside.
    Quarantined,
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
    now: i64,
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
    if !rules.trusts(&event.ca_certificate_id) {
        return Ok(Outcome::NotOurs);
    }
    let begun = ports.registrations.update_item(&attempt::begin(event, now, LEASE)).await?;
    let Begun::Ours(before) = attempt::judge(event, begun) else { return Ok(Outcome::NotNow) };
    let outcome = decide_on(ports, rules, event, before.as_ref(), now).await?;
    let waits = matches!(&outcome, Outcome::Rejected(rejection) if waits(rejection));
    if !waits {
        ports.registrations.update_item(&attempt::done(&event.certificate_id, now)).await?;
    }
    Ok(outcome)
}

fn waits(rejection: &Rejection) -> bool {
    rejection.status() == CertificateStatus::PendingActivation
}

async fn decide_on<R, B, A, D, W, N>(
    ports: &Ports<'_, R, B, A, D, W, N>,
    rules: &Rules,
    event: &CertificateRegistered,
    before: Option<&Item>,
    now: i64,
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
    reject(ports, event, common_name, &rejection, before, now).await?;
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
            Step::SaveDevice => save_device(ports, event, plan).await?,
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

/// Writes the device's row. Where it has come with a new certificate, the one that it had is made inactive first.
async fn save_device<R, B, A, D, W, N>(
    ports: &Ports<'_, R, B, A, D, W, N>,
    event: &CertificateRegistered,
    plan: &Plan,
) -> PortResult<()>
where
    R: UpdateCertificate,
    D: UpdateItem,
{
    let (id, at) = (&event.certificate_id, event.timestamp);
    let written = ports.devices.update_item(&device_record(id, plan, at, None)).await?;
    let Some(old) = retired(&written) else { return Ok(()) };
    ports.registry.update_certificate(old, &CertificateStatus::Inactive).await?;
    match ports.devices.update_item(&device_record(id, plan, at, Some(old))).await? {
        Written::Applied { .. } => Ok(()),
        Written::Refused { .. } => Err(PortError::new("UpdateItem", "two certificates of one device come at once")),
    }
}

/// Writes down why, tells, and only then takes the certificate out of pending: whatever fails, the next event repeats it. One
/// that waits stays pending, and is told of once for the same reasons.
async fn reject<R, B, A, D, W, N>(
    ports: &Ports<'_, R, B, A, D, W, N>,
    event: &CertificateRegistered,
    common_name: Option<String>,
    rejection: &Rejection,
    before: Option<&Item>,
    now: i64,
) -> PortResult<()>
where
    R: UpdateCertificate,
    W: UpdateItem,
    N: Notify,
{
    let (id, ca) = (&event.certificate_id, &event.ca_certificate_id);
    let record = rejection_record(id, ca, common_name.as_deref(), rejection, event.timestamp);
    let status = rejection.status();
    let alert = Alert::RegistrationRejected {
        certificate_id: id.clone(),
        ca_certificate_id: ca.clone(),
        common_name,
        status: status.as_str().to_owned(),
        reasons: rejection.texts(),
        // The same for each copy, whichever of the certificate's events it was made from.
        at: event.certificate_registration_timestamp.unwrap_or(event.timestamp),
    };
    if waits(rejection) {
        let known = before.and_then(|row| row.text("reasons")) == Some(rejection.texts().join("; ").as_str());
        if !known {
            ports.alerts.notify(&alert).await?;
        }
        ports.registrations.update_item(&attempt::rest(record, now)).await?;
        return Ok(());
    }
    ports.registrations.update_item(&record).await?;
    ports.alerts.notify(&alert).await?;
    ports.registry.update_certificate(id, &status).await
}

/// Takes a batch, event by event. Once the control plane asks for less, the rest is left for later: that is not a failure.
pub(crate) async fn register_batch<R, B, A, D, W, N, Q>(
    ports: &Ports<'_, R, B, A, D, W, N>,
    quarantine: &Q,
    rules: &Rules,
    batch: &SqsBatch,
    now: i64,
) -> (BatchResponse, Vec<PortResult<(String, Outcome)>>)
where
    R: DescribeCertificate + DescribeCaCertificate + CreateThing + DescribeThing + AddThingToGroup,
    R: AttachPolicy + AttachThingPrincipal + UpdateCertificate,
    B: FindBlocked,
    A: FindAllowed,
    D: UpdateItem,
    W: UpdateItem,
    N: Notify,
    Q: Quarantine,
{
    let mut response = BatchResponse::default();
    let mut all = Vec::new();
    let mut throttled = false;
    for message in &batch.records {
        if throttled {
            response.retry(message);
            continue;
        }
        let outcome = register_message(ports, quarantine, rules, message, now).await;
        throttled = outcome.as_ref().is_err_and(|error| error.kind == ErrorKind::Throttled);
        if comes_again(quarantine, message, &outcome).await {
            response.retry(message);
        }
        all.push(outcome);
    }
    (response, all)
}

async fn register_message<R, B, A, D, W, N, Q>(
    ports: &Ports<'_, R, B, A, D, W, N>,
    quarantine: &Q,
    rules: &Rules,
    message: &SqsMessage,
    now: i64,
) -> PortResult<(String, Outcome)>
where
    R: DescribeCertificate + DescribeCaCertificate + CreateThing + DescribeThing + AddThingToGroup,
    R: AttachPolicy + AttachThingPrincipal + UpdateCertificate,
    B: FindBlocked,
    A: FindAllowed,
    D: UpdateItem,
    W: UpdateItem,
    N: Notify,
    Q: Quarantine,
{
    match serde_json::from_str::<CertificateRegistered>(&message.body) {
        Ok(event) => {
            let outcome = register(ports, rules, &event, now).await?;
            Ok((event.certificate_id, outcome))
        }
        Err(error) => {
            let reason = format!("not an event of a certificate that was registered: {error}");
            quarantine.quarantine(&Quarantined { reason, message: message.body.clone() }).await?;
            Ok((message.message_id.clone(), Outcome::Quarantined))
        }
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;

//! Just-in-time provisioning: a device showed a certificate whose CA has a registration configuration. The connection is
//! refused meanwhile; the device's next one finds the certificate active.
//!
//! Follows "Just-in-time provisioning". Where it fails the certificate waits on, and the next attempt to connect tries again.

use super::failure::NotProvisioned;
use super::run::{Parts, Provisioned, provision_between};
use super::service::ProvisioningService;
use drydock_broker::Who;
use drydock_core::names::short;
use drydock_core::{ApiError, CertificateId};
use drydock_host::logs::failure;
use drydock_host::notice::{Notice, Tone, Topic as About};
use drydock_identity::Identity;
use drydock_logging::Status;
use drydock_model::iot::{CertificateStatus, RegistrationConfig};
use drydock_provisioning::{Dialect, Template};
use futures_util::StreamExt as _;
use std::sync::Arc;

/// Checks what a CA is to provision its devices by.
///
/// # Errors
/// `InvalidRequestException` for a template body that is not valid, and where there are both a body and a name, or neither.
pub fn check(config: Option<&RegistrationConfig>) -> Result<(), ApiError> {
    let Some(config) = config else { return Ok(()) };
    match (&config.template_body, &config.template_name) {
        (Some(body), None) => Ok(Template::parse(body, Dialect::Jitp).map(|_| ())?),
        (None, Some(_)) => Ok(()),
        (Some(_), Some(_)) => Err(ApiError::invalid("`templateBody` and `templateName` exclude each other")),
        (None, None) => {
            Err(ApiError::invalid("`registrationConfig` has neither a `templateBody` nor a `templateName`"))
        }
    }
}

/// How many devices are provisioned at a time after a restart.
const AGAIN: usize = 64;

/// Provisions the devices that have shown their certificates and were not provisioned when the process ended: those whose
/// attempt failed before are tried again, as at their next connect.
pub async fn catch_up(service: &ProvisioningService) {
    let waiting = service.host.books.identity.read(Identity::to_provision);
    futures_util::stream::iter(waiting)
        .for_each_concurrent(AGAIN, |id| async move {
            let result = run(service, &id).await;
            tell(service, &id, &result);
        })
        .await;
}

/// Provisions a device in the background.
pub fn begin(service: &Arc<ProvisioningService>, id: &CertificateId) {
    let (service, id) = (Arc::clone(service), id.clone());
    service.host.tasks.clone().spawn_to_end(async move {
        let result = run(&service, &id).await;
        tell(&service, &id, &result);
    });
}

async fn run(service: &ProvisioningService, id: &CertificateId) -> Result<Provisioned, NotProvisioned> {
    let books = &service.host.books;
    let found = books
        .identity
        .read(|identity| Some((identity.provisioning_of(id).cloned()?, identity.provisioning_parameters(id)?)));
    let failed = || NotProvisioned::of("the registration configuration of its CA");
    let gone = || failed()(ApiError::not_found("it is not there any more"));
    let (config, parameters) = found.ok_or_else(gone)?;
    let template = match (config.template_body, config.template_name) {
        (Some(body), _) => Arc::new(Template::parse(&body, Dialect::Jitp).map_err(|error| failed()(error.into()))?),
        (None, Some(name)) => {
            let usable = books.provisioning.read(|book| book.usable(&name, Dialect::Jitp));
            usable.map_err(failed())?.template
        }
        (None, None) => return Err(gone()),
    };
    let plan = template.plan(&parameters)?;
    super::mqtt::expect_own(&plan, id)?;
    let waits = |(identity, ..): &Parts<'_>| {
        let row = identity.certificate(id.as_str()).ok_or_else(gone)?;
        match row.status {
            CertificateStatus::PendingActivation => Ok(()),
            _ => Err(NotProvisioned::Already(format!("the certificate `{id}`"))),
        }
    };
    provision_between(&service.host, &plan, waits, |_| ()).await
}

fn tell(service: &ProvisioningService, id: &CertificateId, result: &Result<Provisioned, NotProvisioned>) {
    let status = match result {
        Ok(_) => Status::Success,
        Err(error) => failure(error.code().1, error.to_string()),
    };
    let (tone, text) = match result {
        Ok(Provisioned { thing, .. }) => {
            tracing::info!(certificate = %id, thing, "ProvisionDevice: provisioned just in time");
            let thing = thing.as_deref().unwrap_or("no thing");
            (Tone::Good, format!("provisioned just in time: {thing}"))
        }
        // The device asked twice: the other attempt tells.
        Err(NotProvisioned::Already(_)) => return,
        Err(error) => {
            tracing::warn!(certificate = %id, %error, "ProvisionDevice failed");
            (Tone::Bad, format!("could not be provisioned just in time: {error}"))
        }
    };
    let config = service.host.books.identity.read(|identity| identity.provisioning_of(id).cloned());
    let template = config.and_then(|config| config.template_name);
    let who = Who { client_id: "", principal: id.as_str(), remote: None };
    service.host.told.logs.provisioned(who, template.as_deref(), Some(id), status, &text);
    let (at, subject) = (service.host.books.now(), short(id).to_owned());
    service.host.told.notices.tell(|| Notice {
        at,
        tone,
        topic: About::Certificate,
        subject,
        text,
        reasons: Vec::new(),
    });
}

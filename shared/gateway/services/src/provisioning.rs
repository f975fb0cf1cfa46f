//! Provisioning carried out: plans become things, certificates and policies.
//!
//! - [`service`]: what it stands on. `request`: a request that came as a message. `operations`: the operations over HTTP.
//! - [`run`]: the one runner of plans, behind all four ways to provision.
//! - [`bulk`]: bulk registration, a line of a file after the other.
//! - [`certificate`], [`thing`]: its parts about the certificate, and about the thing with its groups.
//! - [`failure`]: why a device was not provisioned, in AWS's words.
//! - [`jitp`]: a certificate of a CA with a registration configuration was shown.
//! - [`mqtt`]: the MQTT API of fleet provisioning; `payload` reads and writes its JSON and CBOR, `hook` asks the
//!   pre-provisioning hook, `provider` the certificate provider, `waiting` lets connections take turns.
//! - [`sweep`]: certificates that were asked for and never provisioned go.
//!
//! Follows "Device provisioning" of the AWS IoT Core developer guide.

pub mod bulk;
pub mod certificate;
pub mod failure;
mod hook;
pub mod jitp;
pub mod mqtt;
pub(crate) mod operations;
mod payload;
mod provider;
mod request;
pub mod run;
pub mod service;
pub mod sweep;
mod thing;
mod waiting;

use self::request::Request;
use crate::request::TopicRequest;
use crate::service::Service;
use async_trait::async_trait;
use drydock_core::{ApiError, Event, ReservedTopic};
use drydock_tasks::Tasks;
use drydock_timers::Reminder;
use service::ProvisioningService;
use std::sync::Arc;

#[async_trait]
impl Service for ProvisioningService {
    fn reminder(&self) -> Option<Reminder> {
        Some(self.left_behind.clone())
    }

    fn topics(&self) -> &'static [ReservedTopic] {
        use ReservedTopic::{CreateCertificateFromCsr, CreateKeysAndCertificate, RegisterThing};
        &[CreateKeysAndCertificate, CreateCertificateFromCsr, RegisterThing]
    }

    fn request(&self, request: TopicRequest) -> Result<(), TopicRequest> {
        let request = Request::of(request)?;
        let put = self.waiting.lock().put(request);
        match put {
            Ok(()) => self.arrived.notify_one(),
            Err(request) => mqtt::throttle(self, &request),
        }
        Ok(())
    }

    fn hears(self: Arc<Self>, event: &Event) {
        if let Event::CertificateToProvision { certificate_id, .. } = event {
            jitp::begin(&self, certificate_id);
        }
    }

    async fn reconcile(self: Arc<Self>) -> Result<(), ApiError> {
        // What was never provisioned and is over goes first: nobody connects with it any more.
        sweep::once(&self.host.books).await?;
        jitp::catch_up(&self).await;
        Ok(())
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        tasks.spawn(mqtt::serve(Arc::clone(&self)));
        tasks.spawn(bulk::run(self));
    }
}

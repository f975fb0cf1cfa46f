//! A request of fleet provisioning: what a device asks for, and in which format.

use crate::request::TopicRequest;
use bytes::Bytes;
use drydock_core::ReservedTopic;
use drydock_core::event::ClientIdentity;
use drydock_model::payload::Format;
use smol_str::SmolStr;
use std::sync::Arc;

/// What a device asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    CreateKeysAndCertificate,
    CreateCertificateFromCsr,
    /// By the template of this name.
    RegisterThing(String),
}

/// A request of a device.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operation: Operation,
    pub(super) format: Format,
    pub(super) topic: SmolStr,
    pub(super) payload: Bytes,
    /// The very connection that asked.
    pub(super) client: Arc<ClientIdentity>,
}

impl Request {
    /// The request that a message is, if it is one: published by a client to a topic of the API, in one of its formats.
    ///
    /// # Errors
    /// The message, where it is not.
    pub(super) fn of(request: TopicRequest) -> Result<Self, TopicRequest> {
        let (operation, format) = match request.asks() {
            ReservedTopic::CreateKeysAndCertificate => (Operation::CreateKeysAndCertificate, request.name(0)),
            ReservedTopic::CreateCertificateFromCsr => (Operation::CreateCertificateFromCsr, request.name(0)),
            ReservedTopic::RegisterThing => {
                let template = request.name(0).unwrap_or_default().to_owned();
                (Operation::RegisterThing(template), request.name(1))
            }
            _ => return Err(request),
        };
        let (Some(format), Some(client)) = (format.and_then(Format::of), &request.client) else { return Err(request) };
        let client = Arc::clone(client);
        Ok(Self { operation, format, topic: request.topic, payload: request.payload, client })
    }
}

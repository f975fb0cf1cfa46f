//! What all stand-ins have in common. [`stand_ins`](crate::stand_ins) has a line for each.

use crate::error::CloudError;
use crate::sqs::message::Attribute;
use async_trait::async_trait;
use bytes::Bytes;
use drydock_core::Arn;
use drydock_timers::{Due, Reminder};
use http::{Request, Response};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// What is known of a stand-in before it is open: how requests to it are told from others.
#[derive(Debug)]
pub struct Facts {
    /// Its name in ARNs, in the scopes of signatures and in the names of hosts, for example `sqs`.
    pub name: &'static str,
    /// Its name for people, for example `Amazon SQS`.
    pub title: &'static str,
    /// What `X-Amz-Target` begins with, up to the first `_` or `.`; none where its protocol has no such header.
    pub targets: &'static [&'static str],
    /// What the paths that are its own begin with, by which a request is told that is not signed; `/` where it has none.
    pub path: &'static str,
    /// The method of a request to that path.
    pub method: &'static str,
    /// The most bytes of a request's body.
    pub most: usize,
    /// Whether bodies come and go in pieces, and are not read whole first.
    pub in_pieces: bool,
}

impl Facts {
    /// What most have: a POST to `/` of at most 1 MiB, which names its operation in the body.
    pub const PLAIN: Self =
        Self { name: "", title: "", targets: &[], path: "/", method: "POST", most: 1024 * 1024, in_pieces: false };
    /// As much as Lambda's synchronous invoke takes, the largest of any service here: 6 MB, and something around it.
    pub const LARGE: usize = 6 * 1024 * 1024 + 64 * 1024;
}

/// A service that this crate stands in for.
#[derive(Clone, Copy)]
pub struct Service(&'static Facts);

impl Service {
    /// The service that is known by these facts.
    #[must_use]
    pub const fn new(facts: &'static Facts) -> Self {
        Self(facts)
    }

    /// The service's name in ARNs and credential scopes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.name
    }
}

impl Deref for Service {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        self.0
    }
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Service {}

impl Hash for Service {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.title)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// What one stand-in hands to another.
#[derive(Debug, Clone, Default)]
pub struct Parcel {
    /// The message, or the event.
    pub body: String,
    /// Attributes of a message.
    pub attributes: BTreeMap<String, Attribute>,
    /// The service that hands it over for a resource of its own, where a resource policy has to allow that.
    pub sender: Option<(&'static str, Arn)>,
}

/// A request that is not carried out.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// Why.
    pub why: Why,
    /// The error's name in the JSON protocols.
    pub code: &'a str,
    /// The error's name in the query protocol.
    pub query_code: &'a str,
    /// What to say.
    pub message: &'a str,
    /// The id of the request.
    pub request_id: &'a str,
}

/// Why a request is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was not let in.
    Denied,
    /// It is one too many.
    Throttled,
    /// The service is not well.
    Failed,
}

impl<'a> Refusal<'a> {
    /// A request that is not let in: `code` is the error's name in the JSON protocols, `query_code` in the query protocol.
    #[must_use]
    pub fn denied(code: &'a str, query_code: &'a str, message: &'a str, request_id: &'a str) -> Self {
        Self { why: Why::Denied, code, query_code, message, request_id }
    }

    /// One request too many.
    #[must_use]
    pub fn throttled(message: &'a str, request_id: &'a str) -> Self {
        Self { why: Why::Throttled, code: "ThrottlingException", query_code: "Throttling", message, request_id }
    }

    /// A failure of the service.
    #[must_use]
    pub fn failed(message: &'a str, request_id: &'a str) -> Self {
        Self { why: Why::Failed, code: "InternalServerError", query_code: "InternalFailure", message, request_id }
    }

    /// The HTTP status, where a request that is not let in gets `denied`.
    pub(crate) fn status(&self, denied: u16) -> u16 {
        match self.why {
            Why::Denied => denied,
            Why::Throttled => 400,
            Why::Failed => 500,
        }
    }
}

/// A stand-in. What it has to do at a time of the gateway's clock it does as a [`Due`].
#[async_trait]
pub trait StandIn: Due {
    /// Which service it stands in for.
    fn service(&self) -> Service;

    /// Answers a request that was let in. Never fails: an error is a response of the service's own form.
    async fn handle(self: Arc<Self>, request: Request<Bytes>, request_id: &str) -> Response<Bytes>;

    /// The answer to a request that is not carried out, in the form of the service's protocol.
    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes>;

    /// Takes what another stand-in hands to a resource of its own; returns once it has it durably.
    async fn take(self: Arc<Self>, to: &Arn, parcel: Parcel) -> Result<(), String> {
        drop(parcel);
        Err(format!("nothing can be handed to the service `{}`", to.service()))
    }

    /// Whether it would take what a service hands to a resource of its own for one of that service's, as things are now.
    ///
    /// # Errors
    /// Why it would not.
    fn check(&self, to: &Arn, sender: (&'static str, &Arn)) -> Result<(), String> {
        let _ = sender;
        Err(format!("nothing can be handed to the service `{}`", to.service()))
    }

    /// By which it is asked what is due: first when it is open. `None` where nothing ever is.
    fn reminder(&self) -> Option<Reminder> {
        None
    }

    /// Goes on with what an earlier run had accepted, now that the resources are there.
    fn resume(self: Arc<Self>) {}

    /// Empties its state.
    ///
    /// # Errors
    /// [`CloudError`] where the emptied state cannot be made durable.
    async fn reset(&self) -> Result<(), CloudError>;

    /// Closes what it has open, once its tasks have ended. What is asked afterwards is refused.
    fn close(&self) {}
}

//! An operation's call: what a handler knows besides its input, and the one grammar that operations are registered in.

use crate::services::Services;
use drydock_broker::Who;
use drydock_core::{ApiError, ErrorCode};
use drydock_gate::credential::Caller;
use drydock_gate::session::HttpsSession;
use drydock_host::Host;
use drydock_host::books::Books;
use drydock_host::logs::failure;
use drydock_logging::{Entry, EventType, Status};
use drydock_policy::Action;
use std::net::SocketAddr;
use std::sync::Arc;

/// What a handler knows besides its input.
#[derive(Clone)]
pub struct Call {
    /// The services.
    pub services: Arc<Services>,
    /// Where the call comes from.
    pub source: SocketAddr,
    /// The device that calls with its certificate; `None` for a signed call.
    pub device: Option<Arc<HttpsSession>>,
    /// Whose key a signed call was signed with.
    pub signer: Option<Caller>,
}

impl Call {
    /// What every service stands on.
    pub(crate) fn host(&self) -> &Host {
        &self.services.host
    }

    /// The rulebooks.
    pub(crate) fn books(&self) -> &Arc<Books> {
        &self.services.host.books
    }
}

/// Registers operations that are one command on one rulebook:
/// `operations!(router, registry: CreateThing => |book, input, books| book.create_thing(&input, books.now()))`.
macro_rules! operations {
    ($router:ident, $book:ident: $($op:ident => |$held:ident, $input:ident, $books:ident| $command:expr;)*) => {
        $($router.on::<ops::$op>(|call: Call, $input| async move {
            let $books = call.books();
            $books.apply(&$books.$book, |$held| $command).await
        });)*
    };
}
pub(crate) use operations;

/// Registers operations that make a resource which may have tags. They are checked before anything is done, and kept under the
/// ARN that is the answer's field in brackets.
macro_rules! tagged {
    ($router:ident, $book:ident: $($op:ident[$arn:ident] => |$held:ident, $input:ident, $books:ident| $command:expr;)*) => {
        $($router.on::<ops::$op>(|call: Call, $input| async move {
            let $books = call.books();
            let tags = drydock_registry::tags::NewTags::read($input.tags.as_deref())?;
            $books.change((&$books.$book, &$books.tags), |(book, kept)| {
                let reply = book.apply(|$held| $command)?;
                drydock_host::tags::keep(kept, reply.$arn.as_deref(), tags)?;
                Ok(reply)
            }).await
        });)*
    };
}
pub(crate) use tagged;

/// Registers operations that delete a resource which may have tags; in brackets stands how its ARN's resource begins, and the
/// input's field with the rest.
macro_rules! untagged {
    ($router:ident, $book:ident: $($op:ident[$kind:literal $name:ident] => |$held:ident, $input:ident, $books:ident| $command:expr;)*) => {
        $($router.on::<ops::$op>(|call: Call, $input| async move {
            let $books = call.books();
            let resource = format!(concat!($kind, "{}"), $input.$name);
            $books.change((&$books.$book, &$books.tags), |(book, kept)| {
                let reply = book.apply(|$held| $command)?;
                drydock_host::tags::forget(kept, &$books.scope, &resource);
                Ok(reply)
            }).await
        });)*
    };
}
pub(crate) use untagged;

/// Whether the caller may do something to a client, a thing or a shadow: a device by its policies, as "AWS IoT Core policy actions"
/// lists `iot:DeleteConnection`; a signed caller always.
///
/// # Errors
/// `ForbiddenException`.
pub(crate) fn may(call: &Call, action: Action, kind: &str, name: &str) -> Result<(), ApiError> {
    match &call.device {
        Some(device) if !device.allows(action, name) => Err(ApiError::new(
            ErrorCode::ForbiddenException,
            format!("the policies of this principal do not allow {} on {kind} `{name}`", action.name()),
        )),
        _ => Ok(()),
    }
}

/// Writes the log entry of an operation, on a client's connection where there is a client, with the attributes that `fill` adds.
pub(crate) fn logged<T>(
    call: &Call,
    event: EventType,
    client_id: &str,
    result: &Result<T, ApiError>,
    fill: impl FnOnce(Entry) -> Entry,
) {
    let principal = call.device.as_ref().map(|device| device.principal()).unwrap_or_default();
    let who = Who { client_id, principal, remote: Some(call.source) };
    let status = match result {
        Ok(_) => Status::Success,
        Err(error) => failure(error.code.as_str(), error.message.clone()),
    };
    call.host().told.logs.tell(event, who, status, |entry| {
        let entry = entry.with("protocol", "HTTP").with_some("clientId", Some(client_id).filter(|id| !id.is_empty()));
        let entry = entry.with_some("principalId", Some(principal).filter(|id| !id.is_empty()));
        let entry = entry.with("sourceIp", call.source.ip().to_canonical().to_string());
        fill(entry.with("sourcePort", call.source.port()))
    });
}

/// What a caller gets that may not do what it asks.
pub(crate) fn unauthorized(what: &str) -> ApiError {
    ApiError::new(ErrorCode::UnauthorizedException, format!("this principal is not allowed to {what}"))
}

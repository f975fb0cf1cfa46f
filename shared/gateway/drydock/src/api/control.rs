//! The operations of AWS IoT: each one line, handed to the rulebook that decides. An operation without a line here answers
//! 501 and names itself.

mod account;
mod authorizers;
mod billing;
mod certificates;
pub mod data;
mod destinations;
mod domains;
mod endpoints;
mod groups;
mod logging;
mod policies;
mod provisioning;
mod rules;
mod simulation;
mod tags;
mod things;

use crate::books::Books;
use crate::gate::HttpsSession;
use crate::gateway::Gateway;
use drydock_model::Router;
pub(crate) use policies::check as check_target;
use std::net::SocketAddr;
use std::sync::Arc;

/// What a handler knows besides its input.
#[derive(Clone)]
pub struct Call {
    /// The gateway.
    pub gateway: Gateway,
    /// Where the call comes from.
    pub source: SocketAddr,
    /// The device that calls with its certificate; `None` for a signed call.
    pub device: Option<Arc<HttpsSession>>,
}

impl Call {
    fn books(&self) -> &Arc<Books> {
        self.gateway.books()
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
use operations;

/// Registers operations that make a resource which may have tags. They are checked before anything is done, and kept under the
/// ARN that is the answer's field in brackets.
macro_rules! tagged {
    ($router:ident, $book:ident: $($op:ident[$arn:ident] => |$held:ident, $input:ident, $books:ident| $command:expr;)*) => {
        $($router.on::<ops::$op>(|call: Call, $input| async move {
            let $books = call.books();
            let tags = drydock_registry::tags::NewTags::read($input.tags.as_deref())?;
            let reply = $books.apply(&$books.$book, |$held| $command).await?;
            crate::tags::keep($books, reply.$arn.as_deref(), tags).await?;
            Ok(reply)
        });)*
    };
}
use tagged;

/// Registers operations that delete a resource which may have tags; in brackets stands how its ARN's resource begins, and the
/// input's field with the rest.
macro_rules! untagged {
    ($router:ident, $book:ident: $($op:ident[$kind:literal $name:ident] => |$held:ident, $input:ident, $books:ident| $command:expr;)*) => {
        $($router.on::<ops::$op>(|call: Call, $input| async move {
            let $books = call.books();
            let resource = format!(concat!($kind, "{}"), $input.$name);
            let reply = $books.apply(&$books.$book, |$held| $command).await?;
            crate::tags::forget($books, &resource).await?;
            Ok(reply)
        });)*
    };
}
use untagged;

/// All operations that are implemented.
#[must_use]
pub fn router() -> Router<Call> {
    let mut router = Router::new();
    account::register(&mut router);
    authorizers::register(&mut router);
    billing::register(&mut router);
    certificates::register(&mut router);
    data::register(&mut router);
    destinations::register(&mut router);
    domains::register(&mut router);
    endpoints::register(&mut router);
    groups::register(&mut router);
    logging::register(&mut router);
    policies::register(&mut router);
    provisioning::register(&mut router);
    rules::register(&mut router);
    simulation::register(&mut router);
    tags::register(&mut router);
    things::register(&mut router);
    router
}

//! A request from its route to its answer: who asks, may they, is it answered already, and then what it asks for.
//!
//! - `call`: a request whose caller may ask; what it changes is one transaction, with the answer that is kept for its key.
//! - `homes`, `rooms`, `members`, `shares`, `devices`, `state`: what there is to ask for.

mod call;
mod devices;
mod homes;
mod members;
mod rooms;
mod shares;
mod state;

use call::{Answer, Call, Membership};
use fleet::EpochMillis;
use fleet::homes::http::{Reply, Request};
use fleet::homes::idempotency::Once;
use fleet::homes::problem::{Kind, Problem};
use fleet::homes::route::{self, Access, Operation, Route};
use fleet::homes::text::user_id;
use fleet::ports::{
    ErrorKind, FindHomeRow, FindPresence, GetShadow, ListRows, Pause, PortError, Transact, UpdateItem, UpdateShadow,
};

/// The most bytes of a body.
const MAX_BODY: usize = 16 * 1024;

/// The document that describes the API: made by the test `the_openapi_document_is_current`, which fails where it is not current.
const OPENAPI: &str = include_str!("../openapi.json");

/// What the outside is made of.
pub(crate) trait Outside {
    /// The table of homes.
    type Homes: FindHomeRow + ListRows + Transact + UpdateItem + Sync;
    /// What devices are and are wanted to be.
    type Shadows: GetShadow + UpdateShadow + Sync;
    /// Whether they are connected.
    type Presence: FindPresence + Sync;
    /// Rests.
    type Rest: Pause + Sync;
}

/// What the API needs of the outside.
pub(crate) struct Ports<'a, O: Outside> {
    pub(crate) homes: &'a O::Homes,
    pub(crate) shadows: &'a O::Shadows,
    pub(crate) presence: &'a O::Presence,
    pub(crate) rest: &'a O::Rest,
}

/// What is particular to one request: its time, and bytes that nobody can guess.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: EpochMillis,
    pub(crate) chance: [u8; 40],
}

/// A port has failed: the caller is told whether it helps to try again, the log why.
pub(crate) fn unavailable(error: &PortError) -> Problem {
    tracing::error!(%error, "a request is not answered");
    match error.kind {
        ErrorKind::Permanent => Kind::Internal.into(),
        ErrorKind::Throttled | ErrorKind::Passing => Kind::Unavailable.into(),
    }
}

/// Answers a request.
pub(crate) async fn serve<O: Outside>(ports: &Ports<'_, O>, request: &Request, moment: &Moment) -> Reply {
    answer(ports, request, moment).await.unwrap_or_else(|problem| problem.reply())
}

async fn answer<O: Outside>(ports: &Ports<'_, O>, request: &Request, moment: &Moment) -> Answer {
    let (route, labels) = route::find(&request.request_context.http.method, &request.raw_path)?;
    if route.access == Access::Open {
        return Ok(Reply { body: OPENAPI.to_owned(), ..Reply::json(200, &()) });
    }
    // The one place that decides who may ask: nothing below is reached without it.
    let user = user_id(request.subject().ok_or_else(|| Problem::from(Kind::Unauthorized))?);
    let membership = match route.access {
        Access::Open | Access::User => None,
        Access::Home(role) => Some(Membership::of(ports, labels.id("homeId")?, &user, role).await?),
    };
    let body = body(route, request)?;
    if let Some(unknown) = request.query_string_parameters.keys().find(|name| !route.query.contains(&name.as_str())) {
        let why = format!("the query has no parameter `{unknown:.64}`");
        return Err(Problem::detail(Kind::BadRequest, why));
    }
    let once = if route.method == "GET" { None } else { Once::of(request, &user, body)? };
    let call = Call { ports, request, body, labels, user, once, moment: *moment };
    if let Some(reply) = call.answered().await? {
        return Ok(reply);
    }
    match (route.operation, membership) {
        (Operation::ListHomes, _) => homes::list(&call).await,
        (Operation::CreateHome, _) => homes::create(&call).await,
        (Operation::AcceptShare, _) => shares::accept(&call).await,
        (operation, Some(of)) => in_home(&call, operation, &of).await,
        (_, None) => Err(Kind::Internal.into()),
    }
}

async fn in_home<O: Outside>(call: &Call<'_, O>, operation: Operation, of: &Membership) -> Answer {
    match operation {
        Operation::GetHome => homes::get(call, of).await,
        Operation::UpdateHome => homes::update(call, of).await,
        Operation::DeleteHome => homes::delete(call, of).await,
        Operation::ListRooms => rooms::list(call, of).await,
        Operation::CreateRoom => rooms::create(call, of).await,
        Operation::GetRoom => rooms::get(call, of).await,
        Operation::UpdateRoom => rooms::update(call, of).await,
        Operation::DeleteRoom => rooms::delete(call, of).await,
        Operation::ListMembers => members::list(call, of).await,
        Operation::UpdateMember => members::update(call, of).await,
        Operation::DeleteMember => members::delete(call, of).await,
        Operation::LeaveHome => members::leave(call, of).await,
        Operation::ListShares => shares::list(call, of).await,
        Operation::CreateShare => shares::create(call, of).await,
        Operation::DeleteShare => shares::delete(call, of).await,
        Operation::ListDevices => devices::list(call, of).await,
        Operation::ClaimDevice => devices::claim(call, of).await,
        Operation::GetDevice => devices::get(call, of).await,
        Operation::UpdateDevice => devices::update(call, of).await,
        Operation::RemoveDevice => devices::remove(call, of).await,
        Operation::GetState => state::get(call, of).await,
        Operation::SetState => state::set(call, of).await,
        Operation::GetStateRequest => state::request(call, of).await,
        Operation::GetOpenApi | Operation::ListHomes | Operation::CreateHome | Operation::AcceptShare => {
            Err(Kind::Internal.into())
        }
    }
}

/// The body of a request whose route has one.
fn body<'r>(route: &Route, request: &'r Request) -> Result<&'r [u8], Problem> {
    let sent = request.body.as_deref().unwrap_or_default();
    if sent.len() > MAX_BODY {
        return Err(Problem::detail(Kind::TooLarge, format!("a body may have {MAX_BODY} bytes")));
    }
    if !route.has_body {
        return Ok(b"");
    }
    let kind = request.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_json = kind.eq_ignore_ascii_case("application/json")
        || (route.method == "PATCH" && kind.eq_ignore_ascii_case("application/merge-patch+json"));
    // What is in base64 is not text, whatever its type says.
    if !is_json || request.is_base64_encoded {
        return Err(Kind::UnsupportedMediaType.into());
    }
    Ok(sent.as_bytes())
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;

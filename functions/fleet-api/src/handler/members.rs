//! Members.

use super::Outside;
use super::call::{Answer, Call, Committed, Membership};
use fleet::conditional::{Condition, Item};
use fleet::homes::entity_tag::{IfMatch, tagged};
use fleet::homes::http::Reply;
use fleet::homes::problem::{Kind, Problem};
use fleet::homes::resource::{Member, MemberChange, read};
use fleet::homes::role::{ROLE, Role};
use fleet::homes::text::UserId;
use fleet::homes::{member, row};
use fleet::transaction::Step;

/// A member and the version of the row.
async fn found<O: Outside>(call: &Call<'_, O>, of: &Membership, user: &UserId) -> Result<(Item, Member, i64), Problem> {
    let row = call.in_home(of, &member::sort(user)).await?;
    let read = member::read(&row, &call.user).zip(row.number(row::VERSION));
    let (member, version) = read.ok_or_else(|| Problem::from(Kind::Internal))?;
    Ok((row, member, version))
}

pub(super) async fn list<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    call.list(&of.partition(), row::MEMBER, |row| member::read(row, &call.user)).await
}

pub(super) async fn update<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let asked: MemberChange = read(call.body)?;
    let user = call.labels.user()?;
    let (_, member, version) = found(call, of, &user).await?;
    IfMatch::of(call.request).allows(version)?;
    let steps = member::change_role(of.home_id(), &user, member.role, asked.role, version);
    let reply = Reply::json(200, &Member { role: asked.role, ..member });
    let reply = tagged(call.request, reply, &version.saturating_add(1).to_string());
    // Of one's own row, what has to hold is a part of the change: DynamoDB takes no two steps of one row.
    let guard = (user != call.user).then_some(of);
    match call.commit(guard, steps, reply).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(0, Some(_)) => Err(Kind::LastOwner.into()),
        Committed::Refused(1, None) => Err(Kind::NotFound.into()),
        Committed::Refused(..) => Err(Kind::Busy.into()),
    }
}

pub(super) async fn delete<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let user = call.labels.user()?;
    if user == call.user {
        return leave(call, of).await;
    }
    let (_, member, version) = found(call, of, &user).await?;
    IfMatch::of(call.request).allows(version)?;
    goes(call, of, Some(of), &user, member.role).await
}

pub(super) async fn leave<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    goes(call, of, None, &call.user, of.role()).await
}

async fn goes<O: Outside>(
    call: &Call<'_, O>,
    of: &Membership,
    guard: Option<&Membership>,
    user: &UserId,
    role: Role,
) -> Answer {
    let mut steps = vec![Step::Change(member::leaves(of.home_id(), role))];
    steps.extend(member::rows_away(of.home_id(), user, Condition::equal(ROLE, role.as_str())));
    match call.commit(guard, steps, Reply::empty(204)).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(0, Some(_)) => Err(Kind::LastOwner.into()),
        Committed::Refused(0 | 1, None) => Err(Kind::NotFound.into()),
        Committed::Refused(..) => Err(Kind::Busy.into()),
    }
}

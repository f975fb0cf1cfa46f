//! Share links.

use super::Outside;
use super::call::{Answer, Call, Committed, Membership};
use fleet::homes::http::Reply;
use fleet::homes::problem::{Kind, Problem};
use fleet::homes::resource::{AcceptShare, Home, NewShare, read};
use fleet::homes::share::{self, Offered};
use fleet::homes::{home, member, row};

pub(super) async fn list<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    call.list(&of.partition(), row::SHARE, share::read).await
}

pub(super) async fn create<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let asked: NewShare = read(call.body)?;
    let share_id = call.new_id()?;
    let made = share::make(of.home_id(), &share_id, &call.new_secret(), &asked, call.moment.now);
    let (steps, share) = made.ok_or_else(|| Problem::from(Kind::Internal))?;
    let reply = Reply::json(201, &share).with("location", format!("/homes/{}/shares/{share_id}", of.home_id()));
    match call.commit(Some(of), steps, reply).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(0, current) => Err(home::refused(current.as_ref()).into()),
        Committed::Refused(..) => Err(Kind::Internal.into()),
    }
}

pub(super) async fn delete<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let steps = share::take_back(of.home_id(), &call.labels.id("shareId")?);
    call.commit_version(of, steps, Reply::empty(204)).await
}

/// A link that is wrong, used or over is not there, and nor is its home.
pub(super) async fn accept<O: Outside>(call: &Call<'_, O>) -> Answer {
    let asked: AcceptShare = read(call.body)?;
    let offered = Offered::of(&asked.token).ok_or_else(|| Problem::from(Kind::NotFound))?;
    let partition = row::home(offered.home_id.as_str());
    let link = call.row(&partition, &offered.sort()).await?;
    let role = link.and_then(|row| offered.role(&row, call.moment.now)).ok_or_else(|| Problem::from(Kind::NotFound))?;
    if call.row(&partition, &member::sort(&call.user)).await?.is_some() {
        return Err(Kind::AlreadyMember.into());
    }
    let row = call.row(&partition, row::HOME).await?.ok_or_else(|| Problem::from(Kind::NotFound))?;
    let home: Home = home::read(&row, role).ok_or_else(|| Problem::from(Kind::Internal))?;
    let reply = Reply::json(200, &home).with("location", format!("/homes/{}", offered.home_id));
    let steps = offered.accept(&asked, &call.user, role, call.moment.now);
    match call.commit(None, steps, reply).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(1, current) => Err(home::refused(current.as_ref()).into()),
        Committed::Refused(2, _) => Err(Kind::AlreadyMember.into()),
        Committed::Refused(..) => Err(Kind::NotFound.into()),
    }
}

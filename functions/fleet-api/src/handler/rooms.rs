//! Rooms.

use super::Outside;
use super::call::{Answer, Call, Committed, Membership, version};
use fleet::conditional::Item;
use fleet::homes::entity_tag::{IfMatch, tagged};
use fleet::homes::http::Reply;
use fleet::homes::problem::{Kind, Problem};
use fleet::homes::resource::{NewRoom, Room, RoomChange, read};
use fleet::homes::text::Id;
use fleet::homes::{home, room, row};
use fleet::transaction::Step;

fn sort(room_id: &Id) -> String {
    format!("{}{room_id}", row::ROOM)
}

fn shown(call: &Call<'_, impl Outside>, row: &Item) -> Answer {
    let room = room::read(row).ok_or_else(|| Problem::from(Kind::Internal))?;
    Ok(tagged(call.request, Reply::json(200, &room), &version(row)?.to_string()))
}

pub(super) async fn list<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    call.list(&of.partition(), row::ROOM, room::read).await
}

pub(super) async fn create<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let asked: NewRoom = read(call.body)?;
    let room_id = call.new_id()?;
    let steps = room::make(of.home_id(), &room_id, &asked.name);
    let location = format!("/homes/{}/rooms/{room_id}", of.home_id());
    let room = Room { room_id, name: asked.name.to_string() };
    let reply = Reply::json(201, &room).with("location", location).with("etag", "\"1\"");
    match call.commit(Some(of), steps, reply).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(0, current) => Err(home::refused(current.as_ref()).into()),
        Committed::Refused(..) => Err(Kind::Internal.into()),
    }
}

pub(super) async fn get<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    shown(call, &call.in_home(of, &sort(&call.labels.id("roomId")?)).await?)
}

pub(super) async fn update<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let asked: RoomChange = read(call.body)?;
    let room_id = call.labels.id("roomId")?;
    let row = call.in_home(of, &sort(&room_id)).await?;
    let known = version(&row)?;
    IfMatch::of(call.request).allows(known)?;
    let change = room::rename(of.home_id(), &room_id, &asked, Some(known));
    let mut after = Some(row);
    change.apply(&mut after);
    let reply = shown(call, &after.unwrap_or_default())?;
    call.commit_version(of, vec![Step::Change(change)], reply).await
}

pub(super) async fn delete<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let room_id = call.labels.id("roomId")?;
    let known = version(&call.in_home(of, &sort(&room_id)).await?)?;
    IfMatch::of(call.request).allows(known)?;
    let steps = room::take_away(of.home_id(), &room_id, Some(known));
    match call.commit(Some(of), steps, Reply::empty(204)).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(0, None) => Err(Kind::NotFound.into()),
        Committed::Refused(0, Some(row)) if row.number(row::VERSION) == Some(known) => Err(Kind::NotEmpty.into()),
        Committed::Refused(..) => Err(Kind::Busy.into()),
    }
}

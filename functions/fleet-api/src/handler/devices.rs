//! Devices.

use super::call::{Answer, Call, Committed, Membership};
use super::{Outside, unavailable};
use fleet::conditional::Outcome;
use fleet::homes::device::{CLAIMED, CLAIMED_COUNT, CLAIMED_ROOM, Kept, claim as put_into, sort, tag};
use fleet::homes::entity_tag::{IfMatch, tagged};
use fleet::homes::http::Reply;
use fleet::homes::page::List;
use fleet::homes::problem::{Kind, Problem};
use fleet::homes::resource::{Claim, Device, DeviceChange, read};
use fleet::homes::text::DeviceId;
use fleet::homes::{home, possession, row};
use fleet::ports::{FindPresence, GetShadow, UpdateItem};
use futures_util::future::try_join_all;

/// The device with what it is now.
async fn shown<O: Outside>(call: &Call<'_, O>, kept: Kept) -> Result<Device, Problem> {
    let name = kept.device_id.as_str().to_owned();
    let shadow = call.ports.shadows.get_shadow(&name).await.map_err(|error| unavailable(&error))?;
    let presence = call.ports.presence.find_presence(&name).await.map_err(|error| unavailable(&error))?;
    Ok(kept.shown(&shadow.unwrap_or_default(), presence))
}

/// What is kept of the device in the path.
pub(super) async fn kept<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Result<Kept, Problem> {
    let row = call.in_home(of, &sort(&call.labels.device()?)).await?;
    Kept::read(&row).ok_or_else(|| Kind::Internal.into())
}

pub(super) async fn list<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let (rows, next_cursor) = call.rows(&of.partition(), row::DEVICE).await?;
    let devices = rows
        .iter()
        .map(|row| async move { shown(call, Kept::read(row).ok_or_else(|| Problem::from(Kind::Internal))?).await });
    let items = try_join_all(devices).await?;
    Ok(Reply::json(200, &List { items, next_cursor }))
}

pub(super) async fn get<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let kept = kept(call, of).await?;
    let version = kept.version;
    let device = shown(call, kept).await?;
    Ok(tagged(call.request, Reply::json(200, &device), &tag(version, &device)))
}

pub(super) async fn claim<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let asked: Claim = read(call.body)?;
    let now = call.moment.now;
    // Counted before the code is looked at: whoever tries many at once has no more tries.
    for change in &possession::tries(&call.user, &asked.serial_number, now) {
        let counted = call.ports.homes.update_item(change).await.map_err(|error| unavailable(&error))?;
        if matches!(counted, Outcome::Refused { .. }) {
            return Err(possession::too_many(now));
        }
    }
    let row = call.row(&row::serial(asked.serial_number.as_str()), row::CODE).await?;
    let device_id = DeviceId::read(&possession::prove(row.as_ref(), &asked.code)?);
    let device_id = device_id.ok_or_else(|| Problem::from(Kind::Internal))?;
    let steps = put_into(of.home_id(), &device_id, &asked, &call.user, now);
    let location = format!("/homes/{}/devices/{device_id}", of.home_id());
    let kept = Kept {
        device_id,
        name: asked.name.to_string(),
        room_id: asked.room_id.clone(),
        serial_number: asked.serial_number.to_string(),
        claimed_at: now,
        version: 1,
    };
    let device = shown(call, kept).await?;
    let reply = tagged(call.request, Reply::json(201, &device).with("location", location), &tag(1, &device));
    match call.commit(Some(of), steps, reply).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(CLAIMED, current) => {
            let is_here = current.is_some_and(|row| row.text("homeId") == Some(of.home_id().as_str()));
            let why =
                if is_here { "it is in this home" } else { "it is in another home: its owner has to remove it first" };
            Err(Problem::detail(Kind::AlreadyClaimed, why))
        }
        Committed::Refused(CLAIMED_COUNT, current) => Err(home::refused(current.as_ref()).into()),
        Committed::Refused(CLAIMED_ROOM, _) => Err(Kind::NoSuchRoom.into()),
        Committed::Refused(..) => Err(Kind::Internal.into()),
    }
}

pub(super) async fn update<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let asked: DeviceChange = read(call.body)?;
    let before = kept(call, of).await?;
    IfMatch::of(call.request).allows(before.version)?;
    let (after, steps) = before.change(of.home_id(), &asked);
    let version = after.version;
    let last = steps.len().saturating_sub(1);
    let device = shown(call, after).await?;
    let reply = tagged(call.request, Reply::json(200, &device), &tag(version, &device));
    match call.commit(Some(of), steps, reply).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(0, None) => Err(Kind::NotFound.into()),
        Committed::Refused(at, None) if at == last => Err(Kind::NoSuchRoom.into()),
        Committed::Refused(..) => Err(Kind::Busy.into()),
    }
}

pub(super) async fn remove<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let kept = kept(call, of).await?;
    IfMatch::of(call.request).allows(kept.version)?;
    call.commit_version(of, kept.take_away(of.home_id()), Reply::empty(204)).await
}

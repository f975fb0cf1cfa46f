//! What devices are wanted to be.

use super::call::{Answer, Call, Committed, Membership};
use super::{Outside, devices, unavailable};
use fleet::homes::device::{keep_change, read_change};
use fleet::homes::entity_tag::{IfMatch, tagged};
use fleet::homes::http::Reply;
use fleet::homes::problem::{Kind, Problem};
use fleet::homes::resource::{State, StateChange, StateRequest, read};
use fleet::homes::row;
use fleet::homes::state::{Shadow, Status, contains, status};
use fleet::homes::text::DeviceId;
use fleet::ports::{GetShadow, Pause, UpdateShadow, Written};
use fleet::transaction::Step;

/// How long a request may wait, in seconds: API Gateway waits for 30.
const MOST_SECONDS: u32 = 20;
/// How often a second the device is looked at meanwhile.
const LOOKS: u32 = 4;

async fn shadow<O: Outside>(call: &Call<'_, O>, device: &DeviceId) -> Result<Shadow, Problem> {
    let shadow = call.ports.shadows.get_shadow(device.as_str()).await.map_err(|error| unavailable(&error))?;
    Ok(shadow.unwrap_or_default())
}

pub(super) async fn get<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let device = devices::kept(call, of).await?.device_id;
    let shadow = shadow(call, &device).await?;
    let (is_confirmed, version) = (contains(&shadow.reported, &shadow.desired), shadow.version);
    let state = State { desired: shadow.desired, reported: shadow.reported, version, is_confirmed };
    Ok(tagged(call.request, Reply::json(200, &state), &version.to_string()))
}

/// `Prefer: wait=<seconds>` (RFC 7240); what is not understood is no preference.
fn seconds(prefer: Option<&str>) -> u32 {
    let wait = |part: &str| part.trim().strip_prefix("wait=")?.trim().parse().ok();
    let named = prefer.and_then(|prefer| prefer.split([',', ';']).find_map(wait));
    named.unwrap_or(0).min(MOST_SECONDS)
}

fn only(if_match: &IfMatch) -> Result<Option<i64>, Problem> {
    match if_match {
        IfMatch::Any => Ok(None),
        IfMatch::Versions(versions) => match versions.as_slice() {
            [version] => Ok(Some(*version)),
            // A shadow is changed where it has one version, which none of none or of several is.
            _ => Err(Kind::PreconditionFailed.into()),
        },
    }
}

pub(super) async fn set<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let asked: StateChange = read(call.body)?;
    let device = devices::kept(call, of).await?.device_id;
    let version = only(&IfMatch::of(call.request))?;
    let written = call.ports.shadows.update_shadow(device.as_str(), &asked.desired, version).await;
    match written.map_err(|error| unavailable(&error))? {
        Written::Done => {}
        Written::OtherVersion => return Err(Kind::PreconditionFailed.into()),
        Written::TooLarge => return Err(Problem::detail(Kind::TooLarge, "the device's state would be too large")),
        Written::Refused(why) => return Err(Problem::detail(Kind::Unprocessable, why)),
    }
    let wanted = asked.desired.members();
    let waits = seconds(call.request.header("prefer"));
    let mut now = status(wanted, &shadow(call, &device).await?);
    let mut looks = waits.saturating_mul(LOOKS);
    while now == Status::Pending && looks > 0 {
        looks = looks.saturating_sub(1);
        call.ports.rest.pause().await;
        now = status(wanted, &shadow(call, &device).await?);
    }
    let change_id = call.new_id()?;
    let kept = keep_change(of.home_id(), &change_id, &device, wanted, call.moment.now);
    let location = format!("/homes/{}/devices/{device}/state/requests/{change_id}", of.home_id());
    let said = StateRequest {
        change_id,
        device_id: device,
        desired: wanted.clone(),
        status: now,
        requested_at: call.moment.now,
    };
    let code = if now == Status::Pending { 202 } else { 200 };
    let mut reply = Reply::json(code, &said).with("location", location);
    if waits > 0 {
        reply = reply.with("preference-applied", format!("wait={waits}"));
    }
    match call.commit(Some(of), vec![Step::Change(kept)], reply).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(..) => Err(Kind::Internal.into()),
    }
}

pub(super) async fn request<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let device = devices::kept(call, of).await?.device_id;
    let change_id = call.labels.id("changeId")?;
    let row = call.in_home(of, &format!("{}{change_id}", row::CHANGE)).await?;
    let shadow = shadow(call, &device).await?;
    let said = read_change(&row, &device, &shadow, call.moment.now).ok_or_else(|| Problem::from(Kind::NotFound))?;
    Ok(tagged(call.request, Reply::json(200, &said), &format!("1.{}", shadow.version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_understood_or_none() {
        for (prefer, expected) in [
            (None, 0),
            (Some("wait=5"), 5),
            (Some("respond-async, wait=5"), 5),
            (Some("respond-async; wait=600"), MOST_SECONDS),
            (Some("wait=soon"), 0),
            (Some("wait=-1"), 0),
        ] {
            assert_eq!(seconds(prefer), expected, "{prefer:?}");
        }
    }
}

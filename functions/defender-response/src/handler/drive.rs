//! One violation: taken into its device's row, and what follows from the row carried out.

use super::{Handled, LEASE, Outside, Ports, ResponseError, Settings, TRIES};
use fleet::alert::Alert;
use fleet::conditional::Outcome;
use fleet::defender::plan::{ABOUT, About, Plan};
use fleet::defender::remedy;
use fleet::defender::watched::{Action, Done, THING_NAME, Watched};
use fleet::defender::window::{is_in, reserve};
use fleet::ports::{
    AddThingToGroup as _, AskForRelease as _, AttachPolicy as _, ErrorKind, FindRow as _, MakeGroup as _, Notify as _,
    PortError, PortResult, RemoveThingFromGroup as _, UpdateItem,
};
use iot_events::ViolationEvent;

/// Who asks for releases, by their own word.
const BY: &str = "defender-response";

/// Takes a violation in, and does what follows.
pub(crate) async fn answer<O: Outside>(
    ports: &Ports<'_, O>,
    settings: &Settings,
    event: &ViolationEvent,
    now: i64,
) -> Result<Handled, ResponseError> {
    let plan = plan(ports, event).await?;
    let row = ports.devices.find_row(THING_NAME, &event.thing_name).await?;
    let mut watched = row.as_ref().and_then(Watched::read).unwrap_or_else(|| Watched::new(&event.thing_name));
    for _ in 0..TRIES {
        let is_busy = watched.busy_until.is_some_and(|until| until >= now);
        let mut next = watched.clone();
        let is_news = next.hear(event, &plan);
        let action = next.next();
        if !is_news && action.is_none() {
            return Ok(Handled::Known);
        }
        if is_busy && !is_news {
            return Err(ResponseError::InProgress);
        }
        if !is_busy {
            if let Some(action) = &action {
                next.begin(action);
            }
            next.busy_until = action.as_ref().map(|_| now.saturating_add(LEASE));
        }
        match save(ports.devices, next).await? {
            // Whoever is at it carries this out, too.
            Ok(_) if is_busy => return Err(ResponseError::InProgress),
            Ok(held) => {
                let settled = carry_out(ports, settings, held).await?;
                return Ok(Handled::of(&settled, event));
            }
            Err(current) => watched = current,
        }
    }
    Err(ResponseError::InProgress)
}

async fn plan<O: Outside>(ports: &Ports<'_, O>, event: &ViolationEvent) -> PortResult<Plan> {
    let about = About::Behavior(&event.security_profile_name, &event.behavior.name);
    for key in about.keys() {
        if let Some(row) = ports.plans.find_row(ABOUT, &key).await? {
            return Ok(about.read(&row));
        }
    }
    Ok(Plan::default())
}

/// Writes the device down; the device as it is where somebody else has.
async fn save<D: UpdateItem>(devices: &D, mut next: Watched) -> PortResult<Result<Watched, Watched>> {
    match devices.update_item(&next.save()).await? {
        Outcome::Applied { .. } => {
            next.revision = next.revision.saturating_add(1);
            Ok(Ok(next))
        }
        Outcome::Refused { current } => {
            let current = current.as_ref().and_then(Watched::read);
            Ok(Err(current.unwrap_or_else(|| Watched::new(&next.thing_name))))
        }
    }
}

/// Does what follows from the row, one after the other, holding the lease.
async fn carry_out<O: Outside>(
    ports: &Ports<'_, O>,
    settings: &Settings,
    mut watched: Watched,
) -> Result<Watched, ResponseError> {
    let held = watched.busy_until;
    while let Some(action) = watched.next() {
        let done = perform(ports, settings, &watched, &action).await?;
        watched = loop {
            let mut next = watched;
            next.done(&action, &done);
            match next.next() {
                Some(action) => next.begin(&action),
                None => next.busy_until = None,
            }
            match save(ports.devices, next).await? {
                Ok(saved) => break saved,
                Err(current) if current.busy_until == held => watched = current,
                // It took longer than the lease: another has taken it up.
                Err(_) => return Err(ResponseError::InProgress),
            }
        };
    }
    Ok(watched)
}

/// Does one thing, for the first time or once more.
async fn perform<O: Outside>(
    ports: &Ports<'_, O>,
    settings: &Settings,
    watched: &Watched,
    action: &Action,
) -> PortResult<Done> {
    let thing = watched.thing_name.as_str();
    match action {
        Action::Quarantine { at, .. } => {
            let reserved = ports.devices.update_item(&reserve(&settings.cap, thing, *at)).await?;
            if !is_in(thing, &reserved) {
                let (devices, seconds) = (settings.cap.devices, settings.cap.window_seconds);
                return Ok(Done::Never(format!("{devices} devices came into quarantine within {seconds} s already")));
            }
            // Somebody may have detached it, and a group without it is no quarantine.
            ports.groups.attach_policy(&settings.policy, &settings.group_arn).await?;
            or_never(ports.groups.add_thing_to_group(thing, &settings.group).await)
        }
        Action::Release => {
            ports.groups.remove_thing_from_group(thing, &settings.group).await?;
            Ok(Done::Done)
        }
        Action::Remedy { name, remedy, .. } => {
            ports.groups.make_group(name).await?;
            let added = or_never(ports.groups.add_thing_to_group(thing, name).await)?;
            if added == Done::Done {
                ports.releases.ask_for_release(&remedy::release(name, remedy), BY).await?;
            }
            Ok(added)
        }
        Action::Tell(telling) => {
            ports.alerts.notify(&Alert::Violation((**telling).clone())).await?;
            Ok(Done::Done)
        }
    }
}

/// What fails the same way each time is no reason to try again.
fn or_never(result: PortResult<()>) -> Result<Done, PortError> {
    match result {
        Ok(()) => Ok(Done::Done),
        Err(error) if error.kind == ErrorKind::Permanent => Ok(Done::Never(error.to_string())),
        Err(error) => Err(error),
    }
}

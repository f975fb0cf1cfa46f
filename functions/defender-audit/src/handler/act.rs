//! What was decided about an audit, done.

use super::{AuditError, Outside, Ports, write};
use fleet::defender::audit::{Act, CheckReport, Phase, Report, pause, suppressions};
use fleet::defender::remedy;
use fleet::ports::{
    AddThingToGroup as _, AskForRelease as _, DescribeMitigation as _, ErrorKind, MakeGroup as _, PortError,
    PortResult, StartMitigation as _, Suppress as _, UpdateItem as _,
};

/// Who asks for releases, by their own word.
const BY: &str = "defender-audit";

/// Does what was decided, for the first time or once more; writes down that it is done.
pub(super) async fn act<O: Outside>(ports: &Ports<'_, O>, mut report: Report, held: i64) -> Result<Report, AuditError> {
    for check in &mut report.checks {
        suppress(ports, check).await?;
        ask(ports, check).await?;
    }
    if let Some(mitigation) = report.mitigation() {
        report.not_started = or_why(ports.defender.start_mitigation(&mitigation).await)?;
    }
    write(ports, &report, Phase::Acted, held).await?;
    Ok(report)
}

async fn suppress<O: Outside>(ports: &Ports<'_, O>, check: &mut CheckReport) -> PortResult<()> {
    for suppression in suppressions(check) {
        if let Some(why) = or_why(ports.defender.suppress(&suppression).await)? {
            check.held_back = Some(why);
        }
    }
    Ok(())
}

/// Asks devices to do something. One that is gone meanwhile is left out.
async fn ask<O: Outside>(ports: &Ports<'_, O>, check: &mut CheckReport) -> PortResult<()> {
    let Some(Act::Remedy { name, remedy, things }) = check.act.clone() else { return Ok(()) };
    if let Some(why) = or_why(ports.defender.make_group(&name).await)? {
        check.held_back = Some(why);
        return Ok(());
    }
    for thing in &things {
        if let Some(why) = or_why(ports.defender.add_thing_to_group(thing, &name).await)? {
            check.held_back = Some(format!("of some things: {why}"));
        }
    }
    ports.releases.ask_for_release(&remedy::release(&name, &remedy), BY).await
}

/// What has become of mitigation, once it has ended.
pub(super) async fn follow<O: Outside>(
    ports: &Ports<'_, O>,
    mut report: Report,
    held: i64,
) -> Result<Report, AuditError> {
    let Some(mitigation) = report.mitigation() else { return Ok(report) };
    if let Some(view) = ports.defender.describe_mitigation(&mitigation.id).await? {
        if view.goes_on {
            ports.audits.update_item(&pause(&report.task_id, held)).await?;
            return Err(AuditError::Mitigating);
        }
        report.mitigated(&view);
    }
    Ok(report)
}

/// What fails the same way each time is said, and not tried again.
fn or_why(result: PortResult<()>) -> Result<Option<String>, PortError> {
    match result {
        Ok(()) => Ok(None),
        Err(error) if error.kind == ErrorKind::Permanent => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

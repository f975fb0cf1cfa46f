//! `drydock release`: firmware, configuration and remedies that go to an environment's devices in waves. All that it asks is asked of the
//! template's function, on a gateway and on AWS alike.
//!
//! - [`args`]: what the commands take.
//! - `look`: how releases are shown.

pub mod args;
mod look;

use super::args::CommandResult;
use super::print;
use args::{CreateArgs, ListArgs, OneArgs, PromoteArgs, StopArgs, To};
use clap::Subcommand;
use drydock_host::shown;
use serde_json::{Value, json};
use std::process::ExitCode;

/// What can be done with releases.
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Begin a release that a JSON file describes, or say what it would be.
    Create(CreateArgs),
    /// List the releases and what environments have.
    List(ListArgs),
    /// Show how a release stands.
    Show(OneArgs),
    /// Approve a release, as a second person.
    Approve(OneArgs),
    /// Begin the next wave of a release that waits for it.
    Promote(PromoteArgs),
    /// Stop a release: its jobs are canceled.
    Stop(StopArgs),
    /// Go on with a release that was stopped, behind the waves that have done well.
    Resume(OneArgs),
    /// Give devices what they had before the release.
    Rollback(OneArgs),
}

/// Runs the command.
///
/// # Errors
/// Where the function cannot be asked, or refuses.
pub async fn run(command: ReleaseCommand) -> CommandResult {
    match command {
        ReleaseCommand::Create(args) => create(args).await,
        ReleaseCommand::List(args) => {
            let answer = args.to.ask(&json!({ "command": "list", "environment": args.environment })).await?;
            answered(&args.to, &answer, look::list)
        }
        ReleaseCommand::Show(args) => {
            let answer = args.to.ask(&json!({ "command": "show", "releaseId": args.release_id })).await?;
            answered(&args.to, &answer, look::release)
        }
        ReleaseCommand::Approve(args) => order("approve", &args, json!({})).await,
        ReleaseCommand::Promote(args) => order("promote", &args.one, json!({ "wave": args.wave })).await,
        ReleaseCommand::Stop(args) => order("stop", &args.one, json!({ "why": args.why })).await,
        ReleaseCommand::Resume(args) => order("resume", &args, json!({})).await,
        ReleaseCommand::Rollback(args) => order("rollback", &args, json!({})).await,
    }
}

async fn create(args: CreateArgs) -> CommandResult {
    let text = std::fs::read_to_string(&args.file).map_err(|error| format!("`{}`: {error}", args.file.display()))?;
    let release: Value = serde_json::from_str(&text).map_err(|error| format!("`{}`: {error}", args.file.display()))?;
    let command = json!({ "command": "create", "release": release, "by": args.to.by, "dryRun": args.dry_run });
    let answer = args.to.ask(&command).await?;
    answered(&args.to, &answer, if args.dry_run { look::dry_run } else { look::release })
}

async fn order(command: &str, args: &OneArgs, more: Value) -> CommandResult {
    let mut order = json!({ "command": command, "releaseId": args.release_id, "by": args.to.by });
    for (name, value) in more.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        if let Value::Object(order) = &mut order {
            order.insert(name.clone(), value.clone());
        }
    }
    let answer = args.to.ask(&order).await?;
    answered(&args.to, &answer, look::release)
}

/// Prints an answer, as JSON or as people read it.
fn answered(to: &To, answer: &Value, look: fn(&Value)) -> CommandResult {
    if to.json {
        print::told(format_args!("{:#}", shown::value(answer.clone())));
    } else {
        look(answer);
    }
    Ok(ExitCode::SUCCESS)
}

//! `drydock operations`: which operations of AWS IoT's three APIs there are, and which of them this version implements.

use super::args::{CommandResult, OperationsArgs};
use super::print;
use drydock_services::operations as support;
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// Where the list cannot be written as JSON.
pub fn run(args: &OperationsArgs) -> CommandResult {
    let areas = support::areas();
    if args.paths {
        print::told(serde_json::to_string_pretty(&drydock_gateway::http::paths::all())?);
    } else if args.json {
        print::told(serde_json::to_string_pretty(&areas)?);
    } else if args.markdown {
        print::told(support::markdown(&areas).trim_end());
    } else {
        let mut table = print::table(["area", "implemented", "not yet (501)"]);
        for area in &areas {
            table.add_row([area.area, &area.implemented.join("\n"), &area.missing.join("\n")]);
        }
        print::told(&table);
    }
    Ok(ExitCode::SUCCESS)
}

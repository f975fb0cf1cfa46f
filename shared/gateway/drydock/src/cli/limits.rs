//! `drydock limits`: the limits that a gateway started here would have, with AWS's values and their source.

use super::args::{CommandResult, LimitsArgs};
use super::print;
use drydock_broker::Limits;
use drydock_gateway::config::{Config, FILE};
use serde_json::json;
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// Where the configuration cannot be read.
pub fn run(args: &LimitsArgs) -> CommandResult {
    let config = Config::find(args.config.as_deref())?;
    let rows = Limits::TABLE.iter().map(|limit| (limit, config.limits.get(limit.name).unwrap_or(limit.default)));
    if args.json {
        let rows: Vec<_> = rows
            .map(|(limit, value)| {
                json!({
                    "name": limit.name, "default": limit.default, "value": value,
                    "least": limit.least, "most": limit.most, "about": limit.about,
                })
            })
            .collect();
        print::told(format_args!("{:#}", json!({ "file": config.file, "limits": rows })));
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(["limit", "AWS", "here", "what it is"]);
    for (limit, value) in rows {
        let here = if value == limit.default { value.to_string() } else { print::changed(value) };
        table.add_row([limit.name, &limit.default.to_string(), &here, limit.about]);
    }
    print::told(&table);
    match &config.file {
        Some(path) => print::told(format_args!("as {} says", path.display())),
        None => print::told(format_args!(
            "there is no {FILE} here; a table `[limits]` with lines `name = number` in it changes them"
        )),
    }
    Ok(ExitCode::SUCCESS)
}

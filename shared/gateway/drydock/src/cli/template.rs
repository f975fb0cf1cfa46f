//! `drydock template check`: what would become of a template, before anything is touched.

use super::args::{CommandResult, parse_account, parse_parameter, parse_region, parse_stack_name};
use super::print;
use super::project::{self, SamConfig};
use clap::{Args, Subcommand};
use drydock_core::Scope;
use drydock_gateway::config::Config;
use drydock_gateway::deploy::Values;
use drydock_gateway::deploy::check::{Checked, check};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// What can be done with templates.
#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// Say what comes up, what is left to AWS, and what is wrong, with line and column. Ends with 1 where something is wrong.
    Check(CheckArgs),
}

/// What `drydock template check` takes.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The SAM or CloudFormation template; without it the one that `drydock up` finds in the working directory.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A value for a parameter of the template; may be given more than once. samconfig.toml beside the template and drydock.toml
    /// are read as `drydock up` reads them.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, String)>,
    /// The name of the stack; without it the one in samconfig.toml, that of the CDK app, the template's folder's.
    #[arg(long, value_name = "NAME", value_parser = parse_stack_name)]
    pub stack_name: Option<String>,
    /// The configuration to read; without it `drydock.toml` in the working directory, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Leave to AWS what is not implemented here, as `drydock up --lenient` does.
    #[arg(long)]
    pub lenient: bool,
    /// Ask nothing of the functions' code.
    #[arg(long)]
    pub no_functions: bool,
    /// The account to play.
    #[arg(long, value_name = "TWELVE DIGITS", default_value = "123456789012", value_parser = parse_account)]
    pub account: String,
    /// The region to play; without it the one that `drydock up` takes.
    #[arg(long, value_name = "REGION", value_parser = parse_region)]
    pub region: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// Where there is no template, a file beside it cannot be read, or the answer cannot be written as JSON.
pub fn run(command: TemplateCommand) -> CommandResult {
    let TemplateCommand::Check(args) = command;
    let file = args.file.or_else(project::template).ok_or("there is no template.yaml here: name the template")?;
    let sam = SamConfig::beside(Some(&file))?;
    let config = Config::find(args.config.as_deref())?;
    let scope = Scope::new(args.account, project::region(args.region.as_deref(), &sam)?);
    let values = Values {
        stack_name: args.stack_name.or(sam.stack_name),
        parameters: [config.parameters, args.parameters].concat(),
        defaults: sam.parameters,
        lenient: args.lenient,
    };
    let checked = check(&file, &scope, &values, !args.no_functions);
    if args.json {
        print::told(serde_json::to_string_pretty(&checked)?);
    } else {
        show(&checked);
    }
    Ok(if checked.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(checked: &Checked) {
    if !checked.comes_up.is_empty() {
        print::heading("comes up here");
        let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for made in &checked.comes_up {
            kinds.entry(&made.type_).or_default().push(&made.logical_id);
        }
        for (kind, names) in kinds {
            print::told(format_args!("{kind}: {}", names.join(", ")));
        }
    }
    if !checked.left_to_aws.is_empty() {
        print::heading("left to AWS");
        for left in &checked.left_to_aws {
            let part = left.part.as_ref().map(|part| format!(".{part}")).unwrap_or_default();
            print::told(format_args!("{}: {}{part} ({}): {}", left.place, left.logical_id, left.type_, left.why));
        }
    }
    if !checked.without_effect.is_empty() {
        print::heading("without effect here");
        for note in &checked.without_effect {
            print::told(format_args!("{}: {}: {}", note.place, note.path, note.why));
        }
    }
    if !checked.wrong.is_empty() {
        print::heading("wrong");
        for wrong in &checked.wrong {
            let place = wrong.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
            print::told(format_args!("{place}{}", print::bad(&wrong.why)));
            if let Some(help) = &wrong.help {
                print::told(format_args!("  help: {help}"));
            }
        }
    }
}

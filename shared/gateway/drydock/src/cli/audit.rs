//! `drydock audit`: the checks of Device Defender's audit on a template, before anything of it is deployed. It needs no gateway, no
//! values of parameters, and no type that is known here.
//!
//! - `judge`: what the checks find in a template. `sarif`: the same as code hosts take it.

mod judge;
mod sarif;

use super::args::CommandResult;
use super::{print, project};
use clap::Args;
use drydock_template::Template;
pub use judge::Severity;
use judge::{Finding, Looked};
use std::path::PathBuf;
use std::process::ExitCode;

/// What `drydock audit` takes.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// The SAM or CloudFormation template; without it the one that `drydock up` finds in the working directory. A finding is suppressed
    /// by `Metadata: {DrydockAudit: [{Check: NAME, Reason: TEXT}]}` of its resource.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// End with 1 where something as bad as that is found, or worse.
    #[arg(long, value_name = "SEVERITY", default_value = "low")]
    pub severity: Severity,
    /// Print JSON.
    #[arg(long, conflicts_with = "sarif")]
    pub json: bool,
    /// Print SARIF 2.1.0, which code hosts show beside the lines.
    #[arg(long)]
    pub sarif: bool,
}

/// Runs the command.
///
/// # Errors
/// Where there is no template, it does not read, or a suppression in it is not one.
pub fn run(args: &AuditArgs) -> CommandResult {
    let file = args.file.clone().or_else(project::template);
    let file = file.ok_or("there is no template.yaml here: name the template")?;
    let template = Template::from_path(&file)?;
    let looked = judge::look(&template.loosely())?;
    if args.sarif {
        print::told(serde_json::to_string_pretty(&sarif::log(&looked))?);
    } else if args.json {
        print::told(serde_json::to_string_pretty(&looked)?);
    } else {
        show(&looked);
    }
    let mut open = looked.findings.iter().filter(|finding| finding.suppressed.is_none());
    let is_good = !open.any(|finding| finding.severity() >= args.severity);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(looked: &Looked) {
    let open: Vec<&Finding> = looked.findings.iter().filter(|finding| finding.suppressed.is_none()).collect();
    if !open.is_empty() {
        let mut table = print::table(["severity", "place", "resource", "what is wrong"]);
        for finding in &open {
            let what = format!("{}\n{}", finding.reason, finding.why);
            table.add_row([
                finding.check.severity.to_string(),
                finding.place.to_string(),
                finding.resource.clone(),
                what,
            ]);
        }
        print::told(table);
    }
    let mut told: Vec<&str> = Vec::new();
    for finding in &open {
        if !told.contains(&finding.check.name) {
            told.push(finding.check.name);
            print::heading(finding.check.name);
            finding.check.steps.iter().for_each(|step| print::told(format_args!("- {step}")));
            print::told(print::dim(finding.check.url()));
        }
    }
    for finding in looked.findings.iter().filter(|finding| finding.suppressed.is_some()) {
        let why = finding.suppressed.as_deref().unwrap_or_default();
        print::told(format_args!(
            "{}: {}: {} is suppressed: {why}",
            finding.place, finding.resource, finding.check.name
        ));
    }
    for line in &looked.unread {
        print::told(line);
    }
    let count = looked.looked_at;
    print::told(match open.len() {
        0 => print::good(format!("nothing is wrong with the {count} resources that were looked at")),
        found => print::bad(format!("{found} findings on the {count} resources that were looked at")),
    });
}

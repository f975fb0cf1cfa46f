//! The workspace's chores, run as `cargo xtask <chore>`.
//!
//! - `ci`: all checks, or those that are named, as `.ci/run` runs them.
//! - [`support`]: renews the README's table of the operations that are implemented; as `reference` the page of the rules SQL's
//!   functions.
//! - [`model`]: downloads AWS's service models, strips them, and generates the code of `drydock-model` from them.

mod model;
mod support;

use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask ci [STEP…]
       cargo xtask model [--offline | --check]
       cargo xtask support
       cargo xtask reference

  ci               run all checks, or the steps that are named (.ci/run has a line for each)
  model            download the service models, strip them, and generate the code of drydock-model
  model --offline  generate the code from the stripped models that are committed
  model --check    change nothing; fail where the generated code is not what the stripped models give
  support          renew the README's table of operations
  reference        renew the reference of the rules SQL's functions";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["ci", steps @ ..] => ci(steps),
        ["model"] => model::update(),
        ["model", "--offline"] => model::generate(),
        ["model", "--check"] => model::check(),
        ["support"] => support::update(),
        ["reference"] => support::reference(),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the checks; their own output says all there is to say.
fn ci(steps: &[&str]) -> Result<String, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/run");
    match Command::new("bash").arg(script).args(steps).status() {
        Ok(status) if status.success() => Ok("all checks passed".to_owned()),
        Ok(status) => Err(format!("a check failed: {status}")),
        Err(error) => Err(format!("`bash {script}` cannot be run: {error}")),
    }
}

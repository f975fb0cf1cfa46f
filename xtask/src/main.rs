//! The workspace's chores, run as `cargo xtask <chore>`.
//!
//! - [`model`]: downloads AWS's service models, strips them, and generates the code of `drydock-model` from them.

mod model;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask model [--offline | --check]

  model            download the service models, strip them, and generate the code of drydock-model
  model --offline  generate the code from the stripped models that are committed
  model --check    change nothing; fail where the generated code is not what the stripped models give";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["model"] => model::update(),
        ["model", "--offline"] => model::generate(),
        ["model", "--check"] => model::check(),
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

//! Shows how the build of the functions goes on: a spinner on a terminal, a line now and then elsewhere.

use super::print;
use drydock_gateway::deploy::functions::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write as _;
use std::time::Duration;

/// Shows a build.
pub struct Shown {
    spinner: ProgressBar,
    quiet: bool,
    is_terminal: bool,
}

impl Shown {
    /// Shows it, or where `quiet` only what fails.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let spinner = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        spinner.set_style(
            ProgressStyle::with_template("{spinner} building functions  {elapsed_precise}  {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        spinner.enable_steady_tick(Duration::from_millis(120));
        Self { spinner, quiet, is_terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()) }
    }
}

impl Progress for Shown {
    fn compiling(&self, crates: u32, what: &str) {
        self.spinner.set_message(format!("{crates} crates, {what}"));
        if !self.is_terminal && !self.quiet && crates.is_multiple_of(25) {
            print::told(format!("building functions: {crates} crates compiled, now {what}"));
        }
    }

    fn built(&self, took: Duration) {
        self.spinner.finish_and_clear();
        if !self.quiet {
            print::told(format!("functions built in {:.1} s", took.as_secs_f64()));
        }
    }

    fn failed(&self, said: &str) {
        self.spinner.finish_and_clear();
        let _ = std::io::stderr().write_all(said.as_bytes());
    }

    fn installing(&self, what: &str) {
        self.spinner.set_message(format!("installing {what}"));
        if !self.is_terminal && !self.quiet {
            print::told(format!("installing {what}, once"));
        }
    }

    fn installed(&self, what: &str, took: Duration) {
        if !self.quiet {
            self.spinner.suspend(|| print::told(format!("installed {what} in {:.1} s", took.as_secs_f64())));
        }
    }

    fn differs(&self, function: &str, runtime: &str, here: &str) {
        if !self.quiet {
            self.spinner
                .suspend(|| print::told(format!("{function} is for {runtime}, and runs on {here} of this machine")));
        }
    }
}

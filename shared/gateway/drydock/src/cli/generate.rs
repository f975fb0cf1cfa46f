//! What is made from the command line itself and from the table of what `drydock.toml` may say: completions for shells, manual
//! pages, a file to begin with.

use super::args::CommandResult;
use super::print;
use clap::{Args, Command};
use clap_complete::Shell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `drydock completions` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    source <(drydock completions bash)\n  \
    drydock completions zsh > ~/.zfunc/_drydock\n  \
    drydock completions fish > ~/.config/fish/completions/drydock.fish")]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: Shell,
}

/// What `drydock man` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    drydock man | man -l -\n  \
    drydock man --out ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write a page for each command to this folder, instead of the one of the whole to standard output.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Prints what a shell reads to complete the commands and options of a command line.
///
/// # Errors
/// None so far.
pub fn completions(args: &CompletionsArgs, mut command: Command) -> CommandResult {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "drydock", &mut text);
    print::told_at_once(&String::from_utf8_lossy(&text));
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page of a command line, or writes all of them.
///
/// # Errors
/// Where a page cannot be written.
pub fn man(args: &ManArgs, mut command: Command) -> CommandResult {
    command.build();
    match &args.out {
        None => print::told_at_once(&page(&command)?),
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("the folder `{}` cannot be made: {error}", folder.display()))?;
            let count = pages(&command, "drydock", folder)?;
            print::told(format_args!("{count} pages written to {}", folder.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a `drydock.toml` with everything that may be in one, commented out.
///
/// # Errors
/// None so far.
pub fn config() -> CommandResult {
    print::told_at_once(&drydock_gateway::config::reference::commented());
    Ok(ExitCode::SUCCESS)
}

fn page(command: &Command) -> std::io::Result<String> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Writes the page of a command and those of its subcommands; how many there are.
fn pages(command: &Command, name: &str, folder: &Path) -> Result<usize, String> {
    let path = folder.join(format!("{name}.1"));
    let failed = |error: std::io::Error| format!("`{}` cannot be written: {error}", path.display());
    let text = page(&command.clone().display_name(name.to_owned())).map_err(failed)?;
    std::fs::write(&path, text).map_err(failed)?;
    let mut count = 1;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        count += pages(sub, &format!("{name}-{}", sub.get_name()), folder)?;
    }
    Ok(count)
}

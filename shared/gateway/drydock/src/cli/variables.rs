//! A variable of the environment for each option, so that a container or a script can set what a command line would:
//! `--api-port` is `DRYDOCK_API_PORT`, of whichever command. The command line comes first.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Command};

/// What the names of the variables begin with.
const PREFIX: &str = "DRYDOCK_";

/// The command with a variable for each of its options and those of its subcommands.
#[must_use]
pub fn of_all(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let Some(name) = arg.get_long().map(name).filter(|_| !is_about_itself(arg.get_action())) else { return arg };
        let is_flag = matches!(arg.get_action(), ArgAction::SetTrue);
        let arg = arg.env(name).hide_env_values(true);
        if is_flag { arg.value_parser(BoolishValueParser::new()) } else { arg }
    });
    command.mut_subcommands(of_all)
}

/// The variable of an option.
fn name(option: &str) -> String {
    format!("{PREFIX}{}", option.to_ascii_uppercase().replace('-', "_"))
}

/// Whether an option asks what the command is, not to do something.
fn is_about_itself(action: &ArgAction) -> bool {
    matches!(action, ArgAction::Help | ArgAction::HelpLong | ArgAction::HelpShort | ArgAction::Version)
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn each_option_has_a_variable() {
        fn check(command: &clap::Command, seen: &mut usize) {
            for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
                if super::is_about_itself(arg.get_action()) {
                    continue;
                }
                *seen += 1;
                let env = arg.get_env().and_then(|env| env.to_str()).unwrap_or_default();
                let option = arg.get_long().unwrap();
                assert_eq!(env, super::name(option), "--{option} of {}", command.get_name());
                assert!(arg.get_help().is_some(), "--{option} of {} says nothing", command.get_name());
            }
            command.get_subcommands().for_each(|command| check(command, seen));
        }
        let mut command = super::of_all(Cli::command());
        command.build();
        let mut seen = 0;
        check(&command, &mut seen);
        assert!(seen > 60, "{seen}");
        command.debug_assert();
    }
}

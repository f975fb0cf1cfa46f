//! `drydock.toml` as a text to begin with: every table and every key, commented out, with what each does.

use super::fault::Known;
use super::{FILE, SECTIONS};
use std::fmt::Write as _;

/// The widest that a comment gets, in characters.
const WIDTH: usize = 110;

/// A file with everything that may be in one, all of it commented out: read as it is, it sets nothing. Taking away the `# ` of a
/// line, and of its table's name above it, sets what AWS has, or an example.
#[must_use]
pub fn commented() -> String {
    let mut text =
        format!("## {FILE}: what a project sets for its gateway. `drydock up` reads it from the working directory.\n");
    for section in SECTIONS {
        text.push('\n');
        wrapped(&mut text, "##", section.about);
        // A string takes everything.
        let _ = match section.is_list {
            true => writeln!(text, "# [[{}]]", section.name),
            false => writeln!(text, "# [{}]", section.name),
        };
        for Known { line, about, .. } in (section.known)() {
            wrapped(&mut text, "##", &about);
            let _ = writeln!(text, "# {line}");
        }
    }
    text
}

/// Adds a comment, broken between words.
fn wrapped(text: &mut String, mark: &str, comment: &str) {
    let mut line = String::from(mark);
    for word in comment.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from(mark);
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use drydock_broker::Limits;
    use std::path::Path;

    #[test]
    fn as_it_is_it_sets_nothing() {
        assert_eq!(Config::parse(&commented(), Path::new(FILE)).unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_there_and_may_be_set_as_it_stands() {
        let text = commented();
        let bare: String = text
            .lines()
            .filter(|line| !line.starts_with("##"))
            .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
            .collect();
        let config = Config::parse(&bare, Path::new(FILE)).unwrap_or_else(|error| panic!("{error}\n{bare}"));
        assert_eq!(config.limits, Limits::default(), "the limits stand as AWS has them");
        for limit in Limits::TABLE {
            assert!(text.contains(&format!("# {} = {}\n", limit.name, limit.default)), "{}", limit.name);
        }
        for section in SECTIONS {
            let known = (section.known)();
            assert!(!known.is_empty(), "`{}` has no keys", section.name);
            for Known { name, line, .. } in known {
                assert!(line.starts_with(&name) || line.starts_with(&format!("\"{name}")), "{name}: {line}");
                assert!(text.contains(&format!("\n# {line}\n")), "{name}");
            }
        }
        let set = [!config.api.hosts.is_empty(), !config.api.origins.is_empty(), !config.credentials.is_empty()];
        assert!(set.into_iter().all(|set| set) && !config.faults.by_name.is_empty() && !config.parameters.is_empty());
    }
}

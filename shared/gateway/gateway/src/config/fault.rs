//! What is wrong with a configuration, shown with the line that says it.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A key that a table knows, for who writes a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// The key.
    pub(super) name: String,
    /// A line that sets it: to its usual value, or to an example.
    pub(super) line: String,
    /// What it does.
    pub(super) about: String,
}

impl Known {
    pub(super) fn new(name: &str, value: impl std::fmt::Display, about: &str) -> Self {
        Self { name: name.to_owned(), line: format!("{name} = {value}"), about: about.to_owned() }
    }
}

/// One thing that is wrong: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The line's text.
    text: String,
    /// How many characters it is about.
    width: usize,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration `{path}` cannot be read", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file says what cannot be.
    #[error("{}", Shown(.path, .faults))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// At least one, in the order of the text.
        faults: Vec<Fault>,
    },
}

/// Faults as a person reads them.
struct Shown<'a>(&'a Path, &'a [Fault]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.1.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let Fault { line, column, what, help, text, width } = fault;
            let margin = " ".repeat(line.to_string().len());
            write!(f, "{}:{line}:{column}: {what}\n {line} | {text}", self.0.display())?;
            write!(f, "\n {margin} | {}{}", " ".repeat(column.saturating_sub(1)), "^".repeat(*width))?;
            if let Some(help) = help {
                write!(f, "\n {margin} = {help}")?;
            }
        }
        Ok(())
    }
}

/// Gathers what is wrong with a text.
pub(super) struct Faults<'a> {
    text: &'a str,
    path: &'a Path,
    found: Vec<(usize, Fault)>,
}

impl<'a> Faults<'a> {
    pub(super) fn new(text: &'a str, path: &'a Path) -> Self {
        Self { text, path, found: Vec::new() }
    }

    /// Something is wrong with these bytes of the text.
    pub(super) fn add(&mut self, span: Range<usize>, what: String, help: Option<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let text = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let about = self.text.get(span.clone()).and_then(|about| about.lines().next()).unwrap_or_default();
        let fault = Fault {
            line: before.matches('\n').count() + 1,
            column: before.get(start..).unwrap_or_default().chars().count() + 1,
            what,
            help,
            // A tab would move the marks below it.
            text: without_secret(text).replace('\t', " "),
            width: about.chars().count().max(1),
        };
        self.found.push((span.start, fault));
    }

    /// The configuration where nothing is wrong.
    pub(super) fn into_result<T>(mut self, good: T) -> Result<T, ConfigError> {
        if self.found.is_empty() {
            return Ok(good);
        }
        self.found.sort_by_key(|(at, _)| *at);
        let faults = self.found.into_iter().map(|(_, fault)| fault).collect();
        Err(ConfigError::Wrong { path: self.path.to_owned(), faults })
    }
}

/// A line that may set a secret is shown up to its value.
fn without_secret(line: &str) -> String {
    match line.split_once('=') {
        Some((name, _)) if name.contains("secret") || name.contains("token") => format!("{name}= …"),
        _ => line.to_owned(),
    }
}

/// Advice for a name that is not known: the nearest one that is, or else all there are.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    let near = known
        .clone()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(name.len()) / 3)
        .min_by_key(|(distance, _)| *distance);
    if let Some((_, candidate)) = near {
        return Some(format!("did you mean `{candidate}`?"));
    }
    let all: Vec<String> = known.take(8).map(|candidate| format!("`{candidate}`")).collect();
    (all.len() < 8).then(|| format!("known here: {}", all.join(", ")))
}

//! What was found, in one form.

use crate::cli::print;
use drydock_host::shown;
use serde::Serialize;
use std::fmt;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Good,
    /// Not looked at, for the reason that is said.
    Skipped,
    /// As it may be meant, or not.
    Doubtful,
    /// Wrong.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub about: String,
    /// How it is.
    pub state: State,
    /// What was seen, in a line.
    pub text: String,
    /// What to do about it; empty where there is nothing to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub help: String,
}

/// All that was found, in the order that it was looked at.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What was found.
    pub all: Vec<Finding>,
}

impl Findings {
    pub(super) fn good(&mut self, about: &str, text: impl AsRef<str>) {
        self.put(about, State::Good, text, "");
    }

    pub(super) fn skipped(&mut self, about: &str, text: impl AsRef<str>, help: impl AsRef<str>) {
        self.put(about, State::Skipped, text, help);
    }

    pub(super) fn doubtful(&mut self, about: &str, text: impl AsRef<str>, help: impl AsRef<str>) {
        self.put(about, State::Doubtful, text, help);
    }

    pub(super) fn wrong(&mut self, about: &str, text: impl AsRef<str>, help: impl AsRef<str>) {
        self.put(about, State::Wrong, text, help);
    }

    /// What to do about what was found last.
    pub(super) fn help(&mut self, help: &str) {
        if let Some(last) = self.all.last_mut() {
            last.help = shown::line(help).into_owned();
        }
    }

    /// Texts of files and of whoever answers may stand in it.
    fn put(&mut self, about: &str, state: State, text: impl AsRef<str>, help: impl AsRef<str>) {
        let line = |text: &str| shown::line(text).into_owned();
        self.all.push(Finding { about: line(about), state, text: line(text.as_ref()), help: line(help.as_ref()) });
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { about, state, text, help } = self;
        match state {
            State::Good => write!(f, "{} {about}: {text}", print::good("ok     "))?,
            State::Skipped => write!(f, "{} {about}: {text}", print::dim("skipped"))?,
            State::Doubtful => write!(f, "{} {about}: {text}", print::changed("look   "))?,
            State::Wrong => write!(f, "{} {about}: {text}", print::bad("wrong  "))?,
        }
        if help.is_empty() { Ok(()) } else { write!(f, "\n        help: {help}") }
    }
}

//! `drydock.toml`: what a project sets for its gateway. Read by `drydock up` and `drydock demo` from the working directory, or
//! from where `--config` says; without it everything is as AWS has it.
//!
//! A key that is not known, and a value that cannot be, are refused with their place. Each table of the file has a module
//! here and a line in [`SECTIONS`].

mod api;
mod credentials;
mod endpoints;
mod fault;
mod faults;
mod limits;
mod parameters;
mod settings;

pub use fault::{ConfigError, Fault};
pub use settings::{AccountKey, Config};

use fault::{Faults, nearest};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The name of the file that is looked for in the working directory.
pub const FILE: &str = "drydock.toml";

/// Reads one table, or array of tables, of the file.
type Section = fn(&mut Config, &Spanned<DeValue<'_>>, &mut Faults);

/// The tables that the file may have, each with what reads it.
const SECTIONS: &[(&str, Section)] = &[
    ("api", api::read),
    ("credentials", credentials::read),
    ("endpoints", endpoints::read),
    ("faults", faults::read),
    ("limits", limits::read),
    ("parameters", parameters::read),
];

impl Config {
    /// Reads the file that was named, or else [`FILE`] in the working directory where there is one.
    ///
    /// # Errors
    /// [`ConfigError`]: the file cannot be read, or says what cannot be.
    pub fn find(named: Option<&Path>) -> Result<Self, ConfigError> {
        match named {
            Some(path) => Self::read(path),
            None if Path::new(FILE).is_file() => Self::read(Path::new(FILE)),
            None => Ok(Self::default()),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As [`Config::find`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let mut config = Self::parse(&text, path)?;
        config.file = Some(path.to_owned());
        Ok(config)
    }

    /// Understands the text of a file; `path` is for the places of errors.
    ///
    /// # Errors
    /// [`ConfigError::Wrong`], with everything that is wrong.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let mut faults = Faults::new(text, path);
        let mut config = Self::default();
        match DeTable::parse(text) {
            Ok(root) => {
                for (name, value) in root.get_ref() {
                    match SECTIONS.iter().find(|(known, _)| known == name.get_ref()) {
                        Some((_, read)) => read(&mut config, value, &mut faults),
                        None => faults.add(
                            name.span(),
                            format!("there is no table `{}`", name.get_ref()),
                            nearest(name.get_ref(), SECTIONS.iter().map(|(known, _)| *known)),
                        ),
                    }
                }
            }
            Err(error) => faults.add(error.span().unwrap_or(0..0), error.message().to_owned(), None),
        }
        faults.into_result(config)
    }
}

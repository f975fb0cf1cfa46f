//! `drydock.toml`: what a project sets for its gateway. Read by `drydock up` and `drydock demo` from the working directory, or
//! from where `--config` says; without it everything is as AWS has it.
//!
//! A key that is not known, and a value that cannot be, are refused with their place. Each table of the file has a module
//! here and a line in [`SECTIONS`].

mod api;
mod audit;
mod credentials;
mod endpoints;
mod fault;
mod faults;
mod issuers;
mod limits;
mod parameters;
pub mod reference;
mod settings;

pub use fault::{ConfigError, Fault};
pub use settings::{AccountKey, Config};

use fault::{Faults, Known, nearest};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The name of the file that is looked for in the working directory.
pub const FILE: &str = "drydock.toml";

/// A table, or array of tables, of the file.
struct Section {
    name: &'static str,
    /// Whether it is an array of tables.
    is_list: bool,
    /// What it is for.
    about: &'static str,
    /// What reads it.
    read: fn(&mut Config, &Spanned<DeValue<'_>>, &mut Faults<'_>),
    /// The keys that it knows, with an example of each.
    known: fn() -> Vec<Known>,
}

/// The tables that the file may have.
const SECTIONS: &[Section] = &[
    Section {
        name: "api",
        is_list: false,
        about: "How the HTTP listeners are called, and by whom.",
        read: api::read,
        known: api::known,
    },
    Section {
        name: "audit",
        is_list: false,
        about: "What Device Defender's audits look keys up in.",
        read: audit::read,
        known: audit::known,
    },
    Section {
        name: "credentials",
        is_list: true,
        about: "A key of the account, a table each. Where there is one, every request has to be signed by one of them, or by a key \
                that the gateway issued. An access key id of twelve digits is of the account of that number.",
        read: credentials::read,
        known: credentials::known,
    },
    Section {
        name: "endpoints",
        is_list: false,
        about: "Where the services are that rules send to: a URL, or \"aws\" for AWS itself. A stand-in of this gateway needs none.",
        read: endpoints::read,
        known: endpoints::known,
    },
    Section {
        name: "faults",
        is_list: false,
        about: "What services do wrong, so that it can be seen how their clients take it. A line for a service, or for one of its \
                operations, as in \"iot.DescribeCertificate\".",
        read: faults::read,
        known: faults::known,
    },
    Section {
        name: "issuers",
        is_list: false,
        about: "Where the keys of those are who issue tokens for HTTP APIs: a JWKS, in a file or at an http URL of this machine.",
        read: issuers::read,
        known: issuers::known,
    },
    Section {
        name: "limits",
        is_list: false,
        about: "The limits of the message broker, as AWS has them.",
        read: limits::read,
        known: limits::known,
    },
    Section {
        name: "parameters",
        is_list: false,
        about: "Values for the template's parameters, where the command line gives none.",
        read: parameters::read,
        known: parameters::known,
    },
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
                    match SECTIONS.iter().find(|section| section.name == name.get_ref()) {
                        Some(section) => (section.read)(&mut config, value, &mut faults),
                        None => faults.add(
                            name.span(),
                            format!("there is no table `{}`", name.get_ref()),
                            nearest(name.get_ref(), SECTIONS.iter().map(|section| section.name)),
                        ),
                    }
                }
            }
            Err(error) => faults.add(error.span().unwrap_or(0..0), error.message().to_owned(), None),
        }
        faults.into_result(config)
    }
}

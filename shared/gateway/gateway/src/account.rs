//! A whole account's state as text: what `drydock export` writes and `drydock import` reads.
//!
//! It is the rows of every rulebook as they are kept: things, types, groups, billing groups, certificates (as PEM; private keys
//! are never kept), CAs, policies, attachments, authorizers, topic rules, tags, settings. It is not the broker's sessions and
//! retained messages, not what rules have left to do, and not what the services beside AWS IoT hold.
//!
//! In a folder it is one file a table, `<table>.json`, an object with a row a line by key, and `account.json`, which says whose it
//! is and in which format the rows are. The same state gives the same text. Of all accounts and regions of a gateway, [`whole`],
//! each has such a folder in one.

pub mod whole;

use crate::scopes::ScopeError;
use drydock_core::Scope;
use drydock_host::books::Books;
use drydock_services::rules::backlog::Backlog;
use drydock_store::{Store, StoreError, Tables};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The file that says whose state a folder holds.
const HEAD: &str = "account.json";

/// What [`HEAD`] holds.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    account: String,
    region: String,
}

/// An account's state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    /// The format of the rows.
    pub format: u32,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The rows, by table and key: an object or a list as it is kept, anything else as text.
    pub tables: BTreeMap<String, BTreeMap<String, Box<RawValue>>>,
}

/// Why an account's state is not written or not taken in.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// A file or folder cannot be read or written.
    #[error("`{path}` cannot be {attempt}", path = .path.display())]
    File {
        /// `read` or `written`.
        attempt: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder has something else in it.
    #[error("`{path}` is not empty and has no {HEAD}: choose a new folder, or one that was exported to before", path = .0.display())]
    Occupied(PathBuf),
    /// A file is not what it should be.
    #[error("`{file}` is not valid: {source}")]
    Malformed {
        /// Which.
        file: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// It was written by a later version.
    #[error("the state has format {0}, and this version knows format {known}: use the version that wrote it", known = Store::FORMAT)]
    TooNew(u32),
    /// It belongs to another account or region, which its ARNs name throughout.
    #[error(
        "the state is of account {account} in {region}, and this gateway plays {here}: start it with `--account {account} --region {region}`"
    )]
    Elsewhere {
        /// The state's account.
        account: String,
        /// The state's region.
        region: String,
        /// What the gateway plays.
        here: String,
    },
    /// It has a table that there is not.
    #[error("`{0}` is not a table of this version; there are {1}")]
    UnknownTable(String, String),
    /// It names an account or region that is not called as those of AWS are.
    #[error("`{}` does not name an account and a region", drydock_host::shown::line(.0))]
    NotAScope(String),
    /// An account or region is in it more than once.
    #[error("{0} is in it twice")]
    Twice(String),
    /// One of several is not written or taken in.
    #[error("{scope}: {source}{}", after(.done))]
    One {
        /// Which.
        scope: String,
        /// Those that were taken in before.
        done: Vec<String>,
        /// Why.
        source: Box<AccountError>,
    },
    /// The account or region does not open.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A table is called as none is.
    #[error("`{}` is not the name of a table", drydock_host::shown::line(.0))]
    NotAName(String),
    /// The gateway has state already.
    #[error("the account is not empty ({0} has rows): import with `--replace` to put the new state in its place")]
    NotEmpty(String),
    /// The store failed, or a row does not read back.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to say of those that were taken in before one was not.
fn after(done: &[String]) -> String {
    if done.is_empty() { String::new() } else { format!(" (imported before it: {})", done.join(", ")) }
}

/// A row's text as JSON.
fn readable(text: &str) -> Box<RawValue> {
    let whole = text.starts_with(['{', '[']).then(|| RawValue::from_string(text.to_owned()).ok()).flatten();
    whole.unwrap_or_else(|| quoted(text))
}

fn quoted(text: &str) -> Box<RawValue> {
    // A text is always valid JSON once it is quoted.
    let quoted = serde_json::Value::from(text).to_string();
    RawValue::from_string(quoted).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A row's text from its JSON.
fn kept(file: &str, value: &RawValue) -> Result<String, AccountError> {
    let text = value.get();
    if text.starts_with('"') {
        serde_json::from_str(text).map_err(|source| AccountError::Malformed { file: file.to_owned(), source })
    } else {
        Ok(text.to_owned())
    }
}

impl Account {
    /// The state of an account as it is on disk: all that was answered before is in it.
    ///
    /// # Errors
    /// Whatever the disk answers.
    pub fn of(books: &Books, store: &Store) -> Result<Self, AccountError> {
        Self::of_scope(&books.scope, books, store)
    }

    /// The state of an account in a region that may not be open, whose tables are those of another one.
    fn of_scope(scope: &Scope, books: &Books, store: &Store) -> Result<Self, AccountError> {
        let mut tables: BTreeMap<String, BTreeMap<String, Box<RawValue>>> = BTreeMap::new();
        store.load_all(scope, &books.tables(), |table, key, value| {
            tables.entry(table.to_owned()).or_default().insert(key.to_owned(), readable(value));
            Ok::<_, StoreError>(())
        })?;
        let (account, region) = (scope.account.to_string(), scope.region.to_string());
        Ok(Self { format: Store::FORMAT, account, region, tables })
    }

    /// Whose it is.
    ///
    /// # Errors
    /// [`AccountError::NotAScope`].
    pub fn scope(&self) -> Result<Scope, AccountError> {
        if Scope::is_account(&self.account) && Scope::is_region(&self.region) {
            return Ok(Scope::new(self.account.as_str(), self.region.as_str()));
        }
        Err(AccountError::NotAScope(format!("{}/{}", self.account, self.region)))
    }

    /// Puts the state into an account, which has to be empty unless `replace`.
    ///
    /// # Errors
    /// [`AccountError`]; the account is as it was then.
    pub async fn put(&self, books: &Books, store: &Store, replace: bool) -> Result<(), AccountError> {
        let tables = self.taken(books)?;
        let check = || if replace { Ok(()) } else { empty(books, store) };
        books.replace(&tables, check).await?;
        // What the rules of before had still to do is not for those of now.
        Ok(store.clear(&books.scope, Backlog::TABLES).await?)
    }

    /// The rows, as far as they are of a format and of tables that an account here has.
    fn taken(&self, books: &Books) -> Result<Tables, AccountError> {
        if self.format > Store::FORMAT {
            return Err(AccountError::TooNew(self.format));
        }
        let here = &books.scope;
        if (self.account.as_str(), self.region.as_str()) != (here.account.as_str(), here.region.as_str()) {
            return Err(AccountError::Elsewhere {
                account: self.account.clone(),
                region: self.region.clone(),
                here: format!("account {} in {}", here.account, here.region),
            });
        }
        let known = books.tables();
        if let Some(unknown) = self.tables.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(AccountError::UnknownTable(unknown.clone(), known.join(", ")));
        }
        let mut tables = Tables::new();
        for (table, rows) in &self.tables {
            let texts = rows.iter().map(|(key, value)| Ok((key.clone(), kept(&file_name(table), value)?)));
            tables.insert(table.clone(), texts.collect::<Result<_, AccountError>>()?);
        }
        Ok(tables)
    }

    /// How many rows there are, by table.
    #[must_use]
    pub fn counts(&self) -> Vec<(&str, usize)> {
        self.tables.iter().map(|(table, rows)| (table.as_str(), rows.len())).collect()
    }

    /// Reads it from JSON text.
    ///
    /// # Errors
    /// [`AccountError::Malformed`].
    pub fn parse(text: &[u8]) -> Result<Self, AccountError> {
        serde_json::from_slice(text)
            .map_err(|source| AccountError::Malformed { file: "the request".to_owned(), source })
    }

    /// The same from where it is read piece by piece.
    ///
    /// # Errors
    /// [`AccountError::Malformed`].
    pub fn parse_from(reader: impl io::Read) -> Result<Self, AccountError> {
        serde_json::from_reader(reader)
            .map_err(|source| AccountError::Malformed { file: "the request".to_owned(), source })
    }

    /// Writes it to a folder, in the place of an earlier one. It may come from a gateway that means harm: the names of its tables
    /// become names of files.
    ///
    /// # Errors
    /// [`AccountError::Occupied`] where the folder has something else in it, [`AccountError::File`].
    pub fn write(&self, folder: &Path) -> Result<(), AccountError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| AccountError::File { attempt: "written", path, source }
        };
        if let Some(table) = self.tables.keys().find(|table| !is_table_name(table)) {
            return Err(AccountError::NotAName(table.clone()));
        }
        // Rules and destinations may hold secrets: a folder that is made for them is its owner's alone.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed(folder))?;
        let present = table_files(folder)?;
        let head = folder.join(HEAD);
        let empty = fs::read_dir(folder).map_err(failed(folder))?.next().is_none();
        if !empty && !head.exists() {
            return Err(AccountError::Occupied(folder.to_owned()));
        }
        let wanted: BTreeSet<PathBuf> = self.tables.keys().map(|table| folder.join(file_name(table))).collect();
        for stale in present.difference(&wanted) {
            fs::remove_file(stale).map_err(failed(stale))?;
        }
        for (table, rows) in &self.tables {
            let path = folder.join(file_name(table));
            fs::write(&path, lines(rows)).map_err(failed(&path))?;
        }
        let whose = Head { format: self.format, account: self.account.clone(), region: self.region.clone() };
        let text = format!("{:#}\n", serde_json::json!(whose));
        fs::write(&head, text).map_err(failed(&head))
    }

    /// Reads it from a folder.
    ///
    /// # Errors
    /// [`AccountError::File`] and [`AccountError::Malformed`].
    pub fn read(folder: &Path) -> Result<Self, AccountError> {
        let Head { format, account, region } = parse(&folder.join(HEAD))?;
        let mut tables = BTreeMap::new();
        for path in table_files(folder)? {
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            tables.insert(name, parse(&path)?);
        }
        Ok(Self { format, account, region, tables })
    }
}

/// Whether an account has no rows.
fn empty(books: &Books, store: &Store) -> Result<(), AccountError> {
    // What was answered or is about to be is on disk first.
    store.flush().wait()?;
    store.load_all(&books.scope, &books.tables(), |table, _, _| Err(AccountError::NotEmpty(table.to_owned())))
}

/// Whether a table can be called so; what is called so is a file in the folder and nowhere else.
fn is_table_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(plain) && name != "account"
}

fn file_name(table: &str) -> String {
    format!("{table}.json")
}

/// A table as a JSON object, a row a line.
fn lines(rows: &BTreeMap<String, Box<RawValue>>) -> String {
    let mut text = String::from("{\n");
    for (number, (key, value)) in rows.iter().enumerate() {
        let comma = if number + 1 < rows.len() { "," } else { "" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}: {}{comma}", quoted(key), value.get());
    }
    text.push_str("}\n");
    text
}

/// The files of a folder that are tables.
fn table_files(folder: &Path) -> Result<BTreeSet<PathBuf>, AccountError> {
    let failed = |source| AccountError::File { attempt: "read", path: folder.to_owned(), source };
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|of| of == "json") && path.file_name().is_some_and(|name| name != HEAD) {
            found.insert(path);
        }
    }
    Ok(found)
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, AccountError> {
    let text = fs::read_to_string(path).map_err(|source| AccountError::File {
        attempt: "read",
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|source| AccountError::Malformed { file: path.display().to_string(), source })
}

//! The state of all accounts and regions of a gateway: what `drydock export --all` writes.
//!
//! In a folder each has one of its own, `<account>-<region>`, and `scopes.json` says which there are.

use super::{Account, AccountError, empty, parse};
use crate::scopes::named;
use drydock_core::Scope;
use drydock_host::books::Books;
use drydock_store::Store;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The file that says which accounts and regions a folder holds.
const SCOPES: &str = "scopes.json";

/// What [`SCOPES`] holds.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    scopes: Vec<Scope>,
}

/// The state of several accounts and regions.
#[derive(Debug, Serialize, Deserialize)]
pub struct Whole {
    /// The format of the rows.
    pub format: u32,
    /// Each of them.
    pub accounts: Vec<Account>,
}

impl Whole {
    /// All that a store holds, and what is open: those that have rows.
    ///
    /// # Errors
    /// Whatever the disk answers.
    pub fn of<'a>(
        books: &Books,
        open: impl IntoIterator<Item = &'a Scope>,
        store: &Store,
    ) -> Result<Self, AccountError> {
        let mut scopes: BTreeSet<Scope> = store.scopes()?.into_iter().collect();
        scopes.extend(open.into_iter().cloned());
        let mut accounts = Vec::new();
        for scope in &scopes {
            let account = Account::of_scope(scope, books, store)?;
            if !account.tables.is_empty() {
                accounts.push(account);
            }
        }
        Ok(Self { format: Store::FORMAT, accounts })
    }

    /// Whose state it is.
    ///
    /// # Errors
    /// [`AccountError::NotAScope`], [`AccountError::Twice`] and [`AccountError::TooNew`].
    pub fn scopes(&self) -> Result<Vec<Scope>, AccountError> {
        if self.format > Store::FORMAT {
            return Err(AccountError::TooNew(self.format));
        }
        let mut seen = BTreeSet::new();
        for account in &self.accounts {
            let scope = account.scope()?;
            if !seen.insert(scope.clone()) {
                return Err(AccountError::Twice(named(&scope)));
            }
        }
        self.accounts.iter().map(Account::scope).collect()
    }

    /// Reads it from JSON text, piece by piece.
    ///
    /// # Errors
    /// [`AccountError::Malformed`].
    pub fn parse_from(reader: impl io::Read) -> Result<Self, AccountError> {
        serde_json::from_reader(reader)
            .map_err(|source| AccountError::Malformed { file: "the request".to_owned(), source })
    }

    /// Writes it to a folder, in the place of an earlier one. It may come from a gateway that means harm: what its accounts and
    /// regions are called becomes names of folders.
    ///
    /// # Errors
    /// As [`Account::write`].
    pub fn write(&self, folder: &Path) -> Result<(), AccountError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| AccountError::File { attempt: "written", path, source }
        };
        let scopes = self.scopes()?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed(folder))?;
        let head = folder.join(SCOPES);
        let is_empty = fs::read_dir(folder).map_err(failed(folder))?.next().is_none();
        if !is_empty && !head.exists() {
            return Err(AccountError::Occupied(folder.to_owned()));
        }
        let before = if is_empty { Vec::new() } else { read_scopes(folder)? };
        for stale in before.iter().filter(|scope| !scopes.contains(scope)) {
            let path = folder_of(folder, stale);
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&path)(error)),
                _ => {}
            }
        }
        for (account, scope) in self.accounts.iter().zip(&scopes) {
            account.write(&folder_of(folder, scope))?;
        }
        let text = format!("{:#}\n", serde_json::json!(Head { format: self.format, scopes }));
        fs::write(&head, text).map_err(failed(&head))
    }

    /// Whether a folder holds several accounts and regions.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(SCOPES).is_file()
    }

    /// Reads it from a folder.
    ///
    /// # Errors
    /// [`AccountError::File`], [`AccountError::Malformed`], and where a folder holds another account than it is called after.
    pub fn read(folder: &Path) -> Result<Self, AccountError> {
        let mut accounts = Vec::new();
        for scope in read_scopes(folder)? {
            let account = Account::read(&folder_of(folder, &scope))?;
            if account.scope()? != scope {
                let (account, region) = (account.account, account.region);
                return Err(AccountError::Elsewhere { account, region, here: named(&scope) });
            }
            accounts.push(account);
        }
        Ok(Self { format: Store::FORMAT, accounts })
    }

    /// Whether each can be put where it is from, as far as that is known before: `books` are those, in the same order.
    ///
    /// # Errors
    /// As [`Account::put`].
    pub fn check(&self, books: &[&Books], store: &Store, replace: bool) -> Result<(), AccountError> {
        for (account, books) in self.accounts.iter().zip(books) {
            let checked = account.taken(books).and_then(|_| if replace { Ok(()) } else { empty(books, store) });
            checked.map_err(|source| one(&books.scope, &[], source))?;
        }
        Ok(())
    }
}

/// What is told of one of several.
pub(crate) fn one(scope: &Scope, done: &[String], source: AccountError) -> AccountError {
    AccountError::One { scope: named(scope), done: done.to_vec(), source: Box::new(source) }
}

fn read_scopes(folder: &Path) -> Result<Vec<Scope>, AccountError> {
    let Head { format, scopes } = parse(&folder.join(SCOPES))?;
    if format > Store::FORMAT {
        return Err(AccountError::TooNew(format));
    }
    match scopes.iter().find(|scope| !Scope::is_account(&scope.account) || !Scope::is_region(&scope.region)) {
        Some(scope) => Err(AccountError::NotAScope(format!("{}/{}", scope.account, scope.region))),
        None => Ok(scopes),
    }
}

fn folder_of(folder: &Path, scope: &Scope) -> PathBuf {
    folder.join(format!("{}-{}", scope.account, scope.region))
}

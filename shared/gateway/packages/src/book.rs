//! The rulebook's state and how it is filled again.

use crate::configuration::ConfigurationRow;
use crate::once::TokenRow;
use crate::package::PackageRow;
use crate::version::VersionRow;
use drydock_core::{ApiError, CorruptRow, ErrorCode, Rulebook, Scope, Timestamp, Write, page};
use serde::Serialize;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const PACKAGES: &str = "packages";
pub(crate) const VERSIONS: &str = "package_versions";
pub(crate) const CONFIGURATION: &str = "package_configuration";
pub(crate) const TOKENS: &str = "package_tokens";
/// The key of the one row of the configuration.
pub(crate) const ONLY: &str = "configuration";

/// Entries of a page, where the caller does not say.
const PAGE: usize = 25;

/// The names of a package and of a version of it.
pub(crate) type VersionKey = (SmolStr, SmolStr);

/// The software packages of an account in a region, and their versions.
#[derive(Debug)]
pub struct Packages {
    pub(crate) scope: Scope,
    pub(crate) packages: BTreeMap<SmolStr, PackageRow>,
    pub(crate) versions: BTreeMap<VersionKey, VersionRow>,
    pub(crate) configuration: ConfigurationRow,
    /// The requests that had a client token, lately.
    pub(crate) tokens: BTreeMap<String, TokenRow>,
    /// The same from the oldest to the newest.
    pub(crate) ages: BTreeSet<(Timestamp, String)>,
}

impl Packages {
    /// A catalog without packages.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        let configuration = ConfigurationRow::default();
        let (packages, versions, tokens, ages) = Default::default();
        Self { scope, packages, versions, configuration, tokens, ages }
    }

    /// Whether there is a package of this name.
    #[must_use]
    pub fn has_package(&self, name: &str) -> bool {
        self.packages.contains_key(name)
    }

    /// Whether a package has a version of this name.
    #[must_use]
    pub fn has_version(&self, package: &str, version: &str) -> bool {
        self.versions.contains_key(&key(package, version))
    }

    pub(crate) fn package(&self, name: &str) -> Result<&PackageRow, ApiError> {
        self.packages.get(name).ok_or_else(|| ApiError::not_found(format!("there is no package `{name}`")))
    }

    pub(crate) fn version(&self, package: &str, version: &str) -> Result<&VersionRow, ApiError> {
        let missing = || ApiError::not_found(format!("the package `{package}` has no version `{version}`"));
        self.versions.get(&key(package, version)).ok_or_else(missing)
    }

    pub(crate) fn put_package(&mut self, name: SmolStr, row: PackageRow) -> Write {
        let write = Write::put(PACKAGES, name.as_str(), json(&row));
        self.packages.insert(name, row);
        write
    }

    pub(crate) fn put_version(&mut self, key: VersionKey, row: VersionRow) -> Write {
        let write = Write::put(VERSIONS, row_key(&key), json(&row));
        self.versions.insert(key, row);
        write
    }
}

pub(crate) fn key(package: &str, version: &str) -> VersionKey {
    (package.into(), version.into())
}

/// The key of a version's row: neither name has a slash in it.
pub(crate) fn row_key((package, version): &VersionKey) -> String {
    format!("{package}/{version}")
}

pub(crate) fn invalid(why: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(ErrorCode::ValidationException, why)
}

pub(crate) fn conflict(why: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(ErrorCode::ConflictException, why)
}

pub(crate) fn over_quota(why: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(ErrorCode::ServiceQuotaExceededException, why)
}

pub(crate) fn json(row: &impl Serialize) -> String {
    // Rows are structs of strings and numbers: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

/// The place that a page begins after.
pub(crate) fn place(operation: &str, token: Option<&str>) -> Result<Option<String>, ApiError> {
    let after = token.map(|token| page::place(operation, token)).transpose();
    after.map_err(|error| invalid(error.message))
}

/// A page of entries with their places, and the token of the next one.
pub(crate) fn cut<T>(
    operation: &str,
    entries: impl Iterator<Item = (String, T)>,
    size: Option<i32>,
) -> (Vec<T>, Option<String>) {
    let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE);
    let (page, next) = page::cut(entries, size, |(place, _)| place.clone());
    let next = next.map(|place| page::token(operation, &place));
    (page.into_iter().map(|(_, entry)| entry).collect(), next)
}

impl Rulebook for Packages {
    const TABLES: &'static [&'static str] = &[PACKAGES, VERSIONS, CONFIGURATION, TOKENS];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.into(), key: key.into(), why };
        fn row<T: DeserializeOwned>(value: &str) -> Result<T, String> {
            serde_json::from_str(value).map_err(|error| error.to_string())
        }
        match table {
            PACKAGES => {
                self.packages.insert(key.into(), row(value).map_err(corrupt)?);
            }
            VERSIONS => {
                let (package, version) = key
                    .split_once('/')
                    .ok_or_else(|| corrupt("the key does not name a package and a version".into()))?;
                self.versions.insert((package.into(), version.into()), row(value).map_err(corrupt)?);
            }
            CONFIGURATION => self.configuration = row(value).map_err(corrupt)?,
            TOKENS => self.put_token(key.to_owned(), row(value).map_err(corrupt)?),
            _ => return Err(corrupt("the table is not one of packages".into())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.scope.clone());
    }
}

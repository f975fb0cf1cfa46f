//! What can be wrong with a template, and with a device's parameters.

use drydock_core::{ApiError, ErrorCode};

/// A template body that is none, and where it is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template body is not valid: {place}{why}")]
pub struct Malformed {
    /// The place, such as `Resources.thing.Properties: `; empty for the whole.
    pub(crate) place: String,
    pub(crate) why: String,
    /// Set where AWS knows it and this gateway does not.
    pub(crate) missing: Option<String>,
}

impl Malformed {
    pub(crate) fn at(place: &Place<'_>, why: impl Into<String>) -> Self {
        let place = place.to_string();
        let place = if place.is_empty() { place } else { format!("`{place}`: ") };
        Self { place, why: why.into(), missing: None }
    }
}

impl From<Malformed> for ApiError {
    fn from(error: Malformed) -> Self {
        match &error.missing {
            Some(what) => Self::not_implemented(what),
            None => Self::invalid(error.to_string()),
        }
    }
}

/// Why a device cannot be provisioned by a template with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub(crate) String);

impl Failure {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// The same, with the place in the template.
    pub(crate) fn at(self, place: &str) -> Self {
        Self(format!("`{place}`: {}", self.0))
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        Self::new(ErrorCode::ResourceRegistrationFailureException, failure.0)
    }
}

/// A place in a template, as the way to it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    Root,
    Key(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(above, key) => write!(f, "{above}.{key}"),
            Self::Index(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}

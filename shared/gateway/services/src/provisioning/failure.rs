//! Why a device was not provisioned.

use drydock_core::{ApiError, ErrorCode};
use drydock_provisioning::Failure;

/// Why a device was not provisioned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProvisioned {
    /// The parameters do not fill the template.
    #[error("{0}")]
    Parameters(#[from] Failure),
    /// A resource that the template is not to change exists: what the guide calls a `ResourceConflictsException`.
    #[error("ResourceConflictsException: {0}")]
    Conflict(String),
    /// The same thing or certificate is being provisioned, or was changed in between.
    #[error("{0} is being changed by another request: try again")]
    Underway(String),
    /// A resource could not be made or changed.
    #[error("{what}: {source}")]
    Resource {
        /// Which one, by its place in the template.
        what: String,
        /// What the operation answered.
        source: ApiError,
    },
}

impl NotProvisioned {
    /// The HTTP status and the error code that the MQTT API answers with.
    pub(super) fn code(&self) -> (u16, &'static str) {
        match self {
            Self::Parameters(_) => (400, "InvalidParameters"),
            Self::Conflict(_) => (409, "ResourceConflict"),
            Self::Underway(_) => (409, "ConflictingResourceUpdate"),
            Self::Resource { source, .. } if source.code.status() >= 500 => (500, "InternalError"),
            Self::Resource { .. } => (400, "ResourceRegistrationFailure"),
        }
    }

    /// Of an operation on a resource of the template.
    pub(super) fn of(what: impl Into<String>) -> impl FnOnce(ApiError) -> Self {
        let what = what.into();
        |source| match source.code {
            ErrorCode::VersionConflictException => Self::Underway(what),
            _ => Self::Resource { what, source },
        }
    }
}

impl From<NotProvisioned> for ApiError {
    fn from(failure: NotProvisioned) -> Self {
        let code = match &failure {
            NotProvisioned::Underway(_) => ErrorCode::ConflictingResourceUpdateException,
            NotProvisioned::Resource { source, .. } if source.code.status() >= 500 => source.code,
            NotProvisioned::Parameters(_) | NotProvisioned::Conflict(_) | NotProvisioned::Resource { .. } => {
                ErrorCode::ResourceRegistrationFailureException
            }
        };
        Self::new(code, failure.to_string())
    }
}

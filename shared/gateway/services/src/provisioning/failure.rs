//! Why a device was not provisioned.

use drydock_core::{ApiError, ErrorCode};
use drydock_provisioning::Failure;
use drydock_provisioning::book::tokens::Refused;

/// Why a device was not provisioned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProvisioned {
    /// The parameters do not fill the template.
    #[error("{0}")]
    Parameters(#[from] Failure),
    /// A resource that the template is not to change exists: what the guide calls a `ResourceConflictsException`.
    #[error("ResourceConflictsException: {0}")]
    Conflict(String),
    /// Another request has provisioned it meanwhile.
    #[error("{0} was provisioned by another request meanwhile")]
    Already(String),
    /// The certificate ownership token opens nothing.
    #[error(transparent)]
    Token(#[from] Refused),
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
            Self::Already(_) | Self::Token(Refused::InUse) => (409, "ConflictingResourceUpdate"),
            Self::Token(Refused::Unknown) => (400, "InvalidCertificateOwnershipToken"),
            Self::Resource { source, .. } if source.code.status() >= 500 => (500, "InternalError"),
            Self::Resource { .. } => (400, "ResourceRegistrationFailure"),
        }
    }

    /// Of an operation on a resource of the template.
    pub(super) fn of(what: impl Into<String>) -> impl FnOnce(ApiError) -> Self {
        let what = what.into();
        |source| Self::Resource { what, source }
    }
}

impl From<ApiError> for NotProvisioned {
    /// Of the change as a whole: it was not saved.
    fn from(source: ApiError) -> Self {
        Self::Resource { what: "the device".to_owned(), source }
    }
}

impl From<NotProvisioned> for ApiError {
    fn from(failure: NotProvisioned) -> Self {
        let code = match &failure {
            NotProvisioned::Already(_) | NotProvisioned::Token(_) => ErrorCode::ConflictingResourceUpdateException,
            NotProvisioned::Resource { source, .. } if source.code.status() >= 500 => source.code,
            NotProvisioned::Parameters(_) | NotProvisioned::Conflict(_) | NotProvisioned::Resource { .. } => {
                ErrorCode::ResourceRegistrationFailureException
            }
        };
        Self::new(code, failure.to_string())
    }
}

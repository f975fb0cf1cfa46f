//! Why a task of bulk registration does not go on now.

use drydock_cloud::CloudError;
use drydock_core::{ApiError, ErrorCode};
use std::io;

/// Why a task does not go on now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Halted {
    /// It was reset away.
    #[error("the task is gone")]
    Gone,
    #[error("a file of the task: {0}")]
    File(#[from] io::Error),
    #[error(transparent)]
    Objects(#[from] CloudError),
    #[error("{0}")]
    State(ApiError),
}

impl From<ApiError> for Halted {
    fn from(error: ApiError) -> Self {
        if error.code == ErrorCode::ResourceNotFoundException { Self::Gone } else { Self::State(error) }
    }
}

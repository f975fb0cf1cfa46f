//! Why the demo did not see what it was to see.

use crate::client::CallError;
use crate::mqtt::ClientError;

/// How often a state is asked for that no event tells of.
pub(super) const POLL: std::time::Duration = std::time::Duration::from_millis(20);

/// Why the demo did not see what it was to see.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    #[error("{0} did not happen in time")]
    NotSeen(String),
    #[error("the gateway let a device in whose certificate is pending")]
    LetIn,
    #[error("the answer to {0} lacks `{1}`")]
    Lacks(&'static str, &'static str),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the device failed at {0}")]
    Device(&'static str, #[source] ClientError),
    #[error("the demo's CA cannot be made")]
    Authority(#[from] rcgen::Error),
    #[error("the devices cannot be made: {0}")]
    Fleet(Box<dyn std::error::Error + Send + Sync>),
    #[error("the function {0} refused: {1}")]
    Function(&'static str, String),
    #[error("the root certificate cannot be read")]
    Root(#[source] std::io::Error),
}

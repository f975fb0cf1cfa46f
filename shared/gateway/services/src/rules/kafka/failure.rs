//! Why a record was not taken.

/// Why a record was not taken.
#[derive(Debug)]
pub(in crate::rules) struct Failure {
    pub(in crate::rules) message: String,
    /// Whether another try may succeed.
    pub(in crate::rules) passing: bool,
}

impl Failure {
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), passing: false }
    }

    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), passing: true }
    }
}

//! What can be wrong with a policy document.

use drydock_core::{ApiError, ErrorCode};

/// Why a text is not an AWS IoT policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The text is not JSON, or uses a key twice in one object.
    #[error("line {line}, column {column}: {problem}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1; 0 at a line's very start.
        column: usize,
        /// What the JSON parser met.
        problem: String,
    },
    /// The JSON is not a policy.
    #[error("`{path}`: {problem}{}", help.as_ref().map(|h| format!(" (help: {h})")).unwrap_or_default())]
    Grammar {
        /// Where, for example `Statement[1].Condition.StringEquals`.
        path: String,
        /// What is wrong there.
        problem: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// The document is longer than AWS allows.
    #[error(
        "it has {length} characters without white space, and {max} are allowed (help: use wildcards, or split it into several policies)"
    )]
    TooLong {
        /// Characters that are not white space.
        length: usize,
        /// The most that are allowed.
        max: usize,
    },
}

impl PolicyError {
    pub(crate) fn grammar(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Grammar { path: path.into(), problem: problem.into(), help: None }
    }

    pub(crate) fn help(self, advice: impl Into<String>) -> Self {
        match self {
            Self::Grammar { path, problem, .. } => Self::Grammar { path, problem, help: Some(advice.into()) },
            other => other,
        }
    }
}

impl From<PolicyError> for ApiError {
    /// A `MalformedPolicyException`.
    fn from(error: PolicyError) -> Self {
        Self::new(ErrorCode::MalformedPolicyException, format!("Policy document is Malformed: {error}"))
    }
}

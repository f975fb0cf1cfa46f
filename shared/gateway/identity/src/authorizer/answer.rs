//! What an authorizer's function answers, with the limits of the developer guide ("Defining your Lambda function").

use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// The most policy documents.
const MOST_POLICIES: usize = 10;
/// The most characters of each.
const LONGEST_POLICY: usize = 2048;
/// The bounds of both times.
const SECONDS: RangeInclusive<u32> = 300..=86_400;
const LONGEST_PRINCIPAL: usize = 128;

/// A function's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The device is who it claims to be.
    Authorized(Authorized),
    /// It is not: `isAuthenticated` is false.
    NotAuthenticated,
}

/// Who connects, and what it may do for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// The principal, 1 to 128 letters and digits.
    pub principal_id: String,
    /// The policies, as JSON text; that they are policies is for their evaluator to say.
    pub policy_documents: Vec<String>,
    /// The connection ends after so many seconds.
    pub disconnect_after_seconds: u32,
    /// The function is asked again after so many seconds.
    pub refresh_after_seconds: u32,
}

/// An answer that is none; the connection ends as if the function had failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// Not a JSON object.
    #[error("the authorizer's answer is not a JSON object")]
    NotAnObject,
    /// A field is missing or of another type.
    #[error("the authorizer's answer needs `{field}`: {rule}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// Too many policies.
    #[error("the authorizer's answer has {0} policy documents: at most 10 are allowed")]
    TooManyPolicies(usize),
    /// A policy that is too long.
    #[error("policy document {number} of the authorizer's answer has {length} characters: at most 2048 are allowed")]
    PolicyTooLong {
        /// Counted from 1.
        number: usize,
        /// Its characters.
        length: usize,
    },
}

impl Answer {
    /// Reads what the function returned.
    ///
    /// # Errors
    /// [`BadAnswer`] with the rule that it breaks.
    pub fn read(payload: &[u8]) -> Result<Self, BadAnswer> {
        let Ok(Value::Object(answer)) = serde_json::from_slice(payload) else {
            return Err(BadAnswer::NotAnObject);
        };
        let rule = "true or false";
        let authenticated = answer.get("isAuthenticated").and_then(Value::as_bool);
        if !authenticated.ok_or(BadAnswer::Field { field: "isAuthenticated", rule })? {
            return Ok(Self::NotAuthenticated);
        }
        Ok(Self::Authorized(Authorized {
            principal_id: principal(&answer)?,
            policy_documents: policies(&answer)?,
            disconnect_after_seconds: seconds(&answer, "disconnectAfterInSeconds")?,
            refresh_after_seconds: seconds(&answer, "refreshAfterInSeconds")?,
        }))
    }
}

fn principal(answer: &Map<String, Value>) -> Result<String, BadAnswer> {
    answer
        .get("principalId")
        .and_then(Value::as_str)
        .filter(|id| (1..=LONGEST_PRINCIPAL).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .map(str::to_owned)
        .ok_or(BadAnswer::Field { field: "principalId", rule: "1 to 128 letters and digits" })
}

fn policies(answer: &Map<String, Value>) -> Result<Vec<String>, BadAnswer> {
    let bad = BadAnswer::Field { field: "policyDocuments", rule: "a list of policy documents, as objects or as text" };
    let documents = answer.get("policyDocuments").and_then(Value::as_array).ok_or_else(|| bad.clone())?;
    if documents.len() > MOST_POLICIES {
        return Err(BadAnswer::TooManyPolicies(documents.len()));
    }
    let text = |(at, document): (usize, &Value)| {
        let text = match document {
            Value::String(text) => text.clone(),
            Value::Object(_) => document.to_string(),
            _ => return Err(bad.clone()),
        };
        let length = text.chars().count();
        if length > LONGEST_POLICY { Err(BadAnswer::PolicyTooLong { number: at + 1, length }) } else { Ok(text) }
    };
    documents.iter().enumerate().map(text).collect()
}

fn seconds(answer: &Map<String, Value>, field: &'static str) -> Result<u32, BadAnswer> {
    answer
        .get(field)
        .and_then(Value::as_u64)
        .and_then(|seconds| u32::try_from(seconds).ok())
        .filter(|seconds| SECONDS.contains(seconds))
        .ok_or(BadAnswer::Field { field, rule: "a whole number from 300 to 86400" })
}

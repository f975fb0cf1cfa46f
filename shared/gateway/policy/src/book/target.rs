//! What a policy can be attached to.

use drydock_core::{ApiError, Arn};
use std::fmt;

/// Something a policy can be attached to: "certificates, Amazon Cognito identities, and thing groups".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    kind: Kind,
    text: String,
}

/// What kind of target it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The ARN of a device certificate.
    Certificate,
    /// The ARN of a thing group.
    ThingGroup,
    /// An Amazon Cognito identity id: `<region>:<identity>`.
    CognitoIdentity,
}

impl Target {
    /// Takes a target's text.
    ///
    /// # Errors
    /// `InvalidRequestException` where it is none of the three kinds.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let kind = match Arn::parse(text) {
            Some(arn) if arn.service() == "iot" && arn.resource().starts_with("cert/") => Some(Kind::Certificate),
            Some(arn) if arn.service() == "iot" && arn.resource().starts_with("thinggroup/") => Some(Kind::ThingGroup),
            Some(_) => None,
            None => is_identity(text).then_some(Kind::CognitoIdentity),
        };
        kind.map(|kind| Self { kind, text: text.to_owned() }).ok_or_else(|| {
            let text: String = text.chars().take(160).collect();
            ApiError::invalid(format!(
                "`{text}` cannot have policies: give the ARN of a certificate or thing group, or an Amazon Cognito identity id"
            ))
        })
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The ARN or identity id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What follows `cert/` or `thinggroup/` in an ARN: the certificate's id or the group's name; all of an identity id.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.kind {
            Kind::CognitoIdentity => &self.text,
            Kind::Certificate | Kind::ThingGroup => self.text.split_once('/').map_or("", |(_, name)| name),
        }
    }

    /// The error for a target that does not exist.
    #[must_use]
    pub fn not_found(&self) -> ApiError {
        ApiError::not_found(format!("`{}` does not exist", self.text))
    }

    pub(super) fn most_policies(&self) -> usize {
        match self.kind {
            Kind::ThingGroup => super::MAX_POLICIES_PER_GROUP,
            Kind::Certificate | Kind::CognitoIdentity => super::MAX_POLICIES_PER_PRINCIPAL,
        }
    }
}

fn is_identity(text: &str) -> bool {
    let fits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    text.split_once(':').is_some_and(|(region, identity)| fits(region) && fits(identity))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

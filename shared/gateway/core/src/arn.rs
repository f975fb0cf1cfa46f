//! The account and region that the gateway plays, and the ARNs in it.

use crate::names::{BillingGroupName, CertificateId, PolicyName, RuleName, ThingGroupName, ThingName, ThingTypeName};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::fmt;

/// One account in one region: what all state belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// Twelve digits.
    pub account: SmolStr,
    /// For example `us-east-1`.
    pub region: SmolStr,
}

impl Scope {
    /// A scope of an account and a region.
    pub fn new(account: impl Into<SmolStr>, region: impl Into<SmolStr>) -> Self {
        Self { account: account.into(), region: region.into() }
    }

    /// Whether a text is called as AWS's regions are: two letters, one or more words, a digit, as in `us-gov-west-1`.
    #[must_use]
    pub fn is_region(text: &str) -> bool {
        let words: Vec<&str> = text.split('-').collect();
        let [first, between @ .., last] = words.as_slice() else { return false };
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        text.len() <= 32
            && first.len() == 2
            && is_word(first)
            && !between.is_empty()
            && between.iter().all(|word| is_word(word))
            && (1..=2).contains(&last.len())
            && last.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Whether a text can be an account's id: twelve digits.
    #[must_use]
    pub fn is_account(text: &str) -> bool {
        text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// The partition of the region: `aws`, `aws-cn` or `aws-us-gov`.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        if self.region.starts_with("cn-") {
            "aws-cn"
        } else if self.region.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }

    /// The ARN of a resource of any service in this scope.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> Arn {
        Arn(format!("arn:{}:{service}:{}:{}:{resource}", self.partition(), self.region, self.account).into())
    }

    /// The ARN of a thing.
    #[must_use]
    pub fn thing(&self, name: &ThingName) -> Arn {
        self.arn("iot", &format!("thing/{name}"))
    }

    /// The ARN of a thing type.
    #[must_use]
    pub fn thing_type(&self, name: &ThingTypeName) -> Arn {
        self.arn("iot", &format!("thingtype/{name}"))
    }

    /// The ARN of a thing group.
    #[must_use]
    pub fn thing_group(&self, name: &ThingGroupName) -> Arn {
        self.arn("iot", &format!("thinggroup/{name}"))
    }

    /// The ARN of a billing group.
    #[must_use]
    pub fn billing_group(&self, name: &BillingGroupName) -> Arn {
        self.arn("iot", &format!("billinggroup/{name}"))
    }

    /// The ARN of a device certificate.
    #[must_use]
    pub fn certificate(&self, id: &CertificateId) -> Arn {
        self.arn("iot", &format!("cert/{id}"))
    }

    /// The ARN of a CA certificate.
    #[must_use]
    pub fn ca_certificate(&self, id: &CertificateId) -> Arn {
        self.arn("iot", &format!("cacert/{id}"))
    }

    /// The ARN of an AWS IoT policy.
    #[must_use]
    pub fn policy(&self, name: &PolicyName) -> Arn {
        self.arn("iot", &format!("policy/{name}"))
    }

    /// The ARN of a topic rule.
    #[must_use]
    pub fn rule(&self, name: &RuleName) -> Arn {
        self.arn("iot", &format!("rule/{name}"))
    }
}

/// An Amazon Resource Name: `arn:partition:service:region:account:resource`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arn(SmolStr);

impl Arn {
    /// Takes a text apart into an ARN's six fields; `None` where it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.starts_with("arn:") && text.splitn(6, ':').count() == 6).then(|| Self(text.into()))
    }

    /// The ARN as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn field(&self, index: usize) -> &str {
        self.0.splitn(6, ':').nth(index).unwrap_or_default()
    }

    /// The service, for example `iot`.
    #[must_use]
    pub fn service(&self) -> &str {
        self.field(2)
    }

    /// The region; empty for global services.
    #[must_use]
    pub fn region(&self) -> &str {
        self.field(3)
    }

    /// The account; empty for some services.
    #[must_use]
    pub fn account(&self) -> &str {
        self.field(4)
    }

    /// All that follows the account, for example `thing/dock-1`.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.field(5)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_str())
    }
}

impl From<Arn> for String {
    fn from(arn: Arn) -> String {
        arn.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_takes_apart_as_it_was_made() {
        let scope = Scope::new("123456789012", "cn-north-1");
        let arn = scope.thing(&ThingName::new("a:b").unwrap());
        assert_eq!(arn.as_str(), "arn:aws-cn:iot:cn-north-1:123456789012:thing/a:b");
        assert_eq!(
            (arn.service(), arn.region(), arn.account(), arn.resource()),
            ("iot", "cn-north-1", "123456789012", "thing/a:b")
        );
        assert!(Arn::parse("arn:aws:iot").is_none());
    }
}

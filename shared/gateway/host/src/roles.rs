//! The IAM roles that the gateway knows: those of the template. IAM is not played, but who may assume a role is checked where
//! devices get credentials for it.

use drydock_identity::trust::{Assumer, may_assume};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// A role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Who may assume it.
    pub trust: Value,
    /// The longest that its credentials may live, in seconds.
    pub max_session_seconds: i64,
}

/// Why no credentials of a role are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unassumable {
    /// It is not there, or does not trust who wants to assume it.
    Untrusting(Vec<String>),
    /// They would live longer than the role allows; in seconds.
    TooLong(i64),
}

/// The roles by their ARN.
#[derive(Debug, Default)]
pub struct Roles(RwLock<BTreeMap<String, Role>>);

impl Roles {
    /// Takes a role of the template in.
    pub fn put(&self, arn: String, role: Role) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(arn, role);
    }

    /// Whether a role may be assumed for some seconds. As long as no template has declared a role, none is known and each is
    /// taken to be there and to trust who asks.
    ///
    /// # Errors
    /// [`Unassumable`].
    pub fn assume(&self, arn: &str, who: Assumer<'_>, seconds: i64) -> Result<(), Unassumable> {
        let roles = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if roles.is_empty() {
            return Ok(());
        }
        let Some(role) = roles.get(arn) else {
            let why = format!("the template declares roles, and `{arn}` is none of them");
            return Err(Unassumable::Untrusting(vec![why]));
        };
        role.assume(arn, who, seconds)
    }
}

impl Role {
    /// Whether it may be assumed for some seconds.
    ///
    /// # Errors
    /// [`Unassumable`].
    pub fn assume(&self, arn: &str, who: Assumer<'_>, seconds: i64) -> Result<(), Unassumable> {
        may_assume(&self.trust, who).map_err(|why| {
            let of = |why| format!("trust policy of `{arn}`: {why}");
            Unassumable::Untrusting(why.into_iter().map(of).collect())
        })?;
        if seconds > self.max_session_seconds {
            return Err(Unassumable::TooLong(self.max_session_seconds));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ARN: &str = "arn:aws:iam::123456789012:role/devices";

    #[test]
    fn a_known_role_is_judged_and_an_unknown_one_only_where_none_is_known() {
        let who = |service| Assumer { service, source_account: "123456789012", source_arn: "arn" };
        let roles = Roles::default();
        assert_eq!(roles.assume(ARN, who("a"), 43_200), Ok(()));
        let trust =
            json!({"Statement": {"Effect": "Allow", "Principal": {"Service": "a"}, "Action": "sts:AssumeRole"}});
        roles.put(ARN.to_owned(), Role { trust, max_session_seconds: 3600 });
        assert_eq!(roles.assume(ARN, who("a"), 3600), Ok(()));
        assert_eq!(roles.assume(ARN, who("a"), 3601), Err(Unassumable::TooLong(3600)));
        assert!(matches!(roles.assume(ARN, who("b"), 900), Err(Unassumable::Untrusting(_))));
        assert!(matches!(roles.assume("arn:other", who("a"), 900), Err(Unassumable::Untrusting(_))));
    }
}

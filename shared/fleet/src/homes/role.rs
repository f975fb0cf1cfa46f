//! What members of a home may do.

use crate::conditional::Condition;
use serde::{Deserialize, Serialize};

/// The attribute of a member's row with the role.
pub const ROLE: &str = "role";

/// A role; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees what is there and controls devices.
    Guest,
    /// Claims devices, and arranges rooms and scenes.
    Member,
    /// Says who is a member, and gives devices away.
    Owner,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Guest, Self::Member, Self::Owner];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Member => "member",
            Self::Owner => "owner",
        }
    }

    /// As it was written.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// That a member's row has this role or more.
    #[must_use]
    pub fn or_more(self) -> Condition {
        let roles = Self::ALL.into_iter().filter(|role| *role >= self);
        Condition::Any(roles.map(|role| Condition::equal(ROLE, role.as_str())).collect())
    }
}

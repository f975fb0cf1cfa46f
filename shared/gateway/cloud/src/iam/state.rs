//! What IAM holds of the account, and what its operations come to.

use crate::context::{Context, lock};
use crate::error::CloudError;
use crate::journal::Rows;
use crate::wire::query::Xml;
use drydock_core::{Timestamp, Write};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

pub(super) const ROLES: &str = "iam-role";
pub(super) const POLICIES: &str = "iam-policy";
pub(super) const PROFILES: &str = "iam-profile";
/// The longest session that a role allows where nobody says, in seconds ("CreateRole").
pub(super) const SESSION: u32 = 3600;

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) created: Timestamp,
    pub(super) description: Option<String>,
    /// Who may assume it.
    pub trust: Value,
    /// The longest that its credentials may live, in seconds.
    pub max_session_seconds: u32,
    pub(super) inline: BTreeMap<String, Value>,
    pub(super) attached: BTreeSet<String>,
}

/// A managed policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) path: String,
    pub(super) created: Timestamp,
    pub(super) description: Option<String>,
    /// The documents by the numbers of their versions.
    pub(super) versions: BTreeMap<u32, (Value, Timestamp)>,
    pub(super) default: u32,
    /// The number of the next version: none comes twice.
    pub(super) next: u32,
}

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Profile {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) created: Timestamp,
    pub(super) role: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) roles: BTreeMap<String, Role>,
    /// By their ARNs.
    pub(super) policies: BTreeMap<String, Policy>,
    pub(super) profiles: BTreeMap<String, Profile>,
}

/// What IAM holds of the account.
pub struct Iam {
    pub(super) context: Arc<Context>,
    pub(super) held: Mutex<Held>,
}

impl Iam {
    pub(crate) fn open(context: Arc<Context>, rows: &Rows) -> Result<Arc<Self>, CloudError> {
        let held = Held {
            roles: rows.table(ROLES)?.into_iter().collect(),
            policies: rows.table(POLICIES)?.into_iter().collect(),
            profiles: rows.table(PROFILES)?.into_iter().collect(),
        };
        Ok(Arc::new(Self { context, held: Mutex::new(held) }))
    }

    /// The role of an ARN.
    pub fn role(&self, arn: &str) -> Option<Role> {
        let name = arn.rsplit('/').next()?;
        let role = lock(&self.held).roles.get(name).cloned()?;
        (self.arn("role", &role.path, name) == arn).then_some(role)
    }

    /// The documents of a role's policies, by their names: its own ones and those that are attached to it. Policies of AWS that nobody
    /// has made here have none.
    pub fn documents(&self, arn: &str) -> Vec<(String, Value)> {
        let held = lock(&self.held);
        let name = arn.rsplit('/').next().unwrap_or_default();
        let Some(role) = held.roles.get(name).filter(|role| self.arn("role", &role.path, name) == arn) else {
            return Vec::new();
        };
        let own = role.inline.iter().map(|(name, document)| (name.clone(), document.clone()));
        let attached = role.attached.iter().filter_map(|arn| {
            let policy = held.policies.get(arn)?;
            let (document, _) = policy.versions.get(&policy.default)?;
            Some((arn.clone(), document.clone()))
        });
        own.chain(attached).collect()
    }

    /// Gives a role of a template a policy of its own, in the place of one of the same name. A role that is not there gets none.
    ///
    /// # Errors
    /// [`CloudError`] where it cannot be made durable.
    pub async fn ensure_role_policy(&self, role: &str, policy: &str, document: Value) -> Result<(), CloudError> {
        let write = {
            let mut held = lock(&self.held);
            let Some(found) = held.roles.get_mut(role) else { return Ok(()) };
            found.inline.insert(policy.to_owned(), document);
            row(ROLES, role, found)?
        };
        self.context.journal.commit(vec![write]).await
    }

    /// Makes a role of a template, or changes who may assume it.
    ///
    /// # Errors
    /// [`CloudError`] where it cannot be made durable.
    pub async fn ensure_role(&self, arn: &str, trust: Value, max_session_seconds: u32) -> Result<(), CloudError> {
        let Some((path, name)) = arn.split_once(":role").and_then(|(_, rest)| rest.rsplit_once('/')) else {
            return Err(CloudError::resource("role", arn, "is not the ARN of a role"));
        };
        let write = {
            let mut held = lock(&self.held);
            let made = || Role {
                id: self.id("AROA"),
                path: format!("{path}/"),
                created: self.context.now(),
                description: None,
                trust: Value::Null,
                max_session_seconds,
                inline: BTreeMap::new(),
                attached: BTreeSet::new(),
            };
            let role = held.roles.entry(name.to_owned()).or_insert_with(made);
            (role.trust, role.max_session_seconds) = (trust, max_session_seconds);
            row(ROLES, name, role)?
        };
        self.context.journal.commit(vec![write]).await
    }

    pub(super) fn arn(&self, kind: &str, path: &str, name: &str) -> String {
        let scope = &self.context.config.scope;
        format!("arn:{}:iam::{}:{kind}{path}{name}", scope.partition(), scope.account)
    }

    /// An id of IAM: four letters that say what it is of, and seventeen of A–Z and 0–9.
    pub(super) fn id(&self, kind: &str) -> String {
        let mut bytes = [0_u8; 17];
        self.context.config.ids.fill(&mut bytes);
        let digit = |byte: &u8| char::from_digit(u32::from(byte % 36), 36).map(|c| c.to_ascii_uppercase());
        kind.chars().chain(bytes.iter().filter_map(digit)).collect()
    }

    pub(crate) async fn clear(&self) -> Result<(), CloudError> {
        let held = std::mem::take(&mut *lock(&self.held));
        let deleted = |table: &'static str| move |name| Write::delete(table, name);
        let writes = held.roles.into_keys().map(deleted(ROLES));
        let writes = writes.chain(held.policies.into_keys().map(deleted(POLICIES)));
        let writes = writes.chain(held.profiles.into_keys().map(deleted(PROFILES)));
        self.context.journal.commit(writes.collect()).await
    }
}

fn row<T: Serialize>(table: &'static str, key: &str, value: &T) -> Result<Write, CloudError> {
    let text = serde_json::to_string(value);
    Ok(Write::put(table, key, text.map_err(|e| CloudError::Journal { path: table.into(), why: e.to_string() })?))
}

/// What an operation comes to: what it answers, and the rows that it writes.
pub(super) type Done = Result<(Xml, Vec<Write>), Refused>;

/// Why an operation is refused: the status, IAM's name of the error, and its text.
pub(super) type Refused = (u16, &'static str, String);

pub(super) fn missing(kind: &str, name: &str) -> Refused {
    (404, "NoSuchEntity", format!("The {kind} with name {name} cannot be found."))
}

pub(super) fn exists(kind: &str, name: &str) -> Refused {
    (409, "EntityAlreadyExists", format!("{kind} with name {name} already exists."))
}

pub(super) fn saved<T: Serialize>(table: &'static str, key: &str, value: &T) -> Result<Write, Refused> {
    row(table, key, value).map_err(|error| (500, "ServiceFailure", error.to_string()))
}

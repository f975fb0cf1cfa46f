//! The book of policies: their versions, and what they are attached to.
//!
//! - `policy`, `version`: the commands on policies and on their versions.
//! - `attachment`: attaching and detaching, and the lists of either side.
//! - `simulate`: `TestAuthorization` and `GetEffectivePolicies`.
//! - `target`, `page`: what a policy is attached to, and pages of a list.
//!
//! Changes apply at once; AWS may take minutes, as it caches policies ("AWS IoT Core policies").

mod attachment;
mod page;
mod policy;
mod simulate;
mod target;
mod version;

pub use simulate::Simulated;
pub use target::{Kind, Target};

use crate::compile::CompiledDocument;
use crate::set::{AppliedPolicy, PolicySet};
use drydock_core::{ApiError, CorruptRow, PolicyName, Rulebook, Scope, Timestamp, Write};
use drydock_model::iot;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

const POLICIES: &str = "policies";
const ATTACHMENTS: &str = "policy_attachments";

/// The most versions of a policy (quota "Maximum number of named policy versions").
pub const MAX_VERSIONS: usize = 5;
/// The most policies on a certificate or Cognito identity (quota "Maximum number of policies that can be attached").
pub const MAX_POLICIES_PER_PRINCIPAL: usize = 10;
/// The most policies on a thing group ("Attach a policy to a thing group").
pub const MAX_POLICIES_PER_GROUP: usize = 2;

/// The policies of an account in a region, and what they are attached to.
#[derive(Debug)]
pub struct Policies {
    scope: Scope,
    policies: BTreeMap<PolicyName, Entry>,
    targets: BTreeMap<String, Attached>,
    /// Counts policies and attachments, which are listed in the order they were made.
    sequence: u64,
    /// Counts changes to what anybody may do.
    generation: u64,
    /// The generation at which all was forgotten; no set is older.
    cleared_at: u64,
}

/// A policy.
#[derive(Debug)]
struct Entry {
    row: PolicyRow,
    /// The default version, compiled.
    compiled: Arc<CompiledDocument>,
    /// When the default version last changed.
    generation: u64,
    /// What the policy is attached to, with the attachment's place in the order.
    targets: BTreeMap<String, u64>,
}

/// What is attached to a target. It is kept when empty: its generation tells that something was detached.
#[derive(Debug, Default)]
struct Attached {
    policies: BTreeMap<PolicyName, u64>,
    generation: u64,
}

/// A policy as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PolicyRow {
    sequence: u64,
    created: Timestamp,
    modified: Timestamp,
    generation_id: String,
    default: u32,
    /// The number of the latest version there ever was.
    latest: u32,
    versions: BTreeMap<u32, VersionRow>,
}

/// A version of a policy as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct VersionRow {
    document: String,
    created: Timestamp,
}

/// An attachment as it is stored, under `<policy> <target>`.
#[derive(Debug, Serialize, Deserialize)]
struct AttachmentRow {
    sequence: u64,
}

impl Policies {
    /// An empty book.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        let (policies, targets) = (BTreeMap::new(), BTreeMap::new());
        Self { scope, policies, targets, sequence: 0, generation: 0, cleared_at: 0 }
    }

    /// The policies that apply to a principal through any of these targets: its certificate or identity, the groups of its
    /// thing, and those groups' ancestors. A policy that applies through several is listed once.
    ///
    /// Two sets for the same targets with the same generation are the same set.
    #[must_use]
    pub fn policies_for<T: AsRef<str>>(&self, targets: &[T]) -> PolicySet {
        let mut generation = self.cleared_at;
        let mut through: BTreeMap<&PolicyName, Vec<String>> = BTreeMap::new();
        for target in targets.iter().map(AsRef::as_ref).collect::<BTreeSet<&str>>() {
            let Some(attached) = self.targets.get(target) else { continue };
            generation = generation.max(attached.generation);
            for name in attached.policies.keys() {
                through.entry(name).or_default().push(target.to_owned());
            }
        }
        let mut policies = Vec::with_capacity(through.len());
        for (name, attached_to) in through {
            let Some(entry) = self.policies.get(name) else { continue };
            generation = generation.max(entry.generation);
            policies.push(entry.applied(name, attached_to));
        }
        PolicySet { generation, policies }
    }

    /// The policies behind a name, in the order of the names: each with the number and the text of its default version.
    pub fn defaults_after(&self, after: Option<&PolicyName>) -> impl Iterator<Item = (&PolicyName, u32, &str)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.policies
            .range::<PolicyName, _>((from, Bound::Unbounded))
            .map(|(name, entry)| (name, entry.row.default, entry.document()))
    }

    /// Whether there is a policy of this name.
    #[must_use]
    pub fn has_policy(&self, name: &str) -> bool {
        self.policies.contains_key(name)
    }

    /// Counts changes to what anybody may do: a set that was taken at this generation is still current.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    fn entry(&self, name: &str) -> Result<(&PolicyName, &Entry), ApiError> {
        self.policies.get_key_value(name).ok_or_else(|| missing(name))
    }

    fn entry_mut(&mut self, name: &str) -> Result<&mut Entry, ApiError> {
        self.policies.get_mut(name).ok_or_else(|| missing(name))
    }

    fn arn(&self, name: &PolicyName) -> String {
        self.scope.policy(name).into()
    }

    fn listed(&self, name: &PolicyName) -> iot::Policy {
        iot::Policy { policy_name: Some(name.to_string()), policy_arn: Some(self.arn(name)) }
    }

    /// Notes an attachment in memory, on both sides.
    fn note(&mut self, name: &PolicyName, target: &str, sequence: u64) {
        let generation = self.next_generation();
        if let Some(entry) = self.policies.get_mut(name) {
            entry.targets.insert(target.to_owned(), sequence);
            let attached = self.targets.entry(target.to_owned()).or_default();
            attached.policies.insert(name.clone(), sequence);
            attached.generation = generation;
        }
    }
}

impl Entry {
    fn applied(&self, name: &PolicyName, attached_to: Vec<String>) -> AppliedPolicy {
        let version = Some(self.row.default.to_string());
        AppliedPolicy { name: name.to_string(), version, attached_to, document: Arc::clone(&self.compiled) }
    }

    /// The text of the default version.
    fn document(&self) -> &str {
        self.row.versions.get(&self.row.default).map_or("", |v| &v.document)
    }

    fn write(&self, name: &PolicyName) -> Result<Write, ApiError> {
        Ok(Write::put(POLICIES, name.as_str(), to_json(&self.row)?))
    }
}

fn missing(name: &str) -> ApiError {
    ApiError::not_found(format!("Policy not found (name={name})"))
}

/// A row as JSON; rows are plain maps of strings and numbers, which JSON can always hold.
fn to_json<T: Serialize>(row: &T) -> Result<String, ApiError> {
    serde_json::to_string(row).map_err(|error| {
        ApiError::new(drydock_core::ErrorCode::InternalFailureException, format!("a row cannot be written: {error}"))
    })
}

fn attachment_key(name: &PolicyName, target: &str) -> String {
    format!("{name} {target}")
}

impl Rulebook for Policies {
    const TABLES: &'static [&'static str] = &[POLICIES, ATTACHMENTS];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.to_owned(), key: key.to_owned(), why };
        match table {
            POLICIES => {
                let name = PolicyName::new(key).map_err(|e| corrupt(e.to_string()))?;
                let row: PolicyRow = serde_json::from_str(value).map_err(|e| corrupt(e.to_string()))?;
                let version = row
                    .versions
                    .get(&row.default)
                    .ok_or_else(|| corrupt(format!("version {} is missing", row.default)))?;
                let compiled =
                    Arc::new(CompiledDocument::parse(&version.document).map_err(|e| corrupt(e.to_string()))?);
                self.sequence = self.sequence.max(row.sequence);
                let generation = self.next_generation();
                self.policies.insert(name, Entry { row, compiled, generation, targets: BTreeMap::new() });
            }
            ATTACHMENTS => {
                let (name, target) = key.split_once(' ').ok_or_else(|| corrupt("the key has no target".to_owned()))?;
                let row: AttachmentRow = serde_json::from_str(value).map_err(|e| corrupt(e.to_string()))?;
                let name = self.entry(name).map_err(|e| corrupt(e.message.into_owned()))?.0.clone();
                self.sequence = self.sequence.max(row.sequence);
                self.note(&name, target, row.sequence);
            }
            other => return Err(corrupt(format!("the book of policies has no table `{other}`"))),
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.policies.clear();
        self.targets.clear();
        self.sequence = 0;
        self.cleared_at = self.next_generation();
    }
}

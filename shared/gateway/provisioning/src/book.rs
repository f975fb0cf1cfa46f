//! The rulebook of provisioning: templates with their versions, certificate ownership tokens, and tasks of bulk registration.
//!
//! - [`templates`]: the operations on templates.
//! - [`versions`]: the operations on their versions.
//! - [`tasks`]: bulk registration.
//! - [`tokens`]: who may provision which certificate, and until when.
//!
//! Follows "Provisioning devices that don't have device certificates using fleet provisioning" of the developer guide.

pub mod tasks;
pub mod templates;
pub mod tokens;
pub mod versions;

use crate::language::{Dialect, Template};
use drydock_core::{ApiError, CorruptRow, Rulebook, Scope, Timestamp, Write};
use drydock_model::iot::{ProvisioningHook, TemplateType};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tasks::{BATCHES, TASKS, Tasks};
use tokens::TokenRow;

const TEMPLATES: &str = "provisioning_templates";
const TOKENS: &str = "certificate_ownership_tokens";

/// The account's provisioning templates and ownership tokens.
#[derive(Debug)]
pub struct Provisioning {
    scope: Scope,
    templates: BTreeMap<String, Held>,
    /// By the digest of the token: what is kept can be handed to nobody.
    tokens: HashMap<String, TokenRow>,
    /// By when they expire.
    by_expiry: BTreeSet<(Timestamp, String)>,
    /// Tokens of which a request is under way.
    in_use: BTreeSet<String>,
    tasks: Tasks,
}

/// A template, and its default version read once.
#[derive(Debug)]
struct Held {
    row: TemplateRow,
    compiled: Arc<Template>,
}

/// A template as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TemplateRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    enabled: bool,
    role_arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hook: Option<HookRow>,
    /// Whether it is of the type `JITP`; else it is of `FLEET_PROVISIONING`.
    #[serde(default)]
    jitp: bool,
    created: Timestamp,
    modified: Timestamp,
    default: i32,
    /// The number of the latest version there ever was.
    latest: i32,
    versions: BTreeMap<i32, VersionRow>,
}

/// A version of a template as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VersionRow {
    body: String,
    created: Timestamp,
}

/// The pre-provisioning hook of a template as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HookRow {
    payload_version: String,
    target_arn: String,
}

impl From<&HookRow> for ProvisioningHook {
    fn from(row: &HookRow) -> Self {
        Self { payload_version: Some(row.payload_version.clone()), target_arn: row.target_arn.clone() }
    }
}

impl TemplateRow {
    fn kind(&self) -> TemplateType {
        if self.jitp { TemplateType::Jitp } else { TemplateType::FleetProvisioning }
    }

    fn dialect(&self) -> Dialect {
        if self.jitp { Dialect::Jitp } else { Dialect::Fleet }
    }

    fn default_body(&self) -> &str {
        self.versions.get(&self.default).map_or("", |version| version.body.as_str())
    }
}

impl Provisioning {
    /// An account without templates.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            templates: BTreeMap::new(),
            tokens: HashMap::new(),
            by_expiry: BTreeSet::new(),
            in_use: BTreeSet::new(),
            tasks: Tasks::default(),
        }
    }

    fn arn(&self, name: &str) -> String {
        self.scope.arn("iot", &format!("provisioningtemplate/{name}")).into()
    }

    fn held(&self, name: &str) -> Result<&Held, ApiError> {
        self.templates.get(name).ok_or_else(|| missing(name))
    }

    fn held_mut(&mut self, name: &str) -> Result<&mut Held, ApiError> {
        self.templates.get_mut(name).ok_or_else(|| missing(name))
    }
}

fn missing(name: &str) -> ApiError {
    ApiError::not_found(format!("there is no provisioning template `{name}`: see ListProvisioningTemplates"))
}

fn write(name: &str, row: &TemplateRow) -> Write {
    Write::put(TEMPLATES, name, json(row))
}

fn json(row: &impl Serialize) -> String {
    // Rows are structs of strings and numbers: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

impl Rulebook for Provisioning {
    const TABLES: &'static [&'static str] = &[TEMPLATES, TOKENS, TASKS, BATCHES];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.into(), key: key.into(), why };
        match table {
            TEMPLATES => {
                let row: TemplateRow = parse(value).map_err(corrupt)?;
                let compiled =
                    Template::parse(row.default_body(), row.dialect()).map_err(|e| corrupt(e.to_string()))?;
                self.templates.insert(key.to_owned(), Held { row, compiled: Arc::new(compiled) });
            }
            TASKS => self.tasks.take_in(key, parse(value).map_err(corrupt)?),
            BATCHES => self.tasks.take_in_added(key, parse(value).map_err(corrupt)?),
            TOKENS => self.take_in(key.to_owned(), parse(value).map_err(corrupt)?),
            _ => return Err(corrupt("the table is not one of provisioning".into())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.scope.clone());
    }
}

fn parse<T: DeserializeOwned>(value: &str) -> Result<T, String> {
    serde_json::from_str(value).map_err(|error| error.to_string())
}

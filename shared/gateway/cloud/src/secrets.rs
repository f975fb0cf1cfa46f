//! Secrets Manager, as far as rules and functions read secrets: a secret has the version that is current and the one before.
//!
//! Follows "CreateSecret", "PutSecretValue", "GetSecretValue", "DescribeSecret", "DeleteSecret" and "ListSecrets" of the AWS
//! Secrets Manager API reference, over AWS JSON 1.1. Any other operation is refused by name. Nothing is encrypted, and a
//! deleted secret is gone at once: no recovery window.

mod api;

use crate::context::{Context, lock};
use crate::error::CloudError;
use crate::journal::Rows;
use crate::stand_in::{Facts, Service};
use drydock_core::{Timestamp, Write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

/// Secrets Manager.
pub const SERVICE: Service = Service::new(&Facts {
    name: "secretsmanager",
    title: "AWS Secrets Manager",
    targets: &["secretsmanager"],
    ..Facts::PLAIN
});

const SECRETS: &str = "secret";

/// A version's value: a text or bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretValue {
    /// The version's id.
    pub version: String,
    /// The text.
    pub string: Option<String>,
    /// The bytes, in base64.
    pub binary: Option<String>,
    /// When it was made.
    pub created: Timestamp,
}

/// Shows no secret.
impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretValue").field("version", &self.version).finish_non_exhaustive()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secret {
    /// The six characters that AWS puts behind the name in the ARN.
    suffix: String,
    description: Option<String>,
    created: Timestamp,
    current: Option<SecretValue>,
    previous: Option<SecretValue>,
    /// What a template said last that it is to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    planned: Option<String>,
}

/// All secrets of the account and region.
pub struct Secrets {
    context: Arc<Context>,
    held: Mutex<BTreeMap<String, Secret>>,
}

impl Secrets {
    pub(crate) fn open(context: Arc<Context>, rows: &Rows) -> Result<Arc<Self>, CloudError> {
        let held = rows.table::<Secret>(SECRETS)?.into_iter().collect();
        Ok(Arc::new(Self { context, held: Mutex::new(held) }))
    }

    /// The current value of a secret, by its name or ARN; a partial ARN, without the last six characters, is known too.
    pub fn current(&self, id: &str) -> Option<SecretValue> {
        let held = lock(&self.held);
        held.get(&self.name(id, &held)?)?.current.clone()
    }

    /// The texts of all secrets that have one, by their names, their ARNs and their partial ARNs.
    #[must_use]
    pub fn texts(&self) -> Vec<(String, String)> {
        let held = lock(&self.held);
        let text = |(name, secret): (&String, &Secret)| {
            let text = secret.current.as_ref()?.string.clone()?;
            let arn = self.arn(name, secret);
            let partial = arn.strip_suffix(&format!("-{}", secret.suffix)).unwrap_or(&arn).to_owned();
            Some([(name.clone(), text.clone()), (partial, text.clone()), (arn, text)])
        };
        held.iter().filter_map(text).flatten().collect()
    }

    /// Makes a secret that a template declares. One that is there gets the text where the template says another one than before:
    /// what was put there since stays.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn ensure(
        &self,
        name: &str,
        suffix: &str,
        description: Option<&str>,
        text: &str,
    ) -> Result<(), CloudError> {
        let now = self.context.now();
        let secret = {
            let mut held = lock(&self.held);
            let secret = held.entry(name.to_owned()).or_insert_with(|| Secret {
                suffix: suffix.to_owned(),
                description: None,
                created: now,
                current: None,
                previous: None,
                planned: None,
            });
            if secret.planned.as_deref() == Some(text) && secret.description.as_deref() == description {
                return Ok(());
            }
            secret.description = description.map(str::to_owned);
            if secret.planned.as_deref() != Some(text) {
                secret.planned = Some(text.to_owned());
                let string = Some(text.to_owned());
                let value = SecretValue { version: self.context.uuid(), string, binary: None, created: now };
                secret.previous = secret.current.replace(value);
            }
            secret.clone()
        };
        self.save(name, Some(&secret)).await
    }

    fn arn(&self, name: &str, secret: &Secret) -> String {
        self.context.config.scope.arn("secretsmanager", &format!("secret:{name}-{}", secret.suffix)).to_string()
    }

    fn name(&self, id: &str, held: &BTreeMap<String, Secret>) -> Option<String> {
        if held.contains_key(id) {
            return Some(id.to_owned());
        }
        let prefix = self.context.config.scope.arn("secretsmanager", "secret:").to_string();
        let rest = id.strip_prefix(&prefix)?;
        let full = held.iter().find(|(name, secret)| rest == format!("{name}-{}", secret.suffix));
        full.map(|(name, _)| name.clone()).or_else(|| held.contains_key(rest).then(|| rest.to_owned()))
    }

    async fn save(&self, name: &str, secret: Option<&Secret>) -> Result<(), CloudError> {
        let write = match secret {
            Some(secret) => {
                let row = serde_json::to_string(secret);
                Write::put(
                    SECRETS,
                    name,
                    row.map_err(|e| CloudError::Journal { path: SECRETS.into(), why: e.to_string() })?,
                )
            }
            None => Write::delete(SECRETS, name),
        };
        self.context.journal.commit(vec![write]).await
    }

    pub(crate) async fn clear(&self) -> Result<(), CloudError> {
        let names: Vec<String> = std::mem::take(&mut *lock(&self.held)).into_keys().collect();
        self.context.journal.commit(names.into_iter().map(|name| Write::delete(SECRETS, name)).collect()).await
    }
}

//! What the gateway knows of profiles, jobs and its key.

use super::key::{CERTIFICATE, Key, broken};
use super::rows::{JobRow, ProfileRow};
use crate::context::{Context, lock};
use crate::error::CloudError;
use crate::journal::Rows;
use crate::s3::S3;
use crate::stand_in::{Facts, Service};
use drydock_core::Write;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// AWS Signer.
pub const SERVICE: Service =
    Service::new(&Facts { name: "signer", title: "AWS Signer", path: "/signing-", method: "GET", ..Facts::PLAIN });

pub(super) const PROFILES: &str = "signer-profile";
pub(super) const JOBS: &str = "signer-job";
const KEYS: &str = "signer-key";

#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) profiles: BTreeMap<String, ProfileRow>,
    pub(super) jobs: BTreeMap<String, JobRow>,
}

/// AWS Signer.
pub struct Signer {
    pub(super) context: Arc<Context>,
    pub(super) s3: Arc<S3>,
    pub(super) held: Mutex<Held>,
    /// Held while an object is signed, so that none is signed twice.
    pub(super) key: tokio::sync::Mutex<Option<Key>>,
}

impl Signer {
    pub(crate) fn open(context: Arc<Context>, s3: Arc<S3>, rows: &Rows) -> Result<Arc<Self>, CloudError> {
        let held = Held {
            profiles: rows.table(PROFILES)?.into_iter().collect(),
            jobs: rows.table(JOBS)?.into_iter().collect(),
        };
        let key = rows.table::<Key>(KEYS)?.pop().map(|(_, key)| key);
        Ok(Arc::new(Self { context, s3, held: Mutex::new(held), key: tokio::sync::Mutex::new(key) }))
    }

    /// Forgets profiles and jobs; the key stays, as devices may have its certificate.
    pub(super) async fn clear(&self) -> Result<(), CloudError> {
        let held = std::mem::take(&mut *lock(&self.held));
        let profiles = held.profiles.into_keys().map(|name| Write::delete(PROFILES, name));
        let jobs = held.jobs.into_keys().map(|id| Write::delete(JOBS, id));
        self.context.journal.commit(profiles.chain(jobs).collect()).await
    }

    /// The key; made when it is first needed.
    pub(super) async fn key(&self, held: &mut Option<Key>) -> Result<Key, CloudError> {
        if let Some(key) = held {
            return Ok(key.clone());
        }
        let now = self.context.now();
        let made = tokio::task::spawn_blocking(move || Key::make(now)).await;
        let key = made.map_err(broken)??;
        let config = &self.context.config;
        if let Some(folder) = config.data_dir.as_ref().or(config.scratch.as_ref()) {
            let path = folder.join(CERTIFICATE);
            let written = tokio::fs::write(&path, &key.certificate).await;
            written.map_err(|source| CloudError::DataDir { path, source })?;
        }
        // After the file: a key that is kept has its certificate there.
        self.context.journal.commit(vec![row(KEYS, "key", &key)]).await?;
        *held = Some(key.clone());
        Ok(key)
    }
}

pub(super) fn row(table: &'static str, key: &str, row: &impl Serialize) -> Write {
    // Rows are structs of texts and numbers: writing them as JSON does not fail.
    Write::put(table, key, serde_json::to_string(row).unwrap_or_default())
}

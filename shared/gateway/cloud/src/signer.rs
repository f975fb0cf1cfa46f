//! AWS Signer, as far as firmware of devices is signed: profiles and jobs that sign an object of S3 with a key of this gateway.
//!
//! - `api`: the operations over HTTP. `profiles` and `jobs` have their work.
//! - `key`: the key, and the certificate that devices check signatures with: the file [`CERTIFICATE`] of the data folder.
//!
//! Follows the AWS Signer API reference, and "Sign Internet of Things (IoT) objects" of its developer guide. The certificate that a
//! profile names is one of ACM's, which nothing stands in for: whatever it is, signatures are the gateway's own key's.

mod api;
mod jobs;
mod key;
mod profiles;

use crate::context::{Context, lock};
use crate::error::CloudError;
use crate::journal::Rows;
use crate::s3::S3;
use crate::stand_in::{Facts, Service};
use drydock_core::Write;
use jobs::JobRow;
use key::Key;
use profiles::ProfileRow;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

pub use jobs::{Asked, Signed};
pub use key::CERTIFICATE;

/// AWS Signer.
pub const SERVICE: Service =
    Service::new(&Facts { name: "signer", title: "AWS Signer", path: "/signing-", method: "GET", ..Facts::PLAIN });

const PROFILES: &str = "signer-profile";
const JOBS: &str = "signer-job";
const KEYS: &str = "signer-key";

/// Why an operation is refused: the error's name, and its text.
pub(crate) type Refused = (&'static str, String);

/// A platform that is signed for.
#[derive(Debug, Clone, Copy)]
struct Platform {
    id: &'static str,
    display: &'static str,
    /// Whether the signed object has the payload in it.
    embeds: bool,
    /// The largest payload, in bytes.
    largest: u64,
}

/// The platforms whose signatures are ECDSA with SHA-256 ("ListSigningPlatforms").
const PLATFORMS: [Platform; 2] = [
    Platform {
        id: "AWSIoTDeviceManagement-SHA256-ECDSA",
        display: "AWS IoT Device Management SHA256-ECDSA",
        embeds: false,
        largest: 2048 * 1024 * 1024,
    },
    Platform {
        id: "AmazonFreeRTOS-Default",
        display: "Amazon FreeRTOS SHA256-ECDSA",
        embeds: true,
        largest: 16 * 1024 * 1024,
    },
];

/// A platform by its id.
fn platform(id: &str) -> Result<Platform, Refused> {
    PLATFORMS.into_iter().find(|platform| platform.id == id).ok_or_else(|| {
        let known = PLATFORMS.map(|platform| platform.id).join(" and ");
        invalid(format!("the platform `{id:.64}` is not implemented by this gateway: {known} are"))
    })
}

#[derive(Debug, Default)]
struct Held {
    profiles: BTreeMap<String, ProfileRow>,
    jobs: BTreeMap<String, JobRow>,
}

/// AWS Signer.
pub struct Signer {
    context: Arc<Context>,
    s3: Arc<S3>,
    held: Mutex<Held>,
    /// Held while an object is signed, so that none is signed twice.
    key: tokio::sync::Mutex<Option<Key>>,
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
    async fn clear(&self) -> Result<(), CloudError> {
        let held = std::mem::take(&mut *lock(&self.held));
        let profiles = held.profiles.into_keys().map(|name| Write::delete(PROFILES, name));
        let jobs = held.jobs.into_keys().map(|id| Write::delete(JOBS, id));
        self.context.journal.commit(profiles.chain(jobs).collect()).await
    }
}

fn invalid(why: impl Into<String>) -> Refused {
    ("ValidationException", why.into())
}

fn missing(why: impl Into<String>) -> Refused {
    ("ResourceNotFoundException", why.into())
}

fn failed(error: CloudError) -> Refused {
    ("InternalServiceErrorException", error.to_string())
}

fn row(table: &'static str, key: &str, row: &impl Serialize) -> Write {
    // Rows are structs of texts and numbers: writing them as JSON does not fail.
    Write::put(table, key, serde_json::to_string(row).unwrap_or_default())
}

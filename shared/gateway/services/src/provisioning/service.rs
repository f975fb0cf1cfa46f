//! The state of provisioning: what is being provisioned at this moment, and bulk registration.

use super::failure::NotProvisioned;
use drydock_host::Host;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// Provisioning of devices.
pub struct ProvisioningService {
    /// What it stands on.
    pub host: Host,
    /// What is being provisioned.
    pub(super) underway: Underway,
    /// Bulk registration.
    pub(crate) bulk: Bulk,
}

impl ProvisioningService {
    /// Provisioning with nothing under way. The files of bulk registration are in a folder below `home`.
    #[must_use]
    pub fn new(host: Host, home: &Path) -> Self {
        Self { host, underway: Underway::default(), bulk: Bulk::new(home) }
    }
}

/// What is being provisioned at this moment: of two requests for the same thing or certificate, the later one is refused
/// rather than mixed with the first.
#[derive(Debug, Default)]
pub struct Underway(Mutex<BTreeSet<String>>);

/// A hold on resources; it ends with this.
#[derive(Debug)]
pub(super) struct Claimed<'u> {
    underway: &'u Underway,
    names: Vec<String>,
}

impl Underway {
    /// Holds all of the names, or none and says which is taken.
    pub(super) fn claim(&self, names: Vec<String>) -> Result<Claimed<'_>, NotProvisioned> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = names.iter().find(|name| held.contains(*name)) {
            return Err(NotProvisioned::Underway(taken.clone()));
        }
        held.extend(names.iter().cloned());
        Ok(Claimed { underway: self, names })
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        let mut held = self.underway.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.names {
            held.remove(name);
        }
    }
}

/// Bulk registration: where its files are, and its bell.
#[derive(Debug)]
pub struct Bulk {
    pub(super) folder: PathBuf,
    pub(super) bell: Notify,
}

impl Bulk {
    /// Its files are in a folder below the service's.
    #[must_use]
    pub fn new(home: &Path) -> Self {
        Self { folder: home.join("registration"), bell: Notify::new() }
    }

    /// A task was started.
    pub fn ring(&self) {
        self.bell.notify_one();
    }
}

//! The state of provisioning: the requests that came as messages and wait, and that of bulk registration.

use super::waiting::Waiting;
use drydock_host::Host;
use drydock_timers::Reminder;
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use tokio::sync::Notify;

/// Provisioning of devices.
pub struct ProvisioningService {
    /// What it stands on.
    pub host: Host,
    /// Bulk registration.
    pub(crate) bulk: Bulk,
    pub(super) waiting: Mutex<Waiting>,
    /// Told when a request waits.
    pub(super) arrived: Notify,
    /// For when something that provisioning left behind is to go.
    pub(super) left_behind: Reminder,
}

impl ProvisioningService {
    /// Provisioning. The files of bulk registration are in a folder below `home`.
    #[must_use]
    pub fn new(host: Host, home: &Path) -> Self {
        let waiting = Mutex::new(Waiting::new(host.broker.limits()));
        let left_behind = host.books.time.reminder("what provisioning left behind");
        Self { host, bulk: Bulk::new(home), waiting, arrived: Notify::new(), left_behind }
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

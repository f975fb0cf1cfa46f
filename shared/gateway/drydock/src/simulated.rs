//! Devices that are simulated: each has a connection of its own, does its jobs, carries out commands and follows its shadow, as
//! `drydock device run` and the demos have it.
//!
//! - [`behavior`]: what a device makes of a job or a command. [`device`]: one device, from its connect to its end.
//!   `download`: the files that a job brings it by stream.
//! - [`fleet`]: who the devices are, and what they show.

pub(crate) mod behavior;
pub(crate) mod device;
mod download;
pub(crate) mod fleet;

use behavior::Behavior;
use device::{Simulated, Told};
use fleet::Fleet;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How much may have happened that nobody has heard of yet: devices wait for who listens.
const WAITING: usize = 1_024;

/// Devices that run.
pub(crate) struct Devices {
    fleet: Arc<Fleet>,
    running: JoinSet<()>,
    telling: mpsc::Sender<(String, Told)>,
    told: mpsc::Receiver<(String, Told)>,
    stop: watch::Sender<bool>,
}

impl Devices {
    /// None of the fleet's devices yet.
    pub(crate) fn of(fleet: Fleet) -> Self {
        let (telling, told) = mpsc::channel(WAITING);
        Self { fleet: Arc::new(fleet), running: JoinSet::new(), telling, told, stop: watch::channel(false).0 }
    }

    /// Their names, in the order of their numbers.
    pub(crate) fn names(&self) -> &[String] {
        self.fleet.names()
    }

    /// Lets the device with this number, from 1, begin.
    pub(crate) fn begin(&mut self, number: u64, behavior: Behavior) {
        let at = usize::try_from(number).unwrap_or(0).checked_sub(1);
        let Some(name) = at.and_then(|at| self.fleet.names().get(at)) else { return };
        let device = Simulated::new(name.clone(), number, behavior, self.telling.clone());
        self.running.spawn(device.run(Arc::clone(&self.fleet), self.stop.subscribe()));
    }

    /// What one of them tells next.
    pub(crate) async fn next(&mut self) -> Option<(String, Told)> {
        self.told.recv().await
    }

    /// Ends all of them, and takes back what was made for them.
    pub(crate) async fn end(mut self) {
        let _ = self.stop.send(true);
        // Devices that have something to tell must not wait for ever.
        drop(self.told);
        while self.running.join_next().await.is_some() {}
        self.fleet.end().await;
    }
}

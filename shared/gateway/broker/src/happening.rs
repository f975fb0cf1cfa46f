//! What happens on connections, for logs: told only while somebody wants to know.

use crate::dropped::DropReason;
use drydock_core::event::DisconnectReason;
use smol_str::SmolStr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Whether anybody wants to be told what happens. It is looked at for each message: one relaxed load.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<AtomicBool>);

impl Watch {
    /// Begins or ends being told.
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }

    /// Whether somebody is told.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// On whose connection something happens.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// The client id.
    pub client_id: &'a str,
    /// The principal; empty where it is not known.
    pub principal: &'a str,
    /// Where the client is; `None` where it is not connected.
    pub remote: Option<SocketAddr>,
}

/// Something that happens on a connection.
#[derive(Debug, Clone, Copy)]
pub enum Happening<'a> {
    /// It was let in.
    Connected,
    /// It was not let in; the gate's own refusals are told by the gate.
    ConnectFailed(&'static str),
    /// It ended.
    Disconnected(DisconnectReason),
    /// The client asked whether it lives.
    Pinged,
    /// A message came, and was taken in or, for this reason, was not.
    PublishIn {
        /// Its topic.
        topic: &'a str,
        /// Whether it is to be retained.
        retain: bool,
        /// Why it was not taken in.
        failure: Option<&'static str>,
    },
    /// A message was written.
    PublishOut(&'a str),
    /// A message waits for its client to connect again.
    Queued(&'a str),
    /// The client subscribed to these filters, each with what the SUBACK says.
    Subscribed(&'a [(SmolStr, u8)]),
    /// The client unsubscribed.
    Unsubscribed(&'a [SmolStr]),
}

macro_rules! counts {
    ($($name:ident = $text:literal,)*) => {
        /// What is counted, by the names of AWS's metrics ("Message broker metrics").
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Count { $($name,)* }

        /// The names, in the order of [`Count`].
        pub(crate) const COUNTS: &[&str] = &[$($text,)*];
    };
}

counts! {
    ConnectSuccess = "Connect.Success",
    ConnectAuthError = "Connect.AuthError",
    ConnectClientError = "Connect.ClientError",
    ConnectClientIdThrottle = "Connect.ClientIDThrottle",
    ConnectServerError = "Connect.ServerError",
    ConnectThrottle = "Connect.Throttle",
    PingSuccess = "Ping.Success",
    PublishInAuthError = "PublishIn.AuthError",
    PublishInClientError = "PublishIn.ClientError",
    PublishInThrottle = "PublishIn.Throttle",
    QueuedSuccess = "Queued.Success",
    SubscribeSuccess = "Subscribe.Success",
    SubscribeAuthError = "Subscribe.AuthError",
    SubscribeClientError = "Subscribe.ClientError",
    UnsubscribeSuccess = "Unsubscribe.Success",
    UnsubscribeClientError = "Unsubscribe.ClientError",
    ThrottleExceeded = "Throttle.Exceeded",
    // Not a metric of AWS: what was taken in from elsewhere than MQTT connections.
    Elsewhere = "",
}

/// Counts since the start.
#[derive(Debug)]
pub(crate) struct Counts {
    of: [AtomicU64; COUNTS.len()],
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl Default for Counts {
    fn default() -> Self {
        Self { of: std::array::from_fn(|_| AtomicU64::new(0)), dropped: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Counts {
    pub(crate) fn add(&self, count: Count, times: u64) {
        if let Some(counter) = self.of.get(count as usize) {
            counter.fetch_add(times, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self, count: Count) -> u64 {
        self.of.get(count as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// AWS's metrics, those aside that are counted elsewhere.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        COUNTS
            .iter()
            .zip(&self.of)
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, of)| (*name, of.load(Ordering::Relaxed)))
    }

    pub(crate) fn drop_for(&self, reason: DropReason) {
        if let Some(counter) = self.dropped.get(reason as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.into_iter().zip(&self.dropped).map(|(reason, of)| (reason, of.load(Ordering::Relaxed)))
    }
}

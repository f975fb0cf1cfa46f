//! The state of audits: the connections that are there, and what has happened that checks look at and is not kept yet.

use crate::rules::outbound::Outbound;
use crate::service::{AGAIN, Service};
use async_trait::async_trait;
use drydock_audit::Audit;
use drydock_audit::connections::{Conflict, Connection, MOST_OF_EACH, Observed};
use drydock_audit::keys::Blocklist;
use drydock_audit::mitigation::{Violation, Violations, Wanted};
use drydock_core::event::{ClientIdentity, DisconnectReason};
use drydock_core::{ApiError, Event, Timestamp};
use drydock_host::Host;
use drydock_timers::{Due, Reminder};
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// What is remembered until it is kept; what comes beyond it is not.
const MOST_OBSERVED: usize = 10_000;
/// Roles and services whose use of today is remembered.
const MOST_USED: usize = 10_000;
/// A day in milliseconds.
const DAY: i64 = 86_400_000;
/// Digits of the id of a certificate: other principals share nothing that an audit looks at.
const CERTIFICATE_ID: usize = 64;

/// Device Defender's audits.
pub struct AuditService {
    pub(super) host: Host,
    /// By which revocation lists are fetched.
    pub(super) outbound: Outbound,
    pub(super) weak_keys: Arc<Blocklist>,
    reminder: Reminder,
    shares: AtomicBool,
    conflicts: AtomicBool,
    /// The connections of each certificate, by client id, while certificates that are shared are looked for.
    open: Mutex<HashMap<SmolStr, Holder>>,
    observed: Mutex<Vec<Observed>>,
    /// Who knows violations.
    violations: OnceLock<Arc<dyn Violations>>,
    /// On which day a service was last used with a role.
    used: Mutex<HashMap<(SmolStr, SmolStr), i64>>,
}

/// A certificate that is connected.
#[derive(Default)]
struct Holder {
    connections: BTreeMap<SmolStr, (u64, Timestamp)>,
    /// Whether it has been connected twice at once.
    is_shared: bool,
}

impl AuditService {
    /// Audits, which fetch revocation lists by `outbound`, and know the predictable keys of `weak_keys`.
    #[must_use]
    pub fn new(host: Host, outbound: Outbound, weak_keys: Arc<Blocklist>) -> Self {
        let reminder = host.books.time.reminder("audits");
        let (shares, conflicts, open, observed, used) = Default::default();
        let violations = OnceLock::new();
        Self { host, outbound, weak_keys, reminder, shares, conflicts, open, observed, violations, used }
    }

    /// Says who knows violations, once. Nobody is known to violate anything before.
    pub fn ask_for_violations(&self, of: Arc<dyn Violations>) {
        // A second one would know the same ones.
        let _ = self.violations.set(of);
    }

    /// The violations that a task is about.
    pub(super) fn violations(&self, wanted: &Wanted) -> Vec<Violation> {
        self.violations.get().map(|of| of.find(wanted)).unwrap_or_default()
    }

    /// The books have become others, or something has come that is to be done.
    pub fn look_again(&self) {
        let (shares, conflicts) = self.host.books.audit.read(Audit::collects);
        self.shares.store(shares, Ordering::Relaxed);
        self.conflicts.store(conflicts, Ordering::Relaxed);
        if !shares {
            self.open.lock().clear();
        }
        // Other books may not know what was used today.
        self.used.lock().clear();
        self.reminder.by(self.host.books.now());
    }

    /// A service, as signatures call it, was asked with the credentials of a role.
    pub fn used(&self, role: &str, service: &str) {
        let at = self.host.books.now();
        let service = match service {
            "iotdata" | "iot-jobs-data" | "iotdevicegateway" => "iot",
            "monitoring" => "cloudwatch",
            service => service,
        };
        let today = at.millis().div_euclid(DAY);
        let key = (SmolStr::new(role), SmolStr::new(service));
        {
            let mut used = self.used.lock();
            if used.get(&key) == Some(&today) || (used.len() >= MOST_USED && !used.contains_key(&key)) {
                return;
            }
            used.insert(key.clone(), today);
        }
        self.observe(Observed::Used { role: key.0, service: key.1, at });
    }

    fn observe(&self, observed: Observed) {
        let mut waiting = self.observed.lock();
        if waiting.len() < MOST_OBSERVED {
            waiting.push(observed);
        }
        drop(waiting);
        self.reminder.by(self.host.books.now());
    }

    fn connected(&self, client: &ClientIdentity, version: u64, at: Timestamp) {
        let mut open = self.open.lock();
        let holder = open.entry(client.principal.clone()).or_default();
        holder.connections.insert(client.client_id.clone(), (version, at));
        if holder.connections.len() < 2 {
            return;
        }
        holder.is_shared = true;
        let connection = |(client_id, (_, from)): (&SmolStr, &(u64, Timestamp))| Connection {
            client_id: client_id.clone(),
            from: *from,
            until: None,
        };
        // More are not kept, and each was told when it came: thousands may have one certificate.
        let newest = holder.connections.get_key_value(&client.client_id);
        let others = holder.connections.iter().filter(|(client_id, _)| **client_id != client.client_id);
        let connections = newest.into_iter().chain(others).take(MOST_OF_EACH).map(connection).collect();
        drop(open);
        self.observe(Observed::Sharing { certificate: client.principal.clone(), connections });
    }

    fn disconnected(&self, client: &ClientIdentity, version: u64, until: Timestamp) {
        let mut open = self.open.lock();
        let Some(holder) = open.get_mut(&client.principal) else { return };
        // A later connection under the same client id may be there already.
        let Some((_, from)) = holder.connections.get(&client.client_id).filter(|(known, _)| *known == version).copied()
        else {
            return;
        };
        holder.connections.remove(&client.client_id);
        let is_shared = holder.is_shared;
        if holder.connections.is_empty() {
            open.remove(&client.principal);
        }
        drop(open);
        if is_shared {
            let (certificate, client_id) = (client.principal.clone(), client.client_id.clone());
            self.observe(Observed::Ended { certificate, client_id, from, until });
        }
    }

    /// Keeps what has happened.
    pub(super) async fn keep(&self) -> Result<(), ApiError> {
        let observed = std::mem::take(&mut *self.observed.lock());
        if observed.is_empty() {
            return Ok(());
        }
        let books = &self.host.books;
        let again = observed.clone();
        let kept = books.apply(&books.audit, |book| Ok::<_, ApiError>(book.observe(observed))).await;
        if kept.is_err() {
            let mut waiting = self.observed.lock();
            let later = std::mem::replace(&mut *waiting, again);
            waiting.extend(later);
            waiting.truncate(MOST_OBSERVED);
        }
        kept
    }
}

#[async_trait]
impl Due for AuditService {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if let Err(error) = self.go_on().await {
            tracing::warn!(%error, "audits could not go on");
            return Some(now.plus_millis(AGAIN));
        }
        self.host.books.audit.read(Audit::next_due)
    }
}

#[async_trait]
impl Service for AuditService {
    /// Audits that an earlier run has left unfinished go on when it is first asked what is due.
    fn reminder(&self) -> Option<Reminder> {
        Some(self.reminder.clone())
    }

    fn hears(self: Arc<Self>, event: &Event) {
        let shares = self.shares.load(Ordering::Relaxed);
        match event {
            Event::ClientConnected { client, version, at } if shares && client.principal.len() == CERTIFICATE_ID => {
                self.connected(client, *version, *at);
            }
            Event::ClientDisconnected { client, version, reason, at } => {
                if shares {
                    self.disconnected(client, *version, *at);
                }
                if *reason == DisconnectReason::DuplicateClientid && self.conflicts.load(Ordering::Relaxed) {
                    let conflict = Conflict { principal: client.principal.clone(), at: *at };
                    self.observe(Observed::Conflicting { client_id: client.client_id.clone(), conflict });
                }
            }
            _ => {}
        }
    }

    async fn reconcile(self: Arc<Self>) -> Result<(), ApiError> {
        // Connections of the process before have ended, whether anybody was told or not.
        let books = &self.host.books;
        books.apply(&books.audit, |book| Ok::<_, ApiError>(book.all_ended(books.now()))).await?;
        let (shares, conflicts) = books.audit.read(Audit::collects);
        self.shares.store(shares, Ordering::Relaxed);
        self.conflicts.store(conflicts, Ordering::Relaxed);
        Ok(())
    }
}

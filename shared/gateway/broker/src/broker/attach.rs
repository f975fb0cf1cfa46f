//! How a connection takes a client id, and how it ends.

use super::deliver::Publisher;
use super::inner::Inner;
use crate::gate::{Admission, Peer};
use crate::happening::{Count, Happening};
use crate::index::Subscriber;
use crate::journal::Commit;
use crate::message::{Message, Protocol, Qos};
use crate::packet::reason;
use crate::rows::{self, ClientRow, LiveRow, SessionRow, SubscriptionRow, WillRow};
use crate::session::{Delivery, Group, Left, Session};
use crate::share::Member as _;
use crate::slots::{Ending, Gone, Link, LinkParts, Slot};
use crate::subscription::SubOptions;
use crate::will::PendingWill;
use drydock_core::event::{ClientIdentity, DisconnectReason};
use drydock_core::topic::of_share;
use drydock_core::{Event, Reserved, Timestamp, Write};
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Retained messages are looked through once in so many milliseconds at most.
const SWEEP: i64 = 60_000;

/// A connect that the gate has let in.
pub(crate) struct NewConnection {
    pub(crate) peer: Arc<Peer>,
    pub(crate) protocol: Protocol,
    pub(crate) client_id: SmolStr,
    /// Whether an earlier session is to be forgotten.
    pub(crate) clean: bool,
    /// 0 for a session that ends with the connection.
    pub(crate) expiry_seconds: u64,
    pub(crate) keep_alive: u16,
    pub(crate) will: Option<PendingWill>,
    pub(crate) admission: Admission,
}

/// A connection that holds its client id.
pub(crate) struct Attached {
    pub(crate) link: Arc<Link>,
    /// Whether it goes on with an earlier session.
    pub(crate) resumed: bool,
    /// To wait for before the client is told.
    pub(crate) commit: Option<Commit>,
}

impl Inner {
    /// Whether a client id may connect now, as far as the number and rate of connects goes.
    pub(crate) fn has_room(&self, client_id: &str, now: Timestamp) -> Result<(), u8> {
        let slots = self.slots.lock();
        if slots.live as u64 >= self.limits.connections {
            return Err(reason::QUOTA_EXCEEDED);
        }
        if !self.account.connects.take(now) {
            return Err(reason::CONNECTION_RATE_EXCEEDED);
        }
        let per_second = self.limits.connects_per_second_per_client;
        if let Some(slot) = slots.by_client.get(client_id).filter(|_| per_second > 0) {
            let apart = 1000 / i64::try_from(per_second).unwrap_or(1000).max(1);
            if slot.next_version > 0 && now.since(slot.connected_at) < apart {
                return Err(reason::CONNECTION_RATE_EXCEEDED);
            }
        }
        Ok(())
    }

    /// Gives a client id to a new connection: the one before it ends, its session is resumed or ended.
    pub(crate) fn attach(&self, new: NewConnection) -> Attached {
        let now = self.now();
        let NewConnection { peer, protocol, client_id, clean, expiry_seconds, keep_alive, will, admission } = new;
        let (link, old_link, old_session) = {
            let mut slots = self.slots.lock();
            let slot = slots.by_client.entry(client_id.clone()).or_default();
            let old_link = slot.live.take();
            let expired = slot.session_ends().is_some_and(|ends| old_link.is_none() && ends <= now);
            let known = slot.session.take();
            // A session of the other MQTT version is not resumed (guide, "MQTT 5 considerations").
            // Nor is one of another principal, whose messages are not for this one; AWS does not say so.
            let fits = |s: &Session| s.is_persistent() && s.protocol == protocol && s.principal == admission.principal;
            let resumes = !clean && !expired && known.as_deref().is_some_and(fits);
            let (session, old_session) = match known {
                Some(session) if resumes => {
                    session.set_expiry(expiry_seconds);
                    (session, None)
                }
                known => {
                    let identifier = SmolStr::from(self.ids.uuid().to_string());
                    let persistent = expiry_seconds > 0;
                    let id = self.next_id();
                    let principal = admission.principal.clone();
                    let session = Session::new(
                        id,
                        client_id.clone(),
                        principal,
                        protocol,
                        identifier,
                        persistent,
                        expiry_seconds,
                    );
                    (Arc::new(session), known)
                }
            };
            let identity = Arc::new(ClientIdentity {
                client_id: client_id.clone(),
                exclusive_thing: admission.exclusive_thing,
                principal: admission.principal,
                session_identifier: session.identifier.clone(),
                ip: peer.remote.ip(),
            });
            let link = Arc::new(Link::new(LinkParts {
                id: self.next_id(),
                identity,
                version: slot.next_version,
                protocol,
                lifetimes: peer.lifetime.into_iter().chain(admission.lifetime).collect(),
                peer,
                gate: admission.session,
                keep_alive,
                clean: expiry_seconds == 0,
                since: now,
                session: Arc::clone(&session),
                will,
            }));
            slot.next_version += 1;
            slot.connected_at = now;
            slot.live = Some(Arc::clone(&link));
            slot.session = Some(session);
            slot.gone = None;
            if old_link.is_none() {
                slots.live += 1;
            }
            (link, old_link, old_session)
        };
        let row = self.client_row(&link, None);
        let resumed = old_session.is_none() && link.session.was_used();
        if let Some(old) = &old_link {
            old.kick(reason::TAKEN_OVER);
            if !Arc::ptr_eq(&old.session, &link.session) {
                old.session.detach(old.id);
            }
            self.tap.event(Event::ClientDisconnected {
                client: Arc::clone(&old.identity),
                version: old.version,
                reason: DisconnectReason::DuplicateClientid,
                at: now,
            });
            self.meter.ended(&old.identity, &old.usage);
            self.happened(old, Happening::Disconnected(DisconnectReason::DuplicateClientid));
            self.publish_will(old, None, now);
        }
        if let Some(session) = old_session {
            self.end_session(&session);
        }
        link.session.attach(link.id);
        let commit = self.save_session(&link.session, &link.identity.principal, link.version + 1, None, row);
        self.tap.event(Event::ClientConnected { client: Arc::clone(&link.identity), version: link.version, at: now });
        self.count(Count::ConnectSuccess);
        self.happened(&link, Happening::Connected);
        Attached { link, resumed, commit }
    }

    /// Ends a connection, if nobody has before.
    pub(crate) fn finish(&self, link: &Arc<Link>, ending: Ending) {
        let now = self.now();
        let keep = link.session.is_persistent() && !ending.drop_session;
        let next_version = {
            let mut slots = self.slots.lock();
            let Some(slot) = slots.by_client.get_mut(&link.identity.client_id) else { return };
            if slot.live.as_ref().is_none_or(|l| l.id != link.id) {
                return;
            }
            slot.live = None;
            slot.left_at = now;
            slot.gone = Some(Gone::new(link, now, ending.reason));
            if !keep {
                slot.session = None;
            }
            let next_version = slot.next_version;
            let due = self.next_due(slot, now);
            slots.live -= 1;
            slots.due.insert((due, link.identity.client_id.clone()));
            self.ends.by(due);
            next_version
        };
        link.session.detach(link.id);
        self.meter.ended(&link.identity, &link.usage);
        // Nobody waits for these rows: a broker that stops before they are written finds those of the connect, and counts
        // the session's time from its own start.
        let row = self.client_row(link, Some(now));
        // The row of the connect holds the will: it goes when what the will leaves to be done is written, not before.
        let has_will = ending.will && link.will.lock().is_some();
        let (row, beside_will) = if has_will { (None, row) } else { (row, None) };
        if keep {
            drop(self.save_session(&link.session, &link.identity.principal, next_version, Some(now), row));
        } else {
            self.write(row);
            self.end_session(&link.session);
        }
        self.tap.event(Event::ClientDisconnected {
            client: Arc::clone(&link.identity),
            version: link.version,
            reason: ending.reason,
            at: now,
        });
        self.happened(link, Happening::Disconnected(ending.reason));
        if ending.will {
            self.publish_will(link, beside_will, now);
        } else {
            link.will.lock().take();
        }
    }

    /// Publishes the will, if there is one; `beside` is a row to write in the same commit.
    fn publish_will(&self, link: &Arc<Link>, beside: Option<Write>, now: Timestamp) {
        // It was allowed at the CONNECT. AWS does not say what becomes of it where the policies, or the certificate, have been
        // taken back since; who may not publish a message now does not leave one either.
        let allowed = |will: &PendingWill| link.gate.publish(&will.message.topic, will.message.retain);
        match link.will.lock().take().filter(allowed) {
            Some(will) => self.submit_will(will, &link.identity, link.protocol, beside, now),
            None => self.write(beside),
        }
    }

    pub(crate) fn submit_will(
        &self,
        will: PendingWill,
        client: &Arc<ClientIdentity>,
        protocol: Protocol,
        beside: Option<Write>,
        now: Timestamp,
    ) {
        let mut message = will.message;
        if let Some(seconds) = will.expiry_seconds {
            message.expires_at = Some(now.plus_millis(i64::try_from(seconds).unwrap_or(0).saturating_mul(1000)));
        }
        let mut effects = self.effects();
        // It was looked at when the client connected; a will of an earlier run may have been on a topic that is none any more.
        let reserved = Reserved::read(&message.topic).unwrap_or_default();
        self.submit(message, reserved, Publisher::Client(client, protocol), &mut effects);
        if let Some(row) = beside {
            effects.write(row);
        }
        drop(self.settle(&mut effects));
    }

    /// Writes a persistent session's row, and another. The commit is there where the session is persistent.
    fn save_session(
        &self,
        session: &Arc<Session>,
        principal: &SmolStr,
        next_version: u64,
        disconnected_at: Option<Timestamp>,
        beside: Option<Write>,
    ) -> Option<Commit> {
        let Some(row) = self.session_row(session, principal, next_version, disconnected_at) else {
            self.write(beside);
            return None;
        };
        let rows = std::iter::once(row).chain(beside).collect();
        self.journal.as_ref().map(|journal| journal.write(rows))
    }

    /// Writes a row that nobody waits for.
    pub(crate) fn write(&self, row: Option<Write>) {
        if let (Some(journal), Some(row)) = (&self.journal, row) {
            drop(journal.write(vec![row]));
        }
    }

    /// What a restart has to know of a client: which version number comes next, and, while it is connected, what to tell
    /// and to publish if the connection ends with this process.
    fn client_row(&self, link: &Link, left_at: Option<Timestamp>) -> Option<Write> {
        self.journal.as_ref()?;
        let live = left_at.is_none().then(|| LiveRow {
            thing: link.identity.exclusive_thing.clone(),
            principal: link.identity.principal.clone(),
            session: link.identity.session_identifier.clone(),
            ip: link.identity.ip,
            protocol: rows::protocol_number(link.protocol),
            will: link.will.lock().as_ref().map(WillRow::of),
        });
        let row = ClientRow { version: link.version, at: left_at.unwrap_or(link.since), live };
        Some(rows::put_client(&link.identity.client_id, &row))
    }

    /// A persistent session's row.
    pub(crate) fn session_row(
        &self,
        session: &Arc<Session>,
        principal: &SmolStr,
        next_version: u64,
        disconnected_at: Option<Timestamp>,
    ) -> Option<Write> {
        if self.journal.is_none() || !session.is_persistent() {
            return None;
        }
        session.mark_saved();
        let subscriptions = session.subscriptions().into_iter().map(|(f, o)| SubscriptionRow::new(f, o)).collect();
        let row = SessionRow {
            identifier: session.identifier.clone(),
            protocol: rows::protocol_number(session.protocol),
            expiry_seconds: session.expiry_seconds(),
            next_version,
            principal: principal.clone(),
            disconnected_at,
            subscriptions,
        };
        Some(rows::put_session(&session.client_id, &row))
    }

    /// Ends a session: its subscriptions, what waits for it, its rows.
    pub(crate) fn end_session(&self, session: &Arc<Session>) {
        let Left { filters, rows: waiting, shared } = session.end();
        for filter in &filters {
            self.withdraw(session, filter);
        }
        let mut effects = self.effects();
        if session.is_saved() {
            effects.write(rows::delete_session(&session.client_id));
            for seq in waiting {
                effects.unqueue(&session.client_id, seq);
            }
        }
        // What it had not acknowledged goes to the other members of the groups that had chosen it.
        for (group, message) in shared {
            self.deliver_to_group(&group, &message, &mut effects);
        }
        drop(self.settle(&mut effects));
    }

    /// Makes a subscription that a session has noted count. `false` where a group has no room.
    pub(crate) fn establish(
        &self,
        session: &Arc<Session>,
        filter: &SmolStr,
        options: SubOptions,
        is_new: bool,
    ) -> bool {
        if let Some((_, plain)) = of_share(filter) {
            let mut groups = self.groups.lock();
            let group = match groups.get(filter) {
                Some(group) => Arc::clone(group),
                None if groups.len() as u64 >= self.limits.shared_groups => return false,
                None => {
                    let group = Arc::new(Group::new(filter.clone()));
                    groups.insert(filter.clone(), Arc::clone(&group));
                    self.index.add_group(plain, Arc::clone(&group));
                    group
                }
            };
            let most = usize::try_from(self.limits.shared_group_members).unwrap_or(usize::MAX);
            if !group.join(session, options, most) {
                return false;
            }
            session.join(&group);
        } else {
            let SubOptions { qos, no_local, retain_as_published } = options;
            let subscriber = Subscriber { session: Arc::clone(session), qos, no_local, retain_as_published };
            self.index.subscribe(filter, subscriber);
        }
        if is_new {
            self.counters.subscriptions.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// Undoes [`Inner::establish`].
    pub(crate) fn withdraw(&self, session: &Arc<Session>, filter: &SmolStr) {
        if let Some((_, plain)) = of_share(filter) {
            let mut groups = self.groups.lock();
            let Some(group) = groups.get(filter).cloned() else { return };
            if let Some(waiting) = group.leave(session.id) {
                groups.remove(filter);
                self.index.remove_group(plain, &group);
                let mut effects = self.effects();
                for seq in waiting {
                    effects.write(rows::delete_shared(filter, seq));
                }
                drop(self.settle(&mut effects));
            }
        } else {
            self.index.unsubscribe(filter, session.id);
        }
        self.counters.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }

    /// The retained message that a new subscription gets, if any: exact topics only, and never for a shared subscription.
    pub(crate) fn retained_for(&self, filter: &str, qos: Qos, now: Timestamp) -> Option<Delivery> {
        if of_share(filter).is_some() || filter.contains(['+', '#']) {
            return None;
        }
        let message = self.read_retained(filter, now)?.message;
        let qos = qos.min(message.qos);
        Some(Delivery { retain: true, ..Delivery::new(message, qos) })
    }

    pub(crate) fn next_due(&self, slot: &Slot, now: Timestamp) -> Timestamp {
        let after = |seconds: u64| slot.left_at.plus_millis(i64::try_from(seconds).unwrap_or(0).saturating_mul(1000));
        [Some(after(self.limits.gone_seconds)), Some(after(self.limits.version_seconds)), slot.session_ends()]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
            .unwrap_or(now)
    }

    /// Ends what is past its time; when the next thing is.
    pub(crate) fn sweep(&self) -> Option<Timestamp> {
        let now = self.now();
        let mut effects = self.effects();
        let ended = {
            let mut slots = self.slots.lock();
            let mut ended = Vec::new();
            while slots.due.first().is_some_and(|(at, _)| *at <= now) {
                let Some((_, client_id)) = slots.due.pop_first() else { break };
                let Some(slot) = slots.by_client.get_mut(&client_id) else { continue };
                if slot.live.is_some() {
                    continue;
                }
                if slot.session_ends().is_some_and(|at| at <= now) {
                    ended.extend(slot.session.take());
                }
                let gone_for = now.since(slot.left_at).max(0).unsigned_abs() / 1000;
                if gone_for >= self.limits.gone_seconds {
                    slot.gone = None;
                }
                if slot.session.is_none() && slot.gone.is_none() && gone_for >= self.limits.version_seconds {
                    slots.by_client.remove(&client_id);
                    effects.write(rows::delete_client(&client_id));
                } else {
                    let due = self.next_due(slot, now);
                    if due > now {
                        slots.due.insert((due, client_id));
                    }
                }
            }
            ended
        };
        drop(self.settle(&mut effects));
        for session in &ended {
            self.end_session(session);
        }
        let retained = self.sweep_retained(now);
        let next = self.slots.lock().due.first().map(|(at, _)| *at);
        next.into_iter().chain(retained).min()
    }

    /// Forgets retained messages that are over, once a minute at most: what is over is found by nobody before that either. When
    /// it is to be called next.
    fn sweep_retained(&self, now: Timestamp) -> Option<Timestamp> {
        let due = &self.counters.retained_due;
        if now.millis() >= due.load(Ordering::Relaxed) {
            // Before the messages are looked at: one that is set meanwhile lowers it again.
            due.store(i64::MAX, Ordering::Relaxed);
            let mut effects = self.effects();
            let (over, next) = self.retained.sweep(now, self.limits.retained_seconds);
            for topic in over {
                effects.write(rows::delete_retained(&topic));
            }
            drop(self.settle(&mut effects));
            if let Some(next) = next {
                due.fetch_min(next.max(now.plus_millis(SWEEP)).millis(), Ordering::Relaxed);
            }
        }
        Some(Timestamp(due.load(Ordering::Relaxed))).filter(|at| at.millis() < i64::MAX)
    }

    /// A retained message was set: that it is over one day is not to be missed.
    pub(crate) fn retained_set(&self, message: &Message, now: Timestamp) {
        let unused = i64::try_from(self.limits.retained_seconds).unwrap_or(0).saturating_mul(1000);
        let unused = (unused > 0).then(|| now.plus_millis(unused));
        let Some(over) = message.expires_at.into_iter().chain(unused).min() else { return };
        let due = over.max(now.plus_millis(SWEEP));
        // Nearly always something else is due before.
        if self.counters.retained_due.fetch_min(due.millis(), Ordering::Relaxed) > due.millis() {
            self.ends.by(due);
        }
    }
}

//! SUBSCRIBE and UNSUBSCRIBE of a client.

use super::state::{Connection, End};
use crate::happening::{Count, Happening};
use crate::message::{Protocol, Qos};
use crate::packet::subscribe::{Entry, decode_subscribe, decode_unsubscribe};
use crate::packet::{answer, reason};
use crate::session::Delivery;
use crate::share;
use crate::subscription::SubOptions;
use crate::topic::is_filter;
use drydock_core::Event;
use drydock_core::event::DisconnectReason;
use drydock_core::topic::{fault, of_share};
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Connection {
    pub(crate) fn subscribe(&mut self, first: u8, body: &[u8]) -> Result<(), End> {
        let (id, entries, user) = decode_subscribe(first, body, self.protocol).map_err(|e| self.bad(e))?;
        // What was published before is not for the new subscription.
        self.hand_over();
        let limits = &self.inner.limits;
        self.check_user_properties("subscribe", user)?;
        if entries.len() as u64 > limits.subscriptions_per_request {
            // AWS does not say whether such a request is refused or ends the connection.
            let most = limits.subscriptions_per_request;
            self.note(
                &format!("subscribe with {} filters refused: the limit is {most}", entries.len()),
                "spread them over several SUBSCRIBE packets, or use wildcards",
            );
            return Err(End::client_error(reason::QUOTA_EXCEEDED));
        }
        if self.protocol == Protocol::V311 && entries.iter().any(|e| e.qos > 1) {
            // The guide, "MQTT QoS options": a SUBSCRIBE with QoS 2 gets no SUBACK.
            self.note("subscribe with QoS 2 not answered: AWS IoT has no QoS 2", "subscribe with QoS 1");
            return Ok(());
        }
        // Reports of 2017 to 2021 have the connection end, newer ones say nothing either way.
        let strict = self.protocol == Protocol::V311 && limits.unauthorized_subscribe_disconnects_v3 != 0;
        if strict && entries.iter().any(|entry| !self.link.gate.subscribe(&entry.filter)) {
            self.told(&entries, &vec![reason::NOT_AUTHORIZED; entries.len()]);
            let first = entries.first().map(|entry| entry.filter.as_str()).unwrap_or_default();
            self.inner.meter.refused(&self.link.usage, first);
            return Err(End::because(DisconnectReason::AuthError, reason::NOT_AUTHORIZED));
        }
        let mut codes = Vec::with_capacity(entries.len());
        let mut granted = Vec::new();
        let mut retained = Vec::new();
        for entry in &entries {
            match self.subscribe_one(entry) {
                Ok((qos, message)) => {
                    codes.push(qos as u8);
                    granted.push(entry.filter.clone());
                    retained.extend(message);
                }
                Err((code, why, help)) => {
                    // What the gate refuses it explains itself.
                    if code != reason::NOT_AUTHORIZED {
                        self.note(&format!("subscribe to `{}` refused: {why}", entry.filter), help);
                    }
                    codes.push(code);
                }
            }
        }
        answer::put_suback(&mut self.answers, self.protocol, id, &codes);
        self.answers_first = true;
        self.told(&entries, &codes);
        if !granted.is_empty() {
            self.save();
            let client = Arc::clone(&self.link.identity);
            self.inner.tap.event(Event::Subscribed { client, topics: granted, at: self.now });
        }
        for delivery in retained {
            self.session.offer_direct(delivery, self.link.id, &self.inner.limits, &mut self.effects);
        }
        Ok(())
    }

    /// Does one filter of a SUBSCRIBE: the granted level and the retained message to send, or a reason code with what was
    /// wrong.
    fn subscribe_one(&self, entry: &Entry) -> Result<(Qos, Option<Delivery>), (u8, String, &'static str)> {
        let limits = &self.inner.limits;
        let plain = match of_share(&entry.filter) {
            Some((name, plain)) => {
                if !share::is_name(name, usize::try_from(limits.share_name_chars).unwrap_or(usize::MAX)) {
                    let why = format!("`{name}` is not a valid share name");
                    return Err((
                        reason::FILTER_INVALID,
                        why,
                        "write `$share/NAME/FILTER`, the name without `+` and `#`",
                    ));
                }
                plain
            }
            None => &entry.filter,
        };
        if let Some(fault) = fault::of_subscribe(plain, limits.topics()) {
            return Err((reason::FILTER_INVALID, fault.to_string(), fault.help()));
        }
        if !self.link.gate.subscribe(&entry.filter) {
            self.inner.meter.refused(&self.link.usage, &entry.filter);
            return Err((reason::NOT_AUTHORIZED, String::new(), ""));
        }
        // MQTT-3.8.4-6, MQTT-3.2.2-10: a server without QoS 2 grants less. AWS does not say so for MQTT 5, nor otherwise.
        let qos = if entry.qos == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce };
        let options = SubOptions { qos, no_local: entry.no_local, retain_as_published: entry.retain_as_published };
        if !self.inner.account.subscriptions.take(self.now) {
            let why = "the account has more subscriptions a second than it may".to_owned();
            return Err((
                reason::QUOTA_EXCEEDED,
                why,
                "subscribe again later, or raise the limit: see `drydock limits`",
            ));
        }
        let most = usize::try_from(limits.subscriptions_per_connection).unwrap_or(usize::MAX);
        let over = |why: String| (reason::QUOTA_EXCEEDED, why, "use wildcards, or another connection");
        let is_new = self.session.subscribe(&entry.filter, options, most);
        let is_new =
            is_new.ok_or_else(|| over(format!("the connection has {most} subscriptions; there may be no more")))?;
        let full = is_new && self.inner.counters.subscriptions.load(Ordering::Relaxed) >= limits.subscriptions;
        if full || !self.inner.establish(&self.session, &entry.filter, options, is_new) {
            self.session.unsubscribe(&entry.filter);
            return Err(over("the broker has as many subscriptions as there may be".to_owned()));
        }
        let wanted = entry.retain_handling == 0 || (entry.retain_handling == 1 && is_new);
        let retained = if wanted { self.inner.retained_for(&entry.filter, qos, self.now) } else { None };
        Ok((qos, retained))
    }

    pub(crate) fn unsubscribe(&mut self, first: u8, body: &[u8]) -> Result<(), End> {
        let (id, filters, user) = decode_unsubscribe(first, body, self.protocol).map_err(|e| self.bad(e))?;
        self.hand_over();
        self.check_user_properties("unsubscribe", user)?;
        let most = self.inner.limits.subscriptions_per_request;
        if filters.len() as u64 > most {
            // As reported of AWS: the subscriptions stay, the connection too, and MQTT 3.1.1, whose UNSUBACK cannot say no, gets
            // no answer. What MQTT 5 gets is not known.
            let count = filters.len();
            self.note(
                &format!("unsubscribe with {count} filters refused: the limit is {most}; none is carried out"),
                "spread them over several UNSUBSCRIBE packets",
            );
            if self.protocol == Protocol::V5 {
                let codes = vec![reason::UNSPECIFIED; filters.len()];
                answer::put_unsuback(&mut self.answers, self.protocol, id, &codes);
            }
            self.inner.count(Count::UnsubscribeClientError);
            return Ok(());
        }
        let mut codes = Vec::with_capacity(filters.len());
        let mut removed: Vec<SmolStr> = Vec::new();
        for filter in filters {
            if self.session.unsubscribe(&filter) {
                self.inner.withdraw(&self.session, &filter);
                removed.push(filter);
                codes.push(reason::SUCCESS);
            } else {
                let plain = of_share(&filter).map_or(filter.as_str(), |(_, plain)| plain);
                let valid = is_filter(plain, &self.inner.limits);
                codes.push(if valid { reason::NO_SUBSCRIPTION_EXISTED } else { reason::FILTER_INVALID });
            }
        }
        answer::put_unsuback(&mut self.answers, self.protocol, id, &codes);
        self.answers_first = true;
        self.inner.count(Count::UnsubscribeSuccess);
        self.inner.happened(&self.link, Happening::Unsubscribed(&removed));
        if !removed.is_empty() {
            self.save();
            let client = Arc::clone(&self.link.identity);
            self.inner.tap.event(Event::Unsubscribed { client, topics: removed, at: self.now });
        }
        Ok(())
    }

    /// Quota "Maximum size of user properties", of all that a packet has. AWS does not say how more is refused.
    fn check_user_properties(&self, what: &str, bytes: usize) -> Result<(), End> {
        let most = self.inner.limits.user_properties_bytes;
        if bytes as u64 <= most {
            return Ok(());
        }
        self.note(&format!("{what} refused: its User Properties together have {bytes} bytes; the limit is {most}"), "");
        Err(End::client_error(reason::QUOTA_EXCEEDED))
    }

    /// Makes a persistent session's subscriptions durable.
    fn save(&mut self) {
        let principal = &self.link.identity.principal;
        if let Some(row) = self.inner.session_row(&self.session, principal, self.link.version + 1, None) {
            self.effects.write(row);
        }
    }

    /// Counts a SUBSCRIBE, and tells of it.
    fn told(&self, entries: &[Entry], codes: &[u8]) {
        self.inner.count(match codes.iter().find(|code| **code >= reason::UNSPECIFIED) {
            None => Count::SubscribeSuccess,
            Some(&reason::NOT_AUTHORIZED) => Count::SubscribeAuthError,
            Some(_) => Count::SubscribeClientError,
        });
        if self.inner.watch.is_on() {
            let filters: Vec<_> = entries.iter().map(|entry| entry.filter.clone()).zip(codes.iter().copied()).collect();
            self.inner.happened(&self.link, Happening::Subscribed(&filters));
        }
    }
}

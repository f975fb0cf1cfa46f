//! PUBLISH of a client.

use super::input::Batch;
use super::state::{Connection, End};
use super::topics::{Admitted, Denied};
use crate::dropped::DropReason;
use crate::happening::{Count, Happening};
use crate::message::{Message, Protocol, Qos};
use crate::packet::fields::MessageProperties;
use crate::packet::publish::{self, put_ack};
use crate::packet::{PacketError, reason};
use crate::properties;
use crate::tap::{Inbound, Keep, Route};
use drydock_core::event::DisconnectReason;
use drydock_core::topic::fault;
use smol_str::SmolStr;
use std::ops::Range;
use std::sync::Arc;

impl Connection {
    pub(crate) fn publish(&mut self, first: u8, body: Range<usize>, batch: &mut Batch<'_>) -> Result<(), End> {
        let bytes = batch.bytes().get(body.clone()).unwrap_or_default();
        let packet = publish::decode(first, bytes, self.protocol).map_err(|e| self.bad(e))?;
        let found = packet.properties().map_err(|e| self.bad(e))?;
        let topic = std::str::from_utf8(packet.topic)
            .map_err(|_| self.bad(PacketError::Malformed("a topic that is not UTF-8")))?;
        let payload = body.end - packet.payload.len()..body.end;
        let (id, retain) = (packet.packet_id, packet.retain);
        let Some(qos) = packet.qos else { return self.refuse_qos_2(topic) };
        if qos == Qos::AtLeastOnce {
            self.unanswered += 1;
            let most = self.inner.limits.inbound_in_flight;
            if self.protocol == Protocol::V5 && self.in_flight() > most {
                self.note(
                    &format!("publish to `{topic}` refused: more than {most} messages of QoS 1 wait for their PUBACK"),
                    "wait for PUBACKs: the CONNACK's Receive Maximum says how many messages may be on their way",
                );
                return Err(End::client_error(reason::RECEIVE_MAXIMUM_EXCEEDED));
            }
        }
        self.check_payload(topic, payload.len())?;
        let aliased;
        let topic = match found.as_ref().and_then(|f| f.topic_alias) {
            Some(alias) => {
                aliased = self.alias(alias, topic)?;
                aliased.as_str()
            }
            None if topic.is_empty() && self.protocol == Protocol::V5 => {
                return Err(self.bad(PacketError::Protocol("an empty topic without an alias")));
            }
            None => topic,
        };
        let within = self.rate.take(self.now);
        if !within || !self.inner.admits(topic, retain, self.now) {
            self.inner.report_drop(&self.link.identity.client_id, topic, DropReason::Throttled, true);
            self.inner.count(Count::PublishInThrottle);
            if !within {
                self.inner.count(Count::ThrottleExceeded);
            }
            self.inner.happened(&self.link, failed(topic, retain, "THROTTLED"));
            // MQTT 3.1.1 has no way to refuse a message: it stays without an answer.
            if self.protocol == Protocol::V5 && qos == Qos::AtLeastOnce {
                put_ack(&mut self.answers, id, reason::QUOTA_EXCEEDED);
            }
            return Ok(());
        }
        let admitted = self.topics.admit(topic, retain, &*self.link.gate, &self.inner.index, &self.inner.limits);
        let Admitted { topic, reserved, targets } = match admitted {
            Ok(admitted) => admitted,
            Err(denied) => return self.refuse(topic, (qos, retain), id, denied),
        };
        let mut message =
            Message { topic, payload: batch.keep(payload), qos, retain, properties: None, expires_at: None };
        if let Some(found) = found {
            if let Err((code, why)) = properties::check(&found.properties, &self.inner.limits) {
                self.note(&format!("publish to `{}` refused: {why}", message.topic), "");
                self.inner.count(Count::PublishInClientError);
                self.inner.happened(&self.link, failed(&message.topic, retain, "CLIENT_ERROR"));
                return self.refuse_with(qos, id, DisconnectReason::ClientError, code);
            }
            message = self.with_properties(message, found);
        }
        if let Some(user) = self.topics.propagated(&*self.link.gate) {
            message = message.with_user(&user);
        }
        self.received += 1;
        if let Some(window) = self.inner.meter.window() {
            self.topics.count_sent(window, message.payload.len(), &self.link.usage);
        }
        if qos == Qos::AtLeastOnce {
            put_ack(&mut self.answers, id, reason::SUCCESS);
        }
        self.inner.happened(&self.link, Happening::PublishIn { topic: &message.topic, retain, failure: None });
        let inbound = Inbound {
            message: &message,
            reserved,
            client: Some(&self.link.identity),
            caller: None,
            protocol: Some(self.protocol),
        };
        let route = self.inner.tap.publish(&inbound, &mut Keep::new(&mut self.effects, qos));
        if route == Route::Consumed {
            return Ok(());
        }
        if retain {
            self.inner.retain(&message, &mut self.effects);
        }
        if targets.is_empty() {
            if route == Route::DeliverAlone && !retain && self.topics.is_first_unheard() {
                self.inner.tap.unheard(&inbound);
            }
            return Ok(());
        }
        if self.run_targets.as_ref().is_some_and(|t| !Arc::ptr_eq(t, &targets)) {
            self.hand_over();
        }
        self.run_targets = Some(targets);
        self.run.push(Arc::new(message));
        Ok(())
    }

    /// Quota "Publish request size".
    fn check_payload(&self, topic: &str, bytes: usize) -> Result<(), End> {
        let limit = self.inner.limits.payload_bytes;
        if bytes as u64 <= limit {
            return Ok(());
        }
        self.note(
            &format!("publish to `{topic}` refused: the payload has {bytes} bytes; the limit is {limit}"),
            "send less in a message, or put the data into S3 and publish where it is",
        );
        Err(End::client_error(reason::PACKET_TOO_LARGE))
    }

    fn with_properties(&self, mut message: Message, found: MessageProperties) -> Message {
        if let Some(seconds) = found.expiry_seconds {
            // 0 counts as 1, and no more than a week (quota "Message expiry interval").
            let seconds = u64::from(seconds).clamp(1, self.inner.limits.message_expiry_seconds.max(1));
            message.expires_at = Some(self.now.plus_millis(i64::try_from(seconds).unwrap_or(0).saturating_mul(1000)));
        }
        message.with_properties(found.properties)
    }

    /// The topic that an alias stands for, after the alias was set where the packet has a topic too.
    fn alias(&mut self, alias: u16, topic: &str) -> Result<SmolStr, End> {
        if u64::from(alias) > self.inner.limits.topic_aliases {
            return Err(self.bad(PacketError::Unsupported(reason::TOPIC_ALIAS_INVALID, "a topic alias above 8")));
        }
        let at = usize::from(alias) - 1;
        if self.aliases.len() <= at {
            self.aliases.resize(at + 1, None);
        }
        let place = self.aliases.get_mut(at);
        if !topic.is_empty()
            && let Some(place) = place
        {
            let topic = SmolStr::new(topic);
            *place = Some(topic.clone());
            return Ok(topic);
        }
        let known = self.aliases.get(at).cloned().flatten();
        known.ok_or_else(|| self.bad(PacketError::Protocol("an empty topic with an alias that was not set")))
    }

    /// AWS IoT has no QoS 2: MQTT 5 clients are told, those of MQTT 3.1.1 get no answer (guide, "MQTT QoS options").
    fn refuse_qos_2(&self, topic: &str) -> Result<(), End> {
        self.inner.report_drop(&self.link.identity.client_id, topic, DropReason::QosNotSupported, true);
        self.inner.count(Count::PublishInClientError);
        self.inner.happened(&self.link, failed(topic, false, "QOS_NOT_SUPPORTED"));
        let how = if self.protocol == Protocol::V311 { "dropped without an answer" } else { "refused" };
        self.note(&format!("publish to `{topic}` with QoS 2 {how}: AWS IoT has no QoS 2"), "publish with QoS 1");
        match self.protocol {
            Protocol::V311 => Ok(()),
            Protocol::V5 => Err(End::client_error(reason::QOS_NOT_SUPPORTED)),
        }
    }

    fn refuse(&mut self, topic: &str, (qos, retain): (Qos, bool), id: u16, denied: Denied) -> Result<(), End> {
        let (count, reason) = match denied {
            Denied::Invalid => (Count::PublishInClientError, "INVALID_TOPIC"),
            Denied::NotAuthorized => (Count::PublishInAuthError, "AUTHORIZATION_FAILURE"),
        };
        self.inner.count(count);
        if denied == Denied::NotAuthorized {
            self.inner.meter.refused(&self.link.usage, topic);
        }
        self.inner.happened(&self.link, failed(topic, retain, reason));
        match denied {
            Denied::Invalid => {
                let fault = fault::of_publish(topic, retain, self.inner.limits.topics());
                let (why, help) = fault.map_or_else(Default::default, |fault| (fault.to_string(), fault.help()));
                self.note(&format!("publish to `{topic}` refused: {why}"), help);
                self.refuse_with(qos, id, DisconnectReason::ClientError, reason::TOPIC_INVALID)
            }
            // The gate, which decided, has said why.
            Denied::NotAuthorized => self.refuse_with(qos, id, DisconnectReason::AuthError, reason::NOT_AUTHORIZED),
        }
    }

    /// MQTT 5 clients learn of it in the PUBACK, if the message has one; all others are disconnected. AWS does not say
    /// which of the two it does where it could do either.
    fn refuse_with(&mut self, qos: Qos, id: u16, why: DisconnectReason, code: u8) -> Result<(), End> {
        if self.protocol == Protocol::V5 && qos == Qos::AtLeastOnce {
            put_ack(&mut self.answers, id, code);
            return Ok(());
        }
        Err(End::because(why, code))
    }
}

fn failed<'a>(topic: &'a str, retain: bool, reason: &'static str) -> Happening<'a> {
    Happening::PublishIn { topic, retain, failure: Some(reason) }
}

//! What a client's packets do, PUBLISH and SUBSCRIBE aside.

use super::state::{Connection, End, Held};
use crate::happening::{Count, Happening};
use crate::message::Protocol;
use crate::packet::{PacketError, answer, disconnect, frame, kind, publish, reason};
use crate::share::Member as _;
use crate::tap::Remark;
use bytes::Bytes;
use drydock_core::event::DisconnectReason;
use std::ops::Range;
use std::sync::atomic::Ordering;

/// The bytes of one read. A part of them can be kept without a copy, once the whole has been copied.
pub(crate) struct Batch<'a> {
    bytes: &'a [u8],
    shared: Option<Bytes>,
}

impl<'a> Batch<'a> {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// A part of the batch that outlives it.
    pub(crate) fn keep(&mut self, range: Range<usize>) -> Bytes {
        self.shared.get_or_insert_with(|| Bytes::copy_from_slice(self.bytes)).slice(range)
    }
}

impl Connection {
    /// Whether packets lie in `partial` that have arrived whole: with the CONNECT.
    pub(crate) fn has_unread_packets(&self) -> bool {
        !matches!(frame::next(&self.partial, self.protocol, self.frame_limit()), Ok(None))
    }

    /// Does what the packets in some bytes say. An incomplete packet at the end is kept for the next call.
    pub(crate) fn input(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.heard = self.now;
        self.bytes.spend(bytes.len(), self.now);
        let result = if self.partial.is_empty() {
            let mut batch = Batch { bytes, shared: None };
            let result = self.packets(&mut batch);
            if let Ok(used) = result {
                self.partial.extend_from_slice(bytes.get(used..).unwrap_or_default());
            }
            result
        } else {
            self.partial.extend_from_slice(bytes);
            if matches!(frame::next(&self.partial, self.protocol, self.frame_limit()), Ok(None)) {
                return Ok(());
            }
            let whole = Bytes::from(std::mem::take(&mut self.partial));
            let mut batch = Batch { bytes: &whole, shared: Some(whole.clone()) };
            let result = self.packets(&mut batch);
            if let Ok(used) = result {
                self.partial.extend_from_slice(whole.get(used..).unwrap_or_default());
            }
            result
        };
        // What came before a bad packet counts.
        self.hand_over();
        self.answer();
        result.map(|_| ())
    }

    /// Does one packet after the other; returns how many bytes they took.
    fn packets(&mut self, batch: &mut Batch<'_>) -> Result<usize, End> {
        let limit = self.frame_limit();
        let mut at = 0;
        loop {
            let rest = batch.bytes.get(at..).unwrap_or_default();
            let found = match frame::next(rest, self.protocol, limit) {
                Ok(Some(found)) => found,
                Ok(None) => return Ok(at),
                Err(error) => return Err(self.bad(error)),
            };
            let body = at + found.body.start..at + found.body.end;
            self.packet(found.first, body, batch)?;
            at += found.body.end;
        }
    }

    /// The most bytes behind a packet's fixed header.
    fn frame_limit(&self) -> usize {
        let limits = &self.inner.limits;
        let most = match self.protocol {
            // The payload, and room for a topic with its Basic Ingest prefix.
            Protocol::V311 => limits.payload_bytes + limits.topic_bytes + 512,
            Protocol::V5 => limits.packet_bytes_v5,
        };
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    fn packet(&mut self, first: u8, body: Range<usize>, batch: &mut Batch<'_>) -> Result<(), End> {
        let bytes = batch.bytes.get(body.clone()).unwrap_or_default();
        match first >> 4 {
            kind::PUBLISH => self.publish(first, body, batch),
            kind::PUBACK => {
                let id = publish::decode_ack(first, bytes, self.protocol).map_err(|e| self.bad(e))?;
                self.acks.push(id);
                Ok(())
            }
            kind::SUBSCRIBE => self.subscribe(first, bytes),
            kind::UNSUBSCRIBE => self.unsubscribe(first, bytes),
            kind::PINGREQ => {
                frame::expect_empty(first, bytes).map_err(|e| self.bad(e))?;
                self.answers.extend_from_slice(&answer::PINGRESP);
                self.inner.count(Count::PingSuccess);
                self.inner.happened(&self.link, Happening::Pinged);
                Ok(())
            }
            kind::DISCONNECT => self.disconnect(first, bytes),
            kind::CONNECT => Err(self.bad(PacketError::Protocol("a second CONNECT"))),
            of_qos_2 @ (kind::PUBREC | kind::PUBREL | kind::PUBCOMP) => {
                let flags = if of_qos_2 == kind::PUBREL { 0b0010 } else { 0 };
                frame::expect_flags(first, flags).map_err(|e| self.bad(e))?;
                Err(self.bad(PacketError::Unsupported(reason::QOS_NOT_SUPPORTED, "packets of QoS 2")))
            }
            kind::AUTH => {
                frame::expect_flags(first, 0).map_err(|e| self.bad(e))?;
                Err(self.bad(PacketError::Protocol("AUTH without an authentication method")))
            }
            _ => Err(self.bad(PacketError::Malformed("a client does not send this type of packet"))),
        }
    }

    fn disconnect(&mut self, first: u8, body: &[u8]) -> Result<(), End> {
        let said = disconnect::decode(first, body, self.protocol).map_err(|e| self.bad(e))?;
        if let Some(seconds) = said.session_expiry {
            if seconds > 0 && !self.session.is_persistent() {
                return Err(
                    self.bad(PacketError::Protocol("a session that was to end with the connection is not kept"))
                );
            }
            self.session.set_expiry(u64::from(seconds).min(self.inner.limits.session_expiry_seconds));
        }
        Err(End { will: said.with_will, ..End::client_left() })
    }

    /// The end that a packet brings which the broker does not take.
    pub(crate) fn bad(&self, error: PacketError) -> End {
        self.note(&format!("disconnected: {error}"), error.help());
        End::client_error(error.reason_code())
    }

    /// Tells of something that the client did in vain.
    pub(crate) fn note(&self, what: &str, help: &str) {
        let remote = Some(self.link.peer.remote);
        self.inner.tap.remark(&Remark { remote, ..Remark::refused(&self.link.identity.client_id, what, help) });
    }

    /// Hands the messages that lie ready to the sessions that they match.
    pub(crate) fn hand_over(&mut self) {
        if let Some(targets) = self.run_targets.take() {
            self.inner.deliver(&targets, &self.run, self.session.id, &mut self.effects);
            self.run.clear();
        }
    }

    /// Messages of QoS 1 that the client has sent and no answer has gone out to.
    pub(crate) fn in_flight(&self) -> u64 {
        self.unanswered + self.held.iter().map(|held| held.publishes).sum::<u64>()
    }

    /// Makes the answers of this read ready to be written, or to wait until what they acknowledge is durable. Answers keep
    /// their order (MQTT-4.6.0-2): those that need not wait do so behind those that do.
    fn answer(&mut self) {
        let publishes = std::mem::take(&mut self.unanswered);
        let first = std::mem::take(&mut self.answers_first);
        let received = std::mem::take(&mut self.received);
        if received > 0 {
            self.inner.counters.received.fetch_add(received, Ordering::Relaxed);
        }
        let commit = self.inner.settle(&mut self.effects);
        if self.answers.is_empty() {
            return;
        }
        if let Some(commit) = commit {
            let answers = std::mem::take(&mut self.answers);
            self.held.push_back(Held { commit, answers, publishes, first });
        } else if let Some(last) = self.held.back_mut() {
            last.answers.append(&mut self.answers);
            last.publishes += publishes;
            last.first |= first;
        } else {
            self.open_out();
            self.out.append(&mut self.answers);
        }
    }
}

impl End {
    /// The client left as it should.
    pub(crate) fn client_left() -> Self {
        Self { reason: DisconnectReason::ClientInitiatedDisconnect, will: false, code: None }
    }
}

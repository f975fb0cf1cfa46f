//! What goes out to a client.

use super::state::{Connection, End};
use super::wire;
use crate::dropped::DropReason;
use crate::happening::Happening;
use crate::message::{Protocol, Qos};
use crate::packet::{answer, publish, reason};
use crate::session::{PullLimits, Pulled};
use drydock_core::event::DisconnectReason;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX / 4000).min(i64::MAX / 4000) * 1000
}

impl Connection {
    /// Whether the session has to be told of acknowledgements.
    pub(crate) fn has_acks(&self) -> bool {
        !self.acks.is_empty()
    }

    /// Releases the answers that waited for commits, as far as these are done, in order. Whether there were any.
    pub(crate) fn poll_commits(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut released = false;
        while let Some(held) = self.held.front_mut() {
            match held.commit.as_mut().poll(cx) {
                Poll::Pending => return Ok(released),
                Poll::Ready(Ok(())) => {
                    let mut answers = std::mem::take(&mut held.answers);
                    self.held.pop_front();
                    self.greeted = true;
                    self.open_out();
                    self.out.append(&mut answers);
                    released = true;
                }
                Poll::Ready(Err(error)) => {
                    // What the client sent is not acknowledged, so that it sends it again.
                    self.held.clear();
                    self.note(&format!("disconnected: {error}"), "what was not acknowledged is to be sent again");
                    return Err(End::because(DisconnectReason::ServerError, reason::UNSPECIFIED));
                }
            }
        }
        if released {
            // An idle connection holds no buffer.
            self.held = VecDeque::new();
        }
        Ok(released)
    }

    /// Whether messages to the client wait behind answers: a CONNACK comes before all (MQTT-3.2.0-1), a SUBACK before what was
    /// subscribed to.
    pub(crate) fn answers_go_first(&self) -> bool {
        self.held.iter().any(|held| held.first)
    }

    /// Takes messages from the session and puts them together for the next write. Whether there is more at once.
    pub(crate) fn pull(&mut self, waker: &Waker) -> Result<bool, End> {
        let backlog = self.out.len() - self.written;
        if backlog >= wire::WRITE {
            return Ok(true);
        }
        let retry = match self.protocol {
            Protocol::V311 => self.inner.limits.retry_seconds_v3,
            Protocol::V5 => self.inner.limits.retry_seconds_v5,
        };
        let limits = PullLimits {
            now: self.now,
            window: self.window,
            stored: &mut self.stored,
            shared: &mut self.shared,
            rate: &mut self.rate,
            bytes: wire::WRITE - backlog,
            retry_millis: millis(retry),
            again_millis: match self.inner.limits.retry_interval_seconds {
                0 => i64::MAX / 4,
                seconds => millis(seconds),
            },
        };
        let Pulled { lost, more, again_at } =
            self.session.pull(self.link.id, &mut self.acks, limits, waker, &mut self.staged, &mut self.effects);
        if lost {
            // Whoever took the session has ended this connection, and kicks it next, with the code to end it with.
            return Ok(false);
        }
        self.again_at = again_at;
        self.put_staged();
        drop(self.inner.settle(&mut self.effects));
        Ok(more || self.has_acks())
    }

    fn put_staged(&mut self) {
        if self.staged.is_empty() {
            return;
        }
        self.open_out();
        let mut count = 0;
        let watched = self.inner.watch.is_on();
        let window = self.inner.meter.window();
        for outgoing in self.staged.drain(..) {
            let message = &outgoing.message;
            let form = publish::Form {
                protocol: self.protocol,
                qos: outgoing.qos,
                retain: outgoing.retain,
                packet_id: outgoing.packet_id,
                now: self.now,
            };
            let allowed = self.receives.allows(&message.topic, &*self.link.gate);
            let fits = self.max_packet == usize::MAX || publish::size(message, form) <= self.max_packet;
            if allowed && fits {
                publish::put(&mut self.out, message, form);
                count += 1;
                if let Some(window) = window {
                    self.receives.count(window, &message.topic, &self.link.usage);
                }
                if watched {
                    self.inner.happened(&self.link, Happening::PublishOut(&message.topic));
                }
                continue;
            }
            let reason = if allowed { DropReason::TooLarge } else { DropReason::NotAuthorized };
            self.effects.dropped(&self.session.client_id, &message.topic, reason);
            if outgoing.qos == Qos::AtLeastOnce {
                self.acks.push(outgoing.packet_id);
            }
        }
        // A burst's list is not kept for an idle connection.
        self.staged.shrink_to(64);
        self.inner.counters.delivered.fetch_add(count, Ordering::Relaxed);
    }

    /// Appends the packet that ends the connection, where the client gets one.
    pub(crate) fn put_last_word(&self, end: End, out: &mut Vec<u8>) {
        if self.greeted {
            if let Some(code) = self.link.kicked().or(end.code) {
                answer::put_disconnect(out, self.protocol, code);
            }
        } else {
            // The connect itself has failed: its session could not be made durable, or others ended it before it was.
            answer::put_connack(out, self.protocol, false, reason::SERVER_UNAVAILABLE, Vec::new());
        }
    }
}

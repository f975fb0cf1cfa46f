//! The port through which the broker tells the rest of the gateway what passes through it. All of it is called on the
//! path of the messages: an implementation hands over and returns.

use crate::dropped::Dropped;
use crate::effects::Then;
use crate::happening::{Happening, Who};
use crate::message::{Message, Protocol, Qos};
use crate::session::Effects;
use bytes::Bytes;
use drydock_core::event::ClientIdentity;
use drydock_core::{Event, Reserved, Write};
use smol_str::SmolStr;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A message that was let in.
#[derive(Debug, Clone, Copy)]
pub struct Inbound<'a> {
    /// The message. Cloning its payload copies nothing.
    pub message: &'a Message,
    /// What it asks for, where its topic is reserved; `None` for what services say.
    pub reserved: Option<Reserved>,
    /// Who published it; `None` for services and for HTTP.
    pub client: Option<&'a Arc<ClientIdentity>>,
    /// Who published it over HTTP.
    pub caller: Option<&'a Caller>,
    /// How; `None` for services and for HTTP.
    pub protocol: Option<Protocol>,
}

/// Who publishes over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The certificate id, or the id of another kind of credential.
    pub principal: SmolStr,
    /// The peer's address.
    pub ip: IpAddr,
}

/// What a service has to say on a topic. The message is made up only where somebody wants it.
pub struct Telling<'a> {
    topic: &'a str,
    /// The most bytes that its payload may have.
    most: u64,
    payload: Option<Box<dyn FnOnce() -> Bytes + 'a>>,
    /// The message once it was made up, or its size where that is too large.
    made: Option<Result<Message, usize>>,
}

impl<'a> Telling<'a> {
    pub(crate) fn new(topic: &'a str, most: u64, payload: impl FnOnce() -> Bytes + 'a) -> Self {
        Self { topic, most, payload: Some(Box::new(payload)), made: None }
    }

    /// Where.
    #[must_use]
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// The message, made up at the first call; `None` where it is too large, and so goes nowhere.
    pub fn message(&mut self) -> Option<&Message> {
        if let Some(payload) = self.payload.take() {
            let payload = payload();
            self.made = Some(match payload.len() {
                size if size as u64 > self.most => Err(size),
                _ => Ok(Message::new(self.topic, payload).with_qos(Qos::AtLeastOnce)),
            });
        }
        self.made.as_ref()?.as_ref().ok()
    }

    /// What was made up, if anything was.
    pub(crate) fn made(self) -> Option<Result<Message, usize>> {
        self.made
    }
}

/// Takes down what a message of QoS 1 leaves to be done, so that it outlives the process before the publisher is told that
/// the message was taken.
pub struct Keep<'a> {
    effects: &'a mut Effects,
    qos: Qos,
}

impl<'a> Keep<'a> {
    pub(crate) fn new(effects: &'a mut Effects, qos: Qos) -> Self {
        Self { effects, qos }
    }

    /// Whether anything is taken down: for a message of QoS 1 where there is a [`Journal`](crate::Journal). Nobody was
    /// promised anything of one of QoS 0.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.qos == Qos::AtLeastOnce && self.effects.is_journaled()
    }

    /// Adds a row to those that the message's acknowledgement waits for: one commit carries it and the broker's own. `then`
    /// is called when the journal was given the row, so that what it begins may delete the row and is not overtaken by it.
    /// Does nothing where a row is not [wanted](Self::is_wanted).
    pub fn put(&mut self, row: Write, then: impl FnOnce() + Send + 'static) {
        if self.is_wanted() {
            self.effects.write(row);
            self.effects.then.push(Then(Box::new(then)));
        }
    }
}

/// Where a message goes from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// To its subscribers; something else has it, too.
    Deliver,
    /// To its subscribers. Where there are none, nobody has it: [`Tap::unheard`] is told.
    DeliverAlone,
    /// Nowhere: a service took it (Basic Ingest, the request topics of jobs and provisioning).
    Consumed,
}

/// Something that a client did in vain, or not with the effect that it asked for.
#[derive(Debug, Clone, Copy)]
pub struct Remark<'a> {
    /// The client id; empty where it is not known.
    pub client_id: &'a str,
    /// Where the client is, if that is known.
    pub remote: Option<SocketAddr>,
    /// Whether it was refused, not merely done otherwise.
    pub refused: bool,
    /// What, and why not.
    pub what: &'a str,
    /// What to do about it; empty where there is nothing to say.
    pub help: &'a str,
}

impl<'a> Remark<'a> {
    /// A refusal of what a client did.
    #[must_use]
    pub fn refused(client_id: &'a str, what: &'a str, help: &'a str) -> Self {
        Self { client_id, remote: None, refused: true, what, help }
    }
}

/// Looks on, and takes messages for services out.
pub trait Tap: Send + Sync + 'static {
    /// A message was let in. Called once for each, before its subscribers get it.
    fn publish(&self, inbound: &Inbound<'_>, keep: &mut Keep<'_>) -> Route;
    /// The same for what a service tells by [`Broker::tell`](crate::Broker::tell). Where this does not ask for the message, and
    /// nobody subscribes, it is not made up.
    fn told(&self, telling: &mut Telling<'_>, keep: &mut Keep<'_>) -> Route {
        match telling.message() {
            Some(message) => {
                let inbound = Inbound { message, reserved: None, client: None, caller: None, protocol: None };
                self.publish(&inbound, keep)
            }
            None => Route::Consumed,
        }
    }
    /// Something happened to a connection. Called in the order of the connection's life, with no lock held. Client ids with
    /// `#` or `+` are told of too: AWS IoT publishes no lifecycle topics for those.
    fn event(&self, event: Event);
    /// A message did not arrive. [`Broker::stats`](crate::Broker::stats) counts them besides.
    fn dropped(&self, dropped: &Dropped<'_>) {
        let _ = dropped;
    }
    /// Something happens on a connection. Told only while the [`Watch`](crate::Watch) is on.
    fn happened(&self, who: Who<'_>, what: Happening<'_>) {
        let _ = (who, what);
    }
    /// A client did something in vain, for whoever looks for the reason.
    fn remark(&self, remark: &Remark<'_>) {
        let _ = remark;
    }
    /// A message went nowhere: it was not for a service, not [taken](Route::Deliver) by the tap, not retained, and nobody
    /// subscribes to its topic. Told once for each topic of a connection, as long as the connection remembers the
    /// topic; of what comes from elsewhere each time.
    fn unheard(&self, inbound: &Inbound<'_>) {
        let _ = inbound;
    }
}

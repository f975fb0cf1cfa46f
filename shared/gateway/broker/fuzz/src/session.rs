//! What must hold for any script of several clients against one broker in memory:
//!
//! - no task of the broker panics, and each ends when its client has gone;
//! - what the broker sends is a stream of packets that a server sends, the CONNACK first and once;
//! - every PUBLISH of QoS 1, SUBSCRIBE, UNSUBSCRIBE and PINGREQ of a client whose bytes were all packets is answered once, or
//!   its connection is closed;
//! - a QoS 1 message is never given a packet identifier that the client has not released;
//! - queues, retained messages and subscriptions stay within their limits, and nothing is left when all have gone.

use async_trait::async_trait;
use drydock_broker::{
    Admission, Broker, Commit, Config, ConnectAttempt, DisconnectOptions, Gate, Inbound, Journal, JournalError, Keep,
    Limits, Message, Origin, Peer, Qos, Refusal, RefusalKind, Route, SessionGate, Tap, Transport,
};
use drydock_core::{Clock, Event, Ids, Timestamp, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::task::{JoinHandle, yield_now};

const CLIENTS: usize = 4;
const TOPICS: [&str; 6] = ["t", "a/b", "a/c", "$aws/things/x/shadow/get", "bad/+", "secret"];
const FILTERS: [&str; 8] = ["t", "a/+", "#", "a/#", "$share/g/t", "$share/g/a/+", "bad/+x", "$SYS/#"];
const QUEUE: u64 = 20;
const RETAINED: u64 = 3;

/// Runs one script.
pub(crate) fn check(script: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let mut stage = Stage::new();
        let mut script = Script(script);
        while let Some(step) = script.byte() {
            stage.step(step, &mut script);
            stage.settle(4).await;
        }
        stage.end().await;
    });
}

struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> u8 {
        self.byte().unwrap_or_default()
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        let at = usize::from(self.number()) % from.len();
        from.get(at).copied().unwrap_or_default()
    }
}

#[derive(Default)]
struct World {
    millis: AtomicI64,
    ids: AtomicU64,
    denied: AtomicU64,
    full: AtomicBool,
}

struct Handle(Arc<World>);

impl Clock for Handle {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000 + self.0.millis.load(Ordering::Relaxed))
    }
}

impl Ids for Handle {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.ids.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.iter_mut().rev().zip(count.iter().rev()).for_each(|(byte, value)| *byte = *value);
    }
}

#[async_trait]
impl Gate for Handle {
    async fn connect(&self, attempt: &ConnectAttempt) -> Result<Admission, Refusal> {
        if attempt.password.is_some() {
            let kind = RefusalKind::BadCredentials;
            return Err(Refusal { kind, principal: "p".into(), exclusive_thing: None });
        }
        let session = Arc::new(Self(Arc::clone(&self.0)));
        Ok(Admission { principal: "p".into(), exclusive_thing: None, session, lifetime: None })
    }
}

impl SessionGate for Handle {
    fn publish(&self, topic: &str, _: bool) -> bool {
        topic != "secret"
    }
    fn subscribe(&self, filter: &str) -> bool {
        filter != "secret"
    }
    fn receive(&self, topic: &str) -> bool {
        topic != "t" || self.generation().is_multiple_of(2)
    }
    fn generation(&self) -> u64 {
        self.0.denied.load(Ordering::Relaxed)
    }
}

impl Tap for Handle {
    fn publish(&self, inbound: &Inbound<'_>, _: &mut Keep<'_>) -> Route {
        if inbound.message.topic.starts_with("$aws/") { Route::Consumed } else { Route::Deliver }
    }
    fn event(&self, _: Event) {}
}

impl Journal for Handle {
    fn write(&self, _: Vec<Write>) -> Commit {
        let full = self.0.full.load(Ordering::Relaxed);
        Box::pin(async move {
            yield_now().await;
            if full { Err(JournalError("full".to_owned())) } else { Ok(()) }
        })
    }
}

/// One client: its end of the stream, and what it is owed.
struct Client {
    stream: DuplexStream,
    task: JoinHandle<()>,
    five: bool,
    /// Whether all of its bytes were packets that the broker has to answer.
    proper: bool,
    closed: bool,
    greeted: bool,
    to_write: Vec<u8>,
    read: Vec<u8>,
    /// Answers to come, by the first byte of the packet and the identifier.
    owed: BTreeMap<(u8, u16), u64>,
    /// Packet identifiers of messages that it has not acknowledged.
    unacknowledged: BTreeSet<u16>,
    next_id: u16,
}

struct Stage {
    world: Arc<World>,
    broker: Broker,
    clients: Vec<Option<Client>>,
    gone: Vec<JoinHandle<()>>,
}

impl Stage {
    fn new() -> Self {
        let world = Arc::new(World::default());
        let limits = Limits {
            publishes_per_second: 0,
            bytes_per_second: 0,
            stored_per_second: 0,
            shared_queue_per_second: 0,
            outbound_in_flight: 4,
            queue_messages: QUEUE,
            shared_group_queue: QUEUE,
            retained_messages: RETAINED,
            subscriptions_per_connection: 4,
            payload_bytes: 600,
            packet_bytes_v5: 1024,
            retry_interval_seconds: 0,
            ..Limits::default()
        };
        let handle = || Arc::new(Handle(Arc::clone(&world)));
        let config = Config { limits, journal: Some(handle()), ..Config::default() };
        let broker = Broker::new(config, drydock_timers::Timers::new(handle()), handle(), handle(), handle());
        Self { world, broker, clients: (0..CLIENTS).map(|_| None).collect(), gone: Vec::new() }
    }

    /// Does one step; the lower bits choose the client, the upper the deed.
    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        let at = usize::from(step) % CLIENTS;
        let deed = step / 4;
        match deed % 16 {
            0 | 1 => self.connect(at, script),
            2 => self.drop_client(at),
            3 => drop(self.world.millis.fetch_add(i64::from(script.number()) * 500, Ordering::Relaxed)),
            4 => {
                let message = Message::new(script.pick(&TOPICS), vec![b'x'; usize::from(script.number())]);
                let qos = if deed > 16 { Qos::AtLeastOnce } else { Qos::AtMostOnce };
                drop(self.broker.publish(message.with_qos(qos), Origin::Service));
            }
            5 => {
                let options =
                    DisconnectOptions { clean_session: script.number().is_multiple_of(2), prevent_will: false };
                let _ = self.broker.disconnect(["a", "b", "c", ""].get(at).copied().unwrap_or_default(), options);
            }
            6 => self.world.full.store(script.number().is_multiple_of(4), Ordering::Relaxed),
            7 => drop(self.world.denied.fetch_add(1, Ordering::Relaxed)),
            deed => {
                if let Some(Some(client)) = self.clients.get_mut(at) {
                    client.deed(deed, script);
                }
            }
        }
        self.broker.clock_moved();
    }

    fn connect(&mut self, at: usize, script: &mut Script<'_>) {
        self.drop_client(at);
        let (server, stream) = tokio::io::duplex(2048);
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let peer = Peer {
            remote: address,
            local: address,
            transport: Transport::Plain,
            server_name: None,
            credential: Arc::new(()),
            lifetime: None,
        };
        let broker = self.broker.clone();
        let task = tokio::spawn(async move { broker.serve(server, peer).await });
        let choice = script.number();
        let five = choice & 1 != 0;
        let mut client = Client {
            stream,
            task,
            five,
            proper: true,
            closed: false,
            greeted: false,
            to_write: Vec::new(),
            read: Vec::new(),
            owed: BTreeMap::new(),
            unacknowledged: BTreeSet::new(),
            next_id: 1,
        };
        client.connect(choice, script);
        if let Some(place) = self.clients.get_mut(at) {
            *place = Some(client);
        }
    }

    fn drop_client(&mut self, at: usize) {
        if let Some(client) = self.clients.get_mut(at).and_then(Option::take) {
            self.gone.push(client.task);
        }
    }

    /// Lets the broker's tasks go on, and takes what they send.
    async fn settle(&mut self, rounds: usize) -> bool {
        let mut moved = false;
        for _ in 0..rounds {
            for client in self.clients.iter_mut().flatten() {
                moved |= client.flush();
                moved |= client.receive();
            }
            yield_now().await;
        }
        self.check();
        moved
    }

    fn check(&self) {
        for connection in self.broker.connections() {
            assert!(connection.waiting as u64 <= QUEUE + 8, "{} messages wait for one client", connection.waiting);
        }
        assert!(self.broker.retained_after(None, 100).len() as u64 <= RETAINED, "too many retained messages");
    }

    async fn end(mut self) {
        let mut quiet = 0;
        while quiet < 16 {
            quiet = if self.settle(4).await { 0 } else { quiet + 1 };
        }
        for client in self.clients.iter().flatten() {
            let owes = client.owed.values().any(|count| *count > 0);
            assert!(client.closed || !client.proper || !owes, "answers are missing: {:?}", client.owed);
        }
        for at in 0..CLIENTS {
            self.drop_client(at);
        }
        for task in self.gone.drain(..) {
            let ended = tokio::time::timeout(Duration::from_secs(20), task).await;
            ended.unwrap_or_else(|_| panic!("a task does not end")).unwrap_or_else(|e| panic!("a task panicked: {e}"));
        }
        assert_eq!(self.broker.stats().connections, 0, "a connection is left");
        self.world.millis.fetch_add(1_000_000_000, Ordering::Relaxed);
        self.broker.clock_moved();
        let stats = self.broker.stats();
        assert_eq!((stats.connections, stats.subscriptions), (0, 0), "something is left");
    }
}

impl Client {
    fn connect(&mut self, choice: u8, script: &mut Script<'_>) {
        let will = choice & 4 != 0;
        let mut flags = if choice & 2 != 0 { 2 } else { 0 };
        let mut payload = string(["a", "b", "c", ""].get(usize::from(choice >> 6)).copied().unwrap_or_default());
        if will {
            flags |= 4 | (choice & 8);
            if self.five {
                payload.push(0);
            }
            payload.extend(string(script.pick(&TOPICS)));
            payload.extend(string("gone"));
        }
        let mut body = string("MQTT");
        body.extend([if self.five { 5 } else { 4 }, flags, 0, 60]);
        if self.five {
            let expiry = if choice & 16 != 0 { script.number() } else { 0 };
            body.extend([8, 0x11, 0, 0, 0, expiry, 0x21, 0, 2]);
        }
        body.extend(payload);
        self.send(0x10, &body);
    }

    fn deed(&mut self, deed: u8, script: &mut Script<'_>) {
        let id = self.next_id;
        match deed {
            8 | 9 => {
                let options = script.number();
                let qos = options & 1;
                let mut body = string(script.pick(&TOPICS));
                if qos > 0 {
                    body.extend(id.to_be_bytes());
                    self.next_id = self.next_id % 1000 + 1;
                }
                if self.five {
                    body.push(0);
                }
                body.extend(vec![b'y'; usize::from(script.number())]);
                // AWS's own rule: MQTT 3.1.1 is disconnected where MQTT 5 gets a code, so both are answers.
                if qos > 0 {
                    self.owe(0x40, id);
                }
                self.send(0x30 | (qos << 1) | (options >> 7), &body);
            }
            10 | 11 => {
                let mut body = id.to_be_bytes().to_vec();
                self.next_id = self.next_id % 1000 + 1;
                if self.five {
                    body.push(0);
                }
                for _ in 0..=script.number() % 3 {
                    body.extend(string(script.pick(&FILTERS)));
                    if deed == 10 {
                        body.push(script.number() & 1);
                    }
                }
                self.owe(if deed == 10 { 0x90 } else { 0xB0 }, id);
                self.send(if deed == 10 { 0x82 } else { 0xA2 }, &body);
            }
            12 => {
                // Acknowledges what it has, or what it has not.
                let id = self.unacknowledged.pop_first().unwrap_or_else(|| u16::from(script.number()) + 1);
                self.send(0x40, &id.to_be_bytes());
            }
            13 => {
                self.owe(0xD0, 0);
                self.send(0xC0, &[]);
            }
            14 => {
                // Whatever comes after a DISCONNECT is not answered.
                self.proper = false;
                self.send(0xE0, &[]);
            }
            _ => {
                self.proper = false;
                let count = usize::from(script.number() % 40);
                let bytes: Vec<u8> = (0..count).map_while(|_| script.byte()).collect();
                self.to_write.extend(bytes);
            }
        }
    }

    fn owe(&mut self, kind: u8, id: u16) {
        *self.owed.entry((kind, id)).or_default() += 1;
    }

    fn send(&mut self, first: u8, body: &[u8]) {
        self.to_write.push(first);
        let mut length = body.len();
        loop {
            let low = (length % 128) as u8;
            length /= 128;
            self.to_write.push(if length == 0 { low } else { low | 0x80 });
            if length == 0 {
                break;
            }
        }
        self.to_write.extend_from_slice(body);
    }

    fn flush(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut moved = false;
        while !self.to_write.is_empty() {
            match Pin::new(&mut self.stream).poll_write(&mut context, &self.to_write) {
                Poll::Ready(Ok(count)) if count > 0 => {
                    self.to_write.drain(..count);
                    moved = true;
                }
                Poll::Pending => break,
                Poll::Ready(_) => {
                    self.closed = true;
                    self.to_write.clear();
                }
            }
        }
        moved
    }

    fn receive(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut moved = false;
        loop {
            let mut bytes = [0; 512];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(&mut context, &mut buffer) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.read.extend_from_slice(buffer.filled());
                    moved = true;
                }
                Poll::Ready(_) => {
                    self.closed = true;
                    break;
                }
            }
        }
        while let Some((first, body)) = self.packet() {
            self.take(first, &body);
        }
        moved
    }

    fn packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = *self.read.first()?;
        let mut length = 0;
        let mut at = 1;
        for shift in [0, 7, 14, 21] {
            let byte = *self.read.get(at)?;
            at += 1;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = self.read.get(at..at + length)?.to_vec();
        self.read.drain(..at + length);
        Some((first, body))
    }

    fn take(&mut self, first: u8, body: &[u8]) {
        let number = |at: usize| match body.get(at..at + 2) {
            Some(&[high, low]) => u16::from_be_bytes([high, low]),
            _ => panic!("packet {first:#x} is too short: {body:?}"),
        };
        let is_connack = first == 0x20;
        assert_eq!(is_connack, !self.greeted, "the CONNACK is the first packet, and only that: {first:#x}");
        self.greeted = true;
        match first {
            0x20 => {}
            0xE0 => assert!(self.five, "MQTT 3.1.1 has no DISCONNECT of a server"),
            0x30 | 0x31 => assert!(body.len() > usize::from(number(0)) + 1, "a topic is missing"),
            0x32 | 0x33 => {
                let id = number(usize::from(number(0)) + 2);
                assert!(id != 0 && self.unacknowledged.insert(id), "packet identifier {id} is in use");
            }
            0x40 | 0x90 | 0xB0 | 0xD0 => {
                let id = if first == 0xD0 { 0 } else { number(0) };
                if self.proper {
                    let owed = self.owed.get_mut(&(first, id)).filter(|count| **count > 0);
                    *owed.unwrap_or_else(|| panic!("{first:#x} {id} answers nothing")) -= 1;
                }
            }
            other => panic!("a server does not send {other:#x}"),
        }
    }
}

fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or_default();
    let mut out = length.to_be_bytes().to_vec();
    out.extend_from_slice(text.as_bytes());
    out
}

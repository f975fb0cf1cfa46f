//! A broker on a real socket, with a clock, a gate, a tap and a journal that tests hold in their hands.

use async_trait::async_trait;
use drydock_broker::{
    Admission, Broker, Commit, Config, ConnectAttempt, Dropped, Gate, Inbound, Journal, Keep, Lifetime, Limits, Peer,
    Refusal, RefusalKind, Route, SessionGate, Tap, Telling, Transport,
};
use drydock_core::event::ClientIdentity;
use drydock_core::{Clock, Event, Ids, ThingName, Timestamp, Write};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct TestClock(pub(crate) AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000 + self.0.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
struct TestIds(AtomicU64);

impl Ids for TestIds {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        for (byte, value) in bytes.iter_mut().rev().zip(count.iter().rev()) {
            *byte = *value;
        }
    }
}

/// Denies what it was told to: an action (`connect`, `publish`, `retain`, `subscribe`, `receive`) on a topic or id.
#[derive(Default)]
pub(crate) struct TestGate {
    denied: Mutex<Vec<(String, String)>>,
    /// The thing that connections are attributed to, and a bound on their life.
    pub(crate) thing: Mutex<Option<ThingName>>,
    pub(crate) lifetime: Mutex<Option<Lifetime>>,
    generation: AtomicU64,
    pub(crate) asked: AtomicU64,
}

impl TestGate {
    pub(crate) fn deny(&self, action: &str, what: &str) {
        self.denied.lock().unwrap().push((action.into(), what.into()));
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn allow(&self, action: &str, what: &str) {
        self.denied.lock().unwrap().retain(|(a, w)| (a.as_str(), w.as_str()) != (action, what));
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn allows(&self, action: &str, what: &str) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst);
        !self.denied.lock().unwrap().iter().any(|(a, w)| a == action && w == what)
    }
}

pub(crate) struct TestSession(Arc<TestGate>);

impl SessionGate for TestSession {
    fn publish(&self, topic: &str, retain: bool) -> bool {
        self.0.allows("publish", topic) && (!retain || self.0.allows("retain", topic))
    }
    fn subscribe(&self, filter: &str) -> bool {
        self.0.allows("subscribe", filter)
    }
    fn receive(&self, topic: &str) -> bool {
        self.0.allows("receive", topic)
    }
    fn holds(&self) -> bool {
        self.0.allows("hold", "all")
    }
    fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::SeqCst)
    }
}

struct GateHandle(Arc<TestGate>);

#[async_trait]
impl Gate for GateHandle {
    async fn connect(&self, attempt: &ConnectAttempt) -> Result<Admission, Refusal> {
        let exclusive_thing = self.0.thing.lock().unwrap().clone();
        let refusal = |kind| Refusal { kind, principal: "principal".into(), exclusive_thing: exclusive_thing.clone() };
        if attempt.password.as_deref() == Some(b"wrong") {
            return Err(refusal(RefusalKind::BadCredentials));
        }
        if !self.0.allows("silent", &attempt.client_id) {
            return Err(refusal(RefusalKind::Silent));
        }
        let will = attempt.will.as_ref().is_none_or(|w| self.0.allows("publish", &w.topic));
        if !will || !self.0.allows("connect", &attempt.client_id) {
            return Err(refusal(RefusalKind::NotAuthorized));
        }
        let session = Arc::new(TestSession(self.0.clone()));
        let lifetime = *self.0.lifetime.lock().unwrap();
        // A user name `as-…` is who the client is.
        let named = attempt.username.clone().filter(|name| name.starts_with("as-"));
        let principal = named.unwrap_or_else(|| "principal".into());
        Ok(Admission { principal, exclusive_thing, session, lifetime })
    }
}

/// The table of what the tap keeps.
pub(crate) const KEPT: &str = "kept";

/// Notes what the broker tells, as lines.
#[derive(Default)]
pub(crate) struct TestTap {
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) told: Notify,
    consumed: Mutex<Vec<String>>,
}

impl TestTap {
    pub(crate) fn consume(&self, topic: &str) {
        self.consumed.lock().unwrap().push(topic.into());
    }

    fn tell(&self, line: String) {
        self.lines.lock().unwrap().push(line);
        self.told.notify_waiters();
    }
}

struct TapHandle(Arc<TestTap>);

/// Who an event is about, behind what it says.
fn who(client: &ClientIdentity) -> String {
    let thing = client.exclusive_thing.as_ref().map_or(String::new(), |t| format!(" thing={}", t.as_str()));
    format!("{} ip={}{thing}", client.principal, client.ip)
}

impl Tap for TapHandle {
    fn publish(&self, inbound: &Inbound<'_>, keep: &mut Keep<'_>) -> Route {
        let from = inbound.client.map_or("-", |c| c.client_id.as_str());
        let message = inbound.message;
        let payload = String::from_utf8_lossy(&message.payload).into_owned();
        self.0.tell(format!("tap {from} {} {payload}", message.topic));
        if message.topic.starts_with("kept/") && keep.is_wanted() {
            let tap = Arc::clone(&self.0);
            let line = format!("begun {} {payload}", message.topic);
            keep.put(Write::put(KEPT, payload, message.topic.to_string()), move || tap.tell(line));
        }
        if self.0.consumed.lock().unwrap().iter().any(|t| *t == message.topic) {
            Route::Consumed
        } else {
            Route::Deliver
        }
    }

    fn told(&self, telling: &mut Telling<'_>, keep: &mut Keep<'_>) -> Route {
        if telling.topic().starts_with("unheard/") {
            return Route::Deliver;
        }
        let Some(message) = telling.message() else { return Route::Consumed };
        self.publish(&Inbound { message, reserved: None, client: None, caller: None, protocol: None }, keep)
    }

    fn event(&self, event: Event) {
        self.0.tell(match event {
            Event::ClientConnected { client, version, .. } => {
                format!(
                    "connected {} v={version} session={} {}",
                    client.client_id,
                    client.session_identifier,
                    who(&client)
                )
            }
            Event::ClientDisconnected { client, version, reason, .. } => {
                let (id, session) = (&client.client_id, &client.session_identifier);
                format!("disconnected {id} {} v={version} session={session} {}", reason.as_str(), who(&client))
            }
            Event::ConnectFailed { client, .. } => format!("connect_failed {} {}", client.client_id, who(&client)),
            Event::Subscribed { client, topics, .. } => {
                format!("subscribed {} {} {}", client.client_id, topics.join(","), who(&client))
            }
            Event::Unsubscribed { client, topics, .. } => {
                format!("unsubscribed {} {} {}", client.client_id, topics.join(","), who(&client))
            }
            other => format!("{other:?}"),
        });
    }

    fn dropped(&self, dropped: &Dropped<'_>) {
        self.0.tell(format!("dropped {} {} {}", dropped.client_id, dropped.topic, dropped.reason.as_str()));
    }
}

/// Rows by table and key; a write can be made to fail, or to be on its way until it is let through.
#[derive(Default)]
pub(crate) struct TestJournal {
    pub(crate) rows: Mutex<BTreeMap<(String, String), String>>,
    pub(crate) full: AtomicBool,
    /// The tables of each write, in order.
    pub(crate) units: Mutex<Vec<Vec<&'static str>>>,
    slow: AtomicBool,
    through: Notify,
}

impl TestJournal {
    /// From now on no commit resolves until this is called with `false`.
    #[allow(dead_code, reason = "the case files do not need it")]
    pub(crate) fn hold(&self, slow: bool) {
        self.slow.store(slow, Ordering::SeqCst);
        self.through.notify_waiters();
    }

    async fn committed(&self) {
        // Never ready at once, so that answers which have to wait do.
        tokio::task::yield_now().await;
        loop {
            let through = self.through.notified();
            if !self.slow.load(Ordering::SeqCst) {
                return;
            }
            through.await;
        }
    }
}

struct JournalHandle(Arc<TestJournal>, Arc<AtomicBool>);

impl Journal for JournalHandle {
    fn write(&self, writes: Vec<Write>) -> Commit {
        if self.0.full.load(Ordering::SeqCst) {
            return Box::pin(async { Err(drydock_broker::JournalError("no space left on device".into())) });
        }
        let mut rows = self.0.rows.lock().unwrap();
        // What a killed broker's tasks write while they are dropped would not have been written.
        let writes = if self.1.load(Ordering::SeqCst) { writes } else { Vec::new() };
        self.0.units.lock().unwrap().push(writes.iter().map(|write| write.table).collect());
        for write in writes {
            let key = (write.table.to_owned(), write.key);
            match write.value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        let journal = self.0.clone();
        Box::pin(async move {
            journal.committed().await;
            Ok(())
        })
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) gate: Arc<TestGate>,
    pub(crate) tap: Arc<TestTap>,
    pub(crate) journal: Arc<TestJournal>,
    pub(crate) broker: Broker,
    pub(crate) address: SocketAddr,
    limits: Limits,
    ids: Arc<TestIds>,
    accept: tokio::task::JoinHandle<()>,
    alive: Arc<AtomicBool>,
}

impl World {
    pub(crate) async fn new(limits: Limits) -> Self {
        let (clock, gate, tap, journal, ids) = Default::default();
        Self::over(limits, clock, gate, tap, journal, ids).await
    }

    async fn over(
        limits: Limits,
        clock: Arc<TestClock>,
        gate: Arc<TestGate>,
        tap: Arc<TestTap>,
        journal: Arc<TestJournal>,
        ids: Arc<TestIds>,
    ) -> Self {
        let alive = Arc::new(AtomicBool::new(true));
        let config = Config {
            limits: limits.clone(),
            journal: Some(Arc::new(JournalHandle(journal.clone(), alive.clone()))),
            ..Config::default()
        };
        let broker = Broker::new(
            config,
            drydock_timers::Timers::new(clock.clone()),
            ids.clone(),
            Arc::new(GateHandle(gate.clone())),
            Arc::new(TapHandle(tap.clone())),
        );
        let rows = journal.rows.lock().unwrap().clone();
        for wanted in Broker::TABLES {
            for ((table, key), value) in rows.iter().filter(|((table, _), _)| table == wanted) {
                broker.load(table, key, value).unwrap();
            }
        }
        broker.recover();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = broker.clone();
        let accept = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, remote) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let local = stream.local_addr().unwrap();
                let peer = Peer {
                    remote,
                    local,
                    transport: Transport::Plain,
                    server_name: None,
                    credential: Arc::new(()),
                    lifetime: None,
                };
                let broker = accepting.clone();
                connections.spawn(async move { broker.serve(stream, peer).await });
            }
        });
        Self { clock, gate, tap, journal, broker, address, limits, ids, accept, alive }
    }

    /// Stops without a word, as `kill -9` does, and starts again from what is durable.
    pub(crate) async fn restart(self) -> Self {
        let Self { clock, gate, tap, journal, limits, ids, accept, alive, .. } = self;
        alive.store(false, Ordering::SeqCst);
        accept.abort();
        let _ = accept.await;
        Self::over(limits, clock, gate, tap, journal, ids).await
    }
}

//! Records to an Apache Kafka cluster: a producer of the few requests that it takes, over TLS and SASL.
//!
//! The client libraries there are either bind C or link a second TLS stack; what a producer needs is small.
//!
//! - [`wire`]: the protocol's primitives. `batch`: record batches. `partition`: which partition a key goes to.
//! - `connection`: one connection to one broker: TLS, SASL, a request and its answer.
//! - `sasl`: PLAIN and SCRAM-SHA-512.

mod batch;
mod connection;
mod failure;
mod partition;
mod sasl;
mod wire;

use connection::{Connection, Security};
use drydock_core::OwnAddresses;
use drydock_rules::KafkaRecord;
use failure::Failure;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wire::{Reader, Writer};

/// How long a cluster may take for one try.
const WITHIN: Duration = Duration::from_secs(5);
/// How long a broker may wait for its own acknowledgements, in milliseconds.
const BROKER_MILLIS: i32 = 3000;
/// How many clusters are kept connected.
const CLUSTERS: usize = 64;

/// A producer's properties.
type Producer = BTreeMap<&'static str, String>;

/// What a broker says of its cluster and a topic: the brokers, an error code, the partitions each with its leader.
type Learned = (HashMap<i32, String>, i16, Vec<(i32, i32)>);

/// The clusters that rules send to, by the properties of their producers.
pub(super) struct Clusters {
    own: OwnAddresses,
    known: Mutex<HashMap<Producer, Arc<tokio::sync::Mutex<Cluster>>>>,
}

/// A cluster as one producer sees it.
#[derive(Default)]
struct Cluster {
    /// Host and port by the broker's id.
    brokers: HashMap<i32, String>,
    /// The leaders of a topic's partitions, in the order of the partitions.
    topics: HashMap<String, Vec<i32>>,
    connections: HashMap<i32, Connection>,
    security: Option<Arc<Security>>,
    /// Records without a key go round.
    turn: usize,
}

impl Clusters {
    /// None yet; none of them is at one of the gateway's own sockets.
    pub(super) fn new(own: OwnAddresses) -> Self {
        Self { own, known: Mutex::default() }
    }

    /// Sends a record; returns once the cluster has it, or at once where it asks for no acknowledgement.
    pub(super) async fn send(&self, record: &KafkaRecord, now: i64) -> Result<(), Failure> {
        let cluster = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= CLUSTERS && !known.contains_key(&record.properties) {
                known.clear();
            }
            Arc::clone(known.entry(record.properties.clone()).or_default())
        };
        let exchange = async {
            let mut cluster = cluster.lock().await;
            let sent = cluster.send(record, now, &self.own).await;
            if sent.is_err() {
                // What is known of it may be wrong by now.
                *cluster = Cluster { turn: cluster.turn, ..Cluster::default() };
            }
            sent
        };
        match tokio::time::timeout(WITHIN, exchange).await {
            Ok(sent) => sent,
            Err(_) => {
                let known = &mut self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.remove(&record.properties);
                Err(Failure::passing(format!("the Kafka cluster did not answer within {} ms", WITHIN.as_millis())))
            }
        }
    }
}

impl Cluster {
    async fn send(&mut self, record: &KafkaRecord, now: i64, own: &OwnAddresses) -> Result<(), Failure> {
        let security = self.security(record, own)?;
        if !self.topics.contains_key(&record.topic) {
            self.look(record, &security).await?;
        }
        let leaders = self.topics.get(&record.topic).map(Vec::as_slice).unwrap_or_default();
        let index = match (record.partition, &record.key) {
            (Some(given), _) => usize::try_from(given).unwrap_or(usize::MAX),
            (None, Some(key)) => partition::of_key(key.as_bytes(), leaders.len()),
            (None, None) => {
                self.turn = self.turn.wrapping_add(1);
                self.turn % leaders.len().max(1)
            }
        };
        let Some(leader) = leaders.get(index).copied() else {
            let (topic, count) = (&record.topic, leaders.len());
            return Err(Failure::lasting(format!(
                "the topic `{topic}` has {count} partitions, and no partition {index}"
            )));
        };
        let acks: i16 = if record.property("acks") == Some("0") { 0 } else { 1 };
        let partition = i32::try_from(index).unwrap_or(i32::MAX);
        let request = batch::produce(record, partition, acks, BROKER_MILLIS, now);
        let connection = self.connected(leader, &security).await?;
        if acks == 0 {
            return connection.tell(batch::PRODUCE, batch::VERSION, &request).await;
        }
        let answer = connection.ask(batch::PRODUCE, batch::VERSION, &request).await?;
        let code =
            batch::answered(&answer).ok_or_else(|| Failure::lasting("the Kafka broker's answer cannot be read"))?;
        refused(code, &record.topic)
    }

    /// What its connections need, worked out once.
    fn security(&mut self, record: &KafkaRecord, own: &OwnAddresses) -> Result<Arc<Security>, Failure> {
        if let Some(known) = &self.security {
            return Ok(Arc::clone(known));
        }
        let security = Arc::new(Security::of(record, own)?);
        self.security = Some(Arc::clone(&security));
        Ok(security)
    }

    async fn connected(&mut self, broker: i32, security: &Security) -> Result<&mut Connection, Failure> {
        let connection = match self.connections.remove(&broker) {
            Some(connection) => connection,
            None => {
                let address = self.brokers.get(&broker);
                let unknown = || Failure::passing(format!("the leader {broker} of the partition is not known"));
                Connection::open(address.ok_or_else(unknown)?, security).await?
            }
        };
        Ok(self.connections.entry(broker).or_insert(connection))
    }

    /// Asks the first broker that answers for the topic's partitions.
    async fn look(&mut self, record: &KafkaRecord, security: &Security) -> Result<(), Failure> {
        const METADATA: i16 = 3;
        const VERSION: i16 = 1;
        let mut last = Failure::lasting("the action names no broker");
        for address in record.property("bootstrap.servers").unwrap_or_default().split(',') {
            let mut connection = match Connection::open(address.trim(), security).await {
                Ok(connection) => connection,
                Err(failure) => {
                    last = failure;
                    continue;
                }
            };
            let mut request = Writer::default();
            request.int32(1);
            request.string(&record.topic);
            let answer = connection.ask(METADATA, VERSION, &request.bytes).await?;
            return self.learn(&answer, &record.topic);
        }
        Err(last)
    }

    fn learn(&mut self, answer: &[u8], topic: &str) -> Result<(), Failure> {
        let mut read = Reader(answer);
        let mut learned = || -> Option<Learned> {
            let mut brokers = HashMap::new();
            for _ in 0..read.int32()? {
                let (id, host, port, _rack) = (read.int32()?, read.string()?, read.int32()?, read.nullable()?);
                brokers.insert(id, format!("{host}:{port}"));
            }
            let (_controller, count) = (read.int32()?, read.int32()?);
            let mut found = (-1, Vec::new());
            for _ in 0..count {
                let (code, _name, _internal) = (read.int16()?, read.string()?, read.int8()?);
                let mut partitions = Vec::new();
                for _ in 0..read.int32()? {
                    let (_code, index, leader) = (read.int16()?, read.int32()?, read.int32()?);
                    for _ in 0..2 {
                        for _ in 0..read.int32()? {
                            read.int32()?;
                        }
                    }
                    partitions.push((index, leader));
                }
                found = (code, partitions);
            }
            Some((brokers, found.0, found.1))
        };
        let learned = learned().ok_or_else(|| Failure::lasting("the Kafka broker's metadata cannot be read"))?;
        let (brokers, code, mut partitions) = learned;
        refused(code, topic)?;
        partitions.sort_unstable();
        self.brokers = brokers;
        self.topics.insert(topic.to_owned(), partitions.into_iter().map(|(_, leader)| leader).collect());
        Ok(())
    }
}

/// What an error code of the protocol means ("Error codes" in Kafka's protocol guide).
fn refused(code: i16, topic: &str) -> Result<(), Failure> {
    let (what, passing) = match code {
        0 => return Ok(()),
        3 => ("UNKNOWN_TOPIC_OR_PARTITION", true),
        5 => ("LEADER_NOT_AVAILABLE", true),
        6 => ("NOT_LEADER_OR_FOLLOWER", true),
        7 => ("REQUEST_TIMED_OUT", true),
        10 => ("MESSAGE_TOO_LARGE", false),
        17 => ("INVALID_TOPIC_EXCEPTION", false),
        19 => ("NOT_ENOUGH_REPLICAS", true),
        20 => ("NOT_ENOUGH_REPLICAS_AFTER_APPEND", true),
        29 => ("TOPIC_AUTHORIZATION_FAILED", false),
        56 => ("KAFKA_STORAGE_ERROR", true),
        _ => ("an error", false),
    };
    Err(Failure { message: format!("the Kafka cluster answered {what} ({code}) for the topic `{topic}`"), passing })
}

//! The rows in which retained messages and persistent sessions are kept.

use crate::delivery::Delivery;
use crate::message::{Message, Properties, Protocol, Qos};
use crate::subscription::SubOptions;
use crate::will::PendingWill;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use drydock_core::{CorruptRow, ThingName, Timestamp, Write};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::net::IpAddr;

/// Retained messages by topic.
pub(crate) const RETAINED: &str = "mqtt_retained";
/// Persistent sessions by client id.
pub(crate) const SESSIONS: &str = "mqtt_sessions";
/// Messages that wait for a session, by client id and number.
pub(crate) const QUEUED: &str = "mqtt_queued";
/// Messages that wait for a group of shared subscriptions, by group and number.
pub(crate) const SHARED: &str = "mqtt_shared";

/// Clients by client id: the version numbers of their connections, and the connections that there are.
pub(crate) const CLIENTS: &str = "mqtt_clients";

/// Stands between the parts of a key; neither client ids nor filters hold it.
const SEPARATOR: char = '\u{1f}';

#[derive(Serialize, Deserialize)]
struct MessageRow {
    topic: SmolStr,
    payload: String,
    qos: u8,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    retain: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload_is_utf8: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<SmolStr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_topic: Option<SmolStr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_data: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    user: Vec<(SmolStr, SmolStr)>,
}

#[derive(Serialize, Deserialize)]
struct RetainedRow {
    message: MessageRow,
    at: Timestamp,
    /// When it was last of use; absent where that was when it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<Timestamp>,
}

/// A client that is connected, or was not long ago.
#[derive(Serialize, Deserialize)]
pub(crate) struct ClientRow {
    /// The version number of its last connection.
    pub(crate) version: u64,
    /// When it came or, without `live`, when it went.
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) live: Option<LiveRow>,
}

/// A connection that is there: what its end has to tell.
#[derive(Serialize, Deserialize)]
pub(crate) struct LiveRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thing: Option<ThingName>,
    pub(crate) principal: SmolStr,
    pub(crate) session: SmolStr,
    pub(crate) ip: IpAddr,
    /// 4 or 5.
    pub(crate) protocol: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) will: Option<WillRow>,
}

/// The will of a connection that is there.
#[derive(Serialize, Deserialize)]
pub(crate) struct WillRow {
    message: MessageRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiry_seconds: Option<u64>,
}

impl WillRow {
    pub(crate) fn of(will: &PendingWill) -> Self {
        Self { message: MessageRow::of(&will.message), expiry_seconds: will.expiry_seconds }
    }

    pub(crate) fn will(self) -> Option<PendingWill> {
        Some(PendingWill { message: self.message.message()?, expiry_seconds: self.expiry_seconds })
    }
}

#[derive(Serialize, Deserialize)]
struct QueuedRow {
    message: MessageRow,
    qos: u8,
    retain: bool,
}

/// A persistent session.
#[derive(Serialize, Deserialize)]
pub(crate) struct SessionRow {
    pub(crate) identifier: SmolStr,
    /// 4 or 5.
    pub(crate) protocol: u8,
    pub(crate) expiry_seconds: u64,
    /// The next connection's version number.
    pub(crate) next_version: u64,
    pub(crate) principal: SmolStr,
    /// `None` while a client is connected.
    pub(crate) disconnected_at: Option<Timestamp>,
    pub(crate) subscriptions: Vec<SubscriptionRow>,
}

/// A subscription of a persistent session.
#[derive(Serialize, Deserialize)]
pub(crate) struct SubscriptionRow {
    pub(crate) filter: SmolStr,
    qos: u8,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    no_local: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    retain_as_published: bool,
}

impl SubscriptionRow {
    pub(crate) fn new(filter: SmolStr, options: SubOptions) -> Self {
        Self {
            filter,
            qos: options.qos as u8,
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
        }
    }

    pub(crate) fn options(&self) -> SubOptions {
        SubOptions {
            qos: Qos::from_number(self.qos).unwrap_or_default(),
            no_local: self.no_local,
            retain_as_published: self.retain_as_published,
        }
    }
}

impl SessionRow {
    pub(crate) fn protocol(&self) -> Protocol {
        protocol(self.protocol)
    }
}

/// The protocol level of a version, as CONNECT has it.
pub(crate) fn protocol_number(protocol: Protocol) -> u8 {
    if protocol == Protocol::V5 { 5 } else { 4 }
}

/// The version of a protocol level.
pub(crate) fn protocol(number: u8) -> Protocol {
    if number == 5 { Protocol::V5 } else { Protocol::V311 }
}

impl MessageRow {
    fn of(message: &Message) -> Self {
        let properties = message.properties.as_deref().cloned().unwrap_or_default();
        Self {
            topic: message.topic.clone(),
            payload: BASE64.encode(&message.payload),
            qos: message.qos as u8,
            retain: message.retain,
            expires_at: message.expires_at,
            payload_is_utf8: properties.payload_is_utf8,
            content_type: properties.content_type,
            response_topic: properties.response_topic,
            correlation_data: properties.correlation_data.map(|d| BASE64.encode(d)),
            user: properties.user,
        }
    }

    fn message(self) -> Option<Message> {
        let properties = Properties {
            payload_is_utf8: self.payload_is_utf8,
            content_type: self.content_type,
            response_topic: self.response_topic,
            correlation_data: match self.correlation_data {
                Some(data) => Some(BASE64.decode(data).ok()?.into()),
                None => None,
            },
            user: self.user,
        };
        let mut message = Message::new(self.topic, BASE64.decode(self.payload).ok()?)
            .with_qos(Qos::from_number(self.qos)?)
            .with_retain(self.retain)
            .with_properties(properties);
        message.expires_at = self.expires_at;
        Some(message)
    }
}

fn put<T: Serialize>(table: &'static str, key: String, row: &T) -> Write {
    // Rows hold text, numbers and lists only, which always have a JSON form.
    Write::put(table, key, serde_json::to_string(row).unwrap_or_default())
}

pub(crate) fn put_retained(message: &Message, at: Timestamp, used: Timestamp) -> Write {
    let used = (used != at).then_some(used);
    put(RETAINED, message.topic.to_string(), &RetainedRow { message: MessageRow::of(message), at, used })
}

pub(crate) fn delete_retained(topic: &str) -> Write {
    Write::delete(RETAINED, topic)
}

pub(crate) fn put_session(client_id: &str, row: &SessionRow) -> Write {
    put(SESSIONS, client_id.to_owned(), row)
}

pub(crate) fn delete_session(client_id: &str) -> Write {
    Write::delete(SESSIONS, client_id)
}

pub(crate) fn put_queued<M>(client_id: &str, delivery: &Delivery<M>) -> Write {
    let row =
        QueuedRow { message: MessageRow::of(&delivery.message), qos: delivery.qos as u8, retain: delivery.retain };
    put(QUEUED, numbered(client_id, delivery.seq), &row)
}

pub(crate) fn delete_queued(client_id: &str, seq: u64) -> Write {
    Write::delete(QUEUED, numbered(client_id, seq))
}

pub(crate) fn put_shared(group: &str, seq: u64, message: &Message) -> Write {
    put(SHARED, numbered(group, seq), &MessageRow::of(message))
}

pub(crate) fn delete_shared(group: &str, seq: u64) -> Write {
    Write::delete(SHARED, numbered(group, seq))
}

pub(crate) fn put_client(client_id: &str, row: &ClientRow) -> Write {
    put(CLIENTS, client_id.to_owned(), row)
}

pub(crate) fn delete_client(client_id: &str) -> Write {
    Write::delete(CLIENTS, client_id.to_owned())
}

fn numbered(owner: &str, seq: u64) -> String {
    format!("{owner}{SEPARATOR}{seq:016x}")
}

/// Reads rows back; an error names the row.
pub(crate) struct Row<'a> {
    pub(crate) table: &'a str,
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
}

impl Row<'_> {
    pub(crate) fn corrupt(&self, why: impl ToString) -> CorruptRow {
        CorruptRow { table: self.table.to_owned(), key: self.key.to_owned(), why: why.to_string() }
    }

    fn parse<T: for<'a> Deserialize<'a>>(&self) -> Result<T, CorruptRow> {
        serde_json::from_str(self.value).map_err(|e| self.corrupt(e))
    }

    fn message(&self, row: MessageRow) -> Result<Message, CorruptRow> {
        row.message().ok_or_else(|| self.corrupt("the message is not of its form"))
    }

    /// The owner and the number of a row's key.
    fn numbered(&self) -> Result<(&str, u64), CorruptRow> {
        let parts =
            self.key.rsplit_once(SEPARATOR).and_then(|(owner, seq)| Some((owner, u64::from_str_radix(seq, 16).ok()?)));
        parts.ok_or_else(|| self.corrupt("the key has no number"))
    }

    pub(crate) fn retained(&self) -> Result<(Message, Timestamp, Timestamp), CorruptRow> {
        let row: RetainedRow = self.parse()?;
        Ok((self.message(row.message)?, row.at, row.used.unwrap_or(row.at)))
    }

    pub(crate) fn client(&self) -> Result<ClientRow, CorruptRow> {
        self.parse()
    }

    pub(crate) fn session(&self) -> Result<SessionRow, CorruptRow> {
        self.parse()
    }

    pub(crate) fn queued<M>(&self) -> Result<(&str, Delivery<M>), CorruptRow> {
        let row: QueuedRow = self.parse()?;
        let (client_id, seq) = self.numbered()?;
        let message = std::sync::Arc::new(self.message(row.message)?);
        let qos = Qos::from_number(row.qos).unwrap_or_default();
        Ok((client_id, Delivery { retain: row.retain, seq, ..Delivery::new(message, qos) }))
    }

    pub(crate) fn shared(&self) -> Result<(&str, u64, Message), CorruptRow> {
        let row: MessageRow = self.parse()?;
        let (group, seq) = self.numbered()?;
        Ok((group, seq, self.message(row)?))
    }
}

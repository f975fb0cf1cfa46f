//! The limits of the message broker, each with its source: one table, adjustable by whoever starts the broker.
//!
//! The numbers are those of "AWS IoT Core endpoints and quotas", section "AWS IoT Core message broker and protocol limits
//! and quotas", unless the source says otherwise. A limit whose text says so is switched off by 0.

use drydock_core::topic::fault::TopicLimits;
use serde::{Deserialize, Serialize};

/// One row of the table of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The field of [`Limits`], and its key in `drydock.toml`.
    pub name: &'static str,
    /// AWS's value, or ours where AWS states none.
    pub default: u64,
    /// The least that it may be set to.
    pub least: u64,
    /// The most that it may be set to: what the protocol can say, or what the broker can count.
    pub most: u64,
    /// What it counts, where it was found, and what exceeding it does.
    pub about: &'static str,
}

/// Why a limit was not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetLimitError {
    /// No limit has this name.
    #[error("there is no limit of this name")]
    Unknown,
    /// The value is outside of what the limit may be.
    #[error("it may be {least} to {most}")]
    OutOfRange {
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
}

macro_rules! limits {
    ($($name:ident = $default:literal in $least:literal ..= $most:literal, $about:literal;)*) => {
        /// What the broker allows. [`Limits::default`] is AWS's default for a large region.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits { $(#[doc = $about] pub $name: u64,)* }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// How long and how deep a topic may be.
            #[must_use]
            pub fn topics(&self) -> TopicLimits {
                TopicLimits { bytes: self.topic_bytes, slashes: self.topic_slashes }
            }

            /// The table, for documentation and for checking a configuration against.
            pub const TABLE: &'static [Limit] = &[$(
                Limit { name: stringify!($name), default: $default, least: $least, most: $most, about: $about },
            )*];

            /// The value in force of a limit, by its name in [`Limits::TABLE`].
            #[must_use]
            pub fn get(&self, name: &str) -> Option<u64> {
                match name {
                    $(stringify!($name) => Some(self.$name),)*
                    _ => None,
                }
            }

            /// Sets a limit by its name.
            ///
            /// # Errors
            /// [`SetLimitError`] where there is none of the name, or it may not have the value.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), SetLimitError> {
                let limit = Self::TABLE.iter().find(|limit| limit.name == name).ok_or(SetLimitError::Unknown)?;
                if !(limit.least..=limit.most).contains(&value) {
                    return Err(SetLimitError::OutOfRange { least: limit.least, most: limit.most });
                }
                match name {
                    $(stringify!($name) => self.$name = value,)*
                    _ => return Err(SetLimitError::Unknown),
                }
                Ok(())
            }
        }
    };
}

limits! {
    client_id_bytes = 128 in 1..=65_535, "Bytes in a client id. Quota `Client ID size`. The connect is refused.";
    assign_client_ids_v3 = 1 in 0..=1, "1: an MQTT 3.1.1 connect with an empty client id and clean session gets an id, as in MQTT 5; 0: it is refused. Not settled.";
    connections = 500_000 in 1..=4_294_967_295, "Concurrent connections. Quota `Maximum concurrent client connections per account`. The connect is refused.";
    connects_per_second_per_client = 0 in 0..=1_000_000, "Connects a second with one client id; 0 means no limit. Quota `Connect requests per second per client ID` is 1; off by default because AWS's burst is not stated.";
    account_connects_per_second = 0 in 0..=4_294_967_295, "Connects a second of the account; 0 means no limit. Quota `Connect requests per second per account` is 3,000 (100 in small regions); off by default because AWS's burst is not stated. The connect is refused.";
    account_inbound_publishes_per_second = 0 in 0..=4_294_967_295, "Messages a second that the account takes in; 0 means no limit. Quota `Inbound publish requests per second per account` is 20,000 (2,000); off by default for the same reason. The excess is discarded.";
    account_outbound_publishes_per_second = 0 in 0..=4_294_967_295, "Copies for subscribers a second of the account; 0 means no limit. Quota `Outbound publish requests per second per account` is 20,000 (2,000); off by default for the same reason. Messages that come in while there are more are discarded.";
    account_subscriptions_per_second = 0 in 0..=4_294_967_295, "Filters subscribed to a second in the account; 0 means no limit. Quota `Subscriptions per second per account` is 3,000 (200); off by default for the same reason. The excess is refused in the SUBACK.";
    connect_timeout_seconds = 30 in 1..=3_600, "Seconds from the opened stream to a whole CONNECT. Ours: AWS states none.";
    keep_alive_min_seconds = 30 in 1..=65_535, "A smaller keep-alive counts as this. Quota `Connection inactivity (keep-alive interval)`.";
    keep_alive_max_seconds = 1_200 in 1..=65_535, "A larger keep-alive, and none, count as this. Quota `Connection inactivity (keep-alive interval)`.";
    payload_bytes = 131_072 in 1..=268_435_455, "Bytes of a message's payload. Quota `Publish request payload size`. The client is disconnected.";
    packet_bytes_v5 = 149_504 in 512..=268_435_455, "Bytes of an MQTT 5 packet behind its fixed header. Quota `Maximum packet size` (146 KB). The client is disconnected.";
    min_client_packet_bytes = 512 in 1..=268_435_455, "The least Maximum Packet Size that an MQTT 5 client may ask for. Guide, `MQTT 5 supported features`. The connect is refused.";
    topic_bytes = 256 in 1..=65_535, "Bytes of a topic or topic filter, `$aws/rules/<rule>/` and `$share/<name>/` aside. Quota `Topic size`.";
    topic_slashes = 7 in 0..=65_535, "Slashes in a topic or topic filter, those prefixes aside. Quota `Maximum number of slashes in topic and topic filter`.";
    share_name_chars = 128 in 1..=65_535, "Characters of the name of a shared subscription. Guide, `Shared subscriptions`.";
    subscriptions_per_request = 8 in 1..=65_535, "Filters in one SUBSCRIBE. Quota `Subscriptions per subscription request`. The client is disconnected. More filters in one UNSUBSCRIBE are not carried out.";
    unauthorized_subscribe_disconnects_v3 = 0 in 0..=1, "1: a SUBSCRIBE that policies refuse ends an MQTT 3.1.1 connection, as reported of AWS until 2021; 0: it gets 0x80 in the SUBACK. Not settled.";
    subscriptions_per_connection = 50 in 1..=4_294_967_295, "Quota `Subscriptions per connection`. The excess is refused in the SUBACK.";
    subscriptions = 500_000 in 1..=4_294_967_295, "Subscriptions of the account. Quota `Subscriptions per account`. The excess is refused in the SUBACK.";
    shared_groups = 100 in 0..=4_294_967_295, "Groups of shared subscriptions. Quota `Shared subscriptions per account`. The excess is refused in the SUBACK.";
    shared_group_members = 100 in 1..=4_294_967_295, "Subscriptions in one group. Quota `Shared subscription subscribers per group`. The excess is refused in the SUBACK.";
    shared_group_queue = 500_000 in 0..=4_294_967_295, "Messages queued for a group without a connected member. Quota `Queued messages per shared subscription group`. The newest is dropped.";
    shared_queue_per_second = 20 in 0..=1_000_000, "Queued messages of a group that an active member gets a second; 0 means no limit. Guide, `Shared subscriptions`.";
    publishes_per_second = 100 in 0..=1_000_000, "Messages a second per connection, in and out together; 0 means no limit. Quota `Publish requests per second per connection`. The excess is discarded; outbound QoS 1 waits.";
    bytes_per_second = 524_288 in 0..=4_294_967_295, "Bytes a second per connection; 0 means no limit. Quota `Throughput per second per connection`. Reading is delayed.";
    inbound_in_flight = 100 in 1..=65_535, "Unacknowledged QoS 1 messages from a client. Quota `Unacknowledged inbound publish requests`; the server's Receive Maximum.";
    outbound_in_flight = 100 in 1..=65_535, "Unacknowledged QoS 1 messages to a client. Quota `Unacknowledged outbound publish requests`.";
    retry_seconds_v3 = 3_600 in 1..=604_800, "After this an unacknowledged message to an MQTT 3.1.1 client is dropped. Guide, `MQTT QoS options`: up to an hour.";
    retry_seconds_v5 = 960 in 1..=604_800, "The same for an MQTT 5 client. Quota page: 16 minutes.";
    retry_interval_seconds = 30 in 0..=604_800, "How often an unacknowledged message is written again within that window; 0 is never. Ours: AWS does not say how often it retries.";
    session_expiry_seconds = 3_600 in 0..=604_800, "How long a persistent session lives without its client. Quota `Persistent session expiry period`. A longer Session Expiry Interval is lowered.";
    stored_per_second = 10 in 0..=1_000_000, "Stored messages a second that a resumed session gets; 0 means no limit. Guide, `MQTT persistent sessions`.";
    queue_messages = 10_000 in 1..=4_294_967_295, "Messages waiting for one session. Ours: AWS states none per session. The newest is dropped.";
    queue_bytes = 8_388_608 in 1..=4_294_967_295, "Bytes of payload waiting for one session. Ours: AWS states none. The newest is dropped.";
    topic_aliases = 8 in 0..=65_535, "Topic aliases per connection. Quota `Topic alias maximum`. The client is disconnected.";
    message_expiry_seconds = 604_800 in 1..=4_294_967_295, "The longest Message Expiry Interval; a longer one is lowered, 0 counts as 1. Quota `Message expiry interval`.";
    content_type_bytes = 256 in 0..=65_535, "Bytes of a Content Type. Quota page, MQTT 5.";
    correlation_data_bytes = 8_192 in 0..=65_535, "Bytes of Correlation Data. Quota page, MQTT 5.";
    user_properties_bytes = 8_192 in 0..=268_435_455, "Bytes of all User Properties of a packet. Quota page, MQTT 5.";
    retained_messages = 500_000 in 0..=4_294_967_295, "Retained messages of the account. Quota `Retained messages per account`. The new one is not stored.";
    retained_publishes_per_second = 0 in 0..=4_294_967_295, "Messages to be retained a second of the account; 0 means no limit. Quota `Retained message inbound publish requests per second per account` is 500 (50); off by default because AWS's burst is not stated. The excess is discarded.";
    retained_publishes_per_second_per_topic = 0 in 0..=4_294_967_295, "The same for one topic that has a retained message; 0 means no limit. Quota `... per topic` is 1; off by default for the same reason.";
    retained_seconds = 94_608_000 in 0..=4_294_967_295, "How long a retained message is kept after it was last set or read; 0 is for ever. Guide, `MQTT retained messages`: three years.";
    gone_seconds = 1_800 in 0..=604_800, "How long a connection that ended can still be described. API reference, `GetConnection`: 30 minutes.";
    delete_connections_per_second_per_client = 1 in 0..=1_000_000, "DeleteConnection calls a second for one client id; 0 means no limit. Quota `DeleteConnection requests per second per client ID`. ThrottlingException.";
    get_connections_per_second_per_client = 1 in 0..=1_000_000, "GetConnection calls a second for one client id; 0 means no limit. Quota `GetConnection requests per second per client ID`. ThrottlingException.";
    list_subscriptions_per_second_per_client = 1 in 0..=1_000_000, "ListSubscriptions calls a second for one client id; 0 means no limit. Quota `ListSubscriptions requests per second per client ID`. ThrottlingException.";
    provisioning_creates_per_second = 10 in 0..=1_000_000, "CreateKeysAndCertificate requests over MQTT a second of the account; 0 means no limit. Quota `Fleet Provisioning CreateKeysAndCertificate MQTT API requests`. A second's worth may come at once; the excess waits, and connections take turns.";
    provisioning_csrs_per_second = 20 in 0..=1_000_000, "CreateCertificateFromCsr requests over MQTT a second of the account; 0 means no limit. Quota `Fleet Provisioning CreateCertificateFromCsr MQTT API requests`. The excess waits as there.";
    provisioning_registers_per_second = 10 in 0..=1_000_000, "RegisterThing requests over MQTT a second of the account; 0 means no limit. Quota `Fleet Provisioning RegisterThing MQTT API requests`. The excess waits as there.";
    provisioning_waiting_per_connection = 16 in 1..=1_000_000, "Fleet provisioning requests of a connection that may wait; each further one is rejected. Ours: AWS states none. Connections take turns.";
    shadow_requests_in_flight_per_thing = 10 in 0..=4_294_967_295, "Requests of a connection on the shadows of one thing that may be unanswered; 0 means no limit. Quota `Maximum number of in-flight, unacknowledged messages per thing` of the Device Shadow service. The excess is rejected with 429.";
    shadow_requests_waiting = 4_096 in 1..=1_000_000, "Requests on shadows that may be unanswered altogether; of one connection a quarter of them. Ours: AWS states none. The excess is rejected with 429.";
    version_seconds = 3_600 in 0..=604_800, "After this without a connection a client's version number starts at 0 again. Guide, `Lifecycle events`: about an hour.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_may_name_single_limits_and_nothing_else() {
        let limits: Limits = serde_json::from_str(r#"{"publishes_per_second": 0}"#).unwrap();
        assert_eq!(limits, Limits { publishes_per_second: 0, ..Limits::default() });
        assert!(serde_json::from_str::<Limits>(r#"{"no_such_limit": 1}"#).is_err());
        let mut set = Limits::default();
        assert_eq!(set.set("publishes_per_second", 0), Ok(()));
        assert_eq!((set.get("publishes_per_second"), &set), (Some(0), &limits));
        assert_eq!(set.set("topic_bytes", 0), Err(SetLimitError::OutOfRange { least: 1, most: 65_535 }));
        assert_eq!(set.set("no_such_limit", 1), Err(SetLimitError::Unknown));
        assert!(Limits::TABLE.iter().all(|l| (l.least..=l.most).contains(&l.default)));
        assert!(Limits::TABLE.iter().any(|l| l.name == "payload_bytes" && l.default == 131_072));
    }
}

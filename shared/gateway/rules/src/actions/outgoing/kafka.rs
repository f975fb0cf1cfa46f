//! A record for a Kafka cluster.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;

/// A record, and the properties of the producer that sends it.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaRecord {
    /// The VPC destination through which AWS reaches the cluster.
    pub destination: String,
    /// The Kafka topic.
    pub topic: String,
    /// The record's key.
    pub key: Option<String>,
    /// The partition; `None` lets the producer choose.
    pub partition: Option<i32>,
    /// The record's headers.
    pub headers: Vec<(String, String)>,
    /// The record's value.
    pub value: Bytes,
    /// The producer's properties as Kafka names them, filled in.
    pub properties: BTreeMap<&'static str, String>,
}

/// Properties may be secrets: they are not shown.
impl fmt::Debug for KafkaRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaRecord")
            .field("topic", &self.topic)
            .field("key", &self.key)
            .field("partition", &self.partition)
            .finish_non_exhaustive()
    }
}

impl KafkaRecord {
    /// A property of the producer.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }
}

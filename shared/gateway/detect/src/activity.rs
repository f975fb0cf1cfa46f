//! What AWS IoT itself saw of a device in a period.

use crate::series::{Reading, Scope};
use behaviors::{MetricValue, metric, topics};
use drydock_core::Timestamp;
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What a device did in a period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Its messages and what it was refused, by topic.
    pub traffic: Vec<(SmolStr, Traffic)>,
    /// How often it tried to connect.
    pub attempts: i64,
    /// How often its connection ended.
    pub disconnects: i64,
    /// From where it was connected.
    pub addresses: BTreeSet<IpAddr>,
    /// Whether it was connected at any time of the period.
    pub connected: bool,
    /// Since when it is away, where it has gone and has not come back.
    pub away_since: Option<Timestamp>,
}

/// Messages on one topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many it sent.
    pub sent: i64,
    /// The least bytes of one that it sent.
    pub least: i64,
    /// The most.
    pub most: i64,
    /// How many it received.
    pub received: i64,
    /// How often it was refused.
    pub failures: i64,
}

impl Traffic {
    /// Adds that of the same topic on another connection.
    pub fn add(&mut self, other: &Self) {
        if other.sent > 0 {
            self.least = if self.sent > 0 { self.least.min(other.least) } else { other.least };
            self.most = self.most.max(other.most);
        }
        self.sent += other.sent;
        self.received += other.received;
        self.failures += other.failures;
    }
}

impl Activity {
    /// The datapoint of a metric of the cloud's side; `None` where the period has none.
    pub(crate) fn reading(&self, thing: &str, scope: &Scope, filters: Option<&[String]>) -> Option<Reading> {
        let filters: Option<Vec<String>> =
            filters.map(|filters| filters.iter().map(|filter| topics::filled(filter, thing)).collect());
        let operator = scope.dimension.as_ref().and_then(|dimension| dimension.operator);
        let counted = || {
            let mut all = Traffic::default();
            let counts = |topic: &str| filters.as_ref().is_none_or(|filters| topics::counts(filters, operator, topic));
            self.traffic.iter().filter(|(topic, _)| counts(topic)).for_each(|(_, traffic)| all.add(traffic));
            all
        };
        Some(Reading::Count(match scope.metric.as_str() {
            metric::MESSAGE_BYTE_SIZE => {
                let Traffic { sent, least, most, .. } = counted();
                return (sent > 0).then_some(Reading::Sizes { least, most });
            }
            metric::MESSAGES_SENT => counted().sent,
            metric::MESSAGES_RECEIVED => counted().received,
            metric::AUTHORIZATION_FAILURES => counted().failures,
            metric::CONNECTION_ATTEMPTS => self.attempts,
            metric::DISCONNECTS => self.disconnects,
            metric::SOURCE_IP => {
                let addresses = self.addresses.iter().map(|address| address.to_canonical().to_string()).collect();
                return (!self.addresses.is_empty()).then_some(Reading::Value(MetricValue::cidrs(addresses)));
            }
            _ => return None,
        }))
    }
}

//! The metrics, and what each may be asked.
//!
//! Source: "Cloud-side metrics", "Device-side metrics" and "Custom metrics" of the guide; "CustomMetricType" of the API reference.

use serde::{Deserialize, Serialize};

/// Who measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// AWS IoT itself.
    Cloud,
    /// The device, which reports.
    Device,
}

/// What a metric's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// `count`.
    Count,
    /// `ports`.
    Ports,
    /// `cidrs`; of a custom metric, `ip-address-list`.
    Cidrs,
    /// `number`.
    Number,
    /// `numbers`; `number-list`.
    Numbers,
    /// `strings`; `string-list`.
    Strings,
}

impl Kind {
    /// The kind of a custom metric's type.
    #[must_use]
    pub fn of_custom(metric_type: &str) -> Option<Self> {
        Some(match metric_type {
            "number" => Self::Number,
            "number-list" => Self::Numbers,
            "string-list" => Self::Strings,
            "ip-address-list" => Self::Cidrs,
            _ => return None,
        })
    }

    /// Whether values are compared as numbers.
    #[must_use]
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Count | Self::Number)
    }

    /// The member of a value that has it.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Ports => "ports",
            Self::Cidrs => "cidrs",
            Self::Number => "number",
            Self::Numbers => "numbers",
            Self::Strings => "strings",
        }
    }
}

/// Over which time a metric is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// It is summed up over `durationSeconds`.
    Summed,
    /// Each datapoint is judged by itself: `durationSeconds` goes with a statistical threshold alone.
    Single,
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name, such as `aws:num-messages-sent`.
    pub name: &'static str,
    /// Who measures.
    pub side: Side,
    /// What its values are.
    pub kind: Kind,
    /// Over which time it is evaluated.
    pub span: Span,
    /// Whether a dimension may say which messages count.
    pub dimension: bool,
    /// Whether a behavior may be learnt.
    pub ml: bool,
}

/// What messages of a device have in bytes.
pub const MESSAGE_BYTE_SIZE: &str = "aws:message-byte-size";
/// Messages that a device has sent.
pub const MESSAGES_SENT: &str = "aws:num-messages-sent";
/// Messages that a device has received.
pub const MESSAGES_RECEIVED: &str = "aws:num-messages-received";
/// What a device was refused.
pub const AUTHORIZATION_FAILURES: &str = "aws:num-authorization-failures";
/// Where a device connected from.
pub const SOURCE_IP: &str = "aws:source-ip-address";
/// How often a device tried to connect.
pub const CONNECTION_ATTEMPTS: &str = "aws:num-connection-attempts";
/// How often a device's connection ended.
pub const DISCONNECTS: &str = "aws:num-disconnects";
/// For how many minutes a device stays disconnected.
pub const DISCONNECT_DURATION: &str = "aws:disconnect-duration";

const fn cloud(name: &'static str, kind: Kind, span: Span, dimension: bool, ml: bool) -> Metric {
    Metric { name, side: Side::Cloud, kind, span, dimension, ml }
}

const fn device(name: &'static str, kind: Kind, span: Span) -> Metric {
    Metric { name, side: Side::Device, kind, span, dimension: false, ml: matches!(kind, Kind::Count) }
}

/// All metrics of AWS.
pub const METRICS: &[Metric] = &[
    cloud(MESSAGE_BYTE_SIZE, Kind::Count, Span::Single, true, true),
    cloud(MESSAGES_SENT, Kind::Count, Span::Summed, true, true),
    cloud(MESSAGES_RECEIVED, Kind::Count, Span::Summed, true, true),
    cloud(AUTHORIZATION_FAILURES, Kind::Count, Span::Summed, true, true),
    cloud(SOURCE_IP, Kind::Cidrs, Span::Single, false, false),
    cloud(CONNECTION_ATTEMPTS, Kind::Count, Span::Summed, false, true),
    cloud(DISCONNECTS, Kind::Count, Span::Summed, false, true),
    cloud(DISCONNECT_DURATION, Kind::Count, Span::Single, false, false),
    device("aws:all-bytes-out", Kind::Count, Span::Summed),
    device("aws:all-bytes-in", Kind::Count, Span::Summed),
    device("aws:all-packets-out", Kind::Count, Span::Summed),
    device("aws:all-packets-in", Kind::Count, Span::Summed),
    device("aws:num-listening-tcp-ports", Kind::Count, Span::Single),
    device("aws:num-listening-udp-ports", Kind::Count, Span::Single),
    device("aws:num-established-tcp-connections", Kind::Count, Span::Single),
    device("aws:listening-tcp-ports", Kind::Ports, Span::Single),
    device("aws:listening-udp-ports", Kind::Ports, Span::Single),
    device("aws:destination-ip-addresses", Kind::Cidrs, Span::Single),
];

/// A metric of AWS by its name.
#[must_use]
pub fn known(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

//! The behaviors of AWS IoT Device Defender Detect: what is measured, what is normal, and when an alarm begins and ends.
//!
//! One language for the gateway, which plays Detect, and for functions, which evaluate behaviors of their own: so that they
//! cannot disagree. Pure: it reads no clock and knows neither HTTP nor an SDK.
//!
//! - [`metric`]: the metrics, and what each may be asked. [`value`]: what is measured, and what it is compared with.
//! - [`behavior`]: a behavior as AWS spells it. [`validate`]: what cannot be one.
//! - [`judge`]: whether a datapoint is normal. [`statistics`]: percentiles of a fleet, and a baseline. [`cidr`]: blocks of addresses.
//! - [`alarm`]: the life cycle of an alarm. [`alert`]: what is told of it. [`topics`]: which messages a dimension counts.
//! - [`report`]: what devices report, in JSON and CBOR.
//!
//! Follows "Detect" of the AWS IoT Device Defender developer guide.

pub mod alarm;
pub mod alert;
pub mod behavior;
pub mod cidr;
pub mod judge;
pub mod metric;
pub mod report;
pub mod statistics;
pub mod topics;
pub mod validate;
pub mod value;

pub use alarm::{Alarm, Transition};
pub use alert::Alert;
pub use behavior::{Behavior, ComparisonOperator, Criteria, Dimension, Operator};
pub use judge::{Judgement, Measured};
pub use metric::{Kind, Metric, Side};
pub use value::MetricValue;

/// The shortest period that is evaluated, in seconds: metrics are gathered for each.
pub const PERIOD: i64 = 300;

//! CloudWatch: metrics and alarms. What alarms, rings on the gateway's clock.
//!
//! - `state`: what is known. `api`: the operations, a line each. `put`, `read`, `alarms` and `history` have their work; `protocol` and `value` the wire's.
//! - [`metric`], [`datum`], [`statistic`]: what a metric is, what is kept of its values, and what is asked of them. `series`: all of
//!   them, and for how long they are kept.
//! - `query` and `math`: queries of metric data, and the expressions in them.
//! - `alarm`: an alarm. `evaluate`: what its state is by its data points. `ring`: its state changes (`change`), and whom it tells; `told`: how.
//! - [`meter`]: what is counted in this process; [`Source`]: who counts, and is asked once a minute. `queues`: the metrics of SQS.
//! - `embedded`: values of metrics in the lines of logs. `minute`: what happens at the end of each minute.
//!
//! Follows the Amazon CloudWatch API reference, and "Using Amazon CloudWatch alarms" and "Metrics concepts" of its user guide. What
//! PutMetricData has acknowledged is on disk; what is counted here goes there every five minutes, and at a stop.

mod alarm;
mod alarms;
mod api;
mod change;
pub mod datum;
mod embedded;
mod evaluate;
mod fault;
mod history;
mod math;
pub mod meter;
pub mod metric;
mod minute;
mod protocol;
mod put;
mod query;
mod queues;
mod read;
mod ring;
mod series;
mod state;
pub mod statistic;
mod told;
mod value;

pub use alarms::Shown;
pub use datum::Datum;
pub use meter::{Embedded, Meter};
pub use metric::{Metric, Unit};
pub use state::{CloudWatch, SERVICE, Source};

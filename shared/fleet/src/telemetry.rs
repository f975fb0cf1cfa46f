//! What a reading must look like, what is kept of it, and which thresholds it crosses.
//!
//! - [`reading`]: from a device's bytes to a [`Reading`], or the reason why not.
//! - [`history`]: all readings.
//! - [`latest`]: the latest reading of each metric, with the state of the alarms on it.
//! - [`threshold`]: limits per thing type.
//! - [`telling`]: what moved an alarm, told once each and in order.

pub mod history;
pub mod latest;
pub mod reading;
pub mod telling;
pub mod threshold;

pub use history::History;
pub use latest::{Latest, Next, Recency};
pub use reading::{Malformed, Quarantined, Reading, Window};
pub use telling::{Crossing, Untold};
pub use threshold::{Alarm, Threshold, Thresholds};

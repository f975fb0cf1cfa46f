//! What a reading must look like, what is kept of it, and which thresholds it crosses.
//!
//! - [`reading`]: from a device's bytes to a [`Reading`], or the reason why not.
//! - [`storage`]: the latest reading and the history, as conditional writes.
//! - [`threshold`]: limits per thing type, raised once and cleared once.

pub mod reading;
pub mod storage;
pub mod threshold;

pub use reading::{Malformed, Quarantined, Reading, Window};
pub use storage::{History, Recency, judge_latest, latest};
pub use threshold::{Alarm, Crossing, Threshold, Thresholds};

//! Behaviors of devices, judged by a function: what Device Defender Detect does, for accounts that cannot have it.
//!
//! What is normal is said in the language of Detect's security profiles, and judged by the rulebook that the gateway's Detect runs
//! (the crate `behaviors`), so that the two cannot disagree. What is different is where the datapoints come from: rules and
//! lifecycle events, which arrive more than once, late and in any order.
//!
//! - [`profile`]: the security profile, and what of it rules and lifecycle events cannot answer.
//! - [`observation`]: something that a device did, and how it goes into the row of its period. Each way of adding to a row comes to
//!   the same in any order and however often.
//! - [`period`]: what a period's row says of a behavior.
//! - [`state`]: a device's row: which periods are judged, the alarms, and what is still to be told. Periods are judged in their
//!   order, each once, some time after it has ended; what comes later is counted as late and not judged.
//! - [`look`]: what is put on the queue for when a period can be judged.

pub mod look;
pub mod observation;
pub mod period;
pub mod profile;
pub mod state;

/// The attributes of the table.
pub mod attribute {
    /// The partition key: the device.
    pub const THING_NAME: &str = "thingName";
    /// The sort key: [`STATE`], or a [period](super::period::key).
    pub const ROW: &str = "row";
    /// The row of a device's state.
    pub const STATE: &str = "state";

    /// Set: the period is judged, nothing is added to it.
    pub const CLOSED: &str = "closed";
    /// Set: it is on the queue to be judged.
    pub const AWAITED: &str = "awaited";
    /// Set, behind `#` with a set: so much was counted in it that more makes no difference.
    pub const FULL: &str = "full";
    /// Digests of the device's messages; behind `#` those that a dimension counts.
    pub const MESSAGES: &str = "messages";
    /// The least bytes of a message; likewise.
    pub const LEAST: &str = "least";
    /// The most bytes of a message; likewise.
    pub const MOST: &str = "most";
    /// Digests of attempts to connect.
    pub const ATTEMPTS: &str = "attempts";
    /// Digests of connections that ended.
    pub const DISCONNECTS: &str = "disconnects";
    /// Digests of what the device was refused.
    pub const REFUSALS: &str = "refusals";
    /// An address, behind which comes its number.
    pub const ADDRESS: &str = "address";
    /// The id of the device's report.
    pub const REPORT_ID: &str = "reportId";
    /// What it reported.
    pub const REPORT: &str = "report";
    /// When DynamoDB may delete the row, in seconds since 1970.
    pub const EXPIRES_AT: &str = "expiresAt";

    /// The last period that was judged.
    pub const JUDGED: &str = "judged";
    /// Periods with datapoints that are not judged.
    pub const OPEN: &str = "open";
    /// Where each behavior is.
    pub const ALARMS: &str = "alarms";
    /// What was found and is not known to have been told.
    pub const UNTOLD: &str = "untold";
    /// Until when somebody tells it.
    pub const TELLING: &str = "telling";
    /// The last period that was put on the queue for no other reason than that an alarm goes on.
    pub const FOLLOWED: &str = "followed";
}

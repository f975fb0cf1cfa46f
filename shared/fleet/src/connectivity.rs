//! Who is online, whatever the order that AWS IoT's presence events arrive in, and what is announced when.
//!
//! - [`sighting`]: one event as one conditional write to the client's row, and what follows from its outcome.
//! - [`settle`]: the second look, after the grace period: the only place from which anything is announced.
//! - [`reconcile`]: rows that missed an event, found by the fleet index.
//! - [`grace`]: how long a device may be away before anyone is told.
//!
//! How a crash is survived: a sighting is written first and its second look is put on a queue after. If the function dies
//! between the two, Lambda hands it the event again, the write is refused as a duplicate, and the second look is queued
//! all the same. The second look puts the announcement into the row, announces, and confirms. While one is being made no
//! other is begun; one that was never confirmed runs out, and whoever comes next, with whatever news, makes it again first.
//! So each announcement is made at least once, offline and online take turns, and one is made more than once, under the same
//! id, only if the function dies between announcing and confirming.
//!
//! A client that is not a device (a console, a test, a claim that asks for provisioning) is followed, not announced, and
//! forgotten after [`sighting::STRANGERS_KEPT`].

pub mod grace;
pub mod reconcile;
pub mod settle;
pub mod sighting;

pub use grace::Grace;
pub use reconcile::{Compared, IndexPage, Indexed};
pub use settle::{Claim, Flap, Settle, Target, announcement, claim, confirm, flap, judge_claim, take_up};
pub use sighting::{Freshness, Sighting, State, Verdict, connect_failed};

/// The attributes of a client's row. The key is [`attribute::CLIENT_ID`].
pub mod attribute {
    /// The key: the MQTT client id.
    pub const CLIENT_ID: &str = "clientId";
    /// The thing, where AWS IoT named it.
    pub const THING_NAME: &str = "thingName";
    /// The place of the last event in the order of the client's events: twice the version number, plus one if a disconnect.
    pub const SEQUENCE: &str = "sequence";
    /// The last event's session.
    pub const SESSION: &str = "sessionIdentifier";
    /// Whether the client is connected.
    pub const CONNECTED: &str = "connected";
    /// When that changed, by the event's own time.
    pub const CHANGED_AT: &str = "changedAt";
    /// The certificate or credential.
    pub const PRINCIPAL: &str = "principalIdentifier";
    /// Where a connected client connected from.
    pub const IP_ADDRESS: &str = "ipAddress";
    /// Why a disconnected client disconnected.
    pub const REASON: &str = "disconnectReason";
    /// What was last announced: `offline` or `online`; missing if nothing ever was.
    pub const ANNOUNCED: &str = "announced";
    /// The sequence of the event that was announced.
    pub const ANNOUNCED_SEQUENCE: &str = "announcedSequence";
    /// The sequence of the disconnect that was last announced.
    pub const OFFLINE_ANNOUNCED: &str = "offlineAnnouncedSequence";
    /// The announcement that is being made.
    pub const ANNOUNCEMENT: &str = "announcement";
    /// While it is being made: when the claim to make it runs out.
    pub const ANNOUNCING: &str = "announcingUntil";
    /// When the row of a client that is not a device is deleted, in seconds since 1970.
    pub const EXPIRES_AT: &str = "expiresAt";
    /// The number of the window that [`FLAPS`] belongs to.
    pub const FLAP_WINDOW: &str = "flapWindow";
    /// The disconnects of that window that were over before anyone was told.
    pub const FLAPS: &str = "flaps";
    /// The last window that flapping was alerted for.
    pub const FLAP_ALERTED: &str = "flapAlertedWindow";
    /// How many attempts to connect were refused.
    pub const CONNECT_FAILURES: &str = "connectFailures";
    /// The last refused attempt.
    pub const LAST_FAILURE: &str = "lastFailureSession";
    /// When it was.
    pub const LAST_FAILURE_AT: &str = "lastFailureAt";
    /// Why.
    pub const LAST_FAILURE_REASON: &str = "lastFailureReason";
    /// Where it came from.
    pub const LAST_FAILURE_ADDRESS: &str = "lastFailureAddress";
}

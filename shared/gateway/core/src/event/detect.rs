//! What the events of AWS IoT Device Defender Detect carry.

use smol_str::SmolStr;

/// What has become of a violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViolationState {
    /// Its id.
    pub id: SmolStr,
    /// The device: a thing, or the client id of one that is not registered.
    pub thing: SmolStr,
    /// The security profile.
    pub profile: SmolStr,
    /// The behavior.
    pub behavior: SmolStr,
    /// What is measured.
    pub metric: SmolStr,
    /// What was measured, for people.
    pub value: String,
    /// AWS's word for what has become of it: `in-alarm`, `alarm-cleared` or `alarm-invalidated`.
    pub change: &'static str,
}

//! What people and other systems are told.

use crate::EpochMillis;
use crate::defender::audit::Summary;
use crate::defender::watched;
use crate::release::Telling;
use serde::Serialize;

/// One message to a topic. Delivery is at least once: [`Alert::id`] is the same for every copy, so that a receiver can
/// drop those it has seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Alert {
    /// A certificate was turned away at just-in-time registration.
    RegistrationRejected {
        /// The certificate.
        certificate_id: String,
        /// The CA that signed it.
        ca_certificate_id: String,
        /// Its common name, if it could be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        common_name: Option<String>,
        /// The status it was given, `REVOKED` or `INACTIVE`; `PENDING_ACTIVATION` if it waits and may join later.
        status: String,
        /// Every reason, in words.
        reasons: Vec<String>,
        /// When the device presented it.
        at: EpochMillis,
    },
    /// A device has been offline for longer than its grace period.
    DeviceOffline(Connectivity),
    /// A device that was announced offline is back.
    DeviceOnline(Connectivity),
    /// A device keeps losing its connection and coming back within its grace period.
    DeviceFlapping {
        /// The device.
        client_id: String,
        /// How often in the window so far.
        times: usize,
        /// The window, in seconds.
        window_seconds: i64,
        /// When the last of them began.
        at: EpochMillis,
    },
    /// A device connected that is on the block list. Its certificate was revoked, where it has one.
    DeviceBlocked {
        /// The device.
        client_id: String,
        /// The connection.
        session_identifier: String,
        /// The certificate or credential.
        principal: String,
        /// The entry of the block list.
        entry: String,
        /// Why it was put there.
        why: String,
        /// When it connected.
        at: EpochMillis,
    },
    /// A reading crossed a threshold, or came back.
    Threshold {
        /// The device.
        thing_name: String,
        /// The threshold: metric and side, such as `temperature:above`.
        threshold: String,
        /// `raised` or `cleared`.
        state: String,
        /// The reading's value.
        value: f64,
        /// The limit.
        limit: f64,
        /// When it was measured.
        at: EpochMillis,
        /// The digest of the reading, as in the key of its row of history.
        reading: String,
        /// The device's crossings are counted: which one this is.
        number: i64,
    },
    /// A release waits for somebody, was stopped, or is over.
    Release(Telling),
    /// An audit has ended, and was answered.
    Audit(Summary),
    /// A device does not behave as it should, or does again.
    Violation(watched::Telling),
}

/// A change of connectivity worth telling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connectivity {
    /// The MQTT client id; in this fleet, the thing's name.
    pub client_id: String,
    /// The connection it is about.
    pub session_identifier: String,
    /// Its place in the order of the client's events.
    pub sequence: i64,
    /// Why it disconnected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnect_reason: Option<String>,
    /// When it changed.
    pub at: EpochMillis,
}

impl Alert {
    /// The kind, for subscription filters: the same word as `kind` in the message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RegistrationRejected { .. } => "registrationRejected",
            Self::DeviceOffline(_) => "deviceOffline",
            Self::DeviceOnline(_) => "deviceOnline",
            Self::DeviceFlapping { .. } => "deviceFlapping",
            Self::DeviceBlocked { .. } => "deviceBlocked",
            Self::Threshold { .. } => "threshold",
            Self::Release(_) => "release",
            Self::Audit(_) => "audit",
            Self::Violation(_) => "violation",
        }
    }

    /// Equal for every copy of one alert, and different for any two alerts.
    #[must_use]
    pub fn id(&self) -> String {
        let kind = self.kind();
        match self {
            // A certificate that waits may be turned away for other reasons later.
            Self::RegistrationRejected { certificate_id, status, reasons, .. } => {
                format!("{kind}/{certificate_id}/{status}/{:016x}", digest(&reasons.join("\n")))
            }
            Self::DeviceOffline(change) | Self::DeviceOnline(change) => {
                format!("{kind}/{}/{}/{}", change.client_id, change.session_identifier, change.sequence)
            }
            Self::DeviceFlapping { client_id, window_seconds, at, .. } => {
                let window = at.div_euclid(window_seconds.saturating_mul(1000).max(1));
                format!("{kind}/{client_id}/{window}")
            }
            Self::DeviceBlocked { client_id, session_identifier, .. } => {
                format!("{kind}/{client_id}/{session_identifier}")
            }
            Self::Threshold { thing_name, threshold, state, at, reading, number, .. } => {
                format!("{kind}/{thing_name}/{threshold}/{state}/{at}/{reading}/{number}")
            }
            Self::Release(telling) => format!("{kind}/{}/{}", telling.release_id, telling.number),
            Self::Audit(summary) => format!("{kind}/{}", summary.task_id),
            Self::Violation(telling) => format!("{kind}/{}/{}", telling.thing_name, telling.number),
        }
    }

    /// One line for people: the subject of an e-mail. At most 100 characters of ASCII, as SNS asks of a subject.
    #[must_use]
    pub fn subject(&self) -> String {
        let line = match self {
            Self::RegistrationRejected { common_name, certificate_id, status, .. } => {
                let who = common_name.as_deref().unwrap_or(certificate_id);
                format!("Certificate {status}: {who}")
            }
            Self::DeviceOffline(change) => format!("Offline: {}", change.client_id),
            Self::DeviceOnline(change) => format!("Online again: {}", change.client_id),
            Self::DeviceFlapping { client_id, times, .. } => format!("Flapping ({times} times): {client_id}"),
            Self::DeviceBlocked { client_id, .. } => format!("Connected though blocked: {client_id}"),
            Self::Threshold { thing_name, threshold, state, value, .. } => {
                format!("{threshold} {state} at {value}: {thing_name}")
            }
            Self::Release(telling) => {
                format!("Release {} ({}): {}", telling.release_id, telling.environment, telling.phase.as_str())
            }
            Self::Audit(summary) => summary.subject(),
            Self::Violation(telling) => telling.subject(),
        };
        line.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(100).collect()
    }
}

/// FNV-1a of a text: for names that tell two contents apart, not against anyone who seeks two that are alike.
#[must_use]
pub fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_carries_its_kind_and_a_subject_that_sns_takes() {
        let alert = Alert::RegistrationRejected {
            certificate_id: "ab".repeat(32),
            ca_certificate_id: "cd".repeat(32),
            common_name: Some(format!("größe\n{}", "x".repeat(200))),
            status: "REVOKED".into(),
            reasons: vec!["is on the block list".into()],
            at: 1,
        };
        let json = serde_json::to_value(&alert).unwrap();
        assert_eq!(json["kind"], alert.kind());
        assert_eq!(json["caCertificateId"], "cd".repeat(32));
        assert_eq!(alert.subject().len(), 100);
        assert!(alert.subject().starts_with("Certificate REVOKED: gr??e?x"));
    }
}

//! What the telemetry rule hands over.

use crate::{EpochMillis, lenient};
use serde::{Deserialize, Serialize};

/// A device's message as the telemetry rule of `template.yaml` selects it:
///
/// ```sql
/// SELECT topic(2) AS thingName, topic() AS topic, clientid() AS clientId, timestamp() AS receivedAt,
///        traceid() AS traceId, encode(*, 'base64') AS payload
/// FROM 'dt/+/telemetry'
/// ```
///
/// The payload travels as base64 so that a message that is not JSON arrives too and can be set aside: with `SELECT *` the
/// rules engine would drop it, and a device could overwrite the fields that the rule adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TelemetryEnvelope {
    /// The thing, as the topic names it; the device policy lets a device publish under its own name only.
    pub thing_name: String,
    /// The whole topic.
    pub topic: String,
    /// The MQTT client id; `n/a` for a message published over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// When the rules engine saw the message.
    pub received_at: EpochMillis,
    /// The message's trace id in the AWS IoT logs; absent for a message that did not come over MQTT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The payload as the device sent it.
    #[serde(with = "lenient::base64_bytes")]
    pub payload: Vec<u8>,
}

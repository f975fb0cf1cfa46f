//! How events are shown.

use super::super::print;
use drydock_core::Timestamp;
use drydock_host::shown;
use serde_json::{Map, Value};

/// The attributes that a line has anyway, or that tell a person little.
const QUIET: [&str; 9] =
    ["timestamp", "logLevel", "traceId", "accountId", "status", "eventType", "clientId", "protocol", "principalId"];

/// An entry of AWS IoT's log as a person reads it.
pub(super) fn entry(line: &str) -> String {
    let Ok(Value::Object(entry)) = serde_json::from_str(line).map(shown::value) else {
        return shown::line(line).into_owned();
    };
    let time = entry.get("timestamp").and_then(Value::as_str).unwrap_or_default();
    format!("{} {}", print::dim(time), told(&entry))
}

/// What an entry tells, without its time.
fn told(entry: &Map<String, Value>) -> String {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let event = format!("{:<12}", text("eventType"));
    let event = if text("status") == "Success" { print::good(event) } else { print::bad(event) };
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rest = entry.iter().filter(|(name, _)| !QUIET.contains(&name.as_str()));
    let rest: Vec<String> = rest.map(|(name, value)| format!("{name}={}", plain(value))).collect();
    let (level, client) = (text("logLevel"), text("clientId"));
    format!("{level:<5} {event} {client}  {}", print::dim(rest.join(" ")))
}

/// An event of any group: its time, where it is from, and what it says.
pub(super) fn event(at: i64, group: &str, message: &str) -> String {
    let time = drydock_logging::stamp(Timestamp(at));
    let (place, text) = match serde_json::from_str(message).map(shown::value) {
        Ok(Value::Object(entry)) if entry.contains_key("eventType") && entry.contains_key("accountId") => {
            ("iot", told(&entry))
        }
        _ => (group.strip_prefix("/aws/lambda/").unwrap_or(group), shown::line(message).into_owned()),
    };
    format!("{} {} {text}", print::dim(time), print::strong(format!("{:<18}", shown::line(place))))
}

//! `/_drydock/clock`: the gateway's clock, shown and changed.
//!
//! `GET` shows it with what waits for its time; `?most=` says how much of that. `POST` takes an object with one member: `stop`
//! or `resume` (`true`), `set` (a time), `advance` (a span, such as `7d` or `1h 30m`), `rate` (seconds in a second). `set` and
//! `advance` answer when all that was due is done, with what that was, in order.

use super::super::answer::{json, json_error};
use crate::gateway::Gateway;
use bytes::Bytes;
use drydock_core::Timestamp;
use drydock_timers::{Advanced, ClockError, Pending, Shown, Timers};
use http::{Response, StatusCode};
use jiff::{SpanRelativeTo, Unit};
use serde::Deserialize;
use serde_json::{Value, json};

/// How many of those who wait are shown where nothing else is asked for.
const SHOWN: usize = 100;
/// The most that are shown.
const MOST: usize = 10_000;

/// What is to be done with the clock.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    stop: Option<bool>,
    resume: Option<bool>,
    set: Option<String>,
    advance: Option<String>,
    rate: Option<f64>,
}

/// Shows the clock.
pub(super) fn show(gateway: &Gateway, most: Option<&str>) -> Response<Bytes> {
    let most = most.and_then(|most| most.parse().ok()).unwrap_or(SHOWN).min(MOST);
    json(StatusCode::OK, &shown(&gateway.host.books.time.show(most)))
}

/// Changes the clock, and shows it.
pub(super) async fn change(gateway: &Gateway, body: &[u8]) -> Response<Bytes> {
    let time = &gateway.host.books.time;
    match carry_out(time, body).await {
        Ok(advanced) => {
            let mut answer = shown(&time.show(SHOWN));
            if let (Some(advanced), Value::Object(answer)) = (advanced, &mut answer) {
                answer.insert("from".to_owned(), advanced.from.to_string().into());
                answer.insert("done".to_owned(), advanced.done.iter().map(pending).collect());
                answer.insert("doneCount".to_owned(), advanced.count.into());
            }
            json(StatusCode::OK, &answer)
        }
        Err(Refused::Invalid(why)) => json_error(StatusCode::BAD_REQUEST, "InvalidRequestException", &why),
        Err(Refused::Clock(why @ ClockError::Unsettled { .. })) => {
            json_error(StatusCode::GATEWAY_TIMEOUT, "ClockNotSettledException", &why.to_string())
        }
        Err(Refused::Clock(why)) => json_error(StatusCode::BAD_REQUEST, "InvalidRequestException", &why.to_string()),
    }
}

enum Refused {
    Invalid(String),
    Clock(ClockError),
}

impl From<ClockError> for Refused {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}

async fn carry_out(time: &Timers, body: &[u8]) -> Result<Option<Advanced>, Refused> {
    const FORM: &str = "it takes an object with one of `stop` (true), `resume` (true), `set` (a time such as \
                        \"2027-01-01T00:00:00Z\"), `advance` (a span such as \"7d\"), `rate` (a number)";
    let change: Change = serde_json::from_slice(body).map_err(|error| Refused::Invalid(format!("{error}: {FORM}")))?;
    match change {
        Change { stop: Some(true), resume: None, set: None, advance: None, rate: None } => {
            time.stop().await;
            Ok(None)
        }
        Change { stop: None, resume: Some(true), set: None, advance: None, rate: None } => {
            time.resume().await;
            Ok(None)
        }
        Change { stop: None, resume: None, set: Some(to), advance: None, rate: None } => {
            Ok(Some(time.advance_to(timestamp(&to).map_err(Refused::Invalid)?).await?))
        }
        Change { stop: None, resume: None, set: None, advance: Some(by), rate: None } => {
            Ok(Some(time.advance(span(&by).map_err(Refused::Invalid)?).await?))
        }
        Change { stop: None, resume: None, set: None, advance: None, rate: Some(rate) } => {
            time.set_rate(rate).await?;
            Ok(None)
        }
        _ => Err(Refused::Invalid(FORM.to_owned())),
    }
}

/// A time as RFC 3339 writes it.
fn timestamp(text: &str) -> Result<Timestamp, String> {
    let read = text.parse::<jiff::Timestamp>();
    read.map(|time| Timestamp(time.as_millisecond()))
        .map_err(|error| format!("`{text}` is not a time such as 2027-01-01T00:00:00Z: {error}"))
}

/// A span in milliseconds: of units up to weeks, of which a day has 24 hours.
fn span(text: &str) -> Result<i64, String> {
    let refused = |why: String| format!("`{text}` is not a span such as 7d, 90s or 1h 30m: {why}");
    let read = text.parse::<jiff::Span>().map_err(|error| refused(error.to_string()))?;
    let millis = read.total((Unit::Millisecond, SpanRelativeTo::days_are_24_hours()));
    let millis = millis.map_err(|error| refused(error.to_string()))?;
    #[expect(clippy::cast_possible_truncation, reason = "what is too large for the clock is refused as too far")]
    if millis < 0.0 { Err(refused("the clock does not go back".to_owned())) } else { Ok(millis.round() as i64) }
}

fn pending(pending: &Pending) -> Value {
    let mut shown = json!({ "due": pending.due.to_string(), "what": pending.name.what });
    if let (false, Value::Object(shown)) = (pending.name.of.is_empty(), &mut shown) {
        shown.insert("of".to_owned(), pending.name.of.as_str().into());
    }
    shown
}

fn shown(clock: &Shown) -> Value {
    json!({
        "now": clock.now.to_string(),
        "machine": clock.machine.to_string(),
        "running": clock.running,
        "rate": clock.rate,
        "pending": clock.pending.iter().map(pending).collect::<Value>(),
        "pendingCount": clock.count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans_are_read_or_refused_with_what_would_do() {
        assert_eq!(timestamp("2027-01-01T00:00:00Z"), Ok(Timestamp(1_798_761_600_000)));
        assert_eq!(timestamp("2027-01-01T01:00:00+01:00"), Ok(Timestamp(1_798_761_600_000)));
        assert!(timestamp("tomorrow").unwrap_err().contains("2027-01-01T00:00:00Z"));
        for (text, millis) in [
            ("7d", 604_800_000),
            ("1w", 604_800_000),
            ("90s", 90_000),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("PT1H", 3_600_000),
            ("0s", 0),
        ] {
            assert_eq!(span(text), Ok(millis), "{text}");
        }
        for text in ["", "7", "-1s", "1 month", "a week"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}

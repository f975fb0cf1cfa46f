//! Times as a `Date…` operator takes them: the W3C profile of ISO 8601, or seconds since 1970.

use drydock_core::Timestamp;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// `2026`, `2026-11`, `2026-11-01`, `2026-11-01T12:00Z`, `2026-11-01T12:00:00.5+01:00`, or seconds since 1970.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let is_year = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    if !is_year && let Ok(seconds) = text.parse::<i64>() {
        return seconds.checked_mul(1000).map(Timestamp);
    }
    let (day, hour) = text.split_once('T').map_or((text, None), |(day, hour)| (day, Some(hour)));
    let instant = match hour {
        None => date(day)?.with_time(Time::MIDNIGHT).assume_offset(UtcOffset::UTC),
        Some(_) => OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| without_seconds(text))?,
    };
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).ok().map(Timestamp)
}

fn date(text: &str) -> Option<Date> {
    let mut fields = text.split('-');
    let mut number = |width: usize, default: Option<u8>| match fields.next() {
        None => default.map(u32::from),
        Some(digits) if digits.len() == width && digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
        Some(_) => None,
    };
    let (year, month, day) = (number(4, None)?, number(2, Some(1))?, number(2, Some(1))?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    if fields.next().is_some() {
        return None;
    }
    Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()
}

/// `2026-11-01T12:00Z`: the profile allows it, RFC 3339 does not.
fn without_seconds(text: &str) -> Option<OffsetDateTime> {
    const MINUTES_END: usize = "2026-11-01T12:00".len();
    let (minutes, zone) = text.split_at_checked(MINUTES_END)?;
    OffsetDateTime::parse(&format!("{minutes}:00{zone}"), &Rfc3339).ok()
}

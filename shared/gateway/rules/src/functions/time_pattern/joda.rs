//! Writing by a Joda-Time pattern (`org.joda.time.format.DateTimeFormat`), in English.

use super::{MONTHS, Piece, WEEKDAYS, pieces};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::fmt::Write as _;

/// The letters that are known.
pub(super) const LETTERS: &str = "GCYxweEyDMdaKhHkmsSzZ";

/// Writes a time in a zone; nothing where the pattern is not valid.
pub(in super::super) fn format(pattern: &str, at: Timestamp, zone: &TimeZone) -> Option<String> {
    let local = zone.to_datetime(at);
    let mut out = String::new();
    for piece in pieces(pattern)? {
        match piece {
            Piece::Text(text) => out.push_str(&text),
            Piece::Field(letter, count) => field(letter, count, local, at, zone, &mut out)?,
        }
    }
    Some(out)
}

fn field(letter: char, count: usize, local: DateTime, at: Timestamp, zone: &TimeZone, out: &mut String) -> Option<()> {
    let year = i64::from(local.year());
    let hour = i64::from(local.hour());
    let week = local.date().iso_week_date();
    let weekday = local.weekday().to_monday_zero_offset();
    let number = match letter {
        'G' => return text(if year > 0 { "AD" } else { "BC" }, out),
        'a' => return text(if hour < 12 { "AM" } else { "PM" }, out),
        'E' => return text(named(WEEKDAYS.get(usize::try_from(weekday).ok()?)?, count >= 4), out),
        'M' if count >= 3 => {
            return text(named(MONTHS.get(usize::try_from(local.month() - 1).ok()?)?, count >= 4), out);
        }
        'S' => return text(fraction(local, count).as_str(), out),
        'z' => return text(zone.to_offset_info(at).abbreviation(), out),
        'Z' if count >= 3 => return text(zone.iana_name().unwrap_or("UTC"), out),
        'Z' => return text(&offset(zone.to_offset(at).seconds(), count == 2), out),
        'C' => year.div_euclid(100),
        'Y' | 'y' if count == 2 => year.rem_euclid(100),
        'Y' => {
            if year > 0 {
                year
            } else {
                1 - year
            }
        }
        'y' => year,
        'x' if count == 2 => i64::from(week.year()).rem_euclid(100),
        'x' => week.year().into(),
        'w' => week.week().into(),
        'e' => i64::from(weekday) + 1,
        'D' => local.day_of_year().into(),
        'M' => local.month().into(),
        'd' => local.day().into(),
        'K' => hour % 12,
        'h' => (hour + 11) % 12 + 1,
        'H' => hour,
        'k' => (hour + 23) % 24 + 1,
        'm' => local.minute().into(),
        's' => local.second().into(),
        _ => return None,
    };
    let width = count.min(64) + usize::from(number < 0);
    // Writing to a `String` cannot fail.
    let _ = write!(out, "{number:0width$}");
    Some(())
}

fn text(text: &str, out: &mut String) -> Option<()> {
    out.push_str(text);
    Some(())
}

fn named(name: &str, full: bool) -> &str {
    if full { name } else { name.get(..3).unwrap_or(name) }
}

fn fraction(local: DateTime, count: usize) -> String {
    let nanos = format!("{:09}", local.subsec_nanosecond());
    nanos.chars().chain(std::iter::repeat('0')).take(count.min(64)).collect()
}

fn offset(seconds: i32, colon: bool) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}{}{:02}", minutes / 60, if colon { ":" } else { "" }, minutes % 60)
}

//! Date and time patterns: letters for fields, quotes around plain text. `parse_time` writes by those of Joda-Time,
//! `time_to_epoch` reads by those of `java.time`.

pub(super) mod java;
pub(super) mod joda;

use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use std::sync::OnceLock;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A part of a pattern.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    /// A letter, and how often it stands in a row.
    Field(char, usize),
    /// Text that stands for itself.
    Text(String),
}

/// Takes a pattern apart; nothing where a quote has no end.
pub(super) fn pieces(pattern: &str) -> Option<Vec<Piece>> {
    let mut out: Vec<Piece> = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_alphabetic() {
            let mut count = 1;
            while chars.next_if_eq(&c).is_some() {
                count += 1;
            }
            out.push(Piece::Field(c, count));
            continue;
        }
        let mut text = String::new();
        if c != '\'' {
            text.push(c);
        } else if chars.next_if_eq(&'\'').is_some() {
            text.push('\'');
        } else {
            loop {
                match chars.next()? {
                    '\'' if chars.next_if_eq(&'\'').is_some() => text.push('\''),
                    '\'' => break,
                    other => text.push(other),
                }
            }
        }
        match out.last_mut() {
            Some(Piece::Text(before)) => before.push_str(&text),
            _ => out.push(Piece::Text(text)),
        }
    }
    Some(out)
}

/// A time zone by its name in the time-zone database, or by its offset: `+01:00`, `UTC+1`, `Z`.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    static ZONES: OnceLock<TimeZoneDatabase> = OnceLock::new();
    let offset = name.strip_prefix("UTC").or_else(|| name.strip_prefix("GMT")).or_else(|| name.strip_prefix("UT"));
    match offset.unwrap_or(name) {
        "" | "Z" => Some(TimeZone::UTC),
        signed if signed.starts_with(['+', '-']) => offset_of(signed).map(TimeZone::fixed),
        _ => ZONES.get_or_init(TimeZoneDatabase::bundled).get(name).ok(),
    }
}

/// An offset with its sign: `+h`, `+hh`, `+hhmm`, `+hh:mm`, `+hhmmss` or `+hh:mm:ss`.
pub(super) fn offset_of(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let digits = if digits.len() == 1 { format!("0{digits}") } else { digits };
    if !matches!(digits.len(), 2 | 4 | 6) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |part| part.parse::<i32>().ok());
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    if hours > 18 || minutes > 59 || seconds > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60 + seconds)).ok()
}

/// The first letter of a pattern that is not implemented; `reading` for `time_to_epoch`.
pub(crate) fn unsupported(pattern: &str, reading: bool) -> Option<char> {
    let known = if reading { java::LETTERS } else { joda::LETTERS };
    let reserved = |c: char| reading && matches!(c, '[' | ']' | '{' | '}' | '#');
    pieces(pattern)?.into_iter().find_map(|piece| match piece {
        Piece::Field(letter, _) => (!known.contains(letter)).then_some(letter),
        Piece::Text(text) => text.chars().find(|c| reserved(*c)),
    })
}

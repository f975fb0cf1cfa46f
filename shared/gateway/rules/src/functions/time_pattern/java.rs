//! Reading by a `java.time.format.DateTimeFormatter` pattern, in English.

use super::{MONTHS, Piece, WEEKDAYS, offset_of, pieces, zone};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// The letters that are known.
pub(super) const LETTERS: &str = "uyDMLdEeaKhHkmsSAnNVzOXxZ";

/// Zones by the short names that Java knows besides those of the time-zone database.
const SHORT_ZONES: [(&str, &str); 8] = [
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
];

/// Reads a time, in milliseconds since 1970; nothing where the pattern is not valid or the text is not of its form. What
/// has no zone is in UTC, what has no time of day is midnight.
pub(in super::super) fn parse(pattern: &str, text: &str) -> Option<i64> {
    let pieces = pieces(pattern)?;
    let mut rest = text;
    let mut read = Fields::default();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(plain) => rest = rest.strip_prefix(plain.as_str())?,
            Piece::Field(letter, count) => {
                let adjacent =
                    matches!(pieces.get(index + 1), Some(Piece::Field(next, width)) if is_number(*next, *width));
                rest = read.field(*letter, *count, adjacent, rest)?;
            }
        }
    }
    if rest.is_empty() { read.millis() } else { None }
}

fn is_number(letter: char, count: usize) -> bool {
    match letter {
        'M' | 'L' => count <= 2,
        'u' | 'y' | 'D' | 'd' | 'K' | 'h' | 'H' | 'k' | 'm' | 's' | 'S' | 'A' | 'n' | 'N' => true,
        _ => false,
    }
}

#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    half_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    nano: i64,
    nano_of_day: Option<i64>,
    zone: Option<TimeZone>,
}

impl Fields {
    /// Reads one field from the start of a text, and returns what follows it.
    fn field<'a>(&mut self, letter: char, count: usize, adjacent: bool, text: &'a str) -> Option<&'a str> {
        match letter {
            'M' | 'L' if count >= 3 => {
                let (month, rest) = name(&MONTHS, count >= 4, text)?;
                self.month = Some(month + 1);
                return Some(rest);
            }
            'E' | 'e' => return name(&WEEKDAYS, count >= 4, text).map(|(_, rest)| rest),
            'a' => {
                let (half, rest) = (text.get(..2)?, text.get(2..)?);
                self.afternoon = Some(match half {
                    "AM" => false,
                    "PM" => true,
                    _ => return None,
                });
                return Some(rest);
            }
            'V' | 'z' | 'O' | 'X' | 'x' | 'Z' => {
                let (zone, rest) = read_zone(letter, text)?;
                self.zone = Some(zone);
                return Some(rest);
            }
            'S' => {
                let (digits, rest) = digits(text, count, count)?;
                self.nano = format!("{digits:0<9}").get(..9)?.parse().ok()?;
                return Some(rest);
            }
            _ => {}
        }
        let widest = match (adjacent, letter, count) {
            (true, ..) => count,
            (false, 'u' | 'y', 2) => 2,
            (false, 'u' | 'y' | 'A' | 'n' | 'N', _) => 19,
            (false, _, 1) => 19,
            (false, ..) => count,
        };
        let (digits, rest) = digits(text, count, widest)?;
        let value: i64 = digits.parse().ok()?;
        match letter {
            'u' | 'y' if count == 2 => self.year = Some(2000 + value),
            'u' | 'y' => self.year = Some(value),
            'M' | 'L' => self.month = Some(value),
            'd' => self.day = Some(value),
            'D' => self.day_of_year = Some(value),
            'H' => self.hour = Some(value),
            'k' => self.hour = Some(value % 24),
            'K' => self.half_hour = Some(value),
            'h' => self.half_hour = Some(value % 12),
            'm' => self.minute = value,
            's' => self.second = value,
            'n' => self.nano = value,
            'A' => self.nano_of_day = value.checked_mul(1_000_000),
            'N' => self.nano_of_day = Some(value),
            _ => return None,
        }
        Some(rest)
    }

    fn millis(self) -> Option<i64> {
        let year = i16::try_from(self.year?).ok()?;
        let date = match self.day_of_year {
            Some(day) => {
                let first = Date::new(year, 1, 1).ok()?;
                let date = first.checked_add(jiff::Span::new().try_days(day - 1).ok()?).ok()?;
                if day < 1 || date.year() != year {
                    return None;
                }
                date
            }
            // Java's smart resolution asks for all three.
            None => Date::new(year, i8::try_from(self.month?).ok()?, i8::try_from(self.day?).ok()?).ok()?,
        };
        let time = match self.nano_of_day {
            Some(nanos) => {
                let (seconds, nanos) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
                time(seconds / 3600, seconds / 60 % 60, seconds % 60, nanos)?
            }
            None => {
                let half = self.half_hour.zip(self.afternoon).map(|(hour, pm)| hour + if pm { 12 } else { 0 });
                time(self.hour.or(half).unwrap_or(0), self.minute, self.second, self.nano)?
            }
        };
        let local = DateTime::from_parts(date, time);
        let zone = self.zone.unwrap_or(TimeZone::UTC);
        zone.to_ambiguous_timestamp(local).compatible().ok().map(jiff::Timestamp::as_millisecond)
    }
}

fn time(hour: i64, minute: i64, second: i64, nano: i64) -> Option<Time> {
    let small = |value: i64| i8::try_from(value).ok();
    Time::new(small(hour)?, small(minute)?, small(second)?, i32::try_from(nano).ok()?).ok()
}

fn digits(text: &str, least: usize, most: usize) -> Option<(&str, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least { None } else { text.split_at_checked(count) }
}

fn name<'a>(names: &[&str], full: bool, text: &'a str) -> Option<(i64, &'a str)> {
    let (index, length) = names.iter().enumerate().find_map(|(index, name)| {
        let name = if full { name } else { name.get(..3)? };
        text.starts_with(name).then_some((index, name.len()))
    })?;
    Some((i64::try_from(index).ok()?, text.get(length..)?))
}

fn read_zone(letter: char, text: &str) -> Option<(TimeZone, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "/_+-:".contains(c))).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let found = match letter {
        'V' => zone(name),
        'z' => {
            let long = SHORT_ZONES.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| *long);
            zone(long)
        }
        'O' => name
            .strip_prefix("GMT")
            .and_then(|offset| if offset.is_empty() { Some(TimeZone::UTC) } else { zone(offset) }),
        'X' if name == "Z" => Some(TimeZone::UTC),
        'Z' if name.starts_with("GMT") => zone(name),
        _ => offset_of(name).map(TimeZone::fixed),
    }?;
    Some((found, rest))
}

//! Cron expressions of AWS: six fields, `minutes hours day-of-month month day-of-week year`, in UTC, with `, - * / ? L W #`.
//!
//! Source: "Schedule expressions" as "Maintenance windows" of the developer guide refers to them. Sunday is 1; one of the two day
//! fields has to be `?`.

use drydock_core::Timestamp;
use time::{Date, Month, Weekday};

/// How far ahead the next time is looked for, in days: beyond that an expression has none.
const AHEAD: u32 = 366 * 8;
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: Vec<u16>,
    hours: Vec<u16>,
    days: Vec<Day>,
    months: Vec<u16>,
    years: Vec<u16>,
}

/// Which days are meant, by one entry of a day field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// A day of the month.
    Of(u16),
    /// The last of the month.
    Last,
    /// The weekday that is nearest to a day of the month.
    Nearest(u16),
    /// The last weekday of the month.
    LastWeekday,
    /// A day of the week, Sunday being 1.
    Week(u16),
    /// The last such day of the month.
    LastWeek(u16),
    /// The n-th such day of the month.
    Nth(u16, u16),
}

impl Cron {
    /// Reads an expression, with or without `cron(…)` around it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix("cron(").and_then(|text| text.strip_suffix(')')).unwrap_or(text);
        let fields: Vec<&str> = inner.split_whitespace().collect();
        let [minutes, hours, of_month, months, of_week, years] = fields.as_slice() else {
            return Err(format!("`{text}` has {} fields, not the six of a cron expression", fields.len()));
        };
        let days = match (*of_month, *of_week) {
            ("?", "?") => return Err(format!("`{text}` says `?` for both days: one has to be given")),
            (of_month, "?") => entries(of_month, day_of_month)?,
            ("?", of_week) => entries(of_week, day_of_week)?,
            _ => return Err(format!("`{text}` needs `?` as day of the month or as day of the week")),
        };
        Ok(Self {
            minutes: numbers(minutes, 0, 59, &[])?,
            hours: numbers(hours, 0, 23, &[])?,
            days,
            months: numbers(months, 1, 12, &MONTHS)?,
            years: numbers(years, 1970, 2199, &[])?,
        })
    }

    /// The first time after another, if there is one within eight years.
    pub(crate) fn after(&self, time: Timestamp) -> Option<Timestamp> {
        let from = time.utc();
        let mut date = from.date();
        for ahead in 0..AHEAD {
            if self.is_on(date) {
                for hour in &self.hours {
                    for minute in &self.minutes {
                        let (hour, minute) = (u8::try_from(*hour).ok()?, u8::try_from(*minute).ok()?);
                        let at = date.with_hms(hour, minute, 0).ok()?.assume_utc();
                        if ahead > 0 || at > from {
                            return Some(Timestamp(at.unix_timestamp() * 1000));
                        }
                    }
                }
            }
            date = date.next_day()?;
        }
        None
    }

    fn is_on(&self, date: Date) -> bool {
        let year = u16::try_from(date.year()).unwrap_or_default();
        let month = u16::from(u8::from(date.month()));
        self.years.contains(&year) && self.months.contains(&month) && self.days.iter().any(|day| day.is(date))
    }
}

impl Day {
    fn is(self, date: Date) -> bool {
        let day = u16::from(date.day());
        let last = u16::from(date.month().length(date.year()));
        let week = u16::from(date.weekday().number_from_sunday());
        match self {
            Self::Of(wanted) => day == wanted,
            Self::Last => day == last,
            Self::Nearest(wanted) => nearest(date.year(), date.month(), wanted) == Some(day),
            Self::LastWeekday => nearest(date.year(), date.month(), last) == Some(day),
            Self::Week(wanted) => week == wanted,
            Self::LastWeek(wanted) => week == wanted && day + 7 > last,
            Self::Nth(wanted, nth) => week == wanted && (day - 1) / 7 + 1 == nth,
        }
    }
}

/// The weekday that is nearest to a day, within its month.
fn nearest(year: i32, month: Month, day: u16) -> Option<u16> {
    let last = u16::from(month.length(year));
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    Some(match date.weekday() {
        Weekday::Saturday if day > 1 => day - 1,
        Weekday::Saturday => day + 2,
        Weekday::Sunday if day < last => day + 1,
        Weekday::Sunday => day - 2,
        _ => day,
    })
}

fn entries(field: &str, read: impl Fn(&str) -> Result<Vec<Day>, String>) -> Result<Vec<Day>, String> {
    let mut days = Vec::new();
    for entry in field.split(',') {
        days.extend(read(entry)?);
    }
    Ok(days)
}

fn day_of_month(entry: &str) -> Result<Vec<Day>, String> {
    match entry {
        "L" => return Ok(vec![Day::Last]),
        "LW" => return Ok(vec![Day::LastWeekday]),
        _ => {}
    }
    if let Some(day) = entry.strip_suffix('W') {
        return Ok(vec![Day::Nearest(number(day, 1, 31, &[])?)]);
    }
    Ok(numbers(entry, 1, 31, &[])?.into_iter().map(Day::Of).collect())
}

fn day_of_week(entry: &str) -> Result<Vec<Day>, String> {
    if entry == "L" {
        return Ok(vec![Day::Week(7)]);
    }
    if let Some(day) = entry.strip_suffix('L') {
        return Ok(vec![Day::LastWeek(number(day, 1, 7, &DAYS)?)]);
    }
    if let Some((day, nth)) = entry.split_once('#') {
        return Ok(vec![Day::Nth(number(day, 1, 7, &DAYS)?, number(nth, 1, 5, &[])?)]);
    }
    Ok(numbers(entry, 1, 7, &DAYS)?.into_iter().map(Day::Week).collect())
}

/// A field's numbers, sorted: values, ranges, steps.
fn numbers(field: &str, least: u16, most: u16, names: &[&str]) -> Result<Vec<u16>, String> {
    let mut all = Vec::new();
    for entry in field.split(',') {
        let (range, step) = match entry.split_once('/') {
            Some((range, step)) => (range, number(step, 1, most.max(1), &[])?),
            None => (entry, 1),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (least, most),
            (_, Some((from, to))) => (number(from, least, most, names)?, number(to, least, most, names)?),
            (one, None) => {
                let from = number(one, least, most, names)?;
                (from, if entry.contains('/') { most } else { from })
            }
        };
        if from > to {
            return Err(format!("`{entry}` goes backwards"));
        }
        all.extend((from..=to).step_by(usize::from(step)));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn number(text: &str, least: u16, most: u16, names: &[&str]) -> Result<u16, String> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = match named {
        Some(place) => u16::try_from(place + 1).ok(),
        None => text.parse().ok(),
    };
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("`{text}` is not of {least} to {most} in a cron expression"))
}

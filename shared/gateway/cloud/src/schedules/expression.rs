//! `rate(…)`, `cron(…)` and `at(…)`.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>,
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

use drydock_core::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// How many days ahead a time is looked for: a 29th of February on a certain weekday comes within 40 years.
const HORIZON: i32 = 366 * 40;
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A text is not an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a schedule expression: {1}")]
pub struct NotAnExpression(String, String);

/// When something happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    when: When,
    zone: TimeZone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum When {
    /// Every so many milliseconds from when it was made.
    Rate(i64),
    Cron(Box<Cron>),
    At(DateTime),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    months: BTreeSet<i16>,
    years: BTreeSet<i16>,
    days: Days,
}

/// Which days of a month; the other of the two fields is `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(BTreeSet<i16>),
    LastOfMonth,
    /// The weekday that is nearest to a day.
    Nearest(i16),
    /// 1 for Sunday to 7 for Saturday.
    OfWeek(BTreeSet<i16>),
    /// The last of a weekday in the month.
    LastOfWeek(i16),
    /// A weekday and which of the month it is.
    Nth(i16, i16),
}

impl Expression {
    /// Reads an expression, in a time zone by its name in the IANA's database; UTC where there is none.
    ///
    /// # Errors
    /// [`NotAnExpression`].
    pub fn parse(text: &str, zone: Option<&str>) -> Result<Self, NotAnExpression> {
        let wrong = |why: String| NotAnExpression(text.to_owned(), why);
        let zone = match zone {
            Some(name) => TimeZone::get(name).map_err(|_| wrong(format!("`{name}` is not a time zone")))?,
            None => TimeZone::UTC,
        };
        let inside = |form: &str| text.strip_prefix(form)?.strip_suffix(')').map(str::trim);
        let when = if let Some(rate) = inside("rate(") {
            When::Rate(rate_of(rate).map_err(wrong)?)
        } else if let Some(cron) = inside("cron(") {
            When::Cron(Box::new(Cron::parse(cron).map_err(wrong)?))
        } else if let Some(at) = inside("at(") {
            When::At(at.parse().map_err(|_| wrong("`at` wants yyyy-mm-ddThh:mm:ss".to_owned()))?)
        } else {
            return Err(wrong("it begins with `rate(`, `cron(` or `at(`".to_owned()));
        };
        Ok(Self { when, zone })
    }

    /// The first time after one; rates count from `made`.
    #[must_use]
    pub fn after(&self, last: Timestamp, made: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Rate(every) => {
                let passed = (last.millis() - made.millis()).div_euclid(*every);
                Some(Timestamp(made.millis() + (passed + 1) * every))
            }
            When::At(at) => self.instant(*at).filter(|at| *at > last),
            When::Cron(cron) => {
                let local = self.zone.to_datetime(jiff::Timestamp::from_millisecond(last.millis()).ok()?);
                cron.dates(local.date()).find_map(|date| {
                    let times =
                        cron.hours.iter().flat_map(|hour| cron.minutes.iter().map(move |minute| (*hour, *minute)));
                    let mut times = times.filter_map(|(hour, minute)| {
                        self.instant(date.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0))
                    });
                    times.find(|at| *at > last)
                })
            }
        }
    }

    fn instant(&self, at: DateTime) -> Option<Timestamp> {
        Some(Timestamp(self.zone.to_timestamp(at).ok()?.as_millisecond()))
    }
}

/// `5 minutes`, in milliseconds.
fn rate_of(text: &str) -> Result<i64, String> {
    let mut words = text.split_whitespace();
    let (Some(number), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err("`rate` wants a number and a unit, such as `rate(5 minutes)`".to_owned());
    };
    let number = number.parse::<i64>().ok().filter(|number| (1..=1_000_000).contains(number));
    let number = number.ok_or_else(|| "the number of a rate is a whole one from 1".to_owned())?;
    let minutes = match unit {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        "day" | "days" => 24 * 60,
        _ => return Err(format!("`{unit}` is not one of minute, minutes, hour, hours, day and days")),
    };
    Ok(number * minutes * 60_000)
}

impl Cron {
    fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, day, month, weekday, year] = fields.as_slice() else {
            return Err(format!("`cron` wants six fields, and has {}", fields.len()));
        };
        let days = match (*day, *weekday) {
            ("?", weekday) => of_week(weekday)?,
            (day, "?") => of_month(day)?,
            _ => return Err("one of day-of-month and day-of-week must be `?`".to_owned()),
        };
        Ok(Self {
            minutes: set(minutes, 0, 59, &[], 0)?,
            hours: set(hours, 0, 23, &[], 0)?,
            months: set(month, 1, 12, &MONTHS, 1)?,
            years: set(year, 1970, 2199, &[], 0)?,
            days,
        })
    }

    /// The days from one on that it names.
    fn dates(&self, from: Date) -> impl Iterator<Item = Date> + '_ {
        let days = (0..HORIZON).map_while(move |ahead| from.checked_add(ahead.days()).ok());
        days.filter(move |date| {
            self.years.contains(&date.year()) && self.months.contains(&i16::from(date.month())) && self.days.have(*date)
        })
    }
}

impl Days {
    fn have(&self, date: Date) -> bool {
        let (day, last) = (i16::from(date.day()), i16::from(date.days_in_month()));
        let weekday = |date: Date| i16::from(date.weekday().to_sunday_one_offset());
        match self {
            Self::OfMonth(days) => days.contains(&day),
            Self::LastOfMonth => day == last,
            Self::Nearest(wanted) => {
                let Ok(target) = Date::new(date.year(), date.month(), i8::try_from(*wanted).unwrap_or(i8::MAX)) else {
                    return false;
                };
                // A Saturday's is the Friday before, a Sunday's the Monday after, and neither leaves the month.
                let shift = match (weekday(target), *wanted) {
                    (7, 1) => 2,
                    (7, _) => -1,
                    (1, wanted) if wanted == last => -2,
                    (1, _) => 1,
                    _ => 0,
                };
                day == wanted + shift
            }
            Self::OfWeek(days) => days.contains(&weekday(date)),
            Self::LastOfWeek(wanted) => weekday(date) == *wanted && day + 7 > last,
            Self::Nth(wanted, nth) => weekday(date) == *wanted && (day - 1) / 7 + 1 == *nth,
        }
    }
}

fn of_month(text: &str) -> Result<Days, String> {
    if text == "L" {
        return Ok(Days::LastOfMonth);
    }
    match text.strip_suffix('W') {
        Some(day) => Ok(Days::Nearest(number(day, 1, 31, &[], 0)?)),
        None => Ok(Days::OfMonth(set(text, 1, 31, &[], 0)?)),
    }
}

fn of_week(text: &str) -> Result<Days, String> {
    let one = |text| number(text, 1, 7, &DAYS, 1);
    if text == "L" {
        return Ok(Days::OfWeek(BTreeSet::from([7])));
    }
    if let Some((day, nth)) = text.split_once('#') {
        return Ok(Days::Nth(one(day)?, number(nth, 1, 5, &[], 0)?));
    }
    match text.strip_suffix('L') {
        Some(day) => Ok(Days::LastOfWeek(one(day)?)),
        None => Ok(Days::OfWeek(set(text, 1, 7, &DAYS, 1)?)),
    }
}

/// The numbers of a field: `*`, `a`, `a-b`, `a/n`, `a-b/n`, and lists of them. Names count from `first`.
fn set(text: &str, least: i16, most: i16, names: &[&str], first: i16) -> Result<BTreeSet<i16>, String> {
    let mut all = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step, 1, most.max(1), &[], 0)?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((from, to)) => (number(from, least, most, names, first)?, number(to, least, most, names, first)?),
            None => {
                let one = number(range, least, most, names, first)?;
                (one, if step.is_some() { most } else { one })
            }
        };
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(1);
        if from <= to {
            all.extend((from..=to).step_by(step));
        } else {
            // A range over the end, such as FRI-MON.
            all.extend((from..=most).chain(least..=to).step_by(step));
        }
    }
    Ok(all)
}

fn number(text: &str, least: i16, most: i16, names: &[&str], first: i16) -> Result<i16, String> {
    let named = names.iter().zip(first..).find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, number)| number);
    let number = named.or_else(|| text.parse().ok()).filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("`{text}` is not from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn next(expression: &str, zone: Option<&str>, from: &str, count: usize) -> Vec<String> {
        let expression = Expression::parse(expression, zone).unwrap();
        let made = at(from);
        let mut last = made;
        let mut found = Vec::new();
        while found.len() < count {
            let Some(next) = expression.after(last, made) else { break };
            let shown = jiff::Timestamp::from_millisecond(next.millis()).unwrap().round(jiff::Unit::Second).unwrap();
            found.push(shown.to_string());
            last = next;
        }
        found
    }

    /// The examples of the page on scheduled rules, with what they are said to mean.
    #[test]
    fn the_examples_of_the_page() {
        for (expression, from, expected) in [
            ("cron(0 10 * * ? *)", "2026-03-01T00:00:00Z", ["2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"]),
            ("cron(15 12 * * ? *)", "2026-03-01T12:15:00Z", ["2026-03-02T12:15:00Z", "2026-03-03T12:15:00Z"]),
            ("cron(0 18 ? * MON-FRI *)", "2026-03-06T00:00:00Z", ["2026-03-06T18:00:00Z", "2026-03-09T18:00:00Z"]),
            ("cron(0 8 1 * ? *)", "2026-03-01T08:00:00Z", ["2026-04-01T08:00:00Z", "2026-05-01T08:00:00Z"]),
            ("cron(0/15 * * * ? *)", "2026-03-01T00:14:59Z", ["2026-03-01T00:15:00Z", "2026-03-01T00:30:00Z"]),
            ("cron(0/10 * ? * MON-FRI *)", "2026-03-07T00:00:00Z", ["2026-03-09T00:00:00Z", "2026-03-09T00:10:00Z"]),
            ("cron(0 9 ? * 2#1 *)", "2026-03-03T00:00:00Z", ["2026-04-06T09:00:00Z", "2026-05-04T09:00:00Z"]),
            ("cron(0 0 L * ? *)", "2026-02-01T00:00:00Z", ["2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"]),
            ("cron(0 0 ? * 6L *)", "2026-03-01T00:00:00Z", ["2026-03-27T00:00:00Z", "2026-04-24T00:00:00Z"]),
            ("cron(0 0 1W * ? *)", "2026-07-30T00:00:00Z", ["2026-08-03T00:00:00Z", "2026-09-01T00:00:00Z"]),
            ("rate(5 minutes)", "2026-03-01T00:00:01Z", ["2026-03-01T00:05:01Z", "2026-03-01T00:10:01Z"]),
            ("rate(1 day)", "2026-03-01T00:00:00Z", ["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"]),
        ] {
            assert_eq!(next(expression, None, from, 2), expected, "{expression}");
        }
    }

    #[test]
    fn a_time_zone_has_its_summer() {
        let found = next("cron(0 8 * * ? *)", Some("Europe/Berlin"), "2026-03-28T00:00:00Z", 2);
        assert_eq!(found, ["2026-03-28T07:00:00Z", "2026-03-29T06:00:00Z"]);
        assert_eq!(
            next("at(2026-03-28T08:00:00)", Some("Europe/Berlin"), "2026-03-28T00:00:00Z", 2),
            ["2026-03-28T07:00:00Z"]
        );
    }

    #[test]
    fn what_comes_never_again_ends() {
        assert!(next("cron(0 0 1 1 ? 2020)", None, "2026-03-01T00:00:00Z", 1).is_empty());
        assert!(next("cron(0 0 31 2 ? *)", None, "2026-03-01T00:00:00Z", 1).is_empty());
        assert!(next("at(2020-01-01T00:00:00)", None, "2026-03-01T00:00:00Z", 1).is_empty());
    }

    #[test]
    fn what_is_not_an_expression_is_refused() {
        for text in [
            "rate(5)",
            "rate(0 minutes)",
            "rate(5 weeks)",
            "cron(* * * * *)",
            "cron(* * * * * *)",
            "cron(60 * * * ? *)",
            "cron(* * ? * 8 *)",
            "every(5 minutes)",
            "at(soon)",
            "rate(5 minutes",
        ] {
            assert!(Expression::parse(text, None).is_err(), "{text}");
        }
        assert!(Expression::parse("rate(1 hour)", Some("Nowhere/City")).is_err());
    }
}

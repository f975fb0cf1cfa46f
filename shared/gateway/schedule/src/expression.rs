//! `rate(…)`, `cron(…)` and `at(…)`.

use crate::cron::Cron;
use drydock_core::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

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

/// Which form an expression has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Every so often.
    Rate,
    /// At times of the calendar.
    Cron,
    /// Once.
    At,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum When {
    /// Every so many milliseconds from when it was made.
    Rate(i64),
    Cron(Box<Cron>),
    At(DateTime),
}

impl Expression {
    /// Reads an expression of the Scheduler, in a time zone by its name in the IANA's database; UTC where there is none.
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
            When::Rate(rate_of(rate).map_err(wrong)?.0)
        } else if let Some(cron) = inside("cron(") {
            When::Cron(Box::new(Cron::parse(cron).map_err(wrong)?))
        } else if let Some(at) = inside("at(") {
            When::At(at_of(at).ok_or_else(|| wrong("`at` wants yyyy-mm-ddThh:mm:ss".to_owned()))?)
        } else {
            return Err(wrong("it begins with `rate(`, `cron(` or `at(`".to_owned()));
        };
        Ok(Self { when, zone })
    }

    /// Reads an expression of a scheduled rule: in UTC, without `at(…)`, and with the unit of a rate in the number that its value has.
    ///
    /// # Errors
    /// [`NotAnExpression`].
    pub fn of_rule(text: &str) -> Result<Self, NotAnExpression> {
        let read = Self::parse(text, None)?;
        let wrong = |why: &str| NotAnExpression(text.to_owned(), why.to_owned());
        match &read.when {
            When::At(_) => Err(wrong("a rule takes `rate(` or `cron(`")),
            When::Rate(_) => {
                let inner = text.strip_prefix("rate(").and_then(|text| text.strip_suffix(')')).unwrap_or_default();
                match rate_of(inner.trim()) {
                    Ok((_, true)) => Ok(read),
                    _ => Err(wrong("the unit is singular for 1, and plural for more")),
                }
            }
            When::Cron(_) => Ok(read),
        }
    }

    /// An expression of the calendar, in UTC.
    #[must_use]
    pub fn of_cron(cron: Cron) -> Self {
        Self { when: When::Cron(Box::new(cron)), zone: TimeZone::UTC }
    }

    /// Which form it has.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.when {
            When::Rate(_) => Kind::Rate,
            When::Cron(_) => Kind::Cron,
            When::At(_) => Kind::At,
        }
    }

    /// The first time after one; rates count from `made`.
    #[must_use]
    pub fn after(&self, last: Timestamp, made: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Rate(every) => {
                let passed = last.millis().checked_sub(made.millis())?.div_euclid(*every);
                let next = passed.checked_add(1)?.checked_mul(*every)?;
                Some(Timestamp(made.millis().checked_add(next)?))
            }
            // A time that a clock skips comes when it has gone on: only for cron expressions AWS says that it never does.
            When::At(at) => millis(self.zone.to_timestamp(*at).ok()?).filter(|at| *at > last),
            When::Cron(cron) => {
                let local = self.zone.to_datetime(jiff::Timestamp::from_millisecond(last.millis()).ok()?);
                // Of an hour that comes twice the first counts; where `last` is in the second, what is found of the first is over.
                cron.after(local).filter_map(|at| self.once(at)).find(|at| *at > last)
            }
        }
    }

    /// When a wall clock of the zone shows a time: `None` where it skips that, the first time where it shows it twice ("Daylight
    /// savings time on EventBridge Scheduler").
    fn once(&self, at: DateTime) -> Option<Timestamp> {
        let found = self.zone.to_ambiguous_timestamp(at);
        match found.offset() {
            AmbiguousOffset::Gap { .. } => None,
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => millis(found.earlier().ok()?),
        }
    }
}

fn millis(at: jiff::Timestamp) -> Option<Timestamp> {
    Some(Timestamp(at.as_millisecond()))
}

/// `2026-11-20T13:00:00`, in this form alone.
fn at_of(text: &str) -> Option<DateTime> {
    let shape = |(place, byte): (usize, u8)| match place {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    (text.len() == 19 && text.bytes().enumerate().all(shape)).then(|| text.parse().ok())?
}

/// `5 minutes`, in milliseconds, and whether the unit is in the number that the value has.
fn rate_of(text: &str) -> Result<(i64, bool), String> {
    let mut words = text.split_whitespace();
    let (Some(number), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err("`rate` wants a number and a unit, such as `rate(5 minutes)`".to_owned());
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<i64>().ok().filter(|number| digits && (1..=10_000_000).contains(number));
    let number = number.ok_or_else(|| "the number of a rate is a whole one from 1".to_owned())?;
    let (minutes, singular) = match unit {
        "minute" => (1, true),
        "minutes" => (1, false),
        "hour" => (60, true),
        "hours" => (60, false),
        "day" => (24 * 60, true),
        "days" => (24 * 60, false),
        _ => return Err(format!("`{unit}` is not one of minute, minutes, hour, hours, day and days")),
    };
    Ok((number * minutes * 60_000, singular == (number == 1)))
}

//! Cron expressions: `minutes hours day-of-month month day-of-week year`, with `, - * / ? L W #`. Sunday is 1; one of the two day fields is `?`.

use jiff::civil::{Date, DateTime};

/// How many years ahead a day is looked for: a 29th of February on a certain weekday comes within 40.
const AHEAD: i16 = 40;
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The fields of a cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: Vec<i16>,
    hours: Vec<i16>,
    days: Vec<Day>,
    months: Vec<i16>,
    years: Vec<i16>,
}

/// Which days are meant, by one entry of a day field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// A day of the month.
    Of(i16),
    /// The last of the month.
    Last,
    /// The weekday that is nearest to a day of the month, and in it.
    Nearest(i16),
    /// The last weekday of the month.
    LastWeekday,
    /// A day of the week, Sunday being 1.
    Week(i16),
    /// The last such day of the month.
    LastWeek(i16),
    /// A day of the week, and which of the month it is.
    Nth(i16, i16),
}

impl Cron {
    /// Reads the six fields.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, of_month, months, of_week, years] = fields.as_slice() else {
            return Err(format!("it has {} fields, not the six of a cron expression", fields.len()));
        };
        let days = match (*of_month, *of_week) {
            ("?", "?") => return Err("it says `?` for both days: one has to be given".to_owned()),
            (of_month, "?") => entries(of_month, day_of_month)?,
            ("?", of_week) if of_week.contains('#') && of_week.contains(',') => {
                return Err(format!("`{of_week}` has more than one entry: with `#` there is one"));
            }
            ("?", of_week) => entries(of_week, day_of_week)?,
            _ => return Err("it needs `?` as day of the month or as day of the week".to_owned()),
        };
        Ok(Self {
            minutes: numbers(minutes, 0, 59, &[])?,
            hours: numbers(hours, 0, 23, &[])?,
            days,
            months: numbers(months, 1, 12, &MONTHS)?,
            years: numbers(years, 1970, 2199, &[])?,
        })
    }

    /// The times on a wall clock that it names after one, in order, within 40 years.
    pub(crate) fn after(&self, last: DateTime) -> impl Iterator<Item = DateTime> + '_ {
        self.dates(last.date()).flat_map(move |date| {
            let times = self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
            times.filter_map(move |(hour, minute)| {
                let at = date.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
                (at > last).then_some(at)
            })
        })
    }

    /// The days that it names, from one on.
    fn dates(&self, from: Date) -> impl Iterator<Item = Date> + '_ {
        let to = from.year().saturating_add(AHEAD);
        let years = self.years.iter().copied().filter(move |year| (from.year()..=to).contains(year));
        let months = years.flat_map(|year| self.months.iter().map(move |month| (year, *month)));
        months
            .filter_map(|(year, month)| Date::new(year, i8::try_from(month).ok()?, 1).ok())
            .filter(move |first| first.last_of_month() >= from)
            .flat_map(|first| (1..=first.days_in_month()).filter_map(move |day| first.with().day(day).build().ok()))
            .filter(move |date| *date >= from && self.days.iter().any(|day| day.is(*date)))
    }
}

impl Day {
    fn is(self, date: Date) -> bool {
        let (day, last) = (i16::from(date.day()), i16::from(date.days_in_month()));
        let week = weekday(date);
        match self {
            Self::Of(wanted) => day == wanted,
            Self::Last => day == last,
            Self::Nearest(wanted) => nearest(date, wanted) == Some(day),
            Self::LastWeekday => nearest(date, last) == Some(day),
            Self::Week(wanted) => week == wanted,
            Self::LastWeek(wanted) => week == wanted && day + 7 > last,
            Self::Nth(wanted, nth) => week == wanted && (day - 1) / 7 + 1 == nth,
        }
    }
}

fn weekday(date: Date) -> i16 {
    i16::from(date.weekday().to_sunday_one_offset())
}

/// The weekday nearest to a day, within the month of a date.
fn nearest(date: Date, day: i16) -> Option<i16> {
    let last = i16::from(date.days_in_month());
    let wanted = date.with().day(i8::try_from(day).ok()?).build().ok()?;
    Some(match weekday(wanted) {
        7 if day > 1 => day - 1,
        7 => day + 2,
        1 if day < last => day + 1,
        1 => day - 2,
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

/// A field's numbers, sorted: `*`, `a`, `a-b`, `a/n`, `a-b/n`, and lists of them. A range may go over the end, such as `FRI-MON`.
fn numbers(field: &str, least: i16, most: i16, names: &[&str]) -> Result<Vec<i16>, String> {
    let mut all = Vec::new();
    for entry in field.split(',') {
        let (range, step) = match entry.split_once('/') {
            Some((range, step)) => (range, Some(number(step, 1, most.max(1), &[])?)),
            None => (entry, None),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (least, most),
            (_, Some((from, to))) => (number(from, least, most, names)?, number(to, least, most, names)?),
            (one, None) => {
                let from = number(one, least, most, names)?;
                (from, if step.is_some() { most } else { from })
            }
        };
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(1);
        if from <= to {
            all.extend((from..=to).step_by(step));
        } else if most == 2199 {
            return Err(format!("`{entry}` goes backwards"));
        } else {
            all.extend((from..=most).chain(least..=to).step_by(step));
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn number(text: &str, least: i16, most: i16, names: &[&str]) -> Result<i16, String> {
    let named = names.iter().zip(1..).find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, number)| number);
    // A sign is not a part of a number here.
    let digits = || text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = named.or_else(digits).filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("`{text}` is not of {least} to {most} in a cron expression"))
}

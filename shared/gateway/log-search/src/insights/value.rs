//! What expressions come to.

use std::cmp::Ordering;
use std::fmt::Write;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// There is none.
    Missing,
    Bool(bool),
    Number(f64),
    /// Milliseconds since 1970, shown as a time.
    Time(i64),
    Text(String),
}

impl Value {
    /// As a number; a text that is one counts.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            #[expect(clippy::cast_precision_loss, reason = "times of centuries are exact in 53 bits")]
            Self::Time(millis) => Some(*millis as f64),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Bool(_) | Self::Missing => None,
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        *self == Self::Missing
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Missing => false,
            other => other.number().map_or_else(|| other.text() == "true", |number| number != 0.0),
        }
    }

    /// As people see it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Bool(value) => if *value { "1" } else { "0" }.to_owned(),
            Self::Number(number) => shown(*number),
            Self::Time(millis) => stamp(*millis),
            Self::Text(text) => text.clone(),
        }
    }

    /// How it stands to another: as numbers where both are, as texts else; `None` where one is missing.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        if self.is_missing() || other.is_missing() {
            return None;
        }
        match (self.number(), other.number()) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => Some(self.text().cmp(&other.text())),
        }
    }

    /// How rows are ordered by it: what is missing comes last.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.compare(other).unwrap_or_else(|| self.is_missing().cmp(&other.is_missing()))
    }
}

/// A number without needless digits: AWS shows whole ones without a point, others with four digits behind it at most.
fn shown(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    let mut text = String::new();
    let _ = write!(text, "{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A time as Logs Insights shows it, in UTC.
pub(super) fn stamp(millis: i64) -> String {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string(),
        Err(_) => millis.to_string(),
    }
}

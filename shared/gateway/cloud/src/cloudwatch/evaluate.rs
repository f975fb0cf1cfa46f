//! What an alarm's state is by its data points ("Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data").

use serde::{Deserialize, Serialize};

/// How many data points more than it needs an alarm looks back to: those of before where some are missing. AWS says that it is
/// more than the evaluation periods, and shows five for three.
pub(super) const FURTHER: usize = 2;

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    #[serde(rename = "OK")]
    Ok,
    #[serde(rename = "ALARM")]
    Alarm,
    #[serde(rename = "INSUFFICIENT_DATA")]
    Insufficient,
}

impl State {
    pub(super) const ALL: [Self; 3] = [Self::Ok, Self::Alarm, Self::Insufficient];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::Insufficient => "INSUFFICIENT_DATA",
        }
    }
}

/// How a value is compared with the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "the names are AWS's own")]
pub(super) enum Comparison {
    GreaterThanOrEqualToThreshold,
    GreaterThanThreshold,
    LessThanThreshold,
    LessThanOrEqualToThreshold,
}

impl Comparison {
    pub(super) const ALL: [Self; 4] = [
        Self::GreaterThanOrEqualToThreshold,
        Self::GreaterThanThreshold,
        Self::LessThanThreshold,
        Self::LessThanOrEqualToThreshold,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::GreaterThanOrEqualToThreshold => "GreaterThanOrEqualToThreshold",
            Self::GreaterThanThreshold => "GreaterThanThreshold",
            Self::LessThanThreshold => "LessThanThreshold",
            Self::LessThanOrEqualToThreshold => "LessThanOrEqualToThreshold",
        }
    }

    /// As a reason says it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::GreaterThanOrEqualToThreshold => "greater than or equal to",
            Self::GreaterThanThreshold => "greater than",
            Self::LessThanThreshold => "less than",
            Self::LessThanOrEqualToThreshold => "less than or equal to",
        }
    }

    pub(super) fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterThanOrEqualToThreshold => value >= threshold,
            Self::GreaterThanThreshold => value > threshold,
            Self::LessThanThreshold => value < threshold,
            Self::LessThanOrEqualToThreshold => value <= threshold,
        }
    }
}

/// What missing data points are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Missing {
    #[default]
    #[serde(rename = "missing")]
    Unknown,
    Ignore,
    Breaching,
    NotBreaching,
}

impl Missing {
    pub(super) const ALL: [Self; 4] = [Self::Unknown, Self::Ignore, Self::Breaching, Self::NotBreaching];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "missing",
            Self::Ignore => "ignore",
            Self::Breaching => "breaching",
            Self::NotBreaching => "notBreaching",
        }
    }
}

/// What came of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// `None`: the state stays as it is.
    pub(super) state: Option<State>,
    /// How many missing ones were taken for something.
    pub(super) filled: usize,
}

/// Judges data points, the oldest first, each breaching, not breaching or missing: as many as the alarm looks back to. `periods` are
/// to be judged, of which `needed` breach in the state ALARM.
pub(super) fn judge(points: &[Option<bool>], periods: usize, needed: usize, missing: Missing) -> Verdict {
    let real: Vec<bool> = points.iter().copied().flatten().collect();
    let recent: Vec<bool> = real.iter().rev().take(periods).copied().collect();
    let breaching = recent.iter().filter(|breaches| **breaches).count();
    let absent = periods - recent.len();
    let decided = |breaching: usize, filled: usize| {
        let state = if breaching >= needed { State::Alarm } else { State::Ok };
        Verdict { state: Some(state), filled }
    };
    if absent == 0 {
        return decided(breaching, 0);
    }
    match missing {
        Missing::Breaching => decided(breaching + absent, absent),
        Missing::NotBreaching => decided(breaching, absent),
        Missing::Unknown | Missing::Ignore if real.is_empty() => {
            let state = (missing == Missing::Unknown).then_some(State::Insufficient);
            Verdict { state, filled: 0 }
        }
        Missing::Unknown | Missing::Ignore => {
            if breaching >= needed || breaching < recent.len() {
                return decided(breaching, 0);
            }
            // All there is breaches, and there is less of it than the state ALARM needs. It is ALARM all the same where the oldest
            // is at least as old as that many data points ("Avoiding premature transitions to alarm state").
            let oldest = points.iter().rev().take(periods).rposition(Option::is_some).map_or(0, |place| place + 1);
            let state = (missing == Missing::Unknown && oldest >= needed).then_some(State::Alarm);
            Verdict { state, filled: 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &str = include_str!("../../cases/missing-data.txt");

    #[test]
    fn states_are_those_of_the_table() {
        let mut count = 0;
        for line in CASES.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            let points: Vec<Option<bool>> = columns[0]
                .split(' ')
                .map(|point| match point {
                    "X" => Some(true),
                    "0" => Some(false),
                    "-" => None,
                    other => panic!("`{other}` in {line}"),
                })
                .collect();
            let (periods, needed) = (columns[1].parse().unwrap(), columns[2].parse().unwrap());
            for (missing, expected) in Missing::ALL.into_iter().zip(&columns[3..7]) {
                let state = judge(&points, periods, needed, missing).state.map_or("=", State::as_str);
                assert_eq!(state, *expected, "{} in {line}", missing.as_str());
                count += 1;
            }
        }
        assert_eq!(count, 92);
    }

    #[test]
    fn a_value_on_the_threshold_is_told_from_one_above_and_below() {
        let expected = [
            (Comparison::GreaterThanOrEqualToThreshold, [false, true, true]),
            (Comparison::GreaterThanThreshold, [false, false, true]),
            (Comparison::LessThanThreshold, [true, false, false]),
            (Comparison::LessThanOrEqualToThreshold, [true, true, false]),
        ];
        for (comparison, breaches) in expected {
            assert_eq!(
                [1.0, 2.0, 3.0].map(|value| comparison.breaches(value, 2.0)),
                breaches,
                "{}",
                comparison.as_str()
            );
        }
    }
}

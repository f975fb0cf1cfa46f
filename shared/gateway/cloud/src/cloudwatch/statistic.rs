//! The statistics of a metric's values ("CloudWatch statistics definitions").

use super::datum::Datum;

/// A statistic.
#[derive(Debug, Clone, PartialEq)]
pub enum Statistic {
    /// `SampleCount`.
    SampleCount,
    /// `Average`.
    Average,
    /// `Sum`.
    Sum,
    /// `Minimum`.
    Minimum,
    /// `Maximum`.
    Maximum,
    /// `p90`: a percentile.
    Percentile(f64),
    /// `tm90`, `TM(10%:90%)`, `IQM`: the mean of the values within bounds.
    TrimmedMean(Bounds),
    /// `wm90`: the mean, where values outside of bounds count as the bound.
    WinsorizedMean(Bounds),
    /// `tc90`: how many values are within bounds.
    TrimmedCount(Bounds),
    /// `ts90`: the sum of the values within bounds.
    TrimmedSum(Bounds),
    /// `PR(:300)`: how much of the values is within bounds, in percent.
    PercentileRank(Bounds),
}

/// From where to where values count.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    low: Option<f64>,
    high: Option<f64>,
    /// Whether they are percents of the values, or values.
    percents: bool,
}

impl Statistic {
    /// The statistic of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "SampleCount" => Self::SampleCount,
            "Average" => Self::Average,
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "IQM" => Self::TrimmedMean(Bounds { low: Some(25.0), high: Some(75.0), percents: true }),
            _ => Self::extended(name)?,
        })
    }

    fn extended(name: &str) -> Option<Self> {
        let letters = name.find(|c: char| !c.is_ascii_alphabetic())?;
        let (kind, rest) = name.split_at(letters);
        let kind = kind.to_ascii_lowercase();
        let bounds = if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            let (low, high) = inner.split_once(':')?;
            let percents = low.ends_with('%') || high.ends_with('%');
            let bound = |text: &str| -> Option<Option<f64>> {
                if text.is_empty() {
                    return Some(None);
                }
                let number = if percents { text.strip_suffix('%')? } else { text };
                number.parse::<f64>().ok().filter(|number| number.is_finite()).map(Some)
            };
            let (low, high) = (bound(low)?, bound(high)?);
            let ordered = low.zip(high).is_none_or(|(low, high)| low < high);
            let within = |bound: Option<f64>| bound.is_none_or(|bound| !percents || (0.0..=100.0).contains(&bound));
            if (low.is_none() && high.is_none()) || !ordered || !within(low) || !within(high) {
                return None;
            }
            Bounds { low, high, percents }
        } else {
            let percent = rest.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent))?;
            if rest.split_once('.').is_some_and(|(_, digits)| digits.len() > 10) {
                return None;
            }
            if kind == "p" {
                return Some(Self::Percentile(percent));
            }
            Bounds { low: None, high: Some(percent), percents: true }
        };
        match kind.as_str() {
            "tm" => Some(Self::TrimmedMean(bounds)),
            "wm" => Some(Self::WinsorizedMean(bounds)),
            "tc" => Some(Self::TrimmedCount(bounds)),
            "ts" => Some(Self::TrimmedSum(bounds)),
            "pr" if !bounds.percents => Some(Self::PercentileRank(bounds)),
            _ => None,
        }
    }

    /// Whether it is one of the five that need no more than a statistic set.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::SampleCount | Self::Average | Self::Sum | Self::Minimum | Self::Maximum)
    }

    /// The statistic of some values; `None` where there are none, or not those that it takes.
    #[must_use]
    pub fn of(&self, datum: &Datum) -> Option<f64> {
        if datum.count <= 0.0 {
            return None;
        }
        match self {
            Self::SampleCount => Some(datum.count),
            Self::Average => Some(datum.sum / datum.count),
            Self::Sum => Some(datum.sum),
            Self::Minimum => Some(datum.min),
            Self::Maximum => Some(datum.max),
            Self::Percentile(percent) => percentile(&datum.known()?, *percent),
            Self::TrimmedMean(bounds) => {
                let (count, sum) = bounds.within(&datum.known()?);
                (count > 0.0).then(|| sum / count)
            }
            Self::WinsorizedMean(bounds) => {
                let values = datum.known()?;
                let (low, high) = bounds.values(&values)?;
                let sum: f64 = values.iter().map(|(value, count)| value.clamp(low, high) * count).sum();
                Some(sum / datum.count)
            }
            Self::TrimmedCount(bounds) => Some(bounds.within(&datum.known()?).0),
            Self::TrimmedSum(bounds) => Some(bounds.within(&datum.known()?).1),
            Self::PercentileRank(bounds) => Some(bounds.within(&datum.known()?).0 / datum.count * 100.0),
        }
    }
}

/// The value below which so many percent of the values are; between two it is interpolated.
fn percentile(values: &[(f64, f64)], percent: f64) -> Option<f64> {
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    let rank = percent / 100.0 * (total - 1.0).max(0.0);
    let at = |rank: f64| {
        let mut seen = 0.0;
        let found = values.iter().find(|(_, count)| {
            seen += count;
            seen > rank
        });
        found.or(values.last()).map(|(value, _)| *value)
    };
    let (low, high) = (at(rank.floor())?, at(rank.ceil())?);
    Some(low + (high - low) * rank.fract())
}

impl Bounds {
    /// The least and the largest value that counts.
    fn values(&self, values: &[(f64, f64)]) -> Option<(f64, f64)> {
        let bound = |bound: Option<f64>, open: f64| match bound {
            None => Some(open),
            Some(percent) if self.percents => percentile(values, percent),
            Some(value) => Some(value),
        };
        Some((bound(self.low, f64::MIN)?, bound(self.high, f64::MAX)?))
    }

    /// How many values count, and their sum.
    fn within(&self, values: &[(f64, f64)]) -> (f64, f64) {
        let Some((low, high)) = self.values(values) else { return (0.0, 0.0) };
        let counted = values.iter().filter(|(value, _)| {
            // A lower bound that is a value does not count itself.
            let above = self.low.is_none() || if self.percents { *value >= low } else { *value > low };
            above && *value <= high
        });
        counted.fold((0.0, 0.0), |(times, sum), (value, count)| (times + count, sum + value * count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each statistic of the numbers from 1 to 100, and of ten times 5.
    #[test]
    fn statistics_of_known_values() {
        let mut hundred = Datum::of(1.0, 1.0);
        (2..=100).for_each(|n| hundred.add(&Datum::of(f64::from(n), 1.0)));
        let fives = Datum::of(5.0, 10.0);
        let cases = [
            ("SampleCount", 100.0, 10.0),
            ("Average", 50.5, 5.0),
            ("Sum", 5050.0, 50.0),
            ("Minimum", 1.0, 5.0),
            ("Maximum", 100.0, 5.0),
            ("p50", 50.5, 5.0),
            ("p99.9", 99.901, 5.0),
            ("p0", 1.0, 5.0),
            ("p100", 100.0, 5.0),
            ("IQM", 50.5, 5.0),
            ("tm90", 45.5, 5.0),
            ("TM(10%:90%)", 50.5, 5.0),
            ("TM(20:30)", 25.5, f64::NAN),
            ("tc90", 90.0, 10.0),
            ("ts90", 4095.0, 50.0),
            ("PR(:10)", 10.0, 100.0),
            ("PR(10:20)", 10.0, 0.0),
        ];
        for (name, of_hundred, of_fives) in cases {
            let statistic = Statistic::named(name).unwrap_or_else(|| panic!("{name} is not known"));
            let near = |datum: &Datum, expected: f64| match statistic.of(datum) {
                Some(value) => assert!((value - expected).abs() < 1e-9, "{name}: {value} for {expected}"),
                None => assert!(expected.is_nan(), "{name} has no value"),
            };
            near(&hundred, of_hundred);
            near(&fives, of_fives);
        }
        for name in ["p101", "p", "median", "TM(90%:10%)", "TM(:)", "PR(10%:20%)", "tm", "xx50", "p5e400"] {
            assert_eq!(Statistic::named(name), None, "{name}");
        }
    }

    #[test]
    fn percentiles_need_the_values() {
        let mut blurred = Datum::set(10.0, 50.0, 1.0, 9.0);
        blurred.add(&Datum::of(3.0, 1.0));
        assert_eq!(Statistic::named("p50").unwrap().of(&blurred), None);
        assert_eq!(Statistic::Sum.of(&blurred), Some(53.0));
        let same = Datum::set(10.0, 50.0, 5.0, 5.0);
        assert_eq!(Statistic::named("p50").unwrap().of(&same), Some(5.0));
    }

    #[test]
    fn many_values_are_kept_in_a_bounded_room() {
        let mut many = Datum::of(0.0, 1.0);
        (1..10_000).for_each(|n| many.add(&Datum::of(f64::from(n), 1.0)));
        assert!(many.known().unwrap().len() <= 512);
        let median = Statistic::named("p50").unwrap().of(&many).unwrap();
        assert!((median - 5000.0).abs() < 100.0, "{median}");
        assert_eq!(Statistic::SampleCount.of(&many), Some(10_000.0));
    }
}

//! Numbers: `Int`, whole and of up to 34 digits, and `Decimal`, of 34 digits and a magnitude from 1E-999 to 9.99…E999
//! ("Data types" in the guide). Decimals are IEEE 754 decimal128 numbers, which carry exactly 34 digits and print as
//! Java's `BigDecimal` does.

use dec::{Context, Decimal128, Rounding};
use std::cmp::Ordering;
use std::fmt;

/// The first whole number that has more than 34 digits.
const INT_END: i128 = 10_i128.pow(34);
/// The largest exponent, of either sign, that a decimal in scientific notation may have.
const MAX_EXPONENT: i32 = 999;

/// An `Int` or a `Decimal`.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A whole number of up to 34 digits.
    Int(i128),
    /// A decimal.
    Decimal(Decimal),
}

/// A finite decimal of 34 digits, with a magnitude of at most 9.99…E999.
#[derive(Clone, Copy)]
pub struct Decimal(Decimal128);

impl Decimal {
    /// Takes a result in: `None` where it is not a number or too large, zero where it is too small.
    fn checked(value: Decimal128) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        if value.is_zero() {
            return Some(Self(value));
        }
        let digits = i32::try_from(value.digits()).unwrap_or(0);
        let exponent = value.exponent().saturating_add(digits).saturating_sub(1);
        match exponent {
            e if e > MAX_EXPONENT => None,
            e if e < -MAX_EXPONENT => Some(Self(Decimal128::ZERO)),
            _ => Some(Self(value)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Context::<Decimal128>::default().parse(text).ok().and_then(Self::checked)
    }

    /// The same value as an `i128`, where it is whole and has at most 34 digits.
    fn whole(self) -> Option<i128> {
        let (mut coefficient, mut exponent) = (self.0.coefficient(), self.0.exponent());
        if coefficient == 0 {
            return Some(0);
        }
        while exponent < 0 {
            if coefficient % 10 != 0 {
                return None;
            }
            coefficient /= 10;
            exponent += 1;
        }
        while exponent > 0 {
            coefficient = coefficient.checked_mul(10).filter(|c| c.abs() < INT_END)?;
            exponent -= 1;
        }
        (coefficient.abs() < INT_END).then_some(coefficient)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How a decimal becomes a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Towards negative infinity.
    Floor,
    /// Towards positive infinity.
    Ceiling,
    /// To the nearest; from the middle away from zero.
    Nearest,
    /// Towards zero.
    Truncate,
}

impl Number {
    /// Reads a number as JSON and the SQL's literals write it: `None` where it is out of range. The text has been checked
    /// against the grammar.
    #[must_use]
    pub fn from_literal(text: &str) -> Option<Self> {
        if text.contains(['.', 'e', 'E']) {
            return Decimal::parse(text).map(Self::Decimal);
        }
        match text.parse::<i128>() {
            Ok(value) if value.abs() < INT_END => Some(Self::Int(value)),
            _ => Decimal::parse(text).map(Self::Decimal),
        }
    }

    /// Reads a text as the standard conversion to `Decimal` does: `^-?\d+(\.\d+)?((?i)E-?\d+)?$`.
    #[must_use]
    pub fn from_string(text: &str) -> Option<Self> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (unsigned.get(..at)?, unsigned.get(at + 1..)),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let valid = digits(whole)
            && fraction.is_none_or(digits)
            && exponent.is_none_or(|e| digits(e.strip_prefix('-').unwrap_or(e)));
        if valid { Decimal::parse(text).map(Self::Decimal) } else { None }
    }

    /// A decimal of double precision, with the digits that Java's `Double.toString` gives; `None` where it is not finite.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        if value.is_finite() { Decimal::parse(&format!("{value:?}")).map(Self::Decimal) } else { None }
    }

    /// The nearest number of double precision.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// A decimal that is a whole number becomes an `Int`, as SQL version 2016-03-23 has it.
    #[must_use]
    pub fn normalised(self) -> Self {
        match self {
            Self::Int(_) => self,
            Self::Decimal(value) => value.whole().map_or(self, Self::Int),
        }
    }

    fn decimal(self) -> Decimal128 {
        match self {
            Self::Int(value) => Context::<Decimal128>::default().from_i128(value),
            Self::Decimal(value) => value.0,
        }
    }

    /// The same value as a `Decimal`.
    #[must_use]
    pub fn to_decimal(self) -> Self {
        Self::Decimal(Decimal(self.decimal()))
    }

    /// An `Int`, rounded; a decimal of more than 34 digits before its point stays one.
    #[must_use]
    pub fn rounded(self, how: Round) -> Self {
        let Self::Decimal(value) = self else { return self };
        let mut context = Context::<Decimal128>::default();
        context.set_rounding(match how {
            Round::Floor => Rounding::Floor,
            Round::Ceiling => Rounding::Ceiling,
            Round::Nearest => Rounding::HalfUp,
            Round::Truncate => Rounding::Down,
        });
        let rounded = Decimal(context.round(value.0));
        rounded.whole().map_or(Self::Decimal(rounded), Self::Int)
    }

    /// The value as an index or count, rounded; clamped to what an `i64` holds.
    #[must_use]
    pub fn index(self, how: Round) -> i64 {
        match self.rounded(how) {
            Self::Int(value) => i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX }),
            Self::Decimal(value) => {
                if value.0.is_negative() {
                    i64::MIN
                } else {
                    i64::MAX
                }
            }
        }
    }

    /// Cut to a number of decimal places, without trailing zeros.
    #[must_use]
    pub fn truncated(self, places: i32) -> Self {
        let Self::Decimal(value) = self else { return self };
        let mut context = Context::<Decimal128>::default();
        context.set_rounding(Rounding::Down);
        let mut result = value.0;
        if result.exponent() < -places {
            context.rescale(&mut result, -places);
        }
        let reduced = Decimal(context.reduce(result));
        reduced.whole().map_or(Self::Decimal(reduced), Self::Int)
    }

    fn int_or_decimal(
        exact: Option<i128>,
        otherwise: impl FnOnce(&mut Context<Decimal128>) -> Decimal128,
    ) -> Option<Self> {
        match exact.filter(|value| value.abs() < INT_END) {
            Some(value) => Some(Self::Int(value)),
            None => Decimal::checked(otherwise(&mut Context::default())).map(Self::Decimal),
        }
    }

    fn both(self, other: Self, exact: impl FnOnce(i128, i128) -> Option<i128>) -> Option<i128> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => exact(a, b),
            _ => None,
        }
    }

    /// The sum: an `Int` of two, else a `Decimal`; `None` where it is out of range.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Self::int_or_decimal(self.both(other, i128::checked_add), |c| c.add(self.decimal(), other.decimal()))
    }

    /// The difference.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        Self::int_or_decimal(self.both(other, i128::checked_sub), |c| c.sub(self.decimal(), other.decimal()))
    }

    /// The product.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        Self::int_or_decimal(self.both(other, i128::checked_mul), |c| c.mul(self.decimal(), other.decimal()))
    }

    /// The quotient: of two `Int` the whole part. `None` where the divisor is zero.
    #[must_use]
    pub fn divided(self, other: Self) -> Option<Self> {
        match (self, other) {
            (_, zero) if zero.is_zero() => None,
            (Self::Int(a), Self::Int(b)) => a.checked_div(b).map(Self::Int),
            _ => Self::int_or_decimal(None, |c| c.div(self.decimal(), other.decimal())),
        }
    }

    /// What remains of a division, with the dividend's sign. `None` where the divisor is zero.
    #[must_use]
    pub fn remainder(self, other: Self) -> Option<Self> {
        match (self, other) {
            (_, zero) if zero.is_zero() => None,
            (Self::Int(a), Self::Int(b)) => a.checked_rem(b).map(Self::Int),
            _ => Self::int_or_decimal(None, |c| c.rem(self.decimal(), other.decimal())),
        }
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Int(value) => Self::Int(-value),
            Self::Decimal(value) => Self::Decimal(Decimal(Context::<Decimal128>::default().minus(value.0))),
        }
    }

    /// Whether this is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        match self {
            Self::Int(value) => value == 0,
            Self::Decimal(value) => value.0.is_zero(),
        }
    }

    /// Whether this is less than zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        match self {
            Self::Int(value) => value < 0,
            Self::Decimal(value) => value.0.is_negative() && !value.0.is_zero(),
        }
    }

    /// Which of two numbers is greater.
    #[must_use]
    pub fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            // Both are finite, so there always is an answer.
            _ => {
                Context::<Decimal128>::default().partial_cmp(self.decimal(), other.decimal()).unwrap_or(Ordering::Equal)
            }
        }
    }
}

impl fmt::Display for Number {
    /// An `Int` in standard notation, a `Decimal` possibly in scientific notation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Decimal(value) => write!(f, "{}", value.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Number {
        Number::from_literal(text).unwrap()
    }

    #[test]
    fn carries_34_digits() {
        let third = n("1.0").divided(n("3")).unwrap();
        assert_eq!(third.to_string(), "0.3333333333333333333333333333333333");
        assert_eq!(n("9999999999999999999999999999999999").to_string().len(), 34);
        assert!(matches!(n("9999999999999999999999999999999999").plus(n("1")), Some(Number::Decimal(_))));
    }

    #[test]
    fn magnitude_is_bounded() {
        assert!(Number::from_literal("9.9E999").is_some());
        assert!(Number::from_literal("1E1000").is_none());
        assert!(n("1E-1000").is_zero());
        assert!(n("9E999").times(n("9E999")).is_none());
    }

    #[test]
    fn whole_decimals_become_ints() {
        assert_eq!(n("10.0").normalised().to_string(), "10");
        assert_eq!(n("1E3").normalised().to_string(), "1000");
        assert_eq!(n("10.5").normalised().to_string(), "10.5");
        assert!(matches!(n("1E999").normalised(), Number::Decimal(_)));
    }

    #[test]
    fn strings_convert_as_the_pattern_says() {
        for good in ["0", "-1.2", "5E-12", "007", "1e5"] {
            assert!(Number::from_string(good).is_some(), "{good}");
        }
        for bad in ["", "-", "1.", ".5", "+1", "1E+5", " 1", "1 ", "0x10", "NaN", "Infinity", "1e"] {
            assert!(Number::from_string(bad).is_none(), "{bad}");
        }
    }
}

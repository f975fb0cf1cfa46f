//! Times that an action is given as a number and a unit: `timestream` and `location`.

use super::{Compiler, Problem, Render};
use crate::template::Template;
use drydock_core::ApiError;

/// A time since 1970, in whatever unit.
#[derive(Debug)]
pub(super) struct Epoch {
    value: Template,
    unit: Unit,
}

/// How fine a time is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Unit {
    /// As AWS spells it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "SECONDS",
            Self::Milliseconds => "MILLISECONDS",
            Self::Microseconds => "MICROSECONDS",
            Self::Nanoseconds => "NANOSECONDS",
        }
    }

    /// How many of it make a second.
    fn per_second(self) -> i128 {
        match self {
            Self::Seconds => 1,
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1_000_000,
            Self::Nanoseconds => 1_000_000_000,
        }
    }
}

impl Epoch {
    /// Compiles it; milliseconds where no unit is given.
    pub(super) fn compile(value: &str, unit: Option<&str>, compiler: &Compiler<'_>) -> Result<Self, ApiError> {
        let unit = match unit.unwrap_or_default() {
            "SECONDS" => Unit::Seconds,
            "" | "MILLISECONDS" => Unit::Milliseconds,
            "MICROSECONDS" => Unit::Microseconds,
            "NANOSECONDS" => Unit::Nanoseconds,
            other => {
                let what = format!("`{other}` is none of SECONDS, MILLISECONDS, MICROSECONDS and NANOSECONDS");
                return Err(compiler.invalid("timestamp.unit", what));
            }
        };
        let value = compiler.checked("timestamp.value", value, |text| whole(text).map(|_| ()))?;
        Ok(Self { value, unit })
    }

    /// The number and its unit.
    pub(super) fn fill(&self, render: &Render<'_>) -> Result<(i128, Unit), Problem> {
        let number = whole(&render.fill(&self.value)?).map_err(Problem::Failed)?;
        Ok((number, self.unit))
    }

    /// In milliseconds.
    pub(super) fn millis(&self, render: &Render<'_>) -> Result<i64, Problem> {
        let (number, unit) = self.fill(render)?;
        let millis = number.checked_mul(1_000).map(|scaled| scaled.div_euclid(unit.per_second()));
        millis
            .and_then(|millis| i64::try_from(millis).ok())
            .ok_or_else(|| Problem::new(format!("the timestamp `{number}` is out of range")))
    }
}

fn whole(text: &str) -> Result<i128, String> {
    text.parse().map_err(|_| format!("the timestamp `{text}` is not a whole number"))
}

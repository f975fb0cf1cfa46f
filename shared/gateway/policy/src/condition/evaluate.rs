//! Deciding a condition.

use super::{Comparison, Condition, Operand, Quantifier, timestamp};
use crate::pattern::Pattern;
use crate::template::Template;
use crate::variables::{Lookup, Variable, Variables};
use drydock_core::Timestamp;

impl Condition {
    /// Whether the condition holds.
    ///
    /// An absent key makes a condition false; but true with `…IfExists`, with `ForAllValues:`, and for an operator with `Not`
    /// in its name unless it has `ForAnyValue:`. A value whose variables cannot be resolved equals nothing.
    #[must_use]
    pub fn holds(&self, variables: &Variables<'_>) -> bool {
        let operator = &self.operator;
        let values = match variables.lookup(&self.key) {
            Lookup::Absent(_) if operator.comparison == Comparison::Null => return self.wants(true),
            Lookup::Absent(_) if operator.if_exists => return true,
            Lookup::Absent(_) => Vec::new(),
            Lookup::One(value) => vec![value],
            Lookup::Many(values) => values,
        };
        if operator.comparison == Comparison::Null {
            return self.wants(values.is_empty());
        }
        let expected = self.expected(variables);
        let mut matching = values.iter().map(|value| self.matches(value, &expected));
        match operator.quantifier {
            Some(Quantifier::ForAllValues) => matching.all(|m| m != operator.negated),
            Some(Quantifier::ForAnyValue) => matching.any(|m| m != operator.negated),
            None => matching.any(|m| m) != operator.negated,
        }
    }

    /// Whether `Null` lists this answer to "is the key absent?".
    fn wants(&self, absent: bool) -> bool {
        matches!(&self.operand, Operand::Booleans(values) if values.contains(&absent))
    }

    /// The patterns to compare texts with; empty for operators that compare something else.
    fn expected(&self, variables: &Variables<'_>) -> Vec<Vec<Pattern>> {
        let Operand::Templates(templates) = &self.operand else { return Vec::new() };
        let literal = |template: &Template| {
            let text = template.text(variables).ok()?;
            let mut builder = crate::pattern::Builder::default();
            builder.literal(&if self.operator.comparison == Comparison::EqualIgnoringCase {
                text.to_lowercase()
            } else {
                text
            });
            Some(vec![builder.finish()])
        };
        let pattern = |template: &Template| match self.operator.comparison {
            Comparison::Like => template.pattern(variables).ok().map(|p| vec![p.into_owned()]),
            Comparison::Arn => template.pattern(variables).ok().map(|p| arn_fields(&p)),
            _ => literal(template),
        };
        templates.iter().filter_map(pattern).collect()
    }

    /// Whether a value of the key matches one of the condition's.
    fn matches(&self, value: &str, expected: &[Vec<Pattern>]) -> bool {
        match (&self.operand, self.operator.comparison) {
            (_, Comparison::EqualIgnoringCase) => {
                let value = value.to_lowercase();
                expected.iter().flatten().any(|p| p.matches(&value))
            }
            (_, Comparison::Arn) => expected.iter().any(|fields| arn_matches(fields, value)),
            (Operand::Templates(_), _) => expected.iter().flatten().any(|p| p.matches(value)),
            (Operand::Numbers(numbers), Comparison::Number(order)) => {
                value.parse::<f64>().is_ok_and(|v| numbers.iter().any(|n| order.holds(&v, n)))
            }
            (Operand::Times(times), Comparison::Time(order)) => {
                timestamp::parse(value).is_some_and(|v| times.iter().any(|t| order.holds(&v, t)))
            }
            (Operand::Booleans(booleans), _) => super::boolean(value).is_some_and(|v| booleans.contains(&v)),
            (Operand::Networks(networks), _) => value.parse().is_ok_and(|v| networks.iter().any(|n| n.contains(v))),
            (Operand::Numbers(_) | Operand::Times(_), _) => false,
        }
    }

    /// When a condition on the time may next turn out differently; `None` for a condition on anything else, and where it will
    /// stay as it is.
    #[must_use]
    pub fn decide_again_at(&self, now: Timestamp) -> Option<Timestamp> {
        const SECOND: i64 = 1000;
        let step = match self.key {
            Variable::CurrentTime => 1,
            Variable::EpochTime => SECOND,
            _ => return None,
        };
        let turns: Vec<Timestamp> = match &self.operand {
            Operand::Times(times) => times.clone(),
            #[expect(clippy::cast_possible_truncation, reason = "a float is cut to the range of the integer")]
            Operand::Numbers(numbers) => {
                numbers.iter().map(|n| Timestamp((n.ceil() as i64).saturating_mul(SECOND))).collect()
            }
            // A text comparison of the time, which no operator is meant for.
            Operand::Templates(_) => return Some(now.plus_millis(step)),
            Operand::Booleans(_) | Operand::Networks(_) => return None,
        };
        turns.into_iter().flat_map(|t| [t, t.plus_millis(step)]).filter(|t| *t > now).min()
    }
}

/// An ARN pattern's six fields; `*` alone stands for every ARN, and what is missing behind a last `*` for anything.
fn arn_fields(pattern: &Pattern) -> Vec<Pattern> {
    let mut fields = pattern.split(':', 6);
    if fields.last().is_some_and(Pattern::ends_open) {
        fields.resize_with(6, || Pattern::parse("*"));
    }
    fields
}

fn arn_matches(fields: &[Pattern], arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    parts.len() == 6 && fields.len() == 6 && fields.iter().zip(parts).all(|(field, part)| field.matches(part))
}

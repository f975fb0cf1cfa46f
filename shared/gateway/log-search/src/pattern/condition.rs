//! What a value is compared with: a text that may begin or end with anything, a number, a regular expression.

use super::InvalidPattern;
use super::cursor::Cursor;
use super::expression::Expression;

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a value is compared with.
#[derive(Debug, Clone)]
enum Operand {
    /// A text; `before` and `after` say whether anything may stand there.
    Text {
        text: String,
        before: bool,
        after: bool,
    },
    /// A number, and how it was written.
    Number(f64, String),
    Expression(Expression),
}

/// A comparison.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    operator: Operator,
    operand: Operand,
}

/// A value that is compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) text: &'a str,
    /// Its number, where it is one.
    pub(super) number: Option<f64>,
}

/// Reads an operator where there is one.
pub(super) fn operator(cursor: &mut Cursor<'_>) -> Option<Operator> {
    cursor.space();
    // The longer ones first: each is the beginning of none before it.
    let all = [
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("=", Operator::Equal),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    all.into_iter().find(|(sign, _)| cursor.take(sign)).map(|(_, operator)| operator)
}

impl Condition {
    /// Reads what stands behind an operator. `plain` says which characters a text without quotes has.
    pub(super) fn parse(
        cursor: &mut Cursor<'_>,
        operator: Operator,
        plain: impl Fn(char) -> bool,
    ) -> Result<Self, InvalidPattern> {
        cursor.space();
        let operand = match cursor.peek() {
            Some('%') => Operand::Expression(cursor.expression()?),
            Some('"') => text(cursor.quoted()?),
            _ => {
                let word = cursor.take_while(plain);
                if word.is_empty() {
                    return Err(cursor.wrong("a value is missing; one of other characters stands in double quotes"));
                }
                match number(word) {
                    Some(number) => Operand::Number(number, word.to_owned()),
                    None => text(word.to_owned()),
                }
            }
        };
        let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        if !is_equality && !matches!(operand, Operand::Number(..)) {
            return Err(cursor.wrong("`<`, `<=`, `>` and `>=` compare numbers"));
        }
        Ok(Self { operator, operand })
    }

    pub(super) fn has_expression(&self) -> bool {
        matches!(self.operand, Operand::Expression(_))
    }

    pub(super) fn holds(&self, given: Given<'_>) -> bool {
        let equal = || match (&self.operand, given.number) {
            (Operand::Expression(expression), _) => expression.is_in(given.text),
            #[expect(clippy::float_cmp, reason = "the numbers are those that were written, not computed ones")]
            (Operand::Number(wanted, _), Some(number)) => number == *wanted,
            (Operand::Number(_, wanted), None) => given.text == wanted,
            (Operand::Text { text, before, after }, _) => match (before, after) {
                (false, false) => given.text == text,
                (true, false) => given.text.ends_with(text.as_str()),
                (false, true) => given.text.starts_with(text.as_str()),
                (true, true) => given.text.contains(text.as_str()),
            },
        };
        let compared = |wanted: fn(f64, f64) -> bool| match (&self.operand, given.number) {
            (Operand::Number(than, _), Some(number)) => wanted(number, *than),
            _ => false,
        };
        match self.operator {
            Operator::Equal => equal(),
            Operator::NotEqual => !equal(),
            Operator::Less => compared(|a, b| a < b),
            Operator::LessOrEqual => compared(|a, b| a <= b),
            Operator::Greater => compared(|a, b| a > b),
            Operator::GreaterOrEqual => compared(|a, b| a >= b),
        }
    }
}

/// A text whose `*` at an end stands for anything; within it stands for itself.
fn text(text: String) -> Operand {
    if text == "*" {
        return Operand::Text { text: String::new(), before: true, after: true };
    }
    let before = text.starts_with('*');
    let after = text.ends_with('*');
    let inner = text.strip_prefix('*').unwrap_or(&text);
    let inner = inner.strip_suffix('*').unwrap_or(inner);
    Operand::Text { text: inner.to_owned(), before, after }
}

/// A number as patterns and space-delimited events write it: a sign, digits with a point, an exponent. No infinity, no hexadecimals.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !text.chars().all(plain) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

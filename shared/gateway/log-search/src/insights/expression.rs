//! Expressions: arithmetic, comparisons, `and`, `or`, `not`, `in`, `like`, and functions.

use super::Malformed;
use super::functions::{self, Function};
use super::reader::Reader;
use super::row::Row;
use super::value::Value;
use regex::{Regex, RegexBuilder};
use std::cmp::Ordering;

/// How deep expressions may be nested.
const MAX_DEPTH: usize = 48;
/// The most bytes of a compiled regular expression.
const MAX_SIZE: usize = 1 << 20;

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Field(String),
    Value(Value),
    Not(Box<Expression>),
    Minus(Box<Expression>),
    Two(Operator, Box<Expression>, Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
    Like(Box<Expression>, Regex),
    Call(&'static Function, Vec<Expression>),
    /// `bin`, `datefloor` and `dateceil`: a time on a grid of so many milliseconds.
    Grid {
        of: Box<Expression>,
        millis: i64,
        up: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

/// An expression, and how it was written: by which a column is called that has no name.
pub(super) fn parse(reader: &mut Reader<'_>) -> Result<(Expression, String), Malformed> {
    reader.space();
    let rest = reader.rest();
    let expression = or(reader, 0)?;
    let text = rest.strip_suffix(reader.rest()).unwrap_or(rest).trim_end().to_owned();
    Ok((expression, text))
}

fn two(operator: Operator, left: Expression, right: Expression) -> Expression {
    Expression::Two(operator, Box::new(left), Box::new(right))
}

fn or(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, Malformed> {
    if depth > MAX_DEPTH {
        return Err(reader.wrong(format!("an expression is nested deeper than {MAX_DEPTH}")));
    }
    let mut left = and(reader, depth)?;
    while reader.take_word("or") || reader.take("||") {
        left = two(Operator::Or, left, and(reader, depth)?);
    }
    Ok(left)
}

fn and(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, Malformed> {
    let mut left = not(reader, depth)?;
    while reader.take_word("and") || reader.take("&&") {
        left = two(Operator::And, left, not(reader, depth)?);
    }
    Ok(left)
}

fn not(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, Malformed> {
    let mut times = 0;
    while reader.take_word("not") {
        times += 1;
    }
    let inner = comparison(reader, depth)?;
    Ok(if times % 2 == 1 { Expression::Not(Box::new(inner)) } else { inner })
}

fn comparison(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, Malformed> {
    let left = sum(reader, depth)?;
    let negated = reader.is_word("not");
    if negated {
        reader.take_word("not");
    }
    let test = if reader.take_word("like") || (!negated && reader.take("=~")) {
        Expression::Like(Box::new(left), expression_of(reader)?)
    } else if reader.take_word("in") {
        reader.expect("[")?;
        let mut all = Vec::new();
        while !reader.take("]") {
            if !all.is_empty() {
                reader.expect(",")?;
            }
            all.push(sum(reader, depth + 1)?);
        }
        Expression::In(Box::new(left), all)
    } else if negated {
        return Err(reader.wrong("behind `not` stands `like` or `in`"));
    } else {
        // The longer ones first: each is the beginning of none before it.
        let signs = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let found = signs.into_iter().find(|(sign, _)| reader.take(sign));
        return match found {
            Some((_, operator)) => Ok(two(operator, left, sum(reader, depth)?)),
            None => Ok(left),
        };
    };
    Ok(if negated { Expression::Not(Box::new(test)) } else { test })
}

/// What `like` looks for: a text in quotes wherever it stands, or a regular expression between slashes.
fn expression_of(reader: &mut Reader<'_>) -> Result<Regex, Malformed> {
    reader.space();
    let begin = reader.at();
    let pattern = match reader.peek() {
        Some(quote @ ('"' | '\'')) => regex::escape(&reader.until(quote)?),
        Some('/') => reader.until('/')?,
        _ => return Err(reader.wrong("behind `like` stands a text in quotes, or a regular expression between slashes")),
    };
    compile(&pattern).map_err(|why| reader.since(begin, why))
}

/// Compiles a regular expression.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(pattern).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build();
    compiled.map_err(|_| format!("`/{pattern}/` is not a regular expression that is taken here"))
}

fn sum(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, Malformed> {
    let mut left = product(reader, depth)?;
    loop {
        let operator = match reader.take("+") {
            true => Operator::Add,
            false if reader.take("-") => Operator::Subtract,
            false => return Ok(left),
        };
        left = two(operator, left, product(reader, depth)?);
    }
}

fn product(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, Malformed> {
    let mut left = power(reader, depth)?;
    loop {
        let signs = [("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Modulo)];
        let Some((_, operator)) = signs.into_iter().find(|(sign, _)| reader.take(sign)) else { return Ok(left) };
        left = two(operator, left, power(reader, depth)?);
    }
}

fn power(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, Malformed> {
    if depth > MAX_DEPTH {
        return Err(reader.wrong(format!("an expression is nested deeper than {MAX_DEPTH}")));
    }
    let left = unit(reader, depth)?;
    if reader.take("^") {
        return Ok(two(Operator::Power, left, power(reader, depth + 1)?));
    }
    Ok(left)
}

fn unit(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, Malformed> {
    reader.space();
    match reader.peek() {
        Some('(') => {
            reader.next();
            let inner = or(reader, depth + 1)?;
            reader.expect(")")?;
            Ok(inner)
        }
        Some('-') if depth <= MAX_DEPTH => {
            reader.next();
            Ok(Expression::Minus(Box::new(unit(reader, depth + 1)?)))
        }
        Some(quote @ ('"' | '\'')) => Ok(Expression::Value(Value::Text(reader.until(quote)?))),
        Some(c) if c.is_ascii_digit() => {
            let begin = reader.at();
            let digits = reader.take_while(|c| c.is_ascii_digit() || c == '.');
            let number = digits.parse().map_err(|_| reader.since(begin, format!("`{digits}` is not a number")))?;
            Ok(Expression::Value(Value::Number(number)))
        }
        Some('`') => Ok(Expression::Field(reader.name()?)),
        _ => name(reader, depth),
    }
}

fn name(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, Malformed> {
    let begin = reader.at();
    let name = reader.name()?;
    if name.is_empty() {
        return Err(match reader.peek() {
            Some(c) => reader.wrong(format!("`{c}` stands where a field, a value or a function is expected")),
            None => reader.wrong("the query ends where a field, a value or a function is expected"),
        });
    }
    reader.space();
    if reader.peek() != Some('(') {
        return Ok(match name.as_str() {
            "true" => Expression::Value(Value::Bool(true)),
            "false" => Expression::Value(Value::Bool(false)),
            _ => Expression::Field(name),
        });
    }
    reader.next();
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "bin" => {
            let millis = period(reader)?;
            reader.expect(")")?;
            let of = Box::new(Expression::Field(super::row::TIMESTAMP.to_owned()));
            return Ok(Expression::Grid { of, millis, up: false });
        }
        "datefloor" | "dateceil" => {
            let of = Box::new(or(reader, depth + 1)?);
            reader.expect(",")?;
            let millis = period(reader)?;
            reader.expect(")")?;
            return Ok(Expression::Grid { of, millis, up: lower == "dateceil" });
        }
        _ => {}
    }
    let Some(function) = functions::find(&lower) else {
        return Err(reader.since(begin, format!("the function `{name}` is not implemented by this gateway")));
    };
    let mut arguments = Vec::new();
    while !reader.take(")") {
        if !arguments.is_empty() {
            reader.expect(",")?;
        }
        arguments.push(or(reader, depth + 1)?);
    }
    if !function.takes.contains(&arguments.len()) {
        let why = format!("`{name}` takes {} to {} arguments", function.takes.start(), function.takes.end());
        return Err(reader.since(begin, why));
    }
    Ok(Expression::Call(function, arguments))
}

/// A period: `5m`, `1h`, `30 s`, in milliseconds.
fn period(reader: &mut Reader<'_>) -> Result<i64, Malformed> {
    reader.space();
    let begin = reader.at();
    let digits = reader.take_while(|c| c.is_ascii_digit());
    reader.space();
    let unit = reader.take_while(|c| c.is_ascii_alphabetic());
    let millis = match unit.to_ascii_lowercase().as_str() {
        "ms" | "msec" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "second" | "seconds" => 1000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "week" | "weeks" => 604_800_000,
        "" => return Err(reader.since(begin, "a period has a number and a unit, as `5m`")),
        other => {
            let why =
                format!("the unit `{other}` of a period is not implemented by this gateway: take ms, s, m, h, d or w");
            return Err(reader.since(begin, why));
        }
    };
    let number: i64 = if digits.is_empty() { 1 } else { digits.parse().unwrap_or(i64::MAX) };
    let all = number.checked_mul(millis).filter(|all| *all > 0);
    all.ok_or_else(|| reader.since(begin, "the period is too long, or none at all"))
}

impl Expression {
    pub(super) fn of(&self, row: &Row<'_>) -> Value {
        match self {
            Self::Field(name) => row.get(name),
            Self::Value(value) => value.clone(),
            Self::Not(inner) => Value::Bool(!inner.of(row).is_true()),
            Self::Minus(inner) => inner.of(row).number().map_or(Value::Missing, |number| Value::Number(-number)),
            Self::Two(operator, left, right) => apply(*operator, left, right, row),
            Self::In(inner, all) => {
                let value = inner.of(row);
                Value::Bool(all.iter().any(|each| value.compare(&each.of(row)) == Some(Ordering::Equal)))
            }
            Self::Like(inner, expression) => match inner.of(row) {
                Value::Missing => Value::Bool(false),
                value => Value::Bool(expression.is_match(&value.text())),
            },
            Self::Call(function, arguments) => {
                let values: Vec<Value> = arguments.iter().map(|argument| argument.of(row)).collect();
                (function.call)(&values)
            }
            Self::Grid { of, millis, up } => {
                let time = match of.of(row) {
                    Value::Time(time) => time,
                    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds, cut to whole ones")]
                    other => match other.number() {
                        Some(number) => number as i64,
                        None => return Value::Missing,
                    },
                };
                let floor = time.div_euclid(*millis).saturating_mul(*millis);
                Value::Time(if *up && floor != time { floor.saturating_add(*millis) } else { floor })
            }
        }
    }
}

fn apply(operator: Operator, left: &Expression, right: &Expression, row: &Row<'_>) -> Value {
    let left = left.of(row);
    match operator {
        Operator::And => return Value::Bool(left.is_true() && right.of(row).is_true()),
        Operator::Or => return Value::Bool(left.is_true() || right.of(row).is_true()),
        _ => {}
    }
    let right = right.of(row);
    let compared = |wanted: fn(Ordering) -> bool| Value::Bool(left.compare(&right).is_some_and(wanted));
    let computed = |of: fn(f64, f64) -> f64| match (left.number(), right.number()) {
        (Some(a), Some(b)) => Some(of(a, b)).filter(|number| number.is_finite()).map_or(Value::Missing, Value::Number),
        _ => Value::Missing,
    };
    match operator {
        Operator::Equal => compared(Ordering::is_eq),
        // What is missing is unlike any value.
        Operator::NotEqual => Value::Bool(left.compare(&right) != Some(Ordering::Equal)),
        Operator::Less => compared(Ordering::is_lt),
        Operator::LessOrEqual => compared(Ordering::is_le),
        Operator::Greater => compared(Ordering::is_gt),
        Operator::GreaterOrEqual => compared(Ordering::is_ge),
        Operator::Add => computed(|a, b| a + b),
        Operator::Subtract => computed(|a, b| a - b),
        Operator::Multiply => computed(|a, b| a * b),
        Operator::Divide => computed(|a, b| a / b),
        Operator::Modulo => computed(|a, b| a % b),
        Operator::Power => computed(f64::powf),
        Operator::And | Operator::Or => Value::Missing,
    }
}

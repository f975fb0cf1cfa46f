//! Event patterns: which events a rule takes.
//!
//! Follows "Comparison operators for use in event patterns" of the user guide.

use serde_json::{Map, Value};
use std::net::IpAddr;

/// How deep a pattern goes, and how many tests one has, at most.
const DEEPEST: usize = 32;
const MOST: usize = 1000;

/// What has to hold of an event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pattern {
    fields: Vec<(String, Field)>,
    /// Of each, one has to hold.
    any: Vec<Vec<Pattern>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Field {
    Within(Pattern),
    OneOf(Vec<Test>),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equals(Value),
    Prefix(String, Case),
    Suffix(String, Case),
    EqualsIgnoringCase(String),
    Wildcard(String),
    AnythingBut(Vec<Test>),
    Numeric(Vec<(Order, f64)>),
    Exists(bool),
    Cidr(IpAddr, u32),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Case {
    Matters,
    Ignored,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    Less,
    LessOrEqual,
    Equal,
    Greater,
    GreaterOrEqual,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("Event pattern is not valid. Reason: {error}"))?;
        let object = value.as_object().filter(|object| !object.is_empty());
        let object = object.ok_or("Event pattern is not valid. Reason: Filter is not an object, or empty")?;
        let mut left = MOST;
        read(object, DEEPEST, &mut left).map_err(|why| format!("Event pattern is not valid. Reason: {why}"))
    }

    /// Whether an event is one that it takes.
    #[must_use]
    pub fn matches(&self, event: &Value) -> bool {
        // Of a list of objects one has to be such.
        if let Value::Array(list) = event {
            return list.iter().any(|one| self.matches(one));
        }
        self.fields.iter().all(|(name, field)| field.matches(event.get(name)))
            && self.any.iter().all(|some| some.iter().any(|one| one.matches(event)))
    }
}

impl Field {
    fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Within(pattern), Some(value)) => pattern.matches(value),
            // What is not there has nothing within: only that something does not exist can hold.
            (Self::Within(pattern), None) => pattern.matches(&Value::Null),
            (Self::OneOf(tests), Some(Value::Array(list))) if !list.is_empty() => {
                tests.iter().any(|test| list.iter().any(|one| test.holds(Some(one))))
            }
            (Self::OneOf(tests), value) => tests.iter().any(|test| test.holds(value)),
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&Value>) -> bool {
        // Only what has nothing within exists, to a pattern.
        let value = value.filter(|value| !value.is_object());
        if let Self::Exists(wanted) = self {
            return value.is_some() == *wanted;
        }
        let Some(value) = value else { return false };
        let text = value.as_str();
        match self {
            Self::Exists(_) => false,
            Self::Equals(Value::Number(wanted)) => value.as_f64().is_some_and(|given| Some(given) == wanted.as_f64()),
            Self::Equals(wanted) => value == wanted,
            Self::Prefix(prefix, Case::Matters) => text.is_some_and(|text| text.starts_with(prefix)),
            Self::Prefix(prefix, Case::Ignored) => text.is_some_and(|text| text.to_lowercase().starts_with(prefix)),
            Self::Suffix(suffix, Case::Matters) => text.is_some_and(|text| text.ends_with(suffix)),
            Self::Suffix(suffix, Case::Ignored) => text.is_some_and(|text| text.to_lowercase().ends_with(suffix)),
            Self::EqualsIgnoringCase(wanted) => text.is_some_and(|text| text.to_lowercase() == *wanted),
            Self::Wildcard(wildcard) => text.is_some_and(|text| fits(wildcard, text)),
            Self::AnythingBut(tests) => !value.is_null() && !tests.iter().any(|test| test.holds(Some(value))),
            Self::Numeric(tests) => {
                value.as_f64().is_some_and(|given| tests.iter().all(|(order, of)| order.holds(given, *of)))
            }
            Self::Cidr(network, bits) => {
                text.and_then(|text| text.parse().ok()).is_some_and(|given| within(given, *network, *bits))
            }
        }
    }
}

impl Order {
    #[expect(clippy::float_cmp, reason = "EventBridge compares numbers as they are written")]
    fn holds(self, given: f64, of: f64) -> bool {
        match self {
            Self::Less => given < of,
            Self::LessOrEqual => given <= of,
            Self::Equal => given == of,
            Self::Greater => given > of,
            Self::GreaterOrEqual => given >= of,
        }
    }
}

fn read(object: &Map<String, Value>, deep: usize, left: &mut usize) -> Result<Pattern, String> {
    let deeper = deep.checked_sub(1).ok_or("it goes too deep")?;
    let mut pattern = Pattern::default();
    for (name, value) in object {
        match value {
            Value::Array(list) if name == "$or" => {
                let some: Option<Vec<_>> = list.iter().map(Value::as_object).collect();
                let some = some.filter(|some| some.len() >= 2).ok_or("`$or` wants a list of at least two patterns")?;
                let some: Result<Vec<_>, _> = some.into_iter().map(|one| read(one, deeper, left)).collect();
                pattern.any.push(some?);
            }
            Value::Array(list) if !list.is_empty() => {
                let tests: Result<Vec<_>, _> = list.iter().map(|test| test_of(test, left)).collect();
                pattern.fields.push((name.clone(), Field::OneOf(tests?)));
            }
            Value::Object(object) if !object.is_empty() => {
                pattern.fields.push((name.clone(), Field::Within(read(object, deeper, left)?)));
            }
            Value::Array(_) | Value::Object(_) => return Err(format!("`{name}` is empty")),
            _ => return Err(format!("\"{name}\" must be an object or an array")),
        }
    }
    Ok(pattern)
}

fn test_of(test: &Value, left: &mut usize) -> Result<Test, String> {
    *left = left.checked_sub(1).ok_or_else(|| format!("it has more than {MOST} values"))?;
    let Value::Object(object) = test else {
        if test.is_array() {
            return Err("a list within a list of values".to_owned());
        }
        return Ok(Test::Equals(test.clone()));
    };
    let mut members = object.iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else {
        return Err("Only one key allowed in match expression".to_owned());
    };
    let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("`{name}` wants a text"));
    // Of prefix and suffix there is a form that ignores case.
    let cased = || match value.get("equals-ignore-case").and_then(Value::as_str) {
        Some(text) => Ok((text.to_lowercase(), Case::Ignored)),
        None => text().map(|text| (text, Case::Matters)),
    };
    Ok(match name.as_str() {
        "prefix" => cased().map(|(text, case)| Test::Prefix(text, case))?,
        "suffix" => cased().map(|(text, case)| Test::Suffix(text, case))?,
        "equals-ignore-case" => Test::EqualsIgnoringCase(text()?.to_lowercase()),
        "wildcard" => Test::Wildcard(wildcard(text()?)?),
        "exists" => Test::Exists(value.as_bool().ok_or("`exists` wants true or false")?),
        "numeric" => Test::Numeric(numeric(value)?),
        "cidr" => {
            let read = value.as_str().and_then(|text| text.split_once('/'));
            let read = read.and_then(|(ip, bits)| Some((ip.parse::<IpAddr>().ok()?, bits.parse::<u32>().ok()?)));
            let fits = |(ip, bits): &(IpAddr, u32)| *bits <= if ip.is_ipv4() { 32 } else { 128 };
            let (ip, bits) = read.filter(fits).ok_or("`cidr` wants a network, such as 10.0.0.0/24")?;
            Test::Cidr(ip, bits)
        }
        "anything-but" => Test::AnythingBut(anything_but(value, left)?),
        _ => return Err(format!("Unrecognized match type {name}")),
    })
}

/// A value, a list of values, or a test on texts with one of them or several.
fn anything_but(value: &Value, left: &mut usize) -> Result<Vec<Test>, String> {
    let plain = |value: &Value| match value {
        Value::String(_) | Value::Number(_) => Ok(Test::Equals(value.clone())),
        _ => Err("`anything-but` wants texts or numbers".to_owned()),
    };
    match value {
        Value::Array(list) if !list.is_empty() => list.iter().map(plain).collect(),
        Value::Object(object) => {
            let mut tests = Vec::new();
            for (name, value) in object {
                if !["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(&name.as_str()) {
                    return Err(format!("Unrecognized match type {name} within `anything-but`"));
                }
                let values = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
                for one in values {
                    tests.push(test_of(&Value::Object(Map::from_iter([(name.clone(), one.clone())])), left)?);
                }
            }
            Ok(tests)
        }
        other => plain(other).map(|test| vec![test]),
    }
}

fn numeric(value: &Value) -> Result<Vec<(Order, f64)>, String> {
    let wrong = || "`numeric` wants a list of comparisons and numbers, such as [\">\", 0, \"<=\", 5]".to_owned();
    let list = value.as_array().filter(|list| list.len() == 2 || list.len() == 4).ok_or_else(wrong)?;
    list.chunks(2)
        .map(|pair| {
            let [order, number] = pair else { return Err(wrong()) };
            let order = match order.as_str() {
                Some("<") => Order::Less,
                Some("<=") => Order::LessOrEqual,
                Some("=") => Order::Equal,
                Some(">") => Order::Greater,
                Some(">=") => Order::GreaterOrEqual,
                _ => return Err(wrong()),
            };
            Ok((order, number.as_f64().ok_or_else(wrong)?))
        })
        .collect()
}

fn wildcard(text: String) -> Result<String, String> {
    if text.contains("**") { Err("Consecutive wildcard characters".to_owned()) } else { Ok(text) }
}

/// Whether a text fits a wildcard, whose `*` stands for anything: the parts between have to come one behind the other.
fn fits(wildcard: &str, text: &str) -> bool {
    let mut parts = wildcard.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(between) = last.replace(part) {
            let Some((_, behind)) = rest.split_once(between) else { return false };
            rest = behind;
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

fn within(given: IpAddr, network: IpAddr, bits: u32) -> bool {
    let same = |given: u128, network: u128, unused: u32| given.checked_shr(unused) == network.checked_shr(unused);
    match (given, network) {
        (IpAddr::V4(given), IpAddr::V4(network)) => same(given.to_bits().into(), network.to_bits().into(), 32 - bits),
        (IpAddr::V6(given), IpAddr::V6(network)) => same(given.to_bits(), network.to_bits(), 128 - bits),
        _ => false,
    }
}

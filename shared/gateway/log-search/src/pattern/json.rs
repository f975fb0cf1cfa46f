//! Properties of JSON: "Using filter patterns to match terms in JSON log events".

use super::InvalidPattern;
use super::condition::{Condition, Given, operator};
use super::cursor::Cursor;
use serde_json::Value;
use std::collections::BTreeMap;

/// How deep expressions may be nested.
const MAX_DEPTH: usize = 32;
/// How many values a wildcard may lead to, and so how long an event may take.
const MAX_VALUES: usize = 10_000;

/// A step from a value to one in it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Property(String),
    Element(usize),
    Any,
}

/// Where a value is, and how that was written.
#[derive(Debug, Clone)]
struct Selector {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Test {
    Compare(Condition),
    Null,
    True,
    False,
    Exists,
    NotExists,
}

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Any(Vec<Tree>),
    All(Vec<Tree>),
    Leaf(Box<Leaf>),
}

/// A test of a value.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    selector: Selector,
    test: Test,
}

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Tree, InvalidPattern> {
    cursor.expect("{")?;
    let tree = any(cursor, 0)?;
    cursor.expect("}")?;
    Ok(tree)
}

fn any(cursor: &mut Cursor<'_>, depth: usize) -> Result<Tree, InvalidPattern> {
    if depth > MAX_DEPTH {
        return Err(cursor.wrong(format!("an expression is nested deeper than {MAX_DEPTH}")));
    }
    let mut parts = Vec::new();
    loop {
        parts.push(all(cursor, depth)?);
        cursor.space();
        if !cursor.take("||") {
            return Ok(one_of(parts, Tree::Any));
        }
    }
}

fn all(cursor: &mut Cursor<'_>, depth: usize) -> Result<Tree, InvalidPattern> {
    let mut parts = Vec::new();
    loop {
        cursor.space();
        if cursor.take("(") {
            parts.push(any(cursor, depth + 1)?);
            cursor.expect(")")?;
        } else {
            parts.push(Tree::Leaf(Box::new(leaf(cursor)?)));
        }
        cursor.space();
        if !cursor.take("&&") {
            return Ok(one_of(parts, Tree::All));
        }
    }
}

fn one_of(mut parts: Vec<Tree>, of: fn(Vec<Tree>) -> Tree) -> Tree {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            of(parts)
        }
    }
}

fn leaf(cursor: &mut Cursor<'_>) -> Result<Leaf, InvalidPattern> {
    let selector = selector(cursor)?;
    if let Some(operator) = operator(cursor) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.*+-:/".contains(c);
        return Ok(Leaf { selector, test: Test::Compare(Condition::parse(cursor, operator, plain)?) });
    }
    let test = if cursor.take_word("IS") {
        cursor.space();
        [("NULL", Test::Null), ("TRUE", Test::True), ("FALSE", Test::False)]
            .into_iter()
            .find(|(word, _)| cursor.take_word(word))
            .map(|(_, test)| test)
            .ok_or_else(|| cursor.wrong("behind `IS` stands NULL, TRUE or FALSE"))?
    } else if cursor.take_word("NOT") {
        cursor.space();
        if !cursor.take_word("EXISTS") {
            return Err(cursor.wrong("behind `NOT` stands EXISTS"));
        }
        Test::NotExists
    } else if cursor.take_word("EXISTS") {
        Test::Exists
    } else {
        return Err(cursor.wrong("an operator is missing: =, !=, <, <=, >, >=, IS, EXISTS or NOT EXISTS"));
    };
    Ok(Leaf { selector, test })
}

fn selector(cursor: &mut Cursor<'_>) -> Result<Selector, InvalidPattern> {
    cursor.space();
    let begin = cursor.rest();
    if !cursor.take("$") {
        return Err(cursor.wrong("a property begins with `$.`"));
    }
    let mut steps = Vec::new();
    loop {
        if cursor.take("[") {
            let step = if cursor.take("*") {
                Step::Any
            } else if let Some(quote @ ('\'' | '"')) = cursor.peek() {
                cursor.next();
                let name = cursor.take_while(|c| c != quote).to_owned();
                cursor.next();
                Step::Property(name)
            } else {
                let digits = cursor.take_while(|c| c.is_ascii_digit());
                Step::Element(digits.parse().map_err(|_| cursor.wrong("an element is a number or `*`"))?)
            };
            if !cursor.take("]") {
                return Err(cursor.wrong("`]` is missing"));
            }
            steps.push(step);
        } else if cursor.take(".") {
            if cursor.peek() == Some('[') {
                continue; // `$.['a name']`
            }
            if cursor.take("*") {
                steps.push(Step::Any);
                continue;
            }
            let name = cursor.take_while(|c| c.is_alphanumeric() || c == '_' || c == '-');
            if name.is_empty() {
                return Err(cursor.wrong("a property has a name of letters, digits, `_` and `-`"));
            }
            steps.push(Step::Property(name.to_owned()));
        } else {
            break;
        }
    }
    if steps.is_empty() {
        return Err(cursor.wrong("a property begins with `$.`"));
    }
    let text = begin.strip_suffix(cursor.rest()).unwrap_or(begin).to_owned();
    Ok(Selector { text, steps })
}

impl Selector {
    fn values<'v>(&self, root: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![root];
        for step in &self.steps {
            found = found
                .into_iter()
                .flat_map(|value| -> Vec<&Value> {
                    match (step, value) {
                        (Step::Property(name), Value::Object(members)) => members.get(name).into_iter().collect(),
                        (Step::Element(index), Value::Array(elements)) => elements.get(*index).into_iter().collect(),
                        (Step::Any, Value::Object(members)) => members.values().collect(),
                        (Step::Any, Value::Array(elements)) => elements.iter().collect(),
                        _ => Vec::new(),
                    }
                })
                .take(MAX_VALUES)
                .collect();
        }
        found
    }
}

impl Test {
    fn holds(&self, values: &[&Value]) -> bool {
        match self {
            Self::Exists => !values.is_empty(),
            Self::NotExists => values.is_empty(),
            Self::Null => values.iter().any(|value| value.is_null()),
            Self::True => values.iter().any(|value| **value == Value::Bool(true)),
            Self::False => values.iter().any(|value| **value == Value::Bool(false)),
            Self::Compare(condition) => values.iter().any(|value| match value {
                Value::String(text) => condition.holds(Given { text, number: None }),
                Value::Number(number) => condition.holds(Given { text: &number.to_string(), number: number.as_f64() }),
                // What is not a value is compared with none, whichever way.
                _ => false,
            }),
        }
    }
}

impl Tree {
    pub(super) fn matches(&self, root: &Value) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.matches(root)),
            Self::All(parts) => parts.iter().all(|part| part.matches(root)),
            Self::Leaf(leaf) => leaf.test.holds(&leaf.selector.values(root)),
        }
    }

    /// The values that are named, by how they are named.
    pub(super) fn extract(&self, root: &Value) -> BTreeMap<String, String> {
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().flat_map(|part| part.extract(root)).collect(),
            Self::Leaf(leaf) => {
                let first = leaf.selector.values(root).first().map(|value| shown(value));
                first.map(|value| (leaf.selector.text.clone(), value)).into_iter().collect()
            }
        }
    }

    pub(super) fn has_expression(&self) -> bool {
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().any(Self::has_expression),
            Self::Leaf(leaf) => matches!(&leaf.test, Test::Compare(condition) if condition.has_expression()),
        }
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The first value that a selector names in a message.
pub(super) fn select(text: &str, message: &str) -> Result<Option<String>, InvalidPattern> {
    let mut cursor = Cursor::new(text);
    let selector = selector(&mut cursor)?;
    if !cursor.rest().trim().is_empty() {
        return Err(cursor.wrong(format!("`{}` stands behind the selector", cursor.rest())));
    }
    let Ok(root) = serde_json::from_str::<Value>(message) else { return Ok(None) };
    Ok(selector.values(&root).first().map(|value| shown(value)))
}

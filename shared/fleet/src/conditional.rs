//! One conditional write to one row, as a value.
//!
//! The backend never reads a row in order to write it: events are duplicated and race. What must hold and what is then
//! written is described here once, and has two readers: `fleet-aws` renders it as a DynamoDB `UpdateItem`, and
//! [`Change::apply`] carries it out on a row in memory, for tests and for reasoning. The operators are the subset of
//! DynamoDB's whose meaning needs no footnote: a comparison with an attribute that is missing, or of another type, is false.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The name of an attribute.
pub type Name = Cow<'static, str>;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number: times, counts, sequences.
    Number(i64),
    /// True or false.
    Flag(bool),
    /// A set of whole numbers; never empty.
    Numbers(BTreeSet<i64>),
    /// A document, kept as it came.
    Document(serde_json::Value),
}

impl Value {
    /// As a member of a document.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Numbers(numbers) => numbers.iter().copied().collect(),
            Self::Document(document) => document.clone(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A row: its attributes by name, key included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item(pub BTreeMap<String, Value>);

impl Item {
    /// The attribute, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The attribute, if it is a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The attribute, if it is a flag.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The attribute, if it is a document with members.
    #[must_use]
    pub fn document(&self, name: &str) -> Option<&serde_json::Map<String, serde_json::Value>> {
        match self.0.get(name)? {
            Value::Document(serde_json::Value::Object(members)) => Some(members),
            _ => None,
        }
    }

    /// The attribute, if it is a set of numbers.
    #[must_use]
    pub fn numbers(&self, name: &str) -> Option<&BTreeSet<i64>> {
        match self.0.get(name)? {
            Value::Numbers(numbers) => Some(numbers),
            _ => None,
        }
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
}

/// What must hold of a row for a change to be made.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The attribute exists.
    Exists(Name),
    /// The attribute does not exist (always so where there is no row).
    Missing(Name),
    /// The attribute exists, has the value's type, and compares so.
    Is(Name, Compare, Value),
    /// All hold.
    All(Vec<Condition>),
    /// At least one holds.
    Any(Vec<Condition>),
    /// Does not hold.
    Not(Box<Condition>),
}

impl Condition {
    /// `name = value`
    pub fn equal(name: impl Into<Name>, value: impl Into<Value>) -> Self {
        Self::Is(name.into(), Compare::Equal, value.into())
    }

    /// `name < value`
    pub fn less(name: impl Into<Name>, value: impl Into<Value>) -> Self {
        Self::Is(name.into(), Compare::Less, value.into())
    }

    /// `name <= value`
    pub fn less_or_equal(name: impl Into<Name>, value: impl Into<Value>) -> Self {
        Self::Is(name.into(), Compare::LessOrEqual, value.into())
    }

    /// `name > value`
    pub fn greater(name: impl Into<Name>, value: impl Into<Value>) -> Self {
        Self::Is(name.into(), Compare::Greater, value.into())
    }

    /// `NOT condition`
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// The same without lists of one, lists in lists of their own kind, and double negations: DynamoDB refuses parentheses that
    /// say nothing. `Err`: it always holds, or never.
    ///
    /// # Errors
    /// What the condition comes to on every row.
    pub fn simplified(&self) -> Result<Self, bool> {
        match self {
            Self::Exists(_) | Self::Missing(_) | Self::Is(..) => Ok(self.clone()),
            Self::Not(inner) => match inner.simplified() {
                Ok(Self::Not(twice)) => Ok(*twice),
                Ok(inner) => Ok(inner.negated()),
                Err(always) => Err(!always),
            },
            Self::All(conditions) => simplified_list(conditions, true),
            Self::Any(conditions) => simplified_list(conditions, false),
        }
    }

    /// Whether it holds of the row.
    #[must_use]
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Exists(name) => item.0.contains_key(name.as_ref()),
            Self::Missing(name) => !item.0.contains_key(name.as_ref()),
            Self::Is(name, compare, value) => match (item.0.get(name.as_ref()), value) {
                (Some(Value::Number(left)), Value::Number(right)) => compare.orders(left.cmp(right)),
                (Some(Value::Text(left)), Value::Text(right)) => compare.orders(left.cmp(right)),
                (Some(left), right) => *compare == Compare::Equal && left == right,
                (None, _) => false,
            },
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(item)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(item)),
            Self::Not(condition) => !condition.holds(item),
        }
    }
}

/// A list that holds with `neutral` alone: a member that comes to it says nothing, one that comes to the opposite decides.
fn simplified_list(conditions: &[Condition], neutral: bool) -> Result<Condition, bool> {
    let mut kept = Vec::new();
    for condition in conditions {
        match condition.simplified() {
            Ok(Condition::All(inner)) if neutral => kept.extend(inner),
            Ok(Condition::Any(inner)) if !neutral => kept.extend(inner),
            Ok(condition) => kept.push(condition),
            Err(always) if always == neutral => {}
            Err(decided) => return Err(decided),
        }
    }
    match kept.pop() {
        None => Err(neutral),
        Some(only) if kept.is_empty() => Ok(only),
        Some(last) => {
            kept.push(last);
            Ok(if neutral { Condition::All(kept) } else { Condition::Any(kept) })
        }
    }
}

impl Compare {
    fn orders(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
        }
    }
}

/// One conditional write. A row that does not exist is made, unless the condition forbids it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The row's key: one attribute, or a partition key and a sort key.
    pub key: Vec<(Name, Value)>,
    /// What must hold; nothing, if absent.
    pub condition: Option<Condition>,
    /// Attributes to set.
    pub set: Vec<(Name, Value)>,
    /// Members of documents to set: the attribute, the member, its value. The condition must ask that the attribute exists, as
    /// DynamoDB fails otherwise, and it is always written as a document.
    pub set_in: Vec<(Name, Name, Value)>,
    /// Attributes to remove.
    pub remove: Vec<Name>,
    /// Numbers to count up by; an attribute that is missing counts from 0.
    pub count: Vec<(Name, i64)>,
    /// Numbers to put into sets; a set that is missing is made.
    pub collect: Vec<(Name, i64)>,
}

impl Change {
    /// A change of the row with this key that does nothing yet.
    pub fn of(key: impl Into<Name>, value: impl Into<Value>) -> Self {
        Self {
            key: vec![(key.into(), value.into())],
            condition: None,
            set: Vec::new(),
            set_in: Vec::new(),
            remove: Vec::new(),
            count: Vec::new(),
            collect: Vec::new(),
        }
    }

    /// Adds the sort key.
    #[must_use]
    pub fn and_key(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Self {
        self.key.push((name.into(), value.into()));
        self
    }

    /// Only if this holds.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Sets an attribute.
    #[must_use]
    pub fn set(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Self {
        self.set.push((name.into(), value.into()));
        self
    }

    /// Sets a member of a document.
    #[must_use]
    pub fn set_in(mut self, document: impl Into<Name>, member: impl Into<Name>, value: impl Into<Value>) -> Self {
        self.set_in.push((document.into(), member.into(), value.into()));
        self
    }

    /// Sets an attribute, or removes it if there is no value.
    #[must_use]
    pub fn set_or_remove(self, name: impl Into<Name>, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self.remove(name),
        }
    }

    /// Removes an attribute.
    #[must_use]
    pub fn remove(mut self, name: impl Into<Name>) -> Self {
        self.remove.push(name.into());
        self
    }

    /// Counts an attribute up.
    #[must_use]
    pub fn count(mut self, name: impl Into<Name>, by: i64) -> Self {
        self.count.push((name.into(), by));
        self
    }

    /// Puts a number into a set.
    #[must_use]
    pub fn collect(mut self, name: impl Into<Name>, number: i64) -> Self {
        self.collect.push((name.into(), number));
        self
    }

    /// Carries the change out on a row in memory (`None`: there is no row) and says what DynamoDB would answer.
    pub fn apply(&self, row: &mut Option<Item>) -> Outcome {
        let before = row.clone();
        let empty = Item::default();
        if self.condition.as_ref().is_some_and(|condition| !condition.holds(before.as_ref().unwrap_or(&empty))) {
            return Outcome::Refused { current: before };
        }
        let attributes = &mut row.get_or_insert_default().0;
        for (name, value) in self.key.iter().chain(&self.set) {
            attributes.insert(name.to_string(), value.clone());
        }
        for (document, member, value) in &self.set_in {
            if let Some(Value::Document(serde_json::Value::Object(members))) = attributes.get_mut(document.as_ref()) {
                members.insert(member.to_string(), value.to_json());
            }
        }
        for name in &self.remove {
            attributes.remove(name.as_ref());
        }
        for (name, by) in &self.count {
            let number = attributes.entry(name.to_string()).or_insert(Value::Number(0));
            if let Value::Number(number) = number {
                *number = number.saturating_add(*by);
            }
        }
        for (name, number) in &self.collect {
            let set = attributes.entry(name.to_string()).or_insert_with(|| Value::Numbers(BTreeSet::new()));
            if let Value::Numbers(numbers) = set {
                numbers.insert(*number);
            }
        }
        Outcome::Applied { before }
    }
}

/// What became of a [`Change`].
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was made; this is the row as it was before.
    Applied {
        /// `None`: there was no row.
        before: Option<Item>,
    },
    /// Its condition did not hold. Mostly this is success: a duplicate, or overtaken by something newer.
    Refused {
        /// The row that stood against it; `None`: there is no row.
        current: Option<Item>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_with_a_missing_attribute_or_another_type_is_false_and_its_negation_true() {
        let item = Item([("a".to_owned(), Value::Number(5))].into());
        for condition in
            [Condition::equal("b", 5), Condition::less("b", 9), Condition::equal("a", "5"), Condition::less("a", "9")]
        {
            assert!(!condition.holds(&item), "{condition:?}");
            assert!(condition.negated().holds(&item));
        }
    }

    #[test]
    fn a_refused_change_leaves_the_row_and_an_accepted_one_returns_what_was() {
        let change =
            Change::of("id", "x").when(Condition::Missing("n".into())).count("n", 2).collect("s", 7).set("t", "y");
        let mut row = None;
        assert_eq!(change.apply(&mut row), Outcome::Applied { before: None });
        let made = row.clone().unwrap();
        assert_eq!((made.text("id"), made.number("n"), made.text("t")), (Some("x"), Some(2), Some("y")));
        assert_eq!(made.numbers("s"), Some(&[7].into()));
        assert_eq!(change.apply(&mut row), Outcome::Refused { current: Some(made.clone()) });
        assert_eq!(row, Some(made));
    }

    #[test]
    fn a_condition_says_the_same_when_it_is_simplified() {
        let (a, b) = (|| Condition::Exists("a".into()), || Condition::less("b", 3));
        for (condition, expected) in [
            (Condition::All(vec![Condition::Any(vec![a()])]), Ok(a())),
            (Condition::All(vec![a(), Condition::All(vec![b(), a()])]), Ok(Condition::All(vec![a(), b(), a()]))),
            (Condition::Any(vec![Condition::All(vec![a(), b()])]), Ok(Condition::All(vec![a(), b()]))),
            (a().negated().negated(), Ok(a())),
            (Condition::All(vec![]), Err(true)),
            (Condition::Any(vec![]).negated(), Err(true)),
            (Condition::All(vec![a(), Condition::Any(vec![])]), Err(false)),
            (Condition::Any(vec![a(), Condition::All(vec![])]), Err(true)),
            (Condition::Any(vec![a(), Condition::Any(vec![])]), Ok(a())),
        ] {
            assert_eq!(condition.simplified(), expected, "{condition:?}");
        }
    }
}

//! A change as DynamoDB's expressions. Every name and value goes by a placeholder: names such as `alarm:temperature:above`
//! are not identifiers, and others are reserved words.

use super::value::to_attribute;
use aws_sdk_dynamodb::types::AttributeValue;
use fleet::conditional::{Change, Compare, Condition, Name, Value};
use std::collections::{BTreeSet, HashMap};

/// The parts of an `UpdateItem` request.
#[derive(Debug, Default)]
pub(super) struct Expressions {
    pub(super) update: String,
    pub(super) condition: Option<String>,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Expressions {
    pub(super) fn of(change: &Change) -> Self {
        let mut parts = Self::default();
        let set = change.set.iter().map(|(name, value)| format!("{} = {}", parts.name(name), parts.value(value)));
        let mut set = set.collect::<Vec<_>>();
        set.extend(change.set_in.iter().map(|(document, member, value)| {
            format!("{}.{} = {}", parts.name(document), parts.name(member), parts.value(value))
        }));
        let remove = change.remove.iter().map(|name| parts.name(name)).collect::<Vec<_>>();
        let counted = change.count.iter().map(|(name, by)| (name, Value::Number(*by)));
        // One addition for each set: DynamoDB refuses two to one attribute.
        let mut sets: Vec<(&Name, BTreeSet<i64>)> = Vec::new();
        for (name, number) in &change.collect {
            match sets.iter_mut().find(|(known, _)| *known == name) {
                Some((_, numbers)) => drop(numbers.insert(*number)),
                None => sets.push((name, [*number].into())),
            }
        }
        let collected = sets.into_iter().map(|(name, numbers)| (name, Value::Numbers(numbers)));
        let add = counted.chain(collected).map(|(name, value)| format!("{} {}", parts.name(name), parts.value(&value)));
        let add = add.collect::<Vec<_>>();
        let clauses = [("SET", set), ("REMOVE", remove), ("ADD", add)];
        let clauses = clauses.into_iter().filter(|(_, actions)| !actions.is_empty());
        parts.update =
            clauses.map(|(clause, actions)| format!("{clause} {}", actions.join(", "))).collect::<Vec<_>>().join(" ");
        parts.condition = match change.condition.as_ref().map(Condition::simplified) {
            None | Some(Err(true)) => None,
            Some(Ok(condition)) => Some(parts.render(&condition)),
            // Nothing fulfils it: a row has its key, and no row has none.
            Some(Err(false)) => change.key.first().map(|(key, _)| {
                parts.join(&[Condition::Exists(key.clone()), Condition::Missing(key.clone())], " AND ")
            }),
        };
        parts
    }

    fn render(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Exists(name) => format!("attribute_exists({})", self.name(name)),
            Condition::Missing(name) => format!("attribute_not_exists({})", self.name(name)),
            Condition::Is(name, compare, value) => {
                let operator = match compare {
                    Compare::Equal => "=",
                    Compare::Less => "<",
                    Compare::LessOrEqual => "<=",
                    Compare::Greater => ">",
                };
                format!("{} {operator} {}", self.name(name), self.value(value))
            }
            Condition::All(conditions) => self.join(conditions, " AND "),
            Condition::Any(conditions) => self.join(conditions, " OR "),
            Condition::Not(condition) => format!("NOT {}", self.part(condition)),
        }
    }

    fn join(&mut self, conditions: &[Condition], operator: &str) -> String {
        conditions.iter().map(|condition| self.part(condition)).collect::<Vec<_>>().join(operator)
    }

    /// A condition within another. Parentheses stand only where they say something: DynamoDB refuses others.
    fn part(&mut self, condition: &Condition) -> String {
        let rendered = self.render(condition);
        match condition {
            Condition::Exists(_) | Condition::Missing(_) => rendered,
            Condition::Is(..) | Condition::All(_) | Condition::Any(_) | Condition::Not(_) => format!("({rendered})"),
        }
    }

    /// The placeholder of a name: the same each time, since DynamoDB refuses one that is not used.
    fn name(&mut self, name: &Name) -> String {
        let known = self.names.iter().find(|(_, known)| *known == name).map(|(placeholder, _)| placeholder.clone());
        known.unwrap_or_else(|| {
            let placeholder = format!("#n{}", self.names.len());
            self.names.insert(placeholder.clone(), name.to_string());
            placeholder
        })
    }

    fn value(&mut self, value: &Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), to_attribute(value));
        placeholder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_with_every_part() {
        let change = Change::of("id", "x")
            .when(Condition::Any(vec![
                Condition::Missing("a".into()),
                Condition::All(vec![Condition::less("a", 5), Condition::equal("s", "t").negated()]),
                Condition::Exists("b".into()),
            ]))
            .set("a", 5)
            .set("flag", true)
            .set_in("document", "a", "t")
            .remove("old")
            .count("times", 2)
            .collect("seen", 9)
            .collect("seen", 3)
            .collect("seen", 9);
        let parts = Expressions::of(&change);
        assert_eq!(parts.update, "SET #n0 = :v0, #n1 = :v1, #n2.#n0 = :v2 REMOVE #n3 ADD #n4 :v3, #n5 :v4");
        assert_eq!(
            parts.condition.as_deref(),
            Some("attribute_not_exists(#n0) OR ((#n0 < :v5) AND (NOT (#n6 = :v6))) OR attribute_exists(#n7)")
        );
        assert_eq!(parts.names["#n0"], "a");
        assert_eq!(parts.names.len(), 8);
        assert_eq!(parts.values[":v4"], AttributeValue::Ns(vec!["3".into(), "9".into()]));
        assert_eq!(parts.values[":v6"], AttributeValue::S("t".into()));
    }

    #[test]
    fn no_parentheses_stand_around_parentheses() {
        let one = || Condition::equal("a", 1);
        let only = Condition::All(vec![Condition::Any(vec![Condition::Any(vec![one()]), Condition::All(vec![])])]);
        assert_eq!(Expressions::of(&Change::of("id", "x").when(only)).condition, None);
        let nested = Condition::All(vec![Condition::Any(vec![Condition::Any(vec![one()]), one()]), one()]);
        let rendered = Expressions::of(&Change::of("id", "x").when(nested)).condition;
        assert_eq!(rendered.as_deref(), Some("((#n0 = :v0) OR (#n0 = :v1)) AND (#n0 = :v2)"));
        let never = Expressions::of(&Change::of("id", "x").when(Condition::Any(vec![]))).condition;
        assert_eq!(never.as_deref(), Some("attribute_exists(#n0) AND attribute_not_exists(#n0)"));
    }
}

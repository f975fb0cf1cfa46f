//! Conditions and the functions that make them.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html>

use super::{CHAIN_LIMIT, NESTING_LIMIT, Resolver};
use crate::error::{Fallible, Fault, Problem};
use crate::node::{Entry, Node, Value};
use crate::source::Span;

impl Resolver<'_> {
    /// Whether a condition of the template holds.
    pub(crate) fn condition(&mut self, name: &str, span: Span) -> Fallible<bool> {
        if let Some(known) = self.conditions.get(name) {
            return Ok(*known);
        }
        let Some(node) = self.document.conditions.get(name) else {
            let problem = Problem::Reference {
                function: "the condition",
                name: name.to_owned(),
                why: "`Conditions` does not have".to_owned(),
            };
            let fault = Fault::new(span, problem);
            return Err(match crate::error::nearest(name, self.document.conditions.keys().map(String::as_str)) {
                Some(near) => fault.helped(format!("did you mean `{near}`?")),
                None => fault,
            });
        };
        if let Some(start) = self.open_conditions.iter().position(|open| open == name) {
            let path = self.open_conditions.iter().skip(start).map(String::as_str).chain([name]);
            let path = path.collect::<Vec<_>>().join(" → ");
            return Err(Fault::new(span, Problem::Circular(format!("conditions {path}"))));
        }
        if self.open_conditions.len() >= CHAIN_LIMIT {
            let why = format!("more than {CHAIN_LIMIT} conditions are made of one another here");
            return Err(Fault::new(span, Problem::Limit(why)));
        }
        self.open_conditions.push(name.to_owned());
        let value = self.holds(node);
        self.open_conditions.pop();
        self.conditions.insert(name.to_owned(), value?);
        self.condition(name, span)
    }

    /// `Fn::If: [condition, then, otherwise]`.
    pub(super) fn choose(&mut self, argument: &Node) -> Fallible<Option<Node>> {
        let wants = || Fault::intrinsic(argument.span, "Fn::If", "wants a condition's name and two values");
        let [condition, then, otherwise] = argument.want_list("Fn::If").map_err(|_| wants())? else {
            return Err(wants());
        };
        let name = condition.as_text().ok_or_else(wants)?;
        if self.condition(name, condition.span)? { self.resolve(then) } else { self.resolve(otherwise) }
    }

    fn holds(&mut self, node: &Node) -> Fallible<bool> {
        self.depth += 1;
        let value = if self.depth > NESTING_LIMIT {
            let why = format!("conditions nest deeper than {NESTING_LIMIT} levels here");
            Err(Fault::new(node.span, Problem::Limit(why)))
        } else {
            self.holds_inner(node)
        };
        self.depth -= 1;
        value
    }

    fn holds_inner(&mut self, node: &Node) -> Fallible<bool> {
        let [Entry { key, span, value }] = node.entries() else {
            return match node.boolean() {
                Some(value) => Ok(value),
                None => {
                    Err(node
                        .mismatch("a condition", "one of `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not`, `Condition`"))
                }
            };
        };
        match key.as_str() {
            "Condition" => match value.as_text() {
                Some(name) => self.condition(name, value.span),
                None => Err(value.mismatch("`Condition`", "a condition's name")),
            },
            "Fn::Equals" => match value.want_list(key)? {
                [left, right] => Ok(self.value(left, key)?.same(&self.value(right, key)?)),
                _ => Err(Fault::intrinsic(value.span, key, "compares two values")),
            },
            "Fn::Not" => match value.want_list(key)? {
                [only] => Ok(!self.holds(only)?),
                _ => Err(Fault::intrinsic(value.span, key, "wants a list of one condition")),
            },
            "Fn::And" | "Fn::Or" => {
                let conditions = value.want_list(key)?;
                if !(2..=10).contains(&conditions.len()) {
                    return Err(Fault::intrinsic(value.span, key, "wants a list of 2 to 10 conditions"));
                }
                // All are worked out, so that an error in any is found whatever the others say.
                let values = conditions.iter().map(|condition| self.holds(condition)).collect::<Fallible<Vec<_>>>()?;
                Ok(if key == "Fn::And" { values.iter().all(|value| *value) } else { values.contains(&true) })
            }
            "Ref" | "Fn::FindInMap" => {
                let resolved = self.value(node, key)?;
                match &resolved.value {
                    Value::Bool(value) => Ok(*value),
                    _ => resolved.boolean().ok_or_else(|| resolved.mismatch("a condition", "true or false")),
                }
            }
            _ => Err(Fault::intrinsic(*span, key, "is not a condition function")),
        }
    }
}

//! SELECT, and queries inside a statement ("SELECT clause" and "Nested object queries" in the guide).

use super::{Context, Element, Interrupt, Scope};
use crate::plan::{Column, NestedPlan, Node, NodeKind, Selection};
use crate::value::{Object, Value};
use smol_str::SmolStr;
use std::sync::Arc;

/// The key under which a payload that is not JSON stands, as base64, where columns are added to it. The guide says that
/// this is done and not under which key.
const RAW_KEY: &str = "payload";

impl Context<'_> {
    /// What a SELECT makes of an element; `outermost` notes what it does.
    pub(super) fn select(&self, selection: &Selection, scope: &Scope<'_>, outermost: bool) -> Result<Value, Interrupt> {
        let notes = self.notes.filter(|_| outermost);
        match selection {
            Selection::Value(node) => {
                let value = self.eval(node, scope)?;
                if let Some(notes) = notes {
                    notes.borrow_mut().column("VALUE", node.span, &value);
                }
                if matches!(value, Value::Array(_)) && !self.version.is_2016() {
                    let why = "SELECT VALUE of an array needs the SQL version 2016-03-23";
                    return Err(Interrupt::Failed(why.to_owned()));
                }
                Ok(value)
            }
            Selection::Columns(columns) => {
                if let [Column { node: Node { kind: NodeKind::Star, .. }, path }] = columns.as_slice()
                    && path.is_empty()
                {
                    return Ok(scope.element.whole().clone());
                }
                let mut out = Object::with_capacity(columns.len());
                for column in columns {
                    let value = self.eval(&column.node, scope)?;
                    if let Some(notes) = notes {
                        let key = if column.path.is_empty() { "*".to_owned() } else { column.path.join(".") };
                        notes.borrow_mut().column(&key, column.node.span, &value);
                    }
                    place(&mut out, &column.path, value);
                }
                Ok(Value::object(out))
            }
        }
    }

    pub(super) fn nested(&self, nested: &NestedPlan, scope: &Scope<'_>) -> Result<Value, Interrupt> {
        let source = self.eval(&nested.source, scope)?;
        match &source {
            Value::Array(items) => {
                let mut out = Vec::new();
                for item in items.iter() {
                    let value = self.element(nested, item, scope)?;
                    if !value.is_undefined() {
                        out.push(value);
                    }
                }
                Ok(Value::array(out))
            }
            Value::Object(_) => self.element(nested, &source, scope),
            _ => Ok(Value::Undefined),
        }
    }

    /// What a nested query makes of one element; `Undefined` where its WHERE is not true.
    fn element(&self, nested: &NestedPlan, element: &Value, outer: &Scope<'_>) -> Result<Value, Interrupt> {
        let scope =
            Scope { element: Element::Value(element), alias: nested.alias.as_ref(), variables: outer.variables };
        if self.budget.steps(1).is_none() {
            self.budget.check()?;
        }
        if let Some(filter) = &nested.filter
            && !self.eval(filter, &scope)?.is_true()
        {
            return Ok(Value::Undefined);
        }
        self.select(&nested.selection, &scope, false)
    }
}

/// Puts a column's value where its path says; a column without a path is `*`, whose members join the others.
fn place(out: &mut Object, path: &[SmolStr], value: Value) {
    match (path, value) {
        (_, Value::Undefined) => {}
        ([], Value::Object(members)) => {
            out.extend(members.iter().map(|(key, member)| (key.clone(), member.clone())));
        }
        ([], Value::Raw(bytes)) if bytes.is_empty() => {}
        ([], value) => {
            out.insert(RAW_KEY.into(), value);
        }
        ([key], value) => {
            out.insert(key.clone(), value);
        }
        ([key, rest @ ..], value) => {
            let inner = out.entry(key.clone()).or_default();
            if !matches!(inner, Value::Object(_)) {
                *inner = Value::object(Object::new());
            }
            if let Value::Object(members) = inner {
                place(Arc::make_mut(members), rest, value);
            }
        }
    }
}

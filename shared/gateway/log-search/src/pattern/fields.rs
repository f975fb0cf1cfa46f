//! Fields with spaces between them: "Using filter patterns to match terms in space-delimited log events".
//!
//! What stands between square brackets or double quotes is one field. A pattern names each field of the event; `...` stands for
//! any number of them.

use super::InvalidPattern;
use super::condition::{Condition, Given, number, operator};
use super::cursor::Cursor;
use std::collections::BTreeMap;

/// A field of a pattern.
#[derive(Debug, Clone)]
struct Field {
    /// Without one it is known by its place.
    name: Option<String>,
    /// Any of these, of which each is all of those.
    any: Vec<Vec<Condition>>,
}

/// The fields of a pattern: those before an ellipsis, and those behind it where there is one.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    before: Vec<Field>,
    behind: Option<Vec<Field>>,
}

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Fields, InvalidPattern> {
    cursor.expect("[")?;
    let (mut before, mut behind): (_, Option<Vec<Field>>) = (Vec::new(), None);
    loop {
        cursor.space();
        if cursor.take("...") || cursor.take("…") {
            if behind.replace(Vec::new()).is_some() {
                return Err(cursor.wrong("a pattern has at most one `...`"));
            }
        } else {
            let field = field(cursor)?;
            behind.as_mut().unwrap_or(&mut before).push(field);
        }
        cursor.space();
        if cursor.take("]") {
            return Ok(Fields { before, behind });
        }
        cursor.expect(",")?;
    }
}

fn field(cursor: &mut Cursor<'_>) -> Result<Field, InvalidPattern> {
    let name = name(cursor);
    let mut any = Vec::new();
    if name.is_empty() {
        cursor.space();
        if !matches!(cursor.peek(), Some(',' | ']')) {
            return Err(cursor.wrong("a field has a name of letters, digits, `_` and `-`"));
        }
        return Ok(Field { name: None, any });
    }
    let mut all = Vec::new();
    let Some(first) = operator(cursor) else { return Ok(Field { name: Some(name.to_owned()), any }) };
    let plain = |c: char| !c.is_whitespace() && !",]&|\"%=<>!".contains(c);
    let mut next = first;
    loop {
        all.push(Condition::parse(cursor, next, plain)?);
        cursor.space();
        let or = cursor.take("||");
        if !or && !cursor.take("&&") {
            break;
        }
        if or {
            any.push(std::mem::take(&mut all));
        }
        cursor.space();
        // The field's name stands again in each condition of it.
        let again = self::name(cursor);
        if again != name {
            return Err(cursor.wrong(format!("a condition on `{again}` stands among those on `{name}`")));
        }
        next = operator(cursor).ok_or_else(|| cursor.wrong("an operator is missing: =, !=, <, <=, > or >="))?;
    }
    any.push(all);
    Ok(Field { name: Some(name.to_owned()), any })
}

fn name<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.take_while(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

impl Field {
    fn holds(&self, text: &str) -> bool {
        let given = Given { text, number: number(text) };
        self.any.is_empty() || self.any.iter().any(|all| all.iter().all(|condition| condition.holds(given)))
    }
}

impl Fields {
    /// The values of the fields by their names, where an event is meant.
    pub(super) fn matches(&self, message: &str) -> Option<BTreeMap<String, String>> {
        let values = split(message);
        let behind = self.behind.as_deref().unwrap_or_default();
        let named = self.before.len() + behind.len();
        if values.len() < named || (self.behind.is_none() && values.len() > named) {
            return None;
        }
        let between = values.len() - named;
        let none = || std::iter::repeat_n(None, between);
        let fields = self.before.iter().map(Some).chain(none()).chain(behind.iter().map(Some));
        let mut found = BTreeMap::new();
        for (place, (field, value)) in fields.zip(values).enumerate() {
            if field.is_some_and(|field| !field.holds(value)) {
                return None;
            }
            let name = field.and_then(|field| field.name.clone()).unwrap_or_else(|| (place + 1).to_string());
            found.insert(format!("${name}"), value.to_owned());
        }
        Some(found)
    }

    pub(super) fn has_expression(&self) -> bool {
        let fields = self.before.iter().chain(self.behind.iter().flatten());
        fields.flat_map(|field| field.any.iter().flatten()).any(Condition::has_expression)
    }
}

/// The fields of an event.
fn split(message: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = message.trim_start();
    while !rest.is_empty() {
        let closing = match rest.chars().next() {
            Some('[') => Some(']'),
            Some('"') => Some('"'),
            _ => None,
        };
        // One that is not closed is a text as any other.
        let closed = closing.and_then(|closing| rest.get(1..)?.split_once(closing));
        let (field, behind) = match closed {
            Some(closed) => closed,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        fields.push(field);
        rest = behind.trim_start();
    }
    fields
}

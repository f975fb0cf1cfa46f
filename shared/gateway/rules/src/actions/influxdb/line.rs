//! A point in InfluxDB's line protocol ("InfluxDB record content" in the guide).

use crate::value::{Number, Value};
use drydock_core::Timestamp;
use std::fmt::Write as _;

/// The most tags and fields of a point.
const MAX_COLUMNS: usize = 250;

/// What a point has besides the fields of its element.
pub(super) struct Line<'a> {
    pub(super) table: &'a str,
    /// In the order of their names.
    pub(super) tags: &'a [(&'a str, String)],
    /// Keys of the element that are not fields.
    pub(super) reserved: &'a [&'a str],
    /// The time of a point that needs no `timestamp`.
    pub(super) now: Option<Timestamp>,
    pub(super) precision: &'a str,
}

impl Line<'_> {
    /// The line of an element.
    ///
    /// # Errors
    /// Why the element is no point.
    pub(super) fn write(&self, element: &Value) -> Result<String, String> {
        let Value::Object(members) = element else {
            return Err(format!("a point is an object, the payload has {}", element.type_name()));
        };
        if self.table.is_empty() || self.table.starts_with('_') {
            return Err(format!("`{}` is not a name of a table", self.table));
        }
        let mut line = String::new();
        escape(&mut line, self.table, &[',', ' ']);
        let mut columns = 0;
        for (name, value) in self.tags.iter().filter(|(_, value)| !value.is_empty()) {
            line.push(',');
            escape(&mut line, name, &[',', '=', ' ']);
            line.push('=');
            escape(&mut line, value, &[',', '=', ' ']);
            columns += 1;
        }
        let mut fields = 0;
        for (name, value) in members.iter().filter(|(name, _)| !self.reserved.contains(&name.as_str())) {
            let Some(text) = field(name, value)? else { continue };
            if name.is_empty() || name.starts_with('_') {
                return Err(format!("the field key `{name}` is empty or begins with `_`"));
            }
            line.push(if fields == 0 { ' ' } else { ',' });
            escape(&mut line, name, &[',', '=', ' ']);
            line.push('=');
            line.push_str(&text);
            fields += 1;
        }
        if fields == 0 {
            return Err("the payload has no field besides tags, table and timestamp".to_owned());
        }
        if columns + fields > MAX_COLUMNS {
            return Err(format!(
                "a point has at most {MAX_COLUMNS} tags and fields, this one has {}",
                columns + fields
            ));
        }
        let at = match (element.member("timestamp"), self.now) {
            (_, Some(now)) => in_precision(now, self.precision),
            (Value::Number(Number::Int(at)), None) => at,
            (Value::Undefined, None) => return Err("the payload has no `timestamp`".to_owned()),
            (other, None) => return Err(format!("`timestamp` is a whole number, not {}", other.type_name())),
        };
        let _ = write!(line, " {at}");
        Ok(line)
    }
}

fn in_precision(now: Timestamp, precision: &str) -> i128 {
    let millis = i128::from(now.millis());
    match precision {
        "s" => millis / 1000,
        "us" => millis * 1000,
        "ns" => millis * 1_000_000,
        _ => millis,
    }
}

/// A field's value; nothing for what is left out.
fn field(name: &str, value: &Value) -> Result<Option<String>, String> {
    Ok(Some(match value {
        Value::Undefined | Value::Null | Value::Raw(_) => return Ok(None),
        Value::Bool(true) => "t".to_owned(),
        Value::Bool(false) => "f".to_owned(),
        Value::Number(Number::Int(whole)) if i64::try_from(*whole).is_ok() => format!("{whole}i"),
        Value::Number(Number::Int(whole)) if u64::try_from(*whole).is_ok() => format!("{whole}u"),
        Value::Number(Number::Int(whole)) => {
            return Err(format!("the field `{name}` is {whole}, which has more than 64 bits"));
        }
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => quoted(&value.to_json()),
    }))
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    escape(&mut out, text, &['"', '\\']);
    out.push('"');
    out
}

/// Writes a text with a backslash before what would end it. A line ends at its newline.
fn escape(out: &mut String, text: &str, what: &[char]) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        // A backslash is itself, but before what would end the text, or at its end: there it would be an escape.
        let escapes = character == '\\' && characters.peek().is_none_or(|next| what.contains(next) || *next == '\\');
        if what.contains(&character) || escapes {
            out.push('\\');
        }
        match character {
            '\n' if !what.contains(&'"') => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

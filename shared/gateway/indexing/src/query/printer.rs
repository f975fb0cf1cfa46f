//! From a query to a text that reads as the same query.

use super::{Bound, Query, Term, Test};
use crate::glob::{Glob, Piece, escape};

pub(super) fn print(query: &Query) -> String {
    let mut out = String::new();
    write(query, &mut out);
    out
}

pub(super) fn term(term: &Term) -> String {
    let mut out = String::new();
    write_term(term, &mut out);
    out
}

fn write(query: &Query, out: &mut String) {
    match query {
        Query::Term(term) => write_term(term, out),
        Query::And(parts) => joined(parts, " AND ", out),
        Query::Or(parts) => joined(parts, " OR ", out),
        Query::Not(part) => {
            out.push_str("NOT ");
            wrapped(part, out);
        }
    }
}

fn joined(parts: &[Query], between: &str, out: &mut String) {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            out.push_str(between);
        }
        wrapped(part, out);
    }
}

fn wrapped(query: &Query, out: &mut String) {
    if matches!(query, Query::And(_) | Query::Or(_)) {
        out.push('(');
        write(query, out);
        out.push(')');
    } else {
        write(query, out);
    }
}

fn write_term(Term { field, test, .. }: &Term, out: &mut String) {
    if let Some(field) = field {
        glob(field, out);
        if let Test::Between { low, high } = test {
            match (low, high) {
                (Some(bound), None) => return compared('>', bound, out),
                (None, Some(bound)) => return compared('<', bound, out),
                _ => (),
            }
        }
        out.push(':');
    }
    match test {
        Test::Exists => out.push('*'),
        Test::Word(text) => word(text, out),
        Test::Phrase(text) => quoted(text, out),
        Test::Pattern(pattern) => glob(pattern, out),
        Test::Between { low, high } => {
            out.push(if low.as_ref().is_none_or(|low| low.inclusive) { '[' } else { '{' });
            end(low.as_ref(), out);
            out.push_str(" TO ");
            end(high.as_ref(), out);
            out.push(if high.as_ref().is_none_or(|high| high.inclusive) { ']' } else { '}' });
        }
        Test::Near { latitude, longitude, distance, unit } => {
            out.push_str(&format!("geo_distance,{latitude},{longitude},{distance}{}", unit.as_str()));
        }
    }
}

fn compared(operator: char, bound: &Bound, out: &mut String) {
    out.push(operator);
    if bound.inclusive {
        out.push('=');
    }
    end(Some(bound), out);
}

/// In quotes but for what reads as a word: a bound is what it says, either way.
fn end(bound: Option<&Bound>, out: &mut String) {
    match bound {
        None => out.push('*'),
        Some(Bound { text, .. }) if text.is_empty() => out.push_str("\"\""),
        Some(Bound { text, .. }) => word(text, out),
    }
}

fn word(text: &str, out: &mut String) {
    // What would be an operator is a word where its first letter is escaped.
    if matches!(text, "AND" | "OR" | "NOT" | "TO") {
        out.push('\\');
        out.push_str(text);
    } else {
        escape(text, out, true);
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

fn glob(glob: &Glob, out: &mut String) {
    let is_operator = matches!(glob.literal(), Some("AND" | "OR" | "NOT" | "TO"));
    if is_operator {
        out.push('\\');
    }
    for (place, piece) in glob.pieces().iter().enumerate() {
        match piece {
            Piece::Literal(text) => escape(text, out, place == 0),
            Piece::One => out.push('?'),
            Piece::Any => out.push('*'),
        }
    }
}

//! Substitution templates ("Substitution templates" in the guide): a text in which `${expression}` stands for a value.

use super::ast::Expr;
use super::parser::parse_within;
use super::{Span, SqlError};

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text that stands for itself.
    Text(String),
    /// `${expression}`.
    Expr(Expr),
}

/// Takes a template apart.
///
/// # Errors
/// [`SqlError`] with the place in the template, where an expression cannot be parsed or has no end.
pub fn parse(text: &str) -> Result<Vec<Part>, SqlError> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find("${")) {
        let open = at + found;
        if found > 0 {
            parts.push(Part::Text(text.get(at..open).unwrap_or_default().to_owned()));
        }
        let (expr, close) = parse_within(text, open + 2).map_err(|error| error.located(text))?;
        if text.as_bytes().get(close) != Some(&b'}') {
            let error = SqlError::new(Span::new(open, open + 2), "`${` without its `}`");
            return Err(error.located(text));
        }
        parts.push(Part::Expr(expr));
        at = close + 1;
    }
    if let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_template_apart() {
        let parts = parse("a/${get({'}': 1}, '}')}/${topic(2)}x").unwrap();
        assert_eq!(parts.len(), 5);
        assert_eq!(parts[0], Part::Text("a/".into()));
        assert_eq!(parts[4], Part::Text("x".into()));
        assert_eq!(parse("plain").unwrap(), [Part::Text("plain".into())]);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn an_error_points_into_the_template() {
        assert_eq!(parse("a/${topic(}").unwrap_err().column, 11);
        assert_eq!(parse("a/${topic()").unwrap_err().column, 3);
    }
}

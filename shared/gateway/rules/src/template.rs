//! Substitution templates filled in for a message ("Substitution templates" in the guide).

use crate::eval::{Context, Interrupt, Scope};
use crate::externals::Capabilities;
use crate::plan::{Piece, Program, compile_template};
use crate::sql::SqlError;
use crate::trace::{Seen, asks_for_a_secret};

/// A text with `${expression}` in it, compiled.
#[derive(Debug)]
pub(crate) struct Template {
    text: String,
    pieces: Vec<Piece>,
    /// Whether a secret may be in what it makes.
    is_secret: bool,
}

impl Template {
    /// Compiles a template, which may use the variables of the rule's statement.
    ///
    /// # Errors
    /// [`SqlError`] with the place in the template.
    pub(crate) fn compile(text: &str, program: &Program, capabilities: Capabilities) -> Result<Self, SqlError> {
        let pieces = compile_template(text, program, capabilities)?;
        let is_secret = asks_for_a_secret(text) || (text.contains('@') && asks_for_a_secret(&program.sql));
        Ok(Self { text: text.to_owned(), pieces, is_secret })
    }

    /// What people may be told of a text that it made: the text, or the template itself where a secret may be in it.
    pub(crate) fn told(&self, filled: String) -> String {
        if self.is_secret && !filled.is_empty() { self.text.clone() } else { filled }
    }

    /// The text, where it has no expression in it.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with the values of its expressions. What has no text (`Undefined`, `Null`) leaves nothing.
    ///
    /// # Errors
    /// [`Interrupt`] where a call outside fails or has no answer yet.
    pub(crate) fn fill(&self, context: &Context<'_>, scope: &Scope<'_>) -> Result<String, Interrupt> {
        let mut out = String::new();
        let mut because = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Node(node) => {
                    let value = context.eval(node, scope)?;
                    let text = value.to_text().unwrap_or_default();
                    if context.budget.bytes(text.len()).is_none() {
                        context.budget.check()?;
                    }
                    out.push_str(&text);
                    if let Some(notes) = context.notes {
                        let sql = node.span.of(&self.text).to_owned();
                        because.push(Seen { value: notes.borrow().shown(&sql, &value), sql });
                    }
                }
            }
        }
        if let (Some(notes), false) = (context.notes, because.is_empty()) {
            notes.borrow_mut().template(&self.text, &out, because);
        }
        Ok(out)
    }
}

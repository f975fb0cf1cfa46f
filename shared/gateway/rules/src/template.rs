//! Substitution templates filled in for a message ("Substitution templates" in the guide).

use crate::eval::{Context, Interrupt, Scope};
use crate::externals::Capabilities;
use crate::plan::{Piece, Program, compile_template};
use crate::sql::SqlError;

/// A text with `${expression}` in it, compiled.
#[derive(Debug)]
pub(crate) struct Template(Vec<Piece>);

impl Template {
    /// Compiles a template, which may use the variables of the rule's statement.
    ///
    /// # Errors
    /// [`SqlError`] with the place in the template.
    pub(crate) fn compile(text: &str, program: &Program, capabilities: Capabilities) -> Result<Self, SqlError> {
        compile_template(text, program, capabilities).map(Self)
    }

    /// The text, where it has no expression in it.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
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
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Node(node) => out.push_str(&context.eval(node, scope)?.to_text().unwrap_or_default()),
            }
        }
        Ok(out)
    }
}

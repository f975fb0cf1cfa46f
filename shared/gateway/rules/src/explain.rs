//! One statement on one message, from text to result, with every step: what `drydock sql` shows.

use crate::eval::{Env, Outcome, evaluate_traced};
use crate::message::Message;
use crate::plan;
use crate::sql::SqlVersion;
use crate::trace::{Shown, Trace};
use serde::Serialize;

/// What became of a statement and a message.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Whether the actions of a rule would run.
    pub matched: bool,
    /// What they would be given; absent where it is `Undefined`, or there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Shown>,
    /// What is wrong with the statement, or why its evaluation failed; null in JSON where nothing is.
    pub error: Option<String>,
    /// Step by step.
    pub trace: Trace,
}

/// Compiles and evaluates a statement. A statement that cannot be compiled is explained too: by its error, with the place.
#[must_use]
pub fn explain(sql: &str, version: SqlVersion, message: &Message, env: Env<'_>) -> Explanation {
    let failed = |error: String, trace| Explanation { matched: false, result: None, error: Some(error), trace };
    let program = match plan::compile(sql, version, env.externals.capabilities()) {
        Ok(program) => program,
        Err(error) => return failed(error.report(), Trace::default()),
    };
    match evaluate_traced(&program, message, env) {
        (Outcome::Unmatched, trace) => Explanation { matched: false, result: None, error: None, trace },
        (Outcome::Matched(output), trace) => {
            let result = Some(output.value).filter(|value| !value.is_undefined()).map(Shown);
            Explanation { matched: true, result, error: None, trace }
        }
        (Outcome::Failed(why) | Outcome::Exhausted(why), trace) => failed(why, trace),
        (Outcome::Waiting(call), trace) => failed(format!("{} has no answer yet", call.function), trace),
    }
}

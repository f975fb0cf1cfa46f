//! The rules of AWS IoT: the rules SQL, the topic rules, and what their actions send. It opens no socket and reads no clock:
//! a message goes in, descriptions of calls come out.
//!
//! - [`sql`]: the language, text to syntax tree and back, with errors that point at the place.
//! - [`value`]: what it computes with; numbers of 34 digits, `Null` and `Undefined` apart.
//! - [`functions`]: a file per function, its examples run as tests.
//! - [`plan`]: a statement ready to be evaluated; what cannot be done is refused here.
//! - [`eval`]: evaluation on a message; `budget`: what one may use.
//! - [`externals`]: what the functions that reach out ask, and who answers.
//! - [`trace`], [`explain`](mod@explain): why a rule did what it did.
//! - [`message`]: a message as the rules see it.
//! - [`rule`]: a topic rule, compiled: statement, actions, error action.
//! - [`actions`]: a file per action: what it checks, and what it sends.
//! - [`index`]: rules found by topic.
//! - [`book`]: the operations on topic rules and their destinations.

pub mod actions;
pub mod book;
mod budget;
pub mod eval;
pub mod explain;
pub mod externals;
pub mod functions;
pub mod index;
pub mod message;
pub mod plan;
pub mod rule;
pub mod sql;
mod template;
pub mod trace;
pub mod value;

pub use actions::{
    ActionFailure, AwsCall, Batch, CallFailure, HttpPost, KafkaRecord, Missing, NotPrepared, Outgoing, Points, Prepared,
};
pub use book::{Proof, Rules};
pub use eval::{Env, Outcome, Output, evaluate, evaluate_traced};
pub use explain::{Explanation, explain};
pub use externals::{Answer, Answers, Capabilities, Drawn, External, ExternalCall, Externals, NoExternals};
pub use index::{Matching, RuleNotFound, RuleSet};
pub use message::{Message, MqttProperties};
pub use plan::Program;
pub use rule::CompiledRule;
pub use sql::{SqlError, SqlVersion};
pub use trace::Trace;
pub use value::Value;

/// Compiles a statement.
///
/// # Errors
/// [`SqlError`] where it cannot be parsed, or names what does not exist, not in this version, or not on this host.
pub fn compile(sql: &str, version: SqlVersion, capabilities: Capabilities) -> Result<Program, SqlError> {
    plan::compile(sql, version, capabilities)
}

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

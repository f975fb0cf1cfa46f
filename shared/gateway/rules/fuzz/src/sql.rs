//! What must hold for any text that is given as a statement, and any payload that it meets:
//!
//! - neither parser, compiler nor evaluation panics, and an error points into the text;
//! - what is printed parses to the same tree, and prints the same again;
//! - an evaluation gives the same twice, with and without a trace;
//! - what goes out is JSON, or the payload as it came, or nothing.

use drydock_core::{Ids, Timestamp};
use drydock_rules::sql::{self, template};
use drydock_rules::{
    Answer, Capabilities, Env, External, ExternalCall, Externals, Message, Outcome, SqlVersion, Value, compile,
    evaluate, evaluate_traced,
};

struct Zeros;

impl Ids for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Answers with the first argument, fails where there is none.
struct Echo;

impl Externals for Echo {
    fn capabilities(&self) -> Capabilities {
        [External::AwsLambda, External::GetDynamodb, External::GetRegistryData, External::GetSecret]
            .into_iter()
            .fold(Capabilities::NONE, Capabilities::with)
    }

    fn ask(&self, call: &ExternalCall) -> Answer {
        call.arguments.last().map_or_else(|| Answer::Failed("nothing to echo".to_owned()), |a| Answer::Value(a.clone()))
    }
}

/// The first byte chooses the version of the SQL; a statement follows up to a zero byte, and then the payload.
pub(crate) fn check(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let version = if first & 1 == 0 { SqlVersion::V2016 } else { SqlVersion::V2015 };
    let (text, payload) = match rest.iter().position(|byte| *byte == 0) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, &b"{}"[..]),
    };
    let text = String::from_utf8_lossy(text);
    drop(template::parse(&text));
    match sql::parse(&text) {
        Ok(statement) => {
            let printed = statement.to_string();
            let again = sql::parse(&printed).unwrap_or_else(|e| panic!("{printed}: {}", e.report()));
            assert_eq!(statement, again, "{printed}");
            assert_eq!(printed, again.to_string());
        }
        Err(error) => {
            assert!(error.span.start <= text.len() && error.span.end <= text.len(), "{error:?}");
            assert!(!error.report().is_empty());
        }
    }
    let Ok(program) = compile(&text, version, Echo.capabilities()) else { return };
    let topic = program.from.as_ref().map_or_else(String::new, |filter| filter.to_string().replace(['+', '#'], "x"));
    let message = Message::new(topic, payload.to_vec(), "123456789012", Timestamp(1_500_000_000_000));
    let env = Env { ids: &Zeros, externals: &Echo };
    let outcome = evaluate(&program, &message, env);
    let (traced, trace) = evaluate_traced(&program, &message, env);
    assert!(serde_json::to_string(&trace).is_ok());
    match (outcome, traced) {
        (Outcome::Matched(plain), Outcome::Matched(traced)) => {
            assert_eq!(plain.value.to_json(), traced.value.to_json());
            match plain.value {
                Value::Raw(_) => assert_eq!(plain.bytes(), payload),
                Value::Undefined => assert!(plain.bytes().is_empty()),
                _ => {
                    let json = plain.bytes();
                    let read = serde_json::from_slice::<&serde_json::value::RawValue>(&json);
                    assert!(read.is_ok(), "{}", String::from_utf8_lossy(&json));
                }
            }
        }
        // A topic that FROM does not match is noted by the traced one only.
        (_, Outcome::Unmatched)
        | (Outcome::Failed(_), Outcome::Failed(_))
        | (Outcome::Exhausted(_), Outcome::Exhausted(_)) => {}
        (plain, traced) => panic!("{plain:?} without a trace, {traced:?} with one"),
    }
}

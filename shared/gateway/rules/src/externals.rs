//! What the functions that reach out of the engine ask, and who answers.
//!
//! Evaluation opens no connection. It asks an [`Externals`], which answers at once, or says [`Answer::Later`]: then the
//! evaluation ends with the question, the host finds the answer in its own time, puts it into [`Answers`], and evaluates
//! anew. What the host has none of is refused when the rule is created.

use crate::value::Value;
use drydock_core::Ids;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A function that reaches out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum External {
    /// `aws_lambda(functionArn, input)`: the answer is the function's.
    AwsLambda,
    /// `decode(data, 'proto', bucket, key, protoName, messageType)`: `data` is a base64 text or raw bytes.
    DecodeProto,
    /// `get_dynamodb(table, key, value[, sortKey, value], role)`: the answer is the item as plain JSON.
    GetDynamodb,
    /// `get_registry_data('DescribeThing' | 'ListThingGroupsForThing', thing, role)`: the answer is that API's.
    GetRegistryData,
    /// `get_secret(id, 'SecretString' | 'SecretBinary'[, key], role)`.
    GetSecret,
    /// `get_thing_shadow(thing[, shadow], role)`: the answer is the shadow document.
    GetThingShadow,
    /// `machinelearning_predict(model, role, record)`.
    MachinelearningPredict,
}

impl External {
    /// The function's name alone.
    #[must_use]
    pub fn name(self) -> &'static str {
        if let Self::DecodeProto = self { "decode" } else { self.as_str() }
    }

    /// The function as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwsLambda => "aws_lambda",
            Self::DecodeProto => "decode(…, 'proto', …)",
            Self::GetDynamodb => "get_dynamodb",
            Self::GetRegistryData => "get_registry_data",
            Self::GetSecret => "get_secret",
            Self::GetThingShadow => "get_thing_shadow",
            Self::MachinelearningPredict => "machinelearning_predict",
        }
    }
}

impl fmt::Display for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which of these functions a host can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(u8);

impl Capabilities {
    /// None.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, external: External) -> Self {
        Self(self.0 | 1 << external as u8)
    }

    /// Whether one is among them.
    #[must_use]
    pub const fn has(self, external: External) -> bool {
        self.0 & 1 << external as u8 != 0
    }
}

/// A question of a function that reaches out.
#[derive(Debug, Clone)]
pub struct ExternalCall {
    /// Which function.
    pub function: External,
    /// Its arguments, evaluated, in their order.
    pub arguments: Vec<Value>,
}

impl ExternalCall {
    /// An argument as text; empty where it is missing or has none.
    #[must_use]
    pub fn text(&self, index: usize) -> smol_str::SmolStr {
        self.arguments.get(index).and_then(Value::to_text).unwrap_or_default()
    }

    /// The question as a text that is the same for the same question.
    #[must_use]
    pub fn key(&self) -> String {
        let arguments: Vec<String> =
            self.arguments.iter().map(|a| format!("{}:{}", a.type_name(), a.to_json())).collect();
        format!("{}({})", self.function, arguments.join(", "))
    }
}

/// The answer to a question.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The function's value.
    Value(Value),
    /// It failed: the rule ends, unless `get_or_default` stands around the call.
    Failed(String),
    /// Not known yet: the evaluation ends with the question.
    Later,
}

/// Who answers.
pub trait Externals: Send + Sync {
    /// What it can answer.
    fn capabilities(&self) -> Capabilities;

    /// Answers, without waiting.
    fn ask(&self, call: &ExternalCall) -> Answer;

    /// Whether the evaluation has taken the time that it may take. Looked at now and then.
    fn is_over(&self) -> bool {
        false
    }
}

/// Nobody: no rule may call a function that reaches out.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoExternals;

impl Externals for NoExternals {
    fn capabilities(&self) -> Capabilities {
        Capabilities::NONE
    }

    fn ask(&self, call: &ExternalCall) -> Answer {
        Answer::Failed(format!("{} is not available here", call.function))
    }
}

/// The answers found so far for one evaluation; to what is not among them it answers [`Answer::Later`].
#[derive(Debug, Clone, Default)]
pub struct Answers {
    capabilities: Capabilities,
    found: HashMap<String, Result<Value, String>>,
}

impl Answers {
    /// No answer yet.
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Self {
        Self { capabilities, found: HashMap::new() }
    }

    /// Takes an answer in: a value, or why there is none.
    pub fn insert(&mut self, call: &ExternalCall, answer: Result<Value, String>) {
        self.found.insert(call.key(), answer);
    }
}

impl Externals for Answers {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn ask(&self, call: &ExternalCall) -> Answer {
        match self.found.get(&call.key()) {
            Some(Ok(value)) => Answer::Value(value.clone()),
            Some(Err(why)) => Answer::Failed(why.clone()),
            None => Answer::Later,
        }
    }
}

/// Randomness that an evaluation draws again when it is run anew: a question that has something random in it stays the same,
/// and so does what was made before it.
pub struct Drawn {
    ids: Arc<dyn Ids>,
    drawn: Mutex<(Vec<u8>, usize)>,
}

impl Drawn {
    /// Nothing is drawn yet.
    #[must_use]
    pub fn new(ids: Arc<dyn Ids>) -> Self {
        Self { ids, drawn: Mutex::default() }
    }

    /// From here on the same is drawn again, from the first on.
    pub fn rewind(&self) {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).1 = 0;
    }
}

impl Ids for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, at) = &mut *drawn;
        let end = *at + bytes.len();
        if end > known.len() {
            let fresh = known.len();
            known.resize(end, 0);
            self.ids.fill(known.get_mut(fresh..).unwrap_or_default());
        }
        bytes.copy_from_slice(known.get(*at..end).unwrap_or_default());
        *at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    struct Counting(AtomicU8);

    impl Ids for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.iter_mut().for_each(|byte| *byte = self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    #[test]
    fn the_same_is_drawn_again_then_something_new() {
        let drawn = Drawn::new(Arc::new(Counting(AtomicU8::new(0))));
        let take = |count: usize| {
            let mut bytes = vec![0; count];
            drawn.fill(&mut bytes);
            bytes
        };
        assert_eq!((take(2), take(1)), (vec![0, 1], vec![2]));
        drawn.rewind();
        assert_eq!((take(3), take(2)), (vec![0, 1, 2], vec![3, 4]));
    }
}

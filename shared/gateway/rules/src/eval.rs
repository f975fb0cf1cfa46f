//! Evaluation of a compiled statement on a message.

mod operators;
mod query;

use crate::budget::{self, Budget};
use crate::externals::{ExternalCall, Externals};
use crate::functions::{Body, Call};
use crate::message::Message;
use crate::plan::{Node, NodeKind, Program};
use crate::sql::SqlVersion;
use crate::trace::{Notes, Step, Trace};
use crate::value::{Object, Value, json};
use drydock_core::Ids;
use smallvec::SmallVec;
use smol_str::SmolStr;
use std::cell::RefCell;

/// The largest value that SET may hold, and all together ("SET clause limits"), in bytes.
const MAX_VARIABLES_BYTES: usize = 128 * 1024;
/// Texts up to so many bytes are not counted where they are copied: the steps bound them.
const SMALL: usize = 256;

/// What an evaluation may use besides the message.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// Randomness for `newuuid()` and `rand()`.
    pub ids: &'a dyn Ids,
    /// Who answers the functions that reach out.
    pub externals: &'a dyn Externals,
}

/// Why an evaluation ended without a value.
#[derive(Debug, Clone)]
pub enum Interrupt {
    /// A call outside failed, or a limit was passed.
    Failed(String),
    /// The evaluation used more than it may: neither a default nor anything else stands in for it.
    Exhausted(String),
    /// A call outside has no answer yet.
    Waiting(Box<ExternalCall>),
}

/// What a statement made of a message.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// WHERE was not true: no action.
    Unmatched,
    /// What the actions are given.
    Matched(Output),
    /// The evaluation failed: no action; the reason is to be logged.
    Failed(String),
    /// The evaluation used more steps, time or bytes than it may, and was ended: no action but the error action.
    Exhausted(String),
    /// An answer from outside is needed: find it, put it into [`crate::externals::Answers`], and evaluate anew.
    Waiting(Box<ExternalCall>),
}

/// What a statement that matched gives its actions.
#[derive(Debug, Clone)]
pub struct Output {
    /// What SELECT made.
    pub value: Value,
    /// The values of the variables, in the order of SET.
    pub variables: Vec<Value>,
}

impl Output {
    /// The outgoing payload: JSON text, raw bytes as they came, nothing where the value is `Undefined`.
    #[must_use]
    pub fn bytes(&self) -> bytes::Bytes {
        match &self.value {
            Value::Raw(bytes) => bytes.clone(),
            value => value.to_json().into(),
        }
    }
}

/// One evaluation.
pub(crate) struct Context<'a> {
    pub(crate) message: &'a Message,
    pub(crate) env: Env<'a>,
    pub(crate) version: SqlVersion,
    pub(crate) notes: Option<&'a RefCell<Notes>>,
    pub(crate) budget: Budget<'a>,
}

/// What names mean at a place.
pub(crate) struct Scope<'a> {
    /// The payload, or in a nested query the element.
    pub(crate) element: Element<'a>,
    /// The element's name.
    pub(crate) alias: Option<&'a SmolStr>,
    /// The values of the variables.
    pub(crate) variables: &'a [Value],
}

/// What a statement or a query looks into.
#[derive(Clone, Copy)]
pub(crate) enum Element<'a> {
    /// A message's payload, of which only what is asked for is read.
    Payload(&'a Message, SqlVersion),
    /// A value.
    Value(&'a Value),
}

impl<'a> Element<'a> {
    pub(crate) fn whole(self) -> &'a Value {
        match self {
            Self::Payload(message, version) => message.value(version),
            Self::Value(value) => value,
        }
    }

    fn member(self, name: &str) -> Option<&'a Value> {
        match self {
            Self::Payload(message, version) => message.member(name, version),
            Self::Value(Value::Object(members)) => members.get(name),
            Self::Value(_) => None,
        }
    }
}

/// Evaluates a statement on a message, whatever the message's topic.
#[must_use]
pub fn evaluate(program: &Program, message: &Message, env: Env<'_>) -> Outcome {
    Context::new(message, env, program.version, None).run(program)
}

/// Evaluates a statement on a message, and says step by step what it did. A topic that does not match FROM is noted, and
/// the outcome is [`Outcome::Unmatched`].
#[must_use]
pub fn evaluate_traced(program: &Program, message: &Message, env: Env<'_>) -> (Outcome, Trace) {
    let mut notes = Notes::new(&program.sql);
    let topic = message.topic.to_string();
    let basic_ingest = drydock_core::topic::basic_ingest(&topic).is_some();
    let matched = basic_ingest || program.from.as_ref().is_none_or(|filter| filter.matches(&topic));
    notes.step(Step::From { filter: program.from.as_ref().map(ToString::to_string), topic, matched });
    if !matched {
        return (Outcome::Unmatched, notes.trace);
    }
    let raw = match message.value(program.version) {
        Value::Raw(_) => Some(match json::parse(&message.payload) {
            Ok(value) => format!("it is JSON of type {}, no object or array", value.type_name()),
            Err(why) => why.to_string(),
        }),
        _ => None,
    };
    notes.step(Step::Payload { bytes: message.payload.len(), raw });
    let notes = RefCell::new(notes);
    let outcome = Context::new(message, env, program.version, Some(&notes)).run(program);
    let mut trace = notes.into_inner().trace;
    match &outcome {
        Outcome::Failed(why) | Outcome::Exhausted(why) => trace.steps.push(Step::Failed { why: why.clone() }),
        Outcome::Waiting(call) => trace.steps.push(Step::Waiting { call: call.key() }),
        Outcome::Unmatched | Outcome::Matched(_) => {}
    }
    (outcome, trace)
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        message: &'a Message,
        env: Env<'a>,
        version: SqlVersion,
        notes: Option<&'a RefCell<Notes>>,
    ) -> Self {
        Self { message, env, version, notes, budget: Budget::new(env.externals) }
    }
}

impl Context<'_> {
    /// Evaluates a statement.
    pub(crate) fn run(&self, program: &Program) -> Outcome {
        match self.statement(program) {
            Ok(outcome) => outcome,
            Err(Interrupt::Failed(why)) => Outcome::Failed(why),
            Err(Interrupt::Exhausted(why)) => Outcome::Exhausted(why),
            Err(Interrupt::Waiting(call)) => Outcome::Waiting(call),
        }
    }

    fn statement(&self, program: &Program) -> Result<Outcome, Interrupt> {
        if let Some(external) = program.too_often {
            return Err(Interrupt::Failed(format!("a statement may call {external} once")));
        }
        let payload = Element::Payload(self.message, self.version);
        let mut variables = Vec::with_capacity(program.set.len());
        let mut bytes = 0;
        for (name, node) in &program.set {
            let scope = Scope { element: payload, alias: None, variables: &variables };
            let value = self.eval(node, &scope)?;
            if let Value::Raw(_) = value {
                return Err(Interrupt::Failed(format!("@{name} cannot hold raw bytes: encode or decode them first")));
            }
            bytes += value.to_json_within(MAX_VARIABLES_BYTES).map_or(usize::MAX / 2, |json| json.len());
            if bytes > MAX_VARIABLES_BYTES {
                return Err(Interrupt::Failed(format!("@{name} takes the variables over {MAX_VARIABLES_BYTES} bytes")));
            }
            if let Some(notes) = self.notes {
                notes.borrow_mut().set(name, node.span, &value);
            }
            variables.push(value);
        }
        let scope = Scope { element: payload, alias: None, variables: &variables };
        if let Some(filter) = &program.filter {
            let value = self.eval(filter, &scope)?;
            if let Some(notes) = self.notes {
                notes.borrow_mut().filter(filter, &value);
            }
            if !value.is_true() {
                return Ok(Outcome::Unmatched);
            }
        }
        let value = self.select(&program.select, &scope, true)?;
        let largest = self.message.payload.len().max(MAX_VARIABLES_BYTES.min(bytes));
        let too_large = || value.to_json_within(budget::RESULT).is_none();
        if (program.reaches || self.budget.may_be_large(largest)) && too_large() {
            self.budget.too_large();
        }
        self.budget.check()?;
        Ok(Outcome::Matched(Output { value, variables }))
    }

    /// Evaluates an expression, and notes its value where somebody asked.
    pub(crate) fn eval(&self, node: &Node, scope: &Scope<'_>) -> Result<Value, Interrupt> {
        let value = self.value(node, scope)?;
        if let Some(notes) = self.notes {
            notes.borrow_mut().value(node, &value);
        }
        Ok(value)
    }

    fn value(&self, node: &Node, scope: &Scope<'_>) -> Result<Value, Interrupt> {
        if self.budget.steps(1).is_none() {
            self.budget.check()?;
        }
        Ok(match &node.kind {
            NodeKind::Constant(value) => value.clone(),
            NodeKind::Star => scope.element.whole().clone(),
            NodeKind::Field(name) => match scope.alias {
                Some(alias) if alias == name => scope.element.whole().clone(),
                _ => scope.element.member(name).cloned().unwrap_or_default(),
            },
            NodeKind::Variable(index) => scope.variables.get(*index).cloned().unwrap_or_default(),
            NodeKind::Path(first, rest) => self.path(first, rest, scope),
            NodeKind::Member(base, name) => self.eval(base, scope)?.member(name),
            NodeKind::Call { function, arguments, pattern } => {
                if let Body::Default = function.body {
                    return self.or_default(arguments, scope);
                }
                let mut values: SmallVec<[Value; 4]> = SmallVec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.eval(argument, scope)?);
                }
                self.charge(&values)?;
                let call = Call { arguments: &values, context: self };
                let value = function.call(&call, pattern.as_ref())?;
                self.budget.check()?;
                self.normalised(value)
            }
            NodeKind::Cast(value, target) => {
                let value = self.eval(value, scope)?;
                self.normalised(crate::functions::cast::cast(&value, *target))
            }
            NodeKind::Case { subject, arms, otherwise } => {
                let subject = self.eval(subject, scope)?;
                if subject.is_undefined() {
                    return Ok(Value::Undefined);
                }
                for (when, then) in arms {
                    let when = self.eval(when, scope)?;
                    if !when.is_undefined() && when.equals(&subject) {
                        return self.eval(then, scope);
                    }
                }
                match otherwise {
                    Some(otherwise) => self.eval(otherwise, scope)?,
                    None => Value::Undefined,
                }
            }
            NodeKind::Not(operand) => self.eval(operand, scope)?.to_bool().map(|value| !value).into(),
            NodeKind::Negate(operand) => {
                let operand = self.eval(operand, scope)?;
                self.normalised(operand.to_number().map(crate::value::Number::negated).into())
            }
            NodeKind::Binary(operator, left, right) => {
                let left = self.eval(left, scope)?;
                let right = self.eval(right, scope)?;
                let operands = [left, right];
                self.charge(&operands)?;
                let [left, right] = operands;
                self.normalised(operators::apply(*operator, &left, &right))
            }
            NodeKind::Object(members) => {
                let mut object = Object::with_capacity(members.len());
                for (key, value) in members {
                    object.insert(key.clone(), self.eval(value, scope)?);
                }
                Value::object(object)
            }
            NodeKind::Array(items) => {
                let items: Result<Vec<Value>, Interrupt> = items.iter().map(|item| self.eval(item, scope)).collect();
                Value::array(items?)
            }
            NodeKind::Nested(nested) => self.nested(nested, scope)?,
            NodeKind::Exists(nested) => {
                let found = self.nested(nested, scope)?;
                Value::Bool(match found {
                    Value::Array(items) => !items.is_empty(),
                    other => !other.is_undefined(),
                })
            }
        })
    }

    /// Charges for what a function or an operator has to look at, and may make a text of.
    fn charge(&self, values: &[Value]) -> Result<(), Interrupt> {
        for value in values {
            let (steps, bytes) = match value {
                Value::String(text) => (text.len() / 64, text.len()),
                Value::Raw(bytes) => (bytes.len() / 64, bytes.len()),
                Value::Array(items) => (items.len(), 0),
                Value::Object(members) => (members.len(), 0),
                _ => continue,
            };
            // A text that a step hands on is not made anew, one of some length that is joined, cut or encoded is.
            let bytes = if bytes > SMALL { bytes } else { 0 };
            if self.budget.steps(steps as u64).and_then(|()| self.budget.bytes(bytes)).is_none() {
                self.budget.check()?;
            }
        }
        Ok(())
    }

    /// A path of keys without a call in it, walked by reference.
    fn path(&self, first: &SmolStr, rest: &[SmolStr], scope: &Scope<'_>) -> Value {
        let start = match scope.alias {
            Some(alias) if alias == first => Some(scope.element.whole()),
            _ => scope.element.member(first),
        };
        let Some(mut here) = start else { return Value::Undefined };
        for key in rest {
            let Value::Object(members) = here else { return Value::Undefined };
            let Some(next) = members.get(key) else { return Value::Undefined };
            here = next;
        }
        here.clone()
    }

    fn or_default(&self, arguments: &[Node], scope: &Scope<'_>) -> Result<Value, Interrupt> {
        let (first, default) = match arguments {
            [first] => (first, None),
            [first, default] => (first, Some(default)),
            _ => return Ok(Value::Undefined),
        };
        match self.eval(first, scope) {
            Ok(value) if !matches!(value, Value::Undefined | Value::Null | Value::Raw(_)) => Ok(value),
            Err(ended @ (Interrupt::Waiting(_) | Interrupt::Exhausted(_))) => Err(ended),
            Ok(_) | Err(Interrupt::Failed(_)) => {
                default.map_or(Ok(Value::Undefined), |default| self.eval(default, scope))
            }
        }
    }

    /// From version 2016-03-23 on, a whole decimal becomes an `Int` wherever it comes from.
    fn normalised(&self, value: Value) -> Value {
        match value {
            Value::Number(number) if self.version.is_2016() => Value::Number(number.normalised()),
            other => other,
        }
    }
}

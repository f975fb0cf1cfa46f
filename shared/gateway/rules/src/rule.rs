//! A topic rule ready to run: its statement and its actions, compiled once.

use crate::actions::{self, Act, ActionFailure, Compiler, Prepared, Render};
use crate::eval::{Context, Element, Env, Outcome, Output, Scope, evaluate, evaluate_traced};
use crate::externals::Capabilities;
use crate::message::Message;
use crate::plan::{self, Program};
use crate::sql::SqlVersion;
use crate::trace::{Notes, Trace};
use crate::value::{Object, Value};
use drydock_core::{ApiError, ErrorCode, RuleName, Scope as AccountScope};
use drydock_model::iot::TopicRulePayload;
use std::cell::RefCell;

/// A rule, compiled. Shared by all who run it.
#[derive(Debug)]
pub struct CompiledRule {
    /// Its name.
    pub name: RuleName,
    /// Its statement.
    pub program: Program,
    account: AccountScope,
    actions: Vec<Box<dyn Act>>,
    error_action: Option<Box<dyn Act>>,
    reaches_out: bool,
    /// How long the texts are that are evaluated for a message.
    length: usize,
    /// Whether nothing in them takes more time than their length and the payload's have it.
    is_straight: bool,
}

/// Up to this product of the lengths of a rule's texts and of the payload an evaluation is short: a few milliseconds where each
/// character of the rule is about all of the payload, and microseconds for what rules are like.
const LIGHT: usize = 512 * 1024;

/// What an action is given: what its templates see, and what it sends.
struct Given<'a> {
    element: Element<'a>,
    value: &'a Value,
    is_error_action: bool,
}

impl CompiledRule {
    /// Compiles a rule for a host that can answer what `capabilities` says.
    ///
    /// # Errors
    /// A `SqlParseException` where the statement or a template cannot be used, with the place; an `InvalidRequestException`
    /// where a parameter is wrong.
    pub fn compile(
        account: &AccountScope,
        name: RuleName,
        payload: &TopicRulePayload,
        capabilities: Capabilities,
    ) -> Result<Self, ApiError> {
        // What compiles for a host that can answer nothing reaches nowhere.
        match Self::compile_for(account, name.clone(), payload, Capabilities::NONE) {
            Err(_) if capabilities != Capabilities::NONE => {
                let rule = Self::compile_for(account, name, payload, capabilities)?;
                Ok(Self { reaches_out: true, ..rule })
            }
            compiled => compiled,
        }
    }

    fn compile_for(
        account: &AccountScope,
        name: RuleName,
        payload: &TopicRulePayload,
        capabilities: Capabilities,
    ) -> Result<Self, ApiError> {
        let version = match payload.aws_iot_sql_version.as_deref() {
            None => SqlVersion::default(),
            Some(text) => SqlVersion::parse(text).ok_or_else(|| {
                let known = "2015-10-08, 2016-03-23 and beta";
                ApiError::invalid(format!("awsIotSqlVersion: `{text}` is not a version of the SQL: there are {known}"))
            })?,
        };
        let program = plan::compile(&payload.sql, version, capabilities)
            .map_err(|error| ApiError::new(ErrorCode::SqlParseException, error.report()))?;
        let compile = |place: String, is_error_action, action| {
            actions::compile(action, &Compiler { program: &program, capabilities, place, is_error_action })
        };
        let compiled = payload.actions.iter().enumerate();
        let compiled = compiled.map(|(i, action)| compile(format!("actions[{i}]"), false, action));
        let compiled = compiled.collect::<Result<_, ApiError>>()?;
        let error_action = payload.error_action.as_ref();
        let error_action = error_action.map(|action| compile("errorAction".to_owned(), true, action)).transpose()?;
        let text = payload.to_json().to_string().to_ascii_lowercase();
        // Queries in queries, regular expressions and `transform` go over the payload more than once for each time they stand
        // there.
        let is_straight =
            text.matches("select").count() <= 1 && !text.contains("regexp_") && !text.contains("transform");
        let (account, length) = (account.clone(), text.len());
        let actions = compiled;
        Ok(Self { name, account, actions, error_action, program, reaches_out: false, length, is_straight })
    }

    /// Whether its statement and its templates are evaluated on a payload of some length in no more time than a message takes
    /// on its way anyway. Others are not to be evaluated where somebody else waits.
    #[must_use]
    pub fn is_light(&self, payload: usize) -> bool {
        self.is_straight && self.length.saturating_mul(payload) <= LIGHT
    }

    /// Evaluates the statement on a message that reached this rule.
    #[must_use]
    pub fn evaluate(&self, message: &Message, env: Env<'_>) -> Outcome {
        evaluate(&self.program, message, env)
    }

    /// Evaluates the statement and says step by step what it did.
    #[must_use]
    pub fn evaluate_traced(&self, message: &Message, env: Env<'_>) -> (Outcome, Trace) {
        evaluate_traced(&self.program, message, env)
    }

    /// What each action sends for a message that matched, in the order of the rule. Actions are independent: one that
    /// failed leaves the others as they are.
    #[must_use]
    pub fn prepare(&self, output: &Output, message: &Message, env: Env<'_>) -> Vec<Prepared> {
        let given = self.given(output, message);
        let actions = self.actions.iter().map(AsRef::as_ref);
        let context = self.context(message, env, None);
        actions.map(|action| self.render(action, &given, output, &context)).collect()
    }

    /// The same, each with the substitution templates that were filled in for it.
    #[must_use]
    pub fn prepare_traced(&self, output: &Output, message: &Message, env: Env<'_>) -> Vec<(Prepared, Trace)> {
        let given = self.given(output, message);
        let traced = |action: &dyn Act| {
            let notes = RefCell::new(Notes::new(&self.program.sql));
            let context = self.context(message, env, Some(&notes));
            let prepared = self.render(action, &given, output, &context);
            (prepared, notes.into_inner().trace)
        };
        self.actions.iter().map(|action| traced(action.as_ref())).collect()
    }

    /// Whether its statement or a template calls a function that reaches out, and an evaluation may have to wait.
    #[must_use]
    pub fn reaches_out(&self) -> bool {
        self.reaches_out
    }

    /// The confirmation URLs of the topic rule destinations that its HTTP actions go through, as far as the rule itself says
    /// which they are.
    pub fn destinations(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().chain(&self.error_action).filter_map(|action| action.destination())
    }

    /// Whether failures of actions go anywhere.
    #[must_use]
    pub fn has_error_action(&self) -> bool {
        self.error_action.is_some()
    }

    /// What the error action sends for all failures of one message: one document ("Error handling (error action)" in the
    /// guide). Its templates see the document, and the variables and functions of the message. Nothing where the rule has
    /// no error action. A failure of this action is only to be logged.
    #[must_use]
    pub fn prepare_error(
        &self,
        failures: &[ActionFailure],
        output: &Output,
        message: &Message,
        env: Env<'_>,
    ) -> Option<Prepared> {
        let action = self.error_action.as_ref()?;
        let document = self.error_document(failures, message);
        let given = Given { element: Element::Value(&document), value: &document, is_error_action: true };
        Some(self.render(action.as_ref(), &given, output, &self.context(message, env, None)))
    }

    /// The document that tells of the failures of one message.
    #[must_use]
    pub fn error_document(&self, failures: &[ActionFailure], message: &Message) -> Value {
        let failures = failures.iter().map(|failure| {
            Value::object(Object::from_iter([
                ("failedAction".into(), failure.failed_action.as_str().into()),
                ("failedResource".into(), failure.failed_resource.as_str().into()),
                ("errorMessage".into(), failure.error_message.as_str().into()),
            ]))
        });
        let mut document = Object::from_iter([
            ("ruleName".into(), self.name.as_str().into()),
            ("topic".into(), message.topic.clone().into()),
            ("cloudwatchTraceId".into(), message.trace_id.clone().into()),
            ("clientId".into(), message.client_id.as_deref().unwrap_or("N/A").into()),
        ]);
        if let Some(ip) = message.source_ip {
            document.insert("sourceIp".into(), Value::string(ip.to_canonical().to_string()));
        }
        document.insert("base64OriginalPayload".into(), crate::base64(&message.payload).into());
        document.insert("failures".into(), Value::array(failures.collect()));
        Value::object(document)
    }

    fn given<'a>(&self, output: &'a Output, message: &'a Message) -> Given<'a> {
        let element = Element::Payload(message, self.program.version);
        Given { element, value: &output.value, is_error_action: false }
    }

    fn context<'a>(&self, message: &'a Message, env: Env<'a>, notes: Option<&'a RefCell<Notes>>) -> Context<'a> {
        Context::new(message, env, self.program.version, notes)
    }

    fn render(&self, action: &dyn Act, given: &Given<'_>, output: &Output, context: &Context<'_>) -> Prepared {
        let Given { element, value, is_error_action } = *given;
        let scope = Scope { element, alias: None, variables: &output.variables };
        let (account, rule) = (&self.account, self.name.as_str());
        actions::prepare(action, &Render { context, scope, value, account, rule, is_error_action })
    }
}

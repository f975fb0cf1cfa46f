//! The actions of rules ("AWS IoT rule actions" in the guide), a file each: what is checked when a rule is created, and what
//! goes out for a message. Nothing is sent here: an action describes its calls, and the host makes them.
//!
//! An action that is not written yet is refused by name when a rule is created.

mod attribute;
mod dynamodb;
mod dynamodbv2;
mod lambda;
mod outgoing;
mod republish;
mod sns;
mod sqs;

pub use outgoing::{AwsCall, Outgoing};

use crate::eval::{Context, Interrupt, Scope};
use crate::externals::{Capabilities, ExternalCall};
use crate::plan::Program;
use crate::template::Template;
use crate::value::Value;
use bytes::Bytes;
use drydock_core::{ApiError, Arn, ErrorCode, Scope as AccountScope};
use drydock_model::iot;
use serde::Serialize;
use std::fmt;

/// What became of one action for one message.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The action's kind, as the error document names it, for example `LambdaAction`.
    pub action: &'static str,
    /// What it goes to, for example a function's ARN; the unfilled text where a template failed.
    pub resource: String,
    /// The calls to make, in their order; or why there is none.
    pub outgoing: Result<Vec<Outgoing>, NotPrepared>,
}

/// Why an action has nothing to send.
#[derive(Debug, Clone)]
pub enum NotPrepared {
    /// It failed: the error action is due.
    Failed(ActionFailure),
    /// A template needs an answer from outside first: find it and prepare anew.
    Waiting(Box<ExternalCall>),
}

/// A failure as the error document carries it ("Error handling (error action)" in the guide).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionFailure {
    /// The action's kind, for example `LambdaAction`.
    pub failed_action: String,
    /// What it went to.
    pub failed_resource: String,
    /// What went wrong.
    pub error_message: String,
}

impl Prepared {
    /// The failure of this action, for an error met while its calls were made.
    #[must_use]
    pub fn failed(&self, message: impl Into<String>) -> ActionFailure {
        ActionFailure {
            failed_action: self.action.to_owned(),
            failed_resource: self.resource.clone(),
            error_message: message.into(),
        }
    }
}

/// What an action works on.
pub(crate) struct Render<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) scope: Scope<'a>,
    /// What SELECT made, or the error document.
    pub(crate) value: &'a Value,
    pub(crate) account: &'a AccountScope,
}

impl Render<'_> {
    fn fill(&self, template: &Template) -> Result<String, Problem> {
        Ok(template.fill(self.context, &self.scope)?)
    }

    fn fill_optional(&self, template: Option<&Template>) -> Result<Option<String>, Problem> {
        template.map(|template| self.fill(template)).transpose()
    }

    /// The outgoing payload.
    fn bytes(&self) -> Bytes {
        match self.value {
            Value::Raw(bytes) => bytes.clone(),
            value => value.to_json().into(),
        }
    }

    /// The outgoing payload as text; raw bytes that are no UTF-8 have none.
    fn text(&self) -> Result<String, Problem> {
        String::from_utf8(self.bytes().into())
            .map_err(|_| Problem::new("the payload is not UTF-8: select `encode(*, 'base64')`"))
    }
}

/// Why an action's file has nothing to send.
pub(crate) enum Problem {
    Failed(String),
    Waiting(Box<ExternalCall>),
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}

impl From<Interrupt> for Problem {
    fn from(interrupt: Interrupt) -> Self {
        match interrupt {
            Interrupt::Failed(why) => Self::Failed(why),
            Interrupt::Waiting(call) => Self::Waiting(call),
        }
    }
}

/// An action of a rule, checked and ready.
pub(crate) trait Act: fmt::Debug + Send + Sync {
    /// The kind, as the error document names it.
    fn kind(&self) -> &'static str;

    /// What it goes to.
    fn resource(&self) -> &Template;

    /// The calls to make; `resource` is filled in.
    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem>;
}

/// Prepares an action for a message.
pub(crate) fn prepare(action: &dyn Act, render: &Render<'_>) -> Prepared {
    let mut resource = String::new();
    let outgoing = render.fill(action.resource()).and_then(|filled| {
        resource = filled;
        action.prepare(&resource, render)
    });
    let mut prepared = Prepared { action: action.kind(), resource, outgoing: Ok(Vec::new()) };
    prepared.outgoing = outgoing.map_err(|problem| match problem {
        Problem::Failed(message) => NotPrepared::Failed(prepared.failed(message)),
        Problem::Waiting(call) => NotPrepared::Waiting(call),
    });
    prepared
}

/// Compiles the parts of an action, and says in which action and field an error is.
pub(crate) struct Compiler<'a> {
    pub(crate) program: &'a Program,
    pub(crate) capabilities: Capabilities,
    pub(crate) place: String,
}

impl Compiler<'_> {
    fn invalid(&self, field: &str, what: impl fmt::Display) -> ApiError {
        ApiError::invalid(format!("{}.{field}: {what}", self.place))
    }

    fn template(&self, field: &str, text: &str) -> Result<Template, ApiError> {
        Template::compile(text, self.program, self.capabilities).map_err(|error| {
            let message = format!("{}.{field}: in the template `{text}`, {error}", self.place);
            ApiError::new(ErrorCode::SqlParseException, message)
        })
    }

    fn optional(&self, field: &str, text: Option<&String>) -> Result<Option<Template>, ApiError> {
        text.map(|text| self.template(field, text)).transpose()
    }

    /// A role's ARN, in which no template may stand.
    fn role(&self, text: &str) -> Result<(), ApiError> {
        match Arn::parse(text) {
            Some(arn) if arn.service() == "iam" && !text.contains("${") => Ok(()),
            _ => Err(self.invalid("roleArn", format!("`{text}` is not the ARN of an IAM role"))),
        }
    }

    /// Refuses a text without expressions that is not the ARN of a service's resource.
    fn arn_of(&self, field: &str, service: &str, template: &Template) -> Result<(), ApiError> {
        match template.plain() {
            Some(text) if Arn::parse(text).is_none_or(|arn| arn.service() != service) => {
                Err(self.invalid(field, format!("`{text}` is not an ARN of {service}")))
            }
            _ => Ok(()),
        }
    }
}

/// The ARN of a service's resource, filled in.
fn arn(text: &str, service: &str) -> Result<Arn, Problem> {
    Arn::parse(text)
        .filter(|arn| arn.service() == service)
        .ok_or_else(|| Problem::new(format!("`{text}` is not an ARN of {service}")))
}

/// Compiles an action.
///
/// # Errors
/// [`ApiError`] where it names no kind or several, one that is not written yet, or its parameters are wrong.
pub(crate) fn compile(action: &iot::Action, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    let json = action.to_json();
    let kinds: Vec<&String> = json.as_object().map(|members| members.keys().collect()).unwrap_or_default();
    let [kind] = kinds.as_slice() else {
        return Err(ApiError::invalid(format!(
            "{}: an action names exactly one kind, this one names {}",
            compiler.place,
            kinds.len()
        )));
    };
    let compiler = &Compiler { place: format!("{}.{kind}", compiler.place), ..*compiler };
    match action {
        iot::Action { lambda: Some(action), .. } => lambda::compile(action, compiler),
        iot::Action { republish: Some(action), .. } => republish::compile(action, compiler),
        iot::Action { dynamo_db: Some(action), .. } => dynamodb::compile(action, compiler),
        iot::Action { dynamo_dbv2: Some(action), .. } => dynamodbv2::compile(action, compiler),
        iot::Action { sns: Some(action), .. } => sns::compile(action, compiler),
        iot::Action { sqs: Some(action), .. } => sqs::compile(action, compiler),
        _ => Err(ApiError::not_implemented(&format!("the rule action `{kind}`"))),
    }
}

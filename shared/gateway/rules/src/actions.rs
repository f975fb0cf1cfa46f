//! The actions of rules ("AWS IoT rule actions" in the guide), a file each: what is checked when a rule is created, and what
//! goes out for a message. Nothing is sent here: an action describes its calls, and the host makes them.
//!
//! - `outgoing`: the calls, and what the answer of a service says.
//! - [`kinds`]: the list of the actions.
//! - `attribute`, `epoch`: what several of them share. All other files are an action each.

mod attribute;
mod cloudwatch_alarm;
mod cloudwatch_logs;
mod cloudwatch_metric;
mod compiler;
mod dynamodb;
mod dynamodbv2;
mod epoch;
mod firehose;
pub(crate) mod http;
mod influxdb;
mod iot_analytics;
mod iot_events;
mod iot_site_wise;
mod kafka;
mod kinds;
mod kinesis;
mod lambda;
mod location;
mod open_search;
mod outgoing;
mod republish;
mod s3;
mod salesforce;
mod sns;
mod sqs;
mod step_functions;
mod timestream;

pub(crate) use compiler::Compiler;
pub use influxdb::Points;
pub(crate) use kinds::compile;
pub use outgoing::{AwsCall, Batch, CallFailure, HttpPost, KafkaRecord, Missing, Outgoing};

use crate::eval::{Context, Interrupt, Scope};
use crate::externals::ExternalCall;
use crate::template::Template;
use crate::value::Value;
use bytes::Bytes;
use drydock_core::{Arn, Scope as AccountScope, Timestamp};
use serde::Serialize;
use std::fmt;

/// What became of one action for one message.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The action's kind, as the error document names it, for example `LambdaAction`.
    pub action: &'static str,
    /// What it goes to, for example a function's ARN, for people to read: empty where its template failed, the template itself
    /// where a secret may be in it.
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
    /// The rule's name.
    pub(crate) rule: &'a str,
    pub(crate) is_error_action: bool,
}

/// A value as it goes out.
fn bytes_of(value: &Value) -> Bytes {
    match value {
        Value::Raw(bytes) => bytes.clone(),
        value => value.to_json().into(),
    }
}

impl Render<'_> {
    /// When the rules engine saw the message.
    fn now(&self) -> Timestamp {
        self.context.message.timestamp
    }

    /// A random UUID.
    fn uuid(&self) -> String {
        self.context.env.ids.uuid().to_string()
    }

    /// The elements of the payload where it is an array and the action works in batches.
    fn elements(&self, batch: bool) -> Option<&[Value]> {
        match self.value {
            Value::Array(elements) if batch => Some(elements),
            _ => None,
        }
    }

    fn fill(&self, template: &Template) -> Result<String, Problem> {
        Ok(template.fill(self.context, &self.scope)?)
    }

    fn fill_optional(&self, template: Option<&Template>) -> Result<Option<String>, Problem> {
        template.map(|template| self.fill(template)).transpose()
    }

    /// The outgoing payload.
    fn bytes(&self) -> Bytes {
        bytes_of(self.value)
    }

    /// The outgoing payload as text; raw bytes that are not UTF-8 have none.
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
            Interrupt::Failed(why) | Interrupt::Exhausted(why) => Self::Failed(why),
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

    /// The confirmation URL of the topic rule destination that it goes through, where the rule says which one; such a
    /// destination is made with the rule.
    fn destination(&self) -> Option<&str> {
        None
    }

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
    let resource = action.resource().told(resource);
    let mut prepared = Prepared { action: action.kind(), resource, outgoing: Ok(Vec::new()) };
    prepared.outgoing = outgoing.map_err(|problem| match problem {
        Problem::Failed(message) => NotPrepared::Failed(prepared.failed(message)),
        Problem::Waiting(call) => NotPrepared::Waiting(call),
    });
    prepared
}

/// The ARN of a service's resource, filled in.
fn arn(text: &str, service: &str) -> Result<Arn, Problem> {
    Arn::parse(text)
        .filter(|arn| arn.service() == service)
        .ok_or_else(|| Problem::new(format!("`{text}` is not an ARN of {service}")))
}

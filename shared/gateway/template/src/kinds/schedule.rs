//! `AWS::Events::Rule`, and `AWS::Scheduler::Schedule` with its groups.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, NATURAL, Shape, TAGS, inert, optional, refused, required};
use drydock_core::Arn;
use drydock_schedule::Expression;
use serde::Serialize;
use serde_json::{Map, Value};

/// A rule of EventBridge, or a schedule of its Scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// The rule's or schedule's name.
    pub name: String,
    /// `events` or `scheduler`: the service that has it.
    pub service: &'static str,
    /// The ARN of the rule or schedule, the source of its invokes.
    pub arn: String,
    /// What the API is asked for: the input of `PutRule` with that of `PutTargets`, or of `CreateSchedule`, whose dates are RFC 3339.
    pub request: Value,
}

/// A group of schedules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleGroup {
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Value,
}

const DEAD_LETTER: Field = optional("DeadLetterConfig", Shape::Object(&[optional("Arn", Shape::Text)]));
const RETRY: Field = optional(
    "RetryPolicy",
    Shape::Object(&[
        optional("MaximumEventAgeInSeconds", Shape::Integer(60, 86_400)),
        optional("MaximumRetryAttempts", Shape::Integer(0, 185)),
    ]),
);
const BUS: &str = "there is one event bus here, the default one";
/// What can be a target here.
const TARGETS: [&str; 3] = ["lambda", "sqs", "sns"];

pub(super) const RULE: Kind = Kind {
    type_: "AWS::Events::Rule",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html",
    properties: &[
        optional("Name", Shape::Text),
        optional("ScheduleExpression", Shape::Text),
        optional("EventPattern", Shape::Document),
        optional("State", Shape::Choice(&["ENABLED", "DISABLED"])),
        optional(
            "Targets",
            Shape::List(&Shape::Object(&[
                required("Arn", Shape::Text),
                required("Id", Shape::Text),
                optional("Input", Shape::Text),
                optional("InputPath", Shape::Text),
                optional(
                    "InputTransformer",
                    Shape::Object(&[required("InputTemplate", Shape::Text), optional("InputPathsMap", Shape::TextMap)]),
                ),
                DEAD_LETTER,
                RETRY,
                optional("RoleArn", Shape::Text),
            ])),
        ),
        optional("Description", Shape::Text),
        optional("RoleArn", Shape::Text),
        optional("EventBusName", Shape::Choice(&["default"])),
        TAGS,
    ],
    naming: Naming::by("Name", 64, "-_."),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", rule_arn), ("RuleName", |identity| identity.name.clone())],
    plan: rule,
};

pub(super) const SCHEDULE: Kind = Kind {
    type_: "AWS::Scheduler::Schedule",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedule.html",
    properties: &[
        optional("Name", Shape::Text),
        required("ScheduleExpression", Shape::Text),
        required(
            "FlexibleTimeWindow",
            Shape::Object(&[
                required("Mode", Shape::Choice(&["OFF", "FLEXIBLE"])),
                optional("MaximumWindowInMinutes", NATURAL),
            ]),
        ),
        required(
            "Target",
            Shape::Object(&[
                required("Arn", Shape::Text),
                optional("Input", Shape::Text),
                DEAD_LETTER,
                RETRY,
                required("RoleArn", Shape::Text),
                refused("EcsParameters", "there is no ECS here"),
                refused("EventBridgeParameters", BUS),
                refused("KinesisParameters", "there are no Kinesis streams here"),
                refused("SageMakerPipelineParameters", "there is no SageMaker here"),
                refused("SqsParameters", "schedules do not feed FIFO queues here"),
            ]),
        ),
        optional("State", Shape::Choice(&["ENABLED", "DISABLED"])),
        optional("ScheduleExpressionTimezone", Shape::Text),
        optional("StartDate", Shape::Text),
        optional("EndDate", Shape::Text),
        optional("GroupName", Shape::Text),
        optional("Description", Shape::Text),
        inert("KmsKeyArn", "nothing is encrypted at rest here"),
    ],
    naming: Naming::by("Name", 64, "-_."),
    extra: Some("GroupName"),
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", schedule_arn)],
    plan: schedule,
};

pub(super) const GROUP: Kind = Kind {
    type_: "AWS::Scheduler::ScheduleGroup",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedulegroup.html",
    properties: &[optional("Name", Shape::Text), optional("Tags", Shape::Document)],
    naming: Naming::by("Name", 64, "-_."),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", group_arn)],
    plan: group,
};

fn rule_arn(identity: &Identity) -> String {
    identity.arn("events", &format!("rule/{}", identity.name))
}

fn schedule_arn(identity: &Identity) -> String {
    let group = identity.extra.as_deref().unwrap_or("default");
    identity.arn("scheduler", &format!("schedule/{group}/{}", identity.name))
}

fn group_arn(identity: &Identity) -> String {
    identity.arn("scheduler", &format!("schedule-group/{}", identity.name))
}

fn rule(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let mut request: Map<String, Value> = properties.read()?;
    // Its members are text over the API.
    if let Some(pattern) = request.get_mut("EventPattern") {
        *pattern = pattern.to_string().into();
    }
    match request.get("ScheduleExpression").and_then(Value::as_str) {
        Some(expression) => {
            let read = Expression::of_rule(expression);
            read.map_err(|why| properties.fault("ScheduleExpression", why.to_string()))?;
        }
        None if !request.contains_key("EventPattern") => {
            return Err(properties.fault("ScheduleExpression", "or `EventPattern` must be given"));
        }
        None => {}
    }
    for target in request.get("Targets").and_then(Value::as_array).into_iter().flatten() {
        can_be_target(properties, "Targets", target)?;
    }
    request.insert("Name".to_owned(), identity.name.clone().into());
    Ok(made(identity, "events", rule_arn(identity), request))
}

fn schedule(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let request: Map<String, Value> = properties.read()?;
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    Expression::parse(text("ScheduleExpression").unwrap_or_default(), text("ScheduleExpressionTimezone"))
        .map_err(|why| properties.fault("ScheduleExpression", why.to_string()))?;
    if let Some(target) = request.get("Target") {
        can_be_target(properties, "Target", target)?;
    }
    Ok(made(identity, "scheduler", schedule_arn(identity), request))
}

/// Whether what an ARN names can be a target here; what it names is not always known before it is made.
fn can_be_target(properties: &Properties<'_>, path: &str, target: &Value) -> Fallible<()> {
    let arn = target.get("Arn").and_then(Value::as_str).and_then(Arn::parse);
    match arn {
        Some(arn) if !TARGETS.contains(&arn.service()) && !arn.as_str().contains(":scheduler:::aws-sdk:") => {
            let why = format!("names `{arn}`: here a target is one of {}", TARGETS.join(", "));
            Err(properties.fault(path, why))
        }
        _ => Ok(()),
    }
}

fn made(identity: &Identity, service: &'static str, arn: String, request: Map<String, Value>) -> Resource {
    Resource::Schedule(Schedule { name: identity.name.clone(), service, arn, request: request.into() })
}

fn group(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let mut given: Map<String, Value> = properties.read()?;
    let tags = given.remove("Tags").unwrap_or_else(|| Value::Array(Vec::new()));
    Ok(Resource::ScheduleGroup(ScheduleGroup { name: identity.name.clone(), tags }))
}

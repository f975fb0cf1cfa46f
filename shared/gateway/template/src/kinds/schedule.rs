//! Schedules: a scheduled `AWS::Events::Rule`, and `AWS::Scheduler::Schedule`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, NATURAL, Shape, TAGS, inert, optional, refused, required};
use serde::{Deserialize, Serialize};

/// Something that happens again and again, or once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// The rule's or schedule's name.
    pub name: String,
    /// `rate(…)`, `cron(…)`, or `at(…)` for a schedule of the Scheduler.
    pub expression: String,
    /// The time zone of the expression; UTC where the template says nothing.
    pub timezone: Option<String>,
    /// RFC 3339: not before.
    pub start_date: Option<String>,
    /// RFC 3339: not after.
    pub end_date: Option<String>,
    /// How many minutes late it may be; 0 for on time.
    pub flexible_window_minutes: u32,
    /// Whether it runs.
    pub enabled: bool,
    /// `events.amazonaws.com` or `scheduler.amazonaws.com`: whose event the target sees, and whose permission it needs.
    pub service: &'static str,
    /// The ARN of the rule or schedule, the source of its invokes.
    pub arn: String,
    /// What is invoked.
    pub targets: Vec<ScheduleTarget>,
}

/// What a schedule invokes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub struct ScheduleTarget {
    /// The function's, queue's or topic's ARN.
    pub arn: String,
    /// What it is invoked with; the service's own event where the template says nothing.
    pub input: Option<String>,
    /// Where events go that cannot be delivered.
    #[serde(default)]
    pub dead_letter_config: Option<DeadLetter>,
    /// How often and for how long delivery is tried.
    #[serde(default)]
    pub retry_policy: Option<RetryPolicy>,
}

/// Where events go that cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub struct DeadLetter {
    /// The queue's ARN.
    pub arn: Option<String>,
}

/// How often and for how long delivery is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub struct RetryPolicy {
    /// 60 to 86400.
    pub maximum_event_age_in_seconds: Option<u32>,
    /// 0 to 185.
    pub maximum_retry_attempts: Option<u32>,
}

const DEAD_LETTER: Field = optional("DeadLetterConfig", Shape::Object(&[optional("Arn", Shape::Text)]));
const RETRY: Field = optional(
    "RetryPolicy",
    Shape::Object(&[
        optional("MaximumEventAgeInSeconds", Shape::Integer(60, 86_400)),
        optional("MaximumRetryAttempts", Shape::Integer(0, 185)),
    ]),
);
const IAM: &str = "IAM is not evaluated here";
const BUS: &str = "there is no event bus here, only schedules";

pub(super) const RULE: Kind = Kind {
    type_: "AWS::Events::Rule",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html",
    properties: &[
        optional("Name", Shape::Text),
        required("ScheduleExpression", Shape::Text),
        optional("State", Shape::Choice(&["ENABLED", "DISABLED"])),
        optional(
            "Targets",
            Shape::List(&Shape::Object(&[
                required("Arn", Shape::Text),
                required("Id", Shape::Text),
                optional("Input", Shape::Text),
                DEAD_LETTER,
                RETRY,
                inert("RoleArn", IAM),
                refused("InputPath", "a schedule's input is fixed"),
                refused("InputTransformer", "a schedule's input is fixed"),
            ])),
        ),
        inert("Description", "it is for people"),
        inert("RoleArn", IAM),
        refused("EventBusName", BUS),
        refused("EventPattern", BUS),
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
                inert("RoleArn", IAM),
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
        inert("Description", "it is for people"),
        inert("KmsKeyArn", "nothing is encrypted at rest here"),
    ],
    naming: Naming::by("Name", 64, "-_."),
    extra: Some("GroupName"),
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", schedule_arn)],
    plan: schedule,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    schedule_expression: String,
    schedule_expression_timezone: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
    state: Option<String>,
    #[serde(default)]
    flexible_time_window: Window,
    #[serde(default)]
    targets: Vec<ScheduleTarget>,
    target: Option<ScheduleTarget>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Window {
    maximum_window_in_minutes: Option<u32>,
}

fn rule_arn(identity: &Identity) -> String {
    identity.arn("events", &format!("rule/{}", identity.name))
}

fn schedule_arn(identity: &Identity) -> String {
    let group = identity.extra.as_deref().unwrap_or("default");
    identity.arn("scheduler", &format!("schedule/{group}/{}", identity.name))
}

fn rule(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given = given(properties, &["rate(", "cron("])?;
    Ok(Resource::Schedule(made(identity, given, "events.amazonaws.com", rule_arn(identity))))
}

fn schedule(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given = given(properties, &["rate(", "cron(", "at("])?;
    Ok(Resource::Schedule(made(identity, given, "scheduler.amazonaws.com", schedule_arn(identity))))
}

fn given(properties: &Properties<'_>, forms: &[&str]) -> Fallible<Given> {
    let given: Given = properties.read()?;
    let expression = given.schedule_expression.as_str();
    if !(expression.ends_with(')') && forms.iter().any(|form| expression.starts_with(form))) {
        let forms = forms.iter().map(|form| format!("`{form}…)`")).collect::<Vec<_>>().join(", ");
        return Err(properties.fault("ScheduleExpression", format!("is none of {forms}")));
    }
    Ok(given)
}

fn made(identity: &Identity, given: Given, service: &'static str, arn: String) -> Schedule {
    Schedule {
        name: identity.name.clone(),
        expression: given.schedule_expression,
        timezone: given.schedule_expression_timezone,
        start_date: given.start_date,
        end_date: given.end_date,
        flexible_window_minutes: given.flexible_time_window.maximum_window_in_minutes.unwrap_or(0),
        enabled: given.state.as_deref() != Some("DISABLED"),
        service,
        arn,
        targets: given.targets.into_iter().chain(given.target).collect(),
    }
}

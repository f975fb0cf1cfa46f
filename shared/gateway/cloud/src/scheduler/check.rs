//! What a request says of a schedule, and what is refused of it.

use super::rows::Definition;
use super::{DEFAULT, Scheduler};
use crate::courier;
use drydock_core::{Arn, Timestamp};
use drydock_schedule::Expression;
use serde_json::{Map, Value, json};

/// An error's name, and its text.
pub(super) type Refused = (&'static str, String);

const MEMBERS: [&str; 13] = [
    "ActionAfterCompletion",
    "ClientToken",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
];
/// What targets have that this gateway has no service for.
const ELSEWHERE: [&str; 5] = [
    "EcsParameters",
    "EventBridgePutEventsV2Parameters",
    "KinesisParameters",
    "SageMakerPipelineParameters",
    "SqsParameters",
];

pub(super) fn invalid(why: impl Into<String>) -> Refused {
    ("ValidationException", why.into())
}

/// Names of schedules and groups.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), Refused> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&name.len()) && name.bytes().all(valid) {
        return Ok(());
    }
    Err(invalid(format!("{what} `{name:.80}` must be 1 to 64 of letters, digits, `-`, `_` and `.`")))
}

fn text<'a>(body: &'a Map<String, Value>, name: &str, most: usize) -> Result<Option<&'a str>, Refused> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= most => Ok(Some(text)),
        Some(_) => Err(invalid(format!("`{name}` must be a text of at most {most} characters"))),
    }
}

fn choice(body: &Map<String, Value>, name: &str, of: [&str; 2]) -> Result<String, Refused> {
    let [first, _] = of;
    let given = text(body, name, 64)?.unwrap_or(first);
    if of.contains(&given) {
        Ok(given.to_owned())
    } else {
        Err(invalid(format!("`{name}` must be one of {}", of.join(", "))))
    }
}

/// A time: seconds since 1970, as the protocol has it.
fn time(body: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Refused> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(seconds)) => {
            let seconds = seconds.as_f64().filter(|seconds| (0.0..1e11).contains(seconds));
            let seconds = seconds.ok_or_else(|| invalid(format!("`{name}` is not a time")))?;
            #[expect(clippy::cast_possible_truncation, reason = "it was just looked at")]
            let millis = (seconds * 1000.0).round() as i64;
            Ok(Some(Timestamp(millis)))
        }
        Some(_) => Err(invalid(format!("`{name}` must be a number of seconds since 1970"))),
    }
}

impl Scheduler {
    /// Reads what a request says of a schedule.
    pub(super) fn read(&self, name: &str, body: &Map<String, Value>) -> Result<Definition, Refused> {
        if let Some(unknown) = body.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
            return Err(invalid(format!("`{unknown:.80}` is not a member of the request")));
        }
        check_name("the name", name)?;
        let group_name = text(body, "GroupName", 64)?.unwrap_or(DEFAULT).to_owned();
        check_name("`GroupName`", &group_name)?;
        let expression =
            text(body, "ScheduleExpression", 256)?.ok_or_else(|| invalid("`ScheduleExpression` is missing"))?;
        let zone = text(body, "ScheduleExpressionTimezone", 50)?.unwrap_or("UTC");
        // AWS's own words; ours say what it is.
        Expression::parse(expression, Some(zone)).map_err(|why| {
            let what = if why.to_string().ends_with("is not a time zone") {
                format!("Invalid Schedule Expression Timezone {zone}.")
            } else {
                format!("Invalid Schedule Expression {expression}.")
            };
            invalid(format!("{what} ({why})"))
        })?;
        let (start_date, end_date) = (time(body, "StartDate")?, time(body, "EndDate")?);
        if let (Some(start), Some(end)) = (start_date, end_date)
            && end <= start
        {
            return Err(invalid("The EndDate must come after the StartDate."));
        }
        let target = body.get("Target").and_then(Value::as_object).ok_or_else(|| invalid("`Target` is missing"))?;
        self.check_target(target)?;
        Ok(Definition {
            name: name.to_owned(),
            group_name,
            schedule_expression: expression.to_owned(),
            schedule_expression_timezone: zone.to_owned(),
            start_date,
            end_date,
            description: text(body, "Description", 512)?.map(str::to_owned),
            state: choice(body, "State", ["ENABLED", "DISABLED"])?,
            kms_key_arn: text(body, "KmsKeyArn", 2048)?.map(str::to_owned),
            action_after_completion: choice(body, "ActionAfterCompletion", ["NONE", "DELETE"])?,
            flexible_time_window: window(body.get("FlexibleTimeWindow"))?,
            target: target.clone(),
        })
    }

    /// Whether a schedule that is made or changed now has not ended before.
    pub(super) fn check_end(&self, definition: &Definition) -> Result<(), Refused> {
        if definition.end_date.is_some_and(|end| end <= self.context.now()) {
            return Err(invalid("The EndDate you specify must come after the current time."));
        }
        Ok(())
    }

    fn check_target(&self, target: &Map<String, Value>) -> Result<(), Refused> {
        if let Some(what) = ELSEWHERE.iter().find(|what| target.contains_key(**what)) {
            return Err(invalid(format!("`{what}` is not implemented by this gateway")));
        }
        let known = ["Arn", "RoleArn", "Input", "DeadLetterConfig", "RetryPolicy", "EventBridgeParameters"];
        if let Some(unknown) = target.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(invalid(format!("`{unknown:.80}` is not a member of `Target`")));
        }
        let arn = text(target, "Arn", 1600)?.ok_or_else(|| invalid("`Target.Arn` is missing"))?;
        let arn =
            Arn::parse(arn).ok_or_else(|| invalid(format!("Provided Arn is not in correct format. (`{arn:.200}`)")))?;
        let role = text(target, "RoleArn", 1600)?.ok_or_else(|| invalid("`Target.RoleArn` is missing"))?;
        if !Arn::parse(role).is_some_and(|arn| arn.service() == "iam" && arn.as_str().contains(":role/")) {
            return Err(invalid(format!("`Target.RoleArn` `{role:.200}` is not the ARN of a role")));
        }
        match self.courier.universal().of(&arn) {
            Some(Err(why)) => return Err(invalid(why)),
            Some(Ok(_)) => {}
            None if ["lambda", "sqs", "sns"].contains(&arn.service()) => {}
            None => return Err(invalid(format!("the target `{arn}` is not implemented by this gateway"))),
        }
        if target.contains_key("EventBridgeParameters") {
            return Err(invalid("`EventBridgeParameters` are for an event bus, which this target is not"));
        }
        if let Some(input) = target.get("Input")
            && input.as_str().is_none_or(str::is_empty)
        {
            return Err(invalid("`Target.Input` must be a text that is not empty"));
        }
        courier::check(target, "Target.").map_err(invalid)
    }
}

fn window(given: Option<&Value>) -> Result<Value, Refused> {
    let given = given.ok_or_else(|| invalid("`FlexibleTimeWindow` is missing"))?;
    let minutes = given.get("MaximumWindowInMinutes");
    match (given.get("Mode").and_then(Value::as_str), minutes) {
        (Some("OFF"), None) => Ok(json!({ "Mode": "OFF" })),
        (Some("FLEXIBLE"), Some(minutes)) if minutes.as_u64().is_some_and(|most| (1..=1440).contains(&most)) => {
            Ok(json!({ "Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes }))
        }
        (Some("OFF"), Some(_)) => Err(invalid("`MaximumWindowInMinutes` is for the mode FLEXIBLE")),
        (Some("FLEXIBLE"), _) => Err(invalid("the mode FLEXIBLE wants a `MaximumWindowInMinutes` of 1 to 1440")),
        _ => Err(invalid("`FlexibleTimeWindow.Mode` must be OFF or FLEXIBLE")),
    }
}

//! `cloudwatchAlarm`: sets the state of a CloudWatch alarm ("CloudWatch alarms" rule action).

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use drydock_core::ApiError;
use drydock_model::iot::CloudwatchAlarmAction;

#[derive(Debug)]
struct CloudwatchAlarm {
    alarm: Template,
    reason: Template,
    value: Template,
}

pub(super) fn compile(action: &CloudwatchAlarmAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    Ok(Box::new(CloudwatchAlarm {
        alarm: compiler.filled("alarmName", &action.alarm_name)?,
        reason: compiler.template("stateReason", &action.state_reason)?,
        value: compiler.checked("stateValue", &action.state_value, state)?,
    }))
}

fn state(text: &str) -> Result<(), String> {
    match text {
        "OK" | "ALARM" | "INSUFFICIENT_DATA" => Ok(()),
        _ => Err(format!("`{text}` is none of the states OK, ALARM and INSUFFICIENT_DATA")),
    }
}

impl Act for CloudwatchAlarm {
    fn kind(&self) -> &'static str {
        "CloudwatchAlarmAction"
    }

    fn resource(&self) -> &Template {
        &self.alarm
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let (reason, value) = (render.fill(&self.reason)?, render.fill(&self.value)?);
        state(&value).map_err(Problem::Failed)?;
        let fields = [
            ("Action", "SetAlarmState"),
            ("Version", "2010-08-01"),
            ("AlarmName", resource),
            ("StateReason", &reason),
            ("StateValue", &value),
        ];
        Ok(vec![Outgoing::Aws(AwsCall::query("monitoring", render.account.region.clone(), &fields))])
    }
}

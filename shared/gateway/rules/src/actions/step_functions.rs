//! `stepFunctions`: starts an execution of a state machine with the payload as its input ("Step Functions" rule action).

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use crate::value::Value;
use drydock_core::ApiError;
use drydock_model::iot::StepFunctionsAction;
use serde_json::Map;

/// The longest name of an execution, in characters.
const MAX_NAME: usize = 80;

#[derive(Debug)]
struct StepFunctions {
    machine: Template,
    prefix: Option<Template>,
}

pub(super) fn compile(action: &StepFunctionsAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    Ok(Box::new(StepFunctions {
        machine: compiler.filled("stateMachineName", &action.state_machine_name)?,
        prefix: compiler.optional("executionNamePrefix", action.execution_name_prefix.as_ref())?,
    }))
}

impl Act for StepFunctions {
    fn kind(&self) -> &'static str {
        "StepFunctionsAction"
    }

    fn resource(&self) -> &Template {
        &self.machine
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        if let Value::Raw(_) = render.value {
            return Err(Problem::new("an execution takes JSON: select `encode(*, 'base64') AS data`"));
        }
        let machine = render.account.arn("states", &format!("stateMachine:{resource}"));
        let mut body = Map::from_iter([
            ("stateMachineArn".to_owned(), machine.as_str().into()),
            ("input".to_owned(), render.text()?.into()),
        ]);
        if let Some(prefix) = render.fill_optional(self.prefix.as_ref())? {
            let name = format!("{prefix}{}", render.uuid());
            if name.chars().count() > MAX_NAME {
                let what = format!("the execution's name `{name}` is longer than {MAX_NAME} characters");
                return Err(Problem::new(what));
            }
            body.insert("name".to_owned(), name.into());
        }
        let region = render.account.region.clone();
        Ok(vec![Outgoing::Aws(AwsCall::json("states", region, "AWSStepFunctions.StartExecution", &body.into()))])
    }
}

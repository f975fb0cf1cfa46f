//! `lambda`: invokes a function asynchronously with the payload as its event ("Lambda" rule action).

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render, arn};
use crate::template::Template;
use crate::value::Value;
use drydock_core::ApiError;
use drydock_model::iot::LambdaAction;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

#[derive(Debug)]
struct Lambda {
    function: Template,
}

pub(super) fn compile(action: &LambdaAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    let function = compiler.template("functionArn", &action.function_arn)?;
    compiler.arn_of("functionArn", "lambda", &function)?;
    Ok(Box::new(Lambda { function }))
}

impl Act for Lambda {
    fn kind(&self) -> &'static str {
        "LambdaAction"
    }

    fn resource(&self) -> &Template {
        &self.function
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let function = arn(resource, "lambda")?;
        if let Value::Raw(_) = render.value {
            return Err(Problem::new("a function takes JSON: select `encode(*, 'base64') AS data`"));
        }
        // The path takes a whole ARN, with a version or alias at its end.
        let name = utf8_percent_encode(function.as_str(), NON_ALPHANUMERIC);
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let call = AwsCall::rest("lambda", function.region().into(), "POST", path, render.bytes());
        let call = call.with("content-type", "application/json").with("x-amz-invocation-type", "Event");
        Ok(vec![Outgoing::Aws(call)])
    }
}

//! `sns`: publishes the payload to a topic or endpoint of Amazon SNS ("SNS" rule action). FIFO topics are not supported.

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render, arn};
use crate::template::Template;
use drydock_core::ApiError;
use drydock_model::iot::{MessageFormat, SnsAction};

#[derive(Debug)]
struct Sns {
    target: Template,
    json: bool,
}

const NO_FIFO: &str = "FIFO topics are not supported by rules";

pub(super) fn compile(action: &SnsAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    let target = compiler.template("targetArn", &action.target_arn)?;
    compiler.arn_of("targetArn", "sns", &target)?;
    if target.plain().is_some_and(|text| text.ends_with(".fifo")) {
        return Err(compiler.invalid("targetArn", NO_FIFO));
    }
    Ok(Box::new(Sns { target, json: action.message_format == Some(MessageFormat::Json) }))
}

impl Act for Sns {
    fn kind(&self) -> &'static str {
        "SnsAction"
    }

    fn resource(&self) -> &Template {
        &self.target
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let target = arn(resource, "sns")?;
        if resource.ends_with(".fifo") {
            return Err(Problem::new(NO_FIFO));
        }
        let message = render.text()?;
        let mut fields = vec![
            ("Action", "Publish"),
            ("Version", "2010-03-31"),
            ("TargetArn", target.as_str()),
            ("Message", &message),
        ];
        if self.json {
            fields.push(("MessageStructure", "json"));
        }
        Ok(vec![Outgoing::Aws(AwsCall::query("sns", target.region().into(), &fields))])
    }
}

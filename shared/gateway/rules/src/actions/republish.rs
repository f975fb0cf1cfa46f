//! `republish`: publishes the payload to another topic ("Republish" rule action).

use super::{Act, Compiler, Outgoing, Problem, Render};
use crate::message::MqttProperties;
use crate::template::Template;
use base64::Engine as _;
use drydock_core::{ApiError, Topic};
use drydock_model::iot::{MqttHeaders, RepublishAction};

#[derive(Debug)]
struct Republish {
    topic: Template,
    qos: u8,
    headers: Headers,
}

#[derive(Debug, Default)]
struct Headers {
    format: Option<Template>,
    content_type: Option<Template>,
    response_topic: Option<Template>,
    correlation_data: Option<Template>,
    expiry: Option<Template>,
    user: Vec<(Template, Template)>,
}

pub(super) fn compile(action: &RepublishAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    let topic = compiler.template("topic", &action.topic)?;
    if let Some(plain) = topic.plain() {
        check(&unescaped(plain)).map_err(|why| compiler.invalid("topic", why))?;
    }
    let qos = match action.qos.unwrap_or(0) {
        0 => 0,
        1 => 1,
        other => return Err(compiler.invalid("qos", format!("`{other}` is neither 0 nor 1"))),
    };
    let headers = action.headers.as_ref().map(|headers| compile_headers(headers, compiler)).transpose()?;
    Ok(Box::new(Republish { topic, qos, headers: headers.unwrap_or_default() }))
}

fn compile_headers(headers: &MqttHeaders, compiler: &Compiler<'_>) -> Result<Headers, ApiError> {
    let optional = |field: &str, text: &Option<String>| compiler.optional(&format!("headers.{field}"), text.as_ref());
    let mut user = Vec::new();
    for (index, pair) in headers.user_properties.iter().flatten().enumerate() {
        let field = format!("headers.userProperties[{index}]");
        user.push((
            compiler.template(&format!("{field}.key"), &pair.key)?,
            compiler.template(&format!("{field}.value"), &pair.value)?,
        ));
    }
    Ok(Headers {
        format: optional("payloadFormatIndicator", &headers.payload_format_indicator)?,
        content_type: optional("contentType", &headers.content_type)?,
        response_topic: optional("responseTopic", &headers.response_topic)?,
        correlation_data: optional("correlationData", &headers.correlation_data)?,
        expiry: optional("messageExpiry", &headers.message_expiry)?,
        user,
    })
}

/// A topic that begins with `$` is written with `$$`, since `${` begins an expression.
fn unescaped(topic: &str) -> String {
    match topic.strip_prefix("$$") {
        Some(rest) => format!("${rest}"),
        None => topic.to_owned(),
    }
}

fn check(topic: &str) -> Result<(), String> {
    Topic::new(topic).map_err(|error| error.to_string())?;
    let levels: Vec<&str> = topic.split('/').collect();
    match levels.as_slice() {
        ["$aws", "things", _, "jobs", ..] => {
            Err(format!("`{topic}` is a topic of jobs, to which rules cannot publish"))
        }
        _ => Ok(()),
    }
}

impl Headers {
    fn fill(&self, render: &Render<'_>) -> Result<MqttProperties, Problem> {
        let utf8 = match render.fill_optional(self.format.as_ref())?.as_deref() {
            None | Some("") => None,
            Some("UNSPECIFIED_BYTES") => Some(false),
            Some("UTF8_DATA") => Some(true),
            Some(other) => {
                let why = format!("payloadFormatIndicator `{other}` is neither UNSPECIFIED_BYTES nor UTF8_DATA");
                return Err(Problem::new(why));
            }
        };
        let correlation_data = match render.fill_optional(self.correlation_data.as_ref())? {
            Some(text) => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(&text);
                Some(bytes.map_err(|_| Problem::new(format!("correlationData `{text}` is not base64")))?.into())
            }
            None => None,
        };
        let message_expiry = match render.fill_optional(self.expiry.as_ref())? {
            Some(text) => Some(
                text.parse().map_err(|_| Problem::new(format!("messageExpiry `{text}` is not a number of seconds")))?,
            ),
            None => None,
        };
        let mut user_properties = Vec::with_capacity(self.user.len());
        for (key, value) in &self.user {
            user_properties.push((render.fill(key)?, render.fill(value)?));
        }
        Ok(MqttProperties {
            utf8,
            content_type: render.fill_optional(self.content_type.as_ref())?,
            response_topic: render.fill_optional(self.response_topic.as_ref())?,
            correlation_data,
            message_expiry,
            user_properties,
        })
    }
}

impl Act for Republish {
    fn kind(&self) -> &'static str {
        "RepublishAction"
    }

    fn resource(&self) -> &Template {
        &self.topic
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let topic = unescaped(resource);
        check(&topic).map_err(Problem::new)?;
        let mqtt = Box::new(self.headers.fill(render)?);
        Ok(vec![Outgoing::Publish { topic, payload: render.bytes(), qos: self.qos, mqtt }])
    }
}

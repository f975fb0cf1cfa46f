//! A command as it is kept, and "CreateCommand".
//!
//! Source: API reference of "CreateCommand", and "Create a command resource" of the developer guide.

use crate::book::{COMMANDS, Commands, conflict, invalid, json};
use crate::parameter;
use crate::template::Template;
use crate::wire;
use drydock_core::{ApiError, Done, Scope, Timestamp, Write};
use drydock_model::iot::{
    CommandNamespace, CommandParameter, CommandPayload, CommandPreprocessor, CreateCommandRequest,
    CreateCommandResponse, OutputFormat,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The most bytes of a payload: 32 KB.
const LONGEST: usize = 32 * 1024;
/// The most characters of a payload's content type: as many bytes as the message broker takes of one.
const LONGEST_TYPE: usize = 256;
/// What a payload is where nothing is said of it.
const BYTES: &str = "application/octet-stream";

/// A command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CommandRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<CommandPayload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<String>,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) preprocessor: Option<CommandPreprocessor>,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) parameters: Option<Vec<CommandParameter>>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    /// Since when it is deprecated, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deprecated: Option<Timestamp>,
    /// When it goes, where it is pending deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deletes: Option<Timestamp>,
}

impl CommandRow {
    /// The parameter of a name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&CommandParameter> {
        self.parameters.iter().flatten().find(|parameter| parameter.name == name)
    }

    /// The format in which the template's result is sent.
    pub(crate) fn output(&self) -> OutputFormat {
        let configured = self.preprocessor.as_ref().and_then(|of| of.aws_json_substitution.as_ref());
        configured.map(|of| of.output_format).unwrap_or_default()
    }
}

/// The ARN of a command.
pub(crate) fn arn(scope: &Scope, id: &str) -> String {
    scope.arn("iot", &format!("command/{id}")).into()
}

impl Commands {
    /// "CreateCommand".
    ///
    /// # Errors
    /// `ConflictException` for an id that is taken; `ValidationException` for a payload, a template or parameters that cannot be;
    /// `NotImplementedException` for the namespace of AWS IoT FleetWise.
    pub fn create_command(
        &mut self,
        request: CreateCommandRequest,
        now: Timestamp,
    ) -> Result<Done<CreateCommandResponse>, ApiError> {
        let id = SmolStr::new(&request.command_id);
        if request.namespace == Some(CommandNamespace::AwsIoTFleetWise) {
            return Err(ApiError::not_implemented("the namespace AWS-IoT-FleetWise of commands"));
        }
        if request.role_arn.is_some() {
            return Err(invalid("roleArn is for commands of the namespace AWS-IoT-FleetWise alone"));
        }
        if self.commands.contains_key(&id) {
            return Err(conflict(format!("there is a command `{id}` already")));
        }
        let payload = match (request.payload, &request.payload_template) {
            (Some(_), Some(_)) => return Err(invalid("either payload or payloadTemplate may be given")),
            (None, None) => return Err(invalid("one of payload and payloadTemplate is needed")),
            (Some(payload), None) => {
                if request.preprocessor.is_some() || request.mandatory_parameters.is_some() {
                    return Err(invalid(
                        "preprocessor and mandatoryParameters go with payloadTemplate: a payload is sent as it is",
                    ));
                }
                Some(checked_payload(payload)?)
            }
            (None, Some(template)) => {
                if request.preprocessor.as_ref().is_none_or(|of| of.aws_json_substitution.is_none()) {
                    return Err(invalid("payloadTemplate needs a preprocessor: awsJsonSubstitution"));
                }
                let parameters = request.mandatory_parameters.as_deref().unwrap_or_default();
                parameter::check_all(parameters)?;
                check_template(template, parameters)?;
                None
            }
        };
        let row = CommandRow {
            display_name: request.display_name,
            description: request.description,
            payload,
            template: request.payload_template,
            preprocessor: request.preprocessor,
            parameters: request.mandatory_parameters,
            created: now,
            updated: now,
            deprecated: None,
            deletes: None,
        };
        let write = Write::put(COMMANDS, id.as_str(), json(&row));
        self.commands.insert(id.clone(), row);
        let reply =
            CreateCommandResponse { command_arn: Some(arn(&self.scope, &id)), command_id: Some(id.to_string()) };
        Ok(Done::written(reply, vec![write]))
    }
}

/// A payload of at most 32 KB, of a content type.
fn checked_payload(payload: CommandPayload) -> Result<CommandPayload, ApiError> {
    let bytes = payload.content.as_ref().map_or(0, |content| content.len());
    if bytes == 0 {
        return Err(invalid("the content of payload is missing or empty"));
    }
    if bytes > LONGEST {
        return Err(invalid(format!("payload has {bytes} bytes; the limit is {LONGEST}")));
    }
    let content_type = payload.content_type.unwrap_or_else(|| BYTES.to_owned());
    if !is_content_type(&content_type) {
        return Err(invalid(format!("contentType `{content_type:.300}` is not of the form type/subtype")));
    }
    Ok(CommandPayload { content: payload.content, content_type: Some(content_type) })
}

/// Whether a text is of the form `type/subtype`, which parameters may follow behind `;`.
fn is_content_type(text: &str) -> bool {
    let is_token = |part: &str| {
        let allowed = |sign: char| sign.is_ascii_alphanumeric() || "!#$&-^_.+".contains(sign);
        !part.is_empty() && part.chars().all(allowed)
    };
    let halves = essence(text).split_once('/');
    let is_plain = text.len() <= LONGEST_TYPE && !text.chars().any(char::is_control);
    is_plain && halves.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// A content type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split_once(';').map_or(content_type, |(essence, _)| essence).trim()
}

/// The last level of the topic that a payload of a content type is sent to: `json` or `cbor`; `None` for others.
pub(crate) fn format_of(content_type: &str) -> Option<&'static str> {
    let essence = essence(content_type);
    [("application/json", "json"), ("application/cbor", "cbor")]
        .into_iter()
        .find(|(of, _)| of.eq_ignore_ascii_case(essence))
        .map(|(_, format)| format)
}

/// A template has a placeholder, and a parameter for each that asks for one.
fn check_template(text: &str, parameters: &[CommandParameter]) -> Result<(), ApiError> {
    let template = Template::read(text).map_err(|why| invalid(format!("payloadTemplate {why}")))?;
    if !template.has_placeholder() {
        return Err(invalid(
            "payloadTemplate has no placeholder: a payload that is always the same is given as payload",
        ));
    }
    let unknown = template.parameters().find(|name| parameters.iter().all(|parameter| parameter.name != **name));
    match unknown {
        Some(name) => {
            Err(invalid(format!("payloadTemplate has the parameter `{name}`, which mandatoryParameters lacks")))
        }
        None => Ok(()),
    }
}

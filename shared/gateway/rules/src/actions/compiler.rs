//! What the actions are compiled with: it says in which action and field an error is.

use crate::externals::Capabilities;
use crate::plan::Program;
use crate::template::Template;
use drydock_core::{ApiError, Arn, ErrorCode};
use std::fmt;

/// Compiles the parts of an action, and says in which action and field an error is.
pub(crate) struct Compiler<'a> {
    pub(crate) program: &'a Program,
    pub(crate) capabilities: Capabilities,
    pub(crate) place: String,
    pub(crate) is_error_action: bool,
}

impl Compiler<'_> {
    pub(super) fn invalid(&self, field: &str, what: impl fmt::Display) -> ApiError {
        ApiError::invalid(format!("{}.{field}: {what}", self.place))
    }

    pub(super) fn template(&self, field: &str, text: &str) -> Result<Template, ApiError> {
        Template::compile(text, self.program, self.capabilities).map_err(|error| {
            let message = format!("{}.{field}: in the template `{text}`, {error}", self.place);
            ApiError::new(ErrorCode::SqlParseException, message)
        })
    }

    pub(super) fn optional(&self, field: &str, text: Option<&String>) -> Result<Option<Template>, ApiError> {
        text.map(|text| self.template(field, text)).transpose()
    }

    /// A template that must not be empty.
    pub(super) fn filled(&self, field: &str, text: &str) -> Result<Template, ApiError> {
        if text.is_empty() {
            return Err(self.invalid(field, "it is empty"));
        }
        self.template(field, text)
    }

    /// A template; a text without expressions has to pass the check here, the others when they are filled in.
    pub(super) fn checked(
        &self,
        field: &str,
        text: &str,
        check: impl FnOnce(&str) -> Result<(), String>,
    ) -> Result<Template, ApiError> {
        let template = self.template(field, text)?;
        if let Some(plain) = template.plain() {
            check(plain).map_err(|why| self.invalid(field, why))?;
        }
        Ok(template)
    }

    /// A text in which no template may stand.
    pub(super) fn verbatim(&self, field: &str, text: &str) -> Result<(), ApiError> {
        if text.contains("${") || text.contains("@{") {
            return Err(self.invalid(field, format!("it takes no substitution template, and has one: `{text}`")));
        }
        Ok(())
    }

    /// A role's ARN, in which no template may stand.
    pub(super) fn role(&self, text: &str) -> Result<(), ApiError> {
        self.role_at("roleArn", text)
    }

    /// The same in another field.
    pub(super) fn role_at(&self, field: &str, text: &str) -> Result<(), ApiError> {
        match Arn::parse(text) {
            Some(arn) if arn.service() == "iam" && !text.contains("${") => Ok(()),
            _ => Err(self.invalid(field, format!("`{text}` is not the ARN of an IAM role"))),
        }
    }

    /// The ARN of a topic rule destination of a kind, in which no template may stand.
    pub(super) fn destination(&self, text: &str, kind: &str) -> Result<(), ApiError> {
        let prefix = format!("ruledestination/{kind}/");
        match Arn::parse(text) {
            Some(arn) if arn.service() == "iot" && arn.resource().starts_with(&prefix) && !text.contains("${") => {
                Ok(())
            }
            _ => {
                let what = format!("`{text}` is not the ARN of a topic rule destination, `arn:aws:iot:…:{prefix}…`");
                Err(self.invalid("destinationArn", what))
            }
        }
    }

    /// Refuses a text without expressions that is not the ARN of a service's resource.
    pub(super) fn arn_of(&self, field: &str, service: &str, template: &Template) -> Result<(), ApiError> {
        match template.plain() {
            Some(text) if Arn::parse(text).is_none_or(|arn| arn.service() != service) => {
                Err(self.invalid(field, format!("`{text}` is not an ARN of {service}")))
            }
            _ => Ok(()),
        }
    }
}

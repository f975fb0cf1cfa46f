//! AWS's own job templates: "ListManagedJobTemplates" and "DescribeManagedJobTemplate".
//!
//! Source: "Use AWS managed templates to deploy common remote operations" and "Create a job from AWS managed templates by using
//! the AWS CLI" of the developer guide. All of them are of version 1.0, for Linux.

use crate::book::Jobs;
use crate::document;
use crate::lists::size;
use drydock_core::{ApiError, page};
use drydock_model::iot::{
    DescribeManagedJobTemplateRequest, DescribeManagedJobTemplateResponse, DocumentParameter,
    ListManagedJobTemplatesRequest, ListManagedJobTemplatesResponse, ManagedJobTemplateSummary,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const VERSION: &str = "1.0";

/// A template of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Managed {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// What the device runs: a handler, or the command that is a parameter.
    handler: Option<&'static str>,
    /// The parameters that are needed.
    required: &'static [&'static str],
}

const fn template(
    name: &'static str,
    description: &'static str,
    handler: Option<&'static str>,
    required: &'static [&'static str],
) -> Managed {
    Managed { name, description, handler, required }
}

/// All of them, by name.
const ALL: &[Managed] = &[
    template(
        "AWS-Download-File",
        "A managed job template for downloading a file.",
        Some("download-file.sh"),
        &["downloadUrl", "filePath"],
    ),
    template(
        "AWS-Install-Application",
        "A managed job template for installing one or more applications.",
        Some("install-packages.sh"),
        &["packages"],
    ),
    template("AWS-Reboot", "A managed job template for rebooting the device.", Some("reboot.sh"), &[]),
    template(
        "AWS-Remove-Application",
        "A managed job template for uninstalling one or more applications.",
        Some("remove-packages.sh"),
        &["packages"],
    ),
    template(
        "AWS-Restart-Application",
        "A managed job template for restarting one or more system services.",
        Some("restart-services.sh"),
        &["services"],
    ),
    template("AWS-Run-Command", "A managed job template for running a shell command.", None, &["command"]),
    template(
        "AWS-Start-Application",
        "A managed job template for starting one or more system services.",
        Some("start-services.sh"),
        &["services"],
    ),
    template(
        "AWS-Stop-Application",
        "A managed job template for stopping one or more system services.",
        Some("stop-services.sh"),
        &["services"],
    ),
];

/// The template that an ARN names behind `jobtemplate/`: `AWS-Reboot:1.0`.
///
/// # Errors
/// `ResourceNotFoundException`.
pub fn by_arn_name(text: &str) -> Result<Managed, ApiError> {
    let (name, version) = text.split_once(':').unwrap_or((text, VERSION));
    find(name, Some(version))
}

fn find(name: &str, version: Option<&str>) -> Result<Managed, ApiError> {
    let found = ALL.iter().find(|template| template.name == name && version.is_none_or(|version| version == VERSION));
    found.copied().ok_or_else(|| ApiError::not_found(format!("Managed job template {name:.128} cannot be found.")))
}

fn placeholder(parameter: &str) -> Value {
    format!("${{aws:iot:parameter:{parameter}}}").into()
}

impl Managed {
    fn optional(self) -> &'static [&'static str] {
        if self.handler.is_some() { &["pathToHandler", "runAsUser"] } else { &["runAsUser"] }
    }

    /// Its document, with the placeholders of its parameters.
    #[must_use]
    pub fn document(self) -> String {
        let mut input = Map::new();
        let kind = match self.handler {
            Some(handler) => {
                input.insert("handler".to_owned(), handler.into());
                if !self.required.is_empty() {
                    let arguments: Vec<Value> = self.required.iter().map(|name| placeholder(name)).collect();
                    input.insert("args".to_owned(), arguments.into());
                }
                input.insert("path".to_owned(), placeholder("pathToHandler"));
                "runHandler"
            }
            None => {
                input.insert("command".to_owned(), placeholder("command"));
                "runCommand"
            }
        };
        let name = self.name.trim_start_matches("AWS-");
        let action = json!({ "name": name, "type": kind, "input": input, "runAsUser": placeholder("runAsUser") });
        json!({ "version": VERSION, "steps": [{ "action": action }] }).to_string()
    }

    /// Its document with values; an optional parameter without one is empty.
    ///
    /// # Errors
    /// `InvalidRequestException` for a parameter that is needed and not there, or is not one.
    pub(crate) fn document_with(self, values: &BTreeMap<String, String>) -> Result<String, ApiError> {
        let document = self.document();
        let names = document::parameters(&document);
        if let Some(name) = values.keys().find(|name| !names.contains(name)) {
            return Err(ApiError::invalid(format!("`{name:.128}` is not a parameter of {}", self.name)));
        }
        if let Some(name) = self.required.iter().find(|name| !values.contains_key(**name)) {
            return Err(ApiError::invalid(format!("documentParameters has no value for `{name}`")));
        }
        let mut values = values.clone();
        for name in names {
            values.entry(name).or_default();
        }
        Ok(document::with_parameters(&document, &values))
    }
}

impl Jobs {
    fn managed_arn(&self, template: Managed) -> String {
        let (partition, region) = (self.scope.partition(), &self.scope.region);
        format!("arn:{partition}:iot:{region}::jobtemplate/{}:{VERSION}", template.name)
    }

    /// "DescribeManagedJobTemplate".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_managed_job_template(
        &self,
        request: &DescribeManagedJobTemplateRequest,
    ) -> Result<DescribeManagedJobTemplateResponse, ApiError> {
        let template = find(&request.template_name, request.template_version.as_deref())?;
        let parameter = |key: &str, optional| DocumentParameter {
            description: Some(described(key).0.to_owned()),
            example: Some(described(key).1.to_owned()),
            key: Some(key.to_owned()),
            optional: Some(optional),
            regex: Some("(.*?)".to_owned()),
        };
        let required = template.required.iter().map(|key| parameter(key, false));
        let all = required.chain(template.optional().iter().map(|key| parameter(key, true)));
        Ok(DescribeManagedJobTemplateResponse {
            description: Some(template.description.to_owned()),
            document: Some(template.document()),
            document_parameters: Some(all.collect()),
            environments: Some(vec!["LINUX".to_owned()]),
            template_arn: Some(self.managed_arn(template)),
            template_name: Some(template.name.to_owned()),
            template_version: Some(VERSION.to_owned()),
        })
    }

    /// "ListManagedJobTemplates".
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation; `ResourceNotFoundException` for a name that none
    /// has.
    pub fn list_managed_job_templates(
        &self,
        request: &ListManagedJobTemplatesRequest,
    ) -> Result<ListManagedJobTemplatesResponse, ApiError> {
        let operation = "ListManagedJobTemplates";
        let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let wanted = request.template_name.as_deref();
        if let Some(name) = wanted {
            find(name, None)?;
        }
        let left = ALL
            .iter()
            .filter(|template| wanted.is_none_or(|name| template.name == name))
            .filter(|template| after.as_ref().is_none_or(|after| template.name > after.as_str()));
        let (page, next) = page::cut(left, size(request.max_results), |template| template.name.to_owned());
        let summary = |template: &Managed| ManagedJobTemplateSummary {
            description: Some(template.description.to_owned()),
            environments: Some(vec!["LINUX".to_owned()]),
            template_arn: Some(self.managed_arn(*template)),
            template_name: Some(template.name.to_owned()),
            template_version: Some(VERSION.to_owned()),
        };
        Ok(ListManagedJobTemplatesResponse {
            managed_job_templates: Some(page.into_iter().map(summary).collect()),
            next_token: next.map(|place| page::token(operation, &place)),
        })
    }
}

/// What a parameter is, and an example of it.
fn described(key: &str) -> (&'static str, &'static str) {
    match key {
        "downloadUrl" => ("The URL that the file is downloaded from.", "http://www.example.com/index.html"),
        "filePath" => ("Where the device keeps the file.", "/path/to/file"),
        "packages" => ("The applications, with spaces between them.", "package1 package2"),
        "services" => ("The services, with spaces between them.", "service1 service2"),
        "command" => ("The command, with commas between its words.", "ls,-l"),
        "pathToHandler" => ("Where the device has its handlers.", "/path/to/handler/script"),
        _ => ("The user whom the device runs it as.", "user1"),
    }
}

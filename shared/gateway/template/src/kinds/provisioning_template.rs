//! `AWS::IoT::ProvisioningTemplate`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, TAGS, optional, required};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// A template that devices are provisioned by.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisioningTemplate {
    /// The provisioning template's name.
    pub name: String,
    /// The body of `CreateProvisioningTemplate`, in the API's names, with `templateName`.
    pub request: Json,
}

const HOOK: Shape = Shape::Object(&[optional("PayloadVersion", Shape::Text), required("TargetArn", Shape::Text)]);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    description: Option<String>,
    #[serde(default)]
    enabled: bool,
    pre_provisioning_hook: Option<Json>,
    provisioning_role_arn: String,
    template_body: String,
    template_type: Option<String>,
}

pub(super) const KIND: Kind = Kind {
    type_: "AWS::IoT::ProvisioningTemplate",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-provisioningtemplate.html",
    properties: &[
        optional("TemplateName", Shape::Text),
        optional("Description", Shape::Text),
        optional("Enabled", Shape::Bool),
        optional("PreProvisioningHook", HOOK),
        required("ProvisioningRoleArn", Shape::Text),
        required("TemplateBody", Shape::Text),
        optional("TemplateType", Shape::Choice(&["FLEET_PROVISIONING", "JITP"])),
        TAGS,
    ],
    naming: Naming::by("TemplateName", 36, "_-"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("TemplateArn", |identity| identity.arn("iot", &format!("provisioningtemplate/{}", identity.name)))],
    plan,
};

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    let mut request = json!({
        "templateName": identity.name,
        "enabled": given.enabled,
        "provisioningRoleArn": given.provisioning_role_arn,
        "templateBody": given.template_body,
    });
    if let Some(request) = request.as_object_mut() {
        let mut put = |key: &str, value: Option<Json>| {
            if let Some(value) = value {
                request.insert(key.to_owned(), value);
            }
        };
        put("description", given.description.map(Json::String));
        put("preProvisioningHook", given.pre_provisioning_hook.map(|hook| HOOK.to_api(hook)));
        put("type", given.template_type.map(Json::String));
    }
    Ok(Resource::ProvisioningTemplate(ProvisioningTemplate { name: identity.name.clone(), request }))
}

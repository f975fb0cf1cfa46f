//! The template's provisioning templates.

use super::iot::{exists, malformed};
use crate::gateway::Gateway;
use drydock_core::{ApiError, Timestamp};
use drydock_model::iot::{
    CreateProvisioningTemplateRequest, CreateProvisioningTemplateVersionRequest,
    DeleteProvisioningTemplateVersionRequest, DescribeProvisioningTemplateRequest,
    ListProvisioningTemplateVersionsRequest, UpdateProvisioningTemplateRequest,
};
use drydock_provisioning::Provisioning;
use drydock_provisioning::book::versions::MOST_VERSIONS;
use drydock_store::Part;
use drydock_template::ProvisioningTemplate;

/// Makes a provisioning template; where its body changed, a new default version, in the place of the oldest where there are five.
pub(super) async fn template(gateway: &Gateway, template: &ProvisioningTemplate) -> Result<(), ApiError> {
    let books = &gateway.host.books;
    let now = books.now();
    let request = CreateProvisioningTemplateRequest::from_json(&template.request)
        .map_err(|error| malformed("the provisioning template", error))?;
    let wanted = request.clone();
    books.change((&books.provisioning,), |(provisioning,)| bring(provisioning, request, wanted, now)).await
}

fn bring(
    provisioning: &mut Part<'_, Provisioning>,
    request: CreateProvisioningTemplateRequest,
    wanted: CreateProvisioningTemplateRequest,
    now: Timestamp,
) -> Result<(), ApiError> {
    match provisioning.apply(|book| book.create_provisioning_template(request, now)) {
        Err(error) if exists(&error) => {}
        made => return made.map(|_| ()),
    }
    let name = wanted.template_name.clone();
    let describe = DescribeProvisioningTemplateRequest { template_name: name.clone() };
    let known = provisioning.describe_provisioning_template(&describe)?.reply;
    if known.type_.unwrap_or_default() != wanted.type_.unwrap_or_default() {
        return Err(ApiError::invalid(format!("the type of the provisioning template `{name}` cannot be changed")));
    }
    if known.template_body.as_deref() != Some(wanted.template_body.as_str()) {
        let list = ListProvisioningTemplateVersionsRequest { template_name: name.clone(), ..Default::default() };
        let versions = provisioning.list_provisioning_template_versions(&list)?.reply.versions;
        let versions = versions.unwrap_or_default();
        let oldest = versions.iter().rev().find(|version| version.is_default_version != Some(true));
        if versions.len() >= MOST_VERSIONS
            && let Some(version_id) = oldest.and_then(|version| version.version_id)
        {
            let delete = DeleteProvisioningTemplateVersionRequest { template_name: name.clone(), version_id };
            provisioning.apply(|book| book.delete_provisioning_template_version(&delete, now))?;
        }
        let version = CreateProvisioningTemplateVersionRequest {
            template_name: name.clone(),
            template_body: wanted.template_body,
            set_as_default: Some(true),
        };
        provisioning.apply(|book| book.create_provisioning_template_version(version, now))?;
    }
    let update = UpdateProvisioningTemplateRequest {
        template_name: name,
        description: wanted.description,
        enabled: wanted.enabled,
        provisioning_role_arn: Some(wanted.provisioning_role_arn),
        remove_pre_provisioning_hook: Some(wanted.pre_provisioning_hook.is_none()),
        pre_provisioning_hook: wanted.pre_provisioning_hook,
        ..Default::default()
    };
    provisioning.apply(|book| book.update_provisioning_template(update, now)).map(|_| ())
}

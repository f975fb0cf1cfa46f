//! The operations on provisioning templates. Source: the API reference of the operations, and "AWS IoT Core fleet provisioning
//! limits" (256 templates, 5 versions of each).

use super::{Held, HookRow, Provisioning, TEMPLATES, TemplateRow, VersionRow, write};
use crate::language::{Dialect, Template};
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, Write, page};
use drydock_model::iot::{
    CreateProvisioningTemplateRequest, CreateProvisioningTemplateResponse, DeleteProvisioningTemplateRequest,
    DeleteProvisioningTemplateResponse, DescribeProvisioningTemplateRequest, DescribeProvisioningTemplateResponse,
    ListProvisioningTemplatesRequest, ListProvisioningTemplatesResponse, ProvisioningHook, ProvisioningTemplateSummary,
    TemplateType, UpdateProvisioningTemplateRequest, UpdateProvisioningTemplateResponse,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most templates of an account.
pub const MOST_TEMPLATES: usize = 256;
/// The only version of the hook's payload.
const PAYLOAD_VERSION: &str = "2020-04-01";
/// The size of a page where none is asked for.
const PAGE: i32 = 250;

/// A template in use.
#[derive(Debug, Clone)]
pub struct Usable {
    /// Its default version.
    pub template: Arc<Template>,
    /// Its ARN.
    pub arn: String,
    /// The function that is asked before a device is provisioned.
    pub hook: Option<String>,
}

impl Provisioning {
    /// Whether there is a template of this name.
    #[must_use]
    pub fn has_template(&self, name: &str) -> bool {
        self.templates.contains_key(name)
    }

    /// "CreateProvisioningTemplate", with its first version.
    ///
    /// # Errors
    /// `InvalidRequestException` for a template body or a hook that is not valid; `ResourceAlreadyExistsException`;
    /// `LimitExceededException` at the 257th template.
    pub fn create_provisioning_template(
        &mut self,
        request: CreateProvisioningTemplateRequest,
        now: Timestamp,
    ) -> Result<Done<CreateProvisioningTemplateResponse>, ApiError> {
        const FIRST: i32 = 1;
        let name = request.template_name;
        let arn = self.arn(&name);
        if self.templates.contains_key(&name) {
            let message = format!("Template with name {name} already exists");
            return Err(ApiError::exists(message, name, arn));
        }
        if self.templates.len() >= MOST_TEMPLATES {
            let message = format!("there are {MOST_TEMPLATES} provisioning templates, the most that may be");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let jitp = request.type_ == Some(TemplateType::Jitp);
        let row = TemplateRow {
            description: request.description,
            enabled: request.enabled.unwrap_or_default(),
            role_arn: request.provisioning_role_arn,
            hook: request.pre_provisioning_hook.map(|hook| checked(hook, jitp)).transpose()?,
            jitp,
            created: now,
            modified: now,
            default: FIRST,
            latest: FIRST,
            versions: BTreeMap::from([(FIRST, VersionRow { body: request.template_body, created: now })]),
        };
        let compiled = Arc::new(Template::parse(row.default_body(), row.dialect())?);
        let write = write(&name, &row);
        self.templates.insert(name.clone(), Held { row, compiled });
        let reply = CreateProvisioningTemplateResponse {
            default_version_id: Some(FIRST),
            template_arn: Some(arn),
            template_name: Some(name),
        };
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeProvisioningTemplate".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_provisioning_template(
        &self,
        request: &DescribeProvisioningTemplateRequest,
    ) -> Result<Done<DescribeProvisioningTemplateResponse>, ApiError> {
        let name = &request.template_name;
        let row = &self.held(name)?.row;
        Ok(Done::reply(DescribeProvisioningTemplateResponse {
            creation_date: Some(row.created),
            default_version_id: Some(row.default),
            description: row.description.clone(),
            enabled: Some(row.enabled),
            last_modified_date: Some(row.modified),
            pre_provisioning_hook: row.hook.as_ref().map(Into::into),
            provisioning_role_arn: Some(row.role_arn.clone()),
            template_arn: Some(self.arn(name)),
            template_body: Some(row.default_body().to_owned()),
            template_name: Some(name.clone()),
            type_: Some(row.kind()),
        }))
    }

    /// "ListProvisioningTemplates", by name.
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation.
    pub fn list_provisioning_templates(
        &self,
        request: &ListProvisioningTemplatesRequest,
    ) -> Result<Done<ListProvisioningTemplatesResponse>, ApiError> {
        let operation = "ListProvisioningTemplates";
        let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let left = self.templates.iter().filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after));
        let (page, next) = page::cut(left, page_size(request.max_results), |(name, _)| (*name).clone());
        let summary = |(name, Held { row, .. }): (&String, &Held)| ProvisioningTemplateSummary {
            creation_date: Some(row.created),
            description: row.description.clone(),
            enabled: Some(row.enabled),
            last_modified_date: Some(row.modified),
            template_arn: Some(self.arn(name)),
            template_name: Some(name.clone()),
            type_: Some(row.kind()),
        };
        Ok(Done::reply(ListProvisioningTemplatesResponse {
            next_token: next.map(|place| page::token(operation, &place)),
            templates: Some(page.into_iter().map(summary).collect()),
        }))
    }

    /// "UpdateProvisioningTemplate".
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the template or its new default version; `InvalidRequestException` for a hook that is not
    /// valid, or that is both set and removed.
    pub fn update_provisioning_template(
        &mut self,
        request: UpdateProvisioningTemplateRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateProvisioningTemplateResponse>, ApiError> {
        let name = request.template_name;
        let held = self.held(&name)?;
        let mut row = held.row.clone();
        let remove = request.remove_pre_provisioning_hook == Some(true);
        if remove && request.pre_provisioning_hook.is_some() {
            return Err(ApiError::invalid("`preProvisioningHook` and `removePreProvisioningHook` exclude each other"));
        }
        if let Some(hook) = request.pre_provisioning_hook {
            row.hook = Some(checked(hook, row.jitp)?);
        } else if remove {
            row.hook = None;
        }
        if let Some(version) = request.default_version_id {
            if !row.versions.contains_key(&version) {
                return Err(no_version(&name, version));
            }
            row.default = version;
        }
        row.description = request.description.or(row.description);
        row.enabled = request.enabled.unwrap_or(row.enabled);
        row.role_arn = request.provisioning_role_arn.unwrap_or(row.role_arn);
        row.modified = now;
        let write = self.put(&name, row)?;
        Ok(Done::written(UpdateProvisioningTemplateResponse {}, vec![write]))
    }

    /// "DeleteProvisioningTemplate".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `DeleteConflictException` while it has versions besides the default one.
    pub fn delete_provisioning_template(
        &mut self,
        request: &DeleteProvisioningTemplateRequest,
    ) -> Result<Done<DeleteProvisioningTemplateResponse>, ApiError> {
        let name = &request.template_name;
        let row = &self.held(name)?.row;
        if row.versions.len() > 1 {
            let others = row.versions.keys().filter(|version| **version != row.default);
            let others = others.map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let message = format!("the template `{name}` has versions besides its default one: delete {others} first");
            return Err(ApiError::new(ErrorCode::DeleteConflictException, message));
        }
        self.templates.remove(name);
        let write = Write::delete(TEMPLATES, name.as_str());
        Ok(Done::written(DeleteProvisioningTemplateResponse {}, vec![write]))
    }

    /// A template that devices provision themselves by, where there is one of this name and use and it is enabled.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where it is of the other type or not enabled.
    pub fn usable(&self, name: &str, dialect: Dialect) -> Result<Usable, ApiError> {
        let held = self.held(name)?;
        if held.row.dialect() != dialect {
            let kind = held.row.kind();
            return Err(ApiError::invalid(format!("the provisioning template `{name}` is of the type {kind}")));
        }
        if !held.row.enabled {
            return Err(ApiError::invalid(format!("the provisioning template `{name}` is not enabled")));
        }
        Ok(Usable {
            template: Arc::clone(&held.compiled),
            arn: self.arn(name),
            hook: held.row.hook.as_ref().map(|hook| hook.target_arn.clone()),
        })
    }

    /// Puts a changed template in the place of the one that was.
    pub(super) fn put(&mut self, name: &str, row: TemplateRow) -> Result<Write, ApiError> {
        let compiled = Arc::new(Template::parse(row.default_body(), row.dialect())?);
        let write = write(name, &row);
        *self.held_mut(name)? = Held { row, compiled };
        Ok(write)
    }
}

fn checked(hook: ProvisioningHook, jitp: bool) -> Result<HookRow, ApiError> {
    if jitp {
        return Err(ApiError::invalid("a template of the type JITP has no `preProvisioningHook`"));
    }
    let payload_version = hook.payload_version.unwrap_or_else(|| PAYLOAD_VERSION.to_owned());
    if payload_version != PAYLOAD_VERSION {
        let message = format!("the hook's `payloadVersion` is `{PAYLOAD_VERSION}`, not `{payload_version}`");
        return Err(ApiError::invalid(message));
    }
    if !(hook.target_arn.starts_with("arn:") && hook.target_arn.contains(":lambda:")) {
        let message = format!("the hook's `targetArn` is the ARN of a Lambda function, not `{}`", hook.target_arn);
        return Err(ApiError::invalid(message));
    }
    Ok(HookRow { payload_version, target_arn: hook.target_arn })
}

pub(super) fn no_version(name: &str, version: i32) -> ApiError {
    ApiError::not_found(format!(
        "the provisioning template `{name}` has no version {version}: see ListProvisioningTemplateVersions"
    ))
}

/// The size of a page; the wire has checked its bounds.
pub(super) fn page_size(limit: Option<i32>) -> usize {
    usize::try_from(limit.unwrap_or(PAGE)).unwrap_or(1)
}

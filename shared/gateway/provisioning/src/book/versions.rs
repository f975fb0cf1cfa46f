//! The operations on the versions of provisioning templates.

use super::templates::{no_version, page_size};
use super::{Provisioning, VersionRow};
use crate::language::Template;
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, page};
use drydock_model::iot::{
    CreateProvisioningTemplateVersionRequest, CreateProvisioningTemplateVersionResponse,
    DeleteProvisioningTemplateVersionRequest, DeleteProvisioningTemplateVersionResponse,
    DescribeProvisioningTemplateVersionRequest, DescribeProvisioningTemplateVersionResponse,
    ListProvisioningTemplateVersionsRequest, ListProvisioningTemplateVersionsResponse,
    ProvisioningTemplateVersionSummary,
};

/// The most versions of a template.
pub const MOST_VERSIONS: usize = 5;

impl Provisioning {
    /// "CreateProvisioningTemplateVersion".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `VersionsLimitExceededException` at the sixth version; `InvalidRequestException` for a body
    /// that is not valid.
    pub fn create_provisioning_template_version(
        &mut self,
        request: CreateProvisioningTemplateVersionRequest,
        now: Timestamp,
    ) -> Result<Done<CreateProvisioningTemplateVersionResponse>, ApiError> {
        let name = request.template_name;
        let mut row = self.held(&name)?.row.clone();
        if row.versions.len() >= MOST_VERSIONS {
            let message = format!("the provisioning template `{name}` has {MOST_VERSIONS} versions: delete one first");
            return Err(ApiError::new(ErrorCode::VersionsLimitExceededException, message));
        }
        Template::parse(&request.template_body, row.dialect())?;
        row.latest = row.latest.saturating_add(1);
        let version = row.latest;
        row.versions.insert(version, VersionRow { body: request.template_body, created: now });
        let is_default = request.set_as_default == Some(true);
        if is_default {
            row.default = version;
        }
        row.modified = now;
        let write = self.put(&name, row)?;
        let reply = CreateProvisioningTemplateVersionResponse {
            is_default_version: Some(is_default),
            template_arn: Some(self.arn(&name)),
            template_name: Some(name),
            version_id: Some(version),
        };
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeProvisioningTemplateVersion".
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the template or the version.
    pub fn describe_provisioning_template_version(
        &self,
        request: &DescribeProvisioningTemplateVersionRequest,
    ) -> Result<Done<DescribeProvisioningTemplateVersionResponse>, ApiError> {
        let (name, version) = (&request.template_name, request.version_id);
        let row = &self.held(name)?.row;
        let kept = row.versions.get(&version).ok_or_else(|| no_version(name, version))?;
        Ok(Done::reply(DescribeProvisioningTemplateVersionResponse {
            creation_date: Some(kept.created),
            is_default_version: Some(row.default == version),
            template_body: Some(kept.body.clone()),
            version_id: Some(version),
        }))
    }

    /// "ListProvisioningTemplateVersions", the newest first.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the token is not one of this operation.
    pub fn list_provisioning_template_versions(
        &self,
        request: &ListProvisioningTemplateVersionsRequest,
    ) -> Result<Done<ListProvisioningTemplateVersionsResponse>, ApiError> {
        let operation = "ListProvisioningTemplateVersions";
        let row = &self.held(&request.template_name)?.row;
        let place = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let damaged = || ApiError::invalid("the token is damaged: leave it out to begin anew");
        let before = place.map(|place| place.parse::<i32>().map_err(|_| damaged())).transpose()?;
        let left = row.versions.iter().rev().filter(|(version, _)| before.is_none_or(|before| **version < before));
        let (page, next) = page::cut(left, page_size(request.max_results), |(version, _)| version.to_string());
        let summary = |(version, kept): (&i32, &VersionRow)| ProvisioningTemplateVersionSummary {
            creation_date: Some(kept.created),
            is_default_version: Some(row.default == *version),
            version_id: Some(*version),
        };
        Ok(Done::reply(ListProvisioningTemplateVersionsResponse {
            next_token: next.map(|place| page::token(operation, &place)),
            versions: Some(page.into_iter().map(summary).collect()),
        }))
    }

    /// "DeleteProvisioningTemplateVersion".
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the template or the version; `DeleteConflictException` for the default version.
    pub fn delete_provisioning_template_version(
        &mut self,
        request: &DeleteProvisioningTemplateVersionRequest,
        now: Timestamp,
    ) -> Result<Done<DeleteProvisioningTemplateVersionResponse>, ApiError> {
        let (name, version) = (&request.template_name, request.version_id);
        let mut row = self.held(name)?.row.clone();
        if row.default == version {
            let message = format!("version {version} is the default one of the template `{name}`: set another first");
            return Err(ApiError::new(ErrorCode::DeleteConflictException, message));
        }
        row.versions.remove(&version).ok_or_else(|| no_version(name, version))?;
        row.modified = now;
        let write = self.put(name, row)?;
        Ok(Done::written(DeleteProvisioningTemplateVersionResponse {}, vec![write]))
    }
}

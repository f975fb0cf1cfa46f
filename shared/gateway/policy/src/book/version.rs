//! `CreatePolicyVersion`, `GetPolicyVersion`, `ListPolicyVersions`, `SetDefaultPolicyVersion`, `DeletePolicyVersion`.

use super::{Entry, MAX_VERSIONS, Policies, VersionRow};
use crate::compile::CompiledDocument;
use drydock_core::{ApiError, Done, ErrorCode, Event, Timestamp};
use drydock_model::iot::{
    CreatePolicyVersionRequest, CreatePolicyVersionResponse, DeletePolicyVersionRequest, GetPolicyVersionRequest,
    GetPolicyVersionResponse, ListPolicyVersionsRequest, ListPolicyVersionsResponse, PolicyVersion,
    SetDefaultPolicyVersionRequest,
};
use std::sync::Arc;

impl Policies {
    /// `CreatePolicyVersion`; with `setAsDefault` it is in force from now on. Numbers of deleted versions do not come back.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy, `MalformedPolicyException` where the document is not a policy,
    /// `VersionsLimitExceededException` where there are five versions already.
    pub fn create_policy_version(
        &mut self,
        request: CreatePolicyVersionRequest,
        now: Timestamp,
    ) -> Result<Done<CreatePolicyVersionResponse>, ApiError> {
        let (name, entry) = self.entry(&request.policy_name)?;
        let compiled = Arc::new(CompiledDocument::parse(&request.policy_document)?);
        if entry.row.versions.len() >= MAX_VERSIONS {
            let message = format!(
                "The policy {name} already has the maximum number of versions ({MAX_VERSIONS}): delete one that is not the default"
            );
            return Err(ApiError::new(ErrorCode::VersionsLimitExceededException, message));
        }
        let (name, arn) = (name.clone(), self.arn(name));
        let default = request.set_as_default.unwrap_or(false);
        let generation = if default { Some(self.next_generation()) } else { None };
        let entry = self.entry_mut(&request.policy_name)?;
        entry.row.latest += 1;
        let number = entry.row.latest;
        let version = VersionRow { document: request.policy_document.clone(), created: now };
        entry.row.versions.insert(number, version);
        entry.row.modified = now;
        if let Some(generation) = generation {
            entry.put_in_force(number, compiled, generation);
        }
        let reply = CreatePolicyVersionResponse {
            is_default_version: Some(default),
            policy_arn: Some(arn),
            policy_document: Some(request.policy_document),
            policy_version_id: Some(number.to_string()),
        };
        let done = Done::written(reply, vec![entry.write(&name)?]);
        Ok(if default && !entry.targets.is_empty() { done.with(Event::AuthorizationChanged) } else { done })
    }

    /// `GetPolicyVersion`.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy or version.
    pub fn get_policy_version(&self, request: &GetPolicyVersionRequest) -> Result<GetPolicyVersionResponse, ApiError> {
        let (name, entry) = self.entry(&request.policy_name)?;
        let (number, version) = entry.version(&request.policy_name, &request.policy_version_id)?;
        Ok(GetPolicyVersionResponse {
            creation_date: Some(version.created),
            generation_id: Some(entry.row.generation_id.clone()),
            is_default_version: Some(number == entry.row.default),
            last_modified_date: Some(version.created),
            policy_arn: Some(self.arn(name)),
            policy_document: Some(version.document.clone()),
            policy_name: Some(name.to_string()),
            policy_version_id: Some(number.to_string()),
        })
    }

    /// `ListPolicyVersions`, the newest first.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy.
    pub fn list_policy_versions(
        &self,
        request: &ListPolicyVersionsRequest,
    ) -> Result<ListPolicyVersionsResponse, ApiError> {
        let (_, entry) = self.entry(&request.policy_name)?;
        let listed = |(number, version): (&u32, &VersionRow)| PolicyVersion {
            create_date: Some(version.created),
            is_default_version: Some(*number == entry.row.default),
            version_id: Some(number.to_string()),
        };
        Ok(ListPolicyVersionsResponse { policy_versions: Some(entry.row.versions.iter().rev().map(listed).collect()) })
    }

    /// `SetDefaultPolicyVersion`: puts another version in force.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy or version.
    pub fn set_default_policy_version(
        &mut self,
        request: &SetDefaultPolicyVersionRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let (name, entry) = self.entry(&request.policy_name)?;
        let (number, version) = entry.version(&request.policy_name, &request.policy_version_id)?;
        if number == entry.row.default {
            return Ok(Done::reply(()));
        }
        let compiled = Arc::new(CompiledDocument::parse(&version.document)?);
        let (name, generation) = (name.clone(), self.next_generation());
        let entry = self.entry_mut(&request.policy_name)?;
        entry.row.modified = now;
        entry.put_in_force(number, compiled, generation);
        let done = Done::written((), vec![entry.write(&name)?]);
        Ok(if entry.targets.is_empty() { done } else { done.with(Event::AuthorizationChanged) })
    }

    /// `DeletePolicyVersion`.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy or version, `DeleteConflictException` for the default one.
    pub fn delete_policy_version(&mut self, request: &DeletePolicyVersionRequest) -> Result<Done<()>, ApiError> {
        let (name, entry) = self.entry(&request.policy_name)?;
        let (number, _) = entry.version(&request.policy_name, &request.policy_version_id)?;
        if number == entry.row.default {
            let message = format!(
                "Cannot delete the default version of a policy: make another than {number} of `{name}` the default first"
            );
            return Err(ApiError::new(ErrorCode::DeleteConflictException, message));
        }
        let name = name.clone();
        let entry = self.entry_mut(&request.policy_name)?;
        entry.row.versions.remove(&number);
        Ok(Done::written((), vec![entry.write(&name)?]))
    }
}

impl Entry {
    fn put_in_force(&mut self, number: u32, compiled: Arc<CompiledDocument>, generation: u64) {
        self.row.default = number;
        self.compiled = compiled;
        self.generation = generation;
    }

    fn version(&self, name: &str, id: &str) -> Result<(u32, &VersionRow), ApiError> {
        let found = id.parse().ok().and_then(|number: u32| Some((number, self.row.versions.get(&number)?)));
        found.ok_or_else(|| ApiError::not_found(format!("policy `{name}` has no version `{id}`")))
    }
}

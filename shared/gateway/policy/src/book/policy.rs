//! `CreatePolicy`, `GetPolicy`, `DeletePolicy`, `ListPolicies`.

use super::page::Wanted;
use super::{Entry, POLICIES, Policies, PolicyRow, VersionRow};
use crate::compile::CompiledDocument;
use drydock_core::{ApiError, Done, ErrorCode, Ids, PolicyName, Timestamp, Write};
use drydock_model::iot::{
    CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, GetPolicyRequest, GetPolicyResponse,
    ListPoliciesRequest, ListPoliciesResponse,
};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Policies {
    /// `CreatePolicy`: a policy with its first version, which is the default.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException` where the name is taken, `MalformedPolicyException` where the document is not a policy,
    /// `InvalidRequestException` for a bad name. Tags are not kept here.
    pub fn create_policy(
        &mut self,
        request: CreatePolicyRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CreatePolicyResponse>, ApiError> {
        const FIRST: u32 = 1;
        let name = PolicyName::new(&request.policy_name)?;
        let arn = self.arn(&name);
        if self.policies.contains_key(&name) {
            let message = format!("Policy cannot be created - name already exists (name={name})");
            return Err(ApiError::exists(message, name.as_str(), arn));
        }
        let compiled = Arc::new(CompiledDocument::parse(&request.policy_document)?);
        let version = VersionRow { document: request.policy_document.clone(), created: now };
        let row = PolicyRow {
            sequence: self.next_sequence(),
            created: now,
            modified: now,
            generation_id: ids.hex64(),
            default: FIRST,
            latest: FIRST,
            versions: BTreeMap::from([(FIRST, version)]),
        };
        let entry = Entry { row, compiled, generation: self.next_generation(), targets: BTreeMap::new() };
        let write = entry.write(&name)?;
        self.policies.insert(name, entry);
        let reply = CreatePolicyResponse {
            policy_arn: Some(arn),
            policy_document: Some(request.policy_document),
            policy_name: Some(request.policy_name),
            policy_version_id: Some(FIRST.to_string()),
        };
        Ok(Done::written(reply, vec![write]))
    }

    /// `GetPolicy`: a policy with its default version.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy.
    pub fn get_policy(&self, request: &GetPolicyRequest) -> Result<GetPolicyResponse, ApiError> {
        let (name, entry) = self.entry(&request.policy_name)?;
        Ok(GetPolicyResponse {
            creation_date: Some(entry.row.created),
            default_version_id: Some(entry.row.default.to_string()),
            generation_id: Some(entry.row.generation_id.clone()),
            last_modified_date: Some(entry.row.modified),
            policy_arn: Some(self.arn(name)),
            policy_document: Some(entry.document().to_owned()),
            policy_name: Some(name.to_string()),
        })
    }

    /// `DeletePolicy`.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy; `DeleteConflictException` while it is attached to anything
    /// or has versions besides the default one.
    pub fn delete_policy(&mut self, request: &DeletePolicyRequest) -> Result<Done<()>, ApiError> {
        let (name, entry) = self.entry(&request.policy_name)?;
        let conflict = |why: String| ApiError::new(ErrorCode::DeleteConflictException, why);
        if !entry.targets.is_empty() {
            let count = entry.targets.len();
            return Err(conflict(format!(
                "The policy cannot be deleted as the policy is attached to one or more principals (name={name}): detach it from {count} targets first"
            )));
        }
        if entry.row.versions.len() > 1 {
            let others: Vec<_> =
                entry.row.versions.keys().filter(|v| **v != entry.row.default).map(ToString::to_string).collect();
            let others = others.join(", ");
            return Err(conflict(format!(
                "Cannot delete the policy because it has one or more policy versions attached to it (name={name}): delete {others} first"
            )));
        }
        self.policies.remove(request.policy_name.as_str());
        Ok(Done::written((), vec![Write::delete(POLICIES, request.policy_name.as_str())]))
    }

    /// `ListPolicies`, the newest first unless `ascendingOrder` is true.
    ///
    /// # Errors
    /// `InvalidRequestException` for a marker that no list has given.
    pub fn list_policies(&self, request: &ListPoliciesRequest) -> Result<ListPoliciesResponse, ApiError> {
        let all = self.policies.iter().map(|(name, entry)| (entry.row.sequence, self.listed(name))).collect();
        let ascending = request.ascending_order.unwrap_or(false);
        let wanted =
            Wanted { operation: "ListPolicies", ascending, size: request.page_size, marker: request.marker.as_deref() };
        let (policies, next_marker) = wanted.of(all)?;
        Ok(ListPoliciesResponse { policies: Some(policies), next_marker })
    }
}

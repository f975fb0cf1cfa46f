//! Attaching and detaching policies, and the lists of either side; with the older operations on principals, which do the same
//! for certificates and identities alone.

use super::page::Wanted;
use super::{ATTACHMENTS, AttachmentRow, Kind, Policies, Target, attachment_key, to_json};
use drydock_core::{ApiError, Done, ErrorCode, Event, PolicyName, Write};
use drydock_model::iot::{
    AttachPolicyRequest, AttachPrincipalPolicyRequest, DetachPolicyRequest, DetachPrincipalPolicyRequest,
    ListAttachedPoliciesRequest, ListAttachedPoliciesResponse, ListPolicyPrincipalsRequest,
    ListPolicyPrincipalsResponse, ListPrincipalPoliciesRequest, ListPrincipalPoliciesResponse,
    ListTargetsForPolicyRequest, ListTargetsForPolicyResponse,
};
use std::collections::{BTreeMap, BTreeSet};

impl Policies {
    /// `AttachPolicy`. `check` says whether the target exists and may have policies; a target that does not exist is
    /// [`Target::not_found`], and a dynamic thing group an `InvalidRequestException`. Attaching again changes nothing.
    ///
    /// # Errors
    /// What `check` says; `ResourceNotFoundException` where there is no such policy; `LimitExceededException` where the target
    /// has ten policies already (two, for a thing group); `InvalidRequestException` where the target is not a target.
    pub fn attach_policy(
        &mut self,
        request: &AttachPolicyRequest,
        check: impl FnOnce(&Target) -> Result<(), ApiError>,
    ) -> Result<Done<()>, ApiError> {
        self.attach(&request.policy_name, Target::parse(&request.target)?, check)
    }

    /// `AttachPrincipalPolicy`: [`attach_policy`](Self::attach_policy) for a certificate or identity.
    ///
    /// # Errors
    /// As `attach_policy`, and `InvalidRequestException` for a thing group.
    pub fn attach_principal_policy(
        &mut self,
        request: &AttachPrincipalPolicyRequest,
        check: impl FnOnce(&Target) -> Result<(), ApiError>,
    ) -> Result<Done<()>, ApiError> {
        self.attach(&request.policy_name, principal(&request.principal)?, check)
    }

    /// `DetachPolicy`. Detaching what is not attached changes nothing, nor does it where there is no such policy. `check` is
    /// that of [`attach_policy`](Self::attach_policy).
    ///
    /// # Errors
    /// `InvalidRequestException` where the target is not a target or does not exist.
    pub fn detach_policy(
        &mut self,
        request: &DetachPolicyRequest,
        check: impl FnOnce(&Target) -> Result<(), ApiError>,
    ) -> Result<Done<()>, ApiError> {
        let target = Target::parse(&request.target)?;
        // AWS's own words, which programs match.
        check(&target).map_err(|why| ApiError::invalid(format!("Invalid Target: {}", why.message)))?;
        if !self.policies.contains_key(request.policy_name.as_str()) {
            return Ok(Done::reply(()));
        }
        self.detach(&request.policy_name, &target)
    }

    /// `DetachPrincipalPolicy`.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy; `InvalidRequestException` where the principal is none.
    pub fn detach_principal_policy(&mut self, request: &DetachPrincipalPolicyRequest) -> Result<Done<()>, ApiError> {
        self.detach(&request.policy_name, &principal(&request.principal)?)
    }

    /// Detaches every policy from a target that is going away.
    pub fn detach_all(&mut self, target: &str) -> Done<()> {
        let names: Vec<PolicyName> =
            self.targets.get(target).map(|a| a.policies.keys().cloned().collect()).unwrap_or_default();
        let writes = names.iter().map(|name| self.remove(name, target)).collect();
        let done = Done::written((), writes);
        if names.is_empty() { done } else { done.with(Event::AuthorizationChanged) }
    }

    /// `ListAttachedPolicies` in the order of attachment. `inherited` names the further targets that `recursive` looks at: the
    /// ancestors of a group, or for a certificate the groups of its things with theirs.
    ///
    /// # Errors
    /// `InvalidRequestException` where the target is not a target, or for a marker that no list has given.
    pub fn list_attached_policies(
        &self,
        request: &ListAttachedPoliciesRequest,
        inherited: impl FnOnce(&Target) -> Vec<String>,
    ) -> Result<ListAttachedPoliciesResponse, ApiError> {
        let target = Target::parse(&request.target)?;
        let mut targets = vec![target.as_str().to_owned()];
        if request.recursive.unwrap_or(false) {
            targets.extend(inherited(&target));
        }
        let mut places: BTreeMap<&PolicyName, u64> = BTreeMap::new();
        for (name, place) in targets.iter().filter_map(|t| self.targets.get(t)).flat_map(|a| &a.policies) {
            places.entry(name).and_modify(|known| *known = (*known).min(*place)).or_insert(*place);
        }
        let listed = places.into_iter().map(|(name, place)| (place, self.listed(name))).collect();
        let wanted = Wanted {
            operation: "ListAttachedPolicies",
            ascending: true,
            size: request.page_size,
            marker: request.marker.as_deref(),
        };
        let (policies, next_marker) = wanted.of(listed)?;
        Ok(ListAttachedPoliciesResponse { policies: Some(policies), next_marker })
    }

    /// `ListTargetsForPolicy` in the order of attachment.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy; `InvalidRequestException` for a marker that no list has given.
    pub fn list_targets_for_policy(
        &self,
        request: &ListTargetsForPolicyRequest,
    ) -> Result<ListTargetsForPolicyResponse, ApiError> {
        let (_, entry) = self.entry(&request.policy_name)?;
        let all = entry.targets.iter().map(|(target, place)| (*place, target.clone())).collect();
        let wanted = Wanted {
            operation: "ListTargetsForPolicy",
            ascending: true,
            size: request.page_size,
            marker: request.marker.as_deref(),
        };
        let (targets, next_marker) = wanted.of(all)?;
        Ok(ListTargetsForPolicyResponse { targets: Some(targets), next_marker })
    }

    /// `ListPrincipalPolicies`, the latest attached first unless `ascendingOrder` is true.
    ///
    /// # Errors
    /// `InvalidRequestException` where the principal is none, or for a marker that no list has given.
    pub fn list_principal_policies(
        &self,
        request: &ListPrincipalPoliciesRequest,
    ) -> Result<ListPrincipalPoliciesResponse, ApiError> {
        let attached = self.targets.get(principal(&request.principal)?.as_str());
        let all =
            attached.into_iter().flat_map(|a| &a.policies).map(|(name, place)| (*place, self.listed(name))).collect();
        let ascending = request.ascending_order.unwrap_or(false);
        let wanted = Wanted {
            operation: "ListPrincipalPolicies",
            ascending,
            size: request.page_size,
            marker: request.marker.as_deref(),
        };
        let (policies, next_marker) = wanted.of(all)?;
        Ok(ListPrincipalPoliciesResponse { policies: Some(policies), next_marker })
    }

    /// `ListPolicyPrincipals`: the certificates and identities, the latest attached first unless `ascendingOrder` is true.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy; `InvalidRequestException` for a marker that no list has given.
    pub fn list_policy_principals(
        &self,
        request: &ListPolicyPrincipalsRequest,
    ) -> Result<ListPolicyPrincipalsResponse, ApiError> {
        let (_, entry) = self.entry(&request.policy_name)?;
        let principals = entry.targets.iter().filter(|(target, _)| principal(target).is_ok());
        let all = principals.map(|(target, place)| (*place, target.clone())).collect();
        let ascending = request.ascending_order.unwrap_or(false);
        let wanted = Wanted {
            operation: "ListPolicyPrincipals",
            ascending,
            size: request.page_size,
            marker: request.marker.as_deref(),
        };
        let (principals, next_marker) = wanted.of(all)?;
        Ok(ListPolicyPrincipalsResponse { principals: Some(principals), next_marker })
    }

    /// Whether any policy is attached to a target; such a certificate cannot be deleted without force.
    #[must_use]
    pub fn is_attached(&self, target: &str) -> bool {
        self.targets.get(target).is_some_and(|a| !a.policies.is_empty())
    }

    /// Whether policies, which may not be there yet, can all be attached to a principal.
    ///
    /// # Errors
    /// `LimitExceededException` where it would have more than ten.
    pub fn check_attachments<'p>(
        &self,
        principal: &str,
        policies: impl IntoIterator<Item = &'p PolicyName>,
    ) -> Result<(), ApiError> {
        let attached = self.targets.get(principal).map(|of| &of.policies);
        let more: BTreeSet<&PolicyName> =
            policies.into_iter().filter(|name| attached.is_none_or(|of| !of.contains_key(*name))).collect();
        let most = super::MAX_POLICIES_PER_PRINCIPAL;
        if attached.map_or(0, BTreeMap::len) + more.len() > most {
            let message = format!("`{principal}` would have more than {most} policies, which is the most");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        Ok(())
    }

    fn attach(
        &mut self,
        name: &str,
        target: Target,
        check: impl FnOnce(&Target) -> Result<(), ApiError>,
    ) -> Result<Done<()>, ApiError> {
        let name = self.entry(name)?.0.clone();
        check(&target)?;
        let attached = self.targets.get(target.as_str()).map(|a| &a.policies);
        if attached.is_some_and(|policies| policies.contains_key(&name)) {
            return Ok(Done::reply(()));
        }
        let most = target.most_policies();
        if attached.is_some_and(|policies| policies.len() >= most) {
            let message = format!("`{target}` has {most} policies already, which is the most: detach one first");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let sequence = self.next_sequence();
        let row = to_json(&AttachmentRow { sequence })?;
        self.note(&name, target.as_str(), sequence);
        let write = Write::put(ATTACHMENTS, attachment_key(&name, target.as_str()), row);
        Ok(Done::written((), vec![write]).with(Event::AuthorizationChanged))
    }

    fn detach(&mut self, name: &str, target: &Target) -> Result<Done<()>, ApiError> {
        let (name, entry) = self.entry(name)?;
        if !entry.targets.contains_key(target.as_str()) {
            return Ok(Done::reply(()));
        }
        let name = name.clone();
        let write = self.remove(&name, target.as_str());
        Ok(Done::written((), vec![write]).with(Event::AuthorizationChanged))
    }

    fn remove(&mut self, name: &PolicyName, target: &str) -> Write {
        let generation = self.next_generation();
        if let Some(attached) = self.targets.get_mut(target) {
            attached.policies.remove(name);
            attached.generation = generation;
        }
        if let Some(entry) = self.policies.get_mut(name) {
            entry.targets.remove(target);
        }
        Write::delete(ATTACHMENTS, attachment_key(name, target))
    }
}

/// A target that the older operations know.
fn principal(text: &str) -> Result<Target, ApiError> {
    let target = Target::parse(text)?;
    if target.kind() == Kind::ThingGroup {
        return Err(ApiError::invalid(format!(
            "`{target}` is a thing group, no principal: use AttachPolicy and its like"
        )));
    }
    Ok(target)
}

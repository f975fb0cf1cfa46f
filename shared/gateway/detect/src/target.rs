//! What security profiles are attached to, and which of them a device has.
//!
//! Source: the API reference of "AttachSecurityProfile" and of the lists.

use crate::book::{Detect, TARGETS};
use crate::context::{Context, Fleet};
use crate::dimension::{names_page, page_size};
use drydock_core::{ApiError, Done, ErrorCode, Scope, Write, page};
use drydock_model::iot::{
    AttachSecurityProfileRequest, DetachSecurityProfileRequest, ListSecurityProfilesForTargetRequest,
    ListSecurityProfilesForTargetResponse, ListSecurityProfilesRequest, ListSecurityProfilesResponse,
    ListTargetsForSecurityProfileRequest, ListTargetsForSecurityProfileResponse, SecurityProfileIdentifier,
    SecurityProfileTarget, SecurityProfileTargetMapping,
};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// The most security profiles of a target.
const MOST: usize = 5;
const ALL: &str = "all/things";
const REGISTERED: &str = "all/registered-things";
const UNREGISTERED: &str = "all/unregistered-things";

fn arn(scope: &Scope, resource: &str) -> SmolStr {
    scope.arn("iot", resource).as_str().into()
}

impl Detect {
    /// Checks that a text is the ARN of a target.
    fn target(&self, text: &str, fleet: &dyn Fleet) -> Result<SmolStr, ApiError> {
        let text = SmolStr::new(text);
        let group = || text.strip_prefix(arn(&self.scope, "thinggroup/").as_str());
        if [ALL, REGISTERED, UNREGISTERED].iter().any(|all| arn(&self.scope, all) == text) {
            return Ok(text);
        }
        match group() {
            Some(group) if fleet.has_group(group) => Ok(text),
            Some(group) => Err(ApiError::not_found(format!("there is no thing group `{group:.128}`"))),
            None => Err(ApiError::invalid(format!(
                "`{text:.300}` is not a target: one is {}, the same with {ALL} or {UNREGISTERED}, or the ARN of a thing group",
                arn(&self.scope, REGISTERED)
            ))),
        }
    }

    /// "AttachSecurityProfile".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for what is not a target; `LimitExceededException` for a sixth
    /// profile.
    pub fn attach(
        &mut self,
        request: &AttachSecurityProfileRequest,
        context: &Context<'_>,
    ) -> Result<Done<()>, ApiError> {
        let profile = SmolStr::new(&request.security_profile_name);
        self.profile(&profile)?;
        let target = self.target(&request.security_profile_target_arn, context.fleet)?;
        if self.targets.contains(&(target.clone(), profile.clone())) {
            return Ok(Done::reply(()));
        }
        if self.attached_to(&target).count() >= MOST {
            let why = format!("a target has at most {MOST} security profiles");
            return Err(ApiError::new(ErrorCode::LimitExceededException, why));
        }
        let write = Write::put(TARGETS, format!("{profile}/{target}"), "{}".to_owned());
        self.targets.insert((target, profile));
        Ok(Done::written((), vec![write]))
    }

    /// "DetachSecurityProfile". What its violations were found by is gone: those are invalidated when the period ends.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for what is not a target.
    pub fn detach(
        &mut self,
        request: &DetachSecurityProfileRequest,
        context: &Context<'_>,
    ) -> Result<Done<()>, ApiError> {
        let profile = SmolStr::new(&request.security_profile_name);
        self.profile(&profile)?;
        let target = SmolStr::new(&request.security_profile_target_arn);
        let key = (target, profile);
        if !self.targets.contains(&key) {
            // A group that is gone may still have to be detached from; what never was a target is an error.
            self.target(&key.0, context.fleet)?;
            return Err(ApiError::not_found(format!("`{}` is not attached to `{:.300}`", key.1, key.0)));
        }
        let write = self.take_target(&key);
        let mut done = Done::written((), vec![write]);
        self.invalidate_uncovered(Some(&key.1), context, &mut done);
        Ok(done)
    }

    pub(crate) fn take_target(&mut self, key: &(SmolStr, SmolStr)) -> Write {
        self.targets.remove(key);
        Write::delete(TARGETS, format!("{}/{}", key.1, key.0))
    }

    fn attached_to(&self, target: &SmolStr) -> impl Iterator<Item = &SmolStr> {
        let from = (target.clone(), SmolStr::default());
        let own = self.targets.range(from..).take_while(move |(other, _)| other == target);
        own.map(|(_, profile)| profile)
    }

    /// The profiles that a device has, through whatever it belongs to.
    pub(crate) fn profiles_of(&self, thing: &str, fleet: &dyn Fleet) -> BTreeSet<SmolStr> {
        let registered = fleet.has_thing(thing);
        let kind = if registered { REGISTERED } else { UNREGISTERED };
        let mut targets = vec![arn(&self.scope, ALL), arn(&self.scope, kind)];
        if registered {
            targets.extend(fleet.groups_of(thing).iter().map(|group| arn(&self.scope, &format!("thinggroup/{group}"))));
        }
        targets.iter().flat_map(|target| self.attached_to(target).cloned().collect::<Vec<_>>()).collect()
    }

    fn identifier(&self, name: &str) -> SecurityProfileIdentifier {
        SecurityProfileIdentifier { arn: self.profile_arn(name), name: name.to_owned() }
    }

    /// "ListTargetsForSecurityProfile".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for a token that is not one of this operation.
    pub fn list_targets(
        &self,
        request: &ListTargetsForSecurityProfileRequest,
    ) -> Result<ListTargetsForSecurityProfileResponse, ApiError> {
        let name = &request.security_profile_name;
        self.profile(name)?;
        let targets = self.targets.iter().filter(|(_, profile)| profile == name).map(|(target, _)| target);
        let asked = (request.next_token.as_deref(), request.max_results);
        let (targets, next_token) = names_page("ListTargetsForSecurityProfile", targets, asked.0, asked.1)?;
        let targets = targets.into_iter().map(|arn| SecurityProfileTarget { arn }).collect();
        Ok(ListTargetsForSecurityProfileResponse { next_token, security_profile_targets: Some(targets) })
    }

    /// "ListSecurityProfiles": all, or those that name a dimension or a metric.
    ///
    /// # Errors
    /// `InvalidRequestException` where both are given, or a token that is not one of this operation;
    /// `ResourceNotFoundException` for a dimension that is not there.
    pub fn list_profiles(
        &self,
        request: &ListSecurityProfilesRequest,
    ) -> Result<ListSecurityProfilesResponse, ApiError> {
        if request.dimension_name.is_some() && request.metric_name.is_some() {
            return Err(ApiError::invalid("either dimensionName or metricName may be given"));
        }
        if let Some(name) = request.dimension_name.as_deref().filter(|name| !self.knows_dimension(name)) {
            return Err(ApiError::not_found(format!("there is no dimension `{name:.128}`")));
        }
        let fits = |(metric, dimension, _): (&str, Option<&behaviors::Dimension>, bool)| {
            let dimension = dimension.map(|of| of.dimension_name.as_str());
            match (&request.dimension_name, &request.metric_name) {
                (Some(name), _) => dimension == Some(name),
                (None, Some(name)) => metric == name,
                (None, None) => true,
            }
        };
        let all = request.dimension_name.is_none() && request.metric_name.is_none();
        let names = self.profiles.iter().filter(|(_, row)| all || row.measures().any(fits)).map(|(name, _)| name);
        let asked = (request.next_token.as_deref(), request.max_results);
        let (names, next_token) = names_page("ListSecurityProfiles", names, asked.0, asked.1)?;
        let identifiers = names.iter().map(|name| self.identifier(name)).collect();
        Ok(ListSecurityProfilesResponse { next_token, security_profile_identifiers: Some(identifiers) })
    }

    /// "ListSecurityProfilesForTarget": with `recursive`, those of the groups above a thing group, too.
    ///
    /// # Errors
    /// `InvalidRequestException` for what is not a target, or a token that is not one of this operation;
    /// `ResourceNotFoundException` for a group that is not there.
    pub fn list_profiles_for_target(
        &self,
        request: &ListSecurityProfilesForTargetRequest,
        fleet: &dyn Fleet,
    ) -> Result<ListSecurityProfilesForTargetResponse, ApiError> {
        const OPERATION: &str = "ListSecurityProfilesForTarget";
        let target = self.target(&request.security_profile_target_arn, fleet)?;
        let mut targets = vec![target.clone()];
        if request.recursive == Some(true)
            && let Some(group) = target.strip_prefix(arn(&self.scope, "thinggroup/").as_str())
        {
            let above = fleet.groups_above(group);
            targets.extend(above.iter().map(|group| arn(&self.scope, &format!("thinggroup/{group}"))));
        }
        let mut all: Vec<_> = targets
            .iter()
            .flat_map(|target| self.attached_to(target).map(move |profile| (profile.clone(), target.clone())))
            .collect();
        all.sort();
        let after = request.next_token.as_deref().map(|token| page::place(OPERATION, token)).transpose()?;
        let at = |(profile, target): &(SmolStr, SmolStr)| format!("{profile}/{target}");
        let left = all.into_iter().filter(|entry| after.as_ref().is_none_or(|after| at(entry) > *after));
        let (page, next) = page::cut(left, page_size(request.max_results), at);
        let mapping = |(profile, target): (SmolStr, SmolStr)| SecurityProfileTargetMapping {
            security_profile_identifier: Some(self.identifier(&profile)),
            target: Some(SecurityProfileTarget { arn: target.into() }),
        };
        Ok(ListSecurityProfilesForTargetResponse {
            next_token: next.map(|place| page::token(OPERATION, &place)),
            security_profile_target_mappings: Some(page.into_iter().map(mapping).collect()),
        })
    }
}

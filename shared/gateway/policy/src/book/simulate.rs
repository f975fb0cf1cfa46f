//! `TestAuthorization` and `GetEffectivePolicies`: what the policies would say, asked of the evaluator that the broker asks.

use super::Policies;
use crate::action::Action;
use crate::document::Effect;
use crate::explain::{Explanation, Outcome};
use crate::session::{Decision, SessionPolicies};
use crate::set::PolicySet;
use crate::variables::Context;
use drydock_core::{ApiError, PolicyName};
use drydock_model::iot::{
    ActionType, Allowed, AuthDecision, AuthInfo, AuthResult, Denied, EffectivePolicy, ExplicitDeny,
    GetEffectivePoliciesResponse, ImplicitDeny, Policy, TestAuthorizationRequest, TestAuthorizationResponse,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whom a simulation is about, as the composition knows it from the request's principal and thing.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// The certificate or identity, the groups of its thing, and their ancestors.
    pub targets: Vec<String>,
    /// What is known of the connection there would be.
    pub context: Context,
}

impl Policies {
    /// `TestAuthorization`. The client id of the request, where it has one, takes the place of the context's.
    ///
    /// # Errors
    /// `InvalidRequestException` where the request has neither principal nor identity pool, or no action;
    /// `ResourceNotFoundException` where a policy to add or skip does not exist.
    pub fn test_authorization(
        &self,
        request: &TestAuthorizationRequest,
        of: Simulated,
    ) -> Result<TestAuthorizationResponse, ApiError> {
        if request.principal.is_none() && request.cognito_identity_pool_id.is_none() {
            return Err(ApiError::invalid("give `principal` or `cognitoIdentityPoolId`"));
        }
        let mut set = self.policies_for(&of.targets);
        for name in request.policy_names_to_add.iter().flatten() {
            let (name, entry) = self.entry(name)?;
            if !set.policies.iter().any(|p| p.name == name.as_str()) {
                set.policies.push(entry.applied(name, Vec::new()));
            }
        }
        for name in request.policy_names_to_skip.iter().flatten() {
            self.entry(name)?;
            set.policies.retain(|p| p.name != *name);
        }
        let mut context = of.context;
        if let Some(client_id) = &request.client_id {
            context.client_id = Some(client_id.as_str().into());
        }
        let session = SessionPolicies::new(Arc::new(set), Arc::new(context));
        let results = request.auth_infos.iter().map(|info| self.test(info, &session)).collect::<Result<_, _>>()?;
        Ok(TestAuthorizationResponse { auth_results: Some(results) })
    }

    fn test(&self, info: &AuthInfo, session: &SessionPolicies) -> Result<AuthResult, ApiError> {
        let action = match info.action_type {
            Some(ActionType::Connect) => Action::Connect,
            Some(ActionType::Publish) => Action::Publish,
            Some(ActionType::Subscribe) => Action::Subscribe,
            Some(ActionType::Receive) => Action::Receive,
            None => return Err(ApiError::invalid("each of `authInfos` needs an `actionType`")),
        };
        let explained: Vec<_> = info.resources.iter().map(|arn| session.explain_arn(action.names(), arn)).collect();
        let decided = |decision| explained.iter().any(|e| e.decision == decision);
        let decision = if decided(Decision::ExplicitDeny) {
            AuthDecision::ExplicitDeny
        } else if decided(Decision::ImplicitDeny) || explained.is_empty() {
            AuthDecision::ImplicitDeny
        } else {
            AuthDecision::Allowed
        };
        let (allowing, denying) = (applying(&explained, Effect::Allow), applying(&explained, Effect::Deny));
        let silent: BTreeSet<&str> = session.set().policies.iter().map(|p| p.name.as_str()).collect();
        let silent = silent.into_iter().filter(|name| !allowing.contains(name) && !denying.contains(name)).collect();
        let missing: BTreeSet<String> = explained
            .iter()
            .flat_map(|e| e.variables.iter().filter(|v| v.values.is_none()).map(|v| v.name.clone()))
            .collect();
        Ok(AuthResult {
            auth_info: Some(info.clone()),
            auth_decision: Some(decision),
            allowed: Some(Allowed { policies: Some(self.named(allowing)) }),
            denied: Some(Denied {
                explicit_deny: Some(ExplicitDeny { policies: Some(self.named(denying)) }),
                implicit_deny: Some(ImplicitDeny { policies: Some(self.named(silent)) }),
            }),
            missing_context_values: Some(missing.into_iter().collect()),
        })
    }

    fn named(&self, names: BTreeSet<&str>) -> Vec<Policy> {
        names.into_iter().filter_map(|name| PolicyName::new(name).ok()).map(|name| self.listed(&name)).collect()
    }

    /// `GetEffectivePolicies`: the policies that apply through any of the targets, with the documents in force.
    #[must_use]
    pub fn effective_policies<T: AsRef<str>>(&self, targets: &[T]) -> GetEffectivePoliciesResponse {
        let PolicySet { policies, .. } = self.policies_for(targets);
        let effective = policies.iter().filter_map(|p| self.policies.get_key_value(p.name.as_str()));
        let effective = effective.map(|(name, entry)| EffectivePolicy {
            policy_arn: Some(self.arn(name)),
            policy_document: Some(entry.document().to_owned()),
            policy_name: Some(name.to_string()),
        });
        GetEffectivePoliciesResponse { effective_policies: Some(effective.collect()) }
    }
}

/// The names of the policies with a statement of an effect that applies.
fn applying(explained: &[Explanation], effect: Effect) -> BTreeSet<&str> {
    let statements = explained.iter().flat_map(|e| &e.statements);
    statements
        .filter(|s| s.effect == effect && matches!(s.outcome, Outcome::Applies { .. }))
        .map(|s| s.policy.as_str())
        .collect()
}

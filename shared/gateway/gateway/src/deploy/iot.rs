//! The template's resources of AWS IoT. Each is made where it is not there yet, and changed where it differs.

use crate::gateway::Gateway;
use drydock_core::{ApiError, ErrorCode};
use drydock_model::iot::{
    CreateAuthorizerRequest, CreatePolicyRequest, CreatePolicyVersionRequest, CreateRoleAliasRequest,
    CreateThingTypeRequest, CreateTopicRuleRequest, DeletePolicyVersionRequest, DeprecateThingTypeRequest,
    GetPolicyRequest, ListPolicyVersionsRequest, ReplaceTopicRuleRequest, TopicRulePayload, UpdateAuthorizerRequest,
    UpdateRoleAliasRequest,
};
use drydock_template::{Authorizer, Policy, RoleAlias, ThingType, TopicRule};
use serde_json::{Value, json};

/// How many versions a policy has at the most.
const MAX_VERSIONS: usize = 5;

pub(super) fn exists(error: &ApiError) -> bool {
    error.code == ErrorCode::ResourceAlreadyExistsException
}

pub(super) fn malformed(what: &str, error: impl std::fmt::Display) -> ApiError {
    ApiError::invalid(format!("{what}: {error}"))
}

/// Makes a topic rule, or replaces it.
pub(super) async fn rule(gateway: &Gateway, rule: &TopicRule) -> Result<(), ApiError> {
    let books = &gateway.host.books;
    let payload = TopicRulePayload::from_json(&rule.payload).map_err(|e| malformed("the rule's payload", e))?;
    let name = rule.name.clone();
    let request =
        CreateTopicRuleRequest { rule_name: name.clone(), topic_rule_payload: payload.clone(), ..Default::default() };
    match books.create_rule(request, |_| Ok(())).await {
        Err(error) if exists(&error) => {
            let request = ReplaceTopicRuleRequest { rule_name: name, topic_rule_payload: payload };
            books.replace_rule(request).await
        }
        other => other,
    }
}

/// Makes a policy; where its document changed, a new default version, in the place of the oldest where there are five.
pub(super) async fn policy(gateway: &Gateway, policy: &Policy) -> Result<(), ApiError> {
    let books = &gateway.host.books;
    let (now, ids) = (books.now(), books.ids.clone());
    let (name, document) = (policy.name.clone(), policy.document.to_string());
    let request =
        CreatePolicyRequest { policy_name: name.clone(), policy_document: document.clone(), ..Default::default() };
    let same = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|value| value == policy.document);
    books
        .change((&books.policies,), |(policies,)| {
            match policies.apply(|book| book.create_policy(request, now, ids.as_ref())) {
                Err(error) if exists(&error) => {}
                other => return other.map(|_| ()),
            }
            let known = policies.get_policy(&GetPolicyRequest { policy_name: name.clone() })?;
            if known.policy_document.as_deref().is_some_and(same) {
                return Ok(());
            }
            let listed = policies.list_policy_versions(&ListPolicyVersionsRequest { policy_name: name.clone() })?;
            let versions = listed.policy_versions.unwrap_or_default();
            let oldest = versions
                .iter()
                .filter(|version| version.is_default_version != Some(true))
                .filter_map(|version| version.version_id.clone())
                .min_by_key(|id| id.parse::<u64>().unwrap_or(u64::MAX));
            if let Some(policy_version_id) = oldest.filter(|_| versions.len() >= MAX_VERSIONS) {
                let delete = DeletePolicyVersionRequest { policy_name: name.clone(), policy_version_id };
                policies.apply(|book| book.delete_policy_version(&delete))?;
            }
            let request =
                CreatePolicyVersionRequest { policy_name: name, policy_document: document, set_as_default: Some(true) };
            policies.apply(|book| book.create_policy_version(request, now)).map(|_| ())
        })
        .await
}

/// Makes a thing type. Its properties cannot be changed by a template on AWS either, but for a replacement.
pub(super) async fn thing_type(gateway: &Gateway, thing_type: &ThingType) -> Result<(), ApiError> {
    let books = &gateway.host.books;
    let (now, ids) = (books.now(), books.ids.clone());
    let mut request = thing_type.request.clone();
    if let Some(object) = request.as_object_mut() {
        object.insert("thingTypeName".to_owned(), json!(thing_type.name));
    }
    let request = CreateThingTypeRequest::from_json(&request).map_err(|e| malformed("the thing type", e))?;
    // A template that no longer deprecates the type takes the deprecation back.
    let deprecate = DeprecateThingTypeRequest {
        thing_type_name: thing_type.name.clone(),
        undo_deprecate: Some(!thing_type.deprecated),
    };
    books
        .change((&books.registry,), |(registry,)| {
            match registry.apply(|book| book.create_thing_type(&request, now, ids.as_ref())) {
                Err(error) if exists(&error) => {}
                other => other.map(|_| ())?,
            }
            registry.apply(|book| book.deprecate_thing_type(&deprecate, now)).map(|_| ())
        })
        .await
}

/// Makes a custom authorizer, or changes it. Whether its tokens are signed cannot change; on AWS that takes a replacement.
pub(super) async fn authorizer(gateway: &Gateway, authorizer: &Authorizer) -> Result<(), ApiError> {
    let books = &gateway.host.books;
    let now = books.now();
    let request =
        CreateAuthorizerRequest::from_json(&authorizer.request).map_err(|e| malformed("the authorizer", e))?;
    match books.apply(&books.identity, |book| book.create_authorizer(&request, now)).await {
        Err(error) if exists(&error) => {}
        other => return other.map(|_| ()),
    }
    let name = &authorizer.name;
    let unsigned = books.identity.read(|book| book.known_authorizer(name).map(|row| row.signing_disabled))?;
    if unsigned != (request.signing_disabled == Some(true)) {
        let message = format!(
            "the authorizer `{name}` exists with another `SigningDisabled`, which cannot change: give it another name, or delete it"
        );
        return Err(ApiError::invalid(message));
    }
    let request = UpdateAuthorizerRequest {
        authorizer_name: request.authorizer_name,
        authorizer_function_arn: Some(request.authorizer_function_arn),
        token_key_name: request.token_key_name,
        token_signing_public_keys: request.token_signing_public_keys,
        status: request.status,
        enable_caching_for_http: Some(request.enable_caching_for_http.unwrap_or_default()),
    };
    books.apply(&books.identity, |book| book.update_authorizer(&request, now)).await.map(|_| ())
}

/// Makes a role alias, or turns it to the role of the template.
pub(super) async fn role_alias(gateway: &Gateway, alias: &RoleAlias) -> Result<(), ApiError> {
    let books = &gateway.host.books;
    let now = books.now();
    let create = CreateRoleAliasRequest {
        role_alias: alias.name.clone(),
        role_arn: alias.role_arn.clone(),
        credential_duration_seconds: alias.seconds,
        tags: None,
    };
    match books.apply(&books.identity, |book| book.create_role_alias(&create, now)).await {
        Err(error) if exists(&error) => {
            let update = UpdateRoleAliasRequest {
                role_alias: create.role_alias,
                role_arn: Some(create.role_arn),
                credential_duration_seconds: create.credential_duration_seconds,
            };
            books.apply(&books.identity, |book| book.update_role_alias(&update, now)).await.map(|_| ())
        }
        other => other.map(|_| ()),
    }
}

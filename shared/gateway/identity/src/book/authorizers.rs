//! The operations on custom authorizers, and which of them a device meets.

use super::{AUTHORIZERS, DEFAULT_AUTHORIZER, Identity, json, lists};
use crate::authorizer::token;
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, Write};
use drydock_model::iot::{
    AuthorizerDescription, AuthorizerStatus, AuthorizerSummary, ClearDefaultAuthorizerRequest,
    ClearDefaultAuthorizerResponse, CreateAuthorizerRequest, CreateAuthorizerResponse, DeleteAuthorizerRequest,
    DeleteAuthorizerResponse, DescribeAuthorizerRequest, DescribeAuthorizerResponse, DescribeDefaultAuthorizerRequest,
    DescribeDefaultAuthorizerResponse, ListAuthorizersRequest, ListAuthorizersResponse, SetDefaultAuthorizerRequest,
    SetDefaultAuthorizerResponse, UpdateAuthorizerRequest, UpdateAuthorizerResponse,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The key of the row that names the default.
const DEFAULT: &str = "default";

/// A custom authorizer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizerRow {
    /// The Lambda function that decides.
    pub function_arn: String,
    /// Whether it may be used.
    pub active: bool,
    /// Whether tokens come without a signature; fixed when it is created.
    pub signing_disabled: bool,
    /// The name of the header or parameter with the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_key_name: Option<String>,
    /// The keys that sign tokens, as PEM by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, String>,
    /// Whether an HTTP connection that is kept alive keeps the answer.
    pub caching_for_http: bool,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
}

/// What a domain configuration says of authorizers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainAuthorizer {
    /// The authorizer of the domain.
    pub default: Option<String>,
    /// Whether a device may name another one.
    pub allow_override: bool,
}

/// Why no authorizer can be asked about a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAuthorizer {
    /// None is named and there is no default.
    #[error("no authorizer is named, and neither the domain nor the account has a default one")]
    NoneNamed,
    /// The one that is meant does not exist.
    #[error("there is no authorizer `{0}`: see ListAuthorizers")]
    Unknown(String),
    /// The one that is meant is not active.
    #[error("the authorizer `{0}` is INACTIVE: set it to ACTIVE before it is used")]
    Inactive(String),
    /// The domain does not let devices choose.
    #[error("the authorizer `{0}` is named, and the domain does not allow to override its own")]
    NoOverride(String),
}

impl Identity {
    /// "CreateAuthorizer". An authorizer is INACTIVE unless the request says otherwise.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`; `InvalidRequestException` where signing is not disabled and the name of the token or
    /// the keys are missing, or where a key is not one of RSA with 2,048 bits and more.
    pub fn create_authorizer(
        &mut self,
        request: &CreateAuthorizerRequest,
        now: Timestamp,
    ) -> Result<Done<CreateAuthorizerResponse>, ApiError> {
        let name = &request.authorizer_name;
        let arn = self.authorizer_arn(name);
        if self.authorizers.contains_key(name) {
            return Err(ApiError::exists(format!("the authorizer `{name}` exists already"), name.clone(), arn));
        }
        let row = AuthorizerRow {
            function_arn: request.authorizer_function_arn.clone(),
            active: request.status == Some(AuthorizerStatus::Active),
            signing_disabled: request.signing_disabled == Some(true),
            token_key_name: request.token_key_name.clone(),
            keys: request.token_signing_public_keys.clone().unwrap_or_default(),
            caching_for_http: request.enable_caching_for_http == Some(true),
            created: now,
            modified: now,
        };
        check(name, &row)?;
        let write = self.keep_authorizer(name, row);
        let reply = CreateAuthorizerResponse { authorizer_arn: Some(arn), authorizer_name: Some(name.clone()) };
        Ok(Done::written(reply, vec![write]))
    }

    /// "UpdateAuthorizer": what the request does not name stays. Whether tokens are signed cannot change.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` as for "CreateAuthorizer".
    pub fn update_authorizer(
        &mut self,
        request: &UpdateAuthorizerRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateAuthorizerResponse>, ApiError> {
        let name = &request.authorizer_name;
        let mut row = self.known_authorizer(name)?.clone();
        if let Some(function) = &request.authorizer_function_arn {
            row.function_arn.clone_from(function);
        }
        if let Some(status) = request.status {
            row.active = status == AuthorizerStatus::Active;
        }
        if request.token_key_name.is_some() {
            row.token_key_name.clone_from(&request.token_key_name);
        }
        if let Some(keys) = &request.token_signing_public_keys {
            row.keys.clone_from(keys);
        }
        if let Some(caching) = request.enable_caching_for_http {
            row.caching_for_http = caching;
        }
        row.modified = now;
        check(name, &row)?;
        let write = self.keep_authorizer(name, row);
        let authorizer_arn = Some(self.authorizer_arn(name));
        let reply = UpdateAuthorizerResponse { authorizer_arn, authorizer_name: Some(name.clone()) };
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeAuthorizer".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_authorizer(
        &self,
        request: &DescribeAuthorizerRequest,
    ) -> Result<Done<DescribeAuthorizerResponse>, ApiError> {
        let row = self.known_authorizer(&request.authorizer_name)?;
        let description = self.description(&request.authorizer_name, row);
        Ok(Done::reply(DescribeAuthorizerResponse { authorizer_description: Some(description) }))
    }

    /// "ListAuthorizers", in the order of the alphabet or, by default, against it.
    ///
    /// # Errors
    /// `InvalidRequestException` where the marker is not one of this operation.
    pub fn list_authorizers(
        &self,
        request: &ListAuthorizersRequest,
    ) -> Result<Done<ListAuthorizersResponse>, ApiError> {
        let wanted = request.status.map(|status| status == AuthorizerStatus::Active);
        let known = self.authorizers.iter();
        let known = known.filter(|(_, row)| wanted.is_none_or(|active| active == row.active)).map(|(name, _)| name);
        let ascending = request.ascending_order == Some(true);
        let (names, next_marker) =
            lists::names("ListAuthorizers", known, ascending, request.page_size, request.marker.as_deref())?;
        let summary = |name: &String| AuthorizerSummary {
            authorizer_arn: Some(self.authorizer_arn(name)),
            authorizer_name: Some(name.clone()),
        };
        let authorizers = Some(names.into_iter().map(summary).collect());
        Ok(Done::reply(ListAuthorizersResponse { authorizers, next_marker }))
    }

    /// "DeleteAuthorizer".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `DeleteConflictException` where it is active or the default.
    pub fn delete_authorizer(
        &mut self,
        request: &DeleteAuthorizerRequest,
    ) -> Result<Done<DeleteAuthorizerResponse>, ApiError> {
        let name = &request.authorizer_name;
        let row = self.known_authorizer(name)?;
        let conflict = |message: String| Err(ApiError::new(ErrorCode::DeleteConflictException, message));
        if self.default_authorizer.as_ref() == Some(name) {
            return conflict(format!("the authorizer `{name}` is the default: call ClearDefaultAuthorizer first"));
        }
        if row.active {
            return conflict(format!("the authorizer `{name}` is ACTIVE: set it to INACTIVE before it is deleted"));
        }
        self.authorizers.remove(name);
        Ok(Done::written(DeleteAuthorizerResponse {}, vec![Write::delete(AUTHORIZERS, name.as_str())]))
    }

    /// "SetDefaultAuthorizer"; it takes the place of the one before.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `ResourceAlreadyExistsException` where it is the default already.
    pub fn set_default_authorizer(
        &mut self,
        request: &SetDefaultAuthorizerRequest,
    ) -> Result<Done<SetDefaultAuthorizerResponse>, ApiError> {
        let name = &request.authorizer_name;
        self.known_authorizer(name)?;
        let arn = self.authorizer_arn(name);
        if self.default_authorizer.as_ref() == Some(name) {
            return Err(ApiError::exists(format!("the authorizer `{name}` is the default already"), name.clone(), arn));
        }
        self.default_authorizer = Some(name.clone());
        let write = Write::put(DEFAULT_AUTHORIZER, DEFAULT, name.clone());
        let reply = SetDefaultAuthorizerResponse { authorizer_arn: Some(arn), authorizer_name: Some(name.clone()) };
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeDefaultAuthorizer".
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is none.
    pub fn describe_default_authorizer(
        &self,
        _: &DescribeDefaultAuthorizerRequest,
    ) -> Result<Done<DescribeDefaultAuthorizerResponse>, ApiError> {
        let name = self.default_authorizer.as_ref().ok_or_else(no_default)?;
        let description = self.description(name, self.known_authorizer(name)?);
        Ok(Done::reply(DescribeDefaultAuthorizerResponse { authorizer_description: Some(description) }))
    }

    /// "ClearDefaultAuthorizer".
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is none.
    pub fn clear_default_authorizer(
        &mut self,
        _: &ClearDefaultAuthorizerRequest,
    ) -> Result<Done<ClearDefaultAuthorizerResponse>, ApiError> {
        self.default_authorizer.take().ok_or_else(no_default)?;
        Ok(Done::written(ClearDefaultAuthorizerResponse {}, vec![Write::delete(DEFAULT_AUTHORIZER, DEFAULT)]))
    }

    /// Finds the authorizer that a device meets: the one it names, else the domain's, else the account's.
    ///
    /// # Errors
    /// [`NoAuthorizer`] where there is none to ask.
    pub fn choose_authorizer(
        &self,
        named: Option<&str>,
        domain: Option<&DomainAuthorizer>,
    ) -> Result<(&str, &AuthorizerRow), NoAuthorizer> {
        let of_domain = domain.and_then(|domain| domain.default.as_deref());
        if let (Some(named), Some(domain)) = (named, domain)
            && !domain.allow_override
            && of_domain != Some(named)
        {
            return Err(NoAuthorizer::NoOverride(named.to_owned()));
        }
        let name = named.or(of_domain).or(self.default_authorizer.as_deref()).ok_or(NoAuthorizer::NoneNamed)?;
        let (name, row) = self.authorizers.get_key_value(name).ok_or_else(|| NoAuthorizer::Unknown(name.to_owned()))?;
        if row.active { Ok((name, row)) } else { Err(NoAuthorizer::Inactive(name.clone())) }
    }

    /// An authorizer, by its name.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn known_authorizer(&self, name: &str) -> Result<&AuthorizerRow, ApiError> {
        self.authorizers
            .get(name)
            .ok_or_else(|| ApiError::not_found(format!("there is no authorizer `{name}`: see ListAuthorizers")))
    }

    /// `arn:aws:iot:REGION:ACCOUNT:authorizer/NAME`.
    #[must_use]
    pub fn authorizer_arn(&self, name: &str) -> String {
        self.scope.arn("iot", &format!("authorizer/{name}")).into()
    }

    fn keep_authorizer(&mut self, name: &str, row: AuthorizerRow) -> Write {
        let write = Write::put(AUTHORIZERS, name, json(&row));
        self.authorizers.insert(name.to_owned(), row);
        write
    }

    fn description(&self, name: &str, row: &AuthorizerRow) -> AuthorizerDescription {
        AuthorizerDescription {
            authorizer_arn: Some(self.authorizer_arn(name)),
            authorizer_function_arn: Some(row.function_arn.clone()),
            authorizer_name: Some(name.to_owned()),
            creation_date: Some(row.created),
            enable_caching_for_http: Some(row.caching_for_http),
            last_modified_date: Some(row.modified),
            signing_disabled: Some(row.signing_disabled),
            status: Some(if row.active { AuthorizerStatus::Active } else { AuthorizerStatus::Inactive }),
            token_key_name: row.token_key_name.clone(),
            token_signing_public_keys: (!row.keys.is_empty()).then(|| row.keys.clone()),
        }
    }
}

fn no_default() -> ApiError {
    ApiError::not_found("the account has no default authorizer: see SetDefaultAuthorizer")
}

/// What must hold of each authorizer, new or changed.
fn check(name: &str, row: &AuthorizerRow) -> Result<(), ApiError> {
    if !row.signing_disabled {
        let missing = |what: &str| {
            let message = format!(
                "the authorizer `{name}` checks signatures and has no `{what}`: give it, or create an authorizer with `signingDisabled`"
            );
            Err(ApiError::invalid(message))
        };
        if row.token_key_name.is_none() {
            return missing("tokenKeyName");
        }
        if row.keys.is_empty() {
            return missing("tokenSigningPublicKeys");
        }
    }
    for (key, pem) in &row.keys {
        token::check_key(pem).map_err(|error| {
            ApiError::invalid(format!("the key `{key}` of the authorizer `{name}` cannot be used: {error}"))
        })?;
    }
    Ok(())
}

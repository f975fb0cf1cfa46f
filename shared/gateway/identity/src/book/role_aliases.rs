//! The operations on role aliases. Follows "Authorizing direct calls to AWS services using AWS IoT Core credential provider" of
//! the developer guide.

use super::{Identity, ROLE_ALIASES, json, lists};
use drydock_core::{ApiError, Arn, Done, ErrorCode, Timestamp, Write};
use drydock_model::iot::{
    CreateRoleAliasRequest, CreateRoleAliasResponse, DeleteRoleAliasRequest, DeleteRoleAliasResponse,
    DescribeRoleAliasRequest, DescribeRoleAliasResponse, ListRoleAliasesRequest, ListRoleAliasesResponse,
    RoleAliasDescription, UpdateRoleAliasRequest, UpdateRoleAliasResponse,
};
use serde::{Deserialize, Serialize};

/// The most role aliases of an account and region (quota "Maximum number of role aliases per AWS account").
const MOST: usize = 100;
/// How long credentials live where the alias does not say, in seconds.
const DURATION: i32 = 3600;

/// A role alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAliasRow {
    /// The IAM role that it points to.
    pub role_arn: String,
    /// How long credentials live, in seconds: 900 to 43,200.
    pub seconds: i32,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
}

impl Identity {
    /// "CreateRoleAlias".
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`; `InvalidRequestException` where the ARN is not a role's; `LimitExceededException` at
    /// the 101st alias.
    pub fn create_role_alias(
        &mut self,
        request: &CreateRoleAliasRequest,
        now: Timestamp,
    ) -> Result<Done<CreateRoleAliasResponse>, ApiError> {
        let name = &request.role_alias;
        let arn = self.role_alias_arn(name);
        if self.role_aliases.contains_key(name) {
            return Err(ApiError::exists(format!("the role alias `{name}` exists already"), name.clone(), arn));
        }
        if self.role_aliases.len() >= MOST {
            let message = format!("the account has {MOST} role aliases, the most that it may have: delete one first");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let row = RoleAliasRow {
            role_arn: role(&request.role_arn)?,
            seconds: request.credential_duration_seconds.unwrap_or(DURATION),
            created: now,
            modified: now,
        };
        let write = self.keep_role_alias(name, row);
        let reply = CreateRoleAliasResponse { role_alias: Some(name.clone()), role_alias_arn: Some(arn) };
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeRoleAlias".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_role_alias(
        &self,
        request: &DescribeRoleAliasRequest,
    ) -> Result<Done<DescribeRoleAliasResponse>, ApiError> {
        let name = &request.role_alias;
        let row = self.known_role_alias(name)?;
        let description = RoleAliasDescription {
            creation_date: Some(row.created),
            credential_duration_seconds: Some(row.seconds),
            last_modified_date: Some(row.modified),
            owner: Some(self.scope.account.to_string()),
            role_alias: Some(name.clone()),
            role_alias_arn: Some(self.role_alias_arn(name)),
            role_arn: Some(row.role_arn.clone()),
        };
        Ok(Done::reply(DescribeRoleAliasResponse { role_alias_description: Some(description) }))
    }

    /// "UpdateRoleAlias": what the request does not name stays.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the ARN is not a role's.
    pub fn update_role_alias(
        &mut self,
        request: &UpdateRoleAliasRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateRoleAliasResponse>, ApiError> {
        let name = &request.role_alias;
        let mut row = self.known_role_alias(name)?.clone();
        if let Some(arn) = &request.role_arn {
            row.role_arn = role(arn)?;
        }
        if let Some(seconds) = request.credential_duration_seconds {
            row.seconds = seconds;
        }
        row.modified = now;
        let write = self.keep_role_alias(name, row);
        let role_alias_arn = Some(self.role_alias_arn(name));
        Ok(Done::written(UpdateRoleAliasResponse { role_alias: Some(name.clone()), role_alias_arn }, vec![write]))
    }

    /// "DeleteRoleAlias". Credentials that were issued by it stay good until they expire.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn delete_role_alias(
        &mut self,
        request: &DeleteRoleAliasRequest,
    ) -> Result<Done<DeleteRoleAliasResponse>, ApiError> {
        self.known_role_alias(&request.role_alias)?;
        self.role_aliases.remove(&request.role_alias);
        let write = Write::delete(ROLE_ALIASES, request.role_alias.as_str());
        Ok(Done::written(DeleteRoleAliasResponse {}, vec![write]))
    }

    /// "ListRoleAliases", in the order of the alphabet or, by default, against it.
    ///
    /// # Errors
    /// `InvalidRequestException` where the marker is not one of this operation.
    pub fn list_role_aliases(
        &self,
        request: &ListRoleAliasesRequest,
    ) -> Result<Done<ListRoleAliasesResponse>, ApiError> {
        let (ascending, size) = (request.ascending_order == Some(true), request.page_size);
        let marker = request.marker.as_deref();
        let (names, next_marker) = lists::names("ListRoleAliases", self.role_aliases.keys(), ascending, size, marker)?;
        let role_aliases = Some(names.into_iter().cloned().collect());
        Ok(Done::reply(ListRoleAliasesResponse { next_marker, role_aliases }))
    }

    /// A role alias, by its name.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn known_role_alias(&self, name: &str) -> Result<&RoleAliasRow, ApiError> {
        self.role_aliases
            .get(name)
            .ok_or_else(|| ApiError::not_found(format!("there is no role alias `{name}`: see ListRoleAliases")))
    }

    /// `arn:aws:iot:REGION:ACCOUNT:rolealias/NAME`.
    #[must_use]
    pub fn role_alias_arn(&self, name: &str) -> String {
        self.scope.arn("iot", &format!("rolealias/{name}")).into()
    }

    fn keep_role_alias(&mut self, name: &str, row: RoleAliasRow) -> Write {
        let write = Write::put(ROLE_ALIASES, name, json(&row));
        self.role_aliases.insert(name.to_owned(), row);
        write
    }
}

fn role(arn: &str) -> Result<String, ApiError> {
    match Arn::parse(arn) {
        Some(parsed) if parsed.service() == "iam" && parsed.resource().starts_with("role/") => Ok(arn.to_owned()),
        _ => Err(ApiError::invalid(format!("`{arn}` is not the ARN of an IAM role: `arn:aws:iam::ACCOUNT:role/NAME`"))),
    }
}

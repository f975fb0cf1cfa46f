//! Mitigation actions: what may be done, with whose permission.

use crate::book::{Audit, MITIGATION_ACTIONS, Place, cut, in_time, json, place_in_time};
use drydock_core::{ApiError, Arn, Done, ErrorCode, Ids, Timestamp, Write};
use drydock_model::iot::{
    CreateMitigationActionRequest, CreateMitigationActionResponse, DeleteMitigationActionRequest,
    DescribeMitigationActionRequest, DescribeMitigationActionResponse, ListMitigationActionsRequest,
    ListMitigationActionsResponse, LogLevel, MitigationAction, MitigationActionIdentifier, MitigationActionParams,
    MitigationActionType, UpdateMitigationActionRequest, UpdateMitigationActionResponse,
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, ToSmolStr as _};
use std::collections::BTreeSet;

/// The most mitigation actions of an account (quota "Mitigation actions").
const MOST: usize = 100;
/// The most groups of an action ("AddThingsToThingGroupParams").
const MOST_GROUPS: usize = 10;
const LIST: &str = "ListMitigationActions";

/// A mitigation action as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ActionRow {
    id: SmolStr,
    role: String,
    #[serde(with = "drydock_model::row")]
    params: MitigationActionParams,
    created: Timestamp,
    modified: Timestamp,
}

impl ActionRow {
    pub(crate) fn kind(&self) -> MitigationActionType {
        kind(&self.params).unwrap_or_default()
    }

    /// The action as a task has it.
    pub(crate) fn defined(&self, name: &str) -> MitigationAction {
        MitigationAction {
            action_params: Some(self.params.clone()),
            id: Some(self.id.to_string()),
            name: Some(name.to_owned()),
            role_arn: Some(self.role.clone()),
        }
    }
}

/// What an action does, by its parameters, of which there is one.
fn kind(params: &MitigationActionParams) -> Option<MitigationActionType> {
    let given = [
        (params.update_device_certificate_params.is_some(), MitigationActionType::UpdateDeviceCertificate),
        (params.update_ca_certificate_params.is_some(), MitigationActionType::UpdateCaCertificate),
        (params.add_things_to_thing_group_params.is_some(), MitigationActionType::AddThingsToThingGroup),
        (params.replace_default_policy_version_params.is_some(), MitigationActionType::ReplaceDefaultPolicyVersion),
        (params.enable_iot_logging_params.is_some(), MitigationActionType::EnableIotLogging),
        (params.publish_finding_to_sns_params.is_some(), MitigationActionType::PublishFindingToSns),
    ];
    let mut given = given.into_iter().filter(|(is_given, _)| *is_given).map(|(_, kind)| kind);
    given.next().filter(|_| given.next().is_none())
}

fn validate(params: &MitigationActionParams) -> Result<(), ApiError> {
    if kind(params).is_none() {
        return Err(ApiError::invalid("`actionParams` has to hold the parameters of one type of action"));
    }
    if let Some(groups) = &params.add_things_to_thing_group_params {
        let count = groups.thing_group_names.len();
        if !(1..=MOST_GROUPS).contains(&count) {
            return Err(ApiError::invalid(format!("`thingGroupNames` has 1 to {MOST_GROUPS} names, not {count}")));
        }
    }
    if params.enable_iot_logging_params.as_ref().is_some_and(|logging| logging.log_level == LogLevel::Disabled) {
        return Err(ApiError::invalid("`logLevel` of an action that enables logging cannot be DISABLED"));
    }
    if let Some(sns) = &params.publish_finding_to_sns_params
        && Arn::parse(&sns.topic_arn).is_none_or(|arn| arn.service() != "sns")
    {
        return Err(ApiError::invalid(format!("`{:.256}` is not the ARN of an SNS topic", sns.topic_arn)));
    }
    Ok(())
}

impl Audit {
    /// Whether there is a mitigation action of this name.
    #[must_use]
    pub fn has_action(&self, name: &str) -> bool {
        self.actions.contains_key(name)
    }

    /// "CreateMitigationAction".
    ///
    /// # Errors
    /// `InvalidRequestException` where the parameters are not those of one type; `ResourceAlreadyExistsException`;
    /// `LimitExceededException` at the 101st.
    pub fn create_action(
        &mut self,
        request: CreateMitigationActionRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CreateMitigationActionResponse>, ApiError> {
        let name = SmolStr::from(request.action_name);
        let arn = self.action_arn(&name);
        if self.actions.contains_key(&name) {
            return Err(ApiError::exists(format!("the mitigation action `{name}` exists already"), name.as_str(), arn));
        }
        validate(&request.action_params)?;
        if self.actions.len() >= MOST {
            let message = format!("there are {MOST} mitigation actions, the most that there may be: delete one first");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let id = ids.uuid().to_smolstr();
        let reply = CreateMitigationActionResponse { action_arn: Some(arn), action_id: Some(id.to_string()) };
        let row = ActionRow { id, role: request.role_arn, params: request.action_params, created: now, modified: now };
        let write = self.put_action(name, row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "UpdateMitigationAction": what is left out stays.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the parameters are not those of one type.
    pub fn update_action(
        &mut self,
        request: UpdateMitigationActionRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateMitigationActionResponse>, ApiError> {
        let name = SmolStr::from(request.action_name);
        let mut row = self.action(&name)?.clone();
        if let Some(params) = request.action_params {
            validate(&params)?;
            row.params = params;
        }
        row.role = request.role_arn.unwrap_or(row.role);
        row.modified = now;
        let reply = UpdateMitigationActionResponse {
            action_arn: Some(self.action_arn(&name)),
            action_id: Some(row.id.to_string()),
        };
        let write = self.put_action(name, row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeMitigationAction".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_action(
        &self,
        request: &DescribeMitigationActionRequest,
    ) -> Result<DescribeMitigationActionResponse, ApiError> {
        let name = &request.action_name;
        let row = self.action(name)?;
        Ok(DescribeMitigationActionResponse {
            action_arn: Some(self.action_arn(name)),
            action_id: Some(row.id.to_string()),
            action_name: Some(name.clone()),
            action_params: Some(row.params.clone()),
            action_type: Some(row.kind()),
            creation_date: Some(row.created),
            last_modified_date: Some(row.modified),
            role_arn: Some(row.role.clone()),
        })
    }

    /// "DeleteMitigationAction". To delete what is not there is no error; tasks that have it go on.
    pub fn delete_action(&mut self, request: &DeleteMitigationActionRequest) -> Done<()> {
        let name = request.action_name.as_str();
        let writes = self.actions.remove(name).map(|_| Write::delete(MITIGATION_ACTIONS, name));
        Done::written((), writes.into_iter().collect())
    }

    /// "ListMitigationActions", the latest first.
    ///
    /// # Errors
    /// `InvalidRequestException` for a token that no list has given.
    pub fn list_actions(
        &self,
        request: &ListMitigationActionsRequest,
    ) -> Result<ListMitigationActionsResponse, ApiError> {
        let after = place_in_time(LIST, request.next_token.as_deref())?;
        let wanted = self.actions.iter().filter(|(_, row)| request.action_type.is_none_or(|kind| kind == row.kind()));
        let sorted: BTreeSet<Place> = wanted.map(|(name, row)| (row.created, name.clone())).collect();
        let left = sorted.into_iter().rev().filter(|place| after.as_ref().is_none_or(|after| place < after));
        let told = left.filter_map(|place| {
            let (name, row) = self.actions.get_key_value(&place.1)?;
            let told = MitigationActionIdentifier {
                action_arn: Some(self.action_arn(name)),
                action_name: Some(name.to_string()),
                creation_date: Some(row.created),
            };
            Some((in_time(&place), told))
        });
        let (action_identifiers, next_token) = cut(LIST, told, request.max_results);
        Ok(ListMitigationActionsResponse { action_identifiers: Some(action_identifiers), next_token })
    }

    pub(crate) fn action(&self, name: &str) -> Result<&ActionRow, ApiError> {
        self.actions.get(name).ok_or_else(|| ApiError::not_found(format!("there is no mitigation action `{name}`")))
    }

    /// The action that a task names.
    pub(super) fn chosen(&self, name: &str) -> Result<&ActionRow, ApiError> {
        self.action(name).map_err(|_| ApiError::invalid(format!("there is no mitigation action `{name:.128}`")))
    }

    fn action_arn(&self, name: &str) -> String {
        self.scope.arn("iot", &format!("mitigationaction/{name}")).into()
    }

    fn put_action(&mut self, name: SmolStr, row: ActionRow) -> Write {
        let write = Write::put(MITIGATION_ACTIONS, name.as_str(), json(&row));
        self.actions.insert(name, row);
        write
    }
}

//! What is not to be told again: the operations on audit suppressions. What a check finds of a resource that is suppressed is kept and
//! marked, and counts for nothing.

use crate::book::{Audit, SUPPRESSIONS, check, cut, json, place};
use crate::checks::Check;
use drydock_core::{ApiError, Done, Timestamp, Write};
use drydock_model::iot::{
    AuditSuppression, CreateAuditSuppressionRequest, DeleteAuditSuppressionRequest, DescribeAuditSuppressionRequest,
    DescribeAuditSuppressionResponse, ListAuditSuppressionsRequest, ListAuditSuppressionsResponse,
    NonCompliantResource, ResourceIdentifier, ResourceType, UpdateAuditSuppressionRequest,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

const LIST: &str = "ListAuditSuppressions";

/// A suppression as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SuppressionRow {
    #[serde(with = "drydock_model::row")]
    suppression: AuditSuppression,
    token: SmolStr,
}

impl SuppressionRow {
    /// When it ends, where it does.
    fn ends(&self) -> Option<Timestamp> {
        self.suppression.expiration_date.filter(|_| self.suppression.suppress_indefinitely != Some(true))
    }
}

/// Whether a resource is meant: all that is said of it is so. Of a policy the version may be left out.
pub(crate) fn is_same(asked: &ResourceIdentifier, resource: &ResourceIdentifier) -> bool {
    let (asked, resource) = (asked.to_json(), resource.to_json());
    covers(&asked, &resource) && asked.as_object().is_some_and(|asked| !asked.is_empty())
}

fn covers(asked: &serde_json::Value, found: &serde_json::Value) -> bool {
    match (asked.as_object(), found.as_object()) {
        (Some(asked), Some(found)) => {
            asked.iter().all(|(name, value)| found.get(name).is_some_and(|found| covers(value, found)))
        }
        _ => asked == found,
    }
}

/// The key of a suppression: its check and its resource.
fn key(check: &Check, resource: &ResourceIdentifier) -> SmolStr {
    format!("{} {}", check.name, resource.to_json()).into()
}

/// Looks whether a request names one resource, and one of those that a check looks at.
fn validate(check: &Check, resource: &ResourceIdentifier) -> Result<(), ApiError> {
    let named = resource.to_json();
    let names: Vec<&String> = named.as_object().map(|named| named.keys().collect()).unwrap_or_default();
    let fitting: &[&str] = match check.resource {
        ResourceType::DeviceCertificate => &["deviceCertificateId", "deviceCertificateArn"],
        ResourceType::CaCertificate => &["caCertificateId"],
        ResourceType::IotPolicy => &["policyVersionIdentifier"],
        ResourceType::CognitoIdentityPool => &["cognitoIdentityPoolId"],
        ResourceType::ClientId => &["clientId"],
        ResourceType::AccountSettings => &["account"],
        ResourceType::RoleAlias => &["roleAliasArn"],
        ResourceType::IamRole => &["iamRoleArn"],
        ResourceType::IssuerCertificate => &["issuerCertificateIdentifier"],
    };
    match names.as_slice() {
        [only] if fitting.contains(&only.as_str()) => Ok(()),
        _ => Err(ApiError::invalid(format!("`resourceIdentifier` of {} is {}", check.name, fitting.join(" or ")))),
    }
}

/// Looks whether a suppression either ends, at a time to come, or does not.
fn validate_end(expires: Option<Timestamp>, indefinitely: Option<bool>, now: Timestamp) -> Result<(), ApiError> {
    match (expires, indefinitely == Some(true)) {
        (Some(_), true) => Err(ApiError::invalid("give `expirationDate` or `suppressIndefinitely`, not both")),
        (None, false) => Err(ApiError::invalid("give `expirationDate`, or set `suppressIndefinitely`")),
        (Some(expires), false) if expires <= now => Err(ApiError::invalid("`expirationDate` is over already")),
        _ => Ok(()),
    }
}

impl Audit {
    /// "CreateAuditSuppression".
    ///
    /// # Errors
    /// `InvalidRequestException` where the check is not one, the resource not one of it, or the end is missing, over or said twice;
    /// `ResourceAlreadyExistsException` where the resource is suppressed, or another one under the same token.
    pub fn create_suppression(
        &mut self,
        request: CreateAuditSuppressionRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let check = check(&request.check_name)?;
        validate(check, &request.resource_identifier)?;
        validate_end(request.expiration_date, request.suppress_indefinitely, now)?;
        let key = key(check, &request.resource_identifier);
        let token = SmolStr::from(request.client_request_token);
        if self.suppressions.contains_key(&key) || self.suppressions.values().any(|known| known.token == token) {
            let message =
                "there is a suppression of this check and resource, or one with this clientRequestToken, already";
            return Err(ApiError::exists(message, key.as_str(), ""));
        }
        let suppression = AuditSuppression {
            check_name: request.check_name,
            description: request.description,
            expiration_date: request.expiration_date,
            resource_identifier: request.resource_identifier,
            suppress_indefinitely: request.suppress_indefinitely,
        };
        let write = self.put_suppression(key, SuppressionRow { suppression, token });
        Ok(Done::written((), vec![write]))
    }

    /// "DescribeAuditSuppression".
    ///
    /// # Errors
    /// `InvalidRequestException` where the check is not one; `ResourceNotFoundException`.
    pub fn describe_suppression(
        &self,
        request: &DescribeAuditSuppressionRequest,
    ) -> Result<DescribeAuditSuppressionResponse, ApiError> {
        let (_, row) = self.suppression(&request.check_name, &request.resource_identifier)?;
        let AuditSuppression { check_name, description, expiration_date, resource_identifier, suppress_indefinitely } =
            row.suppression.clone();
        Ok(DescribeAuditSuppressionResponse {
            check_name: Some(check_name),
            description,
            expiration_date,
            resource_identifier: Some(resource_identifier),
            suppress_indefinitely,
        })
    }

    /// "UpdateAuditSuppression": what is left out stays. An end takes the place of none, and the other way round.
    ///
    /// # Errors
    /// As for "CreateAuditSuppression"; `ResourceNotFoundException`.
    pub fn update_suppression(
        &mut self,
        request: UpdateAuditSuppressionRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let (key, row) = self.suppression(&request.check_name, &request.resource_identifier)?;
        let mut row = row.clone();
        let suppression = &mut row.suppression;
        suppression.description = request.description.or_else(|| suppression.description.take());
        if request.expiration_date.is_some() || request.suppress_indefinitely.is_some() {
            validate_end(request.expiration_date, request.suppress_indefinitely, now)?;
            suppression.expiration_date = request.expiration_date;
            suppression.suppress_indefinitely = request.suppress_indefinitely;
        }
        let write = self.put_suppression(key, row);
        Ok(Done::written((), vec![write]))
    }

    /// "DeleteAuditSuppression". To delete what is not there is no error.
    ///
    /// # Errors
    /// `InvalidRequestException` where the check is not one.
    pub fn delete_suppression(&mut self, request: &DeleteAuditSuppressionRequest) -> Result<Done<()>, ApiError> {
        let key = key(check(&request.check_name)?, &request.resource_identifier);
        let writes = self.suppressions.remove(&key).map(|_| Write::delete(SUPPRESSIONS, key.as_str()));
        Ok(Done::written((), writes.into_iter().collect()))
    }

    /// "ListAuditSuppressions", by the ends; those without one come last where the order is ascending.
    ///
    /// # Errors
    /// `InvalidRequestException` where the check is not one, and for a token that no list has given.
    pub fn list_suppressions(
        &self,
        request: &ListAuditSuppressionsRequest,
    ) -> Result<ListAuditSuppressionsResponse, ApiError> {
        let wanted = request.check_name.as_deref().map(check).transpose()?;
        let after = place(LIST, request.next_token.as_deref())?;
        let ascending = request.ascending_order != Some(false);
        let mut found: Vec<(String, &SuppressionRow)> = self
            .suppressions
            .iter()
            .filter(|(_, row)| wanted.is_none_or(|check| check.name == row.suppression.check_name))
            .filter(|(_, row)| {
                request
                    .resource_identifier
                    .as_ref()
                    .is_none_or(|asked| is_same(asked, &row.suppression.resource_identifier))
            })
            // Times are of one length for two hundred years to come, so that they sort as texts.
            .map(|(key, row)| (format!("{:020} {key}", row.ends().unwrap_or(Timestamp(i64::MAX)).millis()), row))
            .collect();
        found.sort_by(|left, right| if ascending { left.0.cmp(&right.0) } else { right.0.cmp(&left.0) });
        let left = found.into_iter().filter(|(place, _)| {
            after.as_ref().is_none_or(|after| if ascending { place > after } else { place < after })
        });
        let told = left.map(|(place, row)| (place, row.suppression.clone()));
        let (suppressions, next_token) = cut(LIST, told, request.max_results);
        Ok(ListAuditSuppressionsResponse { next_token, suppressions: Some(suppressions) })
    }

    /// Whether what a check finds of a resource is suppressed.
    pub(crate) fn suppresses(&self, check: &str, resource: &NonCompliantResource, now: Timestamp) -> bool {
        let Some(identifier) = &resource.resource_identifier else { return false };
        self.suppressions.values().any(|row| {
            row.suppression.check_name == check
                && row.ends().is_none_or(|ends| ends > now)
                && self.is_meant(&row.suppression.resource_identifier, identifier)
        })
    }

    /// A certificate may be named by its ARN, too.
    fn is_meant(&self, asked: &ResourceIdentifier, resource: &ResourceIdentifier) -> bool {
        let by_arn = asked.device_certificate_arn.as_ref().zip(resource.device_certificate_id.as_ref());
        by_arn.is_some_and(|(arn, id)| self.scope.arn("iot", &format!("cert/{id}")).as_str() == arn)
            || is_same(asked, resource)
    }

    /// When the next suppression ends.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.suppressions.values().filter_map(SuppressionRow::ends).min()
    }

    /// Forgets suppressions that have ended.
    pub(crate) fn forget_suppressions(&mut self, now: Timestamp) -> Vec<Write> {
        let mut writes = Vec::new();
        self.suppressions.retain(|key, row| {
            let stays = row.ends().is_none_or(|ends| ends > now);
            if !stays {
                writes.push(Write::delete(SUPPRESSIONS, key.as_str()));
            }
            stays
        });
        writes
    }

    fn suppression(&self, name: &str, resource: &ResourceIdentifier) -> Result<(SmolStr, &SuppressionRow), ApiError> {
        let key = key(check(name)?, resource);
        let row = self.suppressions.get(&key);
        let row =
            row.ok_or_else(|| ApiError::not_found(format!("there is no suppression of {name} for this resource")))?;
        Ok((key, row))
    }

    fn put_suppression(&mut self, key: SmolStr, row: SuppressionRow) -> Write {
        let write = Write::put(SUPPRESSIONS, key.as_str(), json(&row));
        self.suppressions.insert(key, row);
        write
    }
}

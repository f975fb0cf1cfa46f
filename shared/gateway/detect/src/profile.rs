//! A security profile as it is kept, and the operations on profiles.
//!
//! Source: the API reference of the operations; "Detect" of the guide.

use crate::book::{Detect, PROFILES, json, ours, wire};
use crate::context::Context;
use behaviors::validate::{self, check_metric};
use behaviors::{Behavior, Dimension};
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, Write};
use drydock_model::iot::{
    self, AlertTarget, CreateSecurityProfileRequest, CreateSecurityProfileResponse, DeleteSecurityProfileRequest,
    DescribeSecurityProfileRequest, DescribeSecurityProfileResponse, UpdateSecurityProfileRequest,
    UpdateSecurityProfileResponse, ValidateSecurityProfileBehaviorsRequest, ValidateSecurityProfileBehaviorsResponse,
    ValidationError,
};
use drydock_model::row;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// A security profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProfileRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) behaviors: Vec<Behavior>,
    #[serde(default, with = "row", skip_serializing_if = "Option::is_none")]
    pub(crate) alert_targets: Option<BTreeMap<String, AlertTarget>>,
    /// `additionalMetricsToRetain`, which AWS has replaced by the next.
    pub(crate) retain_old: Vec<String>,
    pub(crate) retain: Vec<Retained>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) export: Option<ExportConfig>,
    pub(crate) version: i64,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

/// A metric whose datapoints are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Retained {
    pub(crate) metric: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metric_dimension: Option<Dimension>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) export_metric: Option<bool>,
}

/// Where datapoints are published to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExportConfig {
    pub(crate) mqtt_topic: String,
    pub(crate) role_arn: String,
}

impl ProfileRow {
    pub(crate) fn behavior(&self, name: &str) -> Option<&Behavior> {
        self.behaviors.iter().find(|behavior| behavior.name == name)
    }

    /// What a behavior measures, and whether anything does: each with whether it is exported.
    pub(crate) fn measures(&self) -> impl Iterator<Item = (&str, Option<&Dimension>, bool)> {
        let behaviors = self.behaviors.iter().map(|of| (of.metric(), of.metric_dimension.as_ref(), of.export_metric));
        let retained =
            self.retain.iter().map(|of| (of.metric.as_str(), of.metric_dimension.as_ref(), of.export_metric));
        let old = self.retain_old.iter().map(|metric| (metric.as_str(), None, None));
        let exports = self.export.is_some();
        let all = behaviors.chain(retained).chain(old);
        all.map(move |(metric, dimension, export)| (metric, dimension, exports && export == Some(true)))
    }
}

/// The behaviors that a request has.
fn behaviors_of(shapes: Option<Vec<iot::Behavior>>) -> Result<Option<Vec<Behavior>>, ApiError> {
    shapes.map(|shapes| ours(&shapes).ok_or_else(|| ApiError::invalid("behaviors cannot be read"))).transpose()
}

fn exists<T>(given: Option<&T>, delete: Option<bool>, name: &str) -> Result<(), ApiError> {
    if given.is_some() && delete == Some(true) {
        return Err(ApiError::invalid(format!("{name} may be set or deleted, and not both")));
    }
    Ok(())
}

impl Detect {
    /// Whether there is a security profile of this name.
    #[must_use]
    pub fn has_profile(&self, name: &str) -> bool {
        self.profiles.contains_key(name)
    }

    pub(crate) fn profile(&self, name: &str) -> Result<&ProfileRow, ApiError> {
        let missing = || ApiError::not_found(format!("there is no security profile `{name:.128}`"));
        self.profiles.get(name).ok_or_else(missing)
    }

    pub(crate) fn profile_arn(&self, name: &str) -> String {
        self.scope.arn("iot", &format!("securityprofile/{name}")).into()
    }

    /// "CreateSecurityProfile".
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`; `InvalidRequestException` for behaviors and metrics that cannot be.
    pub fn create_profile(
        &mut self,
        request: CreateSecurityProfileRequest,
        now: Timestamp,
    ) -> Result<Done<CreateSecurityProfileResponse>, ApiError> {
        let name = SmolStr::new(&request.security_profile_name);
        let arn = self.profile_arn(&name);
        if self.profiles.contains_key(&name) {
            return Err(ApiError::exists(format!("there is a security profile `{name}` already"), name, arn));
        }
        let row = ProfileRow {
            description: request.security_profile_description,
            behaviors: behaviors_of(request.behaviors)?.unwrap_or_default(),
            alert_targets: request.alert_targets.filter(|targets| !targets.is_empty()),
            retain_old: request.additional_metrics_to_retain.unwrap_or_default(),
            retain: request.additional_metrics_to_retain_v2.and_then(|list| ours(&list)).unwrap_or_default(),
            export: request.metrics_export_config.and_then(|config| ours(&config)),
            version: 1,
            created: now,
            modified: now,
        };
        self.check(&row)?;
        let write = Write::put(PROFILES, name.as_str(), json(&row));
        self.profiles.insert(name.clone(), row);
        let reply = CreateSecurityProfileResponse {
            security_profile_arn: Some(arn),
            security_profile_name: Some(name.to_string()),
        };
        let mut done = Done::written(reply, vec![write]);
        // What an earlier one of its name has found is found again.
        self.found_by(&name, &mut done);
        Ok(done)
    }

    fn check(&self, row: &ProfileRow) -> Result<(), ApiError> {
        if let Some(why) = validate::errors(&row.behaviors, self).into_iter().next() {
            return Err(ApiError::invalid(why));
        }
        for Retained { metric, metric_dimension, .. } in &row.retain {
            let dimension = metric_dimension.as_ref().map(|of| of.dimension_name.as_str());
            check_metric(metric, dimension, self)
                .map_err(|why| ApiError::invalid(format!("additionalMetricsToRetainV2: {why}")))?;
        }
        for metric in &row.retain_old {
            check_metric(metric, None, self)
                .map_err(|why| ApiError::invalid(format!("additionalMetricsToRetain: {why}")))?;
        }
        let exported = row.behaviors.iter().any(|of| of.export_metric == Some(true))
            || row.retain.iter().any(|of| of.export_metric == Some(true));
        if exported && row.export.is_none() {
            return Err(ApiError::invalid("exportMetric needs metricsExportConfig, which says where to"));
        }
        Ok(())
    }

    fn expect_version(&self, name: &str, expected: Option<i64>) -> Result<(), ApiError> {
        match (self.profiles.get(name), expected) {
            (Some(row), Some(expected)) if row.version != expected => Err(ApiError::new(
                ErrorCode::VersionConflictException,
                format!("the security profile `{name}` has version {}, not {expected}", row.version),
            )),
            _ => Ok(()),
        }
    }

    /// "UpdateSecurityProfile". Violations of behaviors that are no longer there, or that say something else now, are invalidated.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `VersionConflictException`; `InvalidRequestException` for what cannot be.
    pub fn update_profile(
        &mut self,
        request: UpdateSecurityProfileRequest,
        context: &Context<'_>,
    ) -> Result<Done<UpdateSecurityProfileResponse>, ApiError> {
        let name = SmolStr::new(&request.security_profile_name);
        let before = self.profile(&name)?.clone();
        self.expect_version(&name, request.expected_version)?;
        exists(request.behaviors.as_ref(), request.delete_behaviors, "behaviors")?;
        exists(request.alert_targets.as_ref(), request.delete_alert_targets, "alertTargets")?;
        exists(request.metrics_export_config.as_ref(), request.delete_metrics_export_config, "metricsExportConfig")?;
        let delete_retained = request.delete_additional_metrics_to_retain == Some(true);
        let retained =
            request.additional_metrics_to_retain.is_some() || request.additional_metrics_to_retain_v2.is_some();
        exists(retained.then_some(&()), request.delete_additional_metrics_to_retain, "additionalMetricsToRetain")?;
        let mut row = before.clone();
        if let Some(description) = request.security_profile_description {
            row.description = Some(description);
        }
        match behaviors_of(request.behaviors)? {
            Some(behaviors) => row.behaviors = behaviors,
            None if request.delete_behaviors == Some(true) => row.behaviors.clear(),
            None => {}
        }
        match request.alert_targets {
            Some(targets) => row.alert_targets = Some(targets).filter(|targets| !targets.is_empty()),
            None if request.delete_alert_targets == Some(true) => row.alert_targets = None,
            None => {}
        }
        if delete_retained {
            (row.retain_old, row.retain) = (Vec::new(), Vec::new());
        }
        if let Some(metrics) = request.additional_metrics_to_retain {
            row.retain_old = metrics;
        }
        if let Some(metrics) = request.additional_metrics_to_retain_v2 {
            row.retain = ours(&metrics).unwrap_or_default();
        }
        match request.metrics_export_config {
            Some(config) => row.export = ours(&config),
            None if request.delete_metrics_export_config == Some(true) => row.export = None,
            None => {}
        }
        self.check(&row)?;
        row.version += 1;
        row.modified = context.now;
        let write = Write::put(PROFILES, name.as_str(), json(&row));
        let described = self.described(&name, &row);
        self.profiles.insert(name.clone(), row);
        let mut done = Done::written(updated(described), vec![write]);
        self.invalidate_changed(&name, &before, context, &mut done);
        Ok(done)
    }

    /// "DeleteSecurityProfile". One that is not there is deleted: AWS has no error for it. Its violations are invalidated.
    ///
    /// # Errors
    /// `VersionConflictException`.
    pub fn delete_profile(
        &mut self,
        request: &DeleteSecurityProfileRequest,
        context: &Context<'_>,
    ) -> Result<Done<()>, ApiError> {
        let name = SmolStr::new(&request.security_profile_name);
        self.expect_version(&name, request.expected_version)?;
        let mut done = Done::reply(());
        let Some(before) = self.profiles.remove(&name) else { return Ok(done) };
        done.writes.push(Write::delete(PROFILES, name.as_str()));
        let attached: Vec<_> = self.targets.iter().filter(|(_, profile)| *profile == name).cloned().collect();
        for target in attached {
            done.writes.push(self.take_target(&target));
        }
        self.invalidate_changed(&name, &before, context, &mut done);
        self.found_by(&name, &mut done);
        Ok(done)
    }

    /// "DescribeSecurityProfile".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_profile(
        &self,
        request: &DescribeSecurityProfileRequest,
    ) -> Result<DescribeSecurityProfileResponse, ApiError> {
        let name = &request.security_profile_name;
        Ok(self.described(name, self.profile(name)?))
    }

    fn described(&self, name: &str, row: &ProfileRow) -> DescribeSecurityProfileResponse {
        let some = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty());
        DescribeSecurityProfileResponse {
            additional_metrics_to_retain: some(&row.retain_old),
            additional_metrics_to_retain_v2: wire(&row.retain).filter(|_| !row.retain.is_empty()),
            alert_targets: row.alert_targets.clone(),
            behaviors: wire(&row.behaviors).filter(|_| !row.behaviors.is_empty()),
            creation_date: Some(row.created),
            last_modified_date: Some(row.modified),
            metrics_export_config: row.export.as_ref().and_then(wire),
            security_profile_arn: Some(self.profile_arn(name)),
            security_profile_description: row.description.clone(),
            security_profile_name: Some(name.to_owned()),
            version: Some(row.version),
        }
    }

    /// "ValidateSecurityProfileBehaviors".
    ///
    /// # Errors
    /// `InvalidRequestException` for behaviors that cannot even be read.
    pub fn validate_behaviors(
        &self,
        request: ValidateSecurityProfileBehaviorsRequest,
    ) -> Result<ValidateSecurityProfileBehaviorsResponse, ApiError> {
        let behaviors = behaviors_of(Some(request.behaviors))?.unwrap_or_default();
        let errors = validate::errors(&behaviors, self).into_iter();
        let errors: Vec<_> = errors.map(|why| ValidationError { error_message: Some(why) }).collect();
        Ok(ValidateSecurityProfileBehaviorsResponse { valid: Some(errors.is_empty()), validation_errors: Some(errors) })
    }
}

fn updated(of: DescribeSecurityProfileResponse) -> UpdateSecurityProfileResponse {
    UpdateSecurityProfileResponse {
        additional_metrics_to_retain: of.additional_metrics_to_retain,
        additional_metrics_to_retain_v2: of.additional_metrics_to_retain_v2,
        alert_targets: of.alert_targets,
        behaviors: of.behaviors,
        creation_date: of.creation_date,
        last_modified_date: of.last_modified_date,
        metrics_export_config: of.metrics_export_config,
        security_profile_arn: of.security_profile_arn,
        security_profile_description: of.security_profile_description,
        security_profile_name: of.security_profile_name,
        version: of.version,
    }
}

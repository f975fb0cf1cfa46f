//! Which checks an account has, and whom it tells: the operations on the audit configuration.

use crate::book::{Audit, CONFIGURATION, ONLY, SCHEDULES, check, json};
use crate::checks::{self, Check, device_certificate_age, device_certificate_expiring};
use drydock_core::{ApiError, Arn, Done, Timestamp, Write};
use drydock_model::iot::{
    AuditCheckConfiguration, AuditNotificationTarget, DeleteAccountAuditConfigurationRequest,
    DescribeAccountAuditConfigurationResponse, UpdateAccountAuditConfigurationRequest,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The one kind of target that there is.
const SNS: &str = "SNS";
const AGE: &str = "CERT_AGE_THRESHOLD_IN_DAYS";
const EXPIRATION: &str = "CERT_EXPIRATION_THRESHOLD_IN_DAYS";

/// The configuration as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConfigurationRow {
    role: SmolStr,
    /// Whom an audit is told to.
    #[serde(default)]
    targets: BTreeMap<String, TargetRow>,
    /// The checks that were ever configured.
    #[serde(default)]
    checks: BTreeMap<String, CheckRow>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct TargetRow {
    #[serde(default)]
    arn: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    enabled: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct CheckRow {
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    configuration: BTreeMap<String, String>,
}

impl Audit {
    /// "UpdateAccountAuditConfiguration": what is left out stays.
    ///
    /// # Errors
    /// `InvalidRequestException` where the first call leaves the role out or enables no check, where a check or a target is not known,
    /// where a check's configuration is not one of it, and where a check that a scheduled audit has is disabled.
    pub fn update_configuration(
        &mut self,
        request: UpdateAccountAuditConfigurationRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let known = self.configuration.clone();
        let is_first = known.is_none();
        let role = request.role_arn.map(SmolStr::from).or_else(|| known.as_ref().map(|known| known.role.clone()));
        let role = role.ok_or_else(|| ApiError::invalid("`roleArn` is required the first time"))?;
        let mut row =
            known.unwrap_or(ConfigurationRow { role: role.clone(), targets: BTreeMap::new(), checks: BTreeMap::new() });
        row.role = role;
        for (name, asked) in request.audit_notification_target_configurations.into_iter().flatten() {
            if name != SNS {
                return Err(ApiError::invalid(format!("`{name:.64}` is not a target of audit notifications: SNS is")));
            }
            take_target(row.targets.entry(name).or_default(), asked)?;
        }
        for (name, asked) in request.audit_check_configurations.into_iter().flatten() {
            let check = check(&name)?;
            let kept = row.checks.entry(name).or_default();
            if let Some(configuration) = asked.configuration {
                validate(check, &configuration)?;
                kept.configuration = configuration;
            }
            kept.enabled = asked.enabled.unwrap_or(kept.enabled);
            let user =
                self.schedules.iter().find(|(_, schedule)| schedule.checks.iter().any(|used| used == check.name));
            if let Some((user, _)) = user.filter(|_| !kept.enabled) {
                let name = check.name;
                return Err(ApiError::invalid(format!(
                    "{name} cannot be disabled while the scheduled audit `{user}` has it: take it out there first"
                )));
            }
        }
        if is_first && !row.checks.values().any(|check| check.enabled) {
            return Err(ApiError::invalid("`auditCheckConfigurations` has to enable a check the first time"));
        }
        let mut writes = vec![Write::put(CONFIGURATION, ONLY, json(&row))];
        self.configuration = Some(row);
        // "When a check is disabled, any data collected so far in relation to the check is deleted."
        writes.extend(self.forget_connections(now));
        Ok(Done::written((), writes))
    }

    /// "DescribeAccountAuditConfiguration": every check that there is, enabled or not.
    #[must_use]
    pub fn describe_configuration(&self) -> DescribeAccountAuditConfigurationResponse {
        let kept = self.configuration.as_ref();
        let of = |check: &&'static Check| {
            let row = kept.and_then(|kept| kept.checks.get(check.name));
            let configuration = row.map(|row| row.configuration.clone()).filter(|its| !its.is_empty());
            let enabled = Some(row.is_some_and(|row| row.enabled));
            (check.name.to_owned(), AuditCheckConfiguration { enabled, configuration })
        };
        let target = |(name, row): (&String, &TargetRow)| {
            let target = AuditNotificationTarget {
                enabled: Some(row.enabled),
                role_arn: row.role.clone(),
                target_arn: row.arn.clone(),
            };
            (name.clone(), target)
        };
        DescribeAccountAuditConfigurationResponse {
            audit_check_configurations: Some(checks::ALL.iter().map(of).collect()),
            audit_notification_target_configurations: kept
                .filter(|kept| !kept.targets.is_empty())
                .map(|kept| kept.targets.iter().map(target).collect()),
            role_arn: kept.map(|kept| kept.role.to_string()),
        }
    }

    /// "DeleteAccountAuditConfiguration": all checks are disabled. Audits that are over stay, with their findings. It answers with
    /// the scheduled audits that go with it.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is none; `InvalidRequestException` where there are scheduled audits and
    /// `deleteScheduledAudits` is not set.
    pub fn delete_configuration(
        &mut self,
        request: &DeleteAccountAuditConfigurationRequest,
        now: Timestamp,
    ) -> Result<Done<Vec<SmolStr>>, ApiError> {
        if self.configuration.is_none() {
            return Err(ApiError::not_found("the account has no audit configuration"));
        }
        if !self.schedules.is_empty() && request.delete_scheduled_audits != Some(true) {
            return Err(ApiError::invalid("there are scheduled audits: delete them, or set `deleteScheduledAudits`"));
        }
        let gone: Vec<SmolStr> = std::mem::take(&mut self.schedules).into_keys().collect();
        let mut writes: Vec<Write> = gone.iter().map(|name| Write::delete(SCHEDULES, name.as_str())).collect();
        self.configuration = None;
        writes.push(Write::delete(CONFIGURATION, ONLY));
        writes.extend(self.forget_connections(now));
        Ok(Done::written(gone, writes))
    }

    /// Whether a check is enabled.
    #[must_use]
    pub fn is_enabled(&self, check: &str) -> bool {
        self.configuration.as_ref().and_then(|kept| kept.checks.get(check)).is_some_and(|row| row.enabled)
    }

    /// The days from which on certificates are old, or close to their end.
    #[must_use]
    pub fn days(&self, check: &Check) -> i64 {
        let (name, default) = threshold(check).unwrap_or((EXPIRATION, device_certificate_expiring::DAYS));
        let row = self.configuration.as_ref().and_then(|kept| kept.checks.get(check.name));
        row.and_then(|row| row.configuration.get(name)?.parse().ok()).unwrap_or(default)
    }

    /// The topic that audits are told to.
    pub(crate) fn target(&self) -> Option<String> {
        let target = self.configuration.as_ref()?.targets.get(SNS)?;
        target.arn.clone().filter(|_| target.enabled)
    }
}

/// What may be configured of a check, and what holds where nothing is.
fn threshold(check: &Check) -> Option<(&'static str, i64)> {
    match check.name {
        name if name == device_certificate_age::CHECK.name => Some((AGE, device_certificate_age::DAYS)),
        name if name == device_certificate_expiring::CHECK.name => {
            Some((EXPIRATION, device_certificate_expiring::DAYS))
        }
        _ => None,
    }
}

/// The range of days of the age is documented; that of the expiration is taken to be the same, with a single day at the least.
fn validate(check: &Check, configuration: &BTreeMap<String, String>) -> Result<(), ApiError> {
    for (name, value) in configuration {
        let known = threshold(check).is_some_and(|(known, _)| known == name);
        if !known {
            return Err(ApiError::invalid(format!("{} has no configuration `{name:.64}`", check.name)));
        }
        let (_, most) = device_certificate_age::RANGE;
        let least = if name == AGE { device_certificate_age::RANGE.0 } else { 1 };
        if !value.parse().is_ok_and(|days: i64| (least..=most).contains(&days)) {
            return Err(ApiError::invalid(format!(
                "`{name}` has to be a number from {least} to {most}, not `{value:.64}`"
            )));
        }
    }
    Ok(())
}

fn take_target(row: &mut TargetRow, asked: AuditNotificationTarget) -> Result<(), ApiError> {
    row.arn = asked.target_arn.or_else(|| row.arn.take());
    row.role = asked.role_arn.or_else(|| row.role.take());
    row.enabled = asked.enabled.unwrap_or(row.enabled);
    let is_topic = |arn: &str| Arn::parse(arn).is_some_and(|arn| arn.service() == "sns");
    match &row.arn {
        Some(arn) if !is_topic(arn) => Err(ApiError::invalid(format!("`{arn:.256}` is not the ARN of an SNS topic"))),
        None if row.enabled => Err(ApiError::invalid("a target that is enabled needs a `targetArn`")),
        _ => Ok(()),
    }
}

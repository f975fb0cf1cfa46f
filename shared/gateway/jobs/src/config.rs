//! What may be asked of a job, checked beyond what the model says of it.
//!
//! Source: "Job configurations" of the developer guide, the API reference of "CreateJob" and "UpdateJob", and "AWS IoT Device
//! Management jobs limits and quotas".

use crate::document;
use crate::job::Config;
use drydock_core::ApiError;
use drydock_model::iot::{
    AbortConfig, JobExecutionsRetryConfig, JobExecutionsRolloutConfig, RetryableFailureType, TimeoutConfig,
};

/// The longest timeout, in minutes: a week.
pub(crate) const LONGEST: i64 = 10_080;
/// How often a job may be tried again on a thing.
const MOST_RETRIES: i32 = 10;
const MOST_PER_MINUTE: i32 = 1000;
/// How long links hold, in seconds, where a job does not say.
const LINK: i64 = 3600;

impl Config {
    /// Checks it all, and the document that it is for: links that are to be made in it need a role.
    pub(crate) fn check(&self, document: &str) -> Result<(), ApiError> {
        self.rollout.as_ref().map_or(Ok(()), rollout)?;
        self.abort.as_ref().map_or(Ok(()), abort)?;
        self.timeout.as_ref().map_or(Ok(()), timeout)?;
        self.retry.as_ref().map_or(Ok(()), |config| retry(config, self.timeout.as_ref()))?;
        let role = self.presigned.as_ref().and_then(|config| config.role_arn.as_ref());
        if document::check(document)? && role.is_none() {
            return Err(ApiError::invalid(
                "presignedUrlConfig with a roleArn is needed for the presigned URLs of the document",
            ));
        }
        Ok(())
    }

    /// What is not said here is taken from there.
    pub(crate) fn or(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            description: self.description.or(other.description),
            presigned: self.presigned.or(other.presigned),
            rollout: self.rollout.or(other.rollout),
            abort: self.abort.or(other.abort),
            timeout: self.timeout.or(other.timeout),
            retry: self.retry.or(other.retry),
        }
    }

    /// How long links hold, in seconds.
    pub(crate) fn link_seconds(&self) -> u32 {
        let seconds = self.presigned.as_ref().and_then(|config| config.expires_in_sec).unwrap_or(LINK);
        u32::try_from(seconds).unwrap_or(3600)
    }

    /// How long an execution may be in progress, in milliseconds.
    pub(crate) fn in_progress_millis(&self) -> Option<i64> {
        let minutes = self.timeout.as_ref().and_then(|config| config.in_progress_timeout_in_minutes)?;
        Some(minutes * 60 * 1000)
    }
}

/// Whether a number has at most so many decimals.
fn has_decimals(number: f64, decimals: i32) -> bool {
    let scaled = number * 10_f64.powi(decimals);
    (scaled - scaled.round()).abs() < 1e-6
}

fn rollout(config: &JobExecutionsRolloutConfig) -> Result<(), ApiError> {
    let most = config.maximum_per_minute.unwrap_or(MOST_PER_MINUTE);
    if !(1..=MOST_PER_MINUTE).contains(&most) {
        return Err(ApiError::invalid(format!("maximumPerMinute must be 1 to {MOST_PER_MINUTE}, not {most}")));
    }
    let Some(growing) = &config.exponential_rate else { return Ok(()) };
    let criteria = &growing.rate_increase_criteria;
    if criteria.number_of_notified_things.is_some() == criteria.number_of_succeeded_things.is_some() {
        return Err(ApiError::invalid(
            "rateIncreaseCriteria needs one of numberOfNotifiedThings and numberOfSucceededThings",
        ));
    }
    if growing.base_rate_per_minute > most {
        return Err(ApiError::invalid("baseRatePerMinute must not be more than maximumPerMinute"));
    }
    if !has_decimals(growing.increment_factor, 1) {
        return Err(ApiError::invalid("incrementFactor has at most one digit after the decimal point"));
    }
    Ok(())
}

fn abort(config: &AbortConfig) -> Result<(), ApiError> {
    for criteria in &config.criteria_list {
        let percentage = criteria.threshold_percentage;
        if !(percentage > 0.0 && percentage <= 100.0 && has_decimals(percentage, 2)) {
            return Err(ApiError::invalid(
                "thresholdPercentage must be above 0 and at most 100, with at most two digits after the decimal point",
            ));
        }
    }
    Ok(())
}

fn timeout(config: &TimeoutConfig) -> Result<(), ApiError> {
    match config.in_progress_timeout_in_minutes {
        Some(minutes) if !(1..=LONGEST).contains(&minutes) => {
            // AWS's own words.
            let why = format!("Provide valid timeout value, inProgressTimeoutInMinutes cannot be {minutes}.");
            Err(ApiError::invalid(why))
        }
        _ => Ok(()),
    }
}

fn retry(config: &JobExecutionsRetryConfig, timeout: Option<&TimeoutConfig>) -> Result<(), ApiError> {
    let list = &config.criteria_list;
    let total: i32 = list.iter().map(|criteria| criteria.number_of_retries).sum();
    if total > MOST_RETRIES {
        return Err(ApiError::invalid(format!("a job is tried again at most {MOST_RETRIES} times, not {total}")));
    }
    let kinds = |kind| list.iter().filter(|criteria| criteria.failure_type == kind).count();
    let [failed, timed_out, all] =
        [RetryableFailureType::Failed, RetryableFailureType::TimedOut, RetryableFailureType::All].map(kinds);
    if failed > 1 || timed_out > 1 || all > 1 || (all == 1 && list.len() > 1) {
        return Err(ApiError::invalid("each failureType is given once, and ALL alone"));
    }
    let has_timeout = timeout.is_some_and(|config| config.in_progress_timeout_in_minutes.is_some());
    if timed_out > 0 && !has_timeout {
        return Err(ApiError::invalid("retries of TIMED_OUT need a timeoutConfig"));
    }
    Ok(())
}

/// The retries of a job that is changed: of the same failure types, and as many as before or none.
pub(crate) fn changed_retry(
    before: Option<&JobExecutionsRetryConfig>,
    after: &JobExecutionsRetryConfig,
) -> Result<(), ApiError> {
    let kinds = |config: &JobExecutionsRetryConfig| {
        let mut kinds: Vec<_> = config.criteria_list.iter().map(|criteria| criteria.failure_type).collect();
        kinds.sort();
        kinds
    };
    let Some(before) = before.filter(|before| kinds(before) == kinds(after)) else {
        // AWS's own words.
        return Err(ApiError::invalid("FailureTypes must match existing FailureTypes defined in RetryConfig."));
    };
    for criteria in &after.criteria_list {
        let kept = before.criteria_list.contains(criteria);
        if criteria.number_of_retries != 0 && !kept {
            return Err(ApiError::invalid("numberOfRetries of a job that was made can be set to 0 only"));
        }
    }
    Ok(())
}

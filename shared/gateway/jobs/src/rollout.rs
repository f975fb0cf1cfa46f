//! How fast a job rolls out: at a constant rate, or at one that grows.
//!
//! Source: "Job rollouts" of "Job configurations" of the developer guide. A rate is so many executions a minute; here each minute
//! begins with them.

use drydock_model::iot::JobExecutionsRolloutConfig;

/// From one part of a rollout to the next, in milliseconds.
pub(crate) const MINUTE: i64 = 60 * 1000;
/// Executions a minute, where a job does not say.
const MOST: i32 = 1000;

/// How many executions may be made this minute, of a job that has made so many and of whose executions so many have succeeded.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a rate is of 1 to 1000"
)]
pub(crate) fn rate(config: Option<&JobExecutionsRolloutConfig>, notified: i64, succeeded: i32) -> usize {
    let most = config.and_then(|config| config.maximum_per_minute).unwrap_or(MOST).clamp(1, MOST);
    let Some(growing) = config.and_then(|config| config.exponential_rate.as_ref()) else {
        return most as usize;
    };
    let criteria = &growing.rate_increase_criteria;
    let (passed, apart) = match (criteria.number_of_notified_things, criteria.number_of_succeeded_things) {
        (Some(apart), _) => (notified, apart),
        (None, Some(apart)) => (i64::from(succeeded), apart),
        (None, None) => (0, 1),
    };
    let times = passed / i64::from(apart.max(1));
    let grown = f64::from(growing.base_rate_per_minute) * growing.increment_factor.powf(times as f64);
    grown.min(f64::from(most)).max(1.0).floor() as usize
}

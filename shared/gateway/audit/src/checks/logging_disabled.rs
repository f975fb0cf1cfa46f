//! `LOGGING_DISABLED_CHECK`: an account without AWS IoT's logs.

use super::{Check, Found, Verdict};
use crate::resources;
use drydock_model::iot::{AuditFindingSeverity, MitigationActionType, ResourceType};

/// Nothing is logged.
pub const DISABLED: &str = "LOGGING_DISABLED";

/// The check.
pub const CHECK: Check = Check {
    name: "LOGGING_DISABLED_CHECK",
    severity: AuditFindingSeverity::Low,
    resource: ResourceType::AccountSettings,
    looks_at: "the logging options of the account",
    reasons: &[DISABLED],
    steps: &["Switch AWS IoT's logs on (SetV2LoggingOptions, or the mitigation action ENABLE_IOT_LOGGING)."],
    page: "audit-chk-logging-disabled",
    mitigation: &[MitigationActionType::EnableIotLogging],
};

/// Judges an account.
#[must_use]
pub fn judge(account: &str, is_logging: bool) -> Option<Found> {
    (!is_logging).then(|| Found {
        verdict: Verdict::new(DISABLED, "AWS IoT logs are not enabled."),
        resource: resources::account(account),
        related: Vec::new(),
    })
}

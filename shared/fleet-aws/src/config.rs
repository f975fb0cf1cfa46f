//! The SDK's configuration, built once per process.

use aws_config::{BehaviorVersion, SdkConfig};

/// Reads region, credentials and endpoints from the environment.
///
/// Credentials come from environment variables, which is how Lambda hands them over. The SDK is built without SSO, login
/// and credential processes; shared profiles with keys or roles, web identity, container and instance credentials remain.
pub async fn load() -> SdkConfig {
    aws_config::load_defaults(BehaviorVersion::latest()).await
}

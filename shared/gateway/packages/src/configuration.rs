//! "GetPackageConfiguration" and "UpdatePackageConfiguration".
//!
//! Source: the API reference of the operations; "Preparing AWS IoT Jobs" of the developer guide's part on the catalog.

use crate::book::{CONFIGURATION, ONLY, Packages, invalid, json};
use drydock_core::{ApiError, Done, Timestamp, Write};
use drydock_model::iot::{
    GetPackageConfigurationResponse, UpdatePackageConfigurationRequest, UpdatePackageConfigurationResponse,
    VersionUpdateByJobsConfig,
};
use serde::{Deserialize, Serialize};

/// The configuration of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ConfigurationRow {
    /// Whether jobs that succeed tell in the shadow `$package` what they have installed.
    pub(crate) by_jobs: bool,
    /// The role that they do it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
}

impl Packages {
    /// "GetPackageConfiguration".
    #[must_use]
    pub fn get_configuration(&self) -> GetPackageConfigurationResponse {
        let ConfigurationRow { by_jobs, role } = self.configuration.clone();
        let config = VersionUpdateByJobsConfig { enabled: Some(by_jobs), role_arn: role };
        GetPackageConfigurationResponse { version_update_by_jobs_config: Some(config) }
    }

    /// "UpdatePackageConfiguration": what is left out stays.
    ///
    /// # Errors
    /// `ValidationException` where it is enabled without a role; `ConflictException` for a client token of another request.
    pub fn update_configuration(
        &mut self,
        mut request: UpdatePackageConfigurationRequest,
        now: Timestamp,
    ) -> Result<Done<UpdatePackageConfigurationResponse>, ApiError> {
        let token = request.client_token.take();
        self.once("UpdatePackageConfiguration", token, request, now, |book, request| {
            let mut row = book.configuration.clone();
            if let Some(config) = request.version_update_by_jobs_config {
                row.by_jobs = config.enabled.unwrap_or(row.by_jobs);
                row.role = config.role_arn.or(row.role);
            }
            if row.by_jobs && row.role.is_none() {
                return Err(invalid("versionUpdateByJobsConfig that is enabled needs a roleArn"));
            }
            let write = Write::put(CONFIGURATION, ONLY, json(&row));
            book.configuration = row;
            Ok(Done::written(UpdatePackageConfigurationResponse {}, vec![write]))
        })
    }
}

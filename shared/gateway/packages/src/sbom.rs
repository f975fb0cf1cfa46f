//! Software bills of materials: "AssociateSbomWithPackageVersion", "DisassociateSbomFromPackageVersion" and
//! "ListSbomValidationResults".
//!
//! - [`validate`]: what AWS validates: a zip archive with files in the JSON of SPDX or of CycloneDX.
//!
//! Source: the API reference of the operations; "Software bill of materials" of the developer guide.

mod format;
mod validate;

use crate::book::{Packages, cut, key, place};
use crate::version::check_location;
use drydock_core::{ApiError, Done, Timestamp};
use drydock_model::iot::{
    AssociateSbomWithPackageVersionRequest, AssociateSbomWithPackageVersionResponse,
    DisassociateSbomFromPackageVersionRequest, DisassociateSbomFromPackageVersionResponse,
    ListSbomValidationResultsRequest, ListSbomValidationResultsResponse, Sbom, SbomValidationResult,
    SbomValidationResultSummary, SbomValidationStatus,
};
use drydock_model::row as wire;
use serde::{Deserialize, Serialize};

pub use validate::{LARGEST_ARCHIVE, too_large, validate};

/// The bill of materials of a version, and what its validation has come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SbomRow {
    #[serde(with = "wire")]
    pub(crate) sbom: Sbom,
    #[serde(with = "wire")]
    pub(crate) results: Vec<SbomValidationResultSummary>,
}

impl SbomRow {
    /// A bill of materials is as good as the worst of its files.
    pub(crate) fn status(&self) -> SbomValidationStatus {
        if self.results.iter().all(|result| result.validation_result == Some(SbomValidationResult::Succeeded)) {
            SbomValidationStatus::Succeeded
        } else {
            SbomValidationStatus::Failed
        }
    }
}

impl Packages {
    /// "AssociateSbomWithPackageVersion", with what [`validate`] has found, or why the archive cannot be read. In the place of
    /// the one before. The answer says that the validation goes on, as AWS's does.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for a version that is not there; `ValidationException` for a location that names no object;
    /// `ConflictException` for a client token of another request; what is the matter with the archive.
    pub fn associate_sbom(
        &mut self,
        mut request: AssociateSbomWithPackageVersionRequest,
        found: Result<Vec<SbomValidationResultSummary>, ApiError>,
        now: Timestamp,
    ) -> Result<Done<AssociateSbomWithPackageVersionResponse>, ApiError> {
        let token = request.client_token.take();
        self.once("AssociateSbomWithPackageVersion", token, request, now, |book, request| {
            let AssociateSbomWithPackageVersionRequest { package_name: package, sbom, version_name: version, .. } =
                request;
            let mut row = book.version(&package, &version)?.clone();
            check_location("sbom", sbom.s3_location.as_ref())?;
            row.sbom = Some(SbomRow { sbom: sbom.clone(), results: found? });
            row.updated = now;
            let write = book.put_version(key(&package, &version), row);
            let reply = AssociateSbomWithPackageVersionResponse {
                package_name: Some(package),
                sbom: Some(sbom),
                sbom_validation_status: Some(SbomValidationStatus::InProgress),
                version_name: Some(version),
            };
            Ok(Done::written(reply, vec![write]))
        })
    }

    /// "DisassociateSbomFromPackageVersion".
    ///
    /// # Errors
    /// `ResourceNotFoundException` for a version that is not there or has none; `ConflictException` for a client token of another
    /// request.
    pub fn disassociate_sbom(
        &mut self,
        mut request: DisassociateSbomFromPackageVersionRequest,
        now: Timestamp,
    ) -> Result<Done<DisassociateSbomFromPackageVersionResponse>, ApiError> {
        let token = request.client_token.take();
        self.once("DisassociateSbomFromPackageVersion", token, request, now, |book, request| {
            let (package, version) = (&request.package_name, &request.version_name);
            let mut row = book.version(package, version)?.clone();
            if row.sbom.take().is_none() {
                return Err(ApiError::not_found(format!(
                    "the version `{version}` of the package `{package}` has no software bill of materials"
                )));
            }
            row.updated = now;
            let write = book.put_version(key(package, version), row);
            Ok(Done::written(DisassociateSbomFromPackageVersionResponse {}, vec![write]))
        })
    }

    /// "ListSbomValidationResults": a result for each file of the archive, in its order.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `ValidationException` where the token is not one of this operation.
    pub fn list_sbom_results(
        &self,
        request: &ListSbomValidationResultsRequest,
    ) -> Result<ListSbomValidationResultsResponse, ApiError> {
        let row = self.version(&request.package_name, &request.version_name)?;
        let after = place("ListSbomValidationResults", request.next_token.as_deref())?;
        let results = row.sbom.iter().flat_map(|sbom| &sbom.results).enumerate();
        let entries = results.map(|(at, result)| (format!("{at:06}"), result)).filter(|(at, result)| {
            let is_left = after.as_ref().is_none_or(|after| at > after);
            is_left && request.validation_result.is_none_or(|wanted| result.validation_result == Some(wanted))
        });
        let entries = entries.map(|(at, result)| (at, result.clone()));
        let (summaries, next_token) = cut("ListSbomValidationResults", entries, request.max_results);
        Ok(ListSbomValidationResultsResponse { next_token, validation_result_summaries: Some(summaries) })
    }
}

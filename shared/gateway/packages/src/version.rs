//! Package versions: "CreatePackageVersion", "GetPackageVersion", "ListPackageVersions", "UpdatePackageVersion" and
//! "DeletePackageVersion".
//!
//! Source: the API reference of the operations; "Package version lifecycle" of the developer guide.

use crate::book::{Packages, VERSIONS, VersionKey, conflict, cut, invalid, key, over_quota, place, row_key};
use crate::sbom::SbomRow;
use drydock_core::{ApiError, Done, Scope, Timestamp, Write};
use drydock_model::iot::{
    CreatePackageVersionRequest, CreatePackageVersionResponse, DeletePackageVersionRequest,
    DeletePackageVersionResponse, GetPackageVersionRequest, GetPackageVersionResponse, ListPackageVersionsRequest,
    ListPackageVersionsResponse, PackageVersionAction, PackageVersionArtifact, PackageVersionStatus as Status,
    PackageVersionSummary, S3Location, UpdatePackageVersionRequest, UpdatePackageVersionResponse,
};
use drydock_model::row as wire;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The most versions of an account in a region.
const MOST: usize = 10_000;
/// The most bytes of a version's attributes together, keys and values.
const LARGEST_ATTRIBUTES: usize = 3 * 1024;

/// A version of a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attributes: Option<BTreeMap<String, String>>,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) artifact: Option<PackageVersionArtifact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recipe: Option<String>,
    #[serde(with = "wire")]
    pub(crate) status: Status,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sbom: Option<SbomRow>,
}

/// The ARN of a version.
pub(crate) fn arn(scope: &Scope, package: &str, version: &str) -> String {
    scope.arn("iot", &format!("package/{package}/version/{version}")).into()
}

/// Looks whether a location names an object.
pub(crate) fn check_location(what: &str, location: Option<&S3Location>) -> Result<(), ApiError> {
    match location {
        Some(S3Location { bucket: Some(_), key: Some(_), .. }) => Ok(()),
        _ => Err(invalid(format!("{what} needs an s3Location with a bucket and a key"))),
    }
}

fn check_attributes(attributes: Option<&BTreeMap<String, String>>) -> Result<(), ApiError> {
    let size: usize = attributes.into_iter().flatten().map(|(key, value)| key.len() + value.len()).sum();
    if size > LARGEST_ATTRIBUTES {
        return Err(invalid(format!(
            "the attributes of a package version have at most {LARGEST_ATTRIBUTES} bytes together, not {size}"
        )));
    }
    Ok(())
}

fn check_artifact(artifact: Option<&PackageVersionArtifact>) -> Result<(), ApiError> {
    artifact.map_or(Ok(()), |artifact| check_location("artifact", artifact.s3_location.as_ref()))
}

impl Packages {
    /// The versions of a package, by name.
    pub(crate) fn versions_of(&self, package: &str) -> impl Iterator<Item = (&VersionKey, &VersionRow)> {
        self.versions.range(key(package, "")..).take_while(move |((of, _), _)| of == package)
    }

    /// "CreatePackageVersion": a draft.
    ///
    /// # Errors
    /// `ConflictException` for a name that is taken, and for a client token of another request; `ServiceQuotaExceededException`
    /// beyond 10,000 versions; `ValidationException` for attributes of more than 3 KB, for an artifact that names no object, and
    /// for a package that is not there: AWS has no other error for it.
    pub fn create_version(
        &mut self,
        mut request: CreatePackageVersionRequest,
        now: Timestamp,
    ) -> Result<Done<CreatePackageVersionResponse>, ApiError> {
        let token = request.client_token.take();
        self.once("CreatePackageVersion", token, request, now, |book, request| {
            let CreatePackageVersionRequest { package_name: package, version_name: version, .. } = &request;
            book.package(package).map_err(|error| invalid(error.message))?;
            let key = key(package, version);
            if book.versions.contains_key(&key) {
                return Err(conflict(format!("the package `{package}` has a version `{version}` already")));
            }
            if book.versions.len() >= MOST {
                return Err(over_quota(format!("an account has at most {MOST} package versions in a region")));
            }
            check_attributes(request.attributes.as_ref())?;
            check_artifact(request.artifact.as_ref())?;
            let reply = CreatePackageVersionResponse {
                attributes: request.attributes.clone(),
                description: request.description.clone(),
                error_reason: None,
                package_name: Some(package.clone()),
                package_version_arn: Some(arn(&book.scope, package, version)),
                status: Some(Status::Draft),
                version_name: Some(version.clone()),
            };
            let row = VersionRow {
                description: request.description,
                attributes: request.attributes,
                artifact: request.artifact,
                recipe: request.recipe,
                status: Status::Draft,
                created: now,
                updated: now,
                sbom: None,
            };
            let write = book.put_version(key, row);
            Ok(Done::written(reply, vec![write]))
        })
    }

    /// "GetPackageVersion".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn get_version(&self, request: &GetPackageVersionRequest) -> Result<GetPackageVersionResponse, ApiError> {
        let GetPackageVersionRequest { package_name: package, version_name: version } = request;
        let row = self.version(package, version)?.clone();
        Ok(GetPackageVersionResponse {
            artifact: row.artifact,
            attributes: row.attributes,
            creation_date: Some(row.created),
            description: row.description,
            error_reason: None,
            last_modified_date: Some(row.updated),
            package_name: Some(package.clone()),
            package_version_arn: Some(arn(&self.scope, package, version)),
            recipe: row.recipe,
            sbom_validation_status: row.sbom.as_ref().map(SbomRow::status),
            sbom: row.sbom.map(|sbom| sbom.sbom),
            status: Some(row.status),
            version_name: Some(version.clone()),
        })
    }

    /// "ListPackageVersions": by name; none for a package that is not there, as AWS has no error for it.
    ///
    /// # Errors
    /// `ValidationException` where the token is not one of this operation.
    pub fn list_versions(&self, request: &ListPackageVersionsRequest) -> Result<ListPackageVersionsResponse, ApiError> {
        let after = place("ListPackageVersions", request.next_token.as_deref())?;
        let left = self.versions_of(&request.package_name).filter(|((_, name), row)| {
            let is_left = after.as_ref().is_none_or(|after| name.as_str() > after.as_str());
            is_left && request.status.is_none_or(|status| row.status == status)
        });
        let entries = left.map(|((package, name), row)| {
            let summary = PackageVersionSummary {
                creation_date: Some(row.created),
                last_modified_date: Some(row.updated),
                package_name: Some(package.to_string()),
                status: Some(row.status),
                version_name: Some(name.to_string()),
            };
            (name.to_string(), summary)
        });
        let (summaries, next_token) = cut("ListPackageVersions", entries, request.max_results);
        Ok(ListPackageVersionsResponse { next_token, package_version_summaries: Some(summaries) })
    }

    /// "UpdatePackageVersion". Attributes and artifact are those of a draft; with an action that publishes it they are the last.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `ConflictException` for attributes or an artifact of a version that is not a draft, for a
    /// draft that is deprecated, and for a client token of another request; `ValidationException` as for "CreatePackageVersion".
    pub fn update_version(
        &mut self,
        mut request: UpdatePackageVersionRequest,
        now: Timestamp,
    ) -> Result<Done<UpdatePackageVersionResponse>, ApiError> {
        let token = request.client_token.take();
        self.once("UpdatePackageVersion", token, request, now, |book, request| {
            let UpdatePackageVersionRequest { package_name: package, version_name: version, .. } = &request;
            let mut row = book.version(package, version)?.clone();
            let is = |what: &str| conflict(format!("the version `{version}` of the package `{package}` is {what}"));
            if row.status != Status::Draft && (request.attributes.is_some() || request.artifact.is_some()) {
                return Err(is(&format!("{}: attributes and artifact are those of a DRAFT", row.status)));
            }
            check_attributes(request.attributes.as_ref())?;
            check_artifact(request.artifact.as_ref())?;
            row.status = match (request.action, row.status) {
                (None, status) => status,
                (Some(PackageVersionAction::Publish), _) => Status::Published,
                (Some(PackageVersionAction::Deprecate), Status::Draft) => {
                    return Err(is("DRAFT: publish it before it is deprecated"));
                }
                (Some(PackageVersionAction::Deprecate), _) => Status::Deprecated,
            };
            let key: (SmolStr, SmolStr) = key(package, version);
            row.description = request.description.or(row.description);
            row.attributes = request.attributes.or(row.attributes);
            row.artifact = request.artifact.or(row.artifact);
            row.recipe = request.recipe.or(row.recipe);
            row.updated = now;
            let write = book.put_version(key, row);
            Ok(Done::written(UpdatePackageVersionResponse {}, vec![write]))
        })
    }

    /// "DeletePackageVersion". One that is not there is deleted: AWS has no error for it.
    ///
    /// # Errors
    /// `ValidationException` for the default version of its package: AWS has no other error for it.
    pub fn delete_version(
        &mut self,
        mut request: DeletePackageVersionRequest,
        now: Timestamp,
    ) -> Result<Done<DeletePackageVersionResponse>, ApiError> {
        let token = request.client_token.take();
        self.once_without_conflict("DeletePackageVersion", token, request, now, |book, request| {
            let DeletePackageVersionRequest { package_name: package, version_name: version, .. } = &request;
            let default = book.packages.get(package.as_str()).and_then(|row| row.default.as_deref());
            if default == Some(version.as_str()) {
                return Err(invalid(format!(
                    "`{version}` is the default version of the package `{package}`: unset that before it is deleted"
                )));
            }
            let key = key(package, version);
            let there = book.versions.remove(&key);
            let writes = there.map(|_| Write::delete(VERSIONS, row_key(&key))).into_iter().collect();
            Ok(Done::written(DeletePackageVersionResponse {}, writes))
        })
    }
}

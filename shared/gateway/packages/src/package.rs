//! Packages: "CreatePackage", "GetPackage", "ListPackages", "UpdatePackage" and "DeletePackage".
//!
//! Source: the API reference of the operations; "Preparing to use Software Package Catalog" of the developer guide.

use crate::book::{PACKAGES, Packages, conflict, cut, invalid, over_quota, place};
use drydock_core::{ApiError, Done, Scope, Timestamp, Write};
use drydock_model::iot::{
    CreatePackageRequest, CreatePackageResponse, DeletePackageRequest, DeletePackageResponse, GetPackageRequest,
    GetPackageResponse, ListPackagesRequest, ListPackagesResponse, PackageSummary, PackageVersionStatus,
    UpdatePackageRequest, UpdatePackageResponse,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::ops::Bound;

/// The most packages of an account in a region.
const MOST: usize = 100;

/// A package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PackageRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// The name of its default version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<SmolStr>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// The ARN of a package.
pub(crate) fn arn(scope: &Scope, name: &str) -> String {
    scope.arn("iot", &format!("package/{name}")).into()
}

impl Packages {
    /// "CreatePackage".
    ///
    /// # Errors
    /// `ConflictException` for a name that is taken, and for a client token of another request; `ServiceQuotaExceededException`
    /// beyond 100 packages.
    pub fn create_package(
        &mut self,
        mut request: CreatePackageRequest,
        now: Timestamp,
    ) -> Result<Done<CreatePackageResponse>, ApiError> {
        let token = request.client_token.take();
        self.once("CreatePackage", token, request, now, |book, request| {
            let name = SmolStr::new(&request.package_name);
            if book.has_package(&name) {
                return Err(conflict(format!("there is a package `{name}` already")));
            }
            if book.packages.len() >= MOST {
                return Err(over_quota(format!("an account has at most {MOST} packages in a region")));
            }
            let reply = CreatePackageResponse {
                description: request.description.clone(),
                package_arn: Some(arn(&book.scope, &name)),
                package_name: Some(request.package_name),
            };
            let row = PackageRow { description: request.description, default: None, created: now, updated: now };
            let write = book.put_package(name, row);
            Ok(Done::written(reply, vec![write]))
        })
    }

    /// "GetPackage".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn get_package(&self, request: &GetPackageRequest) -> Result<GetPackageResponse, ApiError> {
        let row = self.package(&request.package_name)?.clone();
        Ok(GetPackageResponse {
            creation_date: Some(row.created),
            default_version_name: row.default.map(Into::into),
            description: row.description,
            last_modified_date: Some(row.updated),
            package_arn: Some(arn(&self.scope, &request.package_name)),
            package_name: Some(request.package_name.clone()),
        })
    }

    /// "ListPackages": by name.
    ///
    /// # Errors
    /// `ValidationException` where the token is not one of this operation.
    pub fn list_packages(&self, request: &ListPackagesRequest) -> Result<ListPackagesResponse, ApiError> {
        let after = place("ListPackages", request.next_token.as_deref())?;
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(SmolStr::from(after)));
        let entries = self.packages.range((from, Bound::Unbounded)).map(|(name, row)| {
            let summary = PackageSummary {
                creation_date: Some(row.created),
                default_version_name: row.default.as_ref().map(ToString::to_string),
                last_modified_date: Some(row.updated),
                package_name: Some(name.to_string()),
            };
            (name.to_string(), summary)
        });
        let (summaries, next_token) = cut("ListPackages", entries, request.max_results);
        Ok(ListPackagesResponse { next_token, package_summaries: Some(summaries) })
    }

    /// "UpdatePackage".
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the package and for the default version; `ConflictException` for a default version that
    /// is a draft, and for a client token of another request; `ValidationException` where a default version is given and unset.
    pub fn update_package(
        &mut self,
        mut request: UpdatePackageRequest,
        now: Timestamp,
    ) -> Result<Done<UpdatePackageResponse>, ApiError> {
        let token = request.client_token.take();
        self.once("UpdatePackage", token, request, now, |book, request| {
            let name = SmolStr::new(&request.package_name);
            let mut row = book.package(&name)?.clone();
            let unset = request.unset_default_version == Some(true);
            if unset && request.default_version_name.is_some() {
                return Err(invalid("either defaultVersionName or unsetDefaultVersion may be given"));
            }
            if let Some(version) = request.default_version_name {
                if book.version(&name, &version)?.status == PackageVersionStatus::Draft {
                    return Err(conflict(format!(
                        "the version `{version}` of the package `{name}` is DRAFT: publish it before it is the default one"
                    )));
                }
                row.default = Some(version.into());
            } else if unset {
                row.default = None;
            }
            row.description = request.description.or(row.description);
            row.updated = now;
            let write = book.put_package(name, row);
            Ok(Done::written(UpdatePackageResponse {}, vec![write]))
        })
    }

    /// "DeletePackage". One that is not there is deleted: AWS has no error for it.
    ///
    /// # Errors
    /// `ValidationException` for a package that has versions: AWS has no other error for it.
    pub fn delete_package(
        &mut self,
        mut request: DeletePackageRequest,
        now: Timestamp,
    ) -> Result<Done<DeletePackageResponse>, ApiError> {
        let token = request.client_token.take();
        self.once_without_conflict("DeletePackage", token, request, now, |book, request| {
            let name = request.package_name.as_str();
            if book.versions_of(name).next().is_some() {
                return Err(invalid(format!("the package `{name}` has versions: delete them before it")));
            }
            let there = book.packages.remove(name);
            let writes = there.map(|_| Write::delete(PACKAGES, name)).into_iter().collect();
            Ok(Done::written(DeletePackageResponse {}, writes))
        })
    }
}

//! The software package catalog, as jobs ask for it.

use drydock_jobs::document::Location;
use drydock_jobs::{Catalog, PackageVersion};
use drydock_model::iot::{GetPackageRequest, GetPackageVersionRequest, PackageVersionStatus};
use drydock_packages::Packages;

/// The packages of a catalog.
pub(super) struct Shelf<'p>(pub(super) &'p Packages);

impl Catalog for Shelf<'_> {
    fn version(&self, package: &str, version: Option<&str>) -> Option<PackageVersion> {
        let package_name = package.to_owned();
        let version_name = match version {
            Some(version) => version.to_owned(),
            None => {
                self.0
                    .get_package(&GetPackageRequest { package_name: package_name.clone() })
                    .ok()?
                    .default_version_name?
            }
        };
        let name = version_name.as_str().into();
        let found = self.0.get_version(&GetPackageVersionRequest { package_name, version_name }).ok()?;
        let artifact = found.artifact.and_then(|artifact| artifact.s3_location).and_then(|location| {
            Some(Location { bucket: location.bucket?, key: location.key?, version: location.version })
        });
        let is_draft = found.status == Some(PackageVersionStatus::Draft);
        Some(PackageVersion { name, is_draft, attributes: found.attributes.unwrap_or_default(), artifact })
    }
}

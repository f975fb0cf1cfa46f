//! The operations on packages, their versions and the configuration.

use crate::call::{Call, operations};
use drydock_core::{ApiError, ErrorCode};
use drydock_host::Host;
use drydock_host::roles::Unassumable;
use drydock_host::tags;
use drydock_identity::trust::Assumer;
use drydock_model::Router;
use drydock_model::iot::ops;
use drydock_registry::tags::NewTags;
use std::collections::BTreeMap;

/// The service that tells what jobs have installed.
const IOT: &str = "iot.amazonaws.com";

/// Registers operations that ask the catalog something.
macro_rules! asks {
    ($router:ident: $($op:ident => $ask:ident;)*) => {
        $($router.on::<ops::$op>(|call: Call, input| async move {
            call.books().packages.read(|book| book.$ask(&input))
        });)*
    };
}

pub(super) fn register(router: &mut Router<Call>) {
    asks!(router:
        GetPackage => get_package;
        ListPackages => list_packages;
        GetPackageVersion => get_version;
        ListPackageVersions => list_versions;
    );
    operations!(router, packages:
        UpdatePackage => |book, input, books| book.update_package(input, books.now());
        UpdatePackageVersion => |book, input, books| book.update_version(input, books.now());
    );
    router.on::<ops::GetPackageConfiguration>(|call: Call, _| async move {
        Ok(call.books().packages.read(drydock_packages::Packages::get_configuration))
    });
    router.on::<ops::UpdatePackageConfiguration>(|call: Call, input| async move {
        let config = input.version_update_by_jobs_config.as_ref();
        check_role(call.host(), config.and_then(|config| config.role_arn.as_deref()))?;
        let books = call.books();
        books.apply(&books.packages, |book| book.update_configuration(input, books.now())).await
    });
    create(router);
    delete(router);
}

/// A request that comes again gives no tags again: those that were changed since then stay.
fn create(router: &mut Router<Call>) {
    router.on::<ops::CreatePackage>(|call: Call, input| async move {
        let books = call.books();
        let tags = new_tags(input.tags.as_ref())?;
        let change = books.change((&books.packages, &books.tags), |(packages, kept)| {
            let name = input.package_name.clone();
            let was_there = packages.has_package(&name);
            let reply = packages.apply(|book| book.create_package(input, books.now()))?;
            let is_new = !was_there && packages.has_package(&name);
            tags::keep(kept, reply.package_arn.as_deref().filter(|_| is_new), tags)?;
            Ok(reply)
        });
        change.await
    });
    router.on::<ops::CreatePackageVersion>(|call: Call, input| async move {
        let books = call.books();
        let tags = new_tags(input.tags.as_ref())?;
        let change = books.change((&books.packages, &books.tags), |(packages, kept)| {
            let (package, version) = (input.package_name.clone(), input.version_name.clone());
            let was_there = packages.has_version(&package, &version);
            let reply = packages.apply(|book| book.create_version(input, books.now()))?;
            let is_new = !was_there && packages.has_version(&package, &version);
            tags::keep(kept, reply.package_version_arn.as_deref().filter(|_| is_new), tags)?;
            Ok(reply)
        });
        change.await
    });
}

/// A request that comes again deletes nothing again, and so no tags.
fn delete(router: &mut Router<Call>) {
    router.on::<ops::DeletePackage>(|call: Call, input| async move {
        let books = call.books();
        let change = books.change((&books.packages, &books.tags), |(packages, kept)| {
            let name = input.package_name.clone();
            let reply = packages.apply(|book| book.delete_package(input, books.now()))?;
            if !packages.has_package(&name) {
                tags::forget(kept, &books.scope, &format!("package/{name}"));
            }
            Ok(reply)
        });
        change.await
    });
    router.on::<ops::DeletePackageVersion>(|call: Call, input| async move {
        let books = call.books();
        let change = books.change((&books.packages, &books.tags), |(packages, kept)| {
            let (package, version) = (input.package_name.clone(), input.version_name.clone());
            let reply = packages.apply(|book| book.delete_version(input, books.now()))?;
            if !packages.has_version(&package, &version) {
                tags::forget(kept, &books.scope, &format!("package/{package}/version/{version}"));
            }
            Ok(reply)
        });
        change.await
    });
}

fn invalid(error: ApiError) -> ApiError {
    ApiError::new(ErrorCode::ValidationException, error.message)
}

fn new_tags(tags: Option<&BTreeMap<String, String>>) -> Result<NewTags, ApiError> {
    NewTags::new(tags.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone()))).map_err(invalid)
}

/// Looks whether the role can be assumed that jobs tell with what they have installed.
fn check_role(host: &Host, role: Option<&str>) -> Result<(), ApiError> {
    let Some(role) = role else { return Ok(()) };
    let scope = &host.books.scope;
    let source = scope.arn("iot", "*");
    let who = Assumer { service: IOT, source_account: &scope.account, source_arn: source.as_str() };
    match host.assume(role, who, 0) {
        Err(Unassumable::Untrusting(why)) => {
            Err(invalid(ApiError::invalid(format!("the role `{role}` cannot be assumed: {}", why.join("; ")))))
        }
        Ok(()) | Err(Unassumable::TooLong(_)) => Ok(()),
    }
}

//! Policies, their versions and their attachments.

use crate::call::{Call, operations, tagged, untagged};
use drydock_core::{ApiError, CertificateId, Done, Scope, ThingGroupName};
use drydock_identity::Identity;
use drydock_model::Router;
use drydock_model::iot::ops;
use drydock_policy::book::{Kind, Target};
use drydock_registry::Registry;

pub(super) fn register(router: &mut Router<Call>) {
    operations!(router, policies:
        GetPolicy => |book, input, books| book.get_policy(&input).map(Done::reply);
        ListPolicies => |book, input, books| book.list_policies(&input).map(Done::reply);
        CreatePolicyVersion => |book, input, books| book.create_policy_version(input, books.now());
        GetPolicyVersion => |book, input, books| book.get_policy_version(&input).map(Done::reply);
        ListPolicyVersions => |book, input, books| book.list_policy_versions(&input).map(Done::reply);
        SetDefaultPolicyVersion => |book, input, books| book.set_default_policy_version(&input, books.now());
        DeletePolicyVersion => |book, input, books| book.delete_policy_version(&input);
        DetachPrincipalPolicy => |book, input, books| book.detach_principal_policy(&input);
        ListTargetsForPolicy => |book, input, books| book.list_targets_for_policy(&input).map(Done::reply);
        ListPrincipalPolicies => |book, input, books| book.list_principal_policies(&input).map(Done::reply);
        ListPolicyPrincipals => |book, input, books| book.list_policy_principals(&input).map(Done::reply);
    );
    tagged!(router, policies:
        CreatePolicy[policy_arn] => |book, input, books| book.create_policy(input, books.now(), books.ids.as_ref());
    );
    untagged!(router, policies:
        DeletePolicy["policy/" policy_name] => |book, input, books| book.delete_policy(&input);
    );
    router.on::<ops::AttachPolicy>(|call: Call, input| async move {
        let books = call.books();
        let touched = (&books.identity, &books.registry, &books.policies);
        books
            .change(touched, |(identity, registry, policies)| {
                policies.apply(|book| {
                    book.attach_policy(&input, |target| attachable(&books.scope, identity, registry, target))
                })
            })
            .await
    });
    router.on::<ops::DetachPolicy>(|call: Call, input| async move {
        let books = call.books();
        let touched = (&books.identity, &books.registry, &books.policies);
        books
            .change(touched, |(identity, registry, policies)| {
                policies
                    .apply(|book| book.detach_policy(&input, |target| check(&books.scope, identity, registry, target)))
            })
            .await
    });
    router.on::<ops::AttachPrincipalPolicy>(|call: Call, input| async move {
        let books = call.books();
        let touched = (&books.identity, &books.registry, &books.policies);
        books
            .change(touched, |(identity, registry, policies)| {
                policies.apply(|book| {
                    book.attach_principal_policy(&input, |target| check(&books.scope, identity, registry, target))
                })
            })
            .await
    });
    router.on::<ops::ListAttachedPolicies>(|call: Call, input| async move {
        let books = call.books();
        books
            .change((&books.registry, &books.policies), |(registry, policies)| {
                policies.list_attached_policies(&input, |target| above(&books.scope, registry, target))
            })
            .await
    });
}

/// Whether a policy can be attached to a target.
pub(crate) fn check(scope: &Scope, identity: &Identity, registry: &Registry, target: &Target) -> Result<(), ApiError> {
    match target.kind() {
        Kind::Certificate => {
            let known = CertificateId::new(target.name()).is_ok_and(|id| identity.certificate(id.as_str()).is_some());
            if known { Ok(()) } else { Err(target.not_found()) }
        }
        Kind::ThingGroup => {
            if own_group(scope, registry, target).is_some() {
                Ok(())
            } else {
                Err(target.not_found())
            }
        }
        Kind::CognitoIdentity => Ok(()),
    }
}

/// Whether policies can be attached to a target: dynamic thing groups have none.
fn attachable(scope: &Scope, identity: &Identity, registry: &Registry, target: &Target) -> Result<(), ApiError> {
    check(scope, identity, registry, target)?;
    match own_group(scope, registry, target).filter(|name| registry.is_dynamic(name.as_str())) {
        Some(name) => Err(ApiError::invalid(format!("the thing group `{name}` is dynamic, and cannot have policies"))),
        None => Ok(()),
    }
}

/// The name of the group that a target is, where it is one of the account's.
fn own_group(scope: &Scope, registry: &Registry, target: &Target) -> Option<ThingGroupName> {
    let name = ThingGroupName::new(target.name()).ok()?;
    let own = target.kind() == Kind::ThingGroup && scope.thing_group(&name).as_str() == target.as_str();
    (own && registry.has_thing_group(name.as_str())).then_some(name)
}

/// The targets that a target inherits policies from: for a group those above it.
fn above(scope: &Scope, registry: &Registry, target: &Target) -> Vec<String> {
    let Some(name) = own_group(scope, registry, target) else { return Vec::new() };
    registry.groups_above(name.as_str()).into_iter().map(String::from).collect()
}

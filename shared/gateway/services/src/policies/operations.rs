//! Policies, their versions and their attachments.

use crate::call::{Call, operations, tagged, untagged};
use drydock_core::{ApiError, CertificateId, Done, ThingGroupName};
use drydock_host::books::Books;
use drydock_model::Router;
use drydock_model::iot::ops;
use drydock_policy::book::{Kind, Target};

pub(super) fn register(router: &mut Router<Call>) {
    operations!(router, policies:
        GetPolicy => |book, input, books| book.get_policy(&input).map(Done::reply);
        ListPolicies => |book, input, books| book.list_policies(&input).map(Done::reply);
        CreatePolicyVersion => |book, input, books| book.create_policy_version(input, books.now());
        GetPolicyVersion => |book, input, books| book.get_policy_version(&input).map(Done::reply);
        ListPolicyVersions => |book, input, books| book.list_policy_versions(&input).map(Done::reply);
        SetDefaultPolicyVersion => |book, input, books| book.set_default_policy_version(&input, books.now());
        DeletePolicyVersion => |book, input, books| book.delete_policy_version(&input);
        AttachPolicy => |book, input, books| book.attach_policy(&input, |target| check(books, target));
        AttachPrincipalPolicy => |book, input, books| book.attach_principal_policy(&input, |target| check(books, target));
        DetachPolicy => |book, input, books| book.detach_policy(&input);
        DetachPrincipalPolicy => |book, input, books| book.detach_principal_policy(&input);
        ListAttachedPolicies => |book, input, books| book.list_attached_policies(&input, |target| above(books, target)).map(Done::reply);
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
}

/// Whether a policy can be attached to a target.
pub(crate) fn check(books: &Books, target: &Target) -> Result<(), ApiError> {
    match target.kind() {
        Kind::Certificate => {
            let known = CertificateId::new(target.name())
                .is_ok_and(|id| books.identity.read(|identity| identity.certificate(id.as_str()).is_some()));
            if known { Ok(()) } else { Err(target.not_found()) }
        }
        Kind::ThingGroup => {
            if own_group(books, target).is_some() {
                Ok(())
            } else {
                Err(target.not_found())
            }
        }
        Kind::CognitoIdentity => Ok(()),
    }
}

/// The name of the group that a target is, where it is one of the account's.
fn own_group(books: &Books, target: &Target) -> Option<ThingGroupName> {
    let name = ThingGroupName::new(target.name()).ok()?;
    let own = target.kind() == Kind::ThingGroup && books.scope.thing_group(&name).as_str() == target.as_str();
    (own && books.registry.read(|registry| registry.has_thing_group(name.as_str()))).then_some(name)
}

/// The targets that a target inherits policies from: for a group those above it.
fn above(books: &Books, target: &Target) -> Vec<String> {
    let Some(name) = own_group(books, target) else { return Vec::new() };
    books.registry.read(|registry| registry.groups_above(name.as_str())).into_iter().map(String::from).collect()
}

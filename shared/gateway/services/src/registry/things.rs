//! Things, thing types, and the principals attached to things.

use crate::call::{Call, operations, tagged, untagged};
use drydock_core::Arn;
use drydock_identity::Identity;
use drydock_model::Router;
use drydock_model::iot::ops;

pub(super) fn register(router: &mut Router<Call>) {
    operations!(router, registry:
        CreateThing => |book, input, books| book.create_thing(&input, books.now(), books.ids.as_ref());
        UpdateThing => |book, input, books| book.update_thing(&input, books.now());
        DescribeThing => |book, input, books| book.describe_thing(&input);
        DeleteThing => |book, input, books| book.delete_thing(&input, books.now());
        ListThings => |book, input, books| book.list_things(&input);
        UpdateThingType => |book, input, books| book.update_thing_type(&input, books.now());
        DescribeThingType => |book, input, books| book.describe_thing_type(&input);
        DeprecateThingType => |book, input, books| book.deprecate_thing_type(&input, books.now());
        ListThingTypes => |book, input, books| book.list_thing_types(&input);
        DetachThingPrincipal => |book, input, books| book.detach_thing_principal(&input);
        ListThingPrincipals => |book, input, books| book.list_thing_principals(&input);
        ListThingPrincipalsV2 => |book, input, books| book.list_thing_principals_v2(&input);
        ListPrincipalThings => |book, input, books| book.list_principal_things(&input);
        ListPrincipalThingsV2 => |book, input, books| book.list_principal_things_v2(&input);
    );
    router.on::<ops::AttachThingPrincipal>(|call: Call, input| async move {
        let books = call.books();
        books
            .change((&books.identity, &books.registry), |(identity, registry)| {
                registry.apply(|book| book.attach_thing_principal(&input, exists(identity, &input.principal)))
            })
            .await
    });
    tagged!(router, registry:
        CreateThingType[thing_type_arn] => |book, input, books| book.create_thing_type(&input, books.now(), books.ids.as_ref());
    );
    untagged!(router, registry:
        DeleteThingType["thingtype/" thing_type_name] => |book, input, books| book.delete_thing_type(&input, books.now());
    );
}

/// Whether a principal exists: a certificate has to be registered, Cognito identities are taken at their word.
fn exists(identity: &Identity, principal: &str) -> bool {
    let Some(arn) = Arn::parse(principal) else { return true };
    let Some(id) = arn.resource().strip_prefix("cert/") else { return false };
    identity.certificate(id).is_some()
}

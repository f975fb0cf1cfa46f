//! Static thing groups and the things in them.

use crate::call::{Call, operations, tagged};
use drydock_core::ThingGroupName;
use drydock_host::tags;
use drydock_model::Router;
use drydock_model::iot::ops;

pub(super) fn register(router: &mut Router<Call>) {
    operations!(router, registry:
        DescribeThingGroup => |book, input, books| book.describe_thing_group(&input);
        UpdateThingGroup => |book, input, books| book.update_thing_group(&input, books.now());
        ListThingGroups => |book, input, books| book.list_thing_groups(&input);
        AddThingToThingGroup => |book, input, books| book.add_thing_to_thing_group(&input, books.now(), books.ids.as_ref());
        RemoveThingFromThingGroup => |book, input, books| book.remove_thing_from_thing_group(&input, books.now(), books.ids.as_ref());
        UpdateThingGroupsForThing => |book, input, books| book.update_thing_groups_for_thing(&input, books.now(), books.ids.as_ref());
        ListThingsInThingGroup => |book, input, books| book.list_things_in_thing_group(&input);
        ListThingGroupsForThing => |book, input, books| book.list_thing_groups_for_thing(&input);
    );
    tagged!(router, registry:
        CreateThingGroup[thing_group_arn] => |book, input, books| book.create_thing_group(&input, books.now(), books.ids.as_ref());
    );
    router.on::<ops::DeleteThingGroup>(|call: Call, input| async move {
        let books = call.books();
        books
            .change((&books.registry, &books.policies, &books.tags), |(registry, policies, kept)| {
                let reply = registry.apply(|book| book.delete_thing_group(&input, books.now()))?;
                // A group of the same name that is made later must not find policies of this one.
                if let Ok(name) = ThingGroupName::new(&input.thing_group_name) {
                    let target = books.scope.thing_group(&name);
                    policies.run(|book| book.detach_all(target.as_str()));
                }
                tags::forget(kept, &books.scope, &format!("thinggroup/{}", input.thing_group_name));
                Ok(reply)
            })
            .await
    });
}

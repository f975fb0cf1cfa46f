//! Billing groups and the things in them.

use crate::call::{Call, operations, tagged, untagged};
use drydock_model::Router;
use drydock_model::iot::ops;

pub(super) fn register(router: &mut Router<Call>) {
    tagged!(router, registry:
        CreateBillingGroup[billing_group_arn] => |book, input, books|
            book.create_billing_group(&input, books.now(), books.ids.as_ref());
    );
    untagged!(router, registry:
        DeleteBillingGroup["billinggroup/" billing_group_name] => |book, input, books| book.delete_billing_group(&input);
    );
    operations!(router, registry:
        DescribeBillingGroup => |book, input, books| book.describe_billing_group(&input);
        UpdateBillingGroup => |book, input, books| book.update_billing_group(&input);
        ListBillingGroups => |book, input, books| book.list_billing_groups(&input);
        AddThingToBillingGroup => |book, input, books| book.add_thing_to_billing_group(&input);
        RemoveThingFromBillingGroup => |book, input, books| book.remove_thing_from_billing_group(&input);
        ListThingsInBillingGroup => |book, input, books| book.list_things_in_billing_group(&input);
    );
}

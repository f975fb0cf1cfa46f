//! Domain configurations.

use crate::call::{Call, operations};
use drydock_model::Router;
use drydock_model::iot::ops;

pub(super) fn register(router: &mut Router<Call>) {
    operations!(router, identity:
        CreateDomainConfiguration => |book, input, books| book.create_domain_configuration(&input, books.now(), books.ids.as_ref());
        DescribeDomainConfiguration => |book, input, books| book.describe_domain_configuration(&input);
        UpdateDomainConfiguration => |book, input, books| book.update_domain_configuration(&input, books.now());
        ListDomainConfigurations => |book, input, books| book.list_domain_configurations(&input);
        DeleteDomainConfiguration => |book, input, books| book.delete_domain_configuration(&input);
    );
}

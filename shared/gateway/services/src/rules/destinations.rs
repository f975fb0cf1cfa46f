//! Topic rule destinations.

use crate::call::{Call, operations};
use drydock_core::Done;
use drydock_model::Router;
use drydock_model::iot::ops;

pub(super) fn register(router: &mut Router<Call>) {
    operations!(router, rules:
        ConfirmTopicRuleDestination => |book, input, books| book.confirm_topic_rule_destination(&input, books.now());
        CreateTopicRuleDestination => |book, input, books|
            book.create_topic_rule_destination(input, books.now(), books.ids.as_ref());
        DeleteTopicRuleDestination => |book, input, books| book.delete_topic_rule_destination(&input);
        GetTopicRuleDestination => |book, input, books|
            book.get_topic_rule_destination(&input, books.now()).map(Done::reply);
        ListTopicRuleDestinations => |book, input, books|
            book.list_topic_rule_destinations(&input, books.now()).map(Done::reply);
        UpdateTopicRuleDestination => |book, input, books|
            book.update_topic_rule_destination(&input, books.now(), books.ids.as_ref());
    );
}

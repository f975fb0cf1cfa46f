//! Topic rules.

use crate::call::{Call, operations};
use drydock_core::Done;
use drydock_host::tags;
use drydock_model::Router;
use drydock_model::iot::ops;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::CreateTopicRule>(|call: Call, input| async move {
        let books = call.books();
        let tags = tags::of_header(input.tags.as_deref())?;
        let resource = format!("rule/{}", input.rule_name);
        let arn = books.scope.arn("iot", &resource);
        books.create_rule(input, |kept| tags::keep(kept, Some(arn.as_str()), tags)).await
    });
    router.on::<ops::ReplaceTopicRule>(|call: Call, input| async move { call.books().replace_rule(input).await });
    router.on::<ops::EnableTopicRule>(|call: Call, input| async move {
        call.books().change_rules(|book| book.enable_topic_rule(&input)).await
    });
    router.on::<ops::DisableTopicRule>(|call: Call, input| async move {
        call.books().change_rules(|book| book.disable_topic_rule(&input)).await
    });
    router.on::<ops::DeleteTopicRule>(|call: Call, input| async move {
        let books = call.books();
        books.delete_rule(&input, |kept| tags::forget(kept, &books.scope, &format!("rule/{}", input.rule_name))).await
    });
    operations!(router, rules:
        GetTopicRule => |book, input, books| book.get_topic_rule(&input).map(Done::reply);
        ListTopicRules => |book, input, books| book.list_topic_rules(&input).map(Done::reply);
    );
}

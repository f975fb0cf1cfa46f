//! Tags of resources of every kind.

use crate::call::Call;
use drydock_core::{ApiError, Done};
use drydock_host::tags;
use drydock_model::Router;
use drydock_model::iot::{ListTagsForResourceResponse, TagResourceResponse, UntagResourceResponse, ops};
use drydock_registry::tags::NewTags;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::TagResource>(|call: Call, input| async move {
        let tags = NewTags::read(Some(&input.tags))?;
        let arn = &input.resource_arn;
        tags::apply(call.books(), arn, |book| Ok(book.add(arn, tags)?.map(|()| TagResourceResponse {}))).await
    });
    router.on::<ops::UntagResource>(|call: Call, input| async move {
        let arn = &input.resource_arn;
        let removed = tags::apply(call.books(), arn, |book| Ok(book.remove(arn, &input.tag_keys)));
        removed.await.map(|()| UntagResourceResponse {})
    });
    router.on::<ops::ListTagsForResource>(|call: Call, input| async move {
        let arn = &input.resource_arn;
        let tags = tags::apply(call.books(), arn, |book| Ok(Done::reply(book.of(arn)))).await?;
        // Fifty tags are one page, so no token was ever given.
        if let Some(token) = &input.next_token {
            return Err(ApiError::invalid(format!("the token `{token:.80}` is not one that ListTagsForResource gave")));
        }
        Ok(ListTagsForResourceResponse { next_token: None, tags: Some(tags) })
    });
}

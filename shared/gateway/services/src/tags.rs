//! Tags of resources of every kind.

use crate::call::{Call, operations};
use drydock_core::{ApiError, Done};
use drydock_host::tags;
use drydock_model::Router;
use drydock_model::iot::{ListTagsForResourceResponse, TagResourceResponse, UntagResourceResponse, ops};
use drydock_registry::tags::NewTags;

pub(super) fn register(router: &mut Router<Call>) {
    operations!(router, tags:
        TagResource => |book, input, books| {
            tags::resource(books, &input.resource_arn)?;
            let tags = NewTags::read(Some(&input.tags))?;
            Ok(book.add(&input.resource_arn, tags)?.map(|()| TagResourceResponse {}))
        };
        UntagResource => |book, input, books| {
            tags::resource(books, &input.resource_arn)?;
            Ok(book.remove(&input.resource_arn, &input.tag_keys).map(|()| UntagResourceResponse {}))
        };
        ListTagsForResource => |book, input, books| {
            tags::resource(books, &input.resource_arn)?;
            // Fifty tags are one page, so no token was ever given.
            if let Some(token) = &input.next_token {
                return Err(ApiError::invalid(format!("the token `{token:.80}` is not one that ListTagsForResource gave")));
            }
            Ok(Done::reply(ListTagsForResourceResponse { next_token: None, tags: Some(book.of(&input.resource_arn)) }))
        };
    );
}

//! Dynamic thing groups: "CreateDynamicThingGroup", "UpdateDynamicThingGroup", "DeleteDynamicThingGroup".

use super::search::read;
use crate::call::Call;
use drydock_core::{ApiError, ErrorCode};
use drydock_host::tags;
use drydock_indexing::config::{ThingConfig, no_index};
use drydock_indexing::{Limits, Query, THINGS};
use drydock_model::Router;
use drydock_model::iot::ops;
use drydock_registry::tags::NewTags;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::CreateDynamicThingGroup>(|call: Call, input| async move {
        let books = call.books();
        let tags = NewTags::read(input.tags.as_deref())?;
        let query = asked(input.index_name.as_deref(), &input.query_string, input.query_version.as_deref())?;
        let change = books.change((&books.registry, &books.indexing, &books.tags), |(registry, indexing, kept)| {
            check(&query, &indexing.things())?;
            let reply =
                registry.apply(|book| book.create_dynamic_thing_group(&input, books.now(), books.ids.as_ref()))?;
            tags::keep(kept, reply.thing_group_arn.as_deref(), tags)?;
            Ok(reply)
        });
        change.await
    });
    router.on::<ops::UpdateDynamicThingGroup>(|call: Call, input| async move {
        let books = call.books();
        let version = input.query_version.as_deref();
        let query =
            input.query_string.as_deref().map(|text| asked(input.index_name.as_deref(), text, version)).transpose()?;
        let change = books.change((&books.registry, &books.indexing), |(registry, indexing)| {
            query.iter().try_for_each(|query| check(query, &indexing.things()))?;
            registry.apply(|book| book.update_dynamic_thing_group(&input, books.now()))
        });
        change.await
    });
    router.on::<ops::DeleteDynamicThingGroup>(|call: Call, input| async move {
        let books = call.books();
        let change = books.change((&books.registry, &books.tags), |(registry, kept)| {
            let reply = registry.apply(|book| book.delete_dynamic_thing_group(&input, books.now()))?;
            tags::forget(kept, &books.scope, &format!("thinggroup/{}", input.thing_group_name));
            Ok(reply)
        });
        change.await
    });
}

/// What a group is to ask for.
fn asked(index: Option<&str>, query: &str, version: Option<&str>) -> Result<Query, ApiError> {
    match index.filter(|index| *index != THINGS) {
        Some(other) => Err(no_index(other)),
        None => read(query, version, &Limits::GROUP),
    }
}

/// Whether the index has what a query asks for: what a group uses of the configuration cannot be taken away later.
fn check(query: &Query, config: &ThingConfig) -> Result<(), ApiError> {
    if !config.is_on() {
        let why = "fleet indexing is off, and dynamic thing groups need it: set a thingIndexingMode by UpdateIndexingConfiguration";
        return Err(ApiError::new(ErrorCode::InvalidRequestException, why));
    }
    config.has_sources_of(query)
}

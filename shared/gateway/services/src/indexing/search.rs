//! Searches and aggregations: "SearchIndex", "GetStatistics", "GetPercentiles", "GetCardinality" and "GetBucketsAggregation". They
//! run beside the workers that serve sockets, as one may walk a million values.

use super::service::{AT_ONCE, Indexed, IndexingService, blocking, ready};
use super::sources;
use crate::call::Call;
use drydock_core::{ApiError, ErrorCode, ThingGroupName, ThingName, page};
use drydock_indexing::aggregate::{PERCENTS, Values};
use drydock_indexing::{GROUPS, Hits, Index, Limits, Plan, Query, THINGS, query};
use drydock_model::Router;
use drydock_model::iot::{
    GetBucketsAggregationRequest, GetBucketsAggregationResponse, GetCardinalityRequest, GetCardinalityResponse,
    GetPercentilesRequest, GetPercentilesResponse, GetStatisticsRequest, GetStatisticsResponse, SearchIndexRequest,
    SearchIndexResponse, ops,
};
use std::sync::Arc;

const SEARCH: &str = "SearchIndex";
/// Results of a page, where the caller does not say.
const PAGE: i32 = 100;
/// The most results of a page.
const MOST: i32 = 500;
/// The most percents of a request.
const PERCENTS_AT_MOST: usize = 100;
/// What is aggregated where the caller does not say.
const FIELD: &str = "registry.version";
/// Buckets, where the caller does not say.
const BUCKETS: i32 = 100;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::SearchIndex>(|call: Call, input| async move { call.services.indexing.search(input).await });
    router.on::<ops::GetStatistics>(|call: Call, input| async move { call.services.indexing.statistics(input).await });
    router
        .on::<ops::GetPercentiles>(|call: Call, input| async move { call.services.indexing.percentiles(input).await });
    router
        .on::<ops::GetCardinality>(|call: Call, input| async move { call.services.indexing.cardinality(input).await });
    router.on::<ops::GetBucketsAggregation>(
        |call: Call, input| async move { call.services.indexing.buckets(input).await },
    );
}

/// The error for a text that is not a query.
pub(super) fn invalid(why: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::InvalidQueryException, why.to_string())
}

/// Reads a query, of a version that there is.
///
/// # Errors
/// `InvalidQueryException`.
pub fn read(text: &str, version: Option<&str>, limits: &Limits) -> Result<Query, ApiError> {
    query::check_version(version)?;
    Query::parse(text, limits).map_err(invalid)
}

/// What an answer is made of.
struct Found<'a> {
    index: &'a Index,
    hits: Hits,
    is_of_things: bool,
}

impl IndexingService {
    /// "SearchIndex": in the order of the things' places in the index.
    ///
    /// # Errors
    /// `InvalidQueryException`, `IndexNotReadyException`, `ResourceNotFoundException` for an index that is not there, and
    /// `InvalidRequestException` for a token that no search gave.
    pub async fn search(&self, input: SearchIndexRequest) -> Result<SearchIndexResponse, ApiError> {
        let after = input.next_token.as_deref().map(|token| page::place(SEARCH, token)).transpose()?;
        let damaged = || ApiError::invalid("the token is damaged: leave it out to begin anew");
        let after = after.map(|place| place.parse::<u32>().map_err(|_| damaged())).transpose()?;
        let most = input.max_results.unwrap_or(PAGE);
        if !(1..=MOST).contains(&most) {
            return Err(ApiError::invalid(format!("maxResults must be 1 to {MOST}, not {most}")));
        }
        let most = usize::try_from(most).unwrap_or_default();
        let query = read(&input.query_string, input.query_version.as_deref(), &Limits::SEARCH)?;
        let indexed = Arc::clone(&self.indexed);
        ask(&self.indexed, input.index_name, query, move |found| {
            let mut slots = found.hits.iter();
            if let Some(after) = after {
                slots.advance_to(after.saturating_add(1));
            }
            let (page, next) = page::cut(slots, most, u32::to_string);
            let names: Vec<String> =
                page.iter().filter_map(|slot| found.index.name(*slot)).map(str::to_owned).collect();
            let is_of_things = found.is_of_things;
            Ok((names, next, is_of_things))
        })
        .await
        .map(|(names, next, is_of_things)| {
            let mut answer = SearchIndexResponse {
                next_token: next.map(|place| page::token(SEARCH, &place)),
                ..SearchIndexResponse::default()
            };
            let books = &indexed.host.books;
            if is_of_things {
                let (config, _) = indexed.configs();
                let names: Vec<ThingName> = names.iter().filter_map(|name| ThingName::new(name).ok()).collect();
                let things =
                    names.chunks(AT_ONCE).flat_map(|names| sources::things(books, &indexed.outside, &config, names));
                answer.things = Some(things.flatten().map(|thing| thing.answer(&config)).collect());
            } else {
                let names: Vec<ThingGroupName> =
                    names.iter().filter_map(|name| ThingGroupName::new(name).ok()).collect();
                answer.thing_groups = Some(
                    sources::groups(books, &names)
                        .iter()
                        .flatten()
                        .map(drydock_indexing::sources::Group::answer)
                        .collect(),
                );
            }
            answer
        })
    }

    /// "GetStatistics".
    ///
    /// # Errors
    /// As [`search`](Self::search), and `InvalidAggregationException`.
    pub async fn statistics(&self, input: GetStatisticsRequest) -> Result<GetStatisticsResponse, ApiError> {
        let query = read(&input.query_string, input.query_version.as_deref(), &Limits::SEARCH)?;
        let values = self.aggregate(input.index_name, query, input.aggregation_field, |values| values.statistics());
        Ok(GetStatisticsResponse { statistics: Some(values.await?) })
    }

    /// "GetPercentiles".
    ///
    /// # Errors
    /// As [`statistics`](Self::statistics); `InvalidAggregationException` for a field that is not one of numbers, too.
    pub async fn percentiles(&self, input: GetPercentilesRequest) -> Result<GetPercentilesResponse, ApiError> {
        let query = read(&input.query_string, input.query_version.as_deref(), &Limits::SEARCH)?;
        let percents = input.percents.unwrap_or_else(|| PERCENTS.to_vec());
        if percents.len() > PERCENTS_AT_MOST {
            return Err(ApiError::invalid(format!(
                "{} percents are too many: at most {PERCENTS_AT_MOST}",
                percents.len()
            )));
        }
        if let Some(wrong) = percents.iter().find(|percent| !(0.0..=100.0).contains(*percent)) {
            return Err(ApiError::invalid(format!("a percent is between 0 and 100, not {wrong}")));
        }
        let values = self.aggregate(input.index_name, query, input.aggregation_field, move |values| {
            values.has_numbers().then(|| values.percentiles(&percents))
        });
        let percentiles = values.await?.ok_or_else(|| {
            let why = "percentiles are of fields of the type Number";
            ApiError::new(ErrorCode::InvalidAggregationException, why)
        })?;
        Ok(GetPercentilesResponse { percentiles: Some(percentiles) })
    }

    /// "GetCardinality".
    ///
    /// # Errors
    /// As [`statistics`](Self::statistics).
    pub async fn cardinality(&self, input: GetCardinalityRequest) -> Result<GetCardinalityResponse, ApiError> {
        let query = read(&input.query_string, input.query_version.as_deref(), &Limits::SEARCH)?;
        let values = self.aggregate(input.index_name, query, input.aggregation_field, |values| values.cardinality());
        Ok(GetCardinalityResponse { cardinality: Some(values.await?) })
    }

    /// "GetBucketsAggregation".
    ///
    /// # Errors
    /// As [`statistics`](Self::statistics).
    pub async fn buckets(
        &self,
        input: GetBucketsAggregationRequest,
    ) -> Result<GetBucketsAggregationResponse, ApiError> {
        let query = read(&input.query_string, input.query_version.as_deref(), &Limits::SEARCH)?;
        let Some(terms) = input.buckets_aggregation_type.terms_aggregation else {
            return Err(ApiError::invalid("bucketsAggregationType needs termsAggregation"));
        };
        let most = usize::try_from(terms.max_buckets.unwrap_or(BUCKETS)).unwrap_or_default();
        let field = Some(input.aggregation_field);
        let (total, buckets) =
            self.aggregate(input.index_name, query, field, move |values| values.buckets(most)).await?;
        Ok(GetBucketsAggregationResponse { buckets: Some(buckets), total_count: Some(total) })
    }

    /// What the values of a field come to over what a query finds; the version where no field is named.
    pub(super) async fn aggregate<T: Send + 'static>(
        &self,
        index: Option<String>,
        query: Query,
        field: Option<String>,
        of: impl FnOnce(Values<'_>) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let (things, groups) = self.indexed.configs();
        let is_of_groups = index.as_deref() == Some(GROUPS);
        let field = field.unwrap_or_else(|| if is_of_groups { "version".to_owned() } else { FIELD.to_owned() });
        ask(&self.indexed, index, query, move |found| {
            let (field, kind) = if is_of_groups { groups.aggregated(&field)? } else { things.aggregated(&field)? };
            Ok(of(Values::new(found.index, &found.hits, &field, kind)))
        })
        .await
    }
}

/// Looks a query up in an index, beside the workers that serve sockets.
async fn ask<T: Send + 'static>(
    indexed: &Arc<Indexed>,
    name: Option<String>,
    query: Query,
    of: impl FnOnce(Found<'_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let indexed = Arc::clone(indexed);
    let asked = blocking(move || {
        let plan = Plan::new(&query);
        let state = indexed.state.read();
        let name = name.as_deref().unwrap_or(THINGS);
        let index = ready(&state, name)?;
        of(Found { hits: index.search(&plan), index, is_of_things: name == THINGS })
    });
    asked.await?
}

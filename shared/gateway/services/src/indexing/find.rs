//! What `drydock find` asks (`POST /_drydock/find`): which things a query finds, with the values that made it so, and for one thing
//! which term failed on which value.

use super::search::read;
use super::service::{Indexed, IndexingService, blocking, ready};
use drydock_core::{ApiError, ThingName};
use drydock_indexing::explain::{Explained, explain};
use drydock_indexing::{Limits, Plan, Query, THINGS};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many things are answered, where the caller does not say, and at most.
const MOST: [usize; 2] = [100, 10_000];

/// What is asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// The query.
    pub query: String,
    /// A thing to explain it for.
    #[serde(default)]
    pub thing: Option<String>,
    /// How many things are answered at most.
    #[serde(default)]
    pub most: Option<usize>,
}

impl IndexingService {
    /// Answers what is asked, as JSON.
    ///
    /// # Errors
    /// `InvalidQueryException`, `IndexNotReadyException`, and `ResourceNotFoundException` for a thing that is not indexed.
    pub async fn find(&self, search: Search) -> Result<Value, ApiError> {
        let indexed = Arc::clone(&self.indexed);
        blocking(move || found(&indexed, &search)).await?
    }
}

fn found(indexed: &Indexed, search: &Search) -> Result<Value, ApiError> {
    let query = read(&search.query, None, &Limits::SEARCH)?;
    if let Some(thing) = &search.thing {
        ThingName::new(thing)?;
    }
    let state = indexed.state.read();
    let index = ready(&state, THINGS)?;
    if let Some(thing) = &search.thing {
        let document = index
            .document(thing)
            .ok_or_else(|| ApiError::not_found(format!("there is no thing `{thing}` in the index")))?;
        return Ok(explained(thing, &explain(&query, &document)));
    }
    let hits = index.search(&Plan::new(&query));
    let most = search.most.map_or(MOST[0], |most| most.min(MOST[1]));
    let things = hits.iter().take(most).filter_map(|slot| {
        let name = index.name(slot)?;
        let terms = explain(&query, &index.document(name)?).terms;
        let mut values: Vec<(String, String)> =
            terms.into_iter().filter(|term| !term.negated && term.fits).flat_map(|term| term.values).collect();
        values.retain(|(field, _)| field != "thingName");
        values.dedup();
        Some(json!({ "thingName": name, "values": values }))
    });
    let things: Vec<Value> = things.collect();
    let known: BTreeSet<&str> = index.field_names().collect();
    Ok(json!({ "query": query.to_string(), "total": hits.len(), "things": things, "hints": hints(&query, &known) }))
}

fn explained(thing: &str, explained: &Explained) -> Value {
    let terms = explained.terms.iter().map(|term| {
        json!({
            "term": term.text, "fits": term.fits, "negated": term.negated, "values": term.values, "more": term.more,
            "similar": term.similar,
        })
    });
    json!({ "thingName": thing, "fits": explained.fits, "terms": terms.collect::<Vec<_>>() })
}

/// What to say of fields that no thing has.
fn hints(query: &Query, known: &BTreeSet<&str>) -> Vec<String> {
    let fields = query.terms().into_iter().filter_map(|term| term.field.as_ref()?.literal());
    let unknown: BTreeSet<&str> = fields.filter(|field| !known.contains(field)).collect();
    let hint = |field: &str| {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
        let similar =
            known.iter().filter(|name| last(name) == last(field)).take(3).copied().collect::<Vec<_>>().join("`, `");
        let help = if similar.is_empty() { String::new() } else { format!(": did you mean `{similar}`?") };
        format!("no thing in the index has the field `{field}`{help}")
    };
    unknown.into_iter().map(hint).collect()
}

/// A request for `POST /_drydock/find`, read.
///
/// # Errors
/// `InvalidRequestException`.
pub fn request(body: &[u8]) -> Result<Search, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::invalid(error.to_string()))
}

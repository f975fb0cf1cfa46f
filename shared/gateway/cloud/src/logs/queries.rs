//! Queries of Logs Insights: each runs on a thread of its own beside requests; its answer is kept for a while.

use super::begun::{Begun, Status};
use super::fault::Fault;
use super::input::{Input, group_of};
use super::outflow::id;
use super::service::Logs;
use super::state::Event;
use crate::context::lock;
use drydock_log_search::insights::{MAX_ROWS, Query, Record};
use serde_json::{Value, json};
use std::sync::Arc;

/// The most groups of a query ("StartQuery").
const MAX_GROUPS: usize = 50;
/// The most queries that run at a time ("CloudWatch Logs quotas").
const MAX_RUNNING: usize = 30;

/// An event that a query reads.
struct Read {
    log: Arc<str>,
    stream: Arc<str>,
    event: Event,
    pointer: String,
}

impl Logs {
    pub(super) fn start_query(self: &Arc<Self>, input: Input<'_>) -> Result<Value, Fault> {
        let scope = &self.context.config.scope;
        if let Some(language) = input.text("queryLanguage")?.filter(|language| *language != "CWLI") {
            return Err(Fault::not_implemented(format!("the query language `{language:.50}`")));
        }
        let groups: Vec<&str> = match (
            input.text("logGroupName")?,
            input.texts("logGroupNames", MAX_GROUPS)?,
            input.texts("logGroupIdentifiers", MAX_GROUPS)?,
        ) {
            (Some(one), None, None) => vec![one],
            (None, Some(all), None) => all,
            (None, None, Some(all)) => all.into_iter().map(|one| group_of(one, scope)).collect::<Result<_, _>>()?,
            _ => {
                let why = "a query names its groups in one of logGroupName, logGroupNames and logGroupIdentifiers";
                return Err(Fault::parameter(why));
            }
        };
        let text = input.required("queryString")?;
        let missing = |name: &str| Fault::parameter(format!("`{name}` is missing"));
        let from = input.time("startTime")?.ok_or_else(|| missing("startTime"))?;
        let to = input.time("endTime")?.ok_or_else(|| missing("endTime"))?;
        if from > to {
            return Err(Fault::parameter("End time should not be less than start time"));
        }
        let limit = input.limit("limit", 1..=MAX_ROWS)?;
        let query = Query::parse(text).map_err(|bad| Fault::query(&bad.why, bad.begin, bad.end))?;
        // Seconds, or milliseconds as the console sends them.
        let millis = |time: i64| if time < 100_000_000_000 { time.saturating_mul(1000) } else { time };
        {
            let held = lock(&self.held);
            groups.iter().try_for_each(|group| held.group(group).map(drop))?;
        }
        let id = self.context.uuid();
        {
            let mut queries = lock(&self.queries);
            if queries.running() >= MAX_RUNNING {
                let why = format!("at most {MAX_RUNNING} queries run at a time");
                return Err(Fault::new("LimitExceededException", why));
            }
            queries.add(Begun {
                id: id.clone(),
                text: text.to_owned(),
                groups: groups.iter().map(|&group| group.to_owned()).collect(),
                created: self.context.now().millis(),
                status: Status::Running,
                answer: None,
                bytes: 0,
            });
        }
        let (logs, begun) = (Arc::clone(self), id.clone());
        let groups: Vec<String> = groups.into_iter().map(str::to_owned).collect();
        let reader = Arc::clone(self);
        let work = self.context.timers.work("log query");
        self.context.spawn(async move {
            // Never closed.
            let _turn = logs.searches.acquire().await.ok();
            let ran = tokio::task::spawn_blocking(move || {
                let read = reader.read(&groups, millis(from), millis(to));
                let records = read.iter().map(|read| Record {
                    timestamp: read.event.at,
                    ingestion: read.event.ingested,
                    message: &read.event.message,
                    stream: &read.stream,
                    log: &read.log,
                    pointer: &read.pointer,
                });
                query.run(records, limit)
            });
            let answer = ran.await.inspect_err(|error| tracing::warn!(%error, "a query of logs broke"));
            lock(&logs.queries).finish(&begun, answer.ok());
            drop(work);
        });
        Ok(json!({ "queryId": id }))
    }

    /// The events of groups; a group that is gone by now has none.
    fn read(&self, groups: &[String], from: i64, to: i64) -> Vec<Read> {
        let mut read = Vec::new();
        for group in groups {
            let log: Arc<str> = format!("{}:{group}", self.context.config.scope.account).into();
            let events = self.all_events(group, from, to).unwrap_or_default();
            read.extend(events.into_iter().map(|(stream, event)| Read {
                log: Arc::clone(&log),
                pointer: super::groups::token(&format!("{group}:{stream}:{}", id(&event))),
                stream,
                event,
            }));
        }
        read
    }

    pub(super) fn query_results(&self, input: Input<'_>) -> Result<Value, Fault> {
        let mut queries = lock(&self.queries);
        let query = queries.get(input.required("queryId")?)?;
        if query.status == Status::Complete && query.answer.is_none() {
            let why = "The results of the query are not kept any more.";
            return Err(Fault::new("ResourceNotFoundException", why));
        }
        let (status, answer) = (query.status, query.answer.clone().unwrap_or_default());
        drop(queries);
        let rows: Vec<Value> = answer
            .rows
            .iter()
            .map(|row| row.iter().map(|(field, value)| json!({ "field": field, "value": value })).collect())
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "as many events are not kept")]
        let number = |count: usize| count as f64;
        Ok(json!({
            "queryLanguage": "CWLI",
            "results": rows,
            "statistics": {
                "recordsMatched": number(answer.matched),
                "recordsScanned": number(answer.scanned),
                "bytesScanned": number(answer.bytes),
            },
            "status": status.as_str(),
        }))
    }

    pub(super) fn stop_query(&self, input: Input<'_>) -> Result<Value, Fault> {
        let mut queries = lock(&self.queries);
        let query = queries.get(input.required("queryId")?)?;
        if query.status != Status::Running {
            let id = &query.id;
            return Err(Fault::parameter(format!(
                "Query is already ended with {} status: {id}",
                query.status.as_str()
            )));
        }
        query.status = Status::Cancelled;
        Ok(json!({ "success": true }))
    }

    pub(super) fn describe_queries(&self, input: Input<'_>) -> Result<Value, Fault> {
        let (group, status) = (input.text("logGroupName")?, input.text("status")?);
        let limit = input.limit("maxResults", 1..=1000)?;
        let after = super::groups::after(&input)?;
        let queries = lock(&self.queries);
        let newest = queries.0.iter().rev();
        let all = newest
            .filter(|query| group.is_none_or(|group| query.groups.iter().any(|one| one == group)))
            .filter(|query| status.is_none_or(|status| query.status.as_str() == status))
            .skip_while(|query| after.as_ref().is_some_and(|after| query.id != *after))
            .skip(usize::from(after.is_some()))
            .take(limit + 1)
            .map(|query| {
                let described = json!({
                    "queryId": query.id,
                    "queryString": query.text,
                    "queryLanguage": "CWLI",
                    "status": query.status.as_str(),
                    "createTime": query.created,
                    "logGroupName": query.groups.first(),
                });
                (query.id.clone(), described)
            });
        Ok(super::groups::page("queries", all.collect(), limit))
    }
}

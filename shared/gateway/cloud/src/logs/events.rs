//! Events: put, read in their order, searched by a filter pattern.

use super::fault::Fault;
use super::input::Input;
use super::outflow::{New, id};
use super::service::Logs;
use super::state::{BESIDE, Event};
use crate::context::lock;
use drydock_log_search::pattern::Pattern;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What "PutLogEvents" answers for who still asks; it has had no meaning since 2023.
pub(super) const SEQUENCE_TOKEN: &str = "49639705187171183137123456789012345678901234567890123456";
/// The most bytes of a batch, what is counted beside each message included ("PutLogEvents").
const MAX_BATCH: usize = 1_048_576;
/// The most events of a batch, and of a page.
const MAX_EVENTS: usize = 10_000;
/// The most bytes of a page ("GetLogEvents").
const MAX_PAGE: usize = 1_048_576;
const HOUR: i64 = 3_600_000;
/// How far ahead an event may be ("PutLogEvents").
const AHEAD: i64 = 2 * HOUR;
/// How old an event may be ("PutLogEvents").
const BEHIND: i64 = 14 * 24 * HOUR;
/// The longest time between the first event of a batch and its last ("PutLogEvents").
const SPAN: i64 = 24 * HOUR;

/// The events of a batch.
fn batch(input: &Input<'_>) -> Result<Vec<(i64, Arc<str>)>, Fault> {
    let wrong = |why: String| Fault::parameter(why);
    let list = input.value("logEvents").and_then(Value::as_array);
    let list = list.ok_or_else(|| wrong("`logEvents` is missing, or not a list".to_owned()))?;
    if list.is_empty() || list.len() > MAX_EVENTS {
        return Err(wrong(format!("`logEvents` has 1 to {MAX_EVENTS} events, here are {}", list.len())));
    }
    let (mut events, mut bytes) = (Vec::with_capacity(list.len()), 0);
    for event in list {
        let at = event.get("timestamp").and_then(Value::as_i64).filter(|at| *at >= 0);
        let message = event.get("message").and_then(Value::as_str).filter(|message| !message.is_empty());
        let (Some(at), Some(message)) = (at, message) else {
            return Err(wrong("each event has a `timestamp` in milliseconds and a `message`".to_owned()));
        };
        bytes += message.len() + BESIDE;
        events.push((at, Arc::from(message)));
    }
    if bytes > MAX_BATCH {
        return Err(wrong(format!("Upload too large: {bytes} bytes exceeds limit of {MAX_BATCH}")));
    }
    if events.windows(2).any(|pair| matches!(pair, [(first, _), (second, _)] if first > second)) {
        return Err(wrong("Log events in a single PutLogEvents request must be in chronological order.".to_owned()));
    }
    if let (Some((first, _)), Some((last, _))) = (events.first(), events.last())
        && last - first > SPAN
    {
        let why = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
        return Err(wrong(why.to_owned()));
    }
    Ok(events)
}

/// Where a page begins: the position of an event that it does not have.
fn position(token: &str, kind: &str) -> Result<(i64, u64), Fault> {
    let wrong = || Fault::parameter("The specified nextToken is invalid.");
    let digits = token.strip_prefix(kind).and_then(|rest| rest.strip_suffix("/s")).ok_or_else(wrong)?;
    let (at, place) = (digits.get(..15), digits.get(15..35));
    let read = at.and_then(|at| at.parse().ok()).zip(place.and_then(|place| place.parse().ok()));
    read.filter(|_| digits.len() == 56).ok_or_else(wrong)
}

fn token(kind: &str, (at, place): (i64, u64)) -> String {
    let event = Event { at, ingested: 0, place, message: Arc::from("") };
    format!("{kind}{}/s", id(&event))
}

/// As many of the first events as a page takes.
fn page<'e>(events: impl IntoIterator<Item = &'e Event>, limit: usize) -> Vec<&'e Event> {
    let mut bytes = 0;
    let fits = |event: &&Event| {
        bytes += event.message.len() + BESIDE;
        bytes <= MAX_PAGE || bytes == event.message.len() + BESIDE
    };
    events.into_iter().take(limit).take_while(fits).collect()
}

impl Logs {
    pub(super) async fn put_events(&self, input: Input<'_>) -> Result<Value, Fault> {
        let (group, stream) = (input.group_name("logGroupName")?, input.stream_name("logStreamName")?);
        let events = batch(&input)?;
        let now = self.context.now();
        let (answer, new) = self
            .change(|held| {
                let of = held.group(group)?;
                let begins = of.begins(now);
                let all = events.len();
                let too_new = events.partition_point(|(at, _)| *at <= now.millis() + AHEAD);
                let too_old = events.partition_point(|(at, _)| *at < now.millis() - BEHIND);
                let expired = events.partition_point(|(at, _)| *at < begins);
                let from = too_old.max(expired);
                let taken: Vec<_> = events.into_iter().take(too_new).skip(from).collect();
                let (writes, new) = held.append(group, stream, now, taken)?;
                let mut rejected = Map::new();
                if too_new < all {
                    rejected.insert("tooNewLogEventStartIndex".to_owned(), too_new.into());
                }
                if too_old > 0 {
                    rejected.insert("tooOldLogEventEndIndex".to_owned(), too_old.into());
                }
                if expired > too_old {
                    rejected.insert("expiredLogEventEndIndex".to_owned(), expired.into());
                }
                let row = held.group(group)?.row.clone();
                let new = New { group: group.to_owned(), row, stream: stream.to_owned(), events: new };
                Ok(((rejected, new), writes))
            })
            .await?;
        self.follow(vec![new]);
        let mut out = json!({ "nextSequenceToken": SEQUENCE_TOKEN });
        if let (false, Some(members)) = (answer.is_empty(), out.as_object_mut()) {
            members.insert("rejectedLogEventsInfo".to_owned(), answer.into());
        }
        Ok(out)
    }

    /// The events of some streams of a group from a time on up to another, which is not included, in their order; each with the name
    /// of its stream. What the group does not keep any longer is not there.
    fn events_of(
        &self,
        group: &str,
        wanted: impl Fn(&str) -> bool,
        (from, to): (i64, i64),
    ) -> Result<Vec<(Arc<str>, Event)>, Fault> {
        let held = lock(&self.held);
        let group = held.group(group)?;
        let from = from.max(group.begins(self.context.now()));
        let mut found = Vec::new();
        for (name, stream) in group.streams.iter().filter(|(name, _)| wanted(name)) {
            let name: Arc<str> = Arc::from(name.as_str());
            let events = stream.events().filter(|event| (from..to).contains(&event.at));
            found.extend(events.map(|event| (Arc::clone(&name), event.clone())));
        }
        drop(held);
        found.sort_by_key(|(_, event)| event.position());
        Ok(found)
    }

    /// All events of a group from a time on up to another, which is included.
    pub(super) fn all_events(&self, group: &str, from: i64, to: i64) -> Result<Vec<(Arc<str>, Event)>, Fault> {
        self.events_of(group, |_| true, (from, to.saturating_add(1)))
    }

    pub(super) fn get_events(&self, input: Input<'_>) -> Result<Value, Fault> {
        let group = input.group(&self.context.config.scope)?;
        let stream = input.stream_name("logStreamName")?;
        let limit = input.limit("limit", 1..=MAX_EVENTS)?;
        let (from, to) = (input.time("startTime")?.unwrap_or(0), input.time("endTime")?.unwrap_or(i64::MAX));
        let from_head = input.flag("startFromHead")?;
        lock(&self.held).group(group)?.stream(stream)?;
        let events = self.events_of(group, |name| name == stream, (from, to))?;
        let events: Vec<&Event> = events.iter().map(|(_, event)| event).collect();
        let (shown, here): (Vec<&Event>, _) = match input.text("nextToken")? {
            Some(token) if token.starts_with("b/") => {
                let before = position(token, "b/")?;
                (last(&events, |event| event.position() < before, limit), before)
            }
            Some(token) => {
                let after = position(token, "f/")?;
                (page(events.iter().copied().filter(|event| event.position() > after), limit), after)
            }
            None if from_head => (page(events.iter().copied(), limit), (0, 0)),
            None => (last(&events, |_| true, limit), (0, 0)),
        };
        // At an end there is nothing more, and the token stays as it is.
        let first = shown.first().map_or(here, |event| event.position());
        let last = shown.last().map_or(here, |event| event.position());
        let list: Vec<Value> = shown
            .iter()
            .map(|event| json!({ "timestamp": event.at, "message": &*event.message, "ingestionTime": event.ingested }))
            .collect();
        Ok(json!({
            "events": list,
            "nextForwardToken": token("f/", last),
            "nextBackwardToken": token("b/", first),
        }))
    }

    pub(super) async fn filter_events(self: &Arc<Self>, input: Input<'_>) -> Result<Value, Fault> {
        let group = input.group(&self.context.config.scope)?;
        let names = input.texts("logStreamNames", 100)?;
        let prefix = input.text("logStreamNamePrefix")?;
        if names.is_some() && prefix.is_some() {
            let why = "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.";
            return Err(Fault::parameter(why));
        }
        if let Some(names) = &names {
            let held = lock(&self.held);
            let group = held.group(group)?;
            names.iter().try_for_each(|name| group.stream(name).map(drop))?;
        }
        // Events of all streams come in their order anyway; that may be asked for, and has had no meaning since 2019.
        input.flag("interleaved")?;
        let limit = input.limit("limit", 1..=MAX_EVENTS)?;
        let from = input.time("startTime")?.unwrap_or(0);
        // An event at the end is found: "Events with a timestamp later than this time are not returned".
        let to = input.time("endTime")?.unwrap_or(i64::MAX).saturating_add(1);
        let after = input.text("nextToken")?.map(|token| position(token, "e/")).transpose()?;
        let pattern = Pattern::parse(input.text("filterPattern")?.unwrap_or_default())
            .map_err(|invalid| Fault::parameter(invalid.to_string()))?;
        let wanted = |name: &str| {
            names.as_ref().is_none_or(|names| names.contains(&name))
                && prefix.is_none_or(|prefix| name.starts_with(prefix))
        };
        // Never closed.
        let _turn = self.searches.acquire().await.ok();
        let events = self.events_of(group, wanted, (from, to))?;
        // What is long to search is not searched on the threads that serve sockets.
        let searched = tokio::task::spawn_blocking(move || {
            let behind = events.into_iter().filter(|(_, event)| after.is_none_or(|after| event.position() > after));
            let found = behind.filter(|(_, event)| pattern.matches(&event.message));
            let (mut shown, mut bytes) = (Vec::new(), 0);
            for (stream, event) in found {
                bytes += event.message.len() + BESIDE;
                if shown.len() == limit || (bytes > MAX_PAGE && !shown.is_empty()) {
                    return (shown, true);
                }
                shown.push((stream, event));
            }
            (shown, false)
        });
        let (shown, more) = searched.await.map_err(|error| Fault::new("InternalServerError", error.to_string()))?;
        let next = shown.last().filter(|_| more).map(|(_, event)| token("e/", event.position()));
        let list: Vec<Value> = shown
            .iter()
            .map(|(stream, event)| {
                json!({
                    "logStreamName": &**stream, "timestamp": event.at, "message": &*event.message,
                    "ingestionTime": event.ingested, "eventId": id(event),
                })
            })
            .collect();
        let mut answer = json!({ "events": list, "searchedLogStreams": [] });
        if let (Some(next), Some(members)) = (next, answer.as_object_mut()) {
            members.insert("nextToken".to_owned(), next.into());
        }
        Ok(answer)
    }
}

/// As many of the last events as a page takes, in their order.
fn last<'e>(events: &[&'e Event], wanted: impl Fn(&Event) -> bool, limit: usize) -> Vec<&'e Event> {
    let mut shown = page(events.iter().rev().copied().filter(|event| wanted(event)), limit);
    shown.reverse();
    shown
}

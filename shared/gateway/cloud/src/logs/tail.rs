//! "StartLiveTail": events as they come, once a second, for three hours at most.
//!
//! What comes is matched where it is taken in and waits with its session, bounded; a task of the session sends it. The second is one of
//! the machine's, as it is for whoever looks; the three hours are of the gateway's clock.

use super::fault::Fault;
use super::input::{Input, group_of};
use super::outflow::New;
use super::service::Logs;
use super::session::{Tail, Waiting};
use crate::context::lock;
use crate::wire::event_stream::{self, event, exception};
use crate::{going, wire};
use bytes::Bytes;
use drydock_log_search::pattern::Pattern;
use http::Response;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::MissedTickBehavior;

/// The most sessions at a time ("CloudWatch Logs quotas").
const MOST_SESSIONS: usize = 15;
/// The most groups of a session, and names or prefixes of streams.
const MOST_GROUPS: usize = 10;
const MOST_STREAMS: usize = 100;
/// How many updates wait for a caller who does not read.
const UPDATES: usize = 10;
/// How long a session lasts, in milliseconds.
const SESSION: i64 = 3 * 3_600_000;
/// How often an update is sent.
const EVERY: Duration = Duration::from_secs(1);

fn texts(given: Option<Vec<&str>>) -> Vec<String> {
    given.into_iter().flatten().map(str::to_owned).collect()
}

impl Logs {
    /// Shows new events to the sessions that go on.
    pub(super) fn show(&self, new: &[New]) {
        let mut tails = lock(&self.tails);
        if tails.is_empty() {
            return;
        }
        tails.retain(|tail| tail.strong_count() > 0);
        for tail in tails.iter().filter_map(Weak::upgrade) {
            new.iter().for_each(|new| tail.hear(new));
        }
    }

    /// "StartLiveTail": an answer that goes on.
    pub(super) fn start_live_tail(self: &Arc<Self>, input: Input<'_>) -> Result<Response<Bytes>, Fault> {
        let scope = &self.context.config.scope;
        let identifiers = input.texts("logGroupIdentifiers", MOST_GROUPS)?;
        let identifiers = identifiers.ok_or_else(|| Fault::parameter("`logGroupIdentifiers` is missing"))?;
        let names = texts(input.texts("logStreamNames", MOST_STREAMS)?);
        let prefixes = texts(input.texts("logStreamNamePrefixes", MOST_STREAMS)?);
        if !names.is_empty() && !prefixes.is_empty() {
            return Err(Fault::parameter(
                "logStreamNames and logStreamNamePrefixes are mutually exclusive parameters.",
            ));
        }
        if identifiers.len() > 1 && !(names.is_empty() && prefixes.is_empty()) {
            let why = "logStreamNames and logStreamNamePrefixes go with a single log group";
            return Err(Fault::parameter(why));
        }
        let text = input.text("logEventFilterPattern")?.unwrap_or_default();
        let pattern = Pattern::parse(text)
            .map_err(|invalid| Fault::parameter(format!("Invalid filter pattern: {}", invalid.why)))?;
        let mut groups = Vec::new();
        {
            let held = lock(&self.held);
            for identifier in &identifiers {
                if identifier.ends_with('*') {
                    let why = "the ARN of a log group in logGroupIdentifiers does not end with `*`";
                    return Err(Fault::parameter(why));
                }
                let name = group_of(identifier, scope)?;
                held.group(name)?;
                groups.push((name.to_owned(), (*identifier).to_owned()));
            }
        }
        let begin = begin(&self.context.uuid(), &groups, (&names, &prefixes), text);
        let tail = Arc::new(Tail { groups, names, prefixes, pattern, waiting: Mutex::new(Waiting::default()) });
        {
            let mut tails = lock(&self.tails);
            tails.retain(|tail| tail.strong_count() > 0);
            if tails.len() >= MOST_SESSIONS {
                let why = format!("there are {MOST_SESSIONS} Live Tail sessions already, the most that an account has");
                return Err(Fault::new("LimitExceededException", why));
            }
            tails.push(Arc::downgrade(&tail));
        }
        // The first two are there at once, beside the updates that may wait.
        let (pieces, arriving) = channel(UPDATES + 2);
        let first = [event("initial-response", &Value::Object(Map::new())), event("sessionStart", &begin)];
        let _there_is_room = first.into_iter().try_for_each(|piece| pieces.try_send(piece));
        let mut answer = wire::response(200, event_stream::CONTENT_TYPE, Bytes::new());
        going::attach(&mut answer, arriving);
        let over = self.context.timers.until("end of a Live Tail session", self.context.now().plus_millis(SESSION));
        self.context.spawn(async move {
            tokio::select! {
                () = go_on(&tail, &pieces) => {}
                work = over => {
                    let why = "The Live Tail session has been open for three hours, and has ended.";
                    let last = exception("SessionTimeoutException", &json!({ "message": why }));
                    // Who waits for the clock does not wait for somebody who does not read.
                    drop(work);
                    let _nobody_reads = pieces.send(last).await;
                }
            }
        });
        Ok(answer)
    }
}

/// What is told first of a session.
fn begin(id: &str, groups: &[(String, String)], (names, prefixes): (&[String], &[String]), pattern: &str) -> Value {
    let identifiers: Vec<&String> = groups.iter().map(|(_, identifier)| identifier).collect();
    let mut begin = json!({ "requestId": id, "sessionId": id, "logGroupIdentifiers": identifiers });
    if let Some(members) = begin.as_object_mut() {
        for (name, texts) in [("logStreamNames", names), ("logStreamNamePrefixes", prefixes)] {
            if !texts.is_empty() {
                members.insert(name.to_owned(), json!(texts));
            }
        }
        members.insert("logEventFilterPattern".to_owned(), json!(pattern));
    }
    begin
}

/// Sends an update every second, until nobody reads any more.
async fn go_on(tail: &Tail, pieces: &Sender<Bytes>) {
    let mut seconds = tokio::time::interval(EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = seconds.tick() => {}
            () = pieces.closed() => return,
        }
        if !tail.send(pieces) {
            return;
        }
    }
}

//! Events of log groups, by a filter pattern or about a device, and those to come. It asks only what AWS answers too.

use super::super::args::CommandResult;
use super::super::print;
use super::args::LogsArgs;
use super::device::{Device, around};
use super::event::Event;
use super::line;
use crate::client::{Api, CallError};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

/// How long to wait before new events are asked for, as `aws logs tail` does, but sooner.
const PAUSE: Duration = Duration::from_secs(1);
/// How far back is looked again, in milliseconds: what came late belongs before what was shown.
const AGAIN: i64 = 5_000;

pub(super) async fn run(api: &Api, args: &LogsArgs) -> CommandResult {
    let device = match &args.thing {
        Some(thing) => Some(Device::ask(api, thing).await?),
        None => None,
    };
    let pattern = device.as_ref().map(Device::pattern).or_else(|| args.filter.clone()).unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut from = 0;
    loop {
        let groups = match &args.group {
            Some(group) => vec![group.clone()],
            None => groups(api).await?,
        };
        let mut events = Vec::new();
        for group in &groups {
            let found = match &device {
                Some(device) => about(api, device, group, &pattern, from).await,
                None => filter(api, group, &json!({ "filterPattern": pattern, "startTime": from })).await,
            };
            match found {
                Ok(found) => events.extend(found),
                // A group of the list may be gone by now; one that is named is to be there, unless it is waited for.
                Err(CallError::Refused { code, .. })
                    if code == "ResourceNotFoundException" && (args.group.is_none() || args.follow) => {}
                Err(error) => return Err(error.into()),
            }
        }
        events.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        for event in events.iter().filter(|event| !seen.contains(&event.id)) {
            if !print::written(shown(event, args.json)) {
                return Ok(ExitCode::SUCCESS); // nobody reads them any more
            }
        }
        if !args.follow {
            if events.is_empty() && !args.json {
                print::told(print::dim("no events; `drydock logs --help` says what is logged when"));
            }
            return Ok(ExitCode::SUCCESS);
        }
        from = events.last().map_or(from, |last| (last.at - AGAIN).max(from));
        seen = events.into_iter().map(|event| event.id).collect();
        tokio::time::sleep(PAUSE).await;
    }
}

fn shown(event: &Event, as_json: bool) -> String {
    let Event { at, id, group, stream, message } = event;
    if as_json {
        let event = json!({
            "logGroupName": group, "logStreamName": stream, "timestamp": at, "eventId": id, "message": message,
        });
        return event.to_string();
    }
    line::event(*at, group, message)
}

/// The names of all groups.
async fn groups(api: &Api) -> Result<Vec<String>, CallError> {
    let (mut names, mut token) = (Vec::new(), Value::Null);
    loop {
        let answer = api.json("logs", "Logs_20140328.DescribeLogGroups", &json!({ "nextToken": token })).await?;
        let page = answer.get("logGroups").and_then(Value::as_array).into_iter().flatten();
        names.extend(page.filter_map(|group| group.get("logGroupName")?.as_str().map(str::to_owned)));
        match answer.get("nextToken") {
            Some(next @ Value::String(_)) => token = next.clone(),
            _ => return Ok(names),
        }
    }
}

/// The events of a group that a search finds.
async fn filter(api: &Api, group: &str, search: &Value) -> Result<Vec<Event>, CallError> {
    let mut asked: Map<String, Value> = search.as_object().cloned().unwrap_or_default();
    asked.insert("logGroupName".to_owned(), group.into());
    let mut events = Vec::new();
    loop {
        let answer = api.json("logs", "Logs_20140328.FilterLogEvents", &asked.clone().into()).await?;
        let page = answer.get("events").and_then(Value::as_array).into_iter().flatten();
        events.extend(page.filter_map(|event| {
            let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
            Some(Event {
                at: event.get("timestamp")?.as_i64()?,
                id: text("eventId")?,
                group: group.to_owned(),
                stream: text("logStreamName")?,
                message: text("message")?,
            })
        }));
        match answer.get("nextToken") {
            Some(next @ Value::String(_)) => asked.insert("nextToken".to_owned(), next.clone()),
            _ => return Ok(events),
        };
    }
}

/// The events of a group that are about a device, with Lambda's own lines around those that a function wrote.
async fn about(api: &Api, device: &Device, group: &str, pattern: &str, from: i64) -> Result<Vec<Event>, CallError> {
    let mut found = filter(api, group, &json!({ "filterPattern": pattern, "startTime": from })).await?;
    found.retain(|event| device.is_named(&event.message));
    let mut streams: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in found.iter().filter(|event| event.stream.contains("/[$LATEST]")) {
        streams.entry(event.stream.clone()).or_default().insert(event.id.clone());
    }
    for (stream, ids) in streams {
        let all = filter(api, group, &json!({ "logStreamNames": [stream] })).await?;
        found.extend(around(all, &ids));
    }
    Ok(found)
}

//! Log streams.

use super::fault::Fault;
use super::groups::{after, page};
use super::input::Input;
use super::service::Logs;
use super::state::{Event, Stream};
use crate::context::lock;
use serde_json::{Value, json};

impl Logs {
    pub(super) async fn create_stream(&self, input: Input<'_>) -> Result<Value, Fault> {
        let (group, name) = (input.group_name("logGroupName")?, input.stream_name("logStreamName")?);
        let now = self.context.now();
        self.change(|held| Ok(((), held.create_stream(group, name, now)?))).await?;
        Ok(json!({}))
    }

    pub(super) async fn delete_stream(&self, input: Input<'_>) -> Result<Value, Fault> {
        let (group, name) = (input.group_name("logGroupName")?, input.stream_name("logStreamName")?);
        self.change(|held| Ok(((), held.delete_stream(group, name)?))).await?;
        Ok(json!({}))
    }

    pub(super) fn describe_streams(&self, input: Input<'_>) -> Result<Value, Fault> {
        let group = input.group(&self.context.config.scope)?;
        let prefix = input.text("logStreamNamePrefix")?;
        let by_time = match input.text("orderBy")?.unwrap_or("LogStreamName") {
            "LogStreamName" => false,
            "LastEventTime" if prefix.is_some() => {
                let why = "Cannot order by LastEventTime with a logStreamNamePrefix.";
                return Err(Fault::parameter(why));
            }
            "LastEventTime" => true,
            other => {
                let why = format!("`orderBy` is LogStreamName or LastEventTime, not `{other:.50}`");
                return Err(Fault::parameter(why));
            }
        };
        let descending = input.flag("descending")?;
        let limit = input.limit("limit", 1..=50)?;
        let after = after(&input)?;
        let held = lock(&self.held);
        let streams = held.group(group)?.streams.iter();
        let named = streams.filter(|(name, _)| prefix.is_none_or(|prefix| name.starts_with(prefix)));
        let mut all: Vec<(String, &str, &Stream)> =
            named.map(|(name, stream)| (place(name, stream, by_time), name.as_str(), stream)).collect();
        all.sort_by(|a, b| if descending { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) });
        let behind = |place: &str, after: &str| if descending { place < after } else { place > after };
        all.retain(|(place, ..)| after.as_ref().is_none_or(|after| behind(place, after)));
        let all = all.into_iter().take(limit + 1).map(|(place, name, stream)| {
            let answer = self.described(group, name, stream);
            (place, answer)
        });
        Ok(page("logStreams", all.collect(), limit))
    }

    fn described(&self, group: &str, name: &str, stream: &Stream) -> Value {
        let arn = format!("log-group:{group}:log-stream:{name}");
        let mut answer = json!({
            "logStreamName": name,
            "creationTime": stream.row.created.millis(),
            "arn": self.context.config.scope.arn("logs", &arn).as_str(),
            // AWS has said 0 since 2019.
            "storedBytes": 0,
            "uploadSequenceToken": super::events::SEQUENCE_TOKEN,
        });
        let times = [
            ("firstEventTimestamp", stream.events().map(|event| event.at).min()),
            ("lastEventTimestamp", stream.events().map(|event| event.at).max()),
            ("lastIngestionTime", stream.events().map(|event| event.ingested).max()),
        ];
        if let Some(members) = answer.as_object_mut() {
            members.extend(times.into_iter().filter_map(|(name, time)| Some((name.to_owned(), time?.into()))));
        }
        answer
    }
}

/// Where a stream stands among others.
fn place(name: &str, stream: &Stream, by_time: bool) -> String {
    if !by_time {
        return name.to_owned();
    }
    let last = stream.events().map(Event::position).max().map_or(0, |(at, _)| at.max(0));
    format!("{last:020}:{name}")
}

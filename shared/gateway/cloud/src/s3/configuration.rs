//! PutBucketNotificationConfiguration and GetBucketNotificationConfiguration.

use super::S3;
use super::notifications::{EVENTS, Notification, check};
use super::objects::{failed, no_bucket};
use super::outbox::PRINCIPAL;
use drydock_core::Arn;
use s3s::dto::{
    Event, FilterRule, FilterRuleName, GetBucketNotificationConfigurationInput,
    GetBucketNotificationConfigurationOutput, LambdaFunctionConfiguration, NotificationConfigurationFilter,
    PutBucketNotificationConfigurationInput, PutBucketNotificationConfigurationOutput, QueueConfiguration, S3KeyFilter,
    TopicConfiguration,
};
use s3s::{S3Result, s3_error};
use serde_json::json;

/// One configuration of whichever kind, as it is asked for.
struct Asked {
    service: &'static str,
    target: String,
    id: Option<String>,
    events: Vec<Event>,
    filter: Option<NotificationConfigurationFilter>,
}

impl S3 {
    fn notification(&self, asked: Asked) -> S3Result<Notification> {
        let Asked { service, target, id, events, filter } = asked;
        let arn = Arn::parse(&target).filter(|arn| arn.service() == service);
        let target = arn.ok_or_else(|| s3_error!(InvalidArgument, "The ARN is not well formed"))?;
        let mut names = Vec::new();
        for event in events {
            let name = String::from(event);
            if !EVENTS.contains(&name.as_str()) {
                return Err(s3_error!(
                    NotImplemented,
                    "the event `{}` is not implemented by this gateway, where these happen: {}",
                    name,
                    EVENTS.join(", ")
                ));
            }
            names.push(name);
        }
        if names.is_empty() {
            return Err(s3_error!(MalformedXML, "a notification configuration needs an event"));
        }
        let (mut prefix, mut suffix) = (None, None);
        for FilterRule { name, value } in filter.and_then(|filter| filter.key?.filter_rules).unwrap_or_default() {
            let name = name.as_ref().map(FilterRuleName::as_str).unwrap_or_default();
            let place = match name.to_ascii_lowercase().as_str() {
                "prefix" => &mut prefix,
                "suffix" => &mut suffix,
                _ => return Err(s3_error!(InvalidArgument, "filter rule name must be either prefix or suffix")),
            };
            if place.replace(value.unwrap_or_default()).is_some() {
                return Err(s3_error!(InvalidArgument, "Cannot specify more than one {} rule in a filter.", name));
            }
        }
        Ok(Notification {
            id: id.filter(|id| !id.is_empty()).unwrap_or_else(|| self.context.uuid()),
            events: names,
            prefix: prefix.unwrap_or_default(),
            suffix: suffix.unwrap_or_default(),
            target,
        })
    }
}

pub(super) async fn put(
    s3: &S3,
    input: PutBucketNotificationConfigurationInput,
) -> S3Result<PutBucketNotificationConfigurationOutput> {
    let bucket = input.bucket;
    if !s3.has_bucket(&bucket) {
        return Err(no_bucket());
    }
    let asked = input.notification_configuration;
    if asked.event_bridge_configuration.is_some() {
        return Err(s3_error!(NotImplemented, "there is no event bus in this gateway: EventBridgeConfiguration"));
    }
    let functions = asked.lambda_function_configurations.unwrap_or_default().into_iter().map(|one| Asked {
        service: "lambda",
        target: one.lambda_function_arn,
        id: one.id,
        events: one.events,
        filter: one.filter,
    });
    let queues = asked.queue_configurations.unwrap_or_default().into_iter().map(|one| Asked {
        service: "sqs",
        target: one.queue_arn,
        id: one.id,
        events: one.events,
        filter: one.filter,
    });
    let topics = asked.topic_configurations.unwrap_or_default().into_iter().map(|one| Asked {
        service: "sns",
        target: one.topic_arn,
        id: one.id,
        events: one.events,
        filter: one.filter,
    });
    let all = functions.chain(queues).chain(topics).map(|one| s3.notification(one)).collect::<S3Result<Vec<_>>>()?;
    check(&all).map_err(|why| s3_error!(InvalidArgument, "{}", why))?;
    let source = Arn::parse(&s3.arn(&bucket)).ok_or_else(no_bucket)?;
    if input.skip_destination_validation != Some(true) {
        for one in &all {
            s3.outlets.check(&one.target, (PRINCIPAL, &source)).map_err(|why| {
                s3_error!(
                    InvalidArgument,
                    "Unable to validate the following destination configurations: {}: {}",
                    one.target,
                    why
                )
            })?;
        }
    }
    // "After Amazon S3 verifies that the destination exists, it sends a test notification" to queues and topics.
    let told = all.iter().filter(|one| one.target.service() != "lambda").map(|one| {
        let event = json!({
            "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": s3.now().to_string(), "Bucket": bucket,
            "RequestId": s3.id(), "HostId": s3.id(),
        });
        s3.to_tell(&bucket, &one.target, event.to_string())
    });
    let told: Vec<_> = told.collect();
    let written = {
        let mut state = s3.state();
        let mut writes = state.tell_of(&bucket, all, true).ok_or_else(no_bucket)?;
        writes.extend(s3.outbox.keep(&told));
        s3.write(&state, writes)
    };
    s3.outbox.tell_after(written, told).await.map_err(failed)?;
    Ok(PutBucketNotificationConfigurationOutput {})
}

pub(super) fn get(
    s3: &S3,
    input: &GetBucketNotificationConfigurationInput,
) -> S3Result<GetBucketNotificationConfigurationOutput> {
    let all = s3.state().notifications(&input.bucket).ok_or_else(no_bucket)?;
    let (mut functions, mut queues, mut topics) = (Vec::new(), Vec::new(), Vec::new());
    for Notification { id, events, prefix, suffix, target } in all {
        let rules: Vec<FilterRule> = [("Prefix", prefix), ("Suffix", suffix)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| FilterRule { name: Some(FilterRuleName::from_static(name)), value: Some(value) })
            .collect();
        let key = S3KeyFilter { filter_rules: Some(rules) };
        let filter = key.filter_rules.as_ref().is_some_and(|rules| !rules.is_empty());
        let filter = filter.then_some(NotificationConfigurationFilter { key: Some(key) });
        let (id, arn) = (Some(id), target.to_string());
        let events: Vec<Event> = events.into_iter().map(Event::from).collect();
        match target.service() {
            "sqs" => queues.push(QueueConfiguration { events, filter, id, queue_arn: arn }),
            "sns" => topics.push(TopicConfiguration { events, filter, id, topic_arn: arn }),
            _ => functions.push(LambdaFunctionConfiguration { events, filter, id, lambda_function_arn: arn }),
        }
    }
    Ok(GetBucketNotificationConfigurationOutput {
        event_bridge_configuration: None,
        lambda_function_configurations: Some(functions),
        queue_configurations: Some(queues),
        topic_configurations: Some(topics),
    })
}

//! What things are told of their lists of job executions: "Jobs notifications" of the developer guide. These are messages as others
//! are: who may receive them gets them, and rules see them.

use super::service::JobsService;
use drydock_jobs::{Changed, messages};
use serde_json::Value;

/// Tells things whose lists have changed. What is told is what is so now, which may be later than the change: the last that a
/// thing is told is always true.
pub(super) fn tell(service: &JobsService, changed: &[Changed]) {
    let books = &service.host.books;
    for Changed { thing, namespace, list, next } in changed {
        let _telling = service.telling.lock();
        let now = books.now();
        let namespace = namespace.as_deref();
        let suffix = namespace.map(|name| format!("-namespace-{name}")).unwrap_or_default();
        if *list {
            let found = books.jobs.read(|jobs| jobs.list_of(thing, namespace));
            publish(service, &format!("$aws/things/{thing}/jobs/notify{suffix}"), &messages::notify(found, now));
        }
        if *next {
            let found = books.jobs.read(|jobs| jobs.next_of(thing, namespace, &service.host.links, now));
            let body = messages::notify_next(found, now);
            publish(service, &format!("$aws/things/{thing}/jobs/notify-next{suffix}"), &body);
        }
    }
}

fn publish(service: &JobsService, topic: &str, body: &Value) {
    if let Err(error) = service.host.broker.tell(topic, || body.to_string().into()) {
        tracing::warn!(topic, %error, "a notification of jobs could not be sent");
    }
}

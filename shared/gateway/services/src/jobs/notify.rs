//! What things are told of their lists of job executions: "Jobs notifications" of the developer guide. These are messages as others
//! are: who may receive them gets them, and rules see them.

use drydock_host::Host;
use drydock_jobs::{Changed, messages};
use parking_lot::Mutex;
use serde_json::Value;

/// Tells things of their lists.
pub(super) struct Notifier {
    host: Host,
    /// Held while things are told, so that what is told last is what is so.
    telling: Mutex<()>,
}

impl Notifier {
    pub(super) fn new(host: Host) -> Self {
        Self { host, telling: Mutex::default() }
    }

    /// Tells things whose lists have changed. What is told is what is so now, which may be later than the change: the last that
    /// a thing is told is always true.
    pub(super) fn tell(&self, changed: &[Changed]) {
        let books = &self.host.books;
        for Changed { thing, namespace, list, next } in changed {
            let _telling = self.telling.lock();
            let namespace = namespace.as_deref();
            let suffix = namespace.map(|name| format!("-namespace-{name}")).unwrap_or_default();
            if *list {
                self.publish(&format!("$aws/things/{thing}/jobs/notify{suffix}"), || {
                    messages::notify(books.jobs.read(|jobs| jobs.list_of(thing, namespace)), books.now())
                });
            }
            if *next {
                self.publish(&format!("$aws/things/{thing}/jobs/notify-next{suffix}"), || {
                    let now = books.now();
                    let found = books.jobs.read(|jobs| jobs.next_of(thing, namespace, &self.host.links, now));
                    messages::notify_next(found, now)
                });
            }
        }
    }

    /// Nothing is made up where nobody hears it.
    fn publish(&self, topic: &str, body: impl FnOnce() -> Value) {
        if let Err(error) = self.host.broker.tell(topic, || body().to_string().into()) {
            tracing::warn!(topic, %error, "a notification of jobs could not be sent");
        }
    }
}

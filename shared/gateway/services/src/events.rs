//! Each event of the gateway passes here once, on its way to all who are to know of it.

use crate::service::Service;
use drydock_broker::Broker;
use drydock_host::outbox::{Letter, Promise};
use drydock_host::stream::Happened;
use drydock_host::{Host, events, watch};
use std::sync::Arc;

/// Brings an event to all who are to know of it: those who look on first, then the topics that tell of it, then the services. It
/// never waits for a change to be made: changes wait for it.
pub fn deliver(host: &Host, services: &[Arc<dyn Service>], Happened { event, promise }: Happened) {
    watch::event(&host.told.notices, &event);
    host.told.logs.event(&event);
    match promise {
        Promise::Kept(letter) => post(host, &letter),
        Promise::Made => {
            let id = host.books.ids.uuid().to_string();
            if let Some((topic, payload)) = events::message(&host.books.scope, &id, &event) {
                tell(&host.broker, &topic, || payload);
            }
        }
        Promise::None => {
            if let Some(topic) = events::topic(&event) {
                tell(&host.broker, &topic, || events::payload(&host.books.scope, &event).to_string());
            }
        }
    }
    for service in services {
        Arc::clone(service).hears(&event);
    }
}

/// Tells what an earlier run has not: to be called once, before anything else is told.
pub fn catch_up(host: &Host) {
    for letter in host.books.outbox.take_left() {
        post(host, &letter);
    }
}

/// Tells what was promised. The row goes behind the rows of those who receive it: a kill takes it for told only where they have it.
fn post(host: &Host, letter: &Letter) {
    tell(&host.broker, letter.topic(), || letter.payload().to_owned());
    host.books.outbox.told(letter);
}

/// Tells something on a topic. It is made up only where somebody is there to hear it.
fn tell(broker: &Broker, topic: &str, payload: impl FnOnce() -> String) {
    if let Err(error) = broker.tell(topic, || payload().into()) {
        tracing::warn!(%error, topic, "an event could not be told");
    }
}

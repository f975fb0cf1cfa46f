//! What is known of things' connections: from the lifecycle events of clients whose id is a thing's name, or that are attached to
//! a thing exclusively ("Managing thing indexing" of the guide). It lasts as long as the process: after a start nobody is connected.

use drydock_broker::Broker;
use drydock_core::event::{ClientIdentity, DisconnectReason};
use drydock_core::{Event, ThingName};
use drydock_indexing::sources::{Connectivity, LastConnection};
use drydock_registry::Registry;
use drydock_store::Durable;
use parking_lot::Mutex;
use std::collections::HashMap;

/// The last connection of each thing that had one.
#[derive(Debug, Default)]
pub struct Connections(Mutex<HashMap<ThingName, Seen>>);

#[derive(Debug, Clone)]
struct Seen {
    connected: bool,
    last: LastConnection,
}

/// The thing that a client is.
fn thing_of(registry: &Registry, client: &ClientIdentity) -> Option<ThingName> {
    let own = client.exclusive_thing.clone().or_else(|| ThingName::new(&client.client_id).ok())?;
    registry.thing_id(own.as_str()).map(|_| own)
}

impl Connections {
    /// Takes in what happened to a client; gives the thing that it is.
    pub(super) fn hear(&self, registry: &Durable<Registry>, broker: &Broker, event: &Event) -> Option<ThingName> {
        let (client, version, at, reason) = match event {
            Event::ClientConnected { client, version, at } => (client, *version, *at, None),
            Event::ClientDisconnected { client, version, reason, at } => (client, *version, *at, Some(*reason)),
            _ => return None,
        };
        // Not held while the broker is asked, which asks the registry itself.
        let thing = registry.read(|registry| thing_of(registry, client))?;
        let about = broker.connection(&client.client_id);
        let mut seen = self.0.lock();
        // The end of a connection that another has taken the place of says nothing of that.
        let is_past = seen.get(&thing).is_some_and(|now| {
            let is_same = now.last.client_id == client.client_id;
            reason.is_some() && (!is_same && now.connected || is_same && now.last.version > version)
        });
        if is_past {
            return None;
        }
        let last = LastConnection {
            timestamp: at.millis(),
            reason: reason.map(DisconnectReason::as_str),
            version,
            client_id: client.client_id.clone(),
            keep_alive: about.as_ref().map_or(0, |about| about.keep_alive),
            clean_session: about.as_ref().is_some_and(|about| about.clean_session),
            session_expiry: about.as_ref().map_or(0, |about| about.session_expiry),
        };
        seen.insert(thing.clone(), Seen { connected: reason.is_none(), last });
        Some(thing)
    }

    /// Forgets a thing that is gone.
    pub(super) fn forget(&self, thing: &ThingName) {
        self.0.lock().remove(thing);
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    /// What is known of a thing's connection. A client that connected before it was a thing is asked for.
    pub(super) fn of(&self, broker: &Broker, thing: &ThingName) -> Connectivity {
        if let Some(seen) = self.0.lock().get(thing) {
            return Connectivity { connected: seen.connected, last: Some(seen.last.clone()) };
        }
        let Some(about) = broker.connection(thing.as_str()) else { return Connectivity::default() };
        if about.identity.exclusive_thing.as_ref().is_some_and(|own| own != thing) {
            return Connectivity::default();
        }
        let (at, reason) = about.disconnected.map_or((about.connected_since, None), |(at, reason)| (at, Some(reason)));
        let last = LastConnection {
            timestamp: at.millis(),
            reason: reason.map(DisconnectReason::as_str),
            version: about.version,
            client_id: about.identity.client_id.clone(),
            keep_alive: about.keep_alive,
            clean_session: about.clean_session,
            session_expiry: about.session_expiry,
        };
        Connectivity { connected: about.connected, last: Some(last) }
    }
}

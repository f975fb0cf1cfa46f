//! Which thing a connection belongs to. Follows "Associating a principal to a thing" and "Thing policy variables" of the
//! developer guide.

use crate::principals::{Kind, Principal};
use crate::registry::Registry;
use crate::shelf::Thing;
use crate::thing_types::{CLIENT_ID, Propagating, THING_NAME};
use drydock_core::{ThingName, ThingTypeName};
use smol_str::SmolStr;

/// The thing of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributed {
    /// Which.
    pub thing: ThingName,
    /// Whether the principal is attached to it exclusively. Lifecycle events name the thing only then.
    pub exclusive: bool,
    /// What policies may ask about it.
    pub facts: ThingFacts,
}

/// What policy variables say about a thing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThingFacts {
    /// `iot:Connection.Thing.ThingTypeName`.
    pub thing_type: Option<ThingTypeName>,
    /// `iot:Connection.Thing.Attributes[name]`, sorted by name.
    pub attributes: Vec<(SmolStr, SmolStr)>,
}

impl Registry {
    /// The thing of a connection: the one that the principal is exclusively attached to; else the one whose name is the client
    /// id, where the principal is attached to it; else none. `principal` is an ARN, a Cognito identity id or a certificate id.
    #[must_use]
    pub fn attribute(&self, principal: &str, client_id: &str) -> Option<Attributed> {
        let principal = Principal::new(&self.scope, principal);
        let mut things = self.attachments.things(&principal, None);
        // An exclusive attachment is the only one that its principal has.
        if let Some((slot, Kind::Exclusive)) = things.next() {
            return Some(self.attributed(self.shelf.at(slot)?, true));
        }
        let slot = self.shelf.slot(client_id)?;
        self.attachments.kind(slot, &principal)?;
        Some(self.attributed(self.shelf.at(slot)?, false))
    }

    /// What policies may ask about a thing.
    #[must_use]
    pub fn facts(&self, thing: &ThingName) -> Option<ThingFacts> {
        self.shelf.get(thing.as_str()).map(|thing| self.facts_of(thing))
    }

    /// The user properties that messages of a thing on a connection carry, as its type's propagating attributes say. What the
    /// thing does not have, its messages do not carry.
    #[must_use]
    pub fn propagated(&self, thing: &ThingName, client_id: &str) -> Vec<(SmolStr, SmolStr)> {
        let Some(thing) = self.shelf.get(thing.as_str()) else { return Vec::new() };
        let row = thing.thing_type.as_ref().and_then(|of| self.types.get(of));
        let propagating = row.into_iter().flat_map(|row| &row.properties.propagating);
        let value = |of: &Propagating| match (of.thing_attribute.as_deref(), of.connection_attribute.as_deref()) {
            (Some(name), _) => self.shelf.attributes(thing).find(|(of, _)| *of == name).map(|(_, value)| value.into()),
            (_, Some(CLIENT_ID)) => Some(SmolStr::new(client_id)),
            (_, Some(THING_NAME)) => Some(SmolStr::new(thing.name.as_str())),
            _ => None,
        };
        propagating.filter_map(|of| Some((SmolStr::new(&of.key), value(of)?))).collect()
    }

    fn attributed(&self, thing: &Thing, exclusive: bool) -> Attributed {
        Attributed { thing: thing.name.clone(), exclusive, facts: self.facts_of(thing) }
    }

    fn facts_of(&self, thing: &Thing) -> ThingFacts {
        let attributes = self.shelf.attributes(thing).map(|(name, value)| (name.into(), value.into())).collect();
        ThingFacts { thing_type: thing.thing_type.clone(), attributes }
    }
}

//! Things as they are kept, and the indexes over them.

use drydock_core::{ThingName, ThingTypeName};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use uuid::Uuid;

/// A thing's place on the shelf.
pub(crate) type Slot = u32;
/// An attribute's name, as a number.
type NameId = u32;

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thing {
    pub(crate) name: ThingName,
    pub(crate) id: Uuid,
    /// Starts at 1 and goes up with each update.
    pub(crate) version: i64,
    pub(crate) thing_type: Option<ThingTypeName>,
    /// Sorted by name.
    attributes: Box<[(NameId, SmolStr)]>,
}

/// Every thing.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    things: Vec<Option<Thing>>,
    free: Vec<Slot>,
    by_name: BTreeMap<ThingName, Slot>,
    names: Names,
    /// One entry per attribute of a thing: name, value, thing. Walking a value's entries walks its things.
    by_attribute: BTreeSet<(NameId, SmolStr, Slot)>,
    by_type: BTreeSet<(ThingTypeName, Slot)>,
}

/// The attribute names in use, each once. A name stays when its last attribute goes: fleets use few.
#[derive(Debug, Default)]
struct Names {
    ids: HashMap<SmolStr, NameId>,
    texts: Vec<SmolStr>,
}

impl Names {
    fn id(&mut self, name: &str) -> NameId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = NameId::try_from(self.texts.len()).unwrap_or(NameId::MAX);
        self.texts.push(name.into());
        self.ids.insert(name.into(), id);
        id
    }

    fn text(&self, id: NameId) -> &str {
        usize::try_from(id).ok().and_then(|index| self.texts.get(index)).map_or("", SmolStr::as_str)
    }
}

impl Shelf {
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn slot(&self, name: &str) -> Option<Slot> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn at(&self, slot: Slot) -> Option<&Thing> {
        self.things.get(usize::try_from(slot).ok()?)?.as_ref()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Thing> {
        self.at(self.slot(name)?)
    }

    /// A thing's attributes, by name.
    pub(crate) fn attributes<'a>(&'a self, thing: &'a Thing) -> impl Iterator<Item = (&'a str, &'a str)> {
        thing.attributes.iter().map(|(name, value)| (self.names.text(*name), value.as_str()))
    }

    /// Puts a thing on the shelf, in the place of the one of its name where there is one.
    pub(crate) fn put(
        &mut self,
        name: ThingName,
        id: Uuid,
        version: i64,
        thing_type: Option<ThingTypeName>,
        attributes: &BTreeMap<SmolStr, SmolStr>,
    ) {
        let attributes = attributes.iter().map(|(name, value)| (self.names.id(name), value.clone())).collect();
        let thing = Thing { name: name.clone(), id, version, thing_type, attributes };
        let slot = match self.by_name.get(&name) {
            Some(slot) => {
                let slot = *slot;
                self.forget(slot);
                slot
            }
            None => {
                let slot = self.free.pop().unwrap_or_else(|| {
                    self.things.push(None);
                    Slot::try_from(self.things.len() - 1).unwrap_or(Slot::MAX)
                });
                self.by_name.insert(name, slot);
                slot
            }
        };
        for (attribute, value) in &thing.attributes {
            self.by_attribute.insert((*attribute, value.clone(), slot));
        }
        if let Some(of) = &thing.thing_type {
            self.by_type.insert((of.clone(), slot));
        }
        if let Some(place) = usize::try_from(slot).ok().and_then(|index| self.things.get_mut(index)) {
            *place = Some(thing);
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let Some(slot) = self.by_name.remove(name) else { return };
        self.forget(slot);
        self.free.push(slot);
    }

    /// Takes a thing out of its place and out of the indexes.
    fn forget(&mut self, slot: Slot) {
        let place = usize::try_from(slot).ok().and_then(|index| self.things.get_mut(index));
        let Some(thing) = place.and_then(Option::take) else { return };
        for (attribute, value) in thing.attributes {
            self.by_attribute.remove(&(attribute, value, slot));
        }
        if let Some(of) = thing.thing_type {
            self.by_type.remove(&(of, slot));
        }
    }

    /// Every thing after a name, by name.
    pub(crate) fn after<'a>(&'a self, name: Option<&str>) -> impl Iterator<Item = &'a Thing> + use<'a> {
        let from = name.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_name.range::<str, _>((from, Bound::Unbounded)).filter_map(|(_, slot)| self.at(*slot))
    }

    /// The things of a type after a place, in the order of their places.
    pub(crate) fn of_type<'a>(
        &'a self,
        thing_type: &ThingTypeName,
        after: Option<Slot>,
    ) -> impl Iterator<Item = (Slot, &'a Thing)> + use<'a> {
        let wanted = thing_type.clone();
        let from = match after {
            Some(slot) => Bound::Excluded((wanted.clone(), slot)),
            None => Bound::Included((wanted.clone(), Slot::MIN)),
        };
        let entries = self.by_type.range((from, Bound::Unbounded)).take_while(move |(of, _)| *of == wanted);
        entries.filter_map(|(_, slot)| Some((*slot, self.at(*slot)?)))
    }

    /// The things that have an attribute, by its value and then by place: with one value, with values that begin with a text,
    /// or (the empty text) with any.
    pub(crate) fn with_attribute<'a>(
        &'a self,
        name: &str,
        value: &str,
        prefix: bool,
        after: Option<(&str, Slot)>,
    ) -> impl Iterator<Item = (&'a str, Slot, &'a Thing)> + use<'a> {
        let value = SmolStr::new(value);
        let attribute = self.names.ids.get(name).copied();
        let from = attribute.map(|id| match after {
            Some((value, slot)) => Bound::Excluded((id, SmolStr::new(value), slot)),
            None => Bound::Included((id, value.clone(), Slot::MIN)),
        });
        let entries = from.into_iter().flat_map(|from| self.by_attribute.range((from, Bound::Unbounded)));
        let entries = entries.take_while(move |(of, found, _)| {
            Some(*of) == attribute && if prefix { found.starts_with(value.as_str()) } else { *found == value }
        });
        entries.filter_map(|(_, value, slot)| Some((value.as_str(), *slot, self.at(*slot)?)))
    }
}

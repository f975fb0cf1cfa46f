//! The inverted index: which documents have which value in which field.
//!
//! A document is known by a number of four bytes; a value of a field is an entry of its own, with the documents that have it.
//! `postings`: sets of documents. `search`: which documents a query asks for. [`crate::aggregate`]: what their values come to.

mod postings;
mod search;

use crate::document::Document;
use crate::value::Value;
use postings::Postings;
pub use roaring::RoaringBitmap as Hits;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap};

/// A document's number.
pub type Slot = u32;
/// A field's number.
type FieldId = u32;
/// The number of a value of a field.
type EntryId = u32;

/// An index over documents, each known by its name.
#[derive(Debug, Default)]
pub struct Index {
    slots: HashMap<SmolStr, Slot>,
    documents: Vec<Option<Kept>>,
    free: Vec<Slot>,
    all: Hits,
    names: HashMap<SmolStr, FieldId>,
    fields: Vec<FieldEntry>,
    free_fields: Vec<FieldId>,
    entries: Vec<Option<Entry>>,
    free_entries: Vec<EntryId>,
}

/// A document: its name, and its values, sorted by their numbers.
#[derive(Debug)]
struct Kept {
    name: SmolStr,
    entries: Box<[EntryId]>,
}

/// A field that some document has.
#[derive(Debug, Default)]
struct FieldEntry {
    name: SmolStr,
    values: BTreeMap<Value, EntryId>,
    /// In how many documents each of its values is, summed up: what a search of all of them costs at most.
    weight: u64,
}

/// A value of a field.
#[derive(Debug)]
struct Entry {
    field: FieldId,
    value: Value,
    documents: Postings,
}

impl Index {
    /// An index without documents.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The name of a document.
    #[must_use]
    pub fn name(&self, slot: Slot) -> Option<&str> {
        self.kept(slot).map(|kept| kept.name.as_str())
    }

    /// The number of the document of a name.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<Slot> {
        self.slots.get(name).copied()
    }

    /// The names of all documents.
    pub fn names(&self) -> impl Iterator<Item = &SmolStr> {
        self.slots.keys()
    }

    /// The names of all fields that some document has.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(SmolStr::as_str)
    }

    /// The document of a name, put together again.
    #[must_use]
    pub fn document(&self, name: &str) -> Option<Document> {
        let kept = self.kept(self.slot(name)?)?;
        let fields = kept.entries.iter().filter_map(|id| {
            let entry = self.entry(*id)?;
            Some((self.field(entry.field)?.name.clone(), entry.value.clone()))
        });
        Some(Document::new(fields))
    }

    /// Puts a document in, in the place of the one of its name where there is one. What is the same in both is not touched.
    /// Gives its number, and whether anything has changed.
    pub fn put(&mut self, name: &str, document: &Document) -> (Slot, bool) {
        let (slot, is_new) = match self.slots.get(name) {
            Some(slot) => (*slot, false),
            None => (self.new_slot(name), true),
        };
        let mut wanted: Vec<EntryId> = Vec::with_capacity(document.fields().count());
        for (field, value) in document.fields() {
            wanted.push(self.entry_of(field, value));
        }
        wanted.sort_unstable();
        let place = place(slot);
        let present = self.documents.get_mut(place).and_then(Option::as_mut);
        let present = present.map(|kept| std::mem::take(&mut kept.entries)).unwrap_or_default();
        let gone: Vec<EntryId> = present.iter().filter(|id| wanted.binary_search(id).is_err()).copied().collect();
        let new: Vec<EntryId> = wanted.iter().filter(|id| present.binary_search(id).is_err()).copied().collect();
        let is_other = is_new || !gone.is_empty() || !new.is_empty();
        // New ones first: an entry that this document alone has must not go and come again.
        for id in new {
            self.enter(slot, id);
        }
        for id in gone {
            self.leave(slot, id);
        }
        if let Some(kept) = self.documents.get_mut(place).and_then(Option::as_mut) {
            kept.entries = wanted.into();
        }
        (slot, is_other)
    }

    /// Takes a document out; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some(slot) = self.slots.remove(name) else { return false };
        self.all.remove(slot);
        if let Some(kept) = self.documents.get_mut(place(slot)).and_then(Option::take) {
            for id in kept.entries {
                self.leave(slot, id);
            }
        }
        self.free.push(slot);
        true
    }

    fn new_slot(&mut self, name: &str) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.documents.push(None);
            number(self.documents.len() - 1)
        });
        let name = SmolStr::new(name);
        self.slots.insert(name.clone(), slot);
        self.all.insert(slot);
        if let Some(place) = self.documents.get_mut(place(slot)) {
            *place = Some(Kept { name, entries: Box::default() });
        }
        slot
    }

    /// The entry of a value; made where there is none, for a document that is then put into it.
    fn entry_of(&mut self, field: &str, value: &Value) -> EntryId {
        let field = match self.names.get(field) {
            Some(id) => *id,
            None => self.new_field(field),
        };
        if let Some(id) = self.field(field).and_then(|entry| entry.values.get(value)) {
            return *id;
        }
        let id = self.free_entries.pop().unwrap_or_else(|| {
            self.entries.push(None);
            number(self.entries.len() - 1)
        });
        if let Some(place) = self.entries.get_mut(place(id)) {
            *place = Some(Entry { field, value: value.clone(), documents: Postings::default() });
        }
        if let Some(entry) = self.fields.get_mut(place(field)) {
            entry.values.insert(value.clone(), id);
        }
        id
    }

    fn new_field(&mut self, name: &str) -> FieldId {
        let id = self.free_fields.pop().unwrap_or_else(|| {
            self.fields.push(FieldEntry::default());
            number(self.fields.len() - 1)
        });
        let name = SmolStr::new(name);
        self.names.insert(name.clone(), id);
        if let Some(place) = self.fields.get_mut(place(id)) {
            *place = FieldEntry { name, ..FieldEntry::default() };
        }
        id
    }

    fn enter(&mut self, slot: Slot, id: EntryId) {
        let Some(entry) = self.entries.get_mut(place(id)).and_then(Option::as_mut) else { return };
        entry.documents.insert(slot);
        if let Some(field) = self.fields.get_mut(place(entry.field)) {
            field.weight += 1;
        }
    }

    /// Takes a document out of an entry; an entry without documents goes, and a field without entries.
    fn leave(&mut self, slot: Slot, id: EntryId) {
        let Some(kept) = self.entries.get_mut(place(id)) else { return };
        let Some(entry) = kept.as_mut() else { return };
        entry.documents.remove(slot);
        let is_empty = entry.documents.is_empty();
        let field_id = entry.field;
        let Some(field) = self.fields.get_mut(place(field_id)) else { return };
        field.weight = field.weight.saturating_sub(1);
        if !is_empty {
            return;
        }
        field.values.remove(&entry.value);
        *kept = None;
        self.free_entries.push(id);
        if field.values.is_empty() {
            self.names.remove(&field.name);
            *field = FieldEntry::default();
            self.free_fields.push(field_id);
        }
    }

    fn kept(&self, slot: Slot) -> Option<&Kept> {
        self.documents.get(place(slot))?.as_ref()
    }

    fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.entries.get(place(id))?.as_ref()
    }

    fn field(&self, id: FieldId) -> Option<&FieldEntry> {
        self.fields.get(place(id))
    }

    /// How often each value of a field is in some documents, in the order of the values.
    pub(crate) fn histogram(&self, field: &str, among: &Hits) -> BTreeMap<&Value, u64> {
        let mut counts = BTreeMap::new();
        let Some((id, field)) = self.names.get(field).and_then(|id| Some((*id, self.field(*id)?))) else {
            return counts;
        };
        if among.len() >= field.values.len() as u64 {
            for (value, id) in &field.values {
                let count = self.entry(*id).map_or(0, |entry| entry.documents.count_in(among));
                if count > 0 {
                    counts.insert(value, count);
                }
            }
            return counts;
        }
        for kept in among.iter().filter_map(|slot| self.kept(slot)) {
            let entries = kept.entries.iter().filter_map(|entry| self.entry(*entry));
            for entry in entries.filter(|entry| entry.field == id) {
                *counts.entry(&entry.value).or_default() += 1;
            }
        }
        counts
    }
}

/// Where something of a number is.
fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The number of a place: there are never so many.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

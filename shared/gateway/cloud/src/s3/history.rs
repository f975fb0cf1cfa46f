//! How objects come, go and are superseded: what is current, and the history behind it, change together.

use super::object::ObjectRow;
use super::state::{Bucket, OBJECTS, State, VERSIONS, json, path};
use super::versions::{Change, Entry, EntryRow, Found, Marker, Versioning, named};
use crate::error::CloudError;
use drydock_core::{CorruptRow, Timestamp, Write};
use std::sync::Arc;

impl Bucket {
    /// The id of a version as it is told: not at all where the bucket never kept any.
    pub(super) fn shown(&self, version: Option<&str>) -> Option<String> {
        (!self.row.versioning.is_off()).then(|| named(version).to_owned())
    }

    /// What a key has now, or what it has by the id of a version.
    pub(super) fn find(&self, key: &str, version: Option<&str>) -> Found {
        let history = self.history.get(key).map(Vec::as_slice).unwrap_or_default();
        let current = self.objects.get(key);
        match (version, current) {
            (None, Some(row)) => Found::Object(Arc::clone(row)),
            (None, None) => history.last().map_or(Found::Nothing, Entry::found),
            (Some(id), Some(row)) if named(row.version.as_deref()) == id => Found::Object(Arc::clone(row)),
            (Some(id), _) => {
                history.iter().rfind(|entry| named(entry.version()) == id).map_or(Found::Nothing, Entry::found)
            }
        }
    }
}

/// A key of a bucket while it is changed.
struct Changing<'b> {
    name: &'b str,
    key: &'b str,
    bucket: &'b mut Bucket,
    next_place: &'b mut u64,
    /// Whether it had a current object.
    had: bool,
    change: Change,
}

impl Changing<'_> {
    /// Adds to the history.
    fn push(&mut self, row: EntryRow) {
        let entry = Entry { place: *self.next_place, row: Arc::new(row) };
        *self.next_place += 1;
        self.change.writes.push(Write::put(VERSIONS, entry.path(self.name, self.key), json(&*entry.row)));
        self.bucket.history.entry(self.key.to_owned()).or_default().push(entry);
    }

    /// Takes an entry out of the history, without its file.
    fn take(&mut self, matches: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let entries = self.bucket.history.get_mut(self.key)?;
        let at = entries.iter().rposition(matches)?;
        let entry = entries.remove(at);
        if entries.is_empty() {
            self.bucket.history.remove(self.key);
        }
        self.change.writes.push(Write::delete(VERSIONS, entry.path(self.name, self.key)));
        Some(entry)
    }

    /// Deletes the null version, of which there is one at most.
    fn drop_null(&mut self) {
        if self.bucket.objects.get(self.key).is_some_and(|row| row.version.is_none()) {
            self.drop_current();
            return;
        }
        if let Some(row) = self.take(|entry| entry.version().is_none()).as_ref().and_then(Entry::object) {
            self.change.gone.push(row.blob.clone());
        }
    }

    fn drop_current(&mut self) {
        self.change.gone.extend(self.bucket.objects.remove(self.key).map(|row| row.blob.clone()));
    }

    /// What is current becomes an older version.
    fn supersede(&mut self) {
        if let Some(row) = self.bucket.objects.remove(self.key) {
            self.push(EntryRow::Object(Arc::unwrap_or_clone(row)));
        }
    }

    fn set_current(&mut self, row: ObjectRow) {
        self.change.writes.push(Write::put(OBJECTS, path(self.name, self.key), json(&row)));
        self.bucket.objects.insert(self.key.to_owned(), Arc::new(row));
    }

    /// Where the newest that is left is a version, it is current again.
    fn promote(&mut self) {
        if self.bucket.objects.contains_key(self.key) {
            return;
        }
        let newest = self.bucket.history.get(self.key).and_then(|entries| entries.last());
        let Some((place, row)) = newest.and_then(|entry| Some((entry.place, entry.object()?.clone()))) else { return };
        self.take(|entry| entry.place == place);
        self.set_current(row);
    }

    fn done(mut self) -> Change {
        if self.had && !self.bucket.objects.contains_key(self.key) {
            self.change.writes.push(Write::delete(OBJECTS, path(self.name, self.key)));
        }
        self.change
    }
}

impl State {
    fn changing<'b>(&'b mut self, name: &'b str, key: &'b str) -> Option<Changing<'b>> {
        let bucket = self.buckets.get_mut(name)?;
        let had = bucket.objects.contains_key(key);
        Some(Changing { name, key, bucket, next_place: &mut self.next_place, had, change: Change::default() })
    }

    pub(super) fn load_entry(&mut self, path: &str, row: EntryRow) -> Result<(), CloudError> {
        let corrupt = |why: &str| CorruptRow { table: VERSIONS.into(), key: path.to_owned(), why: why.to_owned() };
        let mut parts = path.splitn(3, '/');
        let (Some(bucket), Some(place), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(corrupt("its key is not a bucket, a place and a key").into());
        };
        let place = u64::from_str_radix(place, 16).map_err(|_| corrupt("its place is not a number"))?;
        self.next_place = self.next_place.max(place + 1);
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.history.entry(key.to_owned()).or_default().push(Entry { place, row: Arc::new(row) });
        }
        Ok(())
    }

    /// Puts an object: in the place of the current one, or before it where versions are kept, under the id `new`; `None` where
    /// there is no such bucket.
    pub(super) fn insert(&mut self, bucket: &str, key: &str, mut row: ObjectRow, new: String) -> Option<Change> {
        let mut at = self.changing(bucket, key)?;
        row.version = None;
        if at.bucket.row.versioning == Versioning::Enabled {
            row.version = Some(new);
        } else {
            at.drop_null();
        }
        at.supersede();
        at.change.version = at.bucket.shown(row.version.as_deref());
        at.set_current(row);
        Some(at.done())
    }

    /// Deletes an object where it is there; where versions are kept, a delete marker says so, whether it was there or not.
    pub(super) fn remove(&mut self, bucket: &str, key: &str, now: Timestamp, new: String) -> Change {
        let Some(mut at) = self.changing(bucket, key) else { return Change::default() };
        let version = match at.bucket.row.versioning {
            Versioning::Off => {
                at.drop_current();
                return at.done();
            }
            Versioning::Enabled => Some(new),
            Versioning::Suspended => {
                at.drop_null();
                None
            }
        };
        at.supersede();
        at.change.version = at.bucket.shown(version.as_deref());
        at.change.marker = true;
        at.push(EntryRow::Marker(Marker { version, modified: now }));
        at.done()
    }

    /// Deletes a version for good, or a delete marker, where it is there: what came before is current again.
    pub(super) fn remove_version(&mut self, bucket: &str, key: &str, id: &str) -> Change {
        let Some(mut at) = self.changing(bucket, key) else { return Change::default() };
        let is_current = at.bucket.objects.get(key).is_some_and(|row| named(row.version.as_deref()) == id);
        if is_current {
            at.drop_current();
        } else if let Some(entry) = at.take(|entry| named(entry.version()) == id) {
            at.change.marker = entry.marker().is_some();
            at.change.gone.extend(entry.object().map(|row| row.blob.clone()));
        }
        at.promote();
        at.change.version = Some(id.to_owned()).filter(|_| !at.bucket.row.versioning.is_off());
        at.done()
    }
}

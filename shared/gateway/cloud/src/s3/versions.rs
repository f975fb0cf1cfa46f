//! Versions of objects, and delete markers. Follows "Retaining multiple versions of objects with S3 Versioning" of the Amazon S3
//! user guide.
//!
//! A key has at most one current object, which lists and readers find as in any bucket, and a history of what was current before.
//! Where it was deleted the history ends with a delete marker, and there is no current object.

use super::state::{Bucket, OBJECTS, ObjectRow, State, VERSIONS, json, path};
use crate::error::CloudError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drydock_core::{CorruptRow, Ids, Timestamp, Write};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The id of the version that was put while no versions were kept.
pub(super) const NULL: &str = "null";
/// How many characters an id of a version has.
const LENGTH: usize = 32;

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Versioning {
    /// It never did.
    #[default]
    Off,
    /// Each object that is put is a version of its own.
    Enabled,
    /// It did; what is put now is the null version.
    Suspended,
}

impl Versioning {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// An older version, or a delete marker, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum EntryRow {
    Object(ObjectRow),
    Marker(Marker),
}

/// Says that the object of a key was deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Marker {
    /// `None` for the null version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    pub(super) modified: Timestamp,
}

/// An entry of a history.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    place: u64,
    row: Arc<EntryRow>,
}

/// What there is of a key.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Object(Arc<ObjectRow>),
    Marker(Marker),
    Nothing,
}

/// What a change of an object comes to.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) writes: Vec<Write>,
    /// The files that nothing refers to any more.
    pub(super) gone: Vec<String>,
    /// The version that was made or deleted, where the bucket was ever told to keep them.
    pub(super) version: Option<String>,
    /// Whether that is a delete marker.
    pub(super) marker: bool,
}

/// The id of a new version: as long as AWS's are, and of the same signs.
pub(super) fn new_id(ids: &dyn Ids) -> String {
    let mut bytes = [0_u8; 24];
    ids.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes).replace('-', ".")
}

/// Whether a text can be the id of a version.
pub(super) fn is_id(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
    text == NULL || (text.len() == LENGTH && text.bytes().all(sign))
}

fn named(version: Option<&str>) -> &str {
    version.unwrap_or(NULL)
}

impl Entry {
    pub(super) fn object(&self) -> Option<&ObjectRow> {
        match &*self.row {
            EntryRow::Object(row) => Some(row),
            EntryRow::Marker(_) => None,
        }
    }

    pub(super) fn marker(&self) -> Option<&Marker> {
        match &*self.row {
            EntryRow::Object(_) => None,
            EntryRow::Marker(marker) => Some(marker),
        }
    }

    pub(super) fn version(&self) -> Option<&str> {
        match &*self.row {
            EntryRow::Object(row) => row.version.as_deref(),
            EntryRow::Marker(marker) => marker.version.as_deref(),
        }
    }

    fn found(&self) -> Found {
        match &*self.row {
            EntryRow::Object(row) => Found::Object(Arc::new(row.clone())),
            EntryRow::Marker(marker) => Found::Marker(marker.clone()),
        }
    }

    /// The key of its row: the order of these is the order of the history.
    pub(super) fn path(&self, bucket: &str, key: &str) -> String {
        format!("{bucket}/{:016x}/{key}", self.place)
    }
}

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

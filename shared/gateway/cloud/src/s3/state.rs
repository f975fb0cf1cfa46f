//! Buckets, objects and unfinished uploads in memory, and their rows in the journal.

use super::checksums::Sums;
use super::notifications::{Happened, Notification};
use super::object::{Headers, ObjectRow};
use super::versions::{Entry, EntryRow, Versioning};
use crate::error::CloudError;
use crate::journal::Rows;
use drydock_core::{Timestamp, Write};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

const BUCKETS: &str = "s3_buckets";
pub(super) const OBJECTS: &str = "s3_objects";
/// What is not a current object: older versions, and delete markers.
pub(super) const VERSIONS: &str = "s3_versions";
const UPLOADS: &str = "s3_uploads";
const NOTIFICATIONS: &str = "s3_notifications";

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its entity tag, without quotes.
    pub etag: String,
    /// When it was put there.
    pub modified: Timestamp,
    /// Which version it is, where its bucket was ever told to keep versions: `null` for one that was put when it kept none.
    pub version: Option<String>,
}

/// Everything that S3 knows.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Bucket>,
    uploads: BTreeMap<String, UploadRow>,
    /// The place of the next entry of a history: what comes later is newer, whatever the clock says.
    pub(super) next_place: u64,
}

/// A bucket and its objects.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) row: BucketRow,
    /// The current objects. A key that is not here has none, or a delete marker is the last of its history.
    pub(super) objects: BTreeMap<String, Arc<ObjectRow>>,
    /// By key, oldest first.
    pub(super) history: BTreeMap<String, Vec<Entry>>,
    /// Who is told of its objects.
    notifications: Vec<Notification>,
}

/// A bucket as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BucketRow {
    pub(super) created: Timestamp,
    /// Whether it is the gateway's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) hidden: bool,
    #[serde(default, skip_serializing_if = "Versioning::is_off")]
    pub(super) versioning: Versioning,
}

/// An unfinished upload as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UploadRow {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) begun: Timestamp,
    pub(super) headers: Headers,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) algorithm: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) composite: bool,
    pub(super) parts: BTreeMap<i32, PartRow>,
}

/// A part of an upload as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartRow {
    pub(super) blob: String,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    pub(super) sums: Sums,
}

impl Bucket {
    fn new(row: BucketRow) -> Self {
        Self { row, objects: BTreeMap::new(), history: BTreeMap::new(), notifications: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.history.is_empty()
    }

    pub(super) fn facts(&self, key: &str, row: &ObjectRow) -> ObjectFacts {
        ObjectFacts {
            key: key.to_owned(),
            size: row.size,
            etag: row.etag.clone(),
            modified: row.modified,
            version: self.shown(row.version.as_deref()),
        }
    }

    /// The objects whose keys begin with a prefix.
    pub(super) fn from<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Arc<ObjectRow>)> {
        let range = (Bound::Included(prefix), Bound::Unbounded);
        let all = self.objects.range::<str, _>(range).map(|(key, row)| (key.as_str(), row));
        all.take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// The first key behind a key that has an object, older versions or a delete marker.
    pub(super) fn next_key(&self, from: Bound<&str>) -> Option<&str> {
        let current = self.objects.range::<str, _>((from, Bound::Unbounded)).next().map(|(key, _)| key.as_str());
        let older = self.history.range::<str, _>((from, Bound::Unbounded)).next().map(|(key, _)| key.as_str());
        current.into_iter().chain(older).min()
    }

    /// The first object behind a key.
    pub(super) fn next(&self, from: Bound<&str>) -> Option<(&str, &Arc<ObjectRow>)> {
        self.objects.range::<str, _>((from, Bound::Unbounded)).next().map(|(key, row)| (key.as_str(), row))
    }
}

impl State {
    pub(super) fn load(rows: &Rows) -> Result<Self, CloudError> {
        let mut state = Self::default();
        for (name, row) in rows.table::<BucketRow>(BUCKETS)? {
            state.buckets.insert(name, Bucket::new(row));
        }
        for (path, row) in rows.table::<ObjectRow>(OBJECTS)? {
            if let Some((bucket, key)) = path.split_once('/')
                && let Some(bucket) = state.buckets.get_mut(bucket)
            {
                bucket.objects.insert(key.to_owned(), Arc::new(row));
            }
        }
        // In the order of their places, which their keys begin with.
        for (path, row) in rows.table::<EntryRow>(VERSIONS)? {
            state.load_entry(&path, row)?;
        }
        state.uploads.extend(rows.table::<UploadRow>(UPLOADS)?);
        for (bucket, notifications) in rows.table::<Vec<Notification>>(NOTIFICATIONS)? {
            if let Some(bucket) = state.buckets.get_mut(&bucket) {
                bucket.notifications = notifications;
            }
        }
        Ok(state)
    }

    /// Every file that something refers to.
    pub(super) fn blobs(&self) -> HashSet<String> {
        let current = self.buckets.values().flat_map(|bucket| bucket.objects.values()).map(|row| row.blob.clone());
        let older = self.buckets.values().flat_map(|bucket| bucket.history.values().flatten());
        let objects = current.chain(older.filter_map(|entry| entry.object()).map(|row| row.blob.clone()));
        let parts = self.uploads.values().flat_map(|upload| upload.parts.values()).map(|part| part.blob.clone());
        objects.chain(parts).collect()
    }

    pub(super) fn buckets(&self) -> impl Iterator<Item = (&str, &Bucket)> {
        self.buckets.iter().map(|(name, bucket)| (name.as_str(), bucket))
    }

    pub(super) fn bucket(&self, name: &str) -> Option<&Bucket> {
        self.buckets.get(name)
    }

    pub(super) fn ensure_bucket(&mut self, name: &str, hidden: bool, now: Timestamp) -> Vec<Write> {
        if self.buckets.contains_key(name) {
            return Vec::new();
        }
        let row = BucketRow { created: now, hidden, versioning: Versioning::Off };
        let write = Write::put(BUCKETS, name, json(&row));
        self.buckets.insert(name.to_owned(), Bucket::new(row));
        vec![write]
    }

    /// Has a bucket keep versions or not; `None` where there is no such bucket.
    pub(super) fn set_versioning(&mut self, name: &str, versioning: Versioning) -> Option<Vec<Write>> {
        let row = &mut self.buckets.get_mut(name)?.row;
        row.versioning = versioning;
        Some(vec![Write::put(BUCKETS, name, json(row))])
    }

    pub(super) fn remove_bucket(&mut self, name: &str) -> Vec<Write> {
        self.buckets.remove(name);
        vec![Write::delete(BUCKETS, name), Write::delete(NOTIFICATIONS, name)]
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> Option<Arc<ObjectRow>> {
        self.buckets.get(bucket)?.objects.get(key).cloned()
    }

    /// Sets who is told of a bucket's objects, and whether that is `kept`; `None` where there is no such bucket.
    pub(super) fn tell_of(&mut self, bucket: &str, notifications: Vec<Notification>, kept: bool) -> Option<Vec<Write>> {
        let held = &mut self.buckets.get_mut(bucket)?.notifications;
        let keep = kept && !notifications.is_empty();
        let write = if keep {
            Write::put(NOTIFICATIONS, bucket, json(&notifications))
        } else {
            Write::delete(NOTIFICATIONS, bucket)
        };
        *held = notifications;
        Some(vec![write])
    }

    /// Who is told of a bucket's objects; `None` where there is no such bucket.
    pub(super) fn notifications(&self, bucket: &str) -> Option<Vec<Notification>> {
        self.buckets.get(bucket).map(|bucket| bucket.notifications.clone())
    }

    /// Who is told of an object.
    pub(super) fn told(&self, bucket: &str, key: &str, happened: Happened) -> impl Iterator<Item = &Notification> {
        let all = self.buckets.get(bucket).into_iter().flat_map(|bucket| &bucket.notifications);
        all.filter(move |notification| notification.is_for(key, happened))
    }

    pub(super) fn upload(&self, id: &str, bucket: &str, key: &str) -> Option<&UploadRow> {
        self.uploads.get(id).filter(|upload| upload.bucket == bucket && upload.key == key)
    }

    pub(super) fn uploads(&self, bucket: &str) -> impl Iterator<Item = (&str, &UploadRow)> {
        let all = self.uploads.iter().map(|(id, upload)| (id.as_str(), upload));
        all.filter(move |(_, upload)| upload.bucket == bucket)
    }

    /// The uploads without a part, or a beginning, since a time.
    pub(super) fn idle_uploads(&self, since: Timestamp) -> Vec<String> {
        let last = |upload: &UploadRow| upload.parts.values().map(|part| part.modified).max().unwrap_or(upload.begun);
        self.uploads.iter().filter(|(_, upload)| last(upload) < since).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn begin_upload(&mut self, id: &str, row: UploadRow) -> Vec<Write> {
        let write = Write::put(UPLOADS, id, json(&row));
        self.uploads.insert(id.to_owned(), row);
        vec![write]
    }

    /// Adds a part, and gives the file of the one that it replaces; `None` where the upload is over.
    pub(super) fn add_part(&mut self, id: &str, number: i32, part: PartRow) -> Option<(Option<String>, Vec<Write>)> {
        let upload = self.uploads.get_mut(id)?;
        let old = upload.parts.insert(number, part).map(|old| old.blob);
        Some((old, vec![Write::put(UPLOADS, id, json(upload))]))
    }

    /// Ends an upload, and gives it.
    pub(super) fn end_upload(&mut self, id: &str) -> (Option<UploadRow>, Vec<Write>) {
        (self.uploads.remove(id), vec![Write::delete(UPLOADS, id)])
    }

    /// Forgets everything, and gives the files that nothing refers to any more.
    pub(super) fn clear(&mut self) -> (HashSet<String>, Vec<Write>) {
        let blobs = self.blobs();
        let mut writes = Vec::new();
        for (name, bucket) in std::mem::take(&mut self.buckets) {
            writes.extend(bucket.objects.keys().map(|key| Write::delete(OBJECTS, path(&name, key))));
            writes.push(Write::delete(NOTIFICATIONS, name.clone()));
            for (key, entries) in &bucket.history {
                writes.extend(entries.iter().map(|entry| Write::delete(VERSIONS, entry.path(&name, key))));
            }
            writes.push(Write::delete(BUCKETS, name));
        }
        writes.extend(std::mem::take(&mut self.uploads).into_keys().map(|id| Write::delete(UPLOADS, id)));
        (blobs, writes)
    }
}

/// The key of an object's row: a bucket's name has no slash.
pub(super) fn path(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}")
}

pub(super) fn json(row: &impl Serialize) -> String {
    // Rows are structs of texts and numbers: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

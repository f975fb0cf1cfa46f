//! Versions of objects, and delete markers. Follows "Retaining multiple versions of objects with S3 Versioning" of the Amazon S3
//! user guide.
//!
//! A key has at most one current object, which lists and readers find as in any bucket, and a history of what was current before.
//! Where it was deleted the history ends with a delete marker, and there is no current object.

use super::object::ObjectRow;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drydock_core::{Ids, Timestamp, Write};
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
#[expect(clippy::large_enum_variant, reason = "each is behind a pointer of its own, and most are objects")]
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
    pub(super) place: u64,
    pub(super) row: Arc<EntryRow>,
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

pub(super) fn named(version: Option<&str>) -> &str {
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

    pub(super) fn found(&self) -> Found {
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

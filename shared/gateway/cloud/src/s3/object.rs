//! An object as it is kept.

use super::blob::Written;
use super::checksums::Sums;
use drydock_core::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an object is sent with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Headers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<String>,
    /// The user's own, without `x-amz-meta-`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<String, String>,
}

/// An object as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ObjectRow {
    pub(super) blob: String,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    pub(super) headers: Headers,
    pub(super) sums: Sums,
    /// Whether the sums are of the parts' sums (`COMPOSITE`); else they are of the bytes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) composite: bool,
    /// `None` for the null version: one that was put while no versions were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
}

impl ObjectRow {
    pub(super) fn new(written: Written, headers: Headers, modified: Timestamp) -> Self {
        let Written { blob, size, md5, sums } = written;
        Self { blob, size, etag: md5, modified, headers, sums, composite: false, version: None }
    }
}

//! A shadow as it is stored: one row, of JSON.

use crate::document::{Object, Section, Shadow};
use crate::metadata::fits;
use drydock_core::{ApiError, ErrorCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The row of a shadow. Its times are milliseconds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(default, skip_serializing_if = "is_empty")]
    desired: Cow<'a, Object>,
    #[serde(default, skip_serializing_if = "is_empty")]
    reported: Cow<'a, Object>,
    #[serde(default)]
    metadata: Metadata<'a>,
    version: u64,
    timestamp: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Timestamp>,
}

#[derive(Default, Serialize, Deserialize)]
struct Metadata<'a> {
    #[serde(default, skip_serializing_if = "is_empty")]
    desired: Cow<'a, Object>,
    #[serde(default, skip_serializing_if = "is_empty")]
    reported: Cow<'a, Object>,
}

fn is_empty(fields: &Object) -> bool {
    fields.is_empty()
}

/// The text of a shadow's row.
pub(crate) fn write(shadow: &Shadow) -> Result<String, ApiError> {
    let row = Row {
        desired: Cow::Borrowed(&shadow.desired.state),
        reported: Cow::Borrowed(&shadow.reported.state),
        metadata: Metadata {
            desired: Cow::Borrowed(&shadow.desired.metadata),
            reported: Cow::Borrowed(&shadow.reported.metadata),
        },
        version: shadow.version,
        timestamp: shadow.updated,
        deleted_at: shadow.deleted,
    };
    serde_json::to_string(&row).map_err(|error| {
        ApiError::new(ErrorCode::InternalFailureException, format!("a row cannot be written: {error}"))
    })
}

/// The shadow of a row, or what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Shadow, String> {
    let row: Row<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let section = |state: Cow<'_, Object>, metadata: Cow<'_, Object>| {
        let section = Section { state: state.into_owned(), metadata: metadata.into_owned() };
        let fitting = fits(&section.metadata, &section.state);
        fitting.then_some(section).ok_or_else(|| "the metadata is not of the state's form".to_owned())
    };
    let shadow = Shadow {
        desired: section(row.desired, row.metadata.desired)?,
        reported: section(row.reported, row.metadata.reported)?,
        version: row.version,
        updated: row.timestamp,
        deleted: row.deleted_at,
    };
    let is_left = !(shadow.desired.state.is_empty() && shadow.reported.state.is_empty());
    match shadow.version {
        0 => Err("a shadow's first version is 1".to_owned()),
        _ if shadow.deleted.is_some() && is_left => Err("a deleted shadow has no state".to_owned()),
        _ => Ok(shadow),
    }
}

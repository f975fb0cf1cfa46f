//! The rulebook's state and how it is filled again.

use crate::streams::StreamRow;
use crate::updates::UpdateRow;
use drydock_core::{ApiError, CorruptRow, Rulebook, Scope};
use serde::Serialize;
use smol_str::SmolStr;
use std::collections::BTreeMap;

pub(crate) const STREAMS: &str = "streams";
pub(crate) const UPDATES: &str = "ota_updates";

/// The streams and OTA updates of an account in a region.
#[derive(Debug)]
pub struct Ota {
    pub(crate) scope: Scope,
    pub(crate) streams: BTreeMap<SmolStr, StreamRow>,
    pub(crate) updates: BTreeMap<SmolStr, UpdateRow>,
}

impl Ota {
    /// A book without streams and updates.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self { scope, streams: BTreeMap::new(), updates: BTreeMap::new() }
    }

    /// Whether there is a stream of this id.
    #[must_use]
    pub fn has_stream(&self, stream: &str) -> bool {
        self.streams.contains_key(stream)
    }

    pub(crate) fn stream(&self, stream: &str) -> Result<&StreamRow, ApiError> {
        self.streams.get(stream).ok_or_else(|| ApiError::not_found(format!("Stream {stream} cannot be found.")))
    }
}

pub(crate) fn json(row: &impl Serialize) -> String {
    // Rows are structs of texts and numbers: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

impl Rulebook for Ota {
    const TABLES: &'static [&'static str] = &[STREAMS, UPDATES];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.into(), key: key.into(), why };
        match table {
            STREAMS => {
                let row = serde_json::from_str(value).map_err(|error| corrupt(error.to_string()))?;
                self.streams.insert(key.into(), row);
            }
            UPDATES => {
                let row = serde_json::from_str(value).map_err(|error| corrupt(error.to_string()))?;
                self.updates.insert(key.into(), row);
            }
            _ => return Err(corrupt("the table is not one of streams and updates".into())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.scope.clone());
    }
}

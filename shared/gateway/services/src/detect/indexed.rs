//! What the fleet index has of violations.

use crate::indexing::sources::Violations;
use drydock_core::ThingName;
use drydock_host::books::Books;
use serde_json::Value;
use std::sync::Arc;

/// The violations that the book knows.
pub struct Known(pub Arc<Books>);

impl Violations for Known {
    fn of(&self, thing: &ThingName) -> Option<Value> {
        self.0.detect.read(|book| book.indexed(thing.as_str()))
    }
}

//! A shadow, and the documents that tell of it: "Response state documents" of "Device Shadow service documents". Their
//! times are whole seconds since 1970.

use crate::delta::delta;
use crate::merge::merge;
use crate::metadata::{of_fields, stamp_fields};
use crate::request::{Change, Request, State, TOKEN};
use drydock_core::Timestamp;
use serde_json::{Map, Value};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

pub(crate) const DESIRED: &str = "desired";
pub(crate) const REPORTED: &str = "reported";

/// One side of a shadow; without fields it does not appear in documents ("Empty shadow document properties").
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Section {
    pub(crate) state: Object,
    /// When each field was last set: of the state's form.
    pub(crate) metadata: Object,
}

impl Section {
    fn apply(&mut self, change: &Change, at: i64) {
        match change {
            Change::Keep => (),
            Change::Clear => *self = Self::default(),
            Change::Merge(patch) => merge(self, patch, at),
        }
    }
}

/// A shadow, or what is left of a deleted one.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shadow {
    pub(crate) desired: Section,
    pub(crate) reported: Section,
    /// One more with each update; a deleted shadow keeps its last one.
    pub(crate) version: u64,
    /// When it was last updated.
    pub(crate) updated: Timestamp,
    /// When it was deleted; its sections are empty then.
    pub(crate) deleted: Option<Timestamp>,
}

impl Shadow {
    /// Makes the changes that a request asks for, as a new version.
    pub(crate) fn apply(&mut self, request: &Request, now: Timestamp) {
        let [desired, reported] = request.state.changes();
        self.desired.apply(desired, now.seconds());
        self.reported.apply(reported, now.seconds());
        self.version = self.version.saturating_add(1);
        self.updated = now;
        self.deleted = None;
    }

    /// The bytes of the state as compact JSON, which is what the limit of a shadow's size is about; metadata does not
    /// count.
    pub(crate) fn size(&self) -> usize {
        Value::Object(self.state()).to_string().len()
    }

    /// The answer to a get.
    pub(crate) fn got(&self, now: Timestamp) -> Value {
        let mut state = self.state();
        let delta = self.delta();
        if !delta.is_empty() {
            state.insert("delta".to_owned(), delta.into());
        }
        let fields = [
            ("state", state.into()),
            ("metadata", self.metadata().into()),
            ("version", self.version.into()),
            ("timestamp", now.seconds().into()),
        ];
        Value::Object(object(fields))
    }

    /// The message for `/update/delta`; none where `desired` and `reported` agree.
    pub(crate) fn delta_message(&self, token: Option<&String>, now: Timestamp) -> Option<Value> {
        let delta = self.delta();
        if delta.is_empty() {
            return None;
        }
        let metadata = of_fields(&self.desired.metadata, &delta);
        let fields = [
            ("state", delta.into()),
            ("metadata", metadata.into()),
            ("version", self.version.into()),
            ("timestamp", now.seconds().into()),
        ];
        Some(with_token(object(fields), token))
    }

    fn state(&self) -> Object {
        sections(&self.desired.state, &self.reported.state)
    }

    fn metadata(&self) -> Object {
        sections(&self.desired.metadata, &self.reported.metadata)
    }

    fn delta(&self) -> Object {
        delta(&self.desired.state, &self.reported.state)
    }

    /// The shadow as it stands in `/update/documents`: without a delta and a time.
    fn snapshot(&self) -> Value {
        let fields =
            [("state", self.state().into()), ("metadata", self.metadata().into()), ("version", self.version.into())];
        Value::Object(object(fields))
    }
}

/// The answer to an update, which has the fields of the request only, deleted ones among them, all as of now. A `state`
/// of null is repeated, and its metadata is the time alone.
pub(crate) fn accepted(request: &Request, version: u64, now: Timestamp) -> Value {
    let (mut state, mut metadata) = (Object::new(), Object::new());
    for (name, change) in [DESIRED, REPORTED].into_iter().zip(request.state.changes()) {
        match change {
            Change::Keep => (),
            Change::Clear => {
                state.insert(name.to_owned(), Value::Null);
                metadata.insert(name.to_owned(), object([("timestamp", now.seconds().into())]).into());
            }
            Change::Merge(patch) => {
                state.insert(name.to_owned(), patch.clone().into());
                metadata.insert(name.to_owned(), stamp_fields(patch, now.seconds()).into());
            }
        }
    }
    let (state, metadata) = match request.state {
        State::Clear => (Value::Null, object([("timestamp", now.seconds().into())])),
        State::Sections { .. } => (state.into(), metadata),
    };
    let fields = [
        ("state", state),
        ("metadata", metadata.into()),
        ("version", version.into()),
        ("timestamp", now.seconds().into()),
    ];
    with_token(object(fields), request.client_token.as_ref())
}

/// The message for `/update/documents`; without `previous` where the update created the shadow.
pub(crate) fn documents(previous: Option<&Shadow>, current: &Shadow, token: Option<&String>, now: Timestamp) -> Value {
    let mut documents = object([("current", current.snapshot()), ("timestamp", now.seconds().into())]);
    if let Some(previous) = previous {
        documents.insert("previous".to_owned(), previous.snapshot());
    }
    with_token(documents, token)
}

/// An object of these fields.
pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Object {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Both sections, without an empty one.
fn sections(desired: &Object, reported: &Object) -> Object {
    let filled = [(DESIRED, desired), (REPORTED, reported)].into_iter().filter(|(_, fields)| !fields.is_empty());
    filled.map(|(name, fields)| (name.to_owned(), fields.clone().into())).collect()
}

fn with_token(mut document: Object, token: Option<&String>) -> Value {
    if let Some(token) = token {
        document.insert(TOKEN.to_owned(), token.as_str().into());
    }
    Value::Object(document)
}

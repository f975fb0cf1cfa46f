//! An account with the rows it would have on disk, and short ways to say a request.

use drydock_core::{ApiError, Done, Event, Ids, Rulebook, Scope, Timestamp, Write};
use drydock_model::iot::{
    AttachThingPrincipalRequest, AttributePayload, CreateThingRequest, CreateThingTypeRequest, DescribeThingRequest,
    DescribeThingResponse, ThingPrincipalType,
};
use drydock_registry::Registry;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};

/// 2026-11-01T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_793_491_200_000);

#[derive(Default)]
pub(crate) struct Counting(AtomicU8);

impl Ids for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

pub(crate) struct Account {
    pub(crate) book: Registry,
    pub(crate) ids: Counting,
    rows: BTreeMap<(&'static str, String), String>,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

impl Account {
    pub(crate) fn new() -> Self {
        let book = Registry::new(scope());
        Self { book, ids: Counting::default(), rows: BTreeMap::new(), events: Vec::new() }
    }

    /// Runs a command as the composition does, and restarts after it.
    pub(crate) fn run<T>(
        &mut self,
        command: impl FnOnce(&mut Registry, &Counting) -> Result<Done<T>, ApiError>,
    ) -> Result<T, ApiError> {
        let done = command(&mut self.book, &self.ids)?;
        let changed = !done.writes.is_empty();
        for Write { table, key, value } in done.writes {
            match value {
                Some(value) => self.rows.insert((table, key), value),
                None => self.rows.remove(&(table, key)),
            };
        }
        self.events.extend(done.events);
        if changed {
            self.book.clear();
            for table in Registry::TABLES {
                for ((of, key), value) in &self.rows {
                    if of == table {
                        self.book.load(table, key, value).unwrap();
                    }
                }
            }
        }
        Ok(done.reply)
    }

    pub(crate) fn create(&mut self, name: &str, attributes: &[(&str, &str)]) -> Result<String, ApiError> {
        self.create_typed(name, None, attributes)
    }

    pub(crate) fn create_typed(
        &mut self,
        name: &str,
        thing_type: Option<&str>,
        attributes: &[(&str, &str)],
    ) -> Result<String, ApiError> {
        let request = CreateThingRequest {
            thing_name: name.into(),
            thing_type_name: thing_type.map(Into::into),
            attribute_payload: Some(payload(attributes, None)),
            billing_group_name: None,
        };
        self.run(|book, ids| book.create_thing(&request, NOW, ids)).map(|reply| reply.thing_id.unwrap())
    }

    pub(crate) fn create_type(&mut self, name: &str) {
        let request = CreateThingTypeRequest { thing_type_name: name.into(), ..CreateThingTypeRequest::default() };
        self.run(|book, ids| book.create_thing_type(&request, NOW, ids)).unwrap();
    }

    pub(crate) fn describe(&self, name: &str) -> Result<DescribeThingResponse, ApiError> {
        self.book.describe_thing(&DescribeThingRequest { thing_name: name.into() }).map(|done| done.reply)
    }

    pub(crate) fn attach(
        &mut self,
        thing: &str,
        principal: &str,
        kind: Option<ThingPrincipalType>,
    ) -> Result<(), ApiError> {
        let request = AttachThingPrincipalRequest {
            thing_name: thing.into(),
            principal: principal.into(),
            thing_principal_type: kind,
        };
        self.run(|book, _| book.attach_thing_principal(&request, true)).map(|_| ())
    }
}

/// What happened, in a line each, since it was last asked.
pub(crate) fn told(account: &mut Account) -> Vec<String> {
    let line = |event: Event| match event {
        Event::AuthorizationChanged => "authorization".to_owned(),
        Event::ThingChanged { thing, change, .. } => format!("{} v{} {change:?}", thing.name, thing.version),
        Event::ThingTypeChanged { thing_type, change, .. } => format!("type {} {change:?}", thing_type.name),
        Event::ThingTypeAssociation { thing, thing_type, link, .. } => format!("{thing} as {thing_type} {link:?}"),
        Event::ThingGroupChanged { group, change, .. } => {
            let above: Vec<_> = group.above.iter().map(|above| above.name.as_str()).collect();
            format!(
                "group /{} v{} {change:?}",
                [&above[..], &[group.group.name.as_str()]].concat().join("/"),
                group.version
            )
        }
        Event::ThingGroupMembership { membership, link, .. } => {
            format!("{} in {} {link:?}", membership.thing, membership.group.name)
        }
        Event::ThingGroupHierarchy { hierarchy, link, .. } => {
            format!("{} below {} {link:?}", hierarchy.child.name, hierarchy.parent.name)
        }
        other => format!("{other:?}"),
    };
    std::mem::take(&mut account.events).into_iter().map(line).collect()
}

pub(crate) fn payload(attributes: &[(&str, &str)], merge: Option<bool>) -> AttributePayload {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    AttributePayload { attributes: Some(attributes), merge }
}

/// The ARN of a certificate whose digest is this byte over and over.
pub(crate) fn certificate(byte: u8) -> String {
    scope().certificate(&drydock_core::CertificateId::from_digest(&[byte; 32])).into()
}

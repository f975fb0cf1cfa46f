//! The thing of a plan: made, or where it exists changed as its `OverrideSettings` say; and its groups.

use super::failure::NotProvisioned;
use super::settled::then;
use drydock_core::{ApiError, Arn, Ids};
use drydock_host::Host;
use drydock_host::books::Books;
use drydock_model::iot::{
    AddThingToBillingGroupRequest, AttachThingPrincipalRequest, AttributePayload, CreateThingRequest,
    DescribeThingRequest, DescribeThingResponse, DescribeThingTypeRequest, ListPrincipalThingsRequest,
    ListThingGroupsForThingRequest, UpdateThingGroupsForThingRequest, UpdateThingRequest,
};
use drydock_provisioning::plan::{Override, ThingPlan};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Looks at what would fail: a type, a group or an override.
pub(super) fn check_thing(
    host: &Host,
    wanted: &ThingPlan,
    certificate: Option<&Arn>,
    id: Option<Uuid>,
) -> Result<(), NotProvisioned> {
    let books = &host.books;
    let failed = || NotProvisioned::of(wanted.logical_name.clone());
    books.registry.read(|registry| {
        if let Some(name) = &wanted.thing_type {
            let request = DescribeThingTypeRequest { thing_type_name: name.to_string() };
            registry.describe_thing_type(&request).map(|_| ()).map_err(failed())?;
        }
        if let Some(group) = wanted.billing_group.as_ref().filter(|group| !registry.has_billing_group(group)) {
            return Err(failed()(ApiError::not_found(format!("there is no billing group `{group}`"))));
        }
        if let Some(group) = &wanted.billing_group {
            // A thing is in one billing group, and no override setting lets a template move it.
            if let Some(other) = registry.billing_group_of(wanted.name.as_str()).filter(|of| of.as_str() != group) {
                let name = &wanted.name;
                return Err(NotProvisioned::Conflict(format!("the thing `{name}` is in the billing group `{other}`")));
            }
        }
        match wanted.groups.iter().find(|group| !registry.has_thing_group(group.as_str())) {
            Some(group) => Err(failed()(ApiError::not_found(format!("there is no thing group `{group}`")))),
            None => Ok(()),
        }
    })?;
    match existing(books, wanted) {
        Some(thing) if is_its_own(&thing, id) => Ok(()),
        Some(thing) => changes(wanted, &thing, is_attached(books, wanted, certificate)).map(|_| ()),
        None => Ok(()),
    }
}

fn existing(books: &Books, wanted: &ThingPlan) -> Option<DescribeThingResponse> {
    let request = DescribeThingRequest { thing_name: wanted.name.to_string() };
    books.registry.read(|registry| registry.describe_thing(&request).ok()).map(|done| done.reply)
}

/// Whether a run of this plan that was cut short made the thing.
fn is_its_own(thing: &DescribeThingResponse, id: Option<Uuid>) -> bool {
    id.is_some_and(|id| thing.thing_id.as_deref().and_then(|thing| thing.parse().ok()) == Some(id))
}

/// Gives a thing the id that was settled for it; anything else comes from `rest`.
struct Drawn {
    id: Uuid,
    rest: Arc<dyn Ids>,
}

impl Ids for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        self.rest.fill(bytes);
    }

    fn uuid(&self) -> Uuid {
        self.id
    }
}

/// Whether the thing has this very certificate: then this is the same device again, or a run that was cut short.
fn is_attached(books: &Books, wanted: &ThingPlan, certificate: Option<&Arn>) -> bool {
    let Some(certificate) = certificate else { return false };
    let request = ListPrincipalThingsRequest {
        principal: certificate.to_string(),
        max_results: Some(250),
        ..ListPrincipalThingsRequest::default()
    };
    let things = books.registry.read(|registry| registry.list_principal_things(&request));
    let things = things.ok().and_then(|done| done.reply.things).unwrap_or_default();
    things.iter().any(|thing| thing == wanted.name.as_str())
}

/// What is to be done about a thing that exists; `None` where it stays.
fn changes(
    wanted: &ThingPlan,
    thing: &DescribeThingResponse,
    same_device: bool,
) -> Result<Option<UpdateThingRequest>, NotProvisioned> {
    let name = &wanted.name;
    let settings = wanted.overrides;
    let fails = [settings.attributes, settings.thing_type, settings.groups].contains(&Some(Override::Fail));
    if fails && !same_device {
        return Err(NotProvisioned::Conflict(format!("the thing `{name}` exists already")));
    }
    let differs = |what: &str| {
        Err(NotProvisioned::Conflict(format!(
            "the thing `{name}` exists with {what}: say in `OverrideSettings` what is to happen"
        )))
    };
    let mut update = UpdateThingRequest {
        thing_name: name.to_string(),
        expected_version: thing.version,
        ..UpdateThingRequest::default()
    };
    if let Some(attributes) = &wanted.attributes {
        let attributes: BTreeMap<String, String> =
            attributes.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let there = thing.attributes.clone().unwrap_or_default();
        let merge = settings.attributes == Some(Override::Merge);
        let kept = merge && attributes.iter().all(|(name, value)| there.get(name) == Some(value));
        if there != attributes && !kept {
            match settings.attributes {
                None => return differs("other attributes"),
                Some(Override::DoNothing | Override::Fail) => {}
                Some(Override::Replace | Override::Merge) => {
                    update.attribute_payload =
                        Some(AttributePayload { attributes: Some(attributes), merge: Some(merge) });
                }
            }
        }
    }
    if let Some(thing_type) = &wanted.thing_type
        && thing.thing_type_name.as_deref() != Some(thing_type.as_str())
    {
        match settings.thing_type {
            None => return differs("another type"),
            Some(Override::Replace) => update.thing_type_name = Some(thing_type.to_string()),
            Some(Override::DoNothing | Override::Fail | Override::Merge) => {}
        }
    }
    Ok((update.attribute_payload.is_some() || update.thing_type_name.is_some()).then_some(update))
}

/// Makes or changes the thing and attaches the certificate to it, in one step; then sees to its groups.
pub(super) async fn make_thing(
    host: &Host,
    wanted: &ThingPlan,
    certificate: Option<&Arn>,
    id: Option<Uuid>,
) -> Result<String, NotProvisioned> {
    let books = &host.books;
    let failed = || NotProvisioned::of(wanted.logical_name.clone());
    let there = existing(books, wanted);
    let own = there.as_ref().is_some_and(|thing| is_its_own(thing, id));
    let drawn = id.map(|id| Drawn { id, rest: Arc::clone(&books.ids) });
    let ids: &dyn Ids = match &drawn {
        Some(drawn) => drawn,
        None => books.ids.as_ref(),
    };
    let update = match &there {
        Some(_) if own => None,
        Some(thing) => changes(wanted, thing, is_attached(books, wanted, certificate))?,
        None => None,
    };
    let attach = certificate.map(|arn| AttachThingPrincipalRequest {
        thing_name: wanted.name.to_string(),
        principal: arn.to_string(),
        ..AttachThingPrincipalRequest::default()
    });
    let attached = books.apply(&books.registry, |registry| {
        let made = match (&there, &update) {
            (None, _) => registry.create_thing(&creation(wanted), books.now(), ids)?.map(|_| ()),
            (Some(_), Some(update)) => registry.update_thing(update, books.now())?.map(|_| ()),
            (Some(_), None) => drydock_core::Done::reply(()),
        };
        // The thing is made by now: whether or not the certificate can be attached, that stays and is kept.
        Ok(match &attach {
            None => made.map(Ok),
            Some(request) => match registry.attach_thing_principal(request, true) {
                Ok(done) => then(made, done.map(|_| Ok(()))),
                Err(error) => made.map(|()| Err(error)),
            },
        })
    });
    attached.await.flatten().map_err(failed())?;
    let existed = there.is_some() && !own;
    if let (Some(group), true) = (&wanted.billing_group, existed) {
        let request = AddThingToBillingGroupRequest {
            thing_name: Some(wanted.name.to_string()),
            billing_group_name: Some(group.to_string()),
            ..AddThingToBillingGroupRequest::default()
        };
        books
            .apply(&books.registry, |registry| registry.add_thing_to_billing_group(&request))
            .await
            .map_err(failed())?;
    }
    if !wanted.groups.is_empty() {
        groups(books, wanted, existed).await.map_err(failed())?;
    }
    Ok(books.scope.thing(&wanted.name).into())
}

fn creation(wanted: &ThingPlan) -> CreateThingRequest {
    let attributes = wanted.attributes.as_ref();
    let attributes = attributes
        .map(|attributes| attributes.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect());
    CreateThingRequest {
        thing_name: wanted.name.to_string(),
        thing_type_name: wanted.thing_type.as_ref().map(ToString::to_string),
        attribute_payload: attributes.map(|attributes| AttributePayload { attributes: Some(attributes), merge: None }),
        billing_group_name: wanted.billing_group.as_ref().map(ToString::to_string),
    }
}

/// Puts the thing into its groups; for one that existed only where, and as, the template says.
async fn groups(books: &Books, wanted: &ThingPlan, existed: bool) -> Result<(), ApiError> {
    let setting = if existed { wanted.overrides.groups } else { None };
    if setting == Some(Override::DoNothing) {
        return Ok(());
    }
    let name = wanted.name.to_string();
    let mut leave = None;
    if setting == Some(Override::Replace) {
        let request = ListThingGroupsForThingRequest {
            thing_name: name.clone(),
            max_results: Some(250),
            ..ListThingGroupsForThingRequest::default()
        };
        let now = books.registry.read(|registry| registry.list_thing_groups_for_thing(&request))?.reply;
        let now = now.thing_groups.unwrap_or_default().into_iter().filter_map(|group| group.group_name);
        leave = Some(now.filter(|group| wanted.groups.iter().all(|name| name.as_str() != group)).collect());
    }
    let request = UpdateThingGroupsForThingRequest {
        thing_name: Some(name),
        thing_groups_to_add: Some(wanted.groups.iter().map(ToString::to_string).collect()),
        thing_groups_to_remove: leave,
        ..UpdateThingGroupsForThingRequest::default()
    };
    books
        .apply(&books.registry, |registry| {
            registry.update_thing_groups_for_thing(&request, books.now(), books.ids.as_ref())
        })
        .await
        .map(|_| ())
}

//! The thing of a plan: made, or where it exists changed as its `OverrideSettings` say; and its groups.

use super::failure::NotProvisioned;
use drydock_core::{ApiError, Arn};
use drydock_host::books::Books;
use drydock_model::iot::{
    AddThingToBillingGroupRequest, AttachThingPrincipalRequest, AttributePayload, CreateThingRequest,
    DescribeThingRequest, DescribeThingResponse, DescribeThingTypeRequest, ListThingGroupsForThingRequest,
    UpdateThingGroupsForThingRequest, UpdateThingRequest,
};
use drydock_provisioning::plan::{Override, ThingPlan};
use drydock_registry::Registry;
use drydock_store::Part;
use std::collections::BTreeMap;

/// What is to be done about a plan's thing; looked up, and seen to be possible.
#[derive(Debug)]
pub(super) enum Step {
    /// It is made.
    Create(CreateThingRequest),
    /// It exists.
    Change {
        /// What changes about it.
        update: Option<UpdateThingRequest>,
        /// The groups that it leaves; `None` where its groups stay as they are.
        leave: Option<Vec<String>>,
    },
}

/// Looks at what would fail: a type, a group, an attachment or an override.
pub(super) fn check_thing(
    registry: &Registry,
    wanted: &ThingPlan,
    certificate: Option<&Arn>,
) -> Result<Step, NotProvisioned> {
    let failed = || NotProvisioned::of(wanted.logical_name.clone());
    let name = wanted.name.as_str();
    if let Some(name) = &wanted.thing_type {
        let request = DescribeThingTypeRequest { thing_type_name: name.to_string() };
        registry.describe_thing_type(&request).map(|_| ()).map_err(failed())?;
    }
    if let Some(group) = wanted.billing_group.as_ref().filter(|group| !registry.has_billing_group(group)) {
        return Err(failed()(ApiError::not_found(format!("there is no billing group `{group}`"))));
    }
    if let Some(group) = &wanted.billing_group {
        // A thing is in one billing group, and no override setting lets a template move it.
        if let Some(other) = registry.billing_group_of(name).filter(|of| of.as_str() != group) {
            return Err(NotProvisioned::Conflict(format!("the thing `{name}` is in the billing group `{other}`")));
        }
    }
    if let Some(group) = wanted.groups.iter().find(|group| !registry.has_thing_group(group.as_str())) {
        return Err(failed()(ApiError::not_found(format!("there is no thing group `{group}`"))));
    }
    if let Some(certificate) = certificate {
        registry.check_attachment(name, certificate.as_str()).map_err(failed())?;
    }
    let request = DescribeThingRequest { thing_name: name.to_owned() };
    let step = match registry.describe_thing(&request) {
        Ok(thing) => {
            // Then this is the same device again.
            let attached = certificate.is_some_and(|arn| registry.is_attached(name, arn.as_str()));
            let update = changes(wanted, &thing.reply, attached)?;
            if let Some(update) = &update {
                registry.check_update(update).map_err(failed())?;
            }
            Step::Change { update, leave: leaves(registry, wanted).map_err(failed())? }
        }
        Err(_) => {
            let request = creation(wanted);
            registry.check_new_thing(&request).map_err(failed())?;
            Step::Create(request)
        }
    };
    match &step {
        Step::Create(_) => registry.check_groups(name, &wanted.groups, &[]).map_err(failed())?,
        Step::Change { leave: Some(leave), .. } => {
            registry.check_groups(name, &wanted.groups, leave).map_err(failed())?;
        }
        Step::Change { leave: None, .. } => {}
    }
    Ok(step)
}

/// The groups that a thing that exists leaves for the plan's; `None` where its groups stay as they are.
fn leaves(registry: &Registry, wanted: &ThingPlan) -> Result<Option<Vec<String>>, ApiError> {
    match wanted.overrides.groups {
        _ if wanted.groups.is_empty() => Ok(None),
        Some(Override::DoNothing) => Ok(None),
        Some(Override::Replace) => {
            let request = ListThingGroupsForThingRequest {
                thing_name: wanted.name.to_string(),
                max_results: Some(250),
                ..ListThingGroupsForThingRequest::default()
            };
            let present = registry.list_thing_groups_for_thing(&request)?.reply.thing_groups.unwrap_or_default();
            let present = present.into_iter().filter_map(|group| group.group_name);
            Ok(Some(present.filter(|group| wanted.groups.iter().all(|name| name.as_str() != group)).collect()))
        }
        Some(Override::Fail | Override::Merge) | None => Ok(Some(Vec::new())),
    }
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

/// Makes or changes the thing, attaches the certificate to it, and sees to its groups.
pub(super) fn make_thing(
    books: &Books,
    registry: &mut Part<'_, Registry>,
    wanted: &ThingPlan,
    certificate: Option<&Arn>,
    step: &Step,
) -> Result<String, NotProvisioned> {
    let failed = || NotProvisioned::of(wanted.logical_name.clone());
    let (name, now, ids) = (wanted.name.to_string(), books.now(), books.ids.as_ref());
    let leave = match step {
        Step::Create(request) => {
            registry.apply(|book| book.create_thing(request, now, ids)).map_err(failed())?;
            (!wanted.groups.is_empty()).then(Vec::new)
        }
        Step::Change { update, leave } => {
            if let Some(update) = update {
                registry.apply(|book| book.update_thing(update, now)).map_err(failed())?;
            }
            leave.clone()
        }
    };
    if let Some(certificate) = certificate {
        let request = AttachThingPrincipalRequest {
            thing_name: name.clone(),
            principal: certificate.to_string(),
            ..AttachThingPrincipalRequest::default()
        };
        registry.apply(|book| book.attach_thing_principal(&request, true)).map_err(failed())?;
    }
    if let (Some(group), Step::Change { .. }) = (&wanted.billing_group, step) {
        let request = AddThingToBillingGroupRequest {
            thing_name: Some(name.clone()),
            billing_group_name: Some(group.to_string()),
            ..AddThingToBillingGroupRequest::default()
        };
        registry.apply(|book| book.add_thing_to_billing_group(&request)).map_err(failed())?;
    }
    if let Some(leave) = leave {
        let request = UpdateThingGroupsForThingRequest {
            thing_name: Some(name),
            thing_groups_to_add: Some(wanted.groups.iter().map(ToString::to_string).collect()),
            thing_groups_to_remove: Some(leave),
            ..UpdateThingGroupsForThingRequest::default()
        };
        registry.apply(|book| book.update_thing_groups_for_thing(&request, now, ids)).map_err(failed())?;
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

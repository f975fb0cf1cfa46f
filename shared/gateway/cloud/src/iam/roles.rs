//! Roles, and the policies that they hold or that are attached to them.

use super::form::{document, encoded, name, nothing, page, path, required, time};
use super::state::{Done, Held, Iam, ROLES, Refused, Role, SESSION, exists, missing, saved};
use crate::wire::query::{Params, Xml};
use drydock_core::Write;
use std::collections::{BTreeMap, BTreeSet};

fn write(iam: &Iam, xml: &mut Xml, name: &str, role: &Role) {
    xml.text("Path", &role.path).text("RoleName", name).text("RoleId", &role.id);
    xml.text("Arn", &iam.arn("role", &role.path, name)).text("CreateDate", &time(role.created));
    xml.text("AssumeRolePolicyDocument", &encoded(&role.trust));
    if let Some(description) = &role.description {
        xml.text("Description", description);
    }
    xml.text("MaxSessionDuration", &role.max_session_seconds.to_string());
}

/// A role as it stands inside an instance profile.
pub(super) fn member(iam: &Iam, xml: &mut Xml, name: &str, role: &Role) {
    xml.nest("member", |xml| write(iam, xml, name, role));
}

fn one(iam: &Iam, name: &str, role: &Role, writes: Vec<Write>) -> Done {
    let mut xml = Xml::default();
    xml.nest("Role", |xml| write(iam, xml, name, role));
    Ok((xml, writes))
}

fn find<'h>(held: &'h mut Held, params: &Params) -> Result<(String, &'h mut Role), Refused> {
    let name = required(params, "RoleName")?;
    let role = held.roles.get_mut(name).ok_or_else(|| missing("role", name))?;
    Ok((name.to_owned(), role))
}

fn session(params: &Params) -> Result<Option<u32>, Refused> {
    let Some(text) = params.get("MaxSessionDuration") else { return Ok(None) };
    let seconds = text.parse().ok().filter(|seconds| (3600..=43_200).contains(seconds));
    let seconds =
        seconds.ok_or_else(|| (400, "ValidationError", "MaxSessionDuration must be from 3600 to 43200".to_owned()))?;
    Ok(Some(seconds))
}

pub(super) fn create(iam: &Iam, held: &mut Held, params: &Params) -> Done {
    let name = name(params, "RoleName", 64)?;
    if held.roles.contains_key(name) {
        return Err(exists("Role", name));
    }
    let role = Role {
        id: iam.id("AROA"),
        path: path(params)?,
        created: iam.context.now(),
        description: params.get("Description").map(str::to_owned),
        trust: document(params, "AssumeRolePolicyDocument")?,
        max_session_seconds: session(params)?.unwrap_or(SESSION),
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
    };
    let writes = vec![saved(ROLES, name, &role)?];
    let done = one(iam, name, &role, writes);
    held.roles.insert(name.to_owned(), role);
    done
}

pub(super) fn get(iam: &Iam, held: &mut Held, params: &Params) -> Done {
    let (name, role) = find(held, params)?;
    one(iam, &name, role, Vec::new())
}

pub(super) fn list(iam: &Iam, held: &Held, params: &Params) -> Done {
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let roles = held.roles.iter().filter(|(_, role)| role.path.starts_with(prefix));
    page(params, "Roles", roles, |xml, name, role| member(iam, xml, name, role))
}

pub(super) fn update(held: &mut Held, params: &Params) -> Done {
    let session = session(params)?;
    let (name, role) = find(held, params)?;
    if let Some(description) = params.given("Description") {
        role.description = Some(description.to_owned()).filter(|text| !text.is_empty());
    }
    role.max_session_seconds = session.unwrap_or(role.max_session_seconds);
    nothing(vec![saved(ROLES, &name, role)?])
}

pub(super) fn update_trust(held: &mut Held, params: &Params) -> Done {
    let trust = document(params, "PolicyDocument")?;
    let (name, role) = find(held, params)?;
    role.trust = trust;
    nothing(vec![saved(ROLES, &name, role)?])
}

pub(super) fn delete(held: &mut Held, params: &Params) -> Done {
    let used = |name: &str| held.profiles.values().any(|profile| profile.role.as_deref() == Some(name));
    let name = required(params, "RoleName")?;
    let in_profile = used(name);
    let (name, role) = find(held, params)?;
    let conflict = |why: &str| Err((409, "DeleteConflict", format!("Cannot delete entity, must {why} first.")));
    if !role.attached.is_empty() {
        return conflict("detach all policies");
    }
    if !role.inline.is_empty() {
        return conflict("delete policies");
    }
    if in_profile {
        return conflict("remove roles from instance profile");
    }
    held.roles.remove(&name);
    nothing(vec![Write::delete(ROLES, name)])
}

pub(super) fn put_policy(held: &mut Held, params: &Params) -> Done {
    let policy = name(params, "PolicyName", 128)?.to_owned();
    let document = document(params, "PolicyDocument")?;
    let (name, role) = find(held, params)?;
    role.inline.insert(policy, document);
    nothing(vec![saved(ROLES, &name, role)?])
}

fn no_policy(policy: &str) -> Refused {
    (404, "NoSuchEntity", format!("The role policy with name {policy} cannot be found."))
}

pub(super) fn get_policy(held: &mut Held, params: &Params) -> Done {
    let policy = required(params, "PolicyName")?;
    let (name, role) = find(held, params)?;
    let document = role.inline.get(policy).ok_or_else(|| no_policy(policy))?;
    let mut xml = Xml::default();
    xml.text("RoleName", &name).text("PolicyName", policy).text("PolicyDocument", &encoded(document));
    Ok((xml, Vec::new()))
}

pub(super) fn delete_policy(held: &mut Held, params: &Params) -> Done {
    let policy = required(params, "PolicyName")?;
    let (name, role) = find(held, params)?;
    role.inline.remove(policy).ok_or_else(|| no_policy(policy))?;
    nothing(vec![saved(ROLES, &name, role)?])
}

pub(super) fn list_policies(held: &mut Held, params: &Params) -> Done {
    let (_, role) = find(held, params)?;
    page(params, "PolicyNames", &role.inline, |xml, name, _| {
        xml.text("member", name);
    })
}

pub(super) fn attach(iam: &Iam, held: &mut Held, params: &Params) -> Done {
    let arn = required(params, "PolicyArn")?.to_owned();
    // The policies that AWS manages are not here, and are taken for what they are called.
    let of_aws = format!("arn:{}:iam::aws:policy/", iam.context.config.scope.partition());
    if !held.policies.contains_key(&arn) && !arn.starts_with(&of_aws) {
        return Err((404, "NoSuchEntity", format!("Policy {arn} does not exist or is not attachable.")));
    }
    let (name, role) = find(held, params)?;
    role.attached.insert(arn);
    nothing(vec![saved(ROLES, &name, role)?])
}

pub(super) fn detach(held: &mut Held, params: &Params) -> Done {
    let arn = required(params, "PolicyArn")?;
    let (name, role) = find(held, params)?;
    if !role.attached.remove(arn) {
        return Err((404, "NoSuchEntity", format!("Policy {arn} was not found.")));
    }
    nothing(vec![saved(ROLES, &name, role)?])
}

pub(super) fn list_attached(held: &mut Held, params: &Params) -> Done {
    let (_, role) = find(held, params)?;
    let attached = role.attached.iter().map(|arn| (arn, arn));
    page(params, "AttachedPolicies", attached, |xml, arn, _| {
        xml.nest("member", |xml| {
            xml.text("PolicyName", arn.rsplit('/').next().unwrap_or_default()).text("PolicyArn", arn);
        });
    })
}

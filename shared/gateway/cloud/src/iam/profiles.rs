//! Instance profiles.

use super::form::{name, nothing, page, path, required, time};
use super::roles;
use super::state::{Done, Held, Iam, PROFILES, Profile, Refused, exists, missing, saved};
use crate::wire::query::{Params, Xml};
use drydock_core::Write;

const KIND: &str = "Instance Profile";

fn write(iam: &Iam, held: &Held, xml: &mut Xml, name: &str, profile: &Profile) {
    xml.text("Path", &profile.path).text("InstanceProfileName", name).text("InstanceProfileId", &profile.id);
    xml.text("Arn", &iam.arn("instance-profile", &profile.path, name)).text("CreateDate", &time(profile.created));
    xml.nest("Roles", |xml| {
        if let Some((name, role)) = profile.role.as_ref().and_then(|name| Some((name, held.roles.get(name)?))) {
            roles::member(iam, xml, name, role);
        }
    });
}

fn one(iam: &Iam, held: &Held, name: &str, profile: &Profile) -> Xml {
    let mut xml = Xml::default();
    xml.nest("InstanceProfile", |xml| write(iam, held, xml, name, profile));
    xml
}

fn find<'h>(held: &'h mut Held, params: &Params) -> Result<(String, &'h mut Profile), Refused> {
    let name = required(params, "InstanceProfileName")?;
    let profile = held.profiles.get_mut(name).ok_or_else(|| missing(KIND, name))?;
    Ok((name.to_owned(), profile))
}

pub(super) fn create(iam: &Iam, held: &mut Held, params: &Params) -> Done {
    let name = name(params, "InstanceProfileName", 128)?;
    if held.profiles.contains_key(name) {
        return Err(exists(KIND, name));
    }
    let profile = Profile { id: iam.id("AIPA"), path: path(params)?, created: iam.context.now(), role: None };
    let writes = vec![saved(PROFILES, name, &profile)?];
    let xml = one(iam, held, name, &profile);
    held.profiles.insert(name.to_owned(), profile);
    Ok((xml, writes))
}

pub(super) fn get(iam: &Iam, held: &mut Held, params: &Params) -> Done {
    let name = required(params, "InstanceProfileName")?;
    let profile = held.profiles.get(name).ok_or_else(|| missing(KIND, name))?;
    Ok((one(iam, held, name, profile), Vec::new()))
}

pub(super) fn list(iam: &Iam, held: &Held, params: &Params) -> Done {
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let profiles = held.profiles.iter().filter(|(_, profile)| profile.path.starts_with(prefix));
    page(params, "InstanceProfiles", profiles, |xml, name, profile| {
        xml.nest("member", |xml| write(iam, held, xml, name, profile));
    })
}

pub(super) fn list_for_role(iam: &Iam, held: &Held, params: &Params) -> Done {
    let role = required(params, "RoleName")?;
    if !held.roles.contains_key(role) {
        return Err(missing("role", role));
    }
    let profiles = held.profiles.iter().filter(|(_, profile)| profile.role.as_deref() == Some(role));
    page(params, "InstanceProfiles", profiles, |xml, name, profile| {
        xml.nest("member", |xml| write(iam, held, xml, name, profile));
    })
}

pub(super) fn add_role(held: &mut Held, params: &Params) -> Done {
    let role = required(params, "RoleName")?.to_owned();
    if !held.roles.contains_key(&role) {
        return Err(missing("role", &role));
    }
    let (name, profile) = find(held, params)?;
    if profile.role.is_some() {
        return Err((409, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1".to_owned()));
    }
    profile.role = Some(role);
    nothing(vec![saved(PROFILES, &name, profile)?])
}

pub(super) fn remove_role(held: &mut Held, params: &Params) -> Done {
    let role = required(params, "RoleName")?;
    let (name, profile) = find(held, params)?;
    if profile.role.as_deref() != Some(role) {
        return Err(missing("role", role));
    }
    profile.role = None;
    nothing(vec![saved(PROFILES, &name, profile)?])
}

pub(super) fn delete(held: &mut Held, params: &Params) -> Done {
    let (name, profile) = find(held, params)?;
    if profile.role.is_some() {
        let message = "Cannot delete entity, must remove roles from instance profile first.";
        return Err((409, "DeleteConflict", message.to_owned()));
    }
    held.profiles.remove(&name);
    nothing(vec![Write::delete(PROFILES, name)])
}

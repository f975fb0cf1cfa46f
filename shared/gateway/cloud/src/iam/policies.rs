//! Managed policies and their versions.

use super::form::{document, encoded, name, nothing, page, path, required, time};
use super::state::{Done, Held, Iam, POLICIES, Policy, Refused, saved};
use crate::wire::query::{Params, Xml};
use drydock_core::{Timestamp, Write};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many versions a policy has at the most.
const MOST_VERSIONS: usize = 5;

fn write(held: &Held, xml: &mut Xml, arn: &str, policy: &Policy) {
    let attached = held.roles.values().filter(|role| role.attached.contains(arn)).count();
    xml.text("PolicyName", &policy.name).text("PolicyId", &policy.id).text("Arn", arn).text("Path", &policy.path);
    xml.text("DefaultVersionId", &format!("v{}", policy.default));
    xml.text("AttachmentCount", &attached.to_string()).text("IsAttachable", "true");
    if let Some(description) = &policy.description {
        xml.text("Description", description);
    }
    let updated = policy.versions.values().map(|(_, at)| *at).max().unwrap_or(policy.created);
    xml.text("CreateDate", &time(policy.created)).text("UpdateDate", &time(updated));
}

fn one(held: &Held, arn: &str, policy: &Policy) -> Xml {
    let mut xml = Xml::default();
    xml.nest("Policy", |xml| write(held, xml, arn, policy));
    xml
}

fn missing(arn: &str) -> Refused {
    let why = if arn.contains(":iam::aws:") { " The policies that AWS manages are not here." } else { "" };
    (404, "NoSuchEntity", format!("Policy {arn} was not found.{why}"))
}

fn find<'h>(held: &'h mut Held, params: &Params) -> Result<(String, &'h mut Policy), Refused> {
    let arn = required(params, "PolicyArn")?;
    let policy = held.policies.get_mut(arn).ok_or_else(|| missing(arn))?;
    Ok((arn.to_owned(), policy))
}

pub(super) fn create(iam: &Iam, held: &mut Held, params: &Params) -> Done {
    let name = name(params, "PolicyName", 128)?;
    if held.policies.values().any(|policy| policy.name == name) {
        let message = format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err((409, "EntityAlreadyExists", message));
    }
    let (path, now) = (path(params)?, iam.context.now());
    let arn = iam.arn("policy", &path, name);
    let policy = Policy {
        name: name.to_owned(),
        id: iam.id("ANPA"),
        path,
        created: now,
        description: params.get("Description").map(str::to_owned),
        versions: BTreeMap::from([(1, (document(params, "PolicyDocument")?, now))]),
        default: 1,
        next: 2,
    };
    let writes = vec![saved(POLICIES, &arn, &policy)?];
    let xml = one(held, &arn, &policy);
    held.policies.insert(arn, policy);
    Ok((xml, writes))
}

pub(super) fn get(held: &mut Held, params: &Params) -> Done {
    let arn = required(params, "PolicyArn")?;
    let policy = held.policies.get(arn).ok_or_else(|| missing(arn))?;
    Ok((one(held, arn, policy), Vec::new()))
}

pub(super) fn list(held: &Held, params: &Params) -> Done {
    let prefix = params.get("PathPrefix").unwrap_or("/");
    // Of the scopes there is `Local` alone: what AWS manages is not here.
    let any = params.get("Scope") != Some("AWS");
    let policies = held.policies.iter().filter(|(_, policy)| any && policy.path.starts_with(prefix));
    page(params, "Policies", policies, |xml, arn, policy| {
        xml.nest("member", |xml| write(held, xml, arn, policy));
    })
}

pub(super) fn delete(held: &mut Held, params: &Params) -> Done {
    let (arn, policy) = find(held, params)?;
    let versions = policy.versions.len();
    let conflict = |why: &str| Err((409, "DeleteConflict", format!("Cannot delete a policy {why}.")));
    if held.roles.values().any(|role| role.attached.contains(&arn)) {
        return conflict("attached to entities");
    }
    if versions > 1 {
        return conflict("that has non-default versions");
    }
    held.policies.remove(&arn);
    nothing(vec![Write::delete(POLICIES, arn)])
}

fn version(xml: &mut Xml, policy: &Policy, number: u32, (document, at): &(Value, Timestamp), with_document: bool) {
    if with_document {
        xml.text("Document", &encoded(document));
    }
    xml.text("VersionId", &format!("v{number}"));
    xml.text("IsDefaultVersion", if policy.default == number { "true" } else { "false" });
    xml.text("CreateDate", &time(*at));
}

fn number(params: &Params, arn: &str, policy: &Policy) -> Result<u32, Refused> {
    let id = required(params, "VersionId")?;
    let number = id.strip_prefix('v').and_then(|number| number.parse().ok());
    let known = number.filter(|number| policy.versions.contains_key(number));
    known
        .ok_or_else(|| (404, "NoSuchEntity", format!("Policy {arn} version {id} does not exist or is not attachable.")))
}

pub(super) fn create_version(iam: &Iam, held: &mut Held, params: &Params) -> Done {
    let document = document(params, "PolicyDocument")?;
    let (arn, policy) = find(held, params)?;
    if policy.versions.len() >= MOST_VERSIONS {
        let message = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.";
        return Err((409, "LimitExceeded", message.to_owned()));
    }
    let number = policy.next;
    policy.next += 1;
    policy.versions.insert(number, (document, iam.context.now()));
    if params.get("SetAsDefault") == Some("true") {
        policy.default = number;
    }
    let mut xml = Xml::default();
    if let Some(made) = policy.versions.get(&number) {
        xml.nest("PolicyVersion", |xml| version(xml, policy, number, made, false));
    }
    Ok((xml, vec![saved(POLICIES, &arn, policy)?]))
}

pub(super) fn get_version(held: &mut Held, params: &Params) -> Done {
    let (arn, policy) = find(held, params)?;
    let number = number(params, &arn, policy)?;
    let mut xml = Xml::default();
    if let Some(found) = policy.versions.get(&number) {
        xml.nest("PolicyVersion", |xml| version(xml, policy, number, found, true));
    }
    Ok((xml, Vec::new()))
}

pub(super) fn list_versions(held: &mut Held, params: &Params) -> Done {
    let (_, policy) = find(held, params)?;
    let keys: Vec<(String, u32)> = policy.versions.keys().map(|number| (format!("v{number:05}"), *number)).collect();
    page(params, "Versions", keys.iter().map(|(key, number)| (key, *number)), |xml, _, number| {
        if let Some(found) = policy.versions.get(&number) {
            xml.nest("member", |xml| version(xml, policy, number, found, false));
        }
    })
}

pub(super) fn delete_version(held: &mut Held, params: &Params) -> Done {
    let (arn, policy) = find(held, params)?;
    let number = number(params, &arn, policy)?;
    if number == policy.default {
        return Err((409, "DeleteConflict", "Cannot delete the default version of a policy.".to_owned()));
    }
    policy.versions.remove(&number);
    nothing(vec![saved(POLICIES, &arn, policy)?])
}

pub(super) fn set_default(held: &mut Held, params: &Params) -> Done {
    let (arn, policy) = find(held, params)?;
    policy.default = number(params, &arn, policy)?;
    nothing(vec![saved(POLICIES, &arn, policy)?])
}

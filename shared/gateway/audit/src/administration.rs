//! What the policies of roles allow besides the data plane of AWS IoT: what manages things, what reads of them, everything else of
//! the API, and other services. The groups are those of "Authenticated Cognito role overly permissive".

use crate::breadth::{self, Grant};
use crate::glob::Glob;
use crate::statement::Document;
use drydock_core::Service;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// "Manage or modify things": not to be allowed on a single one.
const WRITES: &[&str] = &[
    "iot:AddThingToThingGroup",
    "iot:AttachThingPrincipal",
    "iot:CreateThing",
    "iot:DeleteThing",
    "iot:DetachThingPrincipal",
    "iot:ListThings",
    "iot:ListThingsInThingGroup",
    "iot:RegisterThing",
    "iot:RemoveThingFromThingGroup",
    "iot:UpdateThing",
    "iot:UpdateThingGroupsForThing",
];

/// "Read thing administrative data".
const READS: &[&str] =
    &["iot:DescribeThing", "iot:ListJobExecutionsForThing", "iot:ListThingGroupsForThing", "iot:ListThingPrincipals"];

/// What devices do on the data plane besides what [`breadth`] asks for.
const DEVICES: &[&str] = &[
    "iot:AssumeRoleWithCertificate",
    "iot:GetRetainedMessage",
    "iot:ListNamedShadowsForThing",
    "iot:ListRetainedMessages",
    "iot:Receive",
];

/// The services that audit others ("IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK").
const AUDITING: &[&str] = &["cloudtrail", "guardduty", "iam", "inspector", "inspector2", "trustedadvisor"];

/// Every other operation of AWS IoT's control plane, as IAM calls it.
static OTHERS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = drydock_model::operations().iter().filter(|operation| operation.service == Service::Iot);
    let names = all.map(|operation| format!("iot:{}", operation.name));
    names.filter(|name| !is_of_things(name)).collect()
});

fn is_of_things(action: &str) -> bool {
    [WRITES, READS, DEVICES].iter().any(|group| group.contains(&action))
        || breadth::data_plane_actions().any(|probed| probed == action)
}

/// The first grant of an action on any resource at all.
fn granted(document: &Document, action: &Glob) -> Option<(usize, String)> {
    if document.denies(action, &Glob::plain("*")) {
        return None;
    }
    document.allowing().find_map(|(place, statement)| {
        if !statement.actions.overlap(action) {
            return None;
        }
        let resource = statement.resources.written.first()?;
        let resource = if statement.resources.except { format!("all but {resource}") } else { resource.clone() };
        Some((place, resource))
    })
}

fn all_granted(document: &Document, actions: impl Iterator<Item = impl AsRef<str>>) -> Vec<Grant> {
    let found = actions.filter_map(|action| {
        let action = action.as_ref();
        let (statement, resource) = granted(document, &Glob::action(action))?;
        Some(Grant { action: action.to_owned(), document: 0, statement, resource })
    });
    found.collect()
}

/// Allowed actions that manage things.
pub(crate) fn writes(document: &Document) -> Vec<Grant> {
    all_granted(document, WRITES.iter())
}

/// Allowed actions that read of things, of a single one, too.
pub(crate) fn reads(document: &Document) -> Vec<Grant> {
    all_granted(document, READS.iter())
}

/// Allowed actions that read of any thing.
pub(crate) fn broad_reads(document: &Document) -> Vec<Grant> {
    READS.iter().filter_map(|action| breadth::broad(document, action, &["thing/{any}"])).collect()
}

/// Allowed actions of AWS IoT that have nothing to do with things.
pub(crate) fn others(document: &Document) -> Vec<Grant> {
    let mut found = all_granted(document, OTHERS.iter());
    // What is written out and is not an operation that is known here is not one of a device's either.
    for (place, statement) in document.allowing().filter(|(_, statement)| !statement.actions.except) {
        for (written, pattern) in statement.actions.patterns() {
            let is_iot = written.to_ascii_lowercase().starts_with("iot:");
            let known = |name: &str| name.eq_ignore_ascii_case(written);
            let is_known = [WRITES, READS, DEVICES].iter().flat_map(|group| group.iter()).any(|name| known(name))
                || OTHERS.iter().any(|name| known(name))
                || breadth::data_plane_actions().any(known);
            if is_iot && pattern.is_literal() && !is_known {
                let resource = statement.resources.written.first().cloned().unwrap_or_default();
                found.push(Grant { action: written.to_owned(), document: 0, statement: place, resource });
            }
        }
    }
    found
}

/// What is allowed of services that audit others.
pub(crate) fn auditing(document: &Document) -> Vec<Grant> {
    all_granted(document, AUDITING.iter().map(|service| format!("{service}:*")))
}

/// The services that are allowed as a whole, `iam:*` for example. Which ones `*` names only those know that are used.
pub(crate) fn whole_services(document: &Document, used: &BTreeSet<String>) -> Vec<Grant> {
    let mut found: BTreeMap<String, Grant> = BTreeMap::new();
    for (place, statement) in document.allowing() {
        let resource = statement.resources.written.first().cloned().unwrap_or_default();
        let mut add = |service: &str| {
            let action = format!("{service}:*");
            let grant = Grant { action, document: 0, statement: place, resource: resource.clone() };
            found.entry(service.to_owned()).or_insert(grant);
        };
        if statement.actions.except {
            used.iter()
                .filter(|service| statement.actions.overlap(&Glob::plain(&format!("{service}:*"))))
                .for_each(|s| add(s));
            continue;
        }
        for (written, _) in statement.actions.patterns() {
            match written.to_ascii_lowercase().split_once(':') {
                Some((service, "*")) if !service.contains('*') && used.contains(service) => add(service),
                None if written == "*" => used.iter().for_each(|service| add(service)),
                _ => {}
            }
        }
    }
    found.retain(|service, _| !document.denies(&Glob::plain(&format!("{service}:*")), &Glob::plain("*")));
    found.into_values().collect()
}

/// The services of which something is allowed by documents, by name; those that `*` allows are not known.
#[must_use]
pub fn services_of(documents: &[Document]) -> BTreeSet<String> {
    documents.iter().flat_map(services).map(|(service, _)| service).filter(|service| service != "*").collect()
}

/// The services of which something is allowed, by name; `*` where it may be any.
pub(crate) fn services(document: &Document) -> BTreeMap<String, Grant> {
    let mut found = BTreeMap::new();
    for (place, statement) in document.allowing() {
        let resource = statement.resources.written.first().cloned().unwrap_or_default();
        let names: Vec<(String, String)> = if statement.actions.except {
            vec![("*".to_owned(), format!("all but {}", statement.actions.written.join(", ")))]
        } else {
            let of = |(written, _): (&str, &Glob)| {
                let service = written.split_once(':').map_or("*", |(service, _)| service);
                (service.to_ascii_lowercase(), written.to_owned())
            };
            statement.actions.patterns().map(of).collect()
        };
        for (service, action) in names {
            if document.denies(&Glob::action(&action), &Glob::plain("*")) {
                continue;
            }
            found.entry(service).or_insert(Grant { action, document: 0, statement: place, resource: resource.clone() });
        }
    }
    found
}

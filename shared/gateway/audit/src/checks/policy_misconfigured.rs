//! `IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK`: AWS IoT policies that deny less than they seem to, for `+` and `#` are not wildcards
//! in policies, and wildcards of MQTT reach around a denial of filters.

use super::{Check, POLICY, Verdict};
use crate::breadth::Grant;
use crate::glob::Glob;
use crate::statement::{Document, Statement, of_one_account};
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

/// A denial has `+` or `#` in it.
pub const WILDCARDS: &str = "POLICY_CONTAINS_MQTT_WILDCARDS_IN_DENY_STATEMENT";
/// Filters are denied whose topics another filter, which is allowed, has.
pub const FILTERS: &str = "TOPIC_FILTERS_INTENDED_TO_DENY_ALLOWED_USING_WILDCARDS";

/// The check.
pub const CHECK: Check = Check {
    name: "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK",
    severity: AuditFindingSeverity::Medium,
    resource: ResourceType::IotPolicy,
    looks_at: "the default versions of AWS IoT policies",
    reasons: &[WILDCARDS, FILTERS],
    steps: &[
        "Write `*` and `?` in the place of `+` and `#`, and deny iot:Receive on the topics beside iot:Subscribe on the filters.",
        "Create a compliant version of the policy and make it the default (CreatePolicyVersion with setAsDefault).",
        "Make sure that the devices connect; where one does not, go back to the earlier version and revise the new one.",
        "Suppress the finding where the policy is as it should be: this check may be wrong.",
    ],
    page: "audit-chk-iot-misconfigured-policies",
    mitigation: POLICY,
};

/// Judges a policy: it may be wrong in both ways.
#[must_use]
pub fn judge(document: &Document) -> Vec<Verdict> {
    let denying = || document.statements.iter().enumerate().filter(|(_, statement)| !statement.allows);
    let literal = denying().flat_map(|(place, statement)| mqtt_wildcards(place, statement)).collect();
    let reached = denying().flat_map(|(place, statement)| reached_around(document, place, statement)).collect();
    let verdicts = [
        named(WILDCARDS, "Policy contains MQTT wildcards in deny statements", literal),
        named(FILTERS, "Topic filters that are intended to be denied are allowed using wildcards", reached),
    ];
    verdicts.into_iter().flatten().collect()
}

/// A verdict that names the resources, which are what is wrong.
fn named(code: &'static str, why: &str, grants: Vec<Grant>) -> Option<Verdict> {
    let resources: Vec<&str> = grants.iter().map(|grant| grant.resource.as_str()).collect();
    let why = format!("{why}: [{}].", resources.join(", "));
    (!grants.is_empty()).then(|| Verdict { code, why: why.into(), grants })
}

/// The part of a resource that is a topic or a filter, with its kind; of `*` and the like, nothing.
fn topic(resource: &str) -> Option<(&str, &str)> {
    let part = resource.splitn(6, ':').nth(5)?;
    let (kind, topic) = part.split_once('/')?;
    matches!(kind, "topic" | "topicfilter").then_some((kind, topic))
}

fn has_mqtt_wildcard(resource: &str) -> bool {
    topic(resource).is_some_and(|(_, topic)| topic.contains(['+', '#']))
}

fn mqtt_wildcards(place: usize, statement: &Statement) -> Vec<Grant> {
    let action = statement.actions.written.first().cloned().unwrap_or_default();
    let found = statement.resources.written.iter().filter(|resource| has_mqtt_wildcard(resource));
    found
        .map(|resource| Grant { action: action.clone(), document: 0, statement: place, resource: resource.clone() })
        .collect()
}

/// The filters of a denial whose topics come by a filter that is allowed all the same.
fn reached_around(document: &Document, place: usize, denying: &Statement) -> Vec<Grant> {
    let subscribe = Glob::action("iot:Subscribe");
    if denying.resources.except || !denying.actions.overlap(&subscribe) {
        return Vec::new();
    }
    let found = denying.resources.patterns(&[]).filter(|(written, denied)| {
        let Some(("topicfilter", _)) = topic(written) else { return false };
        // Those with wildcards of MQTT are told of by themselves.
        if has_mqtt_wildcard(written) {
            return false;
        }
        // A wider filter that is allowed, of which not all is denied.
        let allowed = document.allowing().filter(|(_, statement)| statement.actions.overlap(&subscribe));
        let mut wider = allowed.flat_map(|(_, statement)| {
            let patterns = statement.resources.patterns(&[]).map(|(_, pattern)| pattern).collect::<Vec<_>>();
            if statement.resources.except { Vec::new() } else { patterns }
        });
        let is_around = wider.any(|pattern| {
            pattern.covers(denied) && !denied.covers(&pattern) && !document.denies(&subscribe, &pattern)
        });
        is_around && !receives_nothing(document, written)
    });
    let grant = |(written, _): (&str, Glob)| Grant {
        action: "iot:Subscribe".to_owned(),
        document: 0,
        statement: place,
        resource: written.to_owned(),
    };
    found.map(grant).collect()
}

/// Whether the topics of a filter are denied to be received.
fn receives_nothing(document: &Document, filter: &str) -> bool {
    let topics = Glob::with_variables(&of_one_account(filter).replacen(":topicfilter/", ":topic/", 1), &[]);
    document.denies(&Glob::action("iot:Receive"), &topics)
}

//! What the checks find in a template: in its policies of AWS IoT, those of its provisioning templates, the roles behind its role
//! aliases and identity pools, its CA certificates, and its logging options.

use clap::ValueEnum;
use drydock_audit::checks::{
    authenticated_cognito_role, ca_certificate_key_quality, device_certificate_key_quality, find, logging_disabled,
    policy_misconfigured, policy_permissive, role_alias_permissive, unauthenticated_cognito_role,
};
use drydock_audit::keys::Blocklist;
use drydock_audit::{Check, Document, Verdict, services_of};
use drydock_identity::Certificate;
use drydock_model::iot::AuditFindingSeverity;
use drydock_template::{Loose, Place};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Severity {
    /// Of little concern.
    Low,
    /// To be seen to in the course of things.
    Medium,
    /// To be seen to after what is critical.
    High,
    /// To be seen to now.
    Critical,
}

/// What was seen of a template.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Looked {
    /// How many resources there is a check for.
    pub(super) looked_at: usize,
    /// In the order of the template.
    pub(super) findings: Vec<Finding>,
    /// Policies that do not read as the template has them, with their places: nothing is said of them.
    pub(super) unread: Vec<String>,
}

/// A resource that does not comply.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    #[serde(serialize_with = "named")]
    pub(super) check: &'static Check,
    pub(super) severity: String,
    pub(super) reason: &'static str,
    pub(super) why: String,
    /// Its name in the template.
    pub(super) resource: String,
    pub(super) place: Place,
    /// Why it is not to be told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) suppressed: Option<String>,
}

fn named<S: Serializer>(check: &&'static Check, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(check.name)
}

impl Finding {
    pub(super) fn severity(&self) -> Severity {
        match self.check.severity {
            AuditFindingSeverity::Critical => Severity::Critical,
            AuditFindingSeverity::High => Severity::High,
            AuditFindingSeverity::Medium => Severity::Medium,
            AuditFindingSeverity::Low => Severity::Low,
        }
    }
}

/// A policy in a template, and where it stands.
struct Policy<'t> {
    document: Document,
    of: &'t Loose,
    pointer: String,
    /// Whether it has places of its own; a text in a text has not.
    has_places: bool,
}

/// Looks at the resources of a template.
///
/// # Errors
/// What of a suppression is missing or wrong.
pub(super) fn look(resources: &[Loose]) -> Result<Looked, String> {
    let mut looked = Looked { looked_at: 0, findings: Vec::new(), unread: Vec::new() };
    for resource in resources {
        let known = looked.findings.len();
        match resource.type_.as_str() {
            "AWS::IoT::Policy" => {
                let found = read(&mut looked, resource, "/PolicyDocument");
                policies(&mut looked, &found);
            }
            "AWS::IoT::ProvisioningTemplate" => policies(&mut looked, &provisioned(resource)),
            "AWS::IoT::RoleAlias" => role_alias(&mut looked, resource, resources),
            "AWS::Cognito::IdentityPoolRoleAttachment" => pool(&mut looked, resource, resources),
            "AWS::IoT::Logging" => logging(&mut looked, resource),
            "AWS::IoT::CACertificate" => {
                key(&mut looked, resource, "CACertificatePem", &ca_certificate_key_quality::CHECK)
            }
            "AWS::IoT::Certificate" => {
                key(&mut looked, resource, "CertificatePem", &device_certificate_key_quality::CHECK)
            }
            _ => continue,
        }
        looked.looked_at += 1;
        suppress(resource, looked.findings.get_mut(known..).unwrap_or_default())?;
    }
    looked.findings.sort_by(|left, right| left.place.cmp(&right.place));
    Ok(looked)
}

/// Marks what the metadata of a resource suppresses.
fn suppress(resource: &Loose, findings: &mut [Finding]) -> Result<(), String> {
    let Some(asked) = resource.metadata.get("DrydockAudit") else { return Ok(()) };
    let wrong =
        |why: &str| format!("{}: `DrydockAudit` in the metadata of {}: {why}", resource.place, resource.logical_id);
    let list = asked.as_array().ok_or_else(|| wrong("it is a list of suppressions, each with `Check` and `Reason`"))?;
    for suppression in list {
        let text =
            |name: &str| suppression.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let check = text("Check").ok_or_else(|| wrong("a suppression needs a `Check`"))?;
        let check = find(check).ok_or_else(|| wrong(&format!("`{check}` is not an audit check")))?;
        let reason = text("Reason").ok_or_else(|| wrong("a suppression needs a `Reason`"))?;
        for finding in findings.iter_mut().filter(|finding| finding.check.name == check.name) {
            finding.suppressed = Some(reason.to_owned());
        }
    }
    Ok(())
}

/// A document at a place of a resource: a mapping, or JSON in a text.
fn read<'t>(looked: &mut Looked, of: &'t Loose, pointer: &str) -> Vec<Policy<'t>> {
    let found = match of.properties.pointer(pointer) {
        Some(Value::String(text)) => Document::parse(text).map(|document| (document, false)),
        Some(value) => Document::read(value).map(|document| (document, true)),
        None => return Vec::new(),
    };
    match found {
        Ok((document, has_places)) => vec![Policy { document, of, pointer: pointer.to_owned(), has_places }],
        Err(why) => {
            looked.unread.push(format!(
                "{}: the policy of {} is not known here: {why}",
                of.place_of(pointer),
                of.logical_id
            ));
            Vec::new()
        }
    }
}

/// The policies that a provisioning template makes.
fn provisioned(of: &Loose) -> Vec<Policy<'_>> {
    let body = of.properties.get("TemplateBody").and_then(Value::as_str).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let made = body.get("Resources").and_then(Value::as_object).into_iter().flatten();
    let made = made.filter(|(_, one)| one.get("Type").and_then(Value::as_str) == Some("AWS::IoT::Policy"));
    let documents = made.filter_map(|(_, one)| one.pointer("/Properties/PolicyDocument"));
    let read = documents.filter_map(|document| match document {
        Value::String(text) => Document::parse(text).ok(),
        value => Document::read(value).ok(),
    });
    read.map(|document| Policy { document, of, pointer: "/TemplateBody".to_owned(), has_places: false }).collect()
}

/// Keeps a verdict at the place of the statement that leads to it.
fn keep(looked: &mut Looked, check: &'static Check, verdict: Verdict, resource: &str, policies: &[Policy<'_>]) {
    let grant = verdict.grants.first();
    let policy = policies.get(grant.map_or(0, |grant| grant.document));
    let place = policy.map(|policy| {
        let list = format!("{}/Statement", policy.pointer);
        let is_list = policy.of.properties.pointer(&list).is_some_and(Value::is_array);
        let statement =
            grant.filter(|_| policy.has_places && is_list).map(|grant| format!("{list}/{}", grant.statement));
        policy.of.place_of(statement.as_deref().unwrap_or(&policy.pointer)).clone()
    });
    let Some(place) = place else { return };
    add(looked, check, verdict, resource, place);
}

fn add(looked: &mut Looked, check: &'static Check, verdict: Verdict, resource: &str, place: Place) {
    looked.findings.push(Finding {
        check,
        severity: check.severity.to_string(),
        reason: verdict.code,
        why: verdict.why.into_owned(),
        resource: resource.to_owned(),
        place,
        suppressed: None,
    });
}

fn policies(looked: &mut Looked, policies: &[Policy<'_>]) {
    for policy in policies {
        let (one, name) = (std::slice::from_ref(policy), policy.of.logical_id.as_str());
        if let Some(verdict) = policy_permissive::judge(&policy.document) {
            keep(looked, &policy_permissive::CHECK, verdict, name, one);
        }
        for verdict in policy_misconfigured::judge(&policy.document) {
            keep(looked, &policy_misconfigured::CHECK, verdict, name, one);
        }
    }
}

/// The policies of a role of the template, which is named by its logical id or by an ARN that ends with that.
fn of_role<'t>(looked: &mut Looked, named: &str, resources: &'t [Loose]) -> Vec<Policy<'t>> {
    let name = named.rsplit('/').next().unwrap_or_default();
    let is_it = |one: &&Loose| {
        let given = one.properties.get("RoleName").and_then(Value::as_str);
        one.type_ == "AWS::IAM::Role" && (one.logical_id == name || given == Some(name))
    };
    let Some(role) = resources.iter().find(is_it) else { return Vec::new() };
    let own = role.properties.get("Policies").and_then(Value::as_array).map_or(0, Vec::len);
    let mut found: Vec<Policy<'_>> =
        (0..own).flat_map(|at| read(looked, role, &format!("/Policies/{at}/PolicyDocument"))).collect();
    let attached = role.properties.get("ManagedPolicyArns").and_then(Value::as_array).into_iter().flatten();
    let attached: Vec<&str> = attached.filter_map(Value::as_str).collect();
    for policy in resources {
        let roles = policy.properties.get("Roles").and_then(Value::as_array).into_iter().flatten();
        let names_it =
            roles.chain(policy.properties.get("RoleName")).any(|one| one.as_str() == Some(role.logical_id.as_str()));
        let is_attached = attached.contains(&policy.logical_id.as_str());
        let is_policy =
            matches!(policy.type_.as_str(), "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy");
        if is_policy && (names_it || is_attached) {
            found.extend(read(looked, policy, "/PolicyDocument"));
        }
    }
    found
}

/// Nothing is in use before it is deployed, so that what is allowed counts as used; what is not used cannot be told.
fn role_alias(looked: &mut Looked, alias: &Loose, resources: &[Loose]) {
    let role = alias.properties.get("RoleArn").and_then(Value::as_str).unwrap_or_default();
    let policies = of_role(looked, role, resources);
    let documents: Vec<Document> = policies.iter().map(|policy| policy.document.clone()).collect();
    for verdict in role_alias_permissive::judge(&documents, &services_of(&documents)) {
        keep(looked, &role_alias_permissive::CHECK, verdict, &alias.logical_id, &policies);
    }
}

fn pool(looked: &mut Looked, pool: &Loose, resources: &[Loose]) {
    type Judge = fn(&[Document]) -> Vec<Verdict>;
    let of: [(&str, &'static Check, Judge); 2] = [
        ("authenticated", &authenticated_cognito_role::CHECK, authenticated_cognito_role::judge),
        ("unauthenticated", &unauthenticated_cognito_role::CHECK, unauthenticated_cognito_role::judge),
    ];
    for (kind, check, judge) in of {
        let role = pool.properties.pointer(&format!("/Roles/{kind}")).and_then(Value::as_str).unwrap_or_default();
        let policies = of_role(looked, role, resources);
        let documents: Vec<Document> = policies.iter().map(|policy| policy.document.clone()).collect();
        for verdict in judge(&documents) {
            keep(looked, check, verdict, &pool.logical_id, &policies);
        }
    }
}

fn logging(looked: &mut Looked, resource: &Loose) {
    let is_on = resource.properties.get("DefaultLogLevel").and_then(Value::as_str) != Some("DISABLED");
    if let Some(found) = logging_disabled::judge("", is_on) {
        let place = resource.place_of("/DefaultLogLevel").clone();
        add(looked, &logging_disabled::CHECK, found.verdict, &resource.logical_id, place);
    }
}

fn key(looked: &mut Looked, resource: &Loose, property: &str, check: &'static Check) {
    let pem = resource.properties.get(property).and_then(Value::as_str).unwrap_or_default();
    let Ok(certificate) = Certificate::from_pem("the certificate", pem) else { return };
    if let Some(verdict) = device_certificate_key_quality::judge(certificate.der(), &Blocklist::default()) {
        let place = resource.place_of(&format!("/{property}")).clone();
        add(looked, check, verdict, &resource.logical_id, place);
    }
}

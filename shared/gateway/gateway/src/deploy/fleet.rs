//! The template's things, groups, certificates and attachments, made by AWS IoT's own operations.

use super::cloud::MakeError;
use crate::dock::device::{Ask, ControlPlane as _, NotMade};
use crate::gateway::Gateway;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use drydock_core::Scope;
use drydock_template::{Attachment, Plan, Planned, Requested, Resource};
use http::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

fn ask(operation: &'static str, method: Method, path: String, body: Value) -> Ask {
    Ask { operation, method, path, headers: Vec::new(), body }
}

/// Makes something, or where it is there already changes it.
async fn make(gateway: &Gateway, create: Ask, update: Option<Ask>) -> Result<Value, NotMade> {
    match (gateway.ask(create).await, update) {
        (Err(error), Some(update)) if Gateway::exists(&error) => gateway.ask(update).await,
        (made, _) => made,
    }
}

/// Makes a resource of the fleet; `None` where it is another.
pub(super) async fn resource(gateway: &Gateway, resource: &Resource) -> Option<Result<(), MakeError>> {
    let made = match resource {
        Resource::Thing(thing) => {
            let path = format!("/things/{}", thing.name);
            let update = ask("UpdateThing", Method::PATCH, path.clone(), thing.request.clone());
            make(gateway, ask("CreateThing", Method::POST, path, thing.request.clone()), Some(update)).await
        }
        Resource::ThingGroup(group) => {
            let path = format!("/thing-groups/{}", group.name);
            let mut change = group.request.clone();
            if let Some(change) = change.as_object_mut() {
                change.remove("parentGroupName");
                change.entry("thingGroupProperties").or_insert_with(|| json!({}));
            }
            let update = ask("UpdateThingGroup", Method::PATCH, path.clone(), change);
            make(gateway, ask("CreateThingGroup", Method::POST, path, group.request.clone()), Some(update)).await
        }
        Resource::BillingGroup(group) => {
            let path = format!("/billing-groups/{}", group.name);
            let mut change = group.request.clone();
            if let Some(change) = change.as_object_mut() {
                change.entry("billingGroupProperties").or_insert_with(|| json!({}));
            }
            let update = ask("UpdateBillingGroup", Method::PATCH, path.clone(), change);
            make(gateway, ask("CreateBillingGroup", Method::POST, path, group.request.clone()), Some(update)).await
        }
        Resource::DomainConfiguration(domain) => domain_configuration(gateway, domain).await,
        Resource::Logging(logging) => {
            gateway
                .ask(ask("SetV2LoggingOptions", Method::POST, "/v2LoggingOptions".to_owned(), logging.request.clone()))
                .await
        }
        Resource::AuditConfiguration(wanted) => {
            let path = "/audit/configuration".to_owned();
            gateway.ask(ask("UpdateAccountAuditConfiguration", Method::PATCH, path, wanted.request.clone())).await
        }
        Resource::ScheduledAudit(audit) => {
            let path = format!("/audit/scheduledaudits/{}", audit.name);
            let update = ask("UpdateScheduledAudit", Method::PATCH, path.clone(), audit.request.clone());
            make(gateway, ask("CreateScheduledAudit", Method::POST, path, audit.request.clone()), Some(update)).await
        }
        Resource::MitigationAction(action) => {
            let path = format!("/mitigationactions/actions/{}", action.name);
            let update = ask("UpdateMitigationAction", Method::PATCH, path.clone(), action.request.clone());
            make(gateway, ask("CreateMitigationAction", Method::POST, path, action.request.clone()), Some(update)).await
        }
        Resource::SecurityProfile(profile) => security_profile(gateway, profile).await,
        Resource::PolicyAttachment(Attachment { name, principal, .. }) => {
            let path = format!("/target-policies/{name}");
            gateway.ask(ask("AttachPolicy", Method::PUT, path, json!({ "target": principal }))).await
        }
        Resource::ThingAttachment(attachment) => {
            let kind = attachment.thing_principal_type.as_ref();
            let query = kind.map(|kind| format!("?thingPrincipalType={kind}")).unwrap_or_default();
            gateway
                .ask(Ask {
                    operation: "AttachThingPrincipal",
                    method: Method::PUT,
                    path: format!("/things/{}/principals{query}", attachment.name),
                    headers: vec![("x-amzn-principal", attachment.principal.clone())],
                    body: Value::Null,
                })
                .await
        }
        // Made before the rest: see `first`.
        Resource::Certificate(_) | Resource::CaCertificate(_) | Resource::TopicRuleDestination(_) => Ok(Value::Null),
        _ => return None,
    };
    Some(made.map(|_| ()).map_err(MakeError::Refused))
}

/// Makes a security profile, and attaches it to its targets. What an earlier template attached it to besides stays.
async fn security_profile(gateway: &Gateway, profile: &Requested) -> Result<Value, NotMade> {
    let path = format!("/security-profiles/{}", profile.name);
    let mut wanted = profile.request.clone();
    let targets = wanted.as_object_mut().and_then(|wanted| wanted.remove("targetArns"));
    let update = ask("UpdateSecurityProfile", Method::PATCH, path.clone(), wanted.clone());
    let made = make(gateway, ask("CreateSecurityProfile", Method::POST, path.clone(), wanted), Some(update)).await?;
    for target in targets.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let path =
            format!("{path}/targets?securityProfileTargetArn={}", target.replace(':', "%3A").replace('/', "%2F"));
        gateway.ask(ask("AttachSecurityProfile", Method::PUT, path, Value::Null)).await?;
    }
    Ok(made)
}

async fn domain_configuration(gateway: &Gateway, domain: &Requested) -> Result<Value, NotMade> {
    let path = format!("/domainConfigurations/{}", domain.name);
    let mut create = domain.request.clone();
    let status = create.as_object_mut().and_then(|create| create.remove("domainConfigurationStatus"));
    let mut change = Map::new();
    for name in
        ["authorizerConfig", "authenticationType", "applicationProtocol", "tlsConfig", "serverCertificateConfig"]
    {
        change.extend(create.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    change.extend(status.map(|status| ("domainConfigurationStatus".to_owned(), status)));
    let update = ask("UpdateDomainConfiguration", Method::PUT, path.clone(), change.clone().into());
    let made =
        make(gateway, ask("CreateDomainConfiguration", Method::POST, path, create), Some(update.clone())).await?;
    if change.contains_key("domainConfigurationStatus") { gateway.ask(update).await } else { Ok(made) }
}

/// Makes what has no name before it is made, certificates and destinations; gives the names by logical id. What an earlier start
/// made is found again.
pub(super) async fn first(
    gateway: &Gateway,
    plan: &Plan,
) -> Result<BTreeMap<String, String>, Box<(Planned, MakeError)>> {
    let file = Remembered::of(gateway, &plan.stack_name);
    let mut known = file.read();
    let mut made = BTreeMap::new();
    for planned in &plan.resources {
        let id = match &planned.resource {
            Resource::Certificate(wanted) => {
                let earlier = known.get(&planned.logical_id).cloned();
                certificate(gateway, wanted, earlier).await
            }
            Resource::CaCertificate(wanted) => ca_certificate(gateway, wanted).await,
            Resource::TopicRuleDestination(wanted) => destination(gateway, wanted).await,
            _ => continue,
        };
        let id = id.map_err(|error| Box::new((planned.clone(), MakeError::Refused(error))))?;
        made.insert(planned.logical_id.clone(), id);
    }
    if let Some(planned) = plan.resources.iter().find(|planned| made.contains_key(&planned.logical_id)) {
        known.extend(made.clone());
        let failed = |(path, source)| Box::new((planned.clone(), MakeError::File { path, source }));
        file.write(&known).map_err(failed)?;
    }
    Ok(made)
}

/// Which certificate an earlier start made of a signing request: another one would be made of it each time.
struct Remembered(Option<PathBuf>);

impl Remembered {
    fn of(gateway: &Gateway, stack: &str) -> Self {
        let Scope { account, region } = gateway.scope();
        Self(gateway.data_dir.as_ref().map(|folder| folder.join(format!("stack-{account}-{region}-{stack}.json"))))
    }

    fn read(&self) -> BTreeMap<String, String> {
        let text = self.0.as_ref().and_then(|path| std::fs::read(path).ok());
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    fn write(&self, known: &BTreeMap<String, String>) -> Result<(), (PathBuf, std::io::Error)> {
        let Some(path) = &self.0 else { return Ok(()) };
        let beside = path.with_extension("part");
        let written = std::fs::write(&beside, json!(known).to_string()).and_then(|()| std::fs::rename(&beside, path));
        written.map_err(|error| (path.clone(), error))
    }
}

async fn certificate(gateway: &Gateway, wanted: &Requested, earlier: Option<String>) -> Result<String, NotMade> {
    let status = text(&wanted.request, "status");
    let mut request = wanted.request.clone();
    if let Some(csr) = request.get("certificateSigningRequest") {
        let body = json!({ "certificateSigningRequest": csr });
        let id = match earlier {
            Some(id) if gateway.ask(describe(&id)).await.is_ok() => id,
            _ => {
                let create = ask("CreateCertificateFromCsr", Method::POST, "/certificates".to_owned(), body);
                text(&gateway.ask(create).await?, "certificateId")
            }
        };
        return set_status(gateway, id, &status).await;
    }
    let pem = text(&request, "certificatePem");
    let (operation, path) = match request.get("cACertificatePem").cloned() {
        Some(ca) => {
            if let Some(request) = request.as_object_mut() {
                request.remove("cACertificatePem");
                request.insert("caCertificatePem".to_owned(), ca);
            }
            ("RegisterCertificate", "/certificate/register")
        }
        None => ("RegisterCertificateWithoutCA", "/certificate/register-no-ca"),
    };
    if let Some(request) = request.as_object_mut() {
        request.remove("certificateMode");
    }
    match gateway.ask(ask(operation, Method::POST, path.to_owned(), request)).await {
        Ok(made) => Ok(text(&made, "certificateId")),
        Err(error) if Gateway::exists(&error) => set_status(gateway, fingerprint(&pem), &status).await,
        Err(error) => Err(error),
    }
}

fn describe(id: &str) -> Ask {
    ask("DescribeCertificate", Method::GET, format!("/certificates/{id}"), Value::Null)
}

async fn set_status(gateway: &Gateway, id: String, status: &str) -> Result<String, NotMade> {
    let known = gateway.ask(describe(&id)).await?;
    if known.pointer("/certificateDescription/status").and_then(Value::as_str) != Some(status) {
        let path = format!("/certificates/{id}?newStatus={status}");
        gateway.ask(ask("UpdateCertificate", Method::PUT, path, Value::Null)).await?;
    }
    Ok(id)
}

async fn ca_certificate(gateway: &Gateway, wanted: &Requested) -> Result<String, NotMade> {
    let given = |name: &str| wanted.request.get(name).cloned();
    let pem = text(&wanted.request, "cACertificatePem");
    let (status, automatic) = (text(&wanted.request, "status"), text(&wanted.request, "autoRegistrationStatus"));
    let mut body = Map::from_iter([("caCertificate".to_owned(), json!(pem))]);
    for (name, value) in [
        ("verificationCertificate", given("verificationCertificatePem")),
        ("registrationConfig", given("registrationConfig")),
        ("certificateMode", given("certificateMode")),
    ] {
        body.extend(value.map(|value| (name.to_owned(), value)));
    }
    let path =
        format!("/cacertificate?setAsActive={}&allowAutoRegistration={}", status == "ACTIVE", automatic == "ENABLE");
    match gateway.ask(ask("RegisterCACertificate", Method::POST, path, body.into())).await {
        Ok(made) => Ok(text(&made, "certificateId")),
        Err(error) if Gateway::exists(&error) => {
            let id = fingerprint(&pem);
            let automatic = if automatic == "ENABLE" { "ENABLE" } else { "DISABLE" };
            let path = format!("/cacertificate/{id}?newStatus={status}&newAutoRegistrationStatus={automatic}");
            let body =
                given("registrationConfig").map_or(Value::Null, |config| json!({ "registrationConfig": config }));
            gateway.ask(ask("UpdateCACertificate", Method::PUT, path, body)).await?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

async fn destination(gateway: &Gateway, wanted: &Requested) -> Result<String, NotMade> {
    let url = wanted.request.pointer("/destinationConfiguration/httpUrlConfiguration/confirmationUrl");
    let mut next = String::new();
    loop {
        let path = format!("/destinations?maxResults=100{next}");
        let listed = gateway.ask(ask("ListTopicRuleDestinations", Method::GET, path, Value::Null)).await?;
        let summaries = listed.get("destinationSummaries").and_then(Value::as_array).into_iter().flatten();
        let same = |summary: &&Value| summary.pointer("/httpUrlSummary/confirmationUrl") == url;
        if let Some(found) = summaries.into_iter().find(same) {
            return Ok(text(found, "arn"));
        }
        match listed.get("nextToken").and_then(Value::as_str) {
            Some(token) => {
                next = format!(
                    "&nextToken={}",
                    percent_encoding::utf8_percent_encode(token, percent_encoding::NON_ALPHANUMERIC)
                );
            }
            None => break,
        }
    }
    let mut request = wanted.request.clone();
    if let Some(request) = request.as_object_mut() {
        request.remove("status");
    }
    let made =
        gateway.ask(ask("CreateTopicRuleDestination", Method::POST, "/destinations".to_owned(), request)).await?;
    Ok(made.pointer("/topicRuleDestination/arn").and_then(Value::as_str).unwrap_or_default().to_owned())
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A certificate's id: SHA-256 of its DER. What cannot be read as PEM has none, and no certificate is found under it.
fn fingerprint(pem: &str) -> String {
    let base64: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    let der = BASE64.decode(base64).unwrap_or_default();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    digest.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

//! Mitigation actions: the operations on them and on tasks, and how each action is applied. An action and what became of it are one
//! change, so that a kill applies nothing twice; a message to a topic may come twice.

use super::operations::{asks, changes};
use super::service::AuditService;
use crate::call::{Call, operations, tagged, untagged};
use drydock_audit::Audit;
use drydock_audit::mitigation::{Execution, Outcome, Subject, Wanted};
use drydock_cloud::sns::Publish;
use drydock_core::{ApiError, Arn, Done, Ids, ThingGroupName, Timestamp};
use drydock_identity::Identity;
use drydock_logging::Logging;
use drydock_model::Router;
use drydock_model::iot::{
    AddThingToThingGroupRequest, AuditFinding, CACertificateStatus, CancelAuditMitigationActionsTaskResponse,
    CancelDetectMitigationActionsTaskResponse, CertificateStatus, CreatePolicyVersionRequest,
    DeleteMitigationActionResponse, EnableIoTLoggingParams, GetPolicyRequest, ListPrincipalThingsRequest,
    ListPrincipalThingsResponse, MitigationActionParams, ResourceIdentifier, SetV2LoggingOptionsRequest,
    UpdateCACertificateRequest, UpdateCertificateRequest, ops,
};
use drydock_policy::Policies;
use drydock_registry::Registry;
use drydock_store::Part;
use std::collections::BTreeSet;

/// The policy of the template `BLANK_POLICY`: it allows nothing.
const BLANK: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

pub(super) fn register(router: &mut Router<Call>) {
    asks!(router:
        DescribeMitigationAction => describe_action;
        ListMitigationActions => list_actions;
        DescribeAuditMitigationActionsTask => describe_mitigation;
        ListAuditMitigationActionsTasks => list_audit_mitigations;
        ListAuditMitigationActionsExecutions => list_audit_executions;
        DescribeDetectMitigationActionsTask => describe_detect_mitigation;
        ListDetectMitigationActionsTasks => list_detect_mitigations;
        ListDetectMitigationActionsExecutions => list_detect_executions;
    );
    tagged!(router, audit:
        CreateMitigationAction[action_arn] => |book, input, books| book
            .create_action(input, books.now(), books.ids.as_ref());
    );
    untagged!(router, audit:
        DeleteMitigationAction["mitigationaction/" action_name] => |book, input, books|
            Ok::<_, ApiError>(book.delete_action(&input).map(|()| DeleteMitigationActionResponse {}));
    );
    tasks(router);
}

fn tasks(router: &mut Router<Call>) {
    changes!(router:
        StartAuditMitigationActionsTask => |book, input, books| book.start_mitigation(&input, books.now());
    );
    router.on::<ops::StartDetectMitigationActionsTask>(|call: Call, input| async move {
        let books = call.books();
        let wanted = Wanted::of(&input)?;
        let found = call.services.audit.violations(&wanted);
        let reply = books.apply(&books.audit, |book| book.start_detect_mitigation(&input, &found, books.now())).await;
        call.services.audit.look_again();
        reply
    });
    operations!(router, audit:
        UpdateMitigationAction => |book, input, books| book.update_action(input, books.now());
        CancelAuditMitigationActionsTask => |book, input, books| book
            .cancel_audit_mitigation(&input, books.now())
            .map(|done| done.map(|()| CancelAuditMitigationActionsTaskResponse {}));
        CancelDetectMitigationActionsTask => |book, input, books| book
            .cancel_detect_mitigation(&input, books.now())
            .map(|done| done.map(|()| CancelDetectMitigationActionsTaskResponse {}));
    );
}

/// The rulebooks that actions change.
type Parts<'b> = (Part<'b, Identity>, Part<'b, Registry>, Part<'b, Policies>, Part<'b, Logging>, Part<'b, Audit>);

impl AuditService {
    /// Applies the actions that are to be.
    pub(super) async fn mitigate(&self) -> Result<(), ApiError> {
        let books = &self.host.books;
        while let Some(execution) = books.audit.read(Audit::next_execution) {
            let began = books.now();
            // What leaves the gateway comes before it is kept that it has.
            let told = self.publish(&execution).await;
            let touched = (&books.identity, &books.registry, &books.policies, &books.logging, &books.audit);
            let change = books.change(touched, |parts| {
                if parts.4.is_pending(&execution) {
                    let (now, ids) = (books.now(), books.ids.as_ref());
                    let outcome = told.unwrap_or_else(|| apply(parts, &books.scope, &execution, now, ids));
                    parts.4.run(|book| book.end_execution(&execution, outcome, began, now));
                }
                Ok::<_, ApiError>(())
            });
            change.await?;
            // It may be on by now.
            self.host.told.logs.refresh();
        }
        Ok(())
    }

    /// Sends a finding to the topic of an action, where it is one that does.
    async fn publish(&self, execution: &Execution) -> Option<Outcome> {
        let params = execution.action.action_params.as_ref()?.publish_finding_to_sns_params.as_ref()?;
        let Subject::Finding(finding) = &execution.subject else { return Some(gone()) };
        let topic = Arn::parse(&params.topic_arn)?;
        let published = self.host.cloud.sns().publish(&topic, Publish::text(finding.to_json().to_string())).await;
        Some(match published {
            Ok(_) => Outcome::Completed,
            Err(error) => Outcome::Failed("SNS_PUBLISH_FAILED".to_owned(), error.to_string()),
        })
    }
}

fn gone() -> Outcome {
    Outcome::Skipped("the finding is not kept any longer".to_owned())
}

fn failed(error: &ApiError) -> Outcome {
    Outcome::Failed(error.code.as_str().to_owned(), error.message.to_string())
}

fn outcome(done: Result<(), ApiError>) -> Outcome {
    match done {
        Ok(()) => Outcome::Completed,
        Err(error) => failed(&error),
    }
}

fn apply(
    parts: &mut Parts<'_>,
    scope: &drydock_core::Scope,
    execution: &Execution,
    now: Timestamp,
    ids: &dyn Ids,
) -> Outcome {
    let params = execution.action.action_params.clone().unwrap_or_default();
    let (identity, registry, policies, logging, _) = parts;
    let finding = match &execution.subject {
        Subject::Finding(finding) => finding,
        Subject::Thing(thing) => {
            return add_to_groups(registry, &params, &BTreeSet::from([thing.to_string()]), now, ids);
        }
        Subject::Gone => return gone(),
    };
    let resource = finding.non_compliant_resource.as_ref().and_then(|resource| resource.resource_identifier.as_ref());
    let resource = resource.cloned().unwrap_or_default();
    if params.update_device_certificate_params.is_some() {
        return each(&certificates(finding, &resource), |id| {
            let request =
                UpdateCertificateRequest { certificate_id: id.clone(), new_status: CertificateStatus::Inactive };
            identity.apply(|book| book.update_certificate(&request, now))
        });
    }
    if params.update_ca_certificate_params.is_some() {
        return each(resource.ca_certificate_id.as_slice(), |id| {
            let request = UpdateCACertificateRequest {
                certificate_id: id.clone(),
                new_status: Some(CACertificateStatus::Inactive),
                ..UpdateCACertificateRequest::default()
            };
            identity.apply(|book| book.update_ca_certificate(&request, now))
        });
    }
    if params.add_things_to_thing_group_params.is_some() {
        let mut things = BTreeSet::new();
        for id in certificates(finding, &resource) {
            let principal = scope.arn("iot", &format!("cert/{id}"));
            match things_of(registry, principal.as_str()) {
                Ok(found) => things.extend(found),
                Err(error) => return failed(&error),
            }
        }
        return add_to_groups(registry, &params, &things, now, ids);
    }
    if params.replace_default_policy_version_params.is_some() {
        return replace_policy(policies, &resource, now);
    }
    match params.enable_iot_logging_params {
        Some(params) => outcome(enable_logging(logging, params)),
        None => Outcome::Failed("INVALID_ACTION".to_owned(), "the action says nothing that is to be done".to_owned()),
    }
}

/// The certificates of devices that a finding is about: its own, or those that its issuer has signed.
fn certificates(finding: &AuditFinding, resource: &ResourceIdentifier) -> Vec<String> {
    if let Some(id) = &resource.device_certificate_id {
        return vec![id.clone()];
    }
    let related = finding.related_resources.iter().flatten();
    let ids = related.filter_map(|related| related.resource_identifier.as_ref()?.device_certificate_id.clone());
    ids.collect()
}

/// Does something to each; the first that fails ends it.
fn each(ids: &[String], mut apply: impl FnMut(&String) -> Result<(), ApiError>) -> Outcome {
    if ids.is_empty() {
        return Outcome::Skipped("the finding names no certificate".to_owned());
    }
    outcome(ids.iter().try_for_each(&mut apply))
}

fn things_of(registry: &Registry, principal: &str) -> Result<Vec<String>, ApiError> {
    let (mut all, mut next_token) = (Vec::new(), None);
    loop {
        let request = ListPrincipalThingsRequest { principal: principal.to_owned(), next_token, max_results: None };
        let Done { reply: ListPrincipalThingsResponse { things, next_token: next }, .. } =
            registry.list_principal_things(&request)?;
        all.extend(things.into_iter().flatten());
        next_token = next;
        if next_token.is_none() {
            return Ok(all);
        }
    }
}

fn add_to_groups(
    registry: &mut Part<'_, Registry>,
    params: &MitigationActionParams,
    things: &BTreeSet<String>,
    now: Timestamp,
    ids: &dyn Ids,
) -> Outcome {
    if things.is_empty() {
        return Outcome::Skipped("no thing has the certificate".to_owned());
    }
    let Some(params) = &params.add_things_to_thing_group_params else { return Outcome::Completed };
    for group in &params.thing_group_names {
        if let Err(error) = ThingGroupName::new(group) {
            return failed(&error.into());
        }
        for thing in things {
            let request = AddThingToThingGroupRequest {
                thing_name: Some(thing.clone()),
                thing_group_name: Some(group.clone()),
                override_dynamic_groups: params.override_dynamic_groups,
                ..AddThingToThingGroupRequest::default()
            };
            if let Err(error) = registry.apply(|book| book.add_thing_to_thing_group(&request, now, ids)) {
                return failed(&error);
            }
        }
    }
    Outcome::Completed
}

/// Puts a policy that allows nothing in the place of the version that was found, if that is still in force.
fn replace_policy(policies: &mut Part<'_, Policies>, resource: &ResourceIdentifier, now: Timestamp) -> Outcome {
    let Some(version) = &resource.policy_version_identifier else {
        return Outcome::Skipped("the finding names no policy".to_owned());
    };
    let policy_name = version.policy_name.clone().unwrap_or_default();
    let known = match policies.get_policy(&GetPolicyRequest { policy_name: policy_name.clone() }) {
        Ok(known) => known,
        Err(error) => return failed(&error),
    };
    if known.default_version_id != version.policy_version_id {
        let default = known.default_version_id.unwrap_or_default();
        return Outcome::Skipped(format!("the default version of the policy `{policy_name}` is {default} by now"));
    }
    let request =
        CreatePolicyVersionRequest { policy_document: BLANK.to_owned(), policy_name, set_as_default: Some(true) };
    outcome(policies.apply(|book| book.create_policy_version(request, now)).map(drop))
}

fn enable_logging(logging: &mut Part<'_, Logging>, params: EnableIoTLoggingParams) -> Result<(), ApiError> {
    let request = SetV2LoggingOptionsRequest {
        role_arn: Some(params.role_arn_for_logging),
        default_log_level: Some(params.log_level),
        disable_all_logs: Some(false),
        ..SetV2LoggingOptionsRequest::default()
    };
    logging.apply(|book| book.set_v2_logging_options(request))
}

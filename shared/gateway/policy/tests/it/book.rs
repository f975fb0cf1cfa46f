//! The book of policies: what the control plane answers ("API_CreatePolicy" and its like of the AWS IoT API reference, quotas).

#![expect(clippy::unwrap_used, reason = "helpers of these tests stop the run where a command fails")]

use drydock_core::{ApiError, Done, ErrorCode, Event, Ids, Rulebook, Scope, Timestamp, Write};
use drydock_model::iot::*;
use drydock_policy::book::Simulated;
use drydock_policy::{Action, Context, Policies, SessionPolicies, Target};
use std::collections::BTreeMap;
use std::sync::Arc;

const ALLOW: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;
const DENY: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iot:Publish", "Resource": "*"}}"#;
const CERT: &str = "arn:aws:iot:us-east-1:123456789012:cert/aa";
const GROUP: &str = "arn:aws:iot:us-east-1:123456789012:thinggroup/Fleet";
const PARENT: &str = "arn:aws:iot:us-east-1:123456789012:thinggroup/All";
const IDENTITY: &str = "us-east-1:11111111-2222-3333-4444-555555555555";

struct NoIds;

impl Ids for NoIds {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A book with the rows that its writes make.
struct Kept {
    book: Policies,
    rows: BTreeMap<(&'static str, String), String>,
    events: Vec<Event>,
}

impl Kept {
    fn new() -> Self {
        Self { book: Policies::new(scope()), rows: BTreeMap::new(), events: Vec::new() }
    }

    fn keep<T>(&mut self, done: Done<T>) -> T {
        for Write { table, key, value } in done.writes {
            match value {
                Some(value) => self.rows.insert((table, key), value),
                None => self.rows.remove(&(table, key)),
            };
        }
        self.events.extend(done.events);
        done.reply
    }

    /// The book as it is after a restart.
    fn reloaded(&self) -> Policies {
        let mut book = Policies::new(scope());
        for table in Policies::TABLES {
            for ((of, key), value) in &self.rows {
                if of == table {
                    book.load(table, key, value).unwrap();
                }
            }
        }
        book
    }

    fn create(&mut self, name: &str, document: &str) -> CreatePolicyResponse {
        let done = self.book.create_policy(creation(name, document), Timestamp(1000), &NoIds).unwrap();
        self.keep(done)
    }

    fn version(&mut self, name: &str, document: &str, default: bool) -> CreatePolicyVersionResponse {
        let done = self.book.create_policy_version(new_version(name, document, default), Timestamp(2000)).unwrap();
        self.keep(done)
    }

    fn attach(&mut self, name: &str, target: &str) {
        let done = self.book.attach_policy(&attachment(name, target), |_| Ok(())).unwrap();
        self.keep(done);
    }

    fn detach(&mut self, name: &str, target: &str) {
        let request = DetachPolicyRequest { policy_name: name.into(), target: target.into() };
        let done = self.book.detach_policy(&request, |_| Ok(())).unwrap();
        self.keep(done);
    }

    fn attached(&self, target: &str, recursive: bool) -> Vec<String> {
        let request = ListAttachedPoliciesRequest {
            target: target.into(),
            recursive: Some(recursive),
            ..ListAttachedPoliciesRequest::default()
        };
        let inherited = |target: &Target| if target.name() == "Fleet" { vec![PARENT.to_owned()] } else { Vec::new() };
        let listed = self.book.list_attached_policies(&request, inherited).unwrap();
        listed.policies.unwrap().into_iter().map(|p| p.policy_name.unwrap()).collect()
    }
}

fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

fn creation(name: &str, document: &str) -> CreatePolicyRequest {
    CreatePolicyRequest { policy_name: name.into(), policy_document: document.into(), tags: None }
}

fn new_version(name: &str, document: &str, default: bool) -> CreatePolicyVersionRequest {
    CreatePolicyVersionRequest {
        policy_name: name.into(),
        policy_document: document.into(),
        set_as_default: Some(default),
    }
}

fn attachment(name: &str, target: &str) -> AttachPolicyRequest {
    AttachPolicyRequest { policy_name: name.into(), target: target.into() }
}

fn code<T>(result: Result<T, ApiError>) -> ErrorCode {
    result.err().unwrap().code
}

#[test]
fn a_policy_is_created_once() {
    let mut kept = Kept::new();
    let created = kept.create("Device", ALLOW);
    assert_eq!(created.policy_arn.as_deref(), Some("arn:aws:iot:us-east-1:123456789012:policy/Device"));
    assert_eq!(created.policy_version_id.as_deref(), Some("1"));
    let again = kept.book.create_policy(creation("Device", ALLOW), Timestamp(0), &NoIds).unwrap_err();
    assert_eq!(again.code, ErrorCode::ResourceAlreadyExistsException);
    assert_eq!(again.resource.unwrap().0, "Device");
    let got = kept.book.get_policy(&GetPolicyRequest { policy_name: "Device".into() }).unwrap();
    assert_eq!((got.policy_document.as_deref(), got.creation_date), (Some(ALLOW), Some(Timestamp(1000))));
    let bad = kept.book.create_policy(creation("Bad", "{"), Timestamp(0), &NoIds).unwrap_err();
    assert_eq!(bad.code, ErrorCode::MalformedPolicyException);
    assert_eq!(bad.message, "Policy document is Malformed: line 1, column 1: EOF while parsing an object");
    assert_eq!(
        code(kept.book.create_policy(creation("a b", ALLOW), Timestamp(0), &NoIds)),
        ErrorCode::InvalidRequestException
    );
    assert_eq!(
        code(kept.book.get_policy(&GetPolicyRequest { policy_name: "Bad".into() })),
        ErrorCode::ResourceNotFoundException
    );
}

#[test]
fn there_are_five_versions_and_numbers_do_not_come_back() {
    let mut kept = Kept::new();
    kept.create("Device", ALLOW);
    for number in 2..=5 {
        let version = kept.version("Device", DENY, false);
        assert_eq!((version.policy_version_id, version.is_default_version), (Some(number.to_string()), Some(false)));
    }
    let sixth = kept.book.create_policy_version(new_version("Device", DENY, false), Timestamp(0));
    assert_eq!(code(sixth), ErrorCode::VersionsLimitExceededException);
    let delete = |id: &str| DeletePolicyVersionRequest { policy_name: "Device".into(), policy_version_id: id.into() };
    assert_eq!(code(kept.book.delete_policy_version(&delete("1"))), ErrorCode::DeleteConflictException);
    assert_eq!(code(kept.book.delete_policy_version(&delete("9"))), ErrorCode::ResourceNotFoundException);
    assert_eq!(code(kept.book.delete_policy_version(&delete("one"))), ErrorCode::ResourceNotFoundException);
    let done = kept.book.delete_policy_version(&delete("5")).unwrap();
    kept.keep(done);
    assert_eq!(kept.version("Device", DENY, true).policy_version_id.as_deref(), Some("6"));
    for book in [&kept.book, &kept.reloaded()] {
        let versions = book.list_policy_versions(&ListPolicyVersionsRequest { policy_name: "Device".into() }).unwrap();
        let listed: Vec<_> = versions
            .policy_versions
            .unwrap()
            .into_iter()
            .map(|v| (v.version_id.unwrap(), v.is_default_version))
            .collect();
        let expected: Vec<_> = [("6", true), ("4", false), ("3", false), ("2", false), ("1", false)]
            .map(|(id, default)| (id.to_owned(), Some(default)))
            .into();
        assert_eq!(listed, expected);
        let get = GetPolicyVersionRequest { policy_name: "Device".into(), policy_version_id: "1".into() };
        assert_eq!(book.get_policy_version(&get).unwrap().policy_document.as_deref(), Some(ALLOW));
    }
}

#[test]
fn a_policy_in_use_is_not_deleted() {
    let mut kept = Kept::new();
    kept.create("Device", ALLOW);
    kept.version("Device", DENY, true);
    kept.attach("Device", CERT);
    let delete = DeletePolicyRequest { policy_name: "Device".into() };
    assert_eq!(code(kept.book.delete_policy(&delete)), ErrorCode::DeleteConflictException);
    kept.detach("Device", CERT);
    let error = kept.book.delete_policy(&delete).unwrap_err();
    assert_eq!(error.code, ErrorCode::DeleteConflictException);
    assert_eq!(
        error.message,
        "Cannot delete the policy because it has one or more policy versions attached to it (name=Device): delete 1 first"
    );
    let first = DeletePolicyVersionRequest { policy_name: "Device".into(), policy_version_id: "1".into() };
    let done = kept.book.delete_policy_version(&first).unwrap();
    kept.keep(done);
    let done = kept.book.delete_policy(&delete).unwrap();
    kept.keep(done);
    assert!(kept.rows.is_empty());
    assert_eq!(code(kept.book.delete_policy(&delete)), ErrorCode::ResourceNotFoundException);
}

#[test]
fn attachments_have_limits() {
    let mut kept = Kept::new();
    for i in 0..11 {
        kept.create(&format!("P{i}"), ALLOW);
    }
    for i in 0..10 {
        kept.attach(&format!("P{i}"), CERT);
        kept.attach(&format!("P{i}"), IDENTITY);
    }
    kept.attach("P0", CERT);
    for target in [CERT, IDENTITY] {
        let eleventh = kept.book.attach_policy(&attachment("P10", target), |_| Ok(()));
        assert_eq!(code(eleventh), ErrorCode::LimitExceededException);
    }
    kept.attach("P0", GROUP);
    kept.attach("P1", GROUP);
    assert_eq!(code(kept.book.attach_policy(&attachment("P2", GROUP), |_| Ok(()))), ErrorCode::LimitExceededException);
}

#[test]
fn a_target_has_to_be_one_and_to_exist() {
    let mut kept = Kept::new();
    kept.create("Device", ALLOW);
    let missing = kept.book.attach_policy(&attachment("Device", CERT), |target| Err(target.not_found()));
    assert_eq!(code(missing), ErrorCode::ResourceNotFoundException);
    let absent = kept.book.attach_policy(&attachment("Nothing", CERT), |_| Ok(()));
    assert_eq!(code(absent), ErrorCode::ResourceNotFoundException);
    for target in ["aa", "arn:aws:iot:us-east-1:123456789012:thing/dock-1", "arn:aws:s3:::cert/a", ""] {
        assert_eq!(
            code(kept.book.attach_policy(&attachment("Device", target), |_| Ok(()))),
            ErrorCode::InvalidRequestException
        );
    }
    let group = AttachPrincipalPolicyRequest { policy_name: "Device".into(), principal: GROUP.into() };
    assert_eq!(code(kept.book.attach_principal_policy(&group, |_| Ok(()))), ErrorCode::InvalidRequestException);
    assert!(kept.rows.keys().all(|(table, _)| *table == "policies"));
}

#[test]
fn attachments_are_listed_from_both_sides() {
    let mut kept = Kept::new();
    for name in ["C", "B", "A"] {
        kept.create(name, ALLOW);
    }
    kept.attach("B", CERT);
    kept.attach("A", CERT);
    kept.attach("A", GROUP);
    kept.attach("C", PARENT);
    kept.attach("A", IDENTITY);
    assert_eq!(kept.attached(CERT, false), ["B", "A"]);
    assert_eq!(kept.attached(GROUP, false), ["A"]);
    assert_eq!(kept.attached(GROUP, true), ["A", "C"]);
    for book in [&kept.book, &kept.reloaded()] {
        let targets = ListTargetsForPolicyRequest { policy_name: "A".into(), ..Default::default() };
        assert_eq!(book.list_targets_for_policy(&targets).unwrap().targets.unwrap(), [CERT, GROUP, IDENTITY]);
        let principals = ListPolicyPrincipalsRequest { policy_name: "A".into(), ..Default::default() };
        assert_eq!(book.list_policy_principals(&principals).unwrap().principals.unwrap(), [IDENTITY, CERT]);
        let ascending =
            ListPrincipalPoliciesRequest { principal: CERT.into(), ascending_order: Some(true), ..Default::default() };
        let policies = book.list_principal_policies(&ascending).unwrap().policies.unwrap();
        assert_eq!(policies.into_iter().map(|p| p.policy_name.unwrap()).collect::<Vec<_>>(), ["B", "A"]);
    }
    let done = kept.book.detach_all(CERT);
    kept.keep(done);
    assert!(kept.attached(CERT, false).is_empty() && !kept.book.is_attached(CERT));
    assert!(kept.book.is_attached(GROUP));
}

#[test]
fn lists_come_in_pages() {
    let mut kept = Kept::new();
    for i in 0..7 {
        kept.create(&format!("P{i}"), ALLOW);
    }
    for (ascending, expected) in [(Some(true), "P0 P1 P2 P3 P4 P5 P6"), (None, "P6 P5 P4 P3 P2 P1 P0")] {
        let (mut names, mut sizes, mut marker) = (Vec::new(), Vec::new(), None);
        loop {
            let request = ListPoliciesRequest { ascending_order: ascending, page_size: Some(3), marker };
            let page = kept.book.list_policies(&request).unwrap();
            let policies = page.policies.unwrap();
            sizes.push(policies.len());
            names.extend(policies.into_iter().map(|p| p.policy_name.unwrap()));
            marker = page.next_marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!((names.join(" ").as_str(), sizes), (expected, vec![3, 3, 1]));
    }
    let wrong = ListPoliciesRequest { marker: Some("what".into()), ..ListPoliciesRequest::default() };
    assert_eq!(code(kept.book.list_policies(&wrong)), ErrorCode::InvalidRequestException);
}

#[test]
fn a_change_shows_in_the_generation_and_as_an_event() {
    let mut kept = Kept::new();
    kept.create("Device", ALLOW);
    kept.create("Group", ALLOW);
    let targets = [CERT, GROUP];
    let mut seen = vec![kept.book.policies_for(&targets).generation];
    let mut step = |kept: &mut Kept, changed: bool| {
        let (now, events) = (kept.book.policies_for(&targets).generation, std::mem::take(&mut kept.events));
        assert_eq!(seen.last() != Some(&now), changed);
        assert_eq!(events.contains(&Event::AuthorizationChanged), changed);
        assert!(!changed || !seen.contains(&now), "a generation came back");
        seen.push(now);
    };
    kept.attach("Device", CERT);
    step(&mut kept, true);
    kept.attach("Device", CERT);
    step(&mut kept, false);
    kept.attach("Group", GROUP);
    step(&mut kept, true);
    kept.version("Device", DENY, false);
    step(&mut kept, false);
    let default = SetDefaultPolicyVersionRequest { policy_name: "Device".into(), policy_version_id: "2".into() };
    let done = kept.book.set_default_policy_version(&default, Timestamp(3000)).unwrap();
    kept.keep(done);
    step(&mut kept, true);
    kept.detach("Device", CERT);
    step(&mut kept, true);
    kept.detach("Device", CERT);
    step(&mut kept, false);
    kept.detach("Group", GROUP);
    step(&mut kept, true);
    kept.book.clear();
    assert_ne!(kept.book.policies_for(&targets).generation, *seen.last().unwrap());
}

#[test]
fn the_default_version_is_in_force() {
    let mut kept = Kept::new();
    kept.create("Device", ALLOW);
    kept.attach("Device", CERT);
    let allows = |book: &Policies| {
        let set = Arc::new(book.policies_for(&[CERT, GROUP]));
        SessionPolicies::new(set, Arc::new(Context::new(scope(), Timestamp(0)))).allows(Action::Publish, "a")
    };
    assert!(allows(&kept.book));
    kept.version("Device", DENY, true);
    assert!(!allows(&kept.book) && !allows(&kept.reloaded()));
    let first = SetDefaultPolicyVersionRequest { policy_name: "Device".into(), policy_version_id: "1".into() };
    let done = kept.book.set_default_policy_version(&first, Timestamp(0)).unwrap();
    kept.keep(done);
    assert!(allows(&kept.book) && allows(&kept.reloaded()));
}

#[test]
fn a_policy_through_two_targets_is_listed_once_with_both() {
    let mut kept = Kept::new();
    kept.create("Device", ALLOW);
    kept.attach("Device", CERT);
    kept.attach("Device", GROUP);
    let set = kept.book.policies_for(&[GROUP, CERT, CERT, PARENT]);
    assert_eq!(set.policies.len(), 1);
    assert_eq!(set.policies[0].attached_to, [CERT, GROUP]);
}

#[test]
fn a_broken_row_is_named() {
    let mut book = Policies::new(scope());
    for (table, key, value) in [
        ("policies", "Device", "{"),
        ("policies", "a b", "{}"),
        ("policy_attachments", "Device", "{\"sequence\":1}"),
        ("policy_attachments", "Device arn:x", "{\"sequence\":1}"),
        ("other", "a", "{}"),
    ] {
        let error = book.load(table, key, value).unwrap_err();
        assert_eq!((error.table.as_str(), error.key.as_str()), (table, key));
    }
}

#[test]
fn test_authorization_asks_the_same_evaluator() {
    let mut kept = Kept::new();
    let own = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:us-east-1:123456789012:client/${iot:ClientId}"},
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:us-east-1:123456789012:topic/${iot:Connection.Thing.ThingName}"}]}"#;
    kept.create("Own", own);
    kept.create("Deny", DENY);
    kept.create("Quiet", ALLOW);
    kept.attach("Own", CERT);
    let info = |action, resource: &str| AuthInfo {
        action_type: Some(action),
        resources: vec![format!("arn:aws:iot:us-east-1:123456789012:{resource}")],
    };
    let mut request = TestAuthorizationRequest {
        principal: Some(CERT.into()),
        client_id: Some("dock-1".into()),
        auth_infos: vec![info(ActionType::Connect, "client/dock-1"), info(ActionType::Publish, "topic/dock-1")],
        ..TestAuthorizationRequest::default()
    };
    let test = |kept: &Kept, request: &TestAuthorizationRequest| {
        let of = Simulated { targets: vec![CERT.into()], context: Context::new(scope(), Timestamp(0)) };
        kept.book.test_authorization(request, of).map(|r| r.auth_results.unwrap())
    };
    let names = |policies: &Option<Vec<Policy>>| -> Vec<String> {
        policies.iter().flatten().map(|p| p.policy_name.clone().unwrap()).collect()
    };
    let results = test(&kept, &request).unwrap();
    assert_eq!(results[0].auth_decision, Some(AuthDecision::Allowed));
    assert_eq!(names(&results[0].allowed.as_ref().unwrap().policies), ["Own"]);
    assert_eq!(results[1].auth_decision, Some(AuthDecision::ImplicitDeny));
    assert_eq!(names(&results[1].denied.as_ref().unwrap().implicit_deny.as_ref().unwrap().policies), ["Own"]);
    assert_eq!(results[1].missing_context_values.as_deref().unwrap(), ["iot:Connection.Thing.ThingName"]);

    request.policy_names_to_add = Some(vec!["Deny".into(), "Quiet".into()]);
    let results = test(&kept, &request).unwrap();
    assert_eq!(results[1].auth_decision, Some(AuthDecision::ExplicitDeny));
    assert_eq!(names(&results[1].denied.as_ref().unwrap().explicit_deny.as_ref().unwrap().policies), ["Deny"]);
    assert_eq!(names(&results[1].allowed.as_ref().unwrap().policies), ["Quiet"]);

    request.policy_names_to_skip = Some(vec!["Own".into(), "Quiet".into()]);
    assert_eq!(test(&kept, &request).unwrap()[0].auth_decision, Some(AuthDecision::ImplicitDeny));
    request.policy_names_to_skip = Some(vec!["Nothing".into()]);
    assert_eq!(code(test(&kept, &request)), ErrorCode::ResourceNotFoundException);
    request.principal = None;
    assert_eq!(code(test(&kept, &request)), ErrorCode::InvalidRequestException);

    let effective = kept.book.effective_policies(&[CERT, GROUP]).effective_policies.unwrap();
    assert_eq!(effective.len(), 1);
    assert_eq!(
        (effective[0].policy_name.as_deref(), effective[0].policy_document.as_deref()),
        (Some("Own"), Some(own))
    );
}

//! Provisioning templates and their versions. Source: the API reference of the operations.

use crate::{Account, BODY, NOW};
use drydock_core::{ApiError, ErrorCode};
use drydock_model::iot::{
    CreateProvisioningTemplateRequest, CreateProvisioningTemplateResponse, CreateProvisioningTemplateVersionRequest,
    DeleteProvisioningTemplateRequest, DeleteProvisioningTemplateVersionRequest, DescribeProvisioningTemplateRequest,
    DescribeProvisioningTemplateVersionRequest, ListProvisioningTemplateVersionsRequest,
    ListProvisioningTemplatesRequest, ProvisioningHook, TemplateType, UpdateProvisioningTemplateRequest,
};
use drydock_provisioning::Dialect;

fn request(name: &str) -> CreateProvisioningTemplateRequest {
    CreateProvisioningTemplateRequest {
        template_name: name.into(),
        template_body: BODY.into(),
        provisioning_role_arn: "arn:aws:iam::123456789012:role/provisioning".into(),
        description: None,
        enabled: None,
        pre_provisioning_hook: None,
        tags: None,
        type_: None,
    }
}

fn create(
    account: &mut Account,
    request: CreateProvisioningTemplateRequest,
) -> Result<CreateProvisioningTemplateResponse, ApiError> {
    account.run(|book, _| book.create_provisioning_template(request, NOW))
}

fn version(account: &mut Account, name: &str, body: &str, default: bool) -> Result<Option<i32>, ApiError> {
    let request = CreateProvisioningTemplateVersionRequest {
        template_name: name.into(),
        template_body: body.into(),
        set_as_default: Some(default),
    };
    account.run(|book, _| book.create_provisioning_template_version(request, NOW)).map(|reply| reply.version_id)
}

fn hook(payload_version: Option<&str>, target_arn: &str) -> Option<ProvisioningHook> {
    Some(ProvisioningHook { payload_version: payload_version.map(Into::into), target_arn: target_arn.into() })
}

const HOOK: &str = "arn:aws:lambda:us-east-1:123456789012:function:hook";

fn code<T>(result: Result<T, ApiError>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

#[test]
fn a_template_is_made_described_listed_and_deleted() {
    let mut account = Account::new();
    let made = create(&mut account, request("fleet")).unwrap();
    assert_eq!(made.template_arn.as_deref(), Some("arn:aws:iot:us-east-1:123456789012:provisioningtemplate/fleet"));
    assert_eq!(made.default_version_id, Some(1));
    assert_eq!(code(create(&mut account, request("fleet"))), Some(ErrorCode::ResourceAlreadyExistsException));

    let describe = DescribeProvisioningTemplateRequest { template_name: "fleet".into() };
    let described = account.book.describe_provisioning_template(&describe).unwrap().reply;
    assert_eq!(described.enabled, Some(false), "a template is off until it is switched on");
    assert_eq!(described.type_, Some(TemplateType::FleetProvisioning));
    assert_eq!(described.template_body.as_deref(), Some(BODY));

    create(&mut account, request("other")).unwrap();
    let list = |token| ListProvisioningTemplatesRequest { max_results: Some(1), next_token: token };
    let first = account.book.list_provisioning_templates(&list(None)).unwrap().reply;
    let second = account.book.list_provisioning_templates(&list(first.next_token.clone())).unwrap().reply;
    let names = [first, second.clone()].map(|page| page.templates.unwrap()[0].template_name.clone().unwrap());
    assert_eq!(names, ["fleet", "other"]);
    assert_eq!(second.next_token, None);

    let delete = DeleteProvisioningTemplateRequest { template_name: "fleet".into() };
    account.run(|book, _| book.delete_provisioning_template(&delete)).unwrap();
    let again = account.run(|book, _| book.delete_provisioning_template(&delete));
    assert_eq!(code(again), Some(ErrorCode::ResourceNotFoundException));
}

#[test]
fn a_template_that_is_not_valid_is_refused() {
    let mut account = Account::new();
    let malformed =
        create(&mut account, CreateProvisioningTemplateRequest { template_body: "{}".into(), ..request("a") });
    assert_eq!(
        malformed.unwrap_err().to_string(),
        "InvalidRequestException: the template body is not valid: it has no `Resources`"
    );
    for refused in [
        CreateProvisioningTemplateRequest { pre_provisioning_hook: hook(Some("2019-01-01"), HOOK), ..request("a") },
        CreateProvisioningTemplateRequest {
            pre_provisioning_hook: hook(None, "arn:aws:sns:us-east-1:1:topic"),
            ..request("a")
        },
        CreateProvisioningTemplateRequest {
            pre_provisioning_hook: hook(None, HOOK),
            type_: Some(TemplateType::Jitp),
            ..request("a")
        },
    ] {
        assert_eq!(code(create(&mut account, refused)), Some(ErrorCode::InvalidRequestException));
    }
    assert!(account.rows.is_empty());
}

#[test]
fn there_are_at_most_256_templates_and_five_versions_of_each() {
    let mut account = Account::new();
    for number in 0..256 {
        // Straight to the book: a restart after each would make this the slowest test of all.
        let _ = account.book.create_provisioning_template(request(&format!("t{number}")), NOW).unwrap();
    }
    let one_more = account.book.create_provisioning_template(request("more"), NOW);
    assert_eq!(code(one_more), Some(ErrorCode::LimitExceededException));

    let mut account = Account::new();
    create(&mut account, request("fleet")).unwrap();
    for expected in 2..=5 {
        assert_eq!(version(&mut account, "fleet", BODY, false).unwrap(), Some(expected));
    }
    assert_eq!(code(version(&mut account, "fleet", BODY, false)), Some(ErrorCode::VersionsLimitExceededException));
    let delete = |version_id| DeleteProvisioningTemplateVersionRequest { template_name: "fleet".into(), version_id };
    let default = account.run(|book, _| book.delete_provisioning_template_version(&delete(1), NOW));
    assert_eq!(code(default), Some(ErrorCode::DeleteConflictException));
    let whole = DeleteProvisioningTemplateRequest { template_name: "fleet".into() };
    let whole = account.run(|book, _| book.delete_provisioning_template(&whole));
    assert_eq!(code(whole), Some(ErrorCode::DeleteConflictException));
    account.run(|book, _| book.delete_provisioning_template_version(&delete(3), NOW)).unwrap();
    assert_eq!(version(&mut account, "fleet", BODY, true).unwrap(), Some(6), "numbers are not used again");

    let list =
        ListProvisioningTemplateVersionsRequest { template_name: "fleet".into(), max_results: None, next_token: None };
    let versions = account.book.list_provisioning_template_versions(&list).unwrap().reply.versions.unwrap();
    let versions: Vec<_> = versions.iter().map(|v| (v.version_id.unwrap(), v.is_default_version.unwrap())).collect();
    assert_eq!(versions, [(6, true), (5, false), (4, false), (2, false), (1, false)]);
    let describe = DescribeProvisioningTemplateVersionRequest { template_name: "fleet".into(), version_id: 3 };
    assert_eq!(
        code(account.book.describe_provisioning_template_version(&describe)),
        Some(ErrorCode::ResourceNotFoundException)
    );
}

#[test]
fn a_template_is_used_once_it_is_enabled_and_for_its_type_only() {
    let mut account = Account::new();
    create(
        &mut account,
        CreateProvisioningTemplateRequest { pre_provisioning_hook: hook(None, HOOK), ..request("fleet") },
    )
    .unwrap();
    assert_eq!(code(account.book.usable("fleet", Dialect::Fleet)), Some(ErrorCode::InvalidRequestException));
    let update = |change: fn(&mut UpdateProvisioningTemplateRequest)| {
        let mut request = UpdateProvisioningTemplateRequest {
            template_name: "fleet".into(),
            default_version_id: None,
            description: None,
            enabled: None,
            pre_provisioning_hook: None,
            provisioning_role_arn: None,
            remove_pre_provisioning_hook: None,
        };
        change(&mut request);
        request
    };
    account.run(|book, _| book.update_provisioning_template(update(|u| u.enabled = Some(true)), NOW)).unwrap();
    assert_eq!(account.book.usable("fleet", Dialect::Fleet).unwrap().hook.as_deref(), Some(HOOK));
    assert_eq!(code(account.book.usable("fleet", Dialect::Jitp)), Some(ErrorCode::InvalidRequestException));
    account
        .run(|book, _| book.update_provisioning_template(update(|u| u.remove_pre_provisioning_hook = Some(true)), NOW))
        .unwrap();
    assert_eq!(account.book.usable("fleet", Dialect::Fleet).unwrap().hook, None);
    let missing =
        account.run(|book, _| book.update_provisioning_template(update(|u| u.default_version_id = Some(9)), NOW));
    assert_eq!(code(missing), Some(ErrorCode::ResourceNotFoundException));
}

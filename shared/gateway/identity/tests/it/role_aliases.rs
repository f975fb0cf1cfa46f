//! Role aliases and certificate providers. Source: the pages of their operations in the API reference; the quotas page.

use crate::support::{Account, NOW};
use drydock_core::ApiError;
use drydock_model::iot::{
    CertificateProviderOperation, CreateCertificateProviderRequest, CreateRoleAliasRequest,
    DeleteCertificateProviderRequest, DeleteRoleAliasRequest, DescribeCertificateProviderRequest,
    DescribeRoleAliasRequest, ListCertificateProvidersRequest, ListRoleAliasesRequest,
    UpdateCertificateProviderRequest, UpdateRoleAliasRequest,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/devices";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:signer";
const CSR: CertificateProviderOperation = CertificateProviderOperation::CreateCertificateFromCsr;

fn alias(name: &str) -> CreateRoleAliasRequest {
    CreateRoleAliasRequest { role_alias: name.into(), role_arn: ROLE.into(), ..CreateRoleAliasRequest::default() }
}

fn create(account: &mut Account, request: &CreateRoleAliasRequest) -> Result<String, ApiError> {
    let done = account.book.create_role_alias(request, NOW)?;
    let reply = account.take(done);
    account.restart();
    Ok(reply.role_alias_arn.unwrap())
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> &'static str {
    result.unwrap_err().code.as_str()
}

#[test]
fn a_role_alias_points_to_a_role_and_can_be_turned_to_another() {
    let mut account = Account::new();
    let arn = create(&mut account, &alias("cameras")).unwrap();
    assert_eq!(arn, "arn:aws:iot:us-east-1:123456789012:rolealias/cameras");
    assert_eq!(code(create(&mut account, &alias("cameras"))), "ResourceAlreadyExistsException");
    let describe = |account: &Account| {
        let request = DescribeRoleAliasRequest { role_alias: "cameras".into() };
        account.book.describe_role_alias(&request).map(|done| done.reply.role_alias_description.unwrap())
    };
    let described = describe(&account).unwrap();
    assert_eq!((described.role_arn.as_deref(), described.credential_duration_seconds), (Some(ROLE), Some(3600)));
    assert_eq!(described.owner.as_deref(), Some("123456789012"));

    let update = UpdateRoleAliasRequest {
        role_alias: "cameras".into(),
        credential_duration_seconds: Some(900),
        ..Default::default()
    };
    let done = account.book.update_role_alias(&update, NOW.plus_millis(1000)).unwrap();
    account.take(done);
    account.restart();
    let described = describe(&account).unwrap();
    assert_eq!((described.role_arn.as_deref(), described.credential_duration_seconds), (Some(ROLE), Some(900)));
    assert_eq!((described.creation_date, described.last_modified_date), (Some(NOW), Some(NOW.plus_millis(1000))));

    let done = account.book.delete_role_alias(&DeleteRoleAliasRequest { role_alias: "cameras".into() }).unwrap();
    account.take(done);
    account.restart();
    assert_eq!(code(describe(&account)), "ResourceNotFoundException");
    assert_eq!(code(account.book.update_role_alias(&update, NOW)), "ResourceNotFoundException");
}

#[test]
fn what_is_wrong_with_a_role_alias_is_said() {
    let mut account = Account::new();
    for arn in
        ["arn:aws:iam::123456789012:user/somebody", "arn:aws:sns:us-east-1:123456789012:role/x", "devices-of-ours"]
    {
        let request = CreateRoleAliasRequest { role_arn: arn.into(), ..alias("a") };
        assert_eq!(code(create(&mut account, &request)), "InvalidRequestException", "{arn}");
    }
    for number in 0..100 {
        create(&mut account, &alias(&format!("alias-{number:03}"))).unwrap();
    }
    assert_eq!(code(create(&mut account, &alias("one-more"))), "LimitExceededException");

    let mut request = ListRoleAliasesRequest { page_size: Some(30), ..Default::default() };
    let mut all = Vec::new();
    loop {
        let page = account.book.list_role_aliases(&request).unwrap().reply;
        all.extend(page.role_aliases.unwrap());
        request.marker = page.next_marker;
        if request.marker.is_none() {
            break;
        }
    }
    assert_eq!((all.len(), all.first().map(String::as_str)), (100, Some("alias-099")), "against the alphabet");
    let ascending = ListRoleAliasesRequest { ascending_order: Some(true), ..Default::default() };
    let page = account.book.list_role_aliases(&ascending).unwrap().reply;
    assert_eq!(page.role_aliases.unwrap().first().map(String::as_str), Some("alias-000"));
}

#[test]
fn an_account_has_one_certificate_provider() {
    let mut account = Account::new();
    let request = |name: &str, function: &str| CreateCertificateProviderRequest {
        certificate_provider_name: name.into(),
        lambda_function_arn: function.into(),
        account_default_for_operations: vec![CSR],
        ..CreateCertificateProviderRequest::default()
    };
    assert_eq!(code(account.book.create_certificate_provider(&request("ours", ROLE), NOW)), "InvalidRequestException");
    assert!(account.book.certificate_provider_for(CSR).is_none());
    let done = account.book.create_certificate_provider(&request("ours", FUNCTION), NOW).unwrap();
    let arn = account.take(done).certificate_provider_arn.unwrap();
    assert_eq!(arn, "arn:aws:iot:us-east-1:123456789012:certificateprovider:ours");
    account.restart();
    let again = account.book.create_certificate_provider(&request("ours", FUNCTION), NOW);
    assert_eq!(code(again), "ResourceAlreadyExistsException");
    let second = account.book.create_certificate_provider(&request("second", FUNCTION), NOW);
    assert_eq!(code(second), "LimitExceededException");

    let other = format!("{FUNCTION}-2");
    let update = UpdateCertificateProviderRequest {
        certificate_provider_name: "ours".into(),
        lambda_function_arn: Some(other.clone()),
        account_default_for_operations: None,
    };
    let done = account.book.update_certificate_provider(&update, NOW.plus_millis(1000)).unwrap();
    account.take(done);
    account.restart();
    let (name, row) = account.book.certificate_provider_for(CSR).unwrap();
    assert_eq!((name, row.function_arn.as_str()), ("ours", other.as_str()));
    let describe = DescribeCertificateProviderRequest { certificate_provider_name: "ours".into() };
    let described = account.book.describe_certificate_provider(&describe).unwrap().reply;
    assert_eq!(described.account_default_for_operations, Some(vec![CSR]));
    assert_eq!(described.last_modified_date, Some(NOW.plus_millis(1000)));
    let listed = account.book.list_certificate_providers(&ListCertificateProvidersRequest::default()).unwrap().reply;
    assert_eq!(listed.certificate_providers.unwrap().len(), 1);

    let delete = DeleteCertificateProviderRequest { certificate_provider_name: "ours".into() };
    let done = account.book.delete_certificate_provider(&delete).unwrap();
    account.take(done);
    account.restart();
    assert_eq!(code(account.book.describe_certificate_provider(&describe)), "ResourceNotFoundException");
    assert_eq!(code(account.book.delete_certificate_provider(&delete)), "ResourceNotFoundException");
}

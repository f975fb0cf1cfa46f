//! The operations on custom authorizers. Source: their pages in the API reference, and "Managing custom authorizers" of the
//! developer guide.

use crate::authorizer::{KEY, SHORT};
use crate::support::{Account, NOW};
use drydock_core::{ApiError, ErrorCode};
use drydock_identity::book::authorizers::{DomainAuthorizer, NoAuthorizer};
use drydock_model::iot::{
    AuthorizerDescription, AuthorizerStatus, ClearDefaultAuthorizerRequest, CreateAuthorizerRequest,
    DeleteAuthorizerRequest, DescribeAuthorizerRequest, DescribeDefaultAuthorizerRequest, ListAuthorizersRequest,
    SetDefaultAuthorizerRequest, UpdateAuthorizerRequest,
};

const ARN: &str = "arn:aws:iot:us-east-1:123456789012:authorizer/";

fn request(name: &str) -> CreateAuthorizerRequest {
    CreateAuthorizerRequest {
        authorizer_name: name.into(),
        authorizer_function_arn: "arn:aws:lambda:us-east-1:123456789012:function:auth".into(),
        token_key_name: Some("token".into()),
        token_signing_public_keys: Some([("first".to_owned(), KEY.to_owned())].into()),
        status: Some(AuthorizerStatus::Active),
        ..CreateAuthorizerRequest::default()
    }
}

/// An account that restarts after each command.
struct Restarting(Account);

impl Restarting {
    fn new() -> Self {
        Self(Account::new())
    }

    fn create(&mut self, request: &CreateAuthorizerRequest) -> Result<(), ApiError> {
        let done = self.0.book.create_authorizer(request, NOW)?;
        let reply = self.0.take(done);
        assert_eq!(reply.authorizer_arn, Some(format!("{ARN}{}", request.authorizer_name)));
        self.0.restart();
        Ok(())
    }

    fn update(&mut self, request: &UpdateAuthorizerRequest) -> Result<(), ApiError> {
        let done = self.0.book.update_authorizer(request, NOW.plus_millis(1000))?;
        self.0.take(done);
        self.0.restart();
        Ok(())
    }

    fn deactivate(&mut self, name: &str) -> Result<(), ApiError> {
        let status = Some(AuthorizerStatus::Inactive);
        self.update(&UpdateAuthorizerRequest { authorizer_name: name.into(), status, ..Default::default() })
    }

    fn delete(&mut self, name: &str) -> Result<(), ApiError> {
        let done = self.0.book.delete_authorizer(&DeleteAuthorizerRequest { authorizer_name: name.into() })?;
        self.0.take(done);
        self.0.restart();
        Ok(())
    }

    fn set_default(&mut self, name: &str) -> Result<(), ApiError> {
        let request = SetDefaultAuthorizerRequest { authorizer_name: name.into() };
        let done = self.0.book.set_default_authorizer(&request)?;
        self.0.take(done);
        self.0.restart();
        Ok(())
    }

    fn clear_default(&mut self) -> Result<(), ApiError> {
        let done = self.0.book.clear_default_authorizer(&ClearDefaultAuthorizerRequest {})?;
        self.0.take(done);
        self.0.restart();
        Ok(())
    }

    fn describe(&self, name: &str) -> Result<AuthorizerDescription, ApiError> {
        let done = self.0.book.describe_authorizer(&DescribeAuthorizerRequest { authorizer_name: name.into() })?;
        Ok(done.reply.authorizer_description.unwrap())
    }

    fn default(&self) -> Result<String, ApiError> {
        let done = self.0.book.describe_default_authorizer(&DescribeDefaultAuthorizerRequest {})?;
        Ok(done.reply.authorizer_description.unwrap().authorizer_name.unwrap())
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> ErrorCode {
    result.unwrap_err().code
}

#[test]
fn an_authorizer_is_created_described_and_changed() {
    let mut account = Restarting::new();
    account.create(&request("fleet")).unwrap();
    let created = account.describe("fleet").unwrap();
    assert_eq!(created.authorizer_arn, Some(format!("{ARN}fleet")));
    assert_eq!((created.status, created.signing_disabled), (Some(AuthorizerStatus::Active), Some(false)));
    assert_eq!((created.token_key_name.as_deref(), created.enable_caching_for_http), (Some("token"), Some(false)));
    assert_eq!(created.token_signing_public_keys, request("fleet").token_signing_public_keys);
    assert_eq!((created.creation_date, created.last_modified_date), (Some(NOW), Some(NOW)));

    let update = UpdateAuthorizerRequest {
        authorizer_name: "fleet".into(),
        token_key_name: Some("jwt".into()),
        enable_caching_for_http: Some(true),
        ..UpdateAuthorizerRequest::default()
    };
    account.update(&update).unwrap();
    let wanted = AuthorizerDescription {
        token_key_name: Some("jwt".into()),
        enable_caching_for_http: Some(true),
        last_modified_date: Some(NOW.plus_millis(1000)),
        ..created
    };
    assert_eq!(account.describe("fleet").unwrap(), wanted);
}

#[test]
fn what_is_wrong_with_an_authorizer_is_said() {
    let mut account = Restarting::new();
    account.create(&request("taken")).unwrap();
    let with = |change: fn(&mut CreateAuthorizerRequest)| {
        let mut request = request("new");
        change(&mut request);
        request
    };
    let short = |request: &mut CreateAuthorizerRequest| {
        request.token_signing_public_keys = Some([("short".to_owned(), SHORT.to_owned())].into());
    };
    for (case, request, message) in [
        ("no token name", with(|request| request.token_key_name = None), "has no `tokenKeyName`"),
        ("no keys", with(|request| request.token_signing_public_keys = None), "has no `tokenSigningPublicKeys`"),
        ("a short key", with(short), "the key `short` of the authorizer `new` cannot be used: it has 1024 bits"),
    ] {
        let error = account.create(&request).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequestException, "{case}");
        assert!(error.message.contains(message), "{case}: {}", error.message);
    }
    assert_eq!(code(account.create(&request("taken"))), ErrorCode::ResourceAlreadyExistsException);
    let unsigned = with(|request| {
        (request.token_key_name, request.token_signing_public_keys) = (None, None);
        (request.signing_disabled, request.status) = (Some(true), None);
    });
    account.create(&unsigned).unwrap();
    assert_eq!(account.describe("new").unwrap().status, Some(AuthorizerStatus::Inactive));

    let keyless = UpdateAuthorizerRequest {
        authorizer_name: "taken".into(),
        token_signing_public_keys: Some([].into()),
        ..UpdateAuthorizerRequest::default()
    };
    assert_eq!(code(account.update(&keyless)), ErrorCode::InvalidRequestException);
    assert!(account.describe("taken").unwrap().token_signing_public_keys.is_some());
    assert_eq!(code(account.deactivate("unknown")), ErrorCode::ResourceNotFoundException);
    assert_eq!(code(account.describe("unknown")), ErrorCode::ResourceNotFoundException);
    assert_eq!(code(account.delete("unknown")), ErrorCode::ResourceNotFoundException);
    assert_eq!(code(account.set_default("unknown")), ErrorCode::ResourceNotFoundException);
}

#[test]
fn only_an_inactive_authorizer_that_is_not_the_default_is_deleted() {
    let mut account = Restarting::new();
    account.create(&request("fleet")).unwrap();
    account.create(&request("other")).unwrap();
    assert_eq!(code(account.default()), ErrorCode::ResourceNotFoundException);
    assert_eq!(code(account.clear_default()), ErrorCode::ResourceNotFoundException);
    account.set_default("other").unwrap();
    account.set_default("fleet").unwrap();
    assert_eq!(account.default().unwrap(), "fleet");
    assert_eq!(code(account.set_default("fleet")), ErrorCode::ResourceAlreadyExistsException);
    assert_eq!(code(account.delete("other")), ErrorCode::DeleteConflictException);
    account.deactivate("fleet").unwrap();
    assert_eq!(code(account.delete("fleet")), ErrorCode::DeleteConflictException);
    account.clear_default().unwrap();
    account.delete("fleet").unwrap();
    assert_eq!(code(account.describe("fleet")), ErrorCode::ResourceNotFoundException);
    assert_eq!(code(account.default()), ErrorCode::ResourceNotFoundException);
    assert!(account.describe("other").is_ok());
}

#[test]
fn authorizers_are_listed_by_page_order_and_status() {
    let mut account = Restarting::new();
    for name in ["b", "d", "a", "c"] {
        account.create(&request(name)).unwrap();
    }
    account.deactivate("c").unwrap();
    for (ascending, status, size, wanted) in [
        (Some(true), None, 3, "a b c d"),
        (None, None, 1, "d c b a"),
        (Some(true), Some(AuthorizerStatus::Active), 2, "a b d"),
        (Some(false), Some(AuthorizerStatus::Inactive), 2, "c"),
    ] {
        let (mut names, mut marker) = (Vec::new(), None);
        loop {
            let page = Some(size);
            let request = ListAuthorizersRequest { ascending_order: ascending, marker, page_size: page, status };
            let reply = account.0.book.list_authorizers(&request).unwrap().reply;
            let authorizers = reply.authorizers.unwrap();
            assert!(authorizers.len() <= 3);
            names.extend(authorizers.into_iter().map(|summary| summary.authorizer_name.unwrap()));
            marker = reply.next_marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(names.join(" "), wanted, "{ascending:?} {status:?}");
    }
    let strange = ListAuthorizersRequest { marker: Some("zz".into()), ..ListAuthorizersRequest::default() };
    assert_eq!(code(account.0.book.list_authorizers(&strange)), ErrorCode::InvalidRequestException);
}

#[test]
fn a_device_meets_the_one_it_names_then_the_domains_then_the_accounts() {
    let mut account = Restarting::new();
    for name in ["named", "domain", "account", "asleep"] {
        account.create(&request(name)).unwrap();
    }
    account.deactivate("asleep").unwrap();
    let domain = |default: Option<&str>, allow_override| {
        Some(DomainAuthorizer { default: default.map(str::to_owned), allow_override })
    };
    let none_named = account.0.book.choose_authorizer(None, None).map(|(name, _)| name.to_owned());
    assert_eq!(none_named, Err(NoAuthorizer::NoneNamed));
    account.set_default("account").unwrap();
    for (named, domain, wanted) in [
        (None, None, Ok("account")),
        (None, domain(None, true), Ok("account")),
        (None, domain(Some("domain"), false), Ok("domain")),
        (Some("named"), None, Ok("named")),
        (Some("named"), domain(Some("domain"), true), Ok("named")),
        (Some("domain"), domain(Some("domain"), false), Ok("domain")),
        (Some("named"), domain(Some("domain"), false), Err(NoAuthorizer::NoOverride("named".into()))),
        (Some("asleep"), None, Err(NoAuthorizer::Inactive("asleep".into()))),
        (Some("gone"), None, Err(NoAuthorizer::Unknown("gone".into()))),
        (None, domain(Some("gone"), true), Err(NoAuthorizer::Unknown("gone".into()))),
    ] {
        let got = account.0.book.choose_authorizer(named, domain.as_ref()).map(|(name, _)| name);
        assert_eq!(got, wanted, "{named:?} {domain:?}");
    }
}

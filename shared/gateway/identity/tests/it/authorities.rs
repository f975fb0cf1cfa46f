//! CA certificates. Source: "Registering your CA certificate" and the API reference of the operations.

use crate::support::{Account, Ca, DAY, Kind, NOW, scope};
use drydock_core::ErrorCode;
use drydock_model::iot::{
    CACertificateStatus, CertificateMode, DeleteCACertificateRequest, DeleteRegistrationCodeRequest,
    DescribeCACertificateRequest, ListCACertificatesRequest, RegisterCACertificateRequest, RegistrationConfig,
    UpdateCACertificateRequest,
};
use rcgen::{IsCa, KeyUsagePurpose};

fn request(ca: &Ca, verification: String) -> RegisterCACertificateRequest {
    RegisterCACertificateRequest {
        ca_certificate: ca.pem(),
        verification_certificate: Some(verification),
        ..RegisterCACertificateRequest::default()
    }
}

#[test]
fn the_registration_code_stays_until_it_is_deleted() {
    let mut account = Account::new();
    let code = account.code();
    assert!(code.len() == 64 && code.chars().all(|c| c.is_ascii_hexdigit()), "{code}");
    assert_eq!(account.code(), code);
    account.restart();
    assert_eq!(account.code(), code);
    let deleted = account.book.delete_registration_code(&DeleteRegistrationCodeRequest {}).unwrap();
    account.take(deleted);
    account.restart();
    let gone = account.book.delete_registration_code(&DeleteRegistrationCodeRequest {}).unwrap_err();
    assert_eq!(gone.code, ErrorCode::ResourceNotFoundException);
    assert_ne!(account.code(), code);
}

#[test]
fn a_ca_registers_with_a_certificate_that_carries_the_code_for_every_kind_of_key() {
    for kind in [Kind::Rsa, Kind::P256, Kind::P384, Kind::Ed25519] {
        let mut account = Account::new();
        let ca = Ca::with("Fleet CA", kind, |_| {});
        let id = account.register(&ca);
        assert_eq!(id, ca.id());
        account.restart();
        let asked = DescribeCACertificateRequest { certificate_id: id.clone() };
        let described = account.book.describe_ca_certificate(&asked).unwrap().reply;
        let description = described.certificate_description.unwrap();
        assert_eq!(description.status, Some(CACertificateStatus::Active));
        assert_eq!(description.auto_registration_status.unwrap().as_str(), "ENABLE");
        assert_eq!(description.certificate_arn.unwrap(), format!("arn:aws:iot:us-east-1:123456789012:cacert/{id}"));
        assert_eq!(description.owned_by.as_deref(), Some(scope().account.as_str()));
        assert_eq!(description.certificate_mode, Some(CertificateMode::Default));
        let validity = description.validity.unwrap();
        assert_eq!(validity.not_before, Some(NOW.plus_millis(-DAY)));
        assert_eq!(validity.not_after, Some(NOW.plus_millis(DAY)));
        let pem = description.certificate_pem.unwrap();
        assert_eq!(drydock_identity::Certificate::from_pem("it", &pem).unwrap().der(), ca.der());
    }
}

#[test]
fn what_is_wrong_with_a_registration_is_said() {
    use ErrorCode::{
        CertificateValidationException as Validation, InvalidRequestException as Invalid,
        RegistrationCodeValidationException as Code,
    };
    let mut account = Account::new();
    let code = account.code();
    let (ca, other) = (Ca::root("Fleet CA"), Ca::root("Fleet CA"));
    let fine = || request(&ca, ca.device(&code, |_| {}).pem());
    let with = |ca: &Ca| request(ca, ca.device(&code, |_| {}).pem());
    let no_ca = Ca::with("No CA", Kind::P256, |params| params.is_ca = IsCa::NoCa);
    let no_signing =
        Ca::with("No CA", Kind::P256, |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature]);
    let expired = Ca::with("Old CA", Kind::P256, |params| params.not_after = NOW.plus_millis(-1000).utc());
    let future = Ca::with("New CA", Kind::P256, |params| params.not_before = NOW.plus_millis(1000).utc());
    let cases: Vec<(&str, RegisterCACertificateRequest, ErrorCode, &str)> = vec![
        (
            "no PEM",
            RegisterCACertificateRequest { ca_certificate: "no".into(), ..fine() },
            Validation,
            "BEGIN CERTIFICATE",
        ),
        (
            "cut PEM",
            RegisterCACertificateRequest { ca_certificate: ca.pem().replace("-----END", "-----"), ..fine() },
            Validation,
            "the CA certificate is not valid: it is not PEM text",
        ),
        (
            "two",
            RegisterCACertificateRequest { ca_certificate: ca.pem() + &other.pem(), ..fine() },
            Validation,
            "it holds several certificates",
        ),
        (
            "a key",
            RegisterCACertificateRequest { ca_certificate: ca.key.serialize_pem(), ..fine() },
            Validation,
            "it holds no `-----BEGIN CERTIFICATE-----` section",
        ),
        (
            "no DER",
            RegisterCACertificateRequest {
                ca_certificate: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(),
                ..fine()
            },
            Validation,
            "it is not an X.509 certificate",
        ),
        ("no CA", with(&no_ca), Validation, "it may not sign certificates"),
        ("no signing", with(&no_signing), Validation, "it may not sign certificates"),
        ("expired", with(&expired), Validation, "it expired at 2026-10-31T23:59:59.000Z"),
        ("not yet", with(&future), Validation, "it is not valid before 2026-11-01T00:00:01.000Z"),
        (
            "no verification",
            RegisterCACertificateRequest { verification_certificate: None, ..fine() },
            Validation,
            "the verification certificate is not valid: it is missing",
        ),
        (
            "another CA of that name signed",
            request(&ca, other.device(&code, |_| {}).pem()),
            Validation,
            "the verification certificate is not valid: its signature was not made by that key",
        ),
        (
            "another name signed",
            request(&ca, Ca::root("Other").device(&code, |_| {}).pem()),
            Validation,
            "its issuer is not the subject",
        ),
        (
            "expired verification",
            request(&ca, ca.device(&code, |params| params.not_after = NOW.plus_millis(-1000).utc()).pem()),
            Validation,
            "the verification certificate is not valid: it expired",
        ),
        ("other code", request(&ca, ca.device("deadbeef", |_| {}).pem()), Code, "is `deadbeef`, and has to be"),
        (
            "SNI_ONLY with verification",
            RegisterCACertificateRequest { certificate_mode: Some(CertificateMode::SniOnly), ..fine() },
            Invalid,
            "without `verificationCertificate`",
        ),
    ];
    for (case, request, code, message) in cases {
        let error = account.try_register(&request).unwrap_err();
        assert_eq!(error.code, code, "{case}: {error}");
        assert!(error.message.contains(message), "{case}: {error}");
    }
    account.try_register(&fine()).unwrap();
    let again = account.try_register(&fine()).unwrap_err();
    assert_eq!(again.code, ErrorCode::ResourceAlreadyExistsException);
    assert_eq!(again.resource.unwrap().0, ca.id());
}

#[test]
fn a_ca_in_the_mode_sni_only_needs_no_verification() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    let request = RegisterCACertificateRequest {
        ca_certificate: ca.pem(),
        certificate_mode: Some(CertificateMode::SniOnly),
        ..RegisterCACertificateRequest::default()
    };
    account.try_register(&request).unwrap();
}

#[test]
fn ten_cas_may_share_a_subject() {
    let mut account = Account::new();
    for _ in 0..10 {
        account.register(&Ca::root("Fleet CA"));
    }
    let code = account.code();
    let eleventh = Ca::root("Fleet CA");
    let error = account.try_register(&request(&eleventh, eleventh.device(&code, |_| {}).pem())).unwrap_err();
    assert_eq!(error.code, ErrorCode::LimitExceededException);
    account.register(&Ca::root("Other CA"));
}

#[test]
fn a_ca_changes_and_is_deleted_once_inactive() {
    let mut account = Account::new();
    let id = account.register(&Ca::root("Fleet CA"));
    let delete = DeleteCACertificateRequest { certificate_id: id.clone() };
    let error = account.book.delete_ca_certificate(&delete).unwrap_err();
    assert_eq!(error.code, ErrorCode::CertificateStateException);

    let update = UpdateCACertificateRequest {
        certificate_id: id.clone(),
        new_status: Some(CACertificateStatus::Inactive),
        registration_config: Some(RegistrationConfig {
            template_name: Some("fleet".into()),
            ..RegistrationConfig::default()
        }),
        ..UpdateCACertificateRequest::default()
    };
    let done = account.book.update_ca_certificate(&update, NOW.plus_millis(5)).unwrap();
    account.take(done);
    account.restart();
    let asked = DescribeCACertificateRequest { certificate_id: id.clone() };
    let described = account.book.describe_ca_certificate(&asked).unwrap().reply;
    assert_eq!(described.registration_config.unwrap().template_name.as_deref(), Some("fleet"));
    let description = described.certificate_description.unwrap();
    assert_eq!((description.customer_version, description.last_modified_date), (Some(2), Some(NOW.plus_millis(5))));

    let by_template = |name: &str| ListCACertificatesRequest {
        template_name: Some(name.into()),
        ..ListCACertificatesRequest::default()
    };
    let count = |account: &Account, name| {
        account.book.list_ca_certificates(&by_template(name)).unwrap().reply.certificates.unwrap().len()
    };
    assert_eq!((count(&account, "fleet"), count(&account, "other")), (1, 0));

    let done = account.book.delete_ca_certificate(&delete).unwrap();
    account.take(done);
    account.restart();
    let error = account.book.delete_ca_certificate(&delete).unwrap_err();
    assert_eq!(error.code, ErrorCode::ResourceNotFoundException);
}

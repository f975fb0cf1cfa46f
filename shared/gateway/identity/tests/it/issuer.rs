//! The local authorities. Source: the API reference of "CreateKeysAndCertificate" and "CreateCertificateFromCsr".

use crate::support::{Account, Counting, Kind, NOW};
use drydock_core::ErrorCode;
use drydock_identity::{Authority, AuthorityError, Certificate};
use drydock_model::iot::{CertificateStatus, CreateCertificateFromCsrRequest, CreateKeysAndCertificateRequest};
use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

fn authority() -> Authority {
    Authority::load_or_create_device(tempfile::tempdir().unwrap().path(), NOW, &Counting::default()).unwrap()
}

fn csr(kind: Kind) -> String {
    let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String("Wärmepumpe 7".into()));
    params.distinguished_name.push(DnType::OrganizationName, "Fleet");
    params.serialize_request(&kind.key()).unwrap().pem().unwrap()
}

#[test]
fn keys_and_certificate_go_together_and_look_as_on_aws() {
    let authority = authority();
    let mut account = Account::new();
    let issued = authority.new_keys(NOW, &account.ids).unwrap();
    let asked = CreateKeysAndCertificateRequest { set_as_active: Some(true) };
    let done = account.book.create_keys_and_certificate(&asked, issued, NOW, &account.ids).unwrap();
    let reply = account.take(done);
    let certificate = Certificate::from_pem("it", &reply.certificate_pem.unwrap()).unwrap();
    assert_eq!(reply.certificate_id.unwrap(), certificate.id().as_str());
    assert_eq!(certificate.signed_by(authority.certificate()), Ok(()));
    assert_eq!(certificate.not_after().to_string(), "2049-12-31T23:59:59.000Z");
    assert_eq!(certificate.invalid_at(NOW), None);
    assert!(!certificate.signs());
    let facts = certificate.facts();
    assert_eq!(facts.subject_values("CommonName").collect::<Vec<_>>(), ["AWS IoT Certificate"]);

    let keys = reply.key_pair.unwrap();
    let private = keys.private_key.unwrap();
    assert!(private.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"), "{private:.40}");
    assert!(keys.public_key.unwrap().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    let pair = KeyPair::from_pem(&private).unwrap();
    assert_eq!(rcgen::PublicKeyData::subject_public_key_info(&pair), certificate.public_key());
    let row = account.book.certificate(certificate.id().as_str()).unwrap();
    assert_eq!(row.status, CertificateStatus::Active);
}

#[test]
fn a_request_is_signed_with_its_own_subject_and_none_of_its_extensions() {
    let authority = authority();
    for kind in [Kind::Rsa, Kind::P256, Kind::P384] {
        let mut account = Account::new();
        let csr = csr(kind);
        let issued = authority.sign_request(&csr, NOW, &account.ids).unwrap();
        let asked = CreateCertificateFromCsrRequest { certificate_signing_request: csr, set_as_active: None };
        let done = account.book.create_certificate_from_csr(&asked, issued, NOW, &account.ids).unwrap();
        let reply = account.take(done);
        let certificate = Certificate::from_pem("it", &reply.certificate_pem.unwrap()).unwrap();
        assert_eq!(certificate.signed_by(authority.certificate()), Ok(()));
        let facts = certificate.facts();
        assert_eq!(facts.subject_values("CommonName").collect::<Vec<_>>(), ["Wärmepumpe 7"]);
        assert_eq!(facts.subject_values("Organization").collect::<Vec<_>>(), ["Fleet"]);
        assert!(facts.subject_alternative.dns.is_empty(), "a device may not be called localhost");
        let row = account.book.certificate(certificate.id().as_str()).unwrap();
        assert_eq!(row.status, CertificateStatus::Inactive);
    }
}

#[test]
fn a_request_that_is_not_one_is_refused_with_the_reason() {
    let authority = authority();
    let good = csr(Kind::P256);
    // The signature's last character, before any padding, in its last line.
    let body_end = good.find("-----END").unwrap() - 1;
    let at = good[..body_end].trim_end_matches('=').len() - 3;
    let other = if &good[at..=at] == "A" { "B" } else { "A" };
    let forged = format!("{}{other}{}", &good[..at], &good[at + 1..]);
    for (case, pem, message) in [
        ("no PEM", "hello".to_owned(), "BEGIN CERTIFICATE REQUEST"),
        ("a certificate", authority.certificate().pem(), "BEGIN CERTIFICATE REQUEST"),
        ("forged", forged, "signature"),
        ("Ed25519", csr(Kind::Ed25519), "neither RSA nor on P-256"),
        (
            "no DER",
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n".into(),
            "it is not a PKCS #10 request",
        ),
    ] {
        let error = authority.sign_request(&pem, NOW, &Counting::default()).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequestException, "{case}");
        assert!(error.message.contains(message), "{case}: {error}");
    }
}

#[test]
fn an_authority_is_kept_in_files_that_only_its_owner_reads() {
    let dir = tempfile::tempdir().unwrap();
    let ids = Counting::default();
    let made = Authority::load_or_create_root(dir.path(), NOW, &ids).unwrap();
    let again = Authority::load_or_create_root(dir.path(), NOW, &ids).unwrap();
    assert_eq!(made.certificate(), again.certificate());
    assert!(made.certificate().signs());
    assert_eq!(std::fs::read_to_string(Authority::root_path(dir.path())).unwrap(), made.certificate().pem());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(dir.path().join("root-ca.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Another key beside the certificate is noticed.
    std::fs::write(dir.path().join("root-ca.key"), Kind::P256.key().serialize_pem()).unwrap();
    let error = Authority::load_or_create_root(dir.path(), NOW, &ids).unwrap_err();
    assert!(matches!(error, AuthorityError::Unusable { .. }), "{error}");
    std::fs::write(dir.path().join("root-ca.pem"), "hello").unwrap();
    let error = Authority::load_or_create_root(dir.path(), NOW, &ids).unwrap_err();
    assert!(error.to_string().contains("root-ca.pem"), "{error}");
}

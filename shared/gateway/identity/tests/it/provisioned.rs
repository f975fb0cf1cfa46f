//! What provisioning needs of certificates. Source: "Just-in-time provisioning" (its table of parameters) and
//! "CreateProvisioningClaim".

use crate::support::{Account, Ca, NOW};
use drydock_core::CertificateId;
use drydock_identity::book::provisioned::CLAIM_LIFETIME;
use drydock_identity::issuer::KeyKind;
use drydock_identity::{Authority, Certificate};
use drydock_model::iot::{CertificateStatus, DescribeCertificateRequest, ListCertificatesRequest};
use rcgen::DnType;

#[test]
fn a_certificate_gives_a_template_its_subject() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    account.register(&ca);
    let device = ca.device("dock-1", |params| {
        let name = &mut params.distinguished_name;
        name.push(DnType::CountryName, "DE");
        name.push(DnType::OrganizationName, "Fleet");
        name.push(DnType::OrganizationalUnitName, "Docks");
        name.push(DnType::StateOrProvinceName, "Hessen");
        name.push(DnType::from_oid(&[2, 5, 4, 46]), "q");
        name.push(DnType::from_oid(&[2, 5, 4, 5]), "SN-7");
    });
    let done = account.book.present(&[device.der()], None, NOW, &account.ids);
    account.take(done).unwrap_err();
    let id = CertificateId::new(device.id()).unwrap();
    assert_eq!(account.book.provisioning_of(&id), None);
    let parameters = account.book.provisioning_parameters(&id).unwrap();
    let expected = [
        ("CommonName", "dock-1"),
        ("Country", "DE"),
        ("DistinguishedNameQualifier", "q"),
        ("Id", id.as_str()),
        ("Organization", "Fleet"),
        ("OrganizationalUnit", "Docks"),
        ("SerialNumber", "SN-7"),
        ("StateName", "Hessen"),
    ];
    let expected = expected.map(|(name, value)| (format!("AWS::IoT::Certificate::{name}"), value.to_owned()));
    assert_eq!(parameters.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_claim_connects_for_five_minutes_and_is_in_no_list() {
    let mut account = Account::new();
    let authority = Authority::create("Authority", KeyKind::EcdsaP256, NOW, &account.ids).unwrap();
    let issued = authority.new_keys(NOW, &account.ids).unwrap();
    let der = issued.certificate.der().to_vec();
    let done = account.book.create_provisioning_claim("fleet", issued, NOW);
    let claim = account.take(done);
    assert_eq!(claim.expiration, Some(NOW.plus_millis(CLAIM_LIFETIME)));
    assert!(claim.key_pair.is_some_and(|keys| keys.private_key.is_some()));
    account.restart();
    let show = |account: &mut Account, now| {
        assert!(account.book.admits(&[&der], now).is_ok());
        let done = account.book.present(&[&der], None, now, &account.ids);
        account.take(done)
    };
    let admitted = show(&mut account, NOW.plus_millis(CLAIM_LIFETIME - 1)).unwrap();
    assert_eq!(admitted.claim.as_deref(), Some("fleet"));
    let refusal = show(&mut account, NOW.plus_millis(CLAIM_LIFETIME)).unwrap_err();
    assert_eq!(refusal.reason.as_str(), "NOT_AUTHENTICATED");

    let listed = account.book.list_certificates(&ListCertificatesRequest::default()).unwrap().reply;
    assert_eq!(listed.certificates, Some(Vec::new()));
    let describe = DescribeCertificateRequest { certificate_id: claim.certificate_id.unwrap() };
    assert!(account.book.describe_certificate(&describe).is_err());

    let done = account.book.forget_expired_claims(NOW.plus_millis(CLAIM_LIFETIME));
    account.take(done);
    account.restart();
    let done = account.book.present(&[&der], None, NOW, &account.ids);
    assert_eq!(account.take(done).unwrap_err().reason.as_str(), "DEVICE_CERTIFICATE_NOT_REGISTERED");
}

#[test]
fn a_certificate_that_was_asked_for_waits() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    let made = ca.device("dock-1", |_| {});
    let certificate = Certificate::from_pem("it", &made.pem()).unwrap();
    let done = account.book.create_pending_certificate(&certificate, NOW, &account.ids).unwrap();
    let id = account.take(done);
    assert_eq!(account.book.certificate(id.as_str()).unwrap().status, CertificateStatus::PendingActivation);
    let done = account.book.present(&[made.der()], None, NOW, &account.ids);
    assert_eq!(account.take(done).unwrap_err().reason.as_str(), "DEVICE_CERTIFICATE_INACTIVE");
    assert!(account.events.is_empty(), "nobody is told: the device knows");
}

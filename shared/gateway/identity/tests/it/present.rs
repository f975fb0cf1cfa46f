//! A device shows a certificate. Source: "Just-in-time registration", and the log entry `Connection.AuthNError`.

use crate::support::{Account, Ca, DAY, Kind, Made, NOW};
use drydock_core::{CertificateId, Event, Timestamp};
use drydock_identity::{Admitted, Refusal};
use drydock_model::iot::{
    AutoRegistrationStatus, CACertificateStatus, CertificateMode, CertificateStatus, RegisterCACertificateRequest,
    RegistrationConfig, UpdateCACertificateRequest,
};
use rcgen::{BasicConstraints, DnType, IsCa, SanType};

fn show(account: &mut Account, chain: &[&[u8]], sni: Option<&str>, now: Timestamp) -> Result<Admitted, Refusal> {
    let admitted = account.book.admits(chain, now);
    let done = account.book.present(chain, sni, now, &account.ids);
    let result = account.take(done);
    if result.is_ok() {
        assert_eq!(admitted, Ok(()), "what may connect passes the handshake");
    }
    result
}

fn connect(account: &mut Account, device: &Made) -> Result<Admitted, Refusal> {
    show(account, &[device.der()], Some("localhost"), NOW)
}

fn update(account: &mut Account, request: UpdateCACertificateRequest) {
    let done = account.book.update_ca_certificate(&request, NOW).unwrap();
    account.take(done);
}

#[test]
fn a_fresh_certificate_registers_itself_and_connects_once_activated() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    let ca_id = account.register(&ca);
    let device = ca.device("dock-1", |_| {});
    let later = NOW.plus_millis(1000);
    let pending = |at| Event::CertificatePending {
        certificate_id: CertificateId::new(device.id()).unwrap(),
        ca_certificate_id: CertificateId::new(&ca_id).unwrap(),
        registered_at: NOW,
        at,
    };

    let refusal = connect(&mut account, &device).unwrap_err();
    assert_eq!(refusal.reason.as_str(), "DEVICE_CERTIFICATE_INACTIVE");
    assert!(refusal.why.contains(&format!("registered just now, by the CA certificate `{ca_id}`")), "{refusal}");
    assert_eq!(account.events.drain(..).collect::<Vec<_>>(), [pending(NOW)]);
    account.restart();
    let row = account.book.certificate(&device.id()).unwrap();
    assert_eq!(row.status, CertificateStatus::PendingActivation);

    // Each further sight is told too, with the time of the first.
    let refusal = show(&mut account, &[device.der()], None, later).unwrap_err();
    assert!(refusal.why.contains("waits for its activation since 2026-11-01T00:00:00.000Z"), "{refusal}");
    assert_eq!(account.events.drain(..).collect::<Vec<_>>(), [pending(later)]);

    account.set(&device.id(), "ACTIVE").unwrap();
    account.restart();
    let admitted = connect(&mut account, &device).unwrap();
    assert_eq!(admitted.certificate_id.as_str(), device.id());
    assert_eq!(admitted.not_after, NOW.plus_millis(DAY));
}

#[test]
fn who_may_not_connect_is_told_why() {
    let ca = Ca::root("Fleet CA");
    let device = ca.device("dock-1", |_| {});
    type Setup = fn(&mut Account, &Ca, &Made);
    let cases: [(&str, Setup, &str, &str); 7] = [
        ("no CA", |_, _, _| {}, "DEVICE_CERTIFICATE_NOT_REGISTERED", "no registered CA certificate signed it"),
        (
            "a CA of that name",
            |account, _, _| {
                account.register(&Ca::root("Fleet CA"));
            },
            "DEVICE_CERTIFICATE_NOT_REGISTERED",
            "has its issuer's name, but its signature was not made by that key",
        ),
        (
            "an inactive CA",
            |account, ca, _| {
                let certificate_id = account.register(ca);
                let new_status = Some(CACertificateStatus::Inactive);
                let request = UpdateCACertificateRequest { certificate_id, new_status, ..Default::default() };
                update(account, request);
            },
            "DEVICE_CERTIFICATE_NOT_REGISTERED",
            "is not active",
        ),
        (
            "a CA without auto-registration",
            |account, ca, _| {
                let certificate_id = account.register(ca);
                let new_auto_registration_status = Some(AutoRegistrationStatus::Disable);
                let request =
                    UpdateCACertificateRequest { certificate_id, new_auto_registration_status, ..Default::default() };
                update(account, request);
            },
            "DEVICE_CERTIFICATE_NOT_REGISTERED",
            "does not allow auto-registration",
        ),
        (
            "inactive",
            |account, ca, device| {
                account.register(ca);
                connect(account, device).unwrap_err();
                account.set(&device.id(), "INACTIVE").unwrap();
            },
            "DEVICE_CERTIFICATE_INACTIVE",
            "it is inactive",
        ),
        (
            "revoked",
            |account, ca, device| {
                account.register(ca);
                connect(account, device).unwrap_err();
                account.set(&device.id(), "REVOKED").unwrap();
            },
            "DEVICE_CERTIFICATE_REVOKED",
            "it is revoked",
        ),
        (
            "the CA's own certificate is not a device's",
            |account, ca, device| {
                account.register(ca);
                account.set(&device.id(), "ACTIVE").unwrap_err();
                connect(account, &Ca::root("Rogue").device("dock-1", |_| {})).unwrap_err();
                update(
                    account,
                    UpdateCACertificateRequest {
                        certificate_id: ca.id(),
                        remove_auto_registration: Some(true),
                        ..Default::default()
                    },
                );
            },
            "DEVICE_CERTIFICATE_NOT_REGISTERED",
            "does not allow auto-registration",
        ),
    ];
    for (case, setup, reason, why) in cases {
        let mut account = Account::new();
        setup(&mut account, &ca, &device);
        account.events.clear();
        let refusal = connect(&mut account, &device).unwrap_err();
        assert_eq!(refusal.reason.as_str(), reason, "{case}: {refusal}");
        assert!(refusal.why.contains(why), "{case}: {refusal}");
        assert!(account.events.is_empty(), "{case}");
        let at_handshake = account.book.admits(&[device.der()], NOW);
        assert_eq!(at_handshake.is_err(), reason == "DEVICE_CERTIFICATE_NOT_REGISTERED", "{case}");
    }
}

#[test]
fn validity_is_judged_at_each_connection() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    account.register(&ca);
    let device = ca.device("dock-1", |_| {});
    connect(&mut account, &device).unwrap_err();
    account.set(&device.id(), "ACTIVE").unwrap();
    for (now, expected) in [
        (NOW.plus_millis(DAY), None),
        (NOW.plus_millis(DAY + 1000), Some("it expired at 2026-11-02T00:00:00.000Z")),
        (NOW.plus_millis(-DAY - 1000), Some("it is not valid before 2026-10-31T00:00:00.000Z")),
    ] {
        let result = show(&mut account, &[device.der()], Some("localhost"), now);
        match expected {
            None => assert!(result.is_ok(), "{now}"),
            Some(why) => {
                let refusal = result.unwrap_err();
                assert_eq!(refusal.reason.as_str(), "NOT_AUTHENTICATED");
                assert_eq!(refusal.why, why);
            }
        }
    }
    // A certificate that has expired does not register itself any more.
    let expired = ca.device("dock-2", |params| params.not_after = NOW.plus_millis(-1000).utc());
    let refusal = connect(&mut account, &expired).unwrap_err();
    assert_eq!(refusal.reason.as_str(), "NOT_AUTHENTICATED");
    assert!(account.book.certificate(&expired.id()).is_none());
}

#[test]
fn the_ca_that_signed_has_to_be_registered_itself() {
    let mut account = Account::new();
    let root = Ca::with("Root", Kind::P256, |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    account.register(&root);
    let middle = root.below("Middle");
    let device = middle.device("dock-1", |_| {});
    // Neither with the CA in between that the root signed, nor with the root behind that.
    for chain in [&[device.der()][..], &[device.der(), middle.der()], &[device.der(), middle.der(), root.der()]] {
        let refusal = show(&mut account, chain, Some("x"), NOW).unwrap_err();
        assert_eq!(refusal.reason.as_str(), "DEVICE_CERTIFICATE_NOT_REGISTERED", "{refusal}");
    }
    assert!(account.book.is_empty());
    let id = account.register(&middle);
    // Whatever comes behind it, rubbish too.
    let refusal = show(&mut account, &[device.der(), b"rubbish"], Some("x"), NOW).unwrap_err();
    assert_eq!(refusal.reason.as_str(), "DEVICE_CERTIFICATE_INACTIVE", "{refusal}");
    assert_eq!(account.book.certificate(&device.id()).unwrap().authority.as_ref().unwrap().as_str(), id);
}

#[test]
fn a_malformed_certificate_is_refused() {
    let mut account = Account::new();
    for (chain, why) in
        [(&[][..], "no certificate was sent"), (&[&b"rubbish"[..]][..], "it is not an X.509 certificate")]
    {
        let refusal = show(&mut account, chain, None, NOW).unwrap_err();
        assert_eq!(refusal.reason.as_str(), "NOT_AUTHENTICATED");
        assert!(refusal.why.contains(why), "{refusal}");
    }
}

#[test]
fn a_certificate_of_the_mode_sni_only_needs_the_servers_name() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    let request = RegisterCACertificateRequest {
        ca_certificate: ca.pem(),
        certificate_mode: Some(CertificateMode::SniOnly),
        set_as_active: Some(true),
        allow_auto_registration: Some(true),
        registration_config: Some(RegistrationConfig { template_name: Some("t".into()), ..Default::default() }),
        ..Default::default()
    };
    account.try_register(&request).unwrap();
    let device = ca.device("dock-1", |_| {});
    let refusal = connect(&mut account, &device).unwrap_err();
    assert_eq!(refusal.provisioning.unwrap().template_name.as_deref(), Some("t"));
    assert!(matches!(account.events.as_slice(), [Event::CertificateToProvision { .. }]), "{:?}", account.events);
    account.set(&device.id(), "ACTIVE").unwrap();
    let refusal = show(&mut account, &[device.der()], None, NOW).unwrap_err();
    assert_eq!(refusal.reason.as_str(), "SNI_MISUSED");
    connect(&mut account, &device).unwrap();
}

/// Source: "X.509 certificate AWS IoT Core policy variables".
#[test]
fn facts_carry_the_names_of_the_policy_variables() {
    let ca = Ca::root("Fleet CA");
    let device = ca.device("dock-1", |params| {
        let name = &mut params.distinguished_name;
        name.push(DnType::CountryName, "DE");
        name.push(DnType::OrganizationName, "Fleet");
        name.push(DnType::OrganizationalUnitName, "Docks");
        name.push(DnType::StateOrProvinceName, "Hessen");
        for (oid, value) in [(46, "q"), (5, "SN-7"), (12, "t"), (4, "s"), (42, "g"), (43, "i"), (65, "p"), (44, "gq")] {
            name.push(DnType::from_oid(&[2, 5, 4, oid]), value);
        }
        params.serial_number = Some(vec![0x0a, 0xbc].into());
        params.subject_alt_names = vec![
            SanType::DnsName("dock-1.example".try_into().unwrap()),
            SanType::Rfc822Name("a@example".try_into().unwrap()),
            SanType::URI("urn:dock:1".try_into().unwrap()),
            SanType::IpAddress("10.0.0.7".parse().unwrap()),
            SanType::IpAddress("::1".parse().unwrap()),
        ];
    });
    let facts = drydock_identity::Certificate::from_pem("it", &device.pem()).unwrap().facts();
    let variables = facts.variables();
    let of = |name: &str| {
        let name = format!("iot:Certificate.{name}");
        variables.iter().find(|(known, _)| *known == name).map(|(_, values)| values.join("|")).unwrap_or_default()
    };
    for (name, value) in [
        ("Subject.CommonName", "dock-1"),
        ("Subject.Country", "DE"),
        ("Subject.Organization", "Fleet"),
        ("Subject.OrganizationalUnit", "Docks"),
        ("Subject.State", "Hessen"),
        ("Subject.DistinguishedNameQualifier", "q"),
        ("Subject.SerialNumber", "SN-7"),
        ("Subject.Title", "t"),
        ("Subject.Surname", "s"),
        ("Subject.GivenName", "g"),
        ("Subject.Initials", "i"),
        ("Subject.Pseudonym", "p"),
        ("Subject.GenerationQualifier", "gq"),
        ("Subject.AlternativeName.DNSName", "dock-1.example"),
        ("Subject.AlternativeName.RFC822Name", "a@example"),
        ("Subject.AlternativeName.UniformResourceIdentifier", "urn:dock:1"),
        ("Subject.AlternativeName.IPAddress", "10.0.0.7|::1"),
        ("Issuer.CommonName", "Fleet CA"),
        ("Issuer.Country", ""),
        ("SerialNumber", "0abc"),
    ] {
        assert_eq!(of(name), value, "{name}");
    }
    assert!(of("AvailableKeys").contains("iot:Certificate.Subject.Title"));
}

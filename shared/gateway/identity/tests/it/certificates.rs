//! Device certificates. Source: the API reference of the operations; "Managing device certificates" for the states.

use crate::support::{Account, Ca, Kind, NOW};
use drydock_core::{ErrorCode, Event};
use drydock_identity::book::certificates::Attached;
use drydock_model::iot::{
    CACertificateStatus, CertificateMode, CertificateStatus, DeleteCertificateRequest, DescribeCertificateRequest,
    ListCertificatesByCARequest, ListCertificatesRequest, RegisterCertificateRequest,
    RegisterCertificateWithoutCARequest, UpdateCACertificateRequest,
};

fn request(pem: String) -> RegisterCertificateRequest {
    RegisterCertificateRequest { certificate_pem: pem, ..RegisterCertificateRequest::default() }
}

fn register(account: &mut Account, request: &RegisterCertificateRequest) -> Result<String, drydock_core::ApiError> {
    let done = account.book.register_certificate(request, NOW, &account.ids)?;
    Ok(account.take(done).certificate_id.unwrap())
}

fn without_ca(account: &mut Account, pem: String, status: CertificateStatus) -> String {
    let request = RegisterCertificateWithoutCARequest { certificate_pem: pem, status: Some(status) };
    let done = account.book.register_certificate_without_ca(&request, NOW, &account.ids).unwrap();
    account.take(done).certificate_id.unwrap()
}

fn status(account: &Account, id: &str) -> CertificateStatus {
    let asked = DescribeCertificateRequest { certificate_id: id.into() };
    account.book.describe_certificate(&asked).unwrap().reply.certificate_description.unwrap().status.unwrap()
}

#[test]
fn a_certificate_registers_under_the_ca_that_signed_it() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    let ca_id = account.register(&ca);
    for kind in [Kind::Rsa, Kind::P256, Kind::P384, Kind::Ed25519] {
        let device = ca.device_of(kind, "dock-1", |_| {});
        let id = register(&mut account, &request(device.pem())).unwrap();
        assert_eq!(id, device.id());
        account.restart();
        let asked = DescribeCertificateRequest { certificate_id: id };
        let described = account.book.describe_certificate(&asked).unwrap().reply.certificate_description.unwrap();
        assert_eq!(described.ca_certificate_id.as_deref(), Some(ca_id.as_str()));
        assert_eq!(described.status, Some(CertificateStatus::Inactive));
        assert_eq!(described.certificate_mode, Some(CertificateMode::Default));
        assert_eq!((described.customer_version, described.creation_date), (Some(1), Some(NOW)));
    }
}

#[test]
fn what_is_wrong_with_a_registration_is_said() {
    use ErrorCode::{
        CertificateConflictException as Conflict, CertificateStateException as State,
        CertificateValidationException as Validation, InvalidRequestException as Invalid,
    };
    let mut account = Account::new();
    let (ca, twin, inactive, unknown) =
        (Ca::root("Fleet CA"), Ca::root("Fleet CA"), Ca::root("Sleeping CA"), Ca::root("Unknown CA"));
    account.register(&ca);
    let inactive_id = account.register(&inactive);
    let update = UpdateCACertificateRequest {
        certificate_id: inactive_id,
        new_status: Some(CACertificateStatus::Inactive),
        ..UpdateCACertificateRequest::default()
    };
    let done = account.book.update_ca_certificate(&update, NOW).unwrap();
    account.take(done);

    let device = ca.device("dock-1", |_| {});
    let forged = twin.device("dock-1", |_| {});
    let pending = Some(CertificateStatus::PendingActivation);
    for (case, request, code, message) in [
        ("malformed", request("hello".into()), Validation, "the certificate is not valid"),
        ("unknown CA", request(unknown.device("d", |_| {}).pem()), Validation, "no registered CA certificate has"),
        ("forged", request(forged.pem()), Validation, "its signature was not made by that key"),
        ("inactive CA", request(inactive.device("d", |_| {}).pem()), State, "is not active"),
        (
            "a CA that is not registered",
            RegisterCertificateRequest { ca_certificate_pem: Some(twin.pem()), ..request(device.pem()) },
            Validation,
            "the CA certificate is not valid: it is not registered",
        ),
        (
            "AWS's own status",
            RegisterCertificateRequest { status: pending, ..request(device.pem()) },
            Invalid,
            "PENDING_ACTIVATION is set by AWS IoT alone",
        ),
    ] {
        let error = register(&mut account, &request).unwrap_err();
        assert_eq!(error.code, code, "{case}: {error}");
        assert!(error.message.contains(message), "{case}: {error}");
    }

    // Two CAs of one name: the caller has to say which.
    account.register(&twin);
    let error = register(&mut account, &request(forged.pem())).unwrap_err();
    assert_eq!(error.code, Conflict, "{error}");
    let with_ca = RegisterCertificateRequest { ca_certificate_pem: Some(twin.pem()), ..request(forged.pem()) };
    register(&mut account, &with_ca).unwrap();
    let error = register(&mut account, &with_ca).unwrap_err();
    assert_eq!(error.code, ErrorCode::ResourceAlreadyExistsException);
}

#[test]
fn statuses_change_as_aws_lets_them() {
    use CertificateStatus::{Active, Inactive, Revoked};
    let states = ["ACTIVE", "INACTIVE", "REVOKED", "PENDING_TRANSFER", "PENDING_ACTIVATION", "REGISTER_INACTIVE"];
    let ca = Ca::root("Unregistered");
    for (from, allowed) in [
        (Active, &["ACTIVE", "INACTIVE", "REVOKED"][..]),
        (Inactive, &["ACTIVE", "INACTIVE", "REVOKED"]),
        (Revoked, &["REVOKED"]),
    ] {
        for to in states {
            let mut account = Account::new();
            let id = without_ca(&mut account, ca.device("d", |_| {}).pem(), from);
            let result = account.set(&id, to);
            assert_eq!(result.is_ok(), allowed.contains(&to), "{from} to {to}: {result:?}");
            account.restart();
            let now = status(&account, &id);
            assert_eq!(now.as_str(), if result.is_ok() { to } else { from.as_str() }, "{from} to {to}");
            let told: Vec<_> = account.events.drain(..).collect();
            let changed = result.is_ok() && to != from.as_str();
            let expected =
                Event::CertificateStatusChanged { certificate_id: id.parse().unwrap(), active: to == "ACTIVE" };
            assert_eq!(told, if changed { vec![expected] } else { vec![] }, "{from} to {to}");
        }
    }
    let missing = Account::new().set(&"0".repeat(64), "ACTIVE").unwrap_err();
    assert_eq!(missing.code, ErrorCode::ResourceNotFoundException);
}

#[test]
fn a_certificate_is_deleted_when_nothing_holds_it() {
    use ErrorCode::{CertificateStateException as State, DeleteConflictException as Conflict};
    let ca = Ca::root("Unregistered");
    let nothing = Attached::default();
    let (policy, thing) = (Attached { policies: 1, things: 0 }, Attached { policies: 0, things: 2 });
    for (status, attached, force, expected) in [
        (CertificateStatus::Active, nothing, true, Some(State)),
        (CertificateStatus::Inactive, nothing, false, None),
        (CertificateStatus::Revoked, nothing, false, None),
        (CertificateStatus::Inactive, policy, false, Some(Conflict)),
        (CertificateStatus::Inactive, policy, true, None),
        (CertificateStatus::Inactive, thing, true, Some(Conflict)),
    ] {
        let mut account = Account::new();
        let id = without_ca(&mut account, ca.device("d", |_| {}).pem(), status);
        let request = DeleteCertificateRequest { certificate_id: id.clone(), force_delete: Some(force) };
        let result = account.book.delete_certificate(&request, attached).map(|done| account.take(done));
        assert_eq!(result.map_err(|error| error.code).err(), expected, "{status} {attached:?} force {force}");
        account.restart();
        assert_eq!(account.book.certificate(&id).is_none(), expected.is_none());
    }
}

#[test]
fn lists_page_through_everything_once_newest_first_unless_asked() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    let ca_id = account.register(&ca);
    let mut expected = Vec::new();
    for n in 0..7 {
        let pem = ca.device(&format!("dock-{n}"), |_| {}).pem();
        let done = account.book.register_certificate(&request(pem), NOW.plus_millis(n), &account.ids).unwrap();
        expected.push(account.take(done).certificate_id.unwrap());
    }
    without_ca(&mut account, Ca::root("Other").pem(), CertificateStatus::Active);
    for ascending in [true, false] {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let asked = ListCertificatesByCARequest {
                ca_certificate_id: ca_id.clone(),
                page_size: Some(3),
                ascending_order: Some(ascending),
                marker,
            };
            let page = account.book.list_certificates_by_ca(&asked).unwrap().reply;
            let certificates = page.certificates.unwrap();
            assert!(certificates.len() <= 3);
            found.extend(certificates.into_iter().map(|certificate| certificate.certificate_id.unwrap()));
            marker = page.next_marker;
            if marker.is_none() {
                break;
            }
        }
        let mut expected = expected.clone();
        if !ascending {
            expected.reverse();
        }
        assert_eq!(found, expected);
    }
    let all = account.book.list_certificates(&ListCertificatesRequest::default()).unwrap().reply;
    assert_eq!(all.certificates.unwrap().len(), 8);
    let damaged = ListCertificatesRequest { marker: Some("zz".into()), ..ListCertificatesRequest::default() };
    assert_eq!(account.book.list_certificates(&damaged).unwrap_err().code, ErrorCode::InvalidRequestException);
}

#[test]
fn the_end_of_a_validity_is_told_once_and_for_the_time_it_falls_in() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    let end = |seconds: i64| {
        move |params: &mut rcgen::CertificateParams| params.not_after = NOW.plus_millis(seconds * 1000).utc()
    };
    let soon = ca.device("soon", end(10)).pem();
    let later = ca.device("later", end(20)).pem();
    let soon = without_ca(&mut account, soon, CertificateStatus::Active);
    let later = without_ca(&mut account, later, CertificateStatus::Active);
    account.restart();
    let expired = |account: &Account, since, until| {
        let found = account.book.expired(NOW.plus_millis(since), NOW.plus_millis(until));
        found.into_iter().map(|(id, at)| (id.to_string(), at.since(NOW))).collect::<Vec<_>>()
    };
    // Valid until second 10, that second included: no longer valid from 11,000 ms on.
    for (since, until, wanted) in [
        (0, 10_999, vec![]),
        (10_999, 11_000, vec![(soon.clone(), 11_000)]),
        (11_000, 20_999, vec![]),
        (0, 60_000, vec![(soon.clone(), 11_000), (later.clone(), 21_000)]),
        (21_000, 60_000, vec![]),
        (60_000, 0, vec![]),
    ] {
        assert_eq!(expired(&account, since, until), wanted, "{since} {until}");
    }
    account.set(&soon, "INACTIVE").unwrap();
    let request = DeleteCertificateRequest { certificate_id: soon, force_delete: None };
    let done = account.book.delete_certificate(&request, Attached::default()).unwrap();
    account.take(done);
    assert_eq!(expired(&account, 0, 60_000), vec![(later, 21_000)], "one that is gone does not expire");
}

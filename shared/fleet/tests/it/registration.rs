//! The registration decision against real certificates. They were made with OpenSSL 3, a hundred years valid:
//! `openssl req -x509 -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /O=Example/OU=charger/CN=charger-0001/serialNumber=SN-0001 -days 36500 -addext basicConstraints=critical,CA:FALSE`
//! and likewise for the other keys and subjects.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use fleet::ports::Thing;
use fleet::registration::{
    Blocked, CaState, Decision, DeviceCertificate, Evidence, Key, Plan, Reason, Rejection, Rules, Step, Unreadable,
    block_list_entries, decide,
};
use iot_events::CertificateStatus;

const CA: &str = "3b1e90c7a4d85f26e07b19cc82f4d6a531907eabf4c2d8665e1a3b9c70f8d412";
/// Inside the validity of every certificate here.
const NOW: i64 = 1_830_000_000_000;

fn pem(name: &str) -> String {
    let path = format!("{}/tests/certificates/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn rules() -> Rules {
    Rules {
        trusted_cas: vec![CA.into()],
        thing_types: [("charger".into(), "Charger".into()), ("switch".into(), "Switch".into())].into(),
        default_thing_type: None,
        groups: vec!["all".into()],
        policy: "device".into(),
    }
}

fn evidence(certificate: &str) -> Evidence {
    Evidence {
        ca_certificate_id: CA.into(),
        ca: CaState::Active,
        signed_by: Some(CA.into()),
        certificate: DeviceCertificate::read(&pem(certificate)),
        blocked: vec![],
        allowed: None,
        presented_at: NOW,
    }
}

fn plan(evidence: &Evidence, rules: &Rules) -> Plan {
    match decide(evidence, rules) {
        Decision::Register(plan) => plan,
        Decision::Reject(rejection) => panic!("{:?}", rejection.texts()),
    }
}

fn rejection(evidence: &Evidence, rules: &Rules) -> Rejection {
    match decide(evidence, rules) {
        Decision::Register(plan) => panic!("registered: {plan:?}"),
        Decision::Reject(rejection) => rejection,
    }
}

#[test]
fn a_certificate_becomes_a_thing_with_type_and_attributes() {
    let plan = plan(&evidence("p256"), &rules());
    assert_eq!(plan.thing_name, "charger-0001");
    assert_eq!(plan.thing.thing_type.as_deref(), Some("Charger"));
    assert_eq!(
        plan.thing.attributes,
        [("model".into(), "charger".into()), ("serialNumber".into(), "SN-0001".into())].into()
    );
    assert_eq!(
        plan.steps(),
        [
            Step::CreateThing,
            Step::AddToGroup("all"),
            Step::AttachPolicy,
            Step::AttachPrincipal,
            Step::SaveDevice,
            Step::RecordApproval,
            Step::Activate
        ]
    );
}

#[test]
fn the_common_name_stands_in_for_a_missing_serial_number() {
    assert_eq!(plan(&evidence("p384"), &rules()).serial_number, "switch-0001");
}

#[test]
fn keys() {
    for (name, key) in [
        ("p256", Key::P256),
        ("p384", Key::P384),
        ("p521", Key::Other("1.3.132.0.35".into())),
        ("rsa2048", Key::Rsa { bits: 2048 }),
        ("rsa1024", Key::Rsa { bits: 1024 }),
        ("ed25519", Key::Other("1.3.101.112".into())),
    ] {
        assert_eq!(DeviceCertificate::read(&pem(name)).unwrap().key, key, "{name}");
    }
    for name in ["p256", "p384", "rsa2048"] {
        plan(&evidence(name), &rules());
    }
    for name in ["p521", "rsa1024", "ed25519"] {
        let rejection = rejection(&evidence(name), &rules());
        assert!(matches!(rejection.reasons[..], [Reason::WeakKey(_)]), "{name}: {rejection:?}");
        assert_eq!(rejection.status(), CertificateStatus::Revoked, "{name}");
    }
}

#[test]
fn subjects() {
    for (name, expected, status) in [
        ("no-name", Reason::NoName, CertificateStatus::Inactive),
        ("bad-name", Reason::BadName("charger 0001/../admin".into()), CertificateStatus::Inactive),
        // The model may follow.
        ("unknown-model", Reason::UnknownModel("toaster".into()), CertificateStatus::PendingActivation),
    ] {
        let rejection = rejection(&evidence(name), &rules());
        assert!(rejection.reasons.contains(&expected), "{name}: {rejection:?}");
        assert_eq!(rejection.status(), status, "{name}");
    }
    assert!(rejection(&evidence("ca"), &rules()).reasons.contains(&Reason::IsCa));
    let lenient = Rules { default_thing_type: Some("Device".into()), ..rules() };
    assert_eq!(plan(&evidence("unknown-model"), &lenient).thing.thing_type.as_deref(), Some("Device"));
}

#[test]
fn validity() {
    let certificate = DeviceCertificate::read(&pem("p256")).unwrap();
    let at = |now| Evidence { presented_at: now, ..evidence("p256") };
    plan(&at(certificate.not_before), &rules());
    plan(&at(certificate.not_after), &rules());
    let early = rejection(&at(certificate.not_before - 1), &rules());
    assert_eq!(
        (early.status(), &early.reasons[..]),
        (CertificateStatus::PendingActivation, &[Reason::NotYetValid(1)][..])
    );
    let late = rejection(&at(certificate.not_after + 1), &rules());
    assert_eq!((late.status(), &late.reasons[..]), (CertificateStatus::Revoked, &[Reason::Expired(1)][..]));
}

#[test]
fn the_ca_must_be_ours_and_active() {
    for (ca, trusted, ok) in [
        (CaState::Active, vec![], true),
        (CaState::Active, vec![CA.to_owned()], true),
        (CaState::Active, vec!["other".to_owned()], false),
        (CaState::Inactive, vec![], false),
        (CaState::Unknown, vec![], false),
    ] {
        let rules = Rules { trusted_cas: trusted, ..rules() };
        match decide(&Evidence { ca, ..evidence("p256") }, &rules) {
            Decision::Register(_) => assert!(ok, "{ca:?}"),
            Decision::Reject(rejection) => {
                assert!(!ok, "{ca:?}");
                assert_eq!(rejection.status(), CertificateStatus::PendingActivation);
            }
        }
    }
    let mismatch = Evidence { signed_by: Some("other".into()), ..evidence("p256") };
    assert!(matches!(rejection(&mismatch, &rules()).reasons[..], [Reason::CaMismatch { .. }]));
    plan(&Evidence { signed_by: None, ..evidence("p256") }, &rules());
}

#[test]
fn lists() {
    assert_eq!(block_list_entries("C", "A", Some("S")), ["certificate#C", "ca#A", "serial#S"]);
    let blocked = Blocked { entry: "serial#SN-0001".into(), why: "stolen".into() };
    let blocked = rejection(&Evidence { blocked: vec![blocked], ..evidence("p256") }, &rules());
    assert_eq!(blocked.status(), CertificateStatus::Revoked);
    assert_eq!(blocked.texts(), ["`serial#SN-0001` is on the block list: stolen"]);
    plan(&Evidence { allowed: Some(true), ..evidence("p256") }, &rules());
    let absent = rejection(&Evidence { allowed: Some(false), ..evidence("p256") }, &rules());
    assert_eq!(absent.status(), CertificateStatus::PendingActivation, "it may be listed later");
    let named = Evidence { allowed: Some(false), signed_by: Some("other".into()), ..evidence("p256") };
    assert_eq!(rejection(&named, &rules()).status(), CertificateStatus::Inactive, "one reason that stays decides");
    assert_eq!(absent.reasons, [Reason::NotAllowed("SN-0001".into())]);
}

#[test]
fn every_reason_is_named_and_one_known_bad_revokes() {
    let evidence = Evidence { ca: CaState::Unknown, allowed: Some(false), ..evidence("rsa1024") };
    let rejection = rejection(&evidence, &rules());
    assert_eq!(rejection.reasons.len(), 3, "{:?}", rejection.texts());
    assert_eq!(rejection.status(), CertificateStatus::Revoked);
}

#[test]
fn what_is_no_certificate_is_unknown_not_bad() {
    for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "{}"] {
        let unreadable: Unreadable = DeviceCertificate::read(text).unwrap_err();
        let rejection = rejection(&Evidence { certificate: Err(unreadable), ..evidence("p256") }, &rules());
        assert_eq!(rejection.status(), CertificateStatus::Inactive, "{text}");
    }
}

#[test]
fn an_existing_thing_may_know_more_but_not_differ() {
    let plan = plan(&evidence("p256"), &rules());
    let mut thing = plan.thing.clone();
    thing.attributes.insert("site".into(), "north".into());
    assert_eq!(plan.compare(&thing), Ok(()));
    thing.attributes.insert("serialNumber".into(), "SN-9".into());
    thing.thing_type = None;
    let Err(Reason::ThingConflict { differences, .. }) = plan.compare(&thing) else { panic!("no conflict") };
    assert_eq!(differences, "its type is nothing, not `Charger`, `serialNumber` is `SN-9`, not `SN-0001`");
    assert!(plan.compare(&Thing::default()).is_err());
}

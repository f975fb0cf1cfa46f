//! A certificate is known by what its CA signed, however it is encoded and whichever of its signatures it carries.

use crate::support::{Account, Ca, NOW};
use drydock_core::ErrorCode;
use drydock_model::iot::{
    CertificateStatus, RegisterCACertificateRequest, RegisterCertificateRequest, RegisterCertificateWithoutCARequest,
};

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// One element of DER: its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> (u8, &[u8], &[u8]) {
    let (header, length) = match bytes[1] {
        length @ 0..=0x7f => (2, usize::from(length)),
        0x81 => (3, usize::from(bytes[2])),
        _ => (4, usize::from(bytes[2]) << 8 | usize::from(bytes[3])),
    };
    (bytes[0], &bytes[header..header + length], &bytes[header + length..])
}

fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..=0x7f => out.push(length as u8),
        0x80..=0xff => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend(content);
    out
}

/// The same certificate with the other signature of ECDSA: (r, n - s) for (r, s).
fn twin(der: &[u8]) -> Vec<u8> {
    let (_, content, _) = element(der);
    let (_, _, after_body) = element(content);
    let (_, _, signature) = element(after_body);
    let before = &content[..content.len() - signature.len()];
    let (_, bits, _) = element(signature);
    let (_, pair, _) = element(&bits[1..]);
    let (_, r, rest) = element(pair);
    let (_, s, _) = element(rest);
    let mut padded = [0; 32];
    let digits = if s[0] == 0 { &s[1..] } else { s };
    padded[32 - digits.len()..].copy_from_slice(digits);
    let mut borrow = 0_i16;
    let mut other = [0_u8; 32];
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(padded[at]) - borrow;
        borrow = i16::from(difference < 0);
        other[at] = difference.rem_euclid(256) as u8;
    }
    let mut minimal: Vec<u8> = other.iter().copied().skip_while(|byte| *byte == 0).collect();
    if minimal[0] & 0x80 != 0 {
        minimal.insert(0, 0);
    }
    let pair = [encoded(0x02, r), encoded(0x02, &minimal)].concat();
    let bits = [vec![0], encoded(0x30, &pair)].concat();
    encoded(0x30, &[before.to_vec(), encoded(0x03, &bits)].concat())
}

/// The same certificate with a length of its frame in more bytes than it needs.
fn long_winded(der: &[u8]) -> Vec<u8> {
    let (_, content, _) = element(der);
    let length = content.len();
    [&[0x30, 0x83, 0, (length >> 8) as u8, length as u8][..], content].concat()
}

fn pem(der: &[u8]) -> String {
    pem_of("CERTIFICATE", der)
}

fn pem_of(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[test]
fn another_signature_or_encoding_of_a_revoked_certificate_is_the_same_certificate() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    account.register(&ca);
    let device = ca.device("dock-1", |_| {});
    let request = |der: &[u8]| RegisterCertificateRequest {
        certificate_pem: pem(der),
        status: Some(CertificateStatus::Active),
        ..RegisterCertificateRequest::default()
    };
    let done = account.book.register_certificate(&request(device.der()), NOW, &account.ids).unwrap();
    account.take(done);
    account.set(&device.id(), "REVOKED").unwrap();
    let others = [("the twin", twin(device.der())), ("long-winded", long_winded(device.der()))];
    for restarted in [false, true] {
        if restarted {
            account.restart();
        }
        for (what, other) in &others {
            assert_ne!(other, device.der(), "{what}");
            let done = account.book.present(&[other], Some("x"), NOW, &account.ids);
            let refusal = account.take(done).unwrap_err();
            let reason = if *what == "the twin" { "DEVICE_CERTIFICATE_REVOKED" } else { "NOT_AUTHENTICATED" };
            assert_eq!(refusal.reason.as_str(), reason, "{what}: {refusal}");
            let refused = account.book.register_certificate(&request(other), NOW, &account.ids).unwrap_err();
            let code = match *what {
                "the twin" => ErrorCode::ResourceAlreadyExistsException,
                _ => ErrorCode::CertificateValidationException,
            };
            assert_eq!(refused.code, code, "{what}: {refused}");
            let without = RegisterCertificateWithoutCARequest { certificate_pem: pem(other), status: None };
            let refused = account.book.register_certificate_without_ca(&without, NOW, &account.ids).unwrap_err();
            assert_eq!(refused.code, code, "{what}: {refused}");
        }
    }
    assert_eq!(account.book.len(), 1);
}

#[test]
fn another_signature_of_a_ca_is_the_same_ca() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    account.register(&ca);
    let request = RegisterCACertificateRequest {
        ca_certificate: pem(&twin(ca.der())),
        certificate_mode: Some(drydock_model::iot::CertificateMode::SniOnly),
        ..RegisterCACertificateRequest::default()
    };
    assert_eq!(account.try_register(&request).unwrap_err().code, ErrorCode::ResourceAlreadyExistsException);
}

#[test]
fn a_deleted_certificate_may_be_registered_again() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    account.register(&ca);
    let device = ca.device("dock-1", |_| {});
    for der in [device.der().to_vec(), twin(device.der())] {
        let request =
            RegisterCertificateRequest { certificate_pem: pem(&der), ..RegisterCertificateRequest::default() };
        let done = account.book.register_certificate(&request, NOW, &account.ids).unwrap();
        let certificate_id = account.take(done).certificate_id.unwrap();
        let request = drydock_model::iot::DeleteCertificateRequest { certificate_id, force_delete: None };
        let done = account.book.delete_certificate(&request, Default::default()).unwrap();
        account.take(done);
    }
    assert!(account.book.is_empty());
}

#[test]
fn keys_that_aws_iot_does_not_take_are_not_registered() {
    let mut account = Account::new();
    let cases = [
        (include_str!("fixtures/rsa-1024.pem"), "its RSA key has 1024 bits"),
        (include_str!("fixtures/secp256k1.pem"), "another curve"),
    ];
    for (pem, why) in cases {
        let request = RegisterCertificateWithoutCARequest { certificate_pem: pem.to_owned(), status: None };
        let refused = account.book.register_certificate_without_ca(&request, NOW, &account.ids).unwrap_err();
        assert_eq!(refused.code, ErrorCode::CertificateValidationException, "{refused}");
        assert!(refused.message.contains(why), "{refused}");
    }
}

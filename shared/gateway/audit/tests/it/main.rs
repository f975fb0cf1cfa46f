//! Certificates as the checks look at them: keys that are known to be weak, and revocation lists.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use base64::Engine as _;
use drydock_audit::checks::{device_certificate_key_quality, revoked_device_certificate};
use drydock_audit::keys::Blocklist;
use drydock_audit::revocation::{Revocations, distribution_points, named};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CrlDistributionPoint, IsCa,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

/// A certificate with a key of RSA, as DER.
fn rsa() -> Vec<u8> {
    let text: String = include_str!("rsa.pem").lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// 65537 to the power of 128, in 257 bytes: what the product of two primes of Infineon's library looks like modulo small primes.
fn power() -> Vec<u8> {
    let mut number = vec![1_u8];
    for _ in 0..128 {
        // Times 65536, plus once.
        let mut sum = [number.clone(), vec![0, 0]].concat();
        let (mut carry, shift) = (0_u16, sum.len() - number.len());
        for at in (0..sum.len()).rev() {
            let digit = if at >= shift { u16::from(number[at - shift]) } else { 0 };
            let total = u16::from(sum[at]) + digit + carry;
            sum[at] = u8::try_from(total & 0xff).unwrap();
            carry = total >> 8;
        }
        assert_eq!(carry, 0);
        number = sum;
    }
    number
}

#[test]
fn a_key_of_infineons_library_is_found_by_its_fingerprint() {
    let good = rsa();
    assert_eq!(device_certificate_key_quality::judge(&good, &Blocklist::default()), None);
    // The modulus, an integer of 257 bytes, in whose place the power goes.
    let head = [0x02, 0x82, 0x01, 0x01, 0x00];
    let at = good.windows(head.len()).position(|bytes| bytes == head).unwrap() + 4;
    let mut weak = good.clone();
    let power = power();
    assert_eq!(power.len(), 257);
    weak[at..at + 257].copy_from_slice(&power);
    let verdict = device_certificate_key_quality::judge(&weak, &Blocklist::default()).unwrap();
    assert_eq!(verdict.code, "CERTIFICATE_KEY_VULNERABILITY_CVE-2017-15361");
}

#[test]
fn a_key_of_debians_is_found_in_a_block_list() {
    // The last twenty digits of the SHA-1 of `openssl x509 -modulus` of the certificate.
    let modulus = rsa();
    let head = [0x02, 0x82, 0x01, 0x01, 0x00];
    let at = modulus.windows(head.len()).position(|bytes| bytes == head).unwrap() + 5;
    let hex: String = modulus[at..at + 256].iter().map(|byte| format!("{byte:02X}")).collect();
    let digest = <sha1::Sha1 as sha1::Digest>::digest(format!("Modulus={hex}\n"));
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let listed = Blocklist::parse(&format!("# RSA 2048\n{}\n", &digits[20..])).unwrap();
    let verdict = device_certificate_key_quality::judge(&rsa(), &listed).unwrap();
    assert_eq!(verdict.code, "CERTIFICATE_KEY_VULNERABILITY_CVE-2008-0166");
    let other = Blocklist::parse("0123456789abcdef0123").unwrap();
    assert_eq!(device_certificate_key_quality::judge(&rsa(), &other), None);
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn device(of: &CertifiedIssuer<'static, KeyPair>, serial: u64) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from(serial));
    let uris = vec!["http://127.0.0.1:1/ca.crl".to_owned()];
    params.crl_distribution_points = vec![CrlDistributionPoint { uris }];
    params.signed_by(&KeyPair::generate().unwrap(), of).unwrap().der().to_vec()
}

fn list(of: &CertifiedIssuer<'static, KeyPair>, serials: &[u64]) -> Vec<u8> {
    let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    let revoked = serials.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: now,
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: now,
        next_update: now + Duration::days(7),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(of).unwrap().der().to_vec()
}

#[test]
fn what_a_list_of_its_issuer_names_is_revoked() {
    let (ours, namesake) = (authority("one name"), authority("one name"));
    let (revoked, good, of_other) = (device(&ours, 7), device(&ours, 8), device(&namesake, 7));
    let known: [&[u8]; 2] = [ours.der(), namesake.der()];
    let mut lists = Revocations::default();
    lists.add(&list(&ours, &[7]), known).unwrap();
    assert_eq!(revoked_device_certificate::judge(&revoked, &lists).unwrap().code, "CERTIFICATE_REVOKED_BY_ISSUER");
    assert_eq!(revoked_device_certificate::judge(&good, &lists), None);
    assert_eq!(revoked_device_certificate::judge(&of_other, &lists), None, "it has the issuer's name and another key");

    let stranger = authority("a stranger");
    let mut lists = Revocations::default();
    assert!(lists.add(&list(&stranger, &[7]), known).unwrap_err().contains("is not a registered CA"));
    let mut forged = list(&ours, &[8]);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert!(lists.add(&forged, known).is_err());
    assert!(lists.add(b"no list", known).unwrap_err().contains("is not a CRL"));
    assert_eq!(revoked_device_certificate::judge(&revoked, &lists), None);

    assert_eq!(distribution_points(&revoked), ["http://127.0.0.1:1/ca.crl"]);
    assert_eq!(named(&revoked).unwrap().1, "07");
}

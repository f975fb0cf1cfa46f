//! Custom authorization: tokens that OpenSSL signed, and each reason against.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fleet::authorization::{
    Algorithm, Asked, BadKey, BadToken, Claims, Denial, FleetKey, Grant, KeyStatus, Rules, Token, block_list_entries,
    check, grant,
};
use serde_json::{Value, json};

const ES256: (&str, &str) = (include_str!("../tokens/es256.jwt"), include_str!("../tokens/es256.pem"));
const RS256: (&str, &str) = (include_str!("../tokens/rs256.jwt"), include_str!("../tokens/rs256.pem"));
/// 2025-11-24T17:00:00Z, an hour after those tokens were issued.
const NOW: i64 = 1_764_003_600_000;

fn rules() -> Rules {
    Rules {
        audience: "drydock-fleet".into(),
        iot_arn: "arn:aws:iot:us-east-1:123456789012".into(),
        refresh_seconds: 900,
    }
}

fn key(algorithm: Algorithm, pem: &str) -> FleetKey {
    FleetKey::new(algorithm, KeyStatus::Active, pem).unwrap()
}

/// A signer of ES256.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn key(&self) -> FleetKey {
        use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        key(Algorithm::Es256, &pem(der.as_ref()))
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": "k"})
}

fn claims() -> Value {
    let now = NOW / 1000;
    json!({"sub": "charger-0001", "aud": "drydock-fleet", "iat": now - 10, "exp": now + 3600})
}

/// The claims with one member changed, or taken out where it is null.
fn with(member: &str, value: Value) -> Value {
    let Value::Object(mut claims) = claims() else { unreachable!("claims are an object") };
    match value {
        Value::Null => drop(claims.remove(member)),
        value => drop(claims.insert(member.to_owned(), value)),
    }
    Value::Object(claims)
}

const MQTT: Asked<'_> = Asked { client_id: Some("charger-0001"), certificate_id: None, stays: true };
const HTTPS: Asked<'_> = Asked { client_id: None, certificate_id: None, stays: false };

fn decide(claims: &Value, asked: &Asked<'_>) -> Result<Claims, Denial> {
    let signer = Signer::new();
    let token = Token::read(&signer.sign(&header(), claims)).unwrap();
    check(&token, Some(&signer.key()), asked, &rules(), NOW).cloned()
}

fn granted(claims: &Value, asked: &Asked<'_>) -> Grant {
    grant(&decide(claims, asked).unwrap(), asked, &rules(), NOW)
}

#[test]
fn tokens_that_openssl_signed_are_taken() {
    for (algorithm, (token, pem)) in [(Algorithm::Es256, ES256), (Algorithm::Rs256, RS256)] {
        let token = Token::read(token.trim()).unwrap();
        let claims = check(&token, Some(&key(algorithm, pem)), &MQTT, &rules(), NOW).unwrap();
        assert_eq!(claims.subject.as_deref(), Some("charger-0001"), "{algorithm:?}");
        assert_eq!(block_list_entries(claims), ["thing#charger-0001", "token#t-1"]);
    }
}

#[test]
fn a_signature_counts_for_its_key_its_algorithm_and_every_byte() {
    let forged = |token: &str, key: &FleetKey| {
        let token = Token::read(token).unwrap();
        let denial = check(&token, Some(key), &MQTT, &rules(), NOW).unwrap_err();
        assert_eq!(denial, Denial::Forged(token.kid.clone()));
        assert_eq!(denial.code(), "Forged");
    };
    let good = ES256.0.trim();
    forged(good, &Signer::new().key());
    forged(good, &key(Algorithm::Rs256, RS256.1));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for at in [0, 31, 32, 63] {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        forged(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(changed)), &key(Algorithm::Es256, ES256.1));
    }
    let (header, _) = signed.split_once('.').unwrap();
    let claims = URL_SAFE_NO_PAD.encode(with("sub", json!("charger-0002")).to_string());
    let signature = URL_SAFE_NO_PAD.encode(&signature);
    forged(&format!("{header}.{claims}.{signature}"), &key(Algorithm::Es256, ES256.1));
    // The well-known confusion: the header names another algorithm than the key is for.
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "RS256", "kid": "k"}).to_string());
    forged(&format!("{header}.{claims}.{signature}"), &key(Algorithm::Es256, ES256.1));
}

#[test]
fn what_is_no_token_is_said_to_be_none() {
    let signer = Signer::new();
    let sign = |header: Value, claims: Value| signer.sign(&header, &claims);
    let member = |text: String| match Token::read(&text).unwrap_err() {
        BadToken::Member { member, .. } => member,
        other => panic!("{other}"),
    };
    for text in ["", "a", "a.b", "a.b.c", "e30.e30.e30", "ä.ö.ü", "e30.W10.AA", &format!("{}.e30.A=", "e30")] {
        assert!(matches!(Token::read(text), Err(BadToken::Form(_))), "{text}");
    }
    for alg in ["none", "HS256", "ES384", "es256", ""] {
        let text = sign(json!({"alg": alg, "kid": "k"}), claims());
        assert_eq!(Token::read(&text), Err(BadToken::Algorithm(alg.into())));
    }
    assert_eq!(member(sign(json!({"alg": "ES256"}), claims())), "kid");
    assert_eq!(member(sign(json!({"alg": "ES256", "kid": ""}), claims())), "kid");
    assert_eq!(member(sign(json!({"alg": "ES256", "kid": "k", "crit": ["b64"]}), claims())), "crit");
    for (name, value) in
        [("sub", json!(7)), ("aud", json!({})), ("aud", json!([1])), ("exp", json!("soon")), ("scope", json!([]))]
    {
        assert_eq!(member(sign(header(), with(name, value))), name);
    }
    assert!(matches!(Token::read(&"a".repeat(6145)), Err(BadToken::TooLong(6145))));
}

#[test]
fn each_reason_against() {
    let now = NOW / 1000;
    for (claims, asked, code) in [
        (with("aud", Value::Null), MQTT, "WrongAudience"),
        (with("aud", json!(["another-fleet"])), MQTT, "WrongAudience"),
        (with("iat", Value::Null), MQTT, "MissingClaim"),
        (with("exp", Value::Null), MQTT, "MissingClaim"),
        (with("sub", Value::Null), MQTT, "MissingClaim"),
        (with("iat", json!(now + 61)), MQTT, "NotYetValid"),
        (with("nbf", json!(now + 61)), MQTT, "NotYetValid"),
        (with("exp", json!(now)), HTTPS, "Expired"),
        (with("exp", json!(i64::MIN)), HTTPS, "Expired"),
        (with("exp", json!(now + 299)), MQTT, "ExpiresTooSoon"),
        (with("sub", json!("charger/#")), HTTPS, "BadSubject"),
        (with("sub", json!("*")), HTTPS, "BadSubject"),
        (with("sub", json!("---")), HTTPS, "BadSubject"),
        (with("sub", json!("charger-0002")), MQTT, "WrongClientId"),
    ] {
        assert_eq!(decide(&claims, &asked).unwrap_err().code(), code, "{claims}");
    }
    let signer = Signer::new();
    let token = Token::read(&signer.sign(&header(), &claims())).unwrap();
    assert_eq!(check(&token, None, &MQTT, &rules(), NOW), Err(Denial::UnknownKey("k".into())));
    let mut retired = signer.key();
    retired.status = KeyStatus::Retired;
    assert_eq!(check(&token, Some(&retired), &MQTT, &rules(), NOW), Err(Denial::RetiredKey("k".into())));
}

#[test]
fn clocks_may_be_a_minute_apart_and_times_may_have_a_fraction() {
    let now = NOW / 1000;
    for claims in [
        with("iat", json!(now + 60)),
        with("iat", json!(now as f64 + 0.5)),
        with("exp", json!(now as f64 + 300.9)),
        with("exp", json!(1e300)),
        with("aud", json!(["another-fleet", "drydock-fleet"])),
    ] {
        assert!(decide(&claims, &MQTT).is_ok(), "{claims}");
    }
}

#[test]
fn a_grant_ends_with_its_token_within_the_bounds_of_aws() {
    let now = NOW / 1000;
    for (left, asked, disconnect, refresh) in
        [(3600, MQTT, 3600, 900), (300, MQTT, 300, 300), (1_000_000, MQTT, 86_400, 900), (5, HTTPS, 300, 300)]
    {
        let grant = granted(&with("exp", json!(now + left)), &asked);
        assert_eq!((grant.disconnect_after_seconds, grant.refresh_after_seconds), (disconnect, refresh), "{left}");
    }
}

#[test]
fn the_principal_is_the_name_without_punctuation_or_the_certificate() {
    assert_eq!(granted(&claims(), &MQTT).principal_id, "charger0001");
    let certificate = "8f4a2c9be1d07c3a5f61b0e94d7a8823c6b5190fe2d34a7781c0459e6ab3d27f";
    let asked = Asked { certificate_id: Some(certificate), ..MQTT };
    assert_eq!(granted(&claims(), &asked).principal_id, certificate);
}

#[test]
fn the_policies_name_the_device_alone_and_follow_the_scope() {
    let resources = |claims: &Value| -> Vec<String> {
        let statements = granted(claims, &MQTT).policies.into_iter().map(|policy| policy["Statement"].clone());
        let resource = |statement: &Value| statement["Resource"].as_str().unwrap().to_owned();
        statements.flat_map(|list| list.as_array().unwrap().iter().map(resource).collect::<Vec<_>>()).collect()
    };
    let all = resources(&claims());
    assert_eq!(all.len(), 9);
    for resource in &all {
        let (_, name) = resource.split_once("arn:aws:iot:us-east-1:123456789012:").unwrap();
        assert!(name.contains("/charger-0001"), "{name}");
    }
    let prefix = |name: &str| format!("arn:aws:iot:us-east-1:123456789012:{name}");
    let connect = prefix("client/charger-0001");
    assert_eq!(
        resources(&with("scope", json!("telemetry openid"))),
        [connect.clone(), prefix("topic/dt/charger-0001/telemetry")]
    );
    assert_eq!(resources(&with("scope", json!(""))), [connect]);
}

#[test]
fn the_longest_name_keeps_within_the_limits_of_aws() {
    let name = "c".repeat(128);
    let asked = Asked { client_id: Some(&name), ..MQTT };
    let grant = granted(&with("sub", json!(name)), &asked);
    assert!(grant.policies.len() <= 10);
    assert!(grant.policies.iter().all(|policy| policy.to_string().len() <= 2048));
    assert_eq!(grant.principal_id.len(), 128);
}

#[test]
fn a_key_is_one_of_its_algorithm() {
    let new = |algorithm, pem: &str| FleetKey::new(algorithm, KeyStatus::Active, pem).map(|_| ()).unwrap_err();
    assert_eq!(new(Algorithm::Es256, RS256.1), BadKey::Kind);
    assert_eq!(new(Algorithm::Rs256, ES256.1), BadKey::Kind);
    assert_eq!(new(Algorithm::Rs256, include_str!("../tokens/rsa-1024.pem")), BadKey::Kind);
    for text in ["", "MIIB", "-----BEGIN PUBLIC KEY-----\n?\n-----END PUBLIC KEY-----"] {
        assert_eq!(new(Algorithm::Es256, text), BadKey::Pem);
    }
    // A longer key than AWS signs tokens with is taken, too.
    let long = RsaKeyPair::generate(KeySize::Rsa3072).unwrap();
    let mut signature = vec![0; long.public_modulus_len()];
    long.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"x", &mut signature).unwrap();
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    let der: PublicKeyX509Der<'_> = long.public_key().as_der().unwrap();
    assert!(FleetKey::new(Algorithm::Rs256, KeyStatus::Active, &pem(der.as_ref())).is_ok());
}

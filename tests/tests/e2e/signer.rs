//! AWS Signer: an object of S3 is signed, and its signature holds by the certificate that devices are given.

use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::http::Answer;
use serde_json::{Value, json};
use std::path::Path;

const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];
const ARN: &str = "arn:aws:acm:us-east-1:123456789012:certificate/6a55389b-306b-4e8c-a95c-0123456789ab";

fn signer(gateway: &Gateway<'_>, method: &str, path: &str, body: &Value) -> Answer {
    gateway.call("signer", method, path, &[], body)
}

/// Puts an object where versions are kept, and gives its version.
pub(crate) fn versioned(gateway: &Gateway<'_>, bucket: &str, key: &str, body: &[u8]) -> String {
    gateway.s3("PUT", &format!("/{bucket}"), &[], b"").ok();
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.s3("PUT", &format!("/{bucket}?versioning"), &[], on.as_bytes()).ok();
    let put = gateway.s3("PUT", &format!("/{bucket}/{key}"), &[], body);
    assert_eq!(put.status, 200, "{}", put.body);
    let list = gateway.s3("GET", &format!("/{bucket}?versions&prefix={key}"), &[], b"").body;
    list.split("<VersionId>").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

/// Asserts that a signature in base64 holds for a payload, by the certificate in the gateway's data folder.
pub(crate) fn holds(state: &Path, payload: &[u8], signature: &str) {
    use base64::Engine as _;
    let pem = std::fs::read(state.join("signer-certificate.pem")).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
    let certificate = pem.parse_x509().unwrap();
    let key = &certificate.public_key().subject_public_key.data;
    let signature = base64::engine::general_purpose::STANDARD.decode(signature).unwrap();
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1, key);
    key.verify(payload, &signature).unwrap();
    assert!(key.verify(b"other", &signature).is_err());
}

pub(crate) fn profile(gateway: &Gateway<'_>, name: &str, platform: &str) -> Value {
    let body = json!({ "platformId": platform, "signingMaterial": { "certificateArn": ARN } });
    signer(gateway, "PUT", &format!("/signing-profiles/{name}"), &body).ok()
}

pub(crate) fn start(gateway: &Gateway<'_>, name: &str, version: &str, token: &str) -> Answer {
    let body = json!({
        "source": { "s3": { "bucketName": "source", "key": "app.bin", "version": version } },
        "destination": { "s3": { "bucketName": "signed", "prefix": "signed-" } },
        "profileName": name, "clientRequestToken": token,
    });
    signer(gateway, "POST", "/signing-jobs", &body)
}

pub(crate) fn ended(gateway: &Gateway<'_>, id: &str) -> Value {
    wait_for("a signing job to end", || {
        let job = signer(gateway, "GET", &format!("/signing-jobs/{id}"), &Value::Null).ok();
        (job["status"] != "InProgress").then_some(job)
    })
}

#[test]
fn an_object_is_signed() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    let image = vec![7; 3_000_000];
    let version = versioned(&gateway, "source", "app.bin", &image);
    gateway.s3("PUT", "/signed", &[], b"").ok();
    let made = profile(&gateway, "fleet", "AWSIoTDeviceManagement-SHA256-ECDSA");
    assert_eq!(made["arn"], "arn:aws:signer:us-east-1:123456789012:/signing-profiles/fleet");
    let id = start(&gateway, "fleet", &version, "t1").ok()["jobId"].as_str().unwrap().to_owned();
    assert_eq!(start(&gateway, "fleet", &version, "t1").ok()["jobId"], id.as_str(), "of a token there is one");
    let job = ended(&gateway, &id);
    assert_eq!((&job["status"], &job["statusReason"]), (&json!("Succeeded"), &json!("Signing Succeeded")), "{job}");
    let object = json!({ "bucketName": "signed", "key": format!("signed-{id}") });
    assert_eq!(job["signedObject"]["s3"], object);
    let signed = gateway.s3("GET", &format!("/signed/signed-{id}"), &[], b"").ok();
    assert_eq!(
        (&signed["rawPayloadSize"], &signed["signatureAlgorithm"]),
        (&json!(3_000_000), &json!("SHA256withECDSA"))
    );
    assert_eq!(
        signed["payloadLocation"]["s3"],
        json!({ "bucketName": "source", "key": "app.bin", "version": version })
    );
    holds(&place.path().join("state"), &image, signed["signature"].as_str().unwrap());

    profile(&gateway, "whole", "AmazonFreeRTOS-Default");
    let id = start(&gateway, "whole", &version, "t2").ok()["jobId"].as_str().unwrap().to_owned();
    ended(&gateway, &id);
    let signed = gateway.s3("GET", &format!("/signed/signed-{id}"), &[], b"").ok();
    assert_eq!(signed["payload"].as_str().map(str::len), Some(4_000_000), "it has its payload in it");
    gateway.kill();

    let gateway = place.up(&DURABLE);
    let listed = signer(&gateway, "GET", "/signing-jobs?status=Succeeded&maxResults=1", &Value::Null).ok();
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(1));
    let token = listed["nextToken"].as_str().unwrap();
    let rest = signer(&gateway, "GET", &format!("/signing-jobs?nextToken={token}"), &Value::Null).ok();
    assert_eq!((rest["jobs"].as_array().map(Vec::len), &rest["nextToken"]), (Some(1), &Value::Null));
    let profiles = signer(&gateway, "GET", "/signing-profiles", &Value::Null).ok();
    assert_eq!(profiles["profiles"].as_array().map(Vec::len), Some(2));
    let id = start(&gateway, "fleet", &version, "t3").ok()["jobId"].as_str().unwrap().to_owned();
    ended(&gateway, &id);
    let signed = gateway.s3("GET", &format!("/signed/signed-{id}"), &[], b"").ok();
    holds(&place.path().join("state"), &image, signed["signature"].as_str().unwrap());
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    let version = versioned(&gateway, "source", "app.bin", b"image");
    gateway.s3("PUT", "/signed", &[], b"").ok();
    start(&gateway, "none", &version, "t").refused(404, "ResourceNotFoundException", "`none`");
    profile(&gateway, "fleet", "AWSIoTDeviceManagement-SHA256-ECDSA");
    start(&gateway, "fleet", "0".repeat(32).as_str(), "t").refused(404, "ResourceNotFoundException", "app.bin");
    let put = |name: &str, body: &Value| signer(&gateway, "PUT", &format!("/signing-profiles/{name}"), body);
    let material = json!({ "certificateArn": ARN });
    let other = json!({ "platformId": "AmazonFreeRTOS-TI-CC3220SF", "signingMaterial": material });
    put("rsa", &other).refused(400, "ValidationException", "AmazonFreeRTOS-TI-CC3220SF");
    let platform = "AWSIoTDeviceManagement-SHA256-ECDSA";
    put("a", &json!({ "platformId": platform, "signingMaterial": material })).refused(
        400,
        "ValidationException",
        "`a`",
    );
    put("none", &json!({ "platformId": platform })).refused(400, "ValidationException", "signingMaterial");
    let expiring = json!({
        "platformId": platform, "signingMaterial": material, "signatureValidityPeriod": { "value": 1, "type": "DAYS" },
    });
    put("old", &expiring).refused(400, "ValidationException", "signatureValidityPeriod");
    signer(&gateway, "DELETE", "/signing-profiles/fleet", &Value::Null).ok();
    start(&gateway, "fleet", &version, "t").refused(400, "ValidationException", "canceled");
    let shown = signer(&gateway, "GET", "/signing-profiles/fleet", &Value::Null).ok();
    assert_eq!(shown["status"], "Canceled");
    let listed = signer(&gateway, "GET", "/signing-profiles", &Value::Null).ok();
    assert_eq!(listed["profiles"], json!([]));
    let all = signer(&gateway, "GET", "/signing-profiles?includeCanceled=true", &Value::Null).ok();
    assert_eq!(all["profiles"].as_array().map(Vec::len), Some(1));
    let platforms = signer(&gateway, "GET", "/signing-platforms", &Value::Null);
    platforms.refused(501, "NotImplementedException", "/signing-platforms");
}

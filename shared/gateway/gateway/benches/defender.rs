//! An audit of a hundred thousand certificates and a thousand policies, check by check and of all at once: from the call that starts it
//! until it is over, with all findings on disk. One certificate in a hundred ends soon, one policy in ten is too wide.
//! `CERTIFICATES=1000 POLICIES=100 CALLERS=16 cargo bench --package drydock-gateway --bench defender` takes fewer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]

#[path = "support/api.rs"]
mod api;
#[path = "../../core/benches/support/measure.rs"]
mod measure;

use api::Api;
use drydock_gateway::Dock;
use http::Method;
use measure::{number, rate, resident};
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SerialNumber};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many keys the certificates have between them: making keys is the maker's work, not the gateway's.
const KEYS: usize = 16;
/// One certificate of so many ends soon.
const ENDING: usize = 100;
/// One policy of so many allows everything.
const WIDE: usize = 10;
/// How often it is asked whether an audit is over.
const POLL: Duration = Duration::from_millis(1);

/// The checks that look at certificates and policies of devices, and those that look at all that is there.
const CHECKS: [&str; 9] = [
    "DEVICE_CERTIFICATE_EXPIRING_CHECK",
    "DEVICE_CERTIFICATE_AGE_CHECK",
    "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK",
    "DEVICE_CERTIFICATE_SHARED_CHECK",
    "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
    "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK",
    "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
    "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK",
    "LOGGING_DISABLED_CHECK",
];

async fn call(api: &Api, method: Method, path: &str, body: &Value) -> Value {
    serde_json::from_slice(&api.call(method, path, body).await).unwrap_or_default()
}

/// The device maker, with the keys of devices: of RSA, as those are what the quality of keys is about.
struct Maker {
    issuer: Issuer<'static, KeyPair>,
    keys: Vec<KeyPair>,
}

impl Maker {
    fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let issuer = Issuer::new(CertificateParams::default(), key);
        let keys = (0..KEYS).map(|_| KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap());
        Self { keys: keys.collect(), issuer }
    }

    fn certificate(&self, n: usize) -> String {
        let now = time::OffsetDateTime::now_utc();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("meter-{n}"));
        params.serial_number = Some(SerialNumber::from(n as u64 + 1));
        params.not_before = now - time::Duration::days(1);
        params.not_after = now + time::Duration::days(if n.is_multiple_of(ENDING) { 20 } else { 3650 });
        params.signed_by(&self.keys[n % KEYS], &self.issuer).unwrap().pem()
    }
}

fn policy(n: usize) -> Value {
    let topic = |of: &str| format!("arn:aws:iot:us-east-1:123456789012:topic/{of}/telemetry");
    let statement = if n.is_multiple_of(WIDE) {
        json!([{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }])
    } else {
        json!([
            { "Effect": "Allow", "Action": "iot:Connect",
                "Resource": "arn:aws:iot:us-east-1:123456789012:client/${iot:Connection.Thing.ThingName}" },
            { "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
                "Resource": [topic("${iot:Connection.Thing.ThingName}"), topic(&format!("site-{n}"))] },
        ])
    };
    json!({ "policyDocument": json!({ "Version": "2012-10-17", "Statement": statement }).to_string() })
}

/// Registers certificates and makes policies, as many callers at once.
async fn make(api: &Api, maker: Arc<Maker>, (certificates, policies, callers): (usize, usize, usize)) {
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (api, maker) = (api.clone(), Arc::clone(&maker));
            tokio::spawn(async move {
                for n in (caller..certificates).step_by(callers) {
                    let body = json!({ "certificatePem": maker.certificate(n), "status": "ACTIVE" });
                    api.call(Method::POST, "/certificate/register-no-ca", &body).await;
                }
                for n in (caller..policies).step_by(callers) {
                    api.call(Method::POST, &format!("/policies/policy-{n}"), &policy(n)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Runs an audit to its end; gives how long it took, and what it said of each check.
async fn audit(api: &Api, checks: &[&str]) -> (Duration, Value) {
    let begin = Instant::now();
    let started = call(api, Method::POST, "/audit/tasks", &json!({ "targetCheckNames": checks })).await;
    let path = format!("/audit/tasks/{}", started["taskId"].as_str().unwrap());
    loop {
        let task = call(api, Method::GET, &path, &Value::Null).await;
        if task["taskStatus"] != "IN_PROGRESS" {
            assert_eq!(task["taskStatus"], "COMPLETED", "{task}");
            return (begin.elapsed(), task["auditDetails"].clone());
        }
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::main]
async fn main() {
    let (certificates, policies) = (number("CERTIFICATES", 100_000), number("POLICIES", 1_000));
    let callers = number("CALLERS", 64);
    let folder = tempfile::tempdir().unwrap();
    let dock = Dock::empty().data_dir(folder.path()).start().await.unwrap();
    let api = Api::of(dock.gateway());
    let on: Map<String, Value> = CHECKS.iter().map(|name| ((*name).to_owned(), json!({ "enabled": true }))).collect();
    let role = "arn:aws:iam::123456789012:role/audit";
    let body = json!({ "roleArn": role, "auditCheckConfigurations": on });
    api.call(Method::PATCH, "/audit/configuration", &body).await;
    make(&api, Arc::new(Maker::new()), (certificates, policies, callers)).await;

    let before = resident();
    for check in CHECKS {
        let (took, details) = audit(&api, &[check]).await;
        let count = |name: &str| usize::try_from(details[check][name].as_u64().unwrap()).unwrap();
        let found = count("nonCompliantResourcesCount");
        match check {
            "DEVICE_CERTIFICATE_EXPIRING_CHECK" => assert_eq!(found, certificates.div_ceil(ENDING)),
            "IOT_POLICY_OVERLY_PERMISSIVE_CHECK" => assert_eq!(found, policies.div_ceil(WIDE)),
            "LOGGING_DISABLED_CHECK" => assert_eq!(found, 1),
            _ => assert_eq!(found, 0, "{check}"),
        }
        rate(check.trim_end_matches("_CHECK"), count("totalResourcesCount"), took);
    }
    let (took, _) = audit(&api, &CHECKS).await;
    rate("all of these checks in one audit", certificates + policies, took);
    println!("{:<46} {:>9} MiB more than before", "memory after ten audits", resident().saturating_sub(before) >> 20);
    drop(api);
    dock.stop().await;
}

//! A gateway that is up: whether it is there, what it knows of the device, what it lets it do.

use super::args::DoctorArgs;
use super::device::Device;
use super::finding::Findings;
use crate::client::{Api, CallError};
use drydock_core::Clock as _;
use drydock_host::shown;
use drydock_host::system::SystemClock;
use drydock_identity::Certificate;
use drydock_services::policies::explain::Question;
use http::Method;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};
use serde_json::Value;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// By how much clocks may differ, in milliseconds.
const SKEW: i64 = 60_000;

const GATEWAY: &str = "gateway";
const CLOCK: &str = "clock";
const ENDPOINT: &str = "endpoint";
const REGISTERED: &str = "certificate there";
const POLICY: &str = "policy";
const TRUST: &str = "trust";

pub(super) async fn look(args: &DoctorArgs, device: Option<&Device>, findings: &mut Findings) {
    let api = Api::new(&args.api_url, None);
    let health = match tokio::time::timeout(PATIENCE, api.health()).await {
        Ok(Ok(health)) => health,
        Ok(Err(error @ CallError::Unreachable { .. })) => return none(device, &error, findings),
        Ok(Err(error)) => {
            findings.wrong(GATEWAY, error.to_string(), "name the API endpoint of `drydock up` with --api-url");
            return;
        }
        Err(_) => {
            let text = format!("no answer from {} for {} s", args.api_url, PATIENCE.as_secs());
            findings.wrong(GATEWAY, text, "name the API endpoint of `drydock up` with --api-url");
            return;
        }
    };
    let text = |pointer: &str| health.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let region = text("/region");
    findings.good(GATEWAY, format!("version {} answers at {}, in {region}", text("/version"), args.api_url));
    let api = Api::new(&args.api_url, Some(region.to_owned()));
    clock(&api, findings).await;
    if let Some(name) = &args.endpoint {
        endpoint(name, region, findings);
    }
    let Some(device) = device else { return };
    trust(args, device, &health, findings).await;
    if let Some(own) = &device.certificate {
        let Some(arn) = registered(&api, own, findings).await else { return };
        policy(args, &api, device, &arn, findings).await;
    }
}

/// There is no gateway: of no matter where only a folder is looked at.
fn none(device: Option<&Device>, error: &CallError, findings: &mut Findings) {
    if device.is_some() {
        findings.wrong(GATEWAY, error.to_string(), "");
    } else {
        findings.skipped(GATEWAY, error.to_string(), "");
    }
}

async fn clock(api: &Api, findings: &mut Findings) {
    let Ok(shown) = api.clock(None).await else { return };
    let text = |name: &str| shown.get(name).and_then(Value::as_str).unwrap_or_default();
    let millis = |text: &str| {
        let read = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Some(read.unix_timestamp().saturating_mul(1000))
    };
    let (Some(now), Some(machine)) = (millis(text("now")), millis(text("machine"))) else { return };
    let apart = (now - machine).abs();
    let here = (machine - SystemClock.now().millis()).abs();
    if here > SKEW {
        let text = format!("this machine and the gateway's are {} s apart", here / 1000);
        findings.wrong(CLOCK, text, "set both by NTP: signatures count for minutes");
    } else if apart > SKEW {
        let text = format!("the gateway's clock shows {}, {} s from the machine's", text("now"), apart / 1000);
        findings.doubtful(CLOCK, text, "`drydock clock` shows it, and sets it back");
    } else {
        findings.good(CLOCK, format!("the gateway's clock shows {}", text("now")));
    }
}

/// What a name that devices call says of where they go.
fn endpoint(name: &str, region: &str, findings: &mut Findings) {
    if name.contains("://") || name.contains('/') || name.contains(':') {
        findings.wrong(
            ENDPOINT,
            format!("`{name}` is not a host name"),
            "give the name alone, without `https://`, port and path",
        );
        return;
    }
    let aws = name.split_once(".iot.").and_then(|(prefix, rest)| Some((prefix, rest.strip_suffix(".amazonaws.com")?)));
    match aws {
        Some((_, of)) if of != region => findings.wrong(
            ENDPOINT,
            format!("`{name}` is in {of}, and each region has a state of its own: this looks at {region}"),
            "ask DescribeEndpoint for iot:Data-ATS in the region of the device",
        ),
        Some((prefix, _)) if !prefix.ends_with("-ats") => findings.wrong(
            ENDPOINT,
            format!("`{name}` has no `-ats`: its certificate would be of another root"),
            "ask DescribeEndpoint for iot:Data-ATS",
        ),
        _ => findings.good(ENDPOINT, format!("`{name}`")),
    }
}

/// Whether the CA file that the device has makes it trust the gateway: by a handshake, in which it shows no certificate.
async fn trust(args: &DoctorArgs, device: &Device, health: &Value, findings: &mut Findings) {
    let mut roots = RootCertStore::empty();
    for trusted in &device.trusts {
        // What does not parse was found before.
        let _ = roots.add(CertificateDer::from(trusted.der().to_vec()));
    }
    if roots.is_empty() {
        return;
    }
    let host = health.pointer("/tls/host").and_then(Value::as_str).unwrap_or("127.0.0.1").to_owned();
    let port = health.pointer("/tls/port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let Some(port) = port else { return };
    let name = args.endpoint.clone().unwrap_or_else(|| host.clone());
    let help = "give the device the gateway's root-ca.pem: `drydock up` says where it is";
    match tokio::time::timeout(PATIENCE, shake(&host, port, name.clone(), roots)).await {
        Ok(Ok(())) => findings.good(TRUST, format!("a client with this CA file trusts the gateway as `{name}`")),
        Ok(Err(error)) => {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
            let text = match inner {
                Some(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
                    "this CA did not sign the gateway's certificate".to_owned()
                }
                _ => format!("no handshake with {host} port {port} as `{name}`: {error}"),
            };
            findings.wrong(TRUST, text, help);
        }
        Err(_) => {
            findings.wrong(TRUST, format!("no handshake with {host} port {port} in {} s", PATIENCE.as_secs()), help)
        }
    }
}

async fn shake(host: &str, port: u16, name: String, roots: RootCertStore) -> io::Result<()> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    let stream = TcpStream::connect((host, port)).await?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(drop)
}

/// Whether the gateway knows the certificate, and it is active: its ARN then.
async fn registered(api: &Api, own: &Certificate, findings: &mut Findings) -> Option<String> {
    let path = format!("/certificates/{}", own.id());
    match api.iot("DescribeCertificate", Method::GET, &path, &[], &Value::Null).await {
        Ok(answer) => {
            let described = shown::value(answer.get("certificateDescription").cloned().unwrap_or_default());
            let text = |name: &str| described.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            match text("status").as_str() {
                "ACTIVE" => findings.good(REGISTERED, "it is registered and ACTIVE"),
                status => {
                    let help = format!("aws iot update-certificate --certificate-id {} --new-status ACTIVE", own.id());
                    findings.wrong(REGISTERED, format!("it is {status}: it connects nobody"), help);
                }
            }
            Some(text("certificateArn"))
        }
        Err(error) if error.is("ResourceNotFoundException") => {
            findings.wrong(
                REGISTERED,
                "nobody has registered it",
                "register it (RegisterCertificate, RegisterCertificateWithoutCA), register its CA with auto-registration, or make a device: `drydock device create`",
            );
            None
        }
        Err(error) => {
            findings.wrong(REGISTERED, error.to_string(), "");
            None
        }
    }
}

/// Whether its policies let the device connect with its client id, and publish.
async fn policy(args: &DoctorArgs, api: &Api, device: &Device, arn: &str, findings: &mut Findings) {
    let Some(client_id) = args.client_id.clone().or_else(|| device.client_id.clone()) else {
        findings.skipped(
            POLICY,
            "no client id is named",
            "name the one that the device connects with, with --client-id",
        );
        return;
    };
    let question = |action: &str, name: Option<String>| Question {
        client_id: Some(client_id.clone()),
        principal: Some(arn.to_owned()),
        action: action.to_owned(),
        name,
        ..Question::default()
    };
    ask(api, &question("connect", None), &format!("connect as `{client_id}`"), findings).await;
    if args.topic.is_empty() {
        findings.skipped(POLICY, "no topic is named", "name one that the device publishes to, with --topic");
    }
    for topic in &args.topic {
        ask(api, &question("publish", Some(topic.clone())), &format!("publish to `{topic}`"), findings).await;
    }
}

async fn ask(api: &Api, question: &Question, what: &str, findings: &mut Findings) {
    let answer = match api.explain(question).await {
        Ok(answer) => answer,
        Err(error) => return findings.wrong(POLICY, error.to_string(), ""),
    };
    let of = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let refused = of("/explanation/refused");
    if refused.is_none() && of("/explanation/decision").is_some_and(|decision| decision == "ALLOWED") {
        return findings.good(POLICY, format!("it may {what}"));
    }
    let why = refused.map(|why| format!(": {why}")).unwrap_or_default();
    let help = of("/explanation/help/0").unwrap_or_else(|| {
        let client = question.client_id.as_deref().map(shown::word).unwrap_or_default();
        format!("`drydock explain --client-id {client} --action {}` shows each statement", question.action)
    });
    findings.wrong(POLICY, format!("it may not {what}{why}"), help);
}

//! `drydock demo`: the main job on real input. A device with a fresh certificate registers itself just in time, sends
//! telemetry that arrives in a table, and goes; each step counts only once it was observed.
//!
//! - [`authority`]: the device maker's CA.
//! - [`rows`]: what arrived in the tables.
//! - [`timeline`]: what is printed.

pub mod authority;
mod error;
pub mod rows;
pub mod timeline;

use crate::cli::args::{CommandResult, DemoArgs, UpArgs};
use crate::cli::print;
use crate::cli::up::stand_up;
use crate::client::Api;
use crate::mqtt::{ClientError, Connection, Identity, PATIENCE};
use authority::DeviceMaker;
use drydock_core::CertificateId;
use drydock_core::names::short;
use drydock_gateway::Gateway;
use drydock_gateway::dock::device::make;
use drydock_identity::sigv4::Signer;
use error::{DemoError, POLL};
use http::Method;
use rows::Rows;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use timeline::Timeline;
use tokio::time::{Instant, sleep};

/// Runs the demo.
///
/// # Errors
/// The first step that was not observed.
pub async fn run(args: DemoArgs) -> CommandResult {
    let up = UpArgs {
        template: Some(args.template),
        config: args.config,
        parameters: Vec::new(),
        data_dir: args.data_dir.clone(),
        ephemeral: false,
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        api_port: 0,
        mqtt_port: 0,
        tls_port: 0,
        plain_port: None,
        ready_file: None,
        functions_profile: args.functions_profile,
        runtimes: None,
        quiet: args.json,
        no_functions: false,
        lenient: false,
        lambda_endpoint: None,
        account: "123456789012".to_owned(),
        region: Some("us-east-1".to_owned()),
        stack_name: None,
        public_host: None,
        aws_names: None,
    };
    let dock = stand_up(&up).await?;
    let gateway = dock.gateway();
    let mut timeline = Timeline::begin(std::sync::Arc::new(gateway.host.books.time.clone()), args.json);
    let rows = Rows::of(dock.deployed().map(|deployed| &deployed.plan));
    let result = perform(gateway, &mut timeline, &rows).await;
    let arrived = match &result {
        Ok(device) => Some(rows.of_device(&api(gateway), device).await?),
        Err(_) => None,
    };
    dock.stop().await;
    if args.json {
        print::told(format_args!(
            "{:#}",
            json!({ "timeline": timeline.json(), "rows": arrived, "observed": result.is_ok() })
        ));
    } else {
        print::told(format_args!("\n{}", timeline.table()));
        if let Some(arrived) = &arrived {
            print::told(format_args!("\n{}", rows::table(arrived)));
            print::told(format_args!(
                "\n{} every step was observed; `drydock up --data-dir {}` finds it all again",
                print::good("done:"),
                args.data_dir.display()
            ));
        }
    }
    result.map(|_| ExitCode::SUCCESS).map_err(Into::into)
}

fn api(gateway: &Gateway) -> Api {
    let scope = &gateway.host.books.scope;
    let role = format!("arn:{}:iam::{}:role/demo", scope.partition(), scope.account);
    let keys = gateway.credentials.issue(&role, "demo", None, gateway.host.books.ids.as_ref());
    let signer = Signer {
        access_key: keys.access_key_id,
        secret: keys.secret_access_key,
        token: Some(keys.session_token),
        region: scope.region.to_string(),
    };
    Api::signed_by(format!("http://{}", gateway.addresses().api), signer)
}

fn text(answer: &Value, operation: &'static str, name: &'static str) -> Result<String, DemoError> {
    answer.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(DemoError::Lacks(operation, name))
}

/// Does the main job; gives the device's name.
async fn perform(gateway: &Gateway, timeline: &mut Timeline, rows: &Rows) -> Result<String, DemoError> {
    let api = api(gateway);
    let root = std::fs::read_to_string(gateway.root_ca()).map_err(DemoError::Root)?;
    let now = gateway.host.books.now();
    let name = format!("charger-{}", now.seconds());

    let maker = DeviceMaker::create(&format!("Demo device CA {}", now.millis()), now)?;
    let ca = register_ca(&api, &maker).await?;
    timeline.step("maker", "registered its CA, auto-registration on", format!("cacert/{}", short(&ca)));

    let mut observer = observer(gateway, &api, &root).await?;
    let signed = maker.device(&name, rows::MODEL, &format!("SN-{}", now.seconds()))?;
    timeline.step("maker", format!("made {name} a certificate, signed by that CA"), "X.509, P-256");

    let identity = Identity::new(&root, &signed.certificate, &signed.key).map_err(at("reading its certificate"))?;
    match connect(gateway, &identity, &name).await {
        Ok(_) => return Err(DemoError::LetIn),
        Err(refused) => timeline.step("device", "connected, and was refused", refused.to_string()),
    }
    let event = observer.receive("$aws/events/certificates/registered/").await.map_err(at("waiting for the event"))?;
    let event: Value = serde_json::from_slice(&event.payload).unwrap_or_default();
    let certificate = text(&event, "the event", "certificateId")?;
    let certificate = CertificateId::new(&certificate).map_err(|_| DemoError::Lacks("the event", "certificateId"))?;
    timeline.step(
        "AWS IoT",
        "registered the certificate as PENDING_ACTIVATION",
        format!("$aws/events/certificates/registered/{}", short(&ca)),
    );

    active(&api, &certificate).await?;
    timeline.step(
        "jit-registration",
        "validated it, made the thing, attached the policy, activated it",
        format!("cert/{} ACTIVE", short(&certificate)),
    );

    let mut device = connect(gateway, &identity, &name).await.map_err(at("reconnecting"))?;
    timeline.step("device", "connected", "CONNACK 0");
    observer
        .receive(&format!("$aws/events/presence/connected/{name}"))
        .await
        .map_err(at("waiting for the lifecycle event"))?;
    timeline.step("AWS IoT", "told that it is connected", format!("$aws/events/presence/connected/{name}"));

    let topic = format!("dt/{name}/telemetry");
    // A charger that warms up: a reading each ten seconds, of which the last is beyond the limit of the template.
    let now = gateway.host.books.now().millis();
    for (seconds_ago, temperature, power) in [(20, 41.5, 7200), (10, 63.25, 11_000), (0, 84.0, 11_000)] {
        let measured = now.saturating_sub(seconds_ago * 1000);
        let reading = json!({ "timestamp": measured, "temperature": temperature, "power": power });
        device.publish(&topic, reading.to_string()).await.map_err(at("publishing"))?;
    }
    timeline.step("device", format!("published three readings to {topic}"), "PUBACK × 3");
    let seen = rows.wait(&api, "history", &name, |found| found.len() >= 3).await?;
    timeline.step("telemetry", "wrote them to DynamoDB", format!("{} rows", seen.len()));
    rows.wait(&api, "latest reading", &name, |found| rows::too_hot_since(found, now)).await?;
    timeline.step("telemetry", "raised the alarm of the last one, and told it", "84.0 > 80");

    device.disconnect().await.map_err(at("disconnecting"))?;
    observer
        .receive(&format!("$aws/events/presence/disconnected/{name}"))
        .await
        .map_err(at("waiting for the lifecycle event"))?;
    timeline.step("device", "disconnected", format!("$aws/events/presence/disconnected/{name}"));
    rows.wait(&api, "connectivity", &name, rows::offline).await?;
    timeline.step("connectivity", "recorded that it is offline", "1 row");
    observer.disconnect().await.map_err(at("saying goodbye"))?;
    Ok(name)
}

fn at(step: &'static str) -> impl Fn(ClientError) -> DemoError {
    move |error| DemoError::Device(step, error)
}

/// Connects a device of the demo.
async fn connect(gateway: &Gateway, identity: &Identity, client_id: &str) -> Result<Connection, ClientError> {
    let mqtt = gateway.addresses().mqtt;
    Connection::connect(identity, client_id, (&mqtt.ip().to_string(), mqtt.port()), false).await
}

/// Registers the CA as a device maker does: with a certificate that proves the possession of its key.
async fn register_ca(api: &Api, maker: &DeviceMaker) -> Result<CertificateId, DemoError> {
    let answer = api.iot("GetRegistrationCode", Method::GET, "/registrationcode", &[], &Value::Null).await?;
    let code = text(&answer, "GetRegistrationCode", "registrationCode")?;
    let verification = maker.verification(&code)?;
    let body = json!({ "caCertificate": maker.pem(), "verificationCertificate": verification.certificate });
    let path = "/cacertificate?setAsActive=true&allowAutoRegistration=true";
    let answer = api.iot("RegisterCACertificate", Method::POST, path, &[], &body).await?;
    let id = text(&answer, "RegisterCACertificate", "certificateId")?;
    CertificateId::new(id).map_err(|_| DemoError::Lacks("RegisterCACertificate", "certificateId"))
}

/// Connects somebody who may see everything, to observe what is told.
async fn observer(gateway: &Gateway, api: &Api, root: &str) -> Result<Connection, DemoError> {
    const NAME: &str = "drydock-demo-observer";
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": ["iot:Connect", "iot:Subscribe", "iot:Receive"], "Resource": "*" }],
    });
    let body = json!({ "policyDocument": document.to_string() });
    match api.iot("CreatePolicy", Method::POST, &format!("/policies/{NAME}"), &[], &body).await {
        Err(error) if !error.is("ResourceAlreadyExistsException") => return Err(error.into()),
        _ => {}
    }
    let made = make(api, NAME, Some(NAME)).await?.credentials;
    let identity = Identity::new(root, &made.certificate_pem, &made.private_key_pem);
    let identity = identity.map_err(at("reading the observer's certificate"))?;
    let mut device = connect(gateway, &identity, NAME).await.map_err(at("connecting the observer"))?;
    device
        .subscribe(&["$aws/events/certificates/registered/#", "$aws/events/presence/#"])
        .await
        .map_err(at("subscribing the observer"))?;
    Ok(device)
}

/// Waits until a certificate is active.
async fn active(api: &Api, id: &CertificateId) -> Result<(), DemoError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer =
            api.iot("DescribeCertificate", Method::GET, &format!("/certificates/{id}"), &[], &Value::Null).await?;
        match answer.pointer("/certificateDescription/status").and_then(Value::as_str) {
            Some("ACTIVE") => return Ok(()),
            Some("PENDING_ACTIVATION") if Instant::now() < deadline => sleep(POLL).await,
            status => {
                return Err(DemoError::NotSeen(format!(
                    "the activation of certificate {} (it is {status:?})",
                    short(id)
                )));
            }
        }
    }
}

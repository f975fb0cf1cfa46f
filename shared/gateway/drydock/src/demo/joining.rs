//! The main job: a device with a fresh certificate registers itself just in time, sends telemetry that arrives in a table, and goes.

use super::authority::DeviceMaker;
use super::error::{DemoError, POLL};
use super::rows::{self, Rows};
use super::stage::{Seen, api, text};
use super::timeline::Timeline;
use crate::client::Api;
use crate::mqtt::{ClientError, Connection, Identity, PATIENCE};
use drydock_core::CertificateId;
use drydock_core::names::short;
use drydock_gateway::dock::device::make;
use drydock_gateway::{Dock, Gateway};
use http::Method;
use serde_json::{Value, json};
use std::path::Path;
use tokio::time::{Instant, sleep};

/// Does the main job, and gives what has arrived in the tables.
pub(super) async fn perform(dock: &Dock, timeline: &mut Timeline, kept: &Path) -> Result<Seen, DemoError> {
    let rows = Rows::of(dock.deployed().map(|deployed| &deployed.plan));
    let device = join(dock.gateway(), timeline, &rows).await?;
    let arrived = rows.of_device(&api(dock.gateway()), &device).await?;
    Ok(Seen {
        table: format!("{}\n", rows::table(&arrived)),
        json: json!(arrived),
        last: format!("every step was observed; `drydock up --data-dir {}` finds it all again", kept.display()),
    })
}

/// Does the main job; gives the device's name.
async fn join(gateway: &Gateway, timeline: &mut Timeline, rows: &Rows) -> Result<String, DemoError> {
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

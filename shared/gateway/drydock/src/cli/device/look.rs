//! `drydock device list` and `drydock device show`.

use super::args::{ListArgs, OneArgs};
use super::files::folder_of;
use super::lists::{certificate_id, pages, principals, texts};
use crate::cli::args::CommandResult;
use crate::cli::print;
use crate::client::{Api, encoded};
use drydock_core::ThingName;
use drydock_host::shown;
use http::Method;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// How often a throttled question is asked again.
const PATIENT_TRIES: usize = 5;

/// Lists the things.
///
/// # Errors
/// Where the gateway refuses.
pub async fn list(args: ListArgs) -> CommandResult {
    let (api, _) = args.at.gateway().await?;
    let of_page = |page: &Value| page.get("things").and_then(Value::as_array).cloned().unwrap_or_default();
    let things = pages(&api, "ListThings", "/things?maxResults=250", &[], of_page).await?;
    if args.at.json {
        print::told(format_args!("{:#}", shown::value(Value::Array(things))));
        return Ok(ExitCode::SUCCESS);
    }
    if things.is_empty() {
        print::told("there are no devices: `drydock device create NAME` makes one");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(["device", "type", "attributes"]);
    for thing in &things {
        let text = |name: &str| thing.get(name).and_then(Value::as_str).unwrap_or_default();
        table.add_row([text("thingName").to_owned(), text("thingTypeName").to_owned(), attributes(thing)]);
    }
    print::told(&table);
    Ok(ExitCode::SUCCESS)
}

/// Shows a device.
///
/// # Errors
/// Where the gateway refuses, for example as there is no such thing.
pub async fn show(args: OneArgs) -> CommandResult {
    let name = ThingName::new(&args.name)?;
    let (api, _) = args.at.gateway().await?;
    let path = format!("/things/{name}");
    let thing = api.iot("DescribeThing", Method::GET, &path, &[], &Value::Null).await?;
    let mut certificates = Vec::new();
    for principal in principals(&api, name.as_str()).await? {
        certificates.push(certificate(&api, &principal).await?);
    }
    let connection = match connection(&api, name.as_str()).await {
        Ok(connection) => connection,
        // It was never connected, or long ago.
        Err(error) if error.is("ResourceNotFoundException") => Value::Null,
        Err(error) => return Err(error.into()),
    };
    let files = Some(folder_of(name.as_str())).filter(|folder| folder.is_dir());
    let device = json!({
        "thing": thing, "certificates": certificates, "connection": connection, "files": files,
    });
    let device = shown::value(device);
    if args.at.json {
        print::told(format_args!("{device:#}"));
    } else {
        report(&device);
    }
    Ok(ExitCode::SUCCESS)
}

/// What the gateway knows of its connection. AWS lets a client id be asked for once a second: somebody who looks twice waits.
async fn connection(api: &Api, name: &str) -> Result<Value, crate::client::CallError> {
    let path = format!("/connections/{name}");
    for _ in 0..PATIENT_TRIES {
        match api.iot_data("GetConnection", Method::GET, &path).await {
            Err(error) if error.is("ThrottlingException") => tokio::time::sleep(Duration::from_millis(400)).await,
            answer => return answer,
        }
    }
    api.iot_data("GetConnection", Method::GET, &path).await
}

/// A certificate with its status and policies.
async fn certificate(api: &Api, principal: &str) -> Result<Value, crate::client::CallError> {
    let Some(id) = certificate_id(principal) else { return Ok(json!({ "principal": principal })) };
    let path = format!("/certificates/{}", encoded(id));
    let described = api.iot("DescribeCertificate", Method::GET, &path, &[], &Value::Null).await?;
    // A list that is asked for with POST: a certificate has ten policies at most, which is one page.
    let path = format!("/attached-policies/{}", encoded(principal));
    let attached = api.iot("ListAttachedPolicies", Method::POST, &path, &[], &Value::Null).await?;
    let list = attached.get("policies").and_then(Value::as_array);
    let policies: Vec<&str> =
        list.into_iter().flatten().filter_map(|policy| policy.get("policyName")?.as_str()).collect();
    let status = described.pointer("/certificateDescription/status").cloned().unwrap_or_default();
    let until = described.pointer("/certificateDescription/validity/notAfter").cloned().unwrap_or_default();
    Ok(
        json!({ "certificateArn": principal, "certificateId": id, "status": status, "notAfter": until, "policies": policies }),
    )
}

fn attributes(thing: &Value) -> String {
    let attributes = thing.get("attributes").and_then(Value::as_object);
    let pairs = attributes.into_iter().flatten();
    pairs.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect::<Vec<_>>().join(" ")
}

fn report(device: &Value) {
    let text = |pointer: &str| device.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let thing = device.get("thing").cloned().unwrap_or_default();
    let mut table = print::table(["what", "value"]);
    table.add_row(["thing", &text("/thing/thingName")]);
    table.add_row(["ARN", &text("/thing/thingArn")]);
    for (name, shown) in [("type", text("/thing/thingTypeName")), ("attributes", attributes(&thing))] {
        if !shown.is_empty() {
            table.add_row([name, &shown]);
        }
    }
    for certificate in device.get("certificates").and_then(Value::as_array).into_iter().flatten() {
        let of = |name: &str| certificate.get(name).and_then(Value::as_str).unwrap_or_default();
        if of("certificateId").is_empty() {
            table.add_row(["principal", of("principal")]);
            continue;
        }
        let policies = texts(certificate, "policies").join(", ");
        let policies = if policies.is_empty() { "no policy: it may do nothing".to_owned() } else { policies };
        table.add_row(["certificate", &format!("{} {}: {policies}", of("certificateId"), of("status"))]);
    }
    let connected = device.pointer("/connection/connected").and_then(Value::as_bool);
    table.add_row([
        "connection",
        match connected {
            Some(true) => "connected",
            Some(false) => "not connected",
            None => "not seen since the gateway is up",
        },
    ]);
    if !text("/files").is_empty() {
        table.add_row(["files", &text("/files")]);
    }
    print::told(&table);
}

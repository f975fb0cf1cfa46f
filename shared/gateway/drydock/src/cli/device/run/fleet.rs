//! Who the devices are, and what they show.

use crate::cli::device::args::RunArgs;
use crate::cli::device::files::{Files, folder_of};
use crate::client::{Api, CallError};
use crate::mqtt::{ClientError, Connection, Identity};
use drydock_core::ThingName;
use drydock_gateway::dock::device::{Ask, ControlPlane as _, Made, make};
use http::Method;
use serde_json::{Value, json};
use std::path::Path;

/// The devices.
pub(super) struct Fleet {
    names: Vec<String>,
    identity: Identity,
    host: String,
    port: u16,
    /// The certificate that was made for this run, and who is asked to take it back.
    made: Option<(Api, Made)>,
}

impl Fleet {
    /// The one device whose files are here, or, with `--count`, that many things under one certificate of their own.
    pub(super) async fn of(args: &RunArgs) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let name = ThingName::new(&args.name)?;
        let (api, health) = args.at.gateway().await?;
        let text = |pointer: &str| health.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let port = health.pointer("/mqtt/port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        let (host, port) = (text("/mqtt/host").unwrap_or_else(|| "127.0.0.1".to_owned()), port.unwrap_or(8883));
        let Some(count) = args.count else {
            let identity = of_files(&args.from.clone().unwrap_or_else(|| folder_of(name.as_str())), name.as_str())?;
            return Ok(Self { names: vec![name.to_string()], identity, host, port, made: None });
        };
        let width = count.to_string().len();
        let names: Vec<String> = (1..=count).map(|number| format!("{name}-{number:0width$}")).collect();
        let first = names.first().map(String::as_str).unwrap_or_default();
        let made = make(&api, ThingName::new(first)?.as_str(), args.policy.as_deref()).await?;
        let root = text("/rootCaPem").unwrap_or_default();
        let prepared = match Identity::new(&root, &made.credentials.certificate_pem, &made.credentials.private_key_pem)
        {
            Ok(identity) => {
                join(&api, &made, names.get(1..).unwrap_or_default()).await.map(|()| identity).map_err(Into::into)
            }
            Err(error) => Err(error.into()),
        };
        match prepared {
            Ok(identity) => Ok(Self { names, identity, host, port, made: Some((api, made)) }),
            Err(error) => {
                made.unmake(&api).await;
                Err(error)
            }
        }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Connects a device. Its session waits for it while it is away.
    pub(super) async fn connect(&self, name: &str) -> Result<Connection, ClientError> {
        Connection::connect(&self.identity, name, (&self.host, self.port), true).await
    }

    /// Takes back the certificate that was made for this run. The things stay: jobs and shadows are kept of them.
    pub(super) async fn end(&self) {
        let Some((api, made)) = &self.made else { return };
        for name in self.names.get(1..).unwrap_or_default() {
            let headers = vec![("x-amzn-principal", made.credentials.certificate_arn.clone())];
            let path = format!("/things/{name}/principals");
            let detach =
                Ask { operation: "DetachThingPrincipal", method: Method::DELETE, path, headers, body: Value::Null };
            // A gateway that has stopped meanwhile cannot be asked any more.
            let _ = api.ask(detach).await;
        }
        made.unmake_certificate(api).await;
    }
}

/// Makes things where they are not there, and gives each the certificate.
async fn join(api: &Api, made: &Made, names: &[String]) -> Result<(), CallError> {
    let ask = |operation, method, path, headers, body| api.ask(Ask { operation, method, path, headers, body });
    for name in names {
        match ask("CreateThing", Method::POST, format!("/things/{name}"), vec![], json!({})).await {
            Err(error) if !Api::exists(&error) => return Err(error),
            _ => {}
        }
        let principal = vec![("x-amzn-principal", made.credentials.certificate_arn.clone())];
        let path = format!("/things/{name}/principals");
        ask("AttachThingPrincipal", Method::PUT, path, principal, Value::Null).await?;
    }
    Ok(())
}

fn of_files(folder: &Path, name: &str) -> Result<Identity, Box<dyn std::error::Error + Send + Sync>> {
    let files = Files::of(folder);
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| {
            format!(
                "`{}` cannot be read: {error}; `drydock device create {name}` makes a device with its files, --count N \
                 makes devices for this run",
                path.display()
            )
        })
    };
    let (root, certificate, key) = (read(&files.root_ca)?, read(&files.certificate)?, read(&files.private_key)?);
    Ok(Identity::new(&root, &certificate, &key)?)
}

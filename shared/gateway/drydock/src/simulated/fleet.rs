//! Who the devices are, and what they show.

use crate::client::{Api, CallError};
use crate::mqtt::{ClientError, Connection, Identity};
use drydock_core::ThingName;
use drydock_gateway::dock::device::{Ask, ControlPlane as _, Made, make};
use http::Method;
use serde_json::{Value, json};

/// The devices.
pub(crate) struct Fleet {
    names: Vec<String>,
    identity: Identity,
    at: Address,
    /// The certificate that was made for this run, and who is asked to take it back.
    made: Option<(Api, Made)>,
}

/// Where devices connect.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// The host, as the gateway's certificate has it.
    pub(crate) host: String,
    /// The port of MQTT over TLS.
    pub(crate) port: u16,
    /// The gateway's root certificate, as PEM.
    pub(crate) root: String,
}

impl Fleet {
    /// One device, which is there.
    pub(crate) fn of_one(name: &ThingName, identity: Identity, at: Address) -> Self {
        Self { names: vec![name.to_string()], identity, at, made: None }
    }

    /// So many things, made where they are not there, under one certificate of their own, with this policy or the usual one.
    ///
    /// # Errors
    /// Where the gateway refuses to make them.
    pub(crate) async fn of_things(
        api: &Api,
        begin: &str,
        count: u32,
        policy: Option<&str>,
        at: Address,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let width = count.to_string().len();
        let names: Vec<String> = (1..=count).map(|number| format!("{begin}-{number:0width$}")).collect();
        let first = names.first().map(String::as_str).unwrap_or_default();
        let made = make(api, ThingName::new(first)?.as_str(), policy).await?;
        let identity = Identity::new(&at.root, &made.credentials.certificate_pem, &made.credentials.private_key_pem);
        let prepared = match identity {
            Ok(identity) => {
                join(api, &made, names.get(1..).unwrap_or_default()).await.map(|()| identity).map_err(Into::into)
            }
            Err(error) => Err(error.into()),
        };
        match prepared {
            Ok(identity) => Ok(Self { names, identity, at, made: Some((api.clone(), made)) }),
            Err(error) => {
                made.unmake(api).await;
                Err(error)
            }
        }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Connects a device. Its session waits for it while it is away.
    pub(crate) async fn connect(&self, name: &str) -> Result<Connection, ClientError> {
        Connection::connect(&self.identity, name, (&self.at.host, self.at.port), true).await
    }

    /// Takes back the certificate that was made for this run. The things stay: jobs and shadows are kept of them.
    pub(crate) async fn end(&self) {
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

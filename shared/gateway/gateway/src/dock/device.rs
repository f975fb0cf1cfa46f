//! A device that may connect: thing, certificate and policy, made in the order that their attachments need.

use crate::gateway::Gateway;
use bytes::Bytes;
use drydock_services::call::Call;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// The policy that a device gets where no other is named: it connects under its thing's name, and uses the topics that carry
/// it in their second level (`dt/<thing>/…` for data, `cmd/<thing>/…` for commands) and its own reserved topics.
pub const POLICY: &str = "drydock-device";

/// A device that was made. It has no `Debug`: the key is secret.
#[derive(Clone)]
pub struct Credentials {
    /// The thing's name, which is the client id as well.
    pub thing_name: String,
    /// The certificate id.
    pub certificate_id: String,
    /// The certificate's ARN.
    pub certificate_arn: String,
    /// The certificate as PEM.
    pub certificate_pem: String,
    /// The private key as PEM.
    pub private_key_pem: String,
}

/// A request of the control plane.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The operation's name.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: http::Method,
    /// The path, with its query.
    pub path: String,
    /// Headers that the operation reads.
    pub headers: Vec<(&'static str, String)>,
    /// The body; `null` is none.
    pub body: Value,
}

/// Who carries out requests: a gateway in this process, or a client of one elsewhere.
pub trait ControlPlane {
    /// Why a request was refused.
    type Error;

    /// Carries a request out, and gives the body of the answer.
    fn ask(&self, ask: Ask) -> impl Future<Output = Result<Value, Self::Error>> + Send;

    /// Whether a refusal says that the resource is there already.
    fn exists(error: &Self::Error) -> bool;

    /// Whether a refusal says that there is no such resource.
    fn is_missing(error: &Self::Error) -> bool;
}

/// Why a device was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} was refused with status {status}: {message}")]
pub struct NotMade {
    /// The operation that was refused.
    pub operation: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// AWS's name of the error.
    pub code: String,
    /// Its message.
    pub message: String,
}

impl ControlPlane for Gateway {
    type Error = NotMade;

    async fn ask(&self, ask: Ask) -> Result<Value, NotMade> {
        let (path, query) = ask.path.split_once('?').unwrap_or((&ask.path, ""));
        let request = drydock_model::Request {
            method: ask.method.as_str().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: ask.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: if ask.body.is_null() { Bytes::new() } else { ask.body.to_string().into() },
        };
        let source = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let call = Call { services: Arc::clone(&self.services), source, device: None, signer: None };
        let answer = self.router.call(call, drydock_model::Service::Iot, &request).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if (200..300).contains(&answer.status) {
            return Ok(body);
        }
        let header = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amzn-errortype"));
        Err(NotMade {
            operation: ask.operation,
            status: answer.status,
            code: header.map(|(_, code)| code.to_string()).unwrap_or_default(),
            message: body.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
        })
    }

    fn exists(error: &NotMade) -> bool {
        error.code.starts_with("ResourceAlreadyExistsException")
    }

    fn is_missing(error: &NotMade) -> bool {
        error.code.starts_with("ResourceNotFoundException")
    }
}

/// A device that was made, and what of it was not there before.
pub struct Made {
    /// What the device shows.
    pub credentials: Credentials,
    is_new_thing: bool,
    policy: String,
}

impl Made {
    /// Takes back what was made, as far as whoever made it still does what is asked.
    pub async fn unmake<C: ControlPlane>(&self, of: &C) {
        self.unmake_certificate(of).await;
        if self.is_new_thing {
            let path = format!("/things/{}", self.credentials.thing_name);
            take_back(of, [("DeleteThing", http::Method::DELETE, path, vec![], Value::Null)]).await;
        }
    }

    /// Takes the certificate back, and leaves the thing; as [`Made::unmake`] otherwise.
    pub async fn unmake_certificate<C: ControlPlane>(&self, of: &C) {
        let Credentials { thing_name, certificate_id, certificate_arn, .. } = &self.credentials;
        if certificate_id.is_empty() {
            return;
        }
        let certificate = format!("/certificates/{certificate_id}");
        let principal = vec![("x-amzn-principal", certificate_arn.clone())];
        let (things, policies) =
            (format!("/things/{thing_name}/principals"), format!("/target-policies/{}", self.policy));
        let (inactive, gone) = (format!("{certificate}?newStatus=INACTIVE"), format!("{certificate}?forceDelete=true"));
        take_back(
            of,
            [
                ("UpdateCertificate", http::Method::PUT, inactive, vec![], Value::Null),
                ("DetachThingPrincipal", http::Method::DELETE, things, principal, Value::Null),
                ("DetachPolicy", http::Method::POST, policies, vec![], json!({ "target": certificate_arn })),
                ("DeleteCertificate", http::Method::DELETE, gone, vec![], Value::Null),
            ],
        )
        .await;
    }
}

/// Asks for steps, whatever becomes of each: what was not made yet is refused, which is as well.
async fn take_back<C: ControlPlane>(
    of: &C,
    steps: impl IntoIterator<Item = (&'static str, http::Method, String, Vec<(&'static str, String)>, Value)>,
) {
    for (operation, method, path, headers, body) in steps {
        let _ = of.ask(Ask { operation, method, path, headers, body }).await;
    }
}

/// Makes a device; attaches an existing policy where one is named, else [`POLICY`], which is made where it is not there. A thing
/// of that name that is there already gets a further certificate.
///
/// # Errors
/// The first refusal. What was made before it is taken back.
pub async fn make<C: ControlPlane>(of: &C, thing_name: &str, policy: Option<&str>) -> Result<Made, C::Error> {
    use http::Method;
    let asked =
        |operation, method, path: String| Ask { operation, method, path, headers: Vec::new(), body: Value::Null };
    if let Some(policy) = policy {
        of.ask(asked("GetPolicy", Method::GET, format!("/policies/{policy}"))).await?;
    }
    let is_new_thing = match of.ask(asked("DescribeThing", Method::GET, format!("/things/{thing_name}"))).await {
        Ok(_) => false,
        Err(error) if C::is_missing(&error) => true,
        // A refused look does not say that there is none: one that is there must not be taken back.
        Err(error) => return Err(error),
    };
    let mut made = Made {
        credentials: Credentials {
            thing_name: thing_name.to_owned(),
            certificate_id: String::new(),
            certificate_arn: String::new(),
            certificate_pem: String::new(),
            private_key_pem: String::new(),
        },
        is_new_thing,
        policy: policy.unwrap_or(POLICY).to_owned(),
    };
    match carry_out(of, &mut made, policy.is_none()).await {
        Ok(()) => Ok(made),
        Err(error) => {
            made.unmake(of).await;
            Err(error)
        }
    }
}

async fn carry_out<C: ControlPlane>(of: &C, making: &mut Made, with_policy: bool) -> Result<(), C::Error> {
    use http::Method;
    let ask =
        |operation, method, path: String, body| of.ask(Ask { operation, method, path, headers: Vec::new(), body });
    let thing_name = making.credentials.thing_name.clone();
    if making.is_new_thing {
        let created = ask("CreateThing", Method::POST, format!("/things/{thing_name}"), json!({})).await;
        // Somebody else has made it since.
        making.is_new_thing = !created.as_ref().is_err_and(C::exists);
        created?;
    }
    let path = "/keys-and-certificate?setAsActive=true".to_owned();
    let made = ask("CreateKeysAndCertificate", Method::POST, path, Value::Null).await?;
    let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let device = &mut making.credentials;
    device.certificate_id = text("/certificateId");
    device.certificate_arn = text("/certificateArn");
    device.certificate_pem = text("/certificatePem");
    device.private_key_pem = text("/keyPair/PrivateKey");
    if with_policy {
        let body = json!({ "policyDocument": policy_document(&device.certificate_arn) });
        match ask("CreatePolicy", Method::POST, format!("/policies/{POLICY}"), body).await {
            Err(error) if !C::exists(&error) => return Err(error),
            _ => {}
        }
    }
    let path = format!("/target-policies/{}", making.policy);
    ask("AttachPolicy", Method::PUT, path, json!({ "target": device.certificate_arn })).await?;
    of.ask(Ask {
        operation: "AttachThingPrincipal",
        method: Method::PUT,
        path: format!("/things/{thing_name}/principals"),
        headers: vec![("x-amzn-principal", device.certificate_arn.clone())],
        body: Value::Null,
    })
    .await?;
    Ok(())
}

/// The text of [`POLICY`], for the account and region of an ARN.
#[must_use]
pub fn policy_document(arn: &str) -> String {
    let prefix = arn.split(":cert/").next().unwrap_or_default();
    let thing = "${iot:Connection.Thing.ThingName}";
    let names = |kind: &str| {
        json!([
            format!("{prefix}:{kind}/dt/{thing}/*"),
            format!("{prefix}:{kind}/cmd/{thing}/*"),
            format!("{prefix}:{kind}/$aws/things/{thing}/*"),
            format!("{prefix}:{kind}/$aws/commands/things/{thing}/*"),
        ])
    };
    json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Action": "iot:Connect", "Resource": format!("{prefix}:client/{thing}") },
            { "Effect": "Allow", "Action": ["iot:Publish", "iot:RetainPublish", "iot:Receive"], "Resource": names("topic") },
            { "Effect": "Allow", "Action": "iot:Subscribe", "Resource": names("topicfilter") },
        ],
    })
    .to_string()
}

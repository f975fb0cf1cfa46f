//! The operations over AWS JSON 1.1.

use super::{SERVICE, Secret, SecretValue, Secrets};
use crate::context::lock;
use crate::error::CloudError;
use crate::stand_in::{Refusal, Service, StandIn};
use crate::wire::{self, json};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_timers::Due;
use http::{Request, Response};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// The most bytes of a value ("CreateSecret").
const MAX_VALUE: usize = 65_536;

/// An error's name and text.
type Refused = (&'static str, String);

impl Due for Secrets {}

#[async_trait]
impl StandIn for Secrets {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, _request_id: &str) -> Response<Bytes> {
        answer(&self, &request).await
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        json::refusal(refusal)
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }
}

async fn answer(secrets: &Secrets, request: &Request<Bytes>) -> Response<Bytes> {
    let answer = match json::operation(request, &["secretsmanager."]) {
        None => Err(("UnknownOperationException", "the request names no operation in `X-Amz-Target`".to_owned())),
        Some(operation) => match serde_json::from_slice::<Map<String, Value>>(request.body()) {
            Ok(input) => dispatch(secrets, operation, &input).await,
            Err(error) => Err(("SerializationException", error.to_string())),
        },
    };
    match answer {
        Ok(body) => wire::response(200, CONTENT_TYPE, body.to_string()),
        Err((code, message)) => {
            let status = if code == "InternalServiceError" { 500 } else { 400 };
            wire::response(status, CONTENT_TYPE, json!({ "__type": code, "Message": message }).to_string())
        }
    }
}

async fn dispatch(secrets: &Secrets, operation: &str, input: &Map<String, Value>) -> Result<Value, Refused> {
    match operation {
        "CreateSecret" => create(secrets, input).await,
        "PutSecretValue" => put(secrets, input).await,
        "GetSecretValue" => get(secrets, input),
        "DescribeSecret" => {
            let (name, secret) = find(secrets, input)?;
            let stages = |value: &Option<SecretValue>, stage: &str| {
                value.as_ref().map(|value| (value.version.clone(), json!([stage])))
            };
            let versions: Map<String, Value> =
                [stages(&secret.current, "AWSCURRENT"), stages(&secret.previous, "AWSPREVIOUS")]
                    .into_iter()
                    .flatten()
                    .collect();
            let mut answer = described(secrets, &name, &secret);
            answer.insert("VersionIdsToStages".to_owned(), versions.into());
            Ok(answer.into())
        }
        "DeleteSecret" => {
            let (name, secret) = find(secrets, input)?;
            lock(&secrets.held).remove(&name);
            secrets.save(&name, None).await.map_err(failed)?;
            let now = seconds(secrets.context.now().millis());
            Ok(json!({ "ARN": secrets.arn(&name, &secret), "Name": name, "DeletionDate": now }))
        }
        "ListSecrets" => {
            let held = lock(&secrets.held);
            let list: Vec<Value> = held.iter().map(|(name, secret)| described(secrets, name, secret).into()).collect();
            Ok(json!({ "SecretList": list }))
        }
        other => Err((
            "NotImplementedException",
            format!("the Secrets Manager operation `{other}` is not implemented by this gateway"),
        )),
    }
}

fn failed(error: crate::error::CloudError) -> Refused {
    ("InternalServiceError", error.to_string())
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

fn text<'a>(input: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

fn required<'a>(input: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refused> {
    let missing = || ("InvalidParameterException", format!("`{name}` is missing"));
    text(input, name).filter(|value| !value.is_empty()).ok_or_else(missing)
}

fn find(secrets: &Secrets, input: &Map<String, Value>) -> Result<(String, Secret), Refused> {
    let id = required(input, "SecretId")?;
    let held = lock(&secrets.held);
    let found = secrets.name(id, &held).and_then(|name| held.get(&name).cloned().map(|secret| (name, secret)));
    found.ok_or_else(|| ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.".to_owned()))
}

fn described(secrets: &Secrets, name: &str, secret: &Secret) -> Map<String, Value> {
    let mut answer = Map::from_iter([
        ("ARN".to_owned(), secrets.arn(name, secret).into()),
        ("Name".to_owned(), name.into()),
        ("CreatedDate".to_owned(), seconds(secret.created.millis()).into()),
    ]);
    if let Some(description) = &secret.description {
        answer.insert("Description".to_owned(), description.as_str().into());
    }
    answer
}

/// The value that a request carries; `None` where it carries none.
fn value(secrets: &Secrets, input: &Map<String, Value>) -> Result<Option<SecretValue>, Refused> {
    let (string, binary) = (text(input, "SecretString"), text(input, "SecretBinary"));
    let bytes = string.or(binary).map_or(0, str::len);
    match (string, binary) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err(("InvalidParameterException", "a secret has `SecretString` or `SecretBinary`, not both".to_owned()))
        }
        _ if bytes > MAX_VALUE => {
            Err(("InvalidParameterException", format!("a secret has at most {MAX_VALUE} bytes, this one has {bytes}")))
        }
        _ => Ok(Some(SecretValue {
            version: text(input, "ClientRequestToken").map_or_else(|| secrets.context.uuid(), str::to_owned),
            string: string.map(str::to_owned),
            binary: binary.map(str::to_owned),
            created: secrets.context.now(),
        })),
    }
}

async fn create(secrets: &Secrets, input: &Map<String, Value>) -> Result<Value, Refused> {
    let name = required(input, "Name")?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if name.len() > 512 || !name.chars().all(allowed) {
        let message = format!("`{name}` is not a name of a secret: 1 to 512 letters, digits and /_+=.@-");
        return Err(("ValidationException", message));
    }
    let current = value(secrets, input)?;
    let secret = Secret {
        suffix: secrets.context.uuid().chars().filter(char::is_ascii_alphanumeric).take(6).collect(),
        description: text(input, "Description").map(str::to_owned),
        created: secrets.context.now(),
        current,
        previous: None,
        planned: None,
    };
    {
        let mut held = lock(&secrets.held);
        if held.contains_key(name) {
            let message = format!("The operation failed because the secret {name} already exists.");
            return Err(("ResourceExistsException", message));
        }
        held.insert(name.to_owned(), secret.clone());
    }
    secrets.save(name, Some(&secret)).await.map_err(failed)?;
    let mut answer = json!({ "ARN": secrets.arn(name, &secret), "Name": name });
    if let (Some(current), Some(members)) = (&secret.current, answer.as_object_mut()) {
        members.insert("VersionId".to_owned(), current.version.as_str().into());
    }
    Ok(answer)
}

async fn put(secrets: &Secrets, input: &Map<String, Value>) -> Result<Value, Refused> {
    let (name, _) = find(secrets, input)?;
    let Some(value) = value(secrets, input)? else {
        return Err(("InvalidParameterException", "`SecretString` or `SecretBinary` is missing".to_owned()));
    };
    let version = value.version.clone();
    let secret = {
        let mut held = lock(&secrets.held);
        let Some(secret) = held.get_mut(&name) else {
            return Err(("ResourceNotFoundException", "Secrets Manager can't find the specified secret.".to_owned()));
        };
        secret.previous = secret.current.replace(value);
        secret.clone()
    };
    secrets.save(&name, Some(&secret)).await.map_err(failed)?;
    let arn = secrets.arn(&name, &secret);
    Ok(json!({ "ARN": arn, "Name": name, "VersionId": version, "VersionStages": ["AWSCURRENT"] }))
}

fn get(secrets: &Secrets, input: &Map<String, Value>) -> Result<Value, Refused> {
    let (name, secret) = find(secrets, input)?;
    let stage = text(input, "VersionStage").unwrap_or("AWSCURRENT");
    let version = text(input, "VersionId");
    let found = match (stage, version) {
        (_, Some(id)) => [&secret.current, &secret.previous].into_iter().flatten().find(|value| value.version == id),
        ("AWSCURRENT", None) => secret.current.as_ref(),
        ("AWSPREVIOUS", None) => secret.previous.as_ref(),
        _ => None,
    };
    let found = found.ok_or_else(|| {
        let message = "Secrets Manager can't find the specified secret value for the version or staging label.";
        ("ResourceNotFoundException", message.to_owned())
    })?;
    let stage = if secret.current.as_ref() == Some(found) { "AWSCURRENT" } else { "AWSPREVIOUS" };
    let mut answer = json!({
        "ARN": secrets.arn(&name, &secret), "Name": name, "VersionId": found.version,
        "VersionStages": [stage], "CreatedDate": seconds(found.created.millis()),
    });
    if let Some(members) = answer.as_object_mut() {
        let values = [("SecretString", &found.string), ("SecretBinary", &found.binary)];
        members.extend(values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?.into()))));
    }
    Ok(answer)
}

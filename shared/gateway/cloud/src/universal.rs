//! Universal targets of the Scheduler: an operation of an AWS API, named by an ARN such as `arn:aws:scheduler:::aws-sdk:iotdataplane:publish`, with its
//! parameters as the target's input.
//!
//! Follows "Using universal targets" of the user guide. What this crate stands in for is called here; AWS IoT's own APIs are above, and are
//! called by whoever was [put in](Universal::lead_to).

use crate::delivery::{Failure, Outlets};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_core::Arn;
use http::{HeaderValue, Request, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use std::sync::{Arc, OnceLock};

/// Calls the APIs of AWS IoT.
#[async_trait]
pub trait IotApi: Send + Sync {
    /// The answer to a request to one of them: `iot`, `iotdata` or `iot-jobs-data`, by its name in signatures.
    async fn call(&self, service: &'static str, request: Request<Bytes>) -> Response<Bytes>;
}

/// Calls operations by their ARNs.
pub(crate) struct Universal {
    outlets: Arc<Outlets>,
    iot: OnceLock<Arc<dyn IotApi>>,
}

/// An operation to be called.
pub(crate) struct Call<'a> {
    universal: &'a Universal,
    /// The service's name, as the SDK for Java has it, in small letters.
    service: String,
    operation: String,
}

/// How requests to a service are formed.
enum Form {
    /// AWS JSON: the service's name in signatures, and what `X-Amz-Target` begins with.
    Json(&'static str, &'static str),
    /// A path with parameters in braces, and the member that is the body: an IoT API's.
    Rest(&'static str, &'static str, &'static str, &'static str),
    /// The event of a function.
    Invoke,
    /// A message to a topic.
    Publish,
}

const READS: [&str; 4] = ["get", "describe", "list", "search"];

impl Universal {
    pub(crate) fn new(outlets: Arc<Outlets>) -> Self {
        Self { outlets, iot: OnceLock::new() }
    }

    /// Has AWS IoT's APIs called by somebody.
    pub(crate) fn lead_to(&self, iot: Arc<dyn IotApi>) {
        // A second one would only be the first again.
        let _ = self.iot.set(iot);
    }

    /// The operation that an ARN names: `None` where it names something else, an error where it is not one that can be called.
    pub(crate) fn of(&self, arn: &Arn) -> Option<Result<Call<'_>, String>> {
        let named = arn.as_str().split_once(":scheduler:::aws-sdk:")?.1;
        let Some((service, operation)) = named.split_once(':') else {
            return Some(Err(format!("`{arn}` does not name a service and an operation")));
        };
        if READS.iter().any(|read| operation.starts_with(read)) {
            return Some(Err(format!("`{operation}` only reads, which is not supported as a target")));
        }
        let call = Call { universal: self, service: service.to_lowercase(), operation: operation.to_owned() };
        Some(match call.form() {
            Some(_) => Ok(call),
            None => Err(format!("the target `{service}:{operation}` is not implemented by this gateway")),
        })
    }
}

impl Call<'_> {
    fn form(&self) -> Option<Form> {
        Some(match (self.service.as_str(), self.operation.as_str()) {
            ("sqs", "sendMessage" | "sendMessageBatch" | "purgeQueue") => Form::Json("sqs", "AmazonSQS"),
            ("dynamodb", _) => Form::Json("dynamodb", "DynamoDB_20120810"),
            ("eventbridge", _) => Form::Json("events", "AWSEvents"),
            ("secretsmanager", _) => Form::Json("secretsmanager", "secretsmanager"),
            ("lambda", "invoke") => Form::Invoke,
            ("sns", "publish") => Form::Publish,
            ("iotdataplane", "publish") => {
                Form::Rest("iotdata", "POST", "/topics/{Topic}?qos={Qos}&retain={Retain}", "Payload")
            }
            ("iotdataplane", "updateThingShadow") => {
                Form::Rest("iotdata", "POST", "/things/{ThingName}/shadow?name={ShadowName}", "Payload")
            }
            ("iotdataplane", "deleteThingShadow") => {
                Form::Rest("iotdata", "DELETE", "/things/{ThingName}/shadow?name={ShadowName}", "")
            }
            ("iot", "createJob") => Form::Rest("iot", "PUT", "/jobs/{JobId}", "*"),
            ("iot", "cancelJob") => Form::Rest("iot", "PUT", "/jobs/{JobId}/cancel?force={Force}", "*"),
            ("iot", "startOnDemandAuditTask") => Form::Rest("iot", "POST", "/audit/tasks", "*"),
            ("iotjobsdataplane", "startCommandExecution") => {
                Form::Rest("iot-jobs-data", "POST", "/command-executions", "*")
            }
            _ => return None,
        })
    }

    /// Calls it with an input.
    pub(crate) async fn make(&self, input: &str) -> Result<(), Failure> {
        let wrong = |why: String| Failure::lasting("ValidationException", why);
        let input: Map<String, Value> =
            serde_json::from_str(input).map_err(|error| wrong(format!("the input is not a JSON object: {error}")))?;
        let form =
            self.form().ok_or_else(|| wrong(format!("`{}:{}` is not implemented", self.service, self.operation)))?;
        let (service, request) = match form {
            Form::Json(service, target) => (service, self.json(target, input)),
            Form::Rest(service, method, path, body) => {
                let request = rest(&input, method, path, body).map_err(wrong)?;
                let iot = self.universal.iot.get().ok_or_else(|| wrong("there is no AWS IoT here".to_owned()))?;
                return answered(&iot.call(service, request).await);
            }
            Form::Invoke => ("lambda", invoke(input)),
            Form::Publish => ("sns", publish(&input)),
        };
        answered(&self.universal.outlets.ask(service, request.map_err(wrong)?).await.map_err(wrong)?)
    }

    fn json(&self, target: &str, input: Map<String, Value>) -> Result<Request<Bytes>, String> {
        let mut operation = self.operation.clone();
        if let Some(first) = operation.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let request = Request::builder()
            .method("POST")
            .uri("/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("{target}.{operation}"));
        request.body(Bytes::from(Value::Object(input).to_string())).map_err(|error| error.to_string())
    }
}

/// What the function answers is nobody's concern, so that nobody waits for it, whatever the input says of that.
fn invoke(mut input: Map<String, Value>) -> Result<Request<Bytes>, String> {
    input.retain(|name, _| !["InvocationType", "LogType"].iter().any(|answer| name.eq_ignore_ascii_case(answer)));
    let path = "/2015-03-31/functions/{FunctionName}/invocations?Qualifier={Qualifier}";
    let mut request = rest(&input, "POST", path, "Payload")?;
    request.headers_mut().insert("x-amz-invocation-type", HeaderValue::from_static("Event"));
    Ok(request)
}

fn publish(input: &Map<String, Value>) -> Result<Request<Bytes>, String> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "Publish").append_pair("Version", "2010-03-31");
    for (name, value) in input {
        if !value.is_string() {
            return Err(format!("`{name:.80}` of sns:publish is not implemented by this gateway's schedules"));
        }
        form.append_pair(name, &shown(value));
    }
    let request =
        Request::builder().method("POST").uri("/").header("content-type", "application/x-www-form-urlencoded");
    request.body(Bytes::from(form.finish())).map_err(|error| error.to_string())
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A request of a REST API: names of parameters begin with a capital in the input, whatever they are in the API. `path` has them in braces,
/// those of the query are left out where there is none; `body` is the member that is the body as it stands, `*` where it is all the others.
fn rest(input: &Map<String, Value>, method: &str, path: &str, body: &str) -> Result<Request<Bytes>, String> {
    let mut left = input.clone();
    let mut take = |name: &str| {
        let key = left.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()?;
        left.remove(&key)
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut uri = String::new();
    for (number, level) in path.split('/').enumerate() {
        if number > 0 {
            uri.push('/');
        }
        match level.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => {
                let value = take(name).ok_or_else(|| format!("`{name}` is missing"))?;
                uri.extend(utf8_percent_encode(&shown(&value), NON_ALPHANUMERIC));
            }
            None => uri.push_str(level),
        }
    }
    let mut mark = '?';
    for (key, name) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        if let Some(value) = take(name.trim_matches(['{', '}'])) {
            uri.push(mark);
            uri.push_str(key);
            uri.push('=');
            uri.extend(utf8_percent_encode(&shown(&value), NON_ALPHANUMERIC));
            mark = '&';
        }
    }
    let content = match body {
        "" => String::new(),
        "*" => lowered(Value::Object(std::mem::take(&mut left))).to_string(),
        member => take(member).as_ref().map(shown).unwrap_or_default(),
    };
    if let Some(name) = left.keys().next() {
        return Err(format!("`{name}` is not a parameter that schedules give to this operation"));
    }
    let request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
    request.body(Bytes::from(content)).map_err(|error| error.to_string())
}

/// A name with a small letter at its beginning, as the APIs of AWS IoT have them.
fn small(name: &str) -> String {
    let mut name = name.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    name
}

fn lowered(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let member = |(name, value): (String, Value)| {
                let name = small(&name);
                // Their keys are the user's own.
                let is_map = matches!(name.as_str(), "documentParameters" | "parameters" | "attributes");
                (name, if is_map { value } else { lowered(value) })
            };
            map.into_iter().map(member).collect()
        }
        Value::Array(list) => list.into_iter().map(lowered).collect(),
        other => other,
    }
}

/// What an answer means: 2xx is good, too much and what is the service's fault pass.
fn answered(response: &Response<Bytes>) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let header = response.headers().get("x-amzn-errortype").and_then(|code| code.to_str().ok());
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let code = header.or_else(|| body.get("__type")?.as_str()?.rsplit('#').next());
    let message = body.get("message").or_else(|| body.get("Message")).and_then(Value::as_str);
    let message =
        message.map_or_else(|| String::from_utf8_lossy(response.body()).chars().take(300).collect(), str::to_owned);
    let code = code.map_or_else(|| status.as_u16().to_string(), str::to_owned);
    let passing = (status.is_server_error() && status.as_u16() != 501)
        || status.as_u16() == 429
        || code.starts_with("Throttling");
    Err(Failure { code, message, passing })
}

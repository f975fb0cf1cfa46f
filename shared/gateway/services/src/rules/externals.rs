//! Answers to the functions of the rules SQL that reach out ("Functions" in the guide): Lambda, S3, DynamoDB, the
//! registry, shadows, Secrets Manager. A failure ends the rule for the message, unless `get_or_default` stands around the call.
//!
//! Each rule runs in a queue of its own: one whose function is slow holds up itself alone.

mod proto;

use bytes::Bytes;
use drydock_cloud::{Cloud, dynamodb};
use drydock_host::books::Books;
use drydock_model::iot::{DescribeThingRequest, ListThingGroupsForThingRequest};
use drydock_rules::value::{Object, json};
use drydock_rules::{
    Answer, Answers, Capabilities, CompiledRule, Drawn, Env, External, ExternalCall, Externals, Value,
};
use drydock_shadow::Address;
use drydock_tasks::Tasks;
use serde_json::{Value as Json, json as document};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is answered here.
pub const CAPABILITIES: Capabilities = Capabilities::NONE
    .with(External::AwsLambda)
    .with(External::DecodeProto)
    .with(External::GetDynamodb)
    .with(External::GetRegistryData)
    .with(External::GetSecret)
    .with(External::GetThingShadow);

/// How long a rule waits for a function ("aws_lambda(functionArn, inputJson)").
const LAMBDA: Duration = Duration::from_millis(2000);
/// The most bytes of an item ("get_dynamodb").
const ITEM: usize = 8 * 1024;

/// How long an evaluation may take, and its templates after that; what it uses otherwise is counted where it is evaluated.
const EVALUATION: Duration = Duration::from_secs(2);

/// What has been asked for one rule on one message.
pub(super) struct Asked {
    answers: Timed,
    drawn: Drawn,
}

/// The answers there are, for as long as an evaluation may take.
struct Timed {
    answers: Answers,
    until: Mutex<Instant>,
}

impl Externals for Timed {
    fn capabilities(&self) -> Capabilities {
        self.answers.capabilities()
    }

    fn ask(&self, call: &ExternalCall) -> Answer {
        self.answers.ask(call)
    }

    fn is_over(&self) -> bool {
        Instant::now() >= *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    pub(super) fn new(books: &Books) -> Self {
        let answers = Timed { answers: Answers::new(CAPABILITIES), until: Mutex::new(Instant::now()) };
        Self { answers, drawn: Drawn::new(Arc::clone(&books.ids)) }
    }

    /// What an evaluation may use: from its beginning, whether it is the first or is run anew.
    pub(super) fn env(&self) -> Env<'_> {
        self.drawn.rewind();
        *self.answers.until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + EVALUATION;
        Env { ids: &self.drawn, externals: &self.answers }
    }

    /// What comes now draws randomness of its own: templates, after the statement.
    pub(super) fn next(&mut self, books: &Books) {
        self.drawn = Drawn::new(Arc::clone(&books.ids));
    }

    pub(super) fn learn(&mut self, call: &ExternalCall, answer: Result<Value, String>) {
        self.answers.answers.insert(call, answer);
    }
}

/// Asks.
pub(super) async fn answer(
    books: &Books,
    cloud: &Cloud,
    tasks: &Tasks,
    rule: &CompiledRule,
    call: &ExternalCall,
) -> Result<Value, String> {
    match call.function {
        External::AwsLambda => lambda(books, cloud, tasks, rule, call).await,
        External::DecodeProto => proto::decode(cloud, call).await,
        External::GetDynamodb => dynamodb(cloud, call).await,
        External::GetRegistryData => registry(books, call),
        External::GetSecret => secret(cloud, call),
        External::GetThingShadow => shadow(books, call),
        External::MachinelearningPredict => Err(format!("{} is not implemented by this gateway", call.function)),
    }
}

fn argument(call: &ExternalCall, index: usize) -> Value {
    call.arguments.get(index).cloned().unwrap_or_default()
}

/// The function's resource policy has to let the rule in. That the time is over ends the rule's waiting, not the function.
async fn lambda(
    books: &Books,
    cloud: &Cloud,
    tasks: &Tasks,
    rule: &CompiledRule,
    call: &ExternalCall,
) -> Result<Value, String> {
    let (source, function) = (books.scope.rule(&rule.name), call.text(0));
    let (lambda, input) = (Arc::clone(cloud.lambda()), Bytes::from(argument(call, 1).to_json()));
    let invoking =
        tasks.spawn_for(async move { lambda.invoke_from_sync("iot.amazonaws.com", &source, &function, input).await });
    let invoked = tokio::time::timeout(LAMBDA, invoking).await;
    let invoked = invoked.map_err(|_| format!("{} did not answer within {} ms", call.text(0), LAMBDA.as_millis()))?;
    let invoked = invoked.map_err(|_| "the gateway is stopping".to_owned())?.map_err(|error| error.to_string())?;
    match invoked.error_text() {
        Some(error) => Err(format!("{}: {error}", call.text(0))),
        None => json::parse(&invoked.payload).map_err(|error| format!("{} answered what is {error}", call.text(0))),
    }
}

async fn dynamodb(cloud: &Cloud, call: &ExternalCall) -> Result<Value, String> {
    let mut key = document!({ call.text(1).as_str(): attribute(&argument(call, 2)) });
    if let (6, Some(members)) = (call.arguments.len(), key.as_object_mut()) {
        members.insert(call.text(3).to_string(), attribute(&argument(call, 4)));
    }
    let table = call.text(0);
    let body = document!({ "TableName": table.as_str(), "Key": key }).to_string();
    let request = http::Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "DynamoDB_20120810.GetItem")
        .body(Bytes::from(body))
        .map_err(|error| error.to_string())?;
    let response = cloud.handle(dynamodb::SERVICE, request).await;
    let answer = json::parse(response.body()).map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        let message = answer.member("message").to_text().or_else(|| answer.member("Message").to_text());
        return Err(format!("{table}: {}", message.unwrap_or_else(|| response.status().as_str().into())));
    }
    match answer.member("Item") {
        Value::Object(item) => {
            let item = plain_members(&item);
            let bytes = item.to_json().len();
            if bytes > ITEM {
                Err(format!("the item of {table} has {bytes} bytes, at most {ITEM} are taken"))
            } else {
                Ok(item)
            }
        }
        _ => Err(format!("{table} has no such item")),
    }
}

/// A value as DynamoDB writes it.
fn attribute(value: &Value) -> Json {
    let text = value.to_text().unwrap_or_default();
    match value {
        Value::Number(_) => document!({ "N": text.as_str() }),
        _ => document!({ "S": text.as_str() }),
    }
}

fn plain_members(members: &Object) -> Value {
    Value::object(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
}

/// A value as JSON writes it: sets are arrays, binary values stay base64 texts.
fn plain(attribute: &Value) -> Value {
    let Value::Object(typed) = attribute else { return Value::Undefined };
    let Some((kind, value)) = typed.first() else { return Value::Undefined };
    let number = |value: &Value| value.to_text().and_then(|text| json::parse(text.as_bytes()).ok()).unwrap_or_default();
    match (kind.as_str(), value) {
        ("N", value) => number(value),
        ("NULL", _) => Value::Null,
        ("NS", Value::Array(items)) => Value::array(items.iter().map(number).collect()),
        ("L", Value::Array(items)) => Value::array(items.iter().map(plain).collect()),
        ("M", Value::Object(members)) => plain_members(members),
        (_, value) => value.clone(),
    }
}

fn registry(books: &Books, call: &ExternalCall) -> Result<Value, String> {
    let thing_name = call.text(1).to_string();
    let answer = books.registry.read(|registry| match call.text(0).as_str() {
        "DescribeThing" => {
            registry.describe_thing(&DescribeThingRequest { thing_name }).map(|done| done.reply.to_json())
        }
        _ => {
            let request = ListThingGroupsForThingRequest { thing_name, max_results: None, next_token: None };
            registry.list_thing_groups_for_thing(&request).map(|done| done.reply.to_json())
        }
    });
    value(&answer.map_err(|error| error.to_string())?)
}

/// A document as a value of the SQL.
fn value(document: &Json) -> Result<Value, String> {
    json::parse(document.to_string().as_bytes()).map_err(|error| error.to_string())
}

/// The document that GetThingShadow answers: `get_thing_shadow(thing[, shadow], role)`.
fn shadow(books: &Books, call: &ExternalCall) -> Result<Value, String> {
    let name = (call.arguments.len() == 3).then(|| call.text(1));
    let address = Address::new(&call.text(0), name.as_deref()).map_err(|error| error.to_string())?;
    let document = books.shadows.read(|book| book.get(&address, books.now()));
    value(&document.map_err(|error| error.to_string())?)
}

/// Always the current version; AWS may give the one before for 15 minutes.
fn secret(cloud: &Cloud, call: &ExternalCall) -> Result<Value, String> {
    let (id, kind) = (call.text(0), call.text(1));
    let key = (call.arguments.len() == 4).then(|| call.text(2));
    let secret = cloud.secrets().current(&id).ok_or_else(|| format!("there is no secret `{id}`"))?;
    match (kind.as_str(), secret.string, secret.binary, key) {
        ("SecretBinary", _, Some(binary), None) => Ok(binary.into()),
        ("SecretBinary", _, _, Some(_)) => Err("a SecretBinary has no keys".to_owned()),
        ("SecretString", Some(text), _, key) => {
            let parsed = json::parse(text.as_bytes()).ok().filter(|value| matches!(value, Value::Object(_)));
            match (key, parsed) {
                (None, parsed) => Ok(parsed.unwrap_or_else(|| text.into())),
                (Some(key), Some(Value::Object(members))) => {
                    members.get(&key).cloned().ok_or_else(|| format!("the secret `{id}` has no key `{key}`"))
                }
                (Some(_), _) => Err(format!("the secret `{id}` is not a JSON object and has no keys")),
            }
        }
        (kind, ..) => Err(format!("the secret `{id}` has no {kind}")),
    }
}

//! Every case of `cases/*.json` as a test of its own, through a router: request in, typed input seen by a handler, typed
//! output out, response.
//!
//! - `requests.json`: what botocore writes (recorded by `cases/record.py`), and the input it must give.
//! - `leniency.json`: what other clients write, and the input it must give.
//! - `refusals.json`: requests that are refused, and the error.
//! - `responses.json`: outputs and errors, and the response they must give.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use bytes::Bytes;
use drydock_core::{ApiError, ErrorCode};
use drydock_model::{Operation, Request, Response, Router, Service, Wire, iot, iot_data, iot_jobs_data, wire::At};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// What a handler saw, and what it is to answer.
#[derive(Clone, Default)]
struct Probe {
    seen: Arc<Mutex<Option<(&'static str, Value)>>>,
    output: Value,
    payload: Option<Bytes>,
    error: Option<ApiError>,
}

fn register<O: Operation>(router: &mut Router<Probe>)
where
    O::Input: Send + 'static,
    O::Output: Send + 'static,
{
    router.on::<O>(|probe, input| async move {
        *probe.seen.lock().unwrap() = Some((O::META.name, input.write()));
        if let Some(error) = probe.error {
            return Err(error);
        }
        let mut output = O::Output::read(&probe.output, &At::ROOT).expect("the case's output is of the shape");
        if let Some(payload) = probe.payload {
            output.put_payload(payload);
        }
        Ok(output)
    });
}

macro_rules! register_all {
    ($router:ident, $($module:ident: [$($name:ident)*])*) => {
        $($(register::<$module::ops::$name>(&mut $router);)*)*
    };
}

fn router() -> Router<Probe> {
    let mut router = Router::new();
    register_all!(router,
        iot: [
            AttachPolicy AttachThingPrincipal CancelJobExecution CreateCommand CreateJob CreateKeysAndCertificate
            CreatePackage CreatePolicy CreateSecurityProfile CreateThing CreateTopicRule DeleteCommand DeleteThing
            DescribeThing DescribeThingType GetPolicy GetStatistics GetTopicRuleDestination ListAuditFindings
            ListAuditTasks ListPrincipalPolicies ListTagsForResource ListThings RegisterCertificate TagResource
            UpdateCertificate UpdateThing UpdateThingGroupsForThing
        ]
        iot_data: [GetRetainedMessage GetThingShadow ListNamedShadowsForThing Publish UpdateThingShadow]
        iot_jobs_data: [DescribeJobExecution GetPendingJobExecutions StartNextPendingJobExecution UpdateJobExecution]
    );
    router
}

fn service(case: &Value) -> Service {
    let name = case["service"].as_str().expect("a case names its service");
    Service::ALL.into_iter().find(|service| service.as_str() == name).expect("a case names a service")
}

fn request(case: &Value) -> Request {
    let request = &case["request"];
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let body = match request["bodyBase64"].as_str() {
        Some(base64) => Bytes::read(&json!(base64), &At::ROOT).expect("base64"),
        None => Bytes::from(text("body")),
    };
    let headers = request["headers"].as_object().into_iter().flatten();
    Request {
        method: text("method"),
        path: text("path"),
        query: text("query"),
        headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
        body,
    }
}

/// The response to a request; every handler here answers at once.
fn call(probe: Probe, service: Service, request: &Request) -> Response {
    let router = router();
    let mut reply = router.call(probe, service, request);
    match reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(response) => response,
        Poll::Pending => panic!("a handler that waits for nothing is pending"),
    }
}

fn same(what: &str, seen: &Value, expected: &Value) -> Result<(), Failed> {
    if seen == expected { Ok(()) } else { Err(format!("{what}:\n    seen {seen}\nexpected {expected}").into()) }
}

/// The request reaches its operation with the input.
fn decodes(case: &Value) -> Result<(), Failed> {
    let probe = Probe { output: json!({}), ..Probe::default() };
    let seen = Arc::clone(&probe.seen);
    // The output is of no interest; a required member that is missing from it would be.
    let probe = Probe { error: Some(ApiError::invalid("the case ends here")), ..probe };
    let response = call(probe, service(case), &request(case));
    let Some((operation, input)) = seen.lock().unwrap().take() else {
        return Err(format!("no handler saw the request: {}", String::from_utf8_lossy(&response.body)).into());
    };
    same("operation", &json!(operation), &case["operation"])?;
    same("input", &input, &case["input"])
}

/// The request is refused, and no handler sees it.
fn refuses(case: &Value) -> Result<(), Failed> {
    let probe = Probe::default();
    let seen = Arc::clone(&probe.seen);
    let response = call(probe, service(case), &request(case));
    same("seen by a handler", &json!(seen.lock().unwrap().is_some()), &json!(false))?;
    let body: Value = serde_json::from_slice(&response.body)?;
    let code = response.headers.iter().find(|(name, _)| name == "x-amzn-errortype").map(|(_, value)| value);
    let answer = json!({"status": response.status, "error": code, "message": body["message"]});
    let expected = json!({"status": case["status"], "error": case["error"], "message": case["message"]});
    same("answer", &answer, &expected)
}

/// The output, or the error, gives the response.
fn encodes(case: &Value) -> Result<(), Failed> {
    let name = case["operation"].as_str().unwrap();
    let operation = drydock_model::operations()
        .iter()
        .find(|operation| operation.name == name && operation.service == service(case))
        .ok_or("no such operation")?;
    let payload = case["payload"].as_str().map(|text| Bytes::from(text.to_owned()));
    let mut output = case["output"].clone();
    if payload.is_some() {
        output["payload"] = json!("");
    }
    let error = case["error"].as_object().map(|error| ApiError {
        code: ErrorCode::from_name(error["code"].as_str().unwrap()).expect("a known code"),
        message: error["message"].as_str().unwrap().to_owned().into(),
        resource: error
            .get("resource")
            .map(|resource| (resource[0].as_str().unwrap().to_owned(), resource[1].as_str().unwrap().to_owned())),
    });
    let path = operation.uri.split('/').map(|part| if part.starts_with('{') { "a0" } else { part });
    let request = Request {
        method: operation.method.to_owned(),
        path: path.collect::<Vec<_>>().join("/"),
        body: Bytes::from_static(br#"{"target":"arn:aws:iot:us-east-1:123456789012:cert/a0","queryString":"*"}"#),
        ..Request::default()
    };
    let response = call(Probe { output, payload, error, ..Probe::default() }, service(case), &request);
    let headers: serde_json::Map<String, Value> =
        response.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let seen =
        json!({"status": response.status, "headers": headers, "body": String::from_utf8(response.body.to_vec())?});
    same("response", &seen, &case["response"])
}

fn trials(file: &str, text: &str, check: fn(&Value) -> Result<(), Failed>) -> Vec<Trial> {
    let cases: Vec<Value> = serde_json::from_str(text).unwrap_or_else(|why| panic!("{file}: {why}"));
    cases
        .into_iter()
        .map(|case| {
            let name = format!("{file}: {}", case["name"].as_str().expect("a case has a name"));
            assert!(case["source"].is_string(), "{name} names no source");
            Trial::test(name, move || check(&case))
        })
        .collect()
}

fn main() {
    let mut tests = trials("requests", include_str!("../cases/requests.json"), decodes);
    tests.extend(trials("leniency", include_str!("../cases/leniency.json"), decodes));
    tests.extend(trials("refusals", include_str!("../cases/refusals.json"), refuses));
    tests.extend(trials("responses", include_str!("../cases/responses.json"), encodes));
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}

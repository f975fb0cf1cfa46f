//! Invokes that wait for their end.

use crate::common::{config, notice, open};
use crate::function_named;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use drydock_cloud::lambda::logs::Source;
use drydock_cloud::lambda::{Definition, Invoked};
use drydock_cloud::{Cloud, CloudConfig, LambdaConfig, Notice};
use http::{Request, Response};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

async fn invoke(cloud: &Cloud, function: &str, event: Value) -> Invoked {
    cloud.lambda().invoke(function, event.to_string().into()).await.unwrap()
}

fn value(invoked: &Invoked) -> Value {
    serde_json::from_slice(&invoked.payload).unwrap()
}

async fn api(cloud: &Cloud, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    cloud.handle(drydock_cloud::lambda::SERVICE, request.body(Bytes::from(body.to_owned())).unwrap()).await
}

pub(crate) fn is_running(pid: impl std::fmt::Display) -> bool {
    // What has ended and was not waited for by its parent yet is a zombie, `Z`.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

pub(crate) async fn an_invoke_answers_with_the_functions_answer() {
    let (cloud, _) = open(config());
    cloud.lambda().register(function_named("echo")).unwrap();
    let path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aecho/invocations";
    let response = api(&cloud, "POST", path, &[("x-amz-log-type", "Tail")], "{\"a\":1}").await;
    assert_eq!(response.status(), 200);
    assert_eq!(serde_json::from_slice::<Value>(response.body()).unwrap()["event"], json!({"a": 1}));
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-amz-executed-version"), "$LATEST");
    let tail = String::from_utf8(BASE64.decode(header("x-amz-log-result")).unwrap()).unwrap();
    let id = header("x-amzn-requestid");
    assert!(tail.starts_with(&format!("START RequestId: {id} Version: $LATEST\n")), "{tail}");
    assert!(tail.contains("Init Duration: "), "{tail}");
    cloud.shutdown().await;
}

pub(crate) async fn a_function_error_is_told_as_unhandled() {
    let (cloud, _) = open(config());
    cloud.lambda().register(function_named("f")).unwrap();
    let path = "/2015-03-31/functions/f/invocations";
    let response = api(&cloud, "POST", path, &[], &json!({"do": "error"}).to_string()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-amz-function-error"], "Unhandled");
    let error: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(error, json!({"errorType": "TestError", "errorMessage": "it went wrong"}));
    cloud.shutdown().await;
}

/// The sum of a metric of the last minutes.
async fn sum(cloud: &Cloud, namespace: &str, metric: &str, dimension: (&str, &str)) -> Option<f64> {
    let asked = json!({
        "Namespace": namespace, "MetricName": metric, "Dimensions": [{ "Name": dimension.0, "Value": dimension.1 }],
        "Period": 3600, "Statistics": ["Sum"], "StartTime": "2023-11-14T00:00:00Z", "EndTime": "2023-11-15T00:00:00Z",
    });
    let target = "GraniteServiceVersion20100801.GetMetricStatistics";
    let found = crate::common::ok(cloud, drydock_cloud::cloudwatch::SERVICE, target, asked).await;
    found["Datapoints"][0]["Sum"].as_f64()
}

pub(crate) async fn functions_are_measured_and_so_is_what_they_write() {
    let clock = crate::common::still();
    let (cloud, _) = open(CloudConfig { timers: clock.clone(), ..config() });
    cloud.lambda().register(Definition { max_concurrency: Some(1), ..function_named("f") }).unwrap();
    let at = clock.machine_now().millis();
    let line = json!({
        "_aws": { "Timestamp": at, "CloudWatchMetrics": [{
            "Namespace": "own", "Dimensions": [["service"]], "Metrics": [{ "Name": "Stored", "Unit": "Count" }],
        }] },
        "service": "s", "Stored": 4,
    });
    invoke(&cloud, "f", json!({ "print": [line.to_string(), "a plain line"] })).await;
    invoke(&cloud, "f", json!({ "do": "error" })).await;
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    let waiting = invoke(&cloud, "f", json!({ "wait_for": gate }));
    let others = async {
        while cloud.lambda().processes("f").unwrap().0 == 0 {
            tokio::task::yield_now().await;
        }
        let refused = cloud.lambda().invoke("f", Bytes::from_static(b"{}")).await;
        assert!(refused.is_err());
        std::fs::write(&gate, "").unwrap();
    };
    tokio::join!(waiting, others);
    let of = ("FunctionName", "f");
    assert_eq!(sum(&cloud, "AWS/Lambda", "Invocations", of).await, Some(3.0));
    assert_eq!(sum(&cloud, "AWS/Lambda", "Errors", of).await, Some(1.0));
    assert_eq!(sum(&cloud, "AWS/Lambda", "Throttles", of).await, Some(1.0));
    assert!(sum(&cloud, "AWS/Lambda", "Duration", of).await.unwrap() > 0.0);
    assert_eq!(sum(&cloud, "own", "Stored", ("service", "s")).await, Some(4.0));
    cloud.shutdown().await;
}

pub(crate) async fn a_panic_that_ends_the_process_is_an_exit_error() {
    let (cloud, mut notices) = open(config());
    cloud.lambda().register(function_named("f")).unwrap();
    let invoked = invoke(&cloud, "f", json!({"do": "abort"})).await;
    let error = value(&invoked);
    assert_eq!(error["errorType"], "Runtime.ExitError");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.ends_with("Error: Runtime exited with error: signal: aborted"), "{message}");
    assert!(invoked.log_tail.contains("panicked at the disco"), "{}", invoked.log_tail);
    let report = notice(&mut notices, |n| if let Notice::Report(report) = n { Some(report) } else { None }).await;
    assert!(report.error.unwrap().contains("signal: aborted"));
    // The next event gets a new process.
    assert_eq!(invoke(&cloud, "f", json!({})).await.function_error, None);
    cloud.shutdown().await;
}

pub(crate) async fn a_timeout_kills_the_process() {
    let (cloud, _) = open(config());
    cloud.lambda().register(Definition { timeout: 1, ..function_named("f") }).unwrap();
    // The process is known by what it left, as no invocation may need to be answered within that second on a busy machine.
    let dir = tempfile::tempdir().unwrap();
    let mut found = None;
    while found.is_none() {
        let error = value(&invoke(&cloud, "f", json!({"do": "hang", "pid_in": dir.path()})).await);
        assert_eq!(error["errorType"], "Sandbox.Timedout");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.ends_with("Error: Task timed out after 1.00 seconds"), "{message}");
        found = std::fs::read_dir(dir.path()).unwrap().next();
    }
    let pid = found.unwrap().unwrap().file_name().into_string().unwrap();
    assert!(!is_running(pid));
    cloud.shutdown().await;
}

pub(crate) async fn what_the_process_started_ends_with_it() {
    let (cloud, _) = open(config());
    cloud.lambda().register(function_named("f")).unwrap();
    let child = value(&invoke(&cloud, "f", json!({"do": "child"})).await);
    assert!(is_running(&child));
    cloud.shutdown().await;
    // The signal is sent by then; the system takes it from there, within the deadline of the case.
    while is_running(&child) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) async fn an_error_at_init_is_told() {
    let (cloud, _) = open(config());
    let mut function = function_named("f");
    function.environment.insert("AT_INIT".into(), "error".into());
    cloud.lambda().register(function).unwrap();
    let invoked = invoke(&cloud, "f", json!({})).await;
    assert_eq!(value(&invoked), json!({"errorType": "Extension.Config", "errorMessage": "no table"}));
    assert_eq!(invoked.function_error, Some("Unhandled"));
    assert!(invoked.log_tail.contains("cannot start"), "{}", invoked.log_tail);
    cloud.shutdown().await;
}

pub(crate) async fn an_exit_at_init_is_told() {
    let (cloud, _) = open(config());
    let mut function = function_named("f");
    function.environment.insert("AT_INIT".into(), "exit".into());
    cloud.lambda().register(function).unwrap();
    let error = value(&invoke(&cloud, "f", json!({})).await);
    assert_eq!(error["errorType"], "Runtime.ExitError");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.ends_with("Runtime exited with error: exit status 3"), "{message}");
    cloud.shutdown().await;
}

pub(crate) async fn a_hang_at_init_is_cut() {
    let mut config = config();
    config.lambda.init_timeout = Duration::from_millis(300);
    let (cloud, _) = open(config);
    let mut function = function_named("f");
    function.environment.insert("AT_INIT".into(), "hang".into());
    cloud.lambda().register(function).unwrap();
    let error = value(&invoke(&cloud, "f", json!({})).await);
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    assert_eq!(cloud.lambda().processes("f").unwrap(), (0, 0));
    cloud.shutdown().await;
}

pub(crate) async fn a_missing_binary_is_told() {
    let (cloud, _) = open(config());
    cloud.lambda().register(Definition::new("f", "/nowhere/bootstrap")).unwrap();
    let error = value(&invoke(&cloud, "f", json!({})).await);
    assert_eq!(error["errorType"], "Runtime.InvalidEntrypoint");
    assert!(error["errorMessage"].as_str().unwrap().contains("/nowhere/bootstrap"), "{error}");
    cloud.shutdown().await;
}

pub(crate) async fn the_environment_is_that_of_lambda() {
    let mut config = config();
    config.function_env.insert("PATH".into(), "/bin".into());
    let (cloud, _) = open(config);
    let mut function = Definition { memory: 256, handler: "h".into(), ..function_named("f") };
    function.environment.insert("TABLE".into(), "rows".into());
    cloud.lambda().register(function).unwrap();
    let environment = value(&invoke(&cloud, "f", json!({"do": "environment"})).await);
    for (name, expected) in [
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        ("TZ", ":UTC"),
        ("PATH", "/bin"),
        ("TABLE", "rows"),
        ("_HANDLER", "h"),
    ] {
        assert_eq!(environment[name], expected, "{name}");
    }
    let root = environment["LAMBDA_TASK_ROOT"].as_str().unwrap();
    assert!(std::env::current_exe().unwrap().starts_with(root));
    // What this process was started with stays here.
    assert!(environment.get("CARGO_MANIFEST_DIR").is_none() && environment.get("HOME").is_none());
    let headers = value(&invoke(&cloud, "f", json!({"do": "headers"})).await);
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:f";
    assert_eq!(headers["lambda-runtime-invoked-function-arn"], arn);
    assert!(headers["lambda-runtime-trace-id"].as_str().unwrap().starts_with("Root=1-"));
    let deadline: i64 = headers["lambda-runtime-deadline-ms"].as_str().unwrap().parse().unwrap();
    let now = drydock_core::Clock::now(&crate::common::SystemClock).millis();
    assert!((1..=10_000).contains(&(deadline - now)), "{}", deadline - now);
    cloud.shutdown().await;
}

pub(crate) async fn logs_stand_under_their_invocation() {
    let (cloud, _) = open(config());
    cloud.lambda().register(function_named("f")).unwrap();
    let many: Vec<String> = (0..2000).map(|n| format!("line {n}")).collect();
    let invoked = invoke(&cloud, "f", json!({"print": many})).await;
    assert!(invoked.log_tail.len() <= 4096 && invoked.log_tail.contains("line 1999"), "{}", invoked.log_tail);
    invoke(&cloud, "f", json!({"print": ["second"]})).await;
    let lines = cloud.lambda().logs("f");
    let starts: Vec<_> = lines.iter().filter(|line| line.text.starts_with("START")).collect();
    let [first, second] = starts.as_slice() else { panic!("{starts:?}") };
    assert_eq!(lines[0].text, "starting");
    let of = |id: &Option<String>, source: Source| {
        let own = lines.iter().filter(|line| line.request_id == *id && line.source == source);
        own.map(|line| line.text.as_str()).collect::<Vec<_>>()
    };
    let out = of(&first.request_id, Source::Stdout);
    assert_eq!(out.len(), 2001);
    assert_eq!((out[0], out[1999], out[2000]), ("line 0", "line 1999", "no line end"));
    assert_eq!(of(&second.request_id, Source::Stdout), ["second", "no line end"]);
    assert_eq!(of(&second.request_id, Source::Stderr), ["on stderr"]);
    let platform = of(&second.request_id, Source::Platform);
    assert_eq!(platform.len(), 3);
    assert!(platform[2].starts_with("REPORT RequestId: ") && !platform[2].contains("Init Duration"), "{platform:?}");
    cloud.shutdown().await;
}

pub(crate) async fn a_process_is_used_again_and_reaped() {
    let mut config = config();
    config.lambda.idle_after = Duration::from_secs(2);
    let (cloud, _) = open(config);
    cloud.lambda().register(function_named("f")).unwrap();
    let first = value(&invoke(&cloud, "f", json!({})).await)["pid"].clone();
    let second = value(&invoke(&cloud, "f", json!({})).await)["pid"].clone();
    assert_eq!(first, second);
    while is_running(&first) || cloud.lambda().processes("f").unwrap() != (0, 0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let third = value(&invoke(&cloud, "f", json!({})).await)["pid"].clone();
    assert_ne!(first, third);
    cloud.shutdown().await;
    assert!(!is_running(&third));
}

pub(crate) async fn processes_run_side_by_side_up_to_the_limit() {
    let (cloud, _) = open(config());
    cloud.lambda().register(Definition { max_concurrency: Some(2), ..function_named("f") }).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    // Each waits for what the other does, so that both have to run at the same time.
    let first = invoke(&cloud, "f", json!({"touch": a, "wait_for": dir.path().join("go")}));
    let second = invoke(&cloud, "f", json!({"touch": b, "wait_for": dir.path().join("go")}));
    let third = async {
        while cloud.lambda().processes("f").unwrap().0 < 2 {
            tokio::task::yield_now().await;
        }
        let response = api(&cloud, "POST", "/2015-03-31/functions/f/invocations", &[], "{}").await;
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["x-amzn-errortype"], "TooManyRequestsException");
        std::fs::write(dir.path().join("go"), "").unwrap();
    };
    let (first, second, ()) = tokio::join!(first, second, third);
    assert_ne!(value(&first)["pid"], value(&second)["pid"]);
    assert!(a.exists() && b.exists());
    assert_eq!(cloud.lambda().processes("f").unwrap(), (0, 2));
    cloud.shutdown().await;
}

pub(crate) async fn a_new_definition_replaces_the_process() {
    let (cloud, _) = open(config());
    cloud.lambda().register(function_named("f")).unwrap();
    let first = value(&invoke(&cloud, "f", json!({})).await)["pid"].clone();
    cloud.lambda().register(function_named("f")).unwrap();
    assert_eq!(value(&invoke(&cloud, "f", json!({})).await)["pid"], first);
    let mut changed = function_named("f");
    changed.environment.insert("NEW".into(), "1".into());
    cloud.lambda().register(changed).unwrap();
    let environment = value(&invoke(&cloud, "f", json!({"do": "environment"})).await);
    assert_eq!(environment["NEW"], "1");
    cloud.shutdown().await;
    assert!(!is_running(&first));
}

pub(crate) async fn bad_requests_are_refused_as_lambda_does() {
    let (cloud, _) = open(config());
    cloud.lambda().register(function_named("f")).unwrap();
    let big = format!("\"{}\"", "x".repeat(1_048_576));
    let huge = format!("\"{}\"", "x".repeat(6_291_556));
    let event = ("x-amz-invocation-type", "Event");
    let f = "/2015-03-31/functions/f/invocations";
    // Statuses and names: the section Errors of the page "Invoke" in the Lambda API reference.
    for (path, header, body, status, kind) in [
        ("/2015-03-31/functions/g/invocations", ("a", "b"), "{}", 404, "ResourceNotFoundException"),
        ("/2015-03-31/functions/f/invocations?Qualifier=1", ("a", "b"), "{}", 404, "ResourceNotFoundException"),
        (f, ("a", "b"), "{", 400, "InvalidRequestContentException"),
        (f, ("a", "b"), &huge, 413, "RequestTooLargeException"),
        (f, event, &big, 413, "RequestTooLargeException"),
        (f, ("x-amz-invocation-type", "Now"), "{}", 400, "InvalidParameterValueException"),
        ("/2015-03-31/functions/f/code", ("a", "b"), "{}", 501, "NotImplementedException"),
    ] {
        let response = api(&cloud, "POST", path, &[header], body).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["x-amzn-errortype"], kind, "{path}");
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert!(body["Message"].is_string() && body["Type"].is_string(), "{body}");
    }
    let dry = api(&cloud, "POST", f, &[("x-amz-invocation-type", "DryRun")], "{}").await;
    assert_eq!((dry.status().as_u16(), cloud.lambda().processes("f").unwrap()), (204, (0, 0)));
    cloud.shutdown().await;
}

pub(crate) async fn streaming_is_refused_by_name() {
    let (cloud, _) = open(config());
    cloud.lambda().register(function_named("f")).unwrap();
    let error = value(&invoke(&cloud, "f", json!({"streaming": true})).await);
    assert_eq!(error["errorType"], "Runtime.StreamingNotImplemented");
    cloud.shutdown().await;
}

pub(crate) async fn functions_are_listed() {
    let (cloud, _) = open(config());
    for name in ["b", "a"] {
        cloud.lambda().register(Definition { max_concurrency: Some(3), ..function_named(name) }).unwrap();
    }
    let get = async |path: &str| -> Value {
        let response = api(&cloud, "GET", path, &[], "").await;
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_slice(response.body()).unwrap()
    };
    let page = get("/2015-03-31/functions/?MaxItems=1").await;
    assert_eq!((&page["Functions"][0]["FunctionName"], &page["NextMarker"]), (&json!("a"), &json!("a")));
    let rest = get("/2015-03-31/functions?Marker=a").await;
    assert_eq!((&rest["Functions"][0]["FunctionName"], rest.get("NextMarker")), (&json!("b"), None));
    let one = get("/2015-03-31/functions/a").await;
    assert_eq!(one["Concurrency"]["ReservedConcurrentExecutions"], 3);
    assert_eq!(one["Configuration"], get("/2015-03-31/functions/a/configuration").await);
    cloud.shutdown().await;
}

pub(crate) async fn another_server_can_run_the_functions() {
    // The other server is another gateway: it speaks the same API.
    let (server, _) = open(config());
    server.lambda().register(function_named("f")).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(crate::serve::serve(listener, server.clone(), drydock_cloud::lambda::SERVICE));
    let lambda = LambdaConfig { endpoint: Some(format!("http://{address}").parse().unwrap()), ..Default::default() };
    let (cloud, _) = open(drydock_cloud::CloudConfig { lambda, ..config() });
    let invoked = invoke(&cloud, "f", json!({"a": 1})).await;
    assert_eq!(value(&invoked)["event"], json!({"a": 1}));
    assert!(invoked.log_tail.contains("REPORT"));
    assert_eq!(invoke(&cloud, "f", json!({"do": "error"})).await.function_error, Some("Unhandled"));
    let missing = cloud.lambda().invoke("g", Bytes::from("{}")).await.unwrap_err();
    assert_eq!(missing.code(), "ResourceNotFoundException");
    serving.abort();
    server.shutdown().await;
    cloud.shutdown().await;
    assert!(Path::new("/proc").exists(), "these tests look at /proc");
}

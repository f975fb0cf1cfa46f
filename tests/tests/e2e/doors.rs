//! The doors: what pages of other sites, strangers, other users of the machine and gateways that mean harm try, and do not get.

use drydock_tests::bootstrap;
use drydock_tests::gateway::{self, Gateway, Place, SMALL, authorization, wait_for};
use drydock_tests::http::{self, Answer};
use drydock_tests::recorder::{Recorded, Recorder, Reply};
use drydock_tests::sign::Keys;
use drydock_tests::tls;
use drydock_tests::websocket::WebSocket;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::SystemTime;

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const CONFIG: &str = "[[credentials]]\naccess_key_id = \"AKIAFLEET\"\nsecret_access_key = \"the fleet's secret\"\n";

fn keys() -> Keys {
    Keys::new("AKIAFLEET", "the fleet's secret")
}

fn with_keys() -> Place {
    let place = Place::new(SMALL);
    fs::write(place.path().join("drydock.toml"), CONFIG).unwrap();
    place
}

fn signed(gateway: &Gateway<'_>, service: &str, method: &str, path: &str, body: &[u8]) -> Answer {
    let headers = keys().headers(service, method, path, body);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    gateway.send(method, path, &headers, body)
}

/// `drydock` in a place, with the keys in its environment.
fn drydock(place: &Place, arguments: &[&str]) -> Output {
    let mut command = gateway::command();
    command.args(arguments).current_dir(place.path()).env("NO_COLOR", "1");
    command.env("AWS_ACCESS_KEY_ID", "AKIAFLEET").env("AWS_SECRET_ACCESS_KEY", "the fleet's secret");
    command.output().expect("drydock starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn pages_of_other_sites_call_nothing() {
    let place = Place::new(SMALL);
    fs::write(
        place.path().join("drydock.toml"),
        "[api]\nhosts = [\"dock.test\"]\norigins = [\"http://app.test:5173\"]\n",
    )
    .unwrap();
    let gateway = place.up(&CALM);
    let iot = authorization("us-east-1", "iot");
    gateway.iot("POST", "/things/kept", &json!({}));
    for (method, path) in [
        ("POST", "/_drydock/reset"),
        ("GET", "/_drydock/health"),
        ("POST", "/keys-and-certificate?setAsActive=true"),
        ("GET", "/things"),
        ("GET", "/nowhere"),
    ] {
        let send = |name: &str, value: &str| {
            gateway.send(method, path, &[("authorization", iot.as_str()), (name, value)], b"")
        };
        for origin in
            ["http://evil.example", "null", "http://localhost:3000", "http://127.0.0.1.evil.example", "file://"]
        {
            let answer = send("origin", origin);
            assert_eq!(answer.status, 403, "{method} {path} from {origin}: {answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        }
        for host in [
            "evil.example",
            "evil.example:4566",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "192.0.2.1",
            "localhost@evil.example",
        ] {
            let answer = send("host", host);
            assert_eq!(answer.status, 403, "{method} {path} to {host}: {answer:?}");
        }
        let embedded =
            gateway.send(method, path, &[("authorization", iot.as_str()), ("sec-fetch-site", "cross-site")], b"");
        assert_eq!(embedded.status, 403, "{method} {path}, which a page embeds: {embedded:?}");
    }
    // A request to a proxy names the host twice.
    let target = format!("http://evil.example:{}/_drydock/health", gateway.api_port());
    assert_eq!(gateway.send("GET", &target, &[], b"").status, 403);
    assert_eq!(
        gateway.iot("GET", "/things", &Value::Null)["things"].as_array().map(Vec::len),
        Some(1),
        "nothing was reset"
    );
    // A reset brings the template's resources back, and no others.
    assert_eq!(gateway.iot("GET", "/things/kept", &Value::Null)["thingName"], "kept");
    for host in [
        "127.0.0.1:4566",
        "localhost",
        "LOCALHOST:1",
        "[::1]:4566",
        "bucket.s3.localhost:4566",
        "iot.us-east-1.amazonaws.com",
        "a1b2-ats.iot.us-east-1.amazonaws.com",
        "dock.test:80",
    ] {
        let answer = gateway.send("GET", "/things", &[("authorization", iot.as_str()), ("host", host)], b"");
        assert_ne!(answer.status, 403, "{host}: {answer:?}");
    }
}

#[test]
fn pages_that_are_allowed_call_as_an_sdk_does() {
    let place = Place::new(SMALL);
    fs::write(place.path().join("drydock.toml"), "[api]\norigins = [\"http://app.test:5173\"]\n").unwrap();
    let gateway = place.up(&CALM);
    let iot = authorization("us-east-1", "iot");
    let asked = [
        ("origin", "http://app.test:5173"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,x-amz-date,content-type"),
        ("access-control-request-private-network", "true"),
    ];
    let preflight = gateway.send("OPTIONS", "/things/x", &asked, b"");
    assert_eq!(preflight.status, 204, "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-origin"), "http://app.test:5173");
    assert_eq!(preflight.header("access-control-allow-methods"), "post");
    assert_eq!(preflight.header("access-control-allow-headers"), "authorization,x-amz-date,content-type");
    assert_eq!(preflight.header("access-control-allow-private-network"), "true");
    let from_page =
        [("authorization", iot.as_str()), ("origin", "http://app.test:5173"), ("sec-fetch-site", "cross-site")];
    let made = gateway.send("POST", "/things/x", &from_page, b"{}");
    assert_eq!((made.status, made.header("access-control-allow-origin")), (200, "http://app.test:5173"), "{made:?}");
    assert!(made.header("access-control-expose-headers").contains("x-amzn-requestid"), "{made:?}");
    let refused = gateway.send("GET", "/things/nobody", &from_page, b"");
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (404, "http://app.test:5173"));
    let mut foreign = asked;
    foreign[0].1 = "http://evil.example";
    assert_eq!(gateway.send("OPTIONS", "/things/x", &foreign, b"").status, 403);

    // A WebSocket is not a request that a browser asks about first; clients that are none name the endpoint itself.
    let open = |origin: &str| {
        let path = "/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=K%2F20260101%2Fus-east-1%2Fiotdevicegateway%2Faws4_request";
        let headers = [("sec-websocket-protocol", "mqtt"), ("origin", origin)];
        let api = WebSocket::open(gateway.tcp(gateway.api_port()), path, &headers).err().map(|answer| answer.status);
        let tls = WebSocket::open(gateway.anonymous(), path, &headers).err().map(|answer| answer.status);
        assert_eq!(api, tls, "{origin}");
        api
    };
    assert_eq!(open("http://app.test:5173"), None);
    assert_eq!(open("https://127.0.0.1:443"), None, "as paho writes it");
    assert_eq!(open("http://evil.example"), Some(403));
}

#[test]
fn the_gateways_own_paths_ask_for_the_keys_and_are_not_on_the_devices_port() {
    let place = with_keys();
    let gateway = place.up(&["--ephemeral", "--no-functions", "--region", "eu-west-1"]);
    for path in ["/_drydock/health", "/_drydock/export", "/_drydock/logs", "/_drydock/metrics"] {
        gateway.send("GET", path, &[], b"").refused(403, "MissingAuthenticationTokenException", "Missing");
    }
    gateway.send("POST", "/_drydock/reset", &[], b"").refused(403, "MissingAuthenticationTokenException", "");
    let call = |region: &str, service: &str| {
        let headers = keys().headers_of((region, "127.0.0.1"), service, "GET", "/_drydock/health", b"");
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        gateway.send("GET", "/_drydock/health", &headers, b"")
    };
    let health = call("eu-west-1", "iot").ok();
    assert!(health["rootCaPem"].as_str().is_some_and(|pem| pem.starts_with("-----BEGIN CERTIFICATE")), "{health}");
    assert_eq!(call("us-east-1", "iot").ok()["region"], "eu-west-1", "it is the same for whoever asks");
    call("eu-west-1", "sns").refused(403, "InvalidSignatureException", "'iot'");
    let on_tls = http::send(gateway.anonymous(), "GET", "/_drydock/export", &[], b"");
    assert_eq!(on_tls.status, 403, "{on_tls:?}");

    // The command line signs with the keys of its environment, and learns the region.
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    let made = drydock(&place, &["device", "create", "dock-1", "--api-url", url, "--json"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let exported = drydock(&place, &["export", "out", "--api-url", url]);
    assert!(exported.status.success(), "{}", text(&exported.stderr));
    let imported = drydock(&place, &["import", "out", "--replace", "--api-url", url]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
}

#[test]
fn a_request_goes_where_the_claim_that_was_verified_says() {
    let place = with_keys();
    let gateway = place.up(&CALM);
    assert_eq!(signed(&gateway, "s3", "PUT", "/inputs", b"").status, 200);
    let presigned = keys().presigned("GET", "/inputs", 60, SystemTime::now());
    let stray = "x Credential=a/20250101/us-east-1/secretsmanager/aws4_request";
    for (name, value) in
        [("authorization", stray), ("authorization", "Bearer Credential=a/20250101/us-east-1/sns/aws4_request")]
    {
        let answer = gateway.send("GET", &presigned, &[(name, value)], b"");
        assert!(answer.status == 200 && answer.body.contains("ListBucketResult"), "{answer:?}");
    }
    // Two claims in one request are none.
    let both = keys().headers("secretsmanager", "GET", &presigned, b"");
    let both: Vec<_> = both.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert!(matches!(gateway.send("GET", &presigned, &both, b"").status, 400 | 403));
}

#[test]
fn what_is_not_signed_of_a_presigned_request_changes_nothing() {
    let place = with_keys();
    let gateway = place.up(&CALM);
    assert_eq!(signed(&gateway, "s3", "PUT", "/inputs", b"").status, 200);
    assert_eq!(signed(&gateway, "s3", "PUT", "/inputs/secret", b"hidden").status, 200);
    let url = keys().presigned("PUT", "/inputs/mine", 60, SystemTime::now());
    for (name, value) in [("x-amz-copy-source", "/inputs/secret"), ("x-amz-acl", "public-read"), ("x-amz-meta-a", "b")]
    {
        let answer = gateway.send("PUT", &url, &[(name, value)], b"");
        assert!(answer.status == 403 && answer.body.contains(name), "{name}: {answer:?}");
    }
    assert_eq!(signed(&gateway, "s3", "GET", "/inputs/mine", b"").status, 404);
    assert_eq!(gateway.send("PUT", &url, &[], b"mine").status, 200);
    assert_eq!(signed(&gateway, "s3", "GET", "/inputs/mine", b"").body, "mine");
}

#[test]
fn s3_answers_on_the_devices_port_as_well() {
    let place = with_keys();
    let gateway = place.up(&CALM);
    let call = |keys: &Keys, method: &str, path: &str, body: &[u8]| {
        let headers = keys.headers("s3", method, path, body);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        http::send(gateway.anonymous(), method, path, &headers, body)
    };
    assert_eq!(call(&keys(), "PUT", "/inputs", b"").status, 200);
    assert_eq!(call(&keys(), "PUT", "/inputs/a", b"over TLS").status, 200);
    assert_eq!(call(&keys(), "GET", "/inputs/a", b"").body, "over TLS");
    assert_eq!(call(&Keys::new("AKIAFLEET", "a guess"), "GET", "/inputs/a", b"").status, 403);
    let presigned = keys().presigned("GET", "/inputs/a", 60, SystemTime::now());
    assert_eq!(http::send(gateway.anonymous(), "GET", &presigned, &[], b"").body, "over TLS");
}

#[test]
fn links_of_messages_work_and_are_nothing_else() {
    let place = with_keys();
    let gateway = place.up(&CALM);
    let recorder = Recorder::agreeing();
    let sns = |body: &str| signed(&gateway, "sns", "POST", "/", body.as_bytes());
    let topic = "arn:aws:sns:us-east-1:123456789012:alarms";
    assert_eq!(sns("Action=CreateTopic&Name=alarms").status, 200);
    let subscribe = |url: &str| {
        let encoded = url.replace(':', "%3A").replace('/', "%2F");
        sns(&format!("Action=Subscribe&TopicArn={topic}&Protocol=http&Endpoint={encoded}"))
    };
    assert_eq!(subscribe(&format!("{}/hook", recorder.url())).status, 200);
    let is = |kind: &'static str| move |request: &Recorded| request.header("x-amz-sns-message-type") == kind;
    let asked = recorder.find("a confirmation", is("SubscriptionConfirmation")).json();
    let confirm = asked["SubscribeURL"].as_str().unwrap();
    // The exemption is the link's, not whatever a body adds to it.
    let (_, query) = confirm.split_once("/?").unwrap();
    for (method, path, body) in [
        ("POST", format!("/?{query}"), String::new()),
        ("POST", "/?Action=Unsubscribe".to_owned(), format!("Action=Publish&TopicArn={topic}&Message=forged")),
        (
            "GET",
            format!("/?Action=Unsubscribe&SubscriptionArn=a&Action=Publish&TopicArn={topic}&Message=forged"),
            String::new(),
        ),
    ] {
        let answer = gateway.send(method, &path, &[], body.as_bytes());
        assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
    }
    let followed = gateway.follow(confirm);
    assert!(followed.status == 200 && followed.body.contains("SubscriptionArn"), "{followed:?}");
    let body = format!("Action=Publish&TopicArn={topic}&Message=forged");
    let smuggled = gateway.send("GET", "/?Action=Unsubscribe&SubscriptionArn=none", &[], body.as_bytes());
    assert_eq!(smuggled.status, 200, "the link is followed, and its body is not read: {smuggled:?}");
    assert_eq!(sns(&format!("Action=Publish&TopicArn={topic}&Message=real")).status, 200);
    let told = recorder.find("a message", is("Notification")).json();
    assert_eq!(told["Message"], "real");
    let gone = gateway.follow(told["UnsubscribeURL"].as_str().unwrap());
    assert_eq!(gone.status, 200, "{gone:?}");
    let listed = sns(&format!("Action=ListSubscriptionsByTopic&TopicArn={topic}"));
    assert!(!listed.body.contains("/hook"), "{}", listed.body);
}

#[test]
fn nothing_is_sent_to_the_gateways_own_ports() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let topic = "arn:aws:sns:us-east-1:123456789012:alarms";
    let sns = |body: &str| {
        let headers = [
            ("authorization", &*authorization("us-east-1", "sns")),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let answer = gateway.send("POST", "/", &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    gateway.iot("POST", "/things/kept", &json!({}));
    sns("Action=CreateTopic&Name=alarms");
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http%3A%2F%2F{host}%3A{}%2F_drydock%2Freset", gateway.api_port());
        sns(&format!("Action=Subscribe&TopicArn={topic}&Protocol=http&Endpoint={url}"));
        place.told(&format!("`http://{host}:{}/_drydock/reset` is a port of this gateway itself", gateway.api_port()));
    }
    let url = format!("http://127.0.0.1:{}/_drydock/reset", gateway.api_port());
    let destination = json!({ "destinationConfiguration": { "httpUrlConfiguration": { "confirmationUrl": url } } });
    gateway.iot("POST", "/destinations", &destination);
    wait_for("the destination is not confirmed", || {
        let listed = gateway.iot("GET", "/destinations", &Value::Null);
        let reason = listed["destinationSummaries"][0]["statusReason"].as_str()?.to_owned();
        reason.contains("port of this gateway itself").then_some(())
    });
    assert!(
        !gateway.iot("GET", "/thing-types", &Value::Null)["thingTypes"].as_array().unwrap().is_empty(),
        "nothing was reset"
    );
    // A reset brings the template's resources back, and no others.
    assert_eq!(gateway.iot("GET", "/things/kept", &Value::Null)["thingName"], "kept");
}

/// The most memory that the gateway has had, in KiB.
fn peak(gateway: &Gateway<'_>) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sends a large body for as long as it is read; the answer's status, or 0 where the connection was cut.
pub(super) fn pour(gateway: &Gateway<'_>, path: &str, headers: &str, megabytes: usize) -> u16 {
    let mut stream = gateway.tcp(gateway.api_port());
    let length = megabytes << 20;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let piece = vec![b' '; 1 << 20];
    for _ in 0..megabytes {
        if stream.write_all(&piece).is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    match stream.read_exact(&mut answer) {
        Ok(()) => text(&answer[9..]).parse().unwrap_or_default(),
        Err(_) => 0,
    }
}

#[test]
fn strangers_fill_no_memory() {
    let place = with_keys();
    let gateway = place.up(&CALM);
    let before = peak(&gateway);
    // The access key is known to many, and the signature is of something else.
    let known = "authorization: AWS4-HMAC-SHA256 Credential=AKIAFLEET/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, \
                 Signature=0\r\nx-amz-date: 20260101T000000Z\r\n";
    std::thread::scope(|scope| {
        for n in 0..8 {
            let gateway = &gateway;
            scope.spawn(move || {
                let (path, headers) = match n % 4 {
                    0 => ("/_drydock/import?replace=true", ""),
                    1 => ("/topics/a", ""),
                    2 => ("/2015-03-31/functions/f/invocations", known),
                    _ => ("/", ""),
                };
                let status = pour(gateway, path, headers, 64);
                assert!(matches!(status, 0 | 400 | 403 | 413), "{path}: {status}");
            });
        }
    });
    let grown = (peak(&gateway) - before) / 1024;
    assert!(grown < 64, "strangers made the gateway take {grown} MiB");
    assert!(!place.log().contains("panicked"));
}

#[test]
fn imports_are_streamed_and_taken_in_one_at_a_time() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let before = peak(&gateway);
    let mut statuses = std::thread::scope(|scope| {
        let pour = || pour(&gateway, "/_drydock/import?replace=true", "", 48);
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(pour)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    statuses.sort_unstable();
    assert!(statuses.iter().all(|status| matches!(status, 0 | 400 | 503)) && statuses.contains(&400), "{statuses:?}");
    let grown = (peak(&gateway) - before) / 1024;
    assert!(grown < 96, "{grown} MiB for 8 × 48 MiB");

    // What is large and right is taken: far more than any other body may have.
    let mut account =
        json!({ "format": 1, "account": "123456789012", "region": "us-east-1", "tables": {} }).to_string();
    let exported = gateway.send("GET", "/_drydock/export", &[], b"").ok();
    account = account.replace("\"format\":1", &format!("\"format\":{}", exported["format"]));
    account.push_str(&" ".repeat(24 << 20));
    gateway.send("POST", "/_drydock/import?replace=true", &[], account.as_bytes()).ok();
    assert_eq!(gateway.iot("GET", "/thing-types", &Value::Null)["thingTypes"], json!([]));
    let refused =
        gateway.send("POST", "/_drydock/import", &[("x-amz-content-sha256", &"0".repeat(64))], account.as_bytes());
    refused.refused(403, "InvalidSignatureException", "does not match what was computed");
}

#[test]
fn only_a_functions_own_process_asks_its_runtime_api() {
    let template = "Transform: AWS::Serverless-2016-10-31\nResources:\n  Greeter:\n    Type: AWS::Serverless::Function\n    \
                    Properties:\n      FunctionName: greeter\n      Runtime: provided.al2023\n      Handler: bootstrap\n      \
                    CodeUri: greeter/\n      Timeout: 30\n";
    let place = Place::new(template);
    let folder = place.path().join("greeter");
    fs::create_dir(&folder).unwrap();
    bootstrap::write(&folder, r#"answer="{\"api\":\"$AWS_LAMBDA_RUNTIME_API\",\"event\":$event}""#);
    let gateway = place.up(&["--ephemeral"]);
    let invoke = |event: u64| {
        gateway.call("lambda", "POST", "/2015-03-31/functions/greeter/invocations", &[], &json!(event)).ok()
    };
    let first = invoke(1);
    assert_eq!(first["event"], 1);
    let port: u16 = first["api"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    for (method, path) in [
        ("GET", "/2018-06-01/runtime/invocation/next"),
        ("POST", "/2018-06-01/runtime/invocation/x/response"),
        ("POST", "/2018-06-01/runtime/init/error"),
    ] {
        let answer = http::send(gateway.tcp(port), method, path, &[], b"");
        assert!(answer.status == 403 && answer.body.contains("AccessDenied"), "{method} {path}: {answer:?}");
    }
    // The function has not lost its place by it.
    let second = invoke(2);
    assert_eq!((&second["event"], &second["api"]), (&json!(2), &first["api"]));
}

#[test]
fn what_others_write_reaches_no_terminal_as_it_is() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions", "--plain-port", "0"]);
    let options = json!({ "roleArn": "arn:aws:iam::123456789012:role/logs", "defaultLogLevel": "DEBUG" });
    gateway.iot("POST", "/v2LoggingOptions", &options);
    let mut hostile = gateway.raw();
    hostile.connect("evil\u{202e}txt");
    for filter in ["a\u{202e}b", "a\u{1b}]0;owned\u{7}\u{9b}2J", "x\r\nforged line"] {
        let length = u8::try_from(filter.len()).unwrap();
        let mut packet = vec![0x82, 5 + length, 0, 1, 0, length];
        packet.extend_from_slice(filter.as_bytes());
        packet.push(0);
        hostile.send(&packet);
        assert!(hostile.packet().is_some_and(|(first, _)| first == 0x90), "SUBACK");
    }
    place.told("x\\r\\nforged line");
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    let logs = drydock(&place, &["logs", "--api-url", url]);
    let raw = drydock(&place, &["logs", "--json", "--api-url", url]);
    for (what, shown) in [("up", place.log()), ("logs", text(&logs.stdout)), ("logs --json", text(&raw.stdout))] {
        let bad = shown.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
        assert_eq!(bad, None, "{what}: {shown:?}");
        assert!(!shown.contains("\nforged line"), "{what}: {shown}");
    }
    for line in text(&raw.stdout).lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn the_command_line_does_not_trust_who_answers() {
    let place = Place::new(SMALL);
    fs::write(place.path().join("private.txt"), "the owner's").unwrap();
    let private = place.path().join("private.txt").display().to_string();
    let evil = Recorder::start(move |request| {
        let path = request.target.split('?').next().unwrap_or_default();
        let body = match path {
            "/_drydock/export" => {
                json!({ "format": 1, "account": "1", "region": "r", "tables": { "../../owned": { "k": {} } } })
                    .to_string()
            }
            "/_drydock/health" => json!({
                "region": "us-east-1", "rootCa": private, "rootCaPem": "the owner's",
                "mqtt": { "host": "$(touch owned)", "port": 1 },
            })
            .to_string(),
            "/keys-and-certificate" => json!({ "certificateId": "\u{1b}[2J", "certificateArn": "a" }).to_string(),
            "/things/refused" => return Reply::new(400, json!({ "message": "\u{1b}[2J\rforged" }).to_string()),
            _ => "{}".to_owned(),
        };
        Reply::new(200, body)
    });
    let url = evil.url();
    let exported = drydock(&place, &["export", "deep/er/out", "--api-url", &url]);
    assert!(
        !exported.status.success() && text(&exported.stderr).contains("is not the name of a table"),
        "{exported:?}"
    );
    assert!(!place.path().join("deep/owned.json").exists() && !place.path().join("owned.json").exists());
    let made = drydock(&place, &["device", "create", "dock", "--api-url", &url]);
    assert!(!made.status.success() && text(&made.stderr).contains("is not used"), "{made:?}");
    let copied = fs::read_to_string(place.path().join("devices/dock/root-ca.pem")).unwrap_or_default();
    assert!(!copied.contains("owner's"), "{copied}");
    let refused = text(&drydock(&place, &["device", "create", "refused", "--api-url", &url]).stderr);
    assert!(refused.contains("\\u001b[2J\\rforged") && !refused.contains('\u{1b}'), "{refused:?}");
}

#[test]
fn invented_server_names_do_not_crowd_out_real_ones() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let root = gateway.root();
    let shake = |name: &str| {
        let mut stream = tls::stream(tls::anonymous(&root, &[]), name, gateway.tcp(gateway.port("tls")));
        // The client checks that the certificate is of the name that it asked for.
        http_status(&mut stream)
    };
    for n in 0..300 {
        shake(&format!("invented-{n}.example"));
    }
    assert_eq!(shake("a-new-domain.example"), 403);
    assert_eq!(shake("invented-299.example"), 403);
}

fn http_status(stream: &mut (impl Read + Write)) -> u16 {
    http::send(stream, "GET", "/nowhere", &[], b"").status
}

#[test]
fn what_is_kept_is_the_owners_alone() {
    fn open(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let mode = entry.metadata().unwrap().permissions().mode();
            if mode & 0o077 != 0 {
                found.push(format!("{} {mode:o}", entry.path().display()));
            }
            if entry.file_type().unwrap().is_dir() {
                open(&entry.path(), found);
            }
        }
    }
    let place = Place::new(SMALL);
    let state = place.path().join("state");
    let used = |gateway: &Gateway<'_>| {
        for (path, body) in [("/inputs", ""), ("/inputs/a", "object")] {
            assert_eq!(gateway.s3("PUT", path, &[], body.as_bytes()).status, 200);
        }
        let options = json!({ "roleArn": "arn:aws:iam::123456789012:role/logs", "defaultLogLevel": "DEBUG" });
        gateway.iot("POST", "/v2LoggingOptions", &options);
        gateway.publish("a", "x", true);
        let table = json!({ "TableName": "t", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{ "AttributeName": "k", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "k", "AttributeType": "S" }] });
        let headers = [("x-amz-target", "DynamoDB_20120810.CreateTable")];
        let _ = gateway.call("dynamodb", "POST", "/", &headers, &table);
        let mode = fs::metadata(&state).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700);
        let mut found = Vec::new();
        open(&state, &mut found);
        assert!(found.is_empty(), "{found:?}");
    };
    used(&place.up(&["--data-dir", "state", "--no-functions"]));
    // As an earlier version left it.
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(state.join("root-ca.key"), fs::Permissions::from_mode(0o644)).unwrap();
    used(&place.up(&["--data-dir", "state", "--no-functions"]));
    let shared = place.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("thesis.txt"), "x").unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    let said = place.up_fails(&["--data-dir", "shared", "--no-functions"]);
    assert!(said.contains("chmod 700"), "{said}");

    // What the command line writes: an account that is exported, and a device's key.
    let gateway = place.up(&CALM);
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    let mode = |path: &str| fs::metadata(place.path().join(path)).unwrap().permissions().mode() & 0o777;
    let exported = drydock(&place, &["export", "exported", "--api-url", url]);
    assert!(exported.status.success(), "{}", text(&exported.stderr));
    assert_eq!(mode("exported"), 0o700);
    let key = "devices/dock-1/private.pem.key";
    let made = drydock(&place, &["device", "create", "dock-1", "--api-url", url]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert_eq!(mode(key), 0o600);
}

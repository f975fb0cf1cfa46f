//! Who gets through which door: every path of every HTTP listener, tried by everybody who should not get in and by one who should.
//!
//! `authz/table.txt` has what is expected, a section a kind of path: a line for each caller, then the paths that it holds for. The
//! paths come from the gateway itself (`drydock operations --paths`), which has them from where they are registered: one that is
//! missing in the table fails, and so does one that is in it and nowhere else. `UPDATE_AUTHZ=1` prints what was found instead.

use drydock_tests::gateway::{Gateway, Place, SMALL, command};
use drydock_tests::sign::Keys;
use drydock_tests::tls::{self, Identity};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};

const TABLE: &str = include_str!("authz/table.txt");
const KEYS: &str = "[[credentials]]\naccess_key_id = \"AKIAFLEET\"\nsecret_access_key = \"the fleet's secret\"\n";

/// Those who knock, in the order of the table's lines.
const CALLERS: [&str; 8] = [
    "no credentials",
    "wrong key",
    "other region",
    "other service",
    "device certificate",
    "foreign origin",
    "foreign host",
    "signed",
];

#[derive(Debug, Clone)]
struct Path {
    listener: String,
    name: String,
    method: String,
    path: String,
    service: Option<String>,
    target: Option<String>,
}

/// The paths as the gateway lists them.
fn paths() -> Vec<Path> {
    let listed = command().args(["operations", "--paths"]).output().unwrap();
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let path = |of: &Value| {
        let text = |name: &str| of[name].as_str().map(str::to_owned);
        let must = |name: &str| text(name).unwrap();
        Path {
            listener: must("listener"),
            name: must("name"),
            method: must("method"),
            path: must("path"),
            service: text("service"),
            target: text("target"),
        }
    };
    listed.iter().map(path).collect()
}

/// A section of the table.
#[derive(Debug, Default)]
struct Kind {
    name: String,
    expected: BTreeMap<String, String>,
    paths: BTreeSet<String>,
}

fn table() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("== ") {
            kinds.push(Kind { name: name.to_owned(), ..Kind::default() });
            continue;
        }
        let kind = kinds.last_mut().expect("a line before the first section");
        match line.split_once(" | ") {
            Some((caller, answer)) => {
                assert!(CALLERS.contains(&caller.trim()), "`{caller}` is none of the callers");
                kind.expected.insert(caller.trim().to_owned(), answer.trim().to_owned());
            }
            None => {
                kind.paths.extend(line.split(',').map(|path| path.trim().to_owned()).filter(|path| !path.is_empty()))
            }
        }
    }
    kinds
}

/// A status and the name of an error, as the service shows it, where somebody was not let in. Else `in` for whatever is answered
/// behind the doors, or `elsewhere` where it is another service that answered, the one that the request was signed for.
fn shown(caller: &str, head: &str, body: &str) -> String {
    let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let head = head.to_lowercase();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let json = json.get("__type").and_then(Value::as_str).and_then(|name| name.rsplit('#').next());
    let xml = body.split_once("<Code>").and_then(|(_, rest)| rest.split("</Code>").next());
    let name = header("x-amzn-errortype").or(json).or(xml).unwrap_or_default().to_lowercase();
    if body.contains("has to state the SHA-256") {
        return format!("{status} unproven");
    }
    if caller == "other service" && name == "missingaction" {
        return "elsewhere".to_owned();
    }
    let words = [
        "signature",
        "token",
        "forbidden",
        "accessdenied",
        "unauthorized",
        "unrecognizedclient",
        "authorizationheader",
    ];
    let is_refusal = matches!(status, 401 | 403) || words.iter().any(|of| name.contains(of));
    let is_unknown = matches!(status, 404 | 405) && (name.is_empty() || name == "unknownoperationexception");
    if is_refusal || is_unknown { format!("{status} {name}").trim().to_owned() } else { "in".to_owned() }
}

/// One request; of the answer its head, and as much of its body as it announces.
fn send(mut stream: impl Read + Write, request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    stream.flush().unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            other => panic!("no answer ({other:?}): {request}"),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let whole = if request.starts_with("HEAD") { Ok(()) } else { stream.read_exact(&mut body) };
    whole.unwrap_or_else(|error| panic!("half an answer ({error}): {request}"));
    (head, String::from_utf8_lossy(&body).into_owned())
}

/// What a caller gets at a path; `-` where there is no such caller.
fn ask(gateway: &Gateway<'_>, device: &Identity, path: &Path, caller: &str) -> String {
    let good = Keys::new("AKIAFLEET", "the fleet's secret");
    let target = sample(&path.path);
    let is_websocket = path.name == "websocket";
    let service = path.service.as_deref();
    // Every service but this one answers to its own paths alone.
    let other = if service == Some("sts") { "sns" } else { "sts" };
    let host = if caller == "foreign host" { "evil.example" } else { "127.0.0.1" };
    let signed = |keys: &Keys, region: &str, service: Option<&str>| {
        service.map(|service| keys.headers_of((region, host), service, &path.method, &target, b"")).unwrap_or_default()
    };
    let mut headers = match (caller, service) {
        ("no credentials" | "device certificate", _) => Vec::new(),
        ("wrong key" | "other region" | "other service", None) => return "-".to_owned(),
        ("wrong key", _) => signed(&Keys::new("AKIAFLEET", "a guess"), "us-east-1", service),
        ("other region", _) => signed(&good, "eu-west-1", service),
        ("other service", _) => signed(&good, "us-east-1", Some(other)),
        _ => signed(&good, "us-east-1", service),
    };
    if caller == "foreign origin" {
        headers.push(("origin".to_owned(), "http://evil.example".to_owned()));
    }
    // Only a request that is not signed is told by it.
    if let Some(prefix) = path.target.as_ref().filter(|_| caller == "no credentials") {
        headers.push(("x-amz-target".to_owned(), format!("{prefix}_20120810.ListTables")));
    }
    if is_websocket {
        let upgrade = [
            ("upgrade", "websocket"),
            ("connection", "upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "mqtt"),
        ];
        headers.extend(upgrade.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    let mut request = format!("{} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n", path.method);
    headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
    request.push_str("\r\n");
    let (head, body) = match (path.listener.as_str(), caller) {
        ("api", "device certificate") => return "-".to_owned(),
        ("api", _) => send(gateway.tcp(gateway.api_port()), &request),
        (_, "device certificate") => {
            let stream =
                tls::stream(device.config(&gateway.root(), &[]), "127.0.0.1", gateway.tcp(gateway.port("tls")));
            send(stream, &request)
        }
        _ => send(gateway.anonymous(), &request),
    };
    shown(caller, &head, &body)
}

/// The path with something for each of its labels.
fn sample(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        out.push('x');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[test]
fn nobody_gets_through_a_door_who_should_not() {
    let place = Place::new(SMALL);
    fs::write(place.path().join("drydock.toml"), KEYS).unwrap();
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let keys = Keys::new("AKIAFLEET", "the fleet's secret");
    let make = "/keys-and-certificate?setAsActive=true";
    let headers = keys.headers("iot", "POST", make, b"");
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let made = gateway.send("POST", make, &headers, b"").ok();
    let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    // It has no policy: what it proves is who it is, and that is not enough for anything.
    let device = Identity {
        name: "device".to_owned(),
        id: text("/certificateId"),
        arn: text("/certificateArn"),
        certificate: text("/certificatePem"),
        key: text("/keyPair/PrivateKey"),
    };
    // What wipes the others' state, or that which they are tried with, comes last.
    let mut paths = paths();
    paths.sort_by_key(|path| (path.name.starts_with("drydock "), path.method == "DELETE", path.listener.clone()));
    let mut found: BTreeMap<String, BTreeMap<&str, String>> = BTreeMap::new();
    for caller in CALLERS {
        for path in &paths {
            let answer = ask(&gateway, &device, path, caller);
            found.entry(format!("{} {}", path.listener, path.name)).or_default().insert(caller, answer);
        }
    }
    if std::env::var_os("UPDATE_AUTHZ").is_some() {
        print(&found);
        return;
    }
    let mut wrong = Vec::new();
    let mut listed = BTreeSet::new();
    for kind in table() {
        for path in &kind.paths {
            if !listed.insert(path.clone()) {
                wrong.push(format!("{path} is in the table twice"));
            }
            let Some(answers) = found.get(path) else {
                wrong.push(format!("{path} is in the table (`{}`), and not in the gateway", kind.name));
                continue;
            };
            for caller in CALLERS {
                let expected = kind.expected.get(caller).unwrap_or_else(|| panic!("`{}` lacks `{caller}`", kind.name));
                if answers[caller] != *expected {
                    wrong.push(format!("{path}, {caller}: expected `{expected}`, got `{}`", answers[caller]));
                }
            }
        }
    }
    wrong.extend(
        found.keys().filter(|path| !listed.contains(*path)).map(|path| format!("{path} is missing in the table")),
    );
    assert!(wrong.is_empty(), "tests/tests/e2e/authz/table.txt:\n{}", wrong.join("\n"));
    let told = place.log();
    assert!(!told.contains("panicked"), "{told}");
}

/// The table of what was found: paths with the same answers together.
fn print(found: &BTreeMap<String, BTreeMap<&str, String>>) {
    let mut kinds: BTreeMap<Vec<&String>, Vec<&String>> = BTreeMap::new();
    for (path, answers) in found {
        kinds.entry(CALLERS.map(|caller| &answers[caller]).to_vec()).or_default().push(path);
    }
    let mut text = String::new();
    for (answers, paths) in kinds {
        text.push_str("\n== \n");
        CALLERS.iter().zip(answers).for_each(|(caller, answer)| text.push_str(&format!("{caller:<18} | {answer}\n")));
        paths.iter().for_each(|path| text.push_str(&format!("{path},\n")));
    }
    eprintln!("{text}");
}

//! Attacks on a running gateway, one after the other, each as a hostile peer runs it. While each goes on others are answered within
//! a second, and none makes the gateway panic. What an attack must not get is asserted where it is run; what takes more than that
//! to show has a test of its own, in `doors.rs` or beside its part.

use super::doors::pour;
use super::provisioning::fleet;
use drydock_tests::bootstrap;
use drydock_tests::gateway::{Gateway, Place, SMALL, authorization, wait_for};
use drydock_tests::http;
use drydock_tests::maker::Maker;
use drydock_tests::mqtt::Mqtt;
use drydock_tests::recorder::{Recorded, Recorder};
use drydock_tests::sign::Keys;
use drydock_tests::tls::{self, Identity};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

mod hostile;

/// How long a PINGRESP may take while others attack.
const SOON: Duration = Duration::from_secs(1);
const KEYS: &str = "[[credentials]]\naccess_key_id = \"AKIAFLEET\"\nsecret_access_key = \"the fleet's secret\"\n";
const ROLE: &str = "arn:aws:iam::123456789012:role/rules";
const CREATE: &str = "$aws/certificates/create/json";
const WEAK: &str = include_str!("../../../shared/gateway/identity/tests/it/fixtures/rsa-1024.pem");

const TEMPLATE: &str = r#"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: provided.al2023, Handler: bootstrap, Timeout: 10}
Resources:
  Pump:
    Type: AWS::IoT::ThingType
    Properties: {ThingTypeName: pump}
  Scripted:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: scripted, CodeUri: scripted/}
  Authorizer:
    Type: AWS::IoT::Authorizer
    Properties: {AuthorizerName: slow, AuthorizerFunctionArn: !GetAtt Scripted.Arn, SigningDisabled: true, Status: ACTIVE}
  AuthorizerPermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt Scripted.Arn
      Action: lambda:InvokeFunction
      Principal: iot.amazonaws.com
      SourceArn: !GetAtt Authorizer.Arn
  HookPermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt Scripted.Arn
      Action: lambda:InvokeFunction
      Principal: iot.amazonaws.com
      SourceArn: !Sub "arn:aws:iot:${AWS::Region}:${AWS::AccountId}:provisioningtemplate/fleet"
"#;

/// As an authorizer it answers once there is a file `go`; as a hook it fails with a secret; else it tells its Runtime API.
const SCRIPT: &str = r#"case "$event" in
    *protocolData*)
      while [ ! -e "${BASH_SOURCE[0]%/*}/go" ]; do sleep 0.05; done
      who=${event#*'"principalId":"'} who=${who%%'"'*}
      answer='{"isAuthenticated":true,"principalId":"'$who'","disconnectAfterInSeconds":300,"refreshAfterInSeconds":300,"policyDocuments":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}]}' ;;
    *claimCertificateId*) path=error answer='{"errorType":"Broken","errorMessage":"the password is hunter2"}' ;;
    *) answer="{\"api\":\"$AWS_LAMBDA_RUNTIME_API\"}" ;;
  esac"#;

/// What is attacked: a gateway that anybody on the machine may use, and one with keys.
struct Siege<'p> {
    place: &'p Place,
    locked: &'p Place,
    open: Gateway<'p>,
    keyed: Gateway<'p>,
}

struct Attack {
    name: &'static str,
    run: fn(&Siege<'_>),
}

const ATTACKS: &[Attack] = &[
    Attack { name: "a page of another site posts", run: page },
    Attack { name: "the gateway's own paths without a signature, on every port", run: unsigned },
    Attack { name: "a second claim beside a signature", run: claim },
    Attack { name: "a link's exemption with another body", run: link },
    Attack { name: "subscriptions that lead back to the gateway", run: back },
    Attack { name: "a presigned PUT that copies", run: copy },
    Attack { name: "SQL that takes for ever", run: sql },
    Attack { name: "certificates in other encodings", run: encodings },
    Attack { name: "a certificate that is revoked while an authorizer is asked", run: revoked },
    Attack { name: "large bodies before authentication", run: bodies },
    Attack { name: "another process at a function's Runtime API", run: runtime },
    Attack { name: "control characters to the operator's terminal", run: terminal },
    Attack { name: "two claims that take turns with one client id", run: turns },
    Attack { name: "a claim that asks for thousands of certificates", run: greedy },
    Attack { name: "a certificate below a CA that nobody registered", run: chain },
    Attack { name: "an HTTP action whose URL a payload completes", run: substituted },
    Attack { name: "a Kafka broker that asks for endless work", run: scram },
    Attack { name: "a hook that fails with a secret", run: hook },
    Attack { name: "invented server names", run: names },
    Attack { name: "a shared subscription to what is denied", run: shared },
    Attack { name: "weak keys", run: weak },
    Attack { name: "uploads that nobody ends", run: uploads },
    Attack { name: "a rule that republishes to itself", run: circle },
    Attack { name: "MQTT at random", run: hostile::mqtt },
    Attack { name: "TLS that never comes to an end", run: hostile::handshakes },
    Attack { name: "requests that never come to an end", run: hostile::slow },
    Attack { name: "heads that are too large, or say two things", run: hostile::heads },
    Attack { name: "WebSockets that keep to no rule", run: hostile::websockets },
    Attack { name: "links with odd dates and parameters", run: hostile::links },
    Attack { name: "keys of objects that leave their bucket", run: hostile::keys_of_objects },
    Attack { name: "JSON, SQL, XML, CBOR and expressions nested without end", run: hostile::nested },
];

/// A client that does nothing but ask whether the gateway is there.
#[derive(Default)]
struct Pings {
    count: AtomicU64,
    slowest: AtomicU64,
}

impl Pings {
    fn go(&self, gateway: &Gateway<'_>, over: &AtomicBool) {
        let mut client = gateway.raw();
        client.connect("calm");
        while !over.load(Ordering::Relaxed) {
            let began = Instant::now();
            client.send(&[0xC0, 0]);
            assert_eq!(client.packet(), Some((0xD0, Vec::new())), "PINGRESP");
            let took = u64::try_from(began.elapsed().as_millis()).unwrap();
            self.slowest.fetch_max(took, Ordering::Relaxed);
            self.count.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The slowest since this was asked last, one that was on its way among them.
    fn slowest(&self) -> Duration {
        let before = self.count.load(Ordering::Relaxed);
        wait_for("two more PINGRESPs", || (self.count.load(Ordering::Relaxed) > before + 1).then_some(()));
        Duration::from_millis(self.slowest.swap(0, Ordering::Relaxed))
    }
}

#[test]
fn others_are_answered_soon_during_every_attack() {
    let (place, locked) = (Place::new(TEMPLATE), Place::new(SMALL));
    fs::create_dir(place.path().join("scripted")).unwrap();
    bootstrap::write(&place.path().join("scripted"), SCRIPT);
    fs::write(locked.path().join("drydock.toml"), KEYS).unwrap();
    let open = place.up(&["--ephemeral", "--plain-port", "0"]);
    let keyed = locked.up(&["--ephemeral", "--no-functions", "--plain-port", "0"]);
    let siege = Siege { place: &place, locked: &locked, open, keyed };
    let silent = hostile::silent(&siege);
    let (over, pings) = (AtomicBool::new(false), [Pings::default(), Pings::default()]);
    std::thread::scope(|scope| {
        let over = &over;
        for (gateway, pings) in [&siege.open, &siege.keyed].into_iter().zip(&pings) {
            scope.spawn(move || pings.go(gateway, over));
        }
        let all = AssertUnwindSafe(|| {
            let failed: Vec<&str> =
                ATTACKS.iter().filter(|attack| !withstood(attack, &siege, &pings)).map(|attack| attack.name).collect();
            assert!(failed.is_empty(), "what each of these came to is told above: {failed:?}");
        });
        let ended = catch_unwind(all);
        over.store(true, Ordering::Relaxed);
        ended.unwrap_or_else(|panic| resume_unwind(panic));
    });
    // Who said nothing all the while was shown out.
    silent.into_iter().for_each(hostile::is_closed);
    for gateway in [siege.open, siege.keyed] {
        gateway.stop();
    }
}

/// Runs an attack, and says how long others waited meanwhile. One that succeeds does not hide the next.
fn withstood(attack: &Attack, siege: &Siege<'_>, pings: &[Pings; 2]) -> bool {
    let began = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| (attack.run)(siege)));
    let took = began.elapsed();
    let slowest = pings.iter().map(Pings::slowest).max().unwrap_or_default();
    let panicked = [siege.place, siege.locked].iter().any(|place| place.log().contains("panicked"));
    eprintln!("{}: {took:.1?}, others waited {slowest:?} at the most", attack.name);
    if panicked {
        eprintln!("{}: the gateway panicked", attack.name);
    }
    ended.is_ok() && slowest < SOON && !panicked
}

fn keys() -> Keys {
    Keys::new("AKIAFLEET", "the fleet's secret")
}

fn rule(gateway: &Gateway<'_>, name: &str, sql: &str, actions: &Value) {
    let error = json!({ "republish": { "topic": format!("errors/{name}"), "roleArn": ROLE } });
    let body = json!({ "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": actions, "errorAction": error });
    gateway.iot("POST", &format!("/rules/{name}"), &body);
}

fn republish(topic: &str) -> Value {
    json!([{ "republish": { "topic": topic, "roleArn": ROLE } }])
}

/// An error document that a rule's error action has sent.
fn failure(observer: &mut Mqtt, name: &str) -> String {
    observer.receive(&format!("errors/{name}")).json()["failures"][0]["errorMessage"].as_str().unwrap().to_owned()
}

fn observer(gateway: &Gateway<'_>, name: &str, filter: &str) -> Mqtt {
    let mut observer = gateway.connect(&gateway.free_device(name));
    observer.subscribe(filter);
    observer
}

fn page(siege: &Siege<'_>) {
    for (name, value) in [("origin", "http://evil.example"), ("origin", "null"), ("host", "evil.example")] {
        for path in ["/_drydock/reset", "/keys-and-certificate?setAsActive=true", "/"] {
            let iot = authorization("us-east-1", "iot");
            for _ in 0..20 {
                let answer = siege.open.send("POST", path, &[("authorization", &iot), (name, value)], b"");
                assert_eq!(answer.status, 403, "{path} {name} {value}: {answer:?}");
            }
        }
    }
}

fn unsigned(siege: &Siege<'_>) {
    let gateway = &siege.keyed;
    for (method, path) in
        [("GET", "/_drydock/export"), ("POST", "/_drydock/import?replace=true"), ("POST", "/_drydock/reset")]
    {
        for _ in 0..20 {
            assert_eq!(gateway.send(method, path, &[], b"{}").status, 403, "{path}");
            assert_eq!(http::send(gateway.anonymous(), method, path, &[], b"{}").status, 403, "{path} over TLS");
        }
    }
}

fn claim(siege: &Siege<'_>) {
    let stray = [("authorization", "x Credential=a/20250101/us-east-1/secretsmanager/aws4_request")];
    for _ in 0..100 {
        assert_ne!(siege.keyed.send("POST", "/", &stray, b"{}").status, 200);
    }
}

fn link(siege: &Siege<'_>) {
    for _ in 0..100 {
        let body = b"Action=Publish&TopicArn=a&Message=b";
        assert_eq!(siege.keyed.send("POST", "/?Action=Unsubscribe", &[], body).status, 403);
    }
}

fn back(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let headers =
        [("authorization", &*authorization("us-east-1", "sns")), ("content-type", "application/x-www-form-urlencoded")];
    let sns = |body: &str| assert_eq!(gateway.send("POST", "/", &headers, body.as_bytes()).status, 200, "{body}");
    gateway.iot("POST", "/things/kept", &json!({}));
    sns("Action=CreateTopic&Name=back");
    let topic = "arn:aws:sns:us-east-1:123456789012:back";
    for path in 0..20 {
        let url = format!("http%3A%2F%2F127.0.0.1%3A{}%2F_drydock%2Freset%3F{path}", gateway.api_port());
        sns(&format!("Action=Subscribe&TopicArn={topic}&Protocol=http&Endpoint={url}"));
    }
    siege.place.told("is a port of this gateway itself");
    assert_eq!(gateway.iot("GET", "/thing-types", &Value::Null)["thingTypes"].as_array().unwrap().len(), 1);
    // A reset brings the template's resources back, and no others.
    assert_eq!(gateway.iot("GET", "/things/kept", &Value::Null)["thingName"], "kept");
}

fn copy(siege: &Siege<'_>) {
    let gateway = &siege.keyed;
    for (path, body) in [("/inputs", &b""[..]), ("/inputs/secret", b"hidden")] {
        let headers = keys().headers("s3", "PUT", path, body);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(gateway.send("PUT", path, &headers, body).status, 200);
    }
    let url = keys().presigned("PUT", "/inputs/mine", 60, SystemTime::now());
    for _ in 0..50 {
        assert_eq!(gateway.send("PUT", &url, &[("x-amz-copy-source", "/inputs/secret")], b"").status, 403);
    }
}

fn sql(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let mut observer = observer(gateway, "sql-observer", "errors/+");
    let digits = json!({ "m": "7".repeat(90_000) }).to_string();
    let member = "x".repeat(100);
    let wide = json!({
        "o": (0..400).map(|n| (format!("k{n}"), json!(member))).collect::<serde_json::Map<_, _>>(),
        "a": (0..5_000).map(|_| json!({})).collect::<Vec<_>>(),
    });
    for (name, sql, payload) in [
        ("digits", r"SELECT regexp_replace(m, '(?<=\d)(?=(\d\d\d)+$)', ',') AS m FROM 'digits'", digits),
        ("wide", "SELECT transform('enrichArray', o, a) AS a FROM 'wide'", wide.to_string()),
    ] {
        rule(gateway, name, sql, &republish("out"));
        for _ in 0..4 {
            observer.publish(name, payload.clone()).unwrap();
        }
        for _ in 0..4 {
            let why = failure(&mut observer, name);
            assert!(why.contains("the evaluation was ended"), "{name}: {why}");
        }
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

fn der(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// The length of the outermost frame in more bytes than it needs, bytes behind the end, and each byte in turn as another.
fn encodings(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let own = gateway.free_device("encoded");
    let der = der(&own.certificate);
    assert_eq!(der[..2], [0x30, 0x82], "a length of two bytes");
    let mut others = vec![[&[0x30, 0x83, 0][..], &der[2..]].concat(), [&der[..], &[0][..]].concat()];
    for at in (0..der.len()).step_by(23) {
        let mut other = der.clone();
        other[at] ^= 0x55;
        others.push(other);
    }
    for other in others {
        let body = json!({ "certificatePem": pem(&other), "status": "ACTIVE" });
        let answer = gateway.call("iot", "POST", "/certificate/register", &[], &body);
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
}

fn revoked(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let certificate = "arn:aws:acm:us-east-1:123456789012:certificate/5b1a1c1e-0000-4000-8000-000000000000";
    let domain = json!({
        "domainName": "both.example", "serverCertificateArns": [certificate],
        "authenticationType": "CUSTOM_AUTH_X509", "applicationProtocol": "SECURE_MQTT",
        "authorizerConfig": { "defaultAuthorizerName": "slow", "allowAuthorizerOverride": false },
    });
    gateway.iot("POST", "/domainConfigurations/both", &domain);
    let cut = [(gateway.free_device("late"), "REVOKED"), (gateway.free_device("idle"), "INACTIVE")];
    let good = gateway.free_device("good");
    let connect = |device: &Identity| {
        let config = device.config(&gateway.root(), &[]);
        let mut stream = tls::stream(config, "both.example", gateway.tcp(gateway.port("tls")));
        stream.write_all(&[b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04", device.name.as_bytes()].concat()).unwrap();
        stream.flush().unwrap();
        stream
    };
    let mut streams: Vec<_> = (0..4).map(|n| connect(&cut[n % 2].0)).collect();
    let mut other = connect(&good);
    let events = siege.place.path().join("scripted/events");
    let asked = || fs::read_to_string(&events).unwrap_or_default().matches("protocolData").count();
    wait_for("the authorizer is asked", || (asked() > 0).then_some(()));
    for (device, status) in &cut {
        gateway.iot("PUT", &format!("/certificates/{}?newStatus={status}", device.id), &Value::Null);
    }
    fs::write(siege.place.path().join("scripted/go"), "").unwrap();
    for stream in &mut streams {
        let mut answer = [0; 4];
        let read = stream.read_exact(&mut answer);
        assert!(read.is_err() || answer[3] != 0, "a certificate that is not active any more was let in: {answer:?}");
    }
    let mut answer = [0; 4];
    other.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0], "one that is not revoked waits no less, and is let in");
}

fn bodies(siege: &Siege<'_>) {
    std::thread::scope(|scope| {
        for path in ["/_drydock/import", "/topics/a", "/", "/2015-03-31/functions/f/invocations"] {
            scope.spawn(move || {
                let status = pour(&siege.keyed, path, "", 32);
                assert!(matches!(status, 0 | 400 | 403 | 413), "{path}: {status}");
            });
        }
    });
}

fn runtime(siege: &Siege<'_>) {
    let path = "/2015-03-31/functions/scripted/invocations";
    let told = siege.open.call("lambda", "POST", path, &[], &json!({})).ok();
    let port = told["api"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    for _ in 0..50 {
        let next = http::send(siege.open.tcp(port), "GET", "/2018-06-01/runtime/invocation/next", &[], b"");
        assert_eq!(next.status, 403, "{next:?}");
    }
}

fn terminal(siege: &Siege<'_>) {
    let mut raw = siege.open.raw();
    raw.connect("evil\u{202e}txt");
    for n in 0..30 {
        let filter = format!("{n}\u{1b}]0;owned\u{7}\u{9b}2J\r\nforged");
        let length = u8::try_from(filter.len()).unwrap();
        raw.send(&[&[0x82, 5 + length, 0, 1, 0, length], filter.as_bytes(), &[0]].concat());
        assert!(raw.packet().is_some_and(|(first, _)| first == 0x90), "SUBACK");
    }
    let log = siege.place.told("\\r\\nforged");
    assert!(!log.chars().any(|c| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c)), "{log:?}");
}

fn turns(siege: &Siege<'_>) {
    let claim = siege.open.free_device("same");
    for _ in 0..5 {
        let mut first = siege.open.connect(&claim);
        first.publish(CREATE, "{}").unwrap();
        let mut second = siege.open.connect(&claim);
        second.publish("dt/same", "1").unwrap();
        assert!(second.inbox.is_empty(), "another's keys: {:?}", second.inbox);
    }
}

fn greedy(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let mut honest = observer(gateway, "honest", &format!("{CREATE}/accepted"));
    let mut raw = gateway.raw();
    raw.connect("greedy");
    let length = u8::try_from(CREATE.len()).unwrap();
    let one = [&[0x30, length + 4, 0, length], CREATE.as_bytes(), b"{}"].concat();
    raw.send(&one.repeat(3_000));
    let asked = Instant::now();
    honest.publish(CREATE, "{}").unwrap();
    honest.receive(CREATE);
    assert!(asked.elapsed() < Duration::from_secs(15), "an honest device waited {:?}", asked.elapsed());
}

fn chain(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let root = Maker::new("Registered root");
    let body = json!({ "caCertificate": root.pem(), "certificateMode": "SNI_ONLY" });
    gateway.iot("POST", "/cacertificate?setAsActive=true&allowAutoRegistration=true", &body);
    let line = root.intermediate("Unregistered line");
    for n in 0..20 {
        let device = line.sign(&format!("below-{n}"));
        gateway.try_connect(&device).err().expect("its CA is not registered");
        let leaf = device.certificate.split_inclusive("-----END CERTIFICATE-----").next();
        let body = json!({ "certificatePem": leaf, "caCertificatePem": line.pem(), "status": "ACTIVE" });
        let answer = gateway.call("iot", "POST", "/certificate/register", &[], &body);
        assert!(matches!(answer.status, 400 | 404), "{answer:?}");
    }
    assert!(gateway.iot("GET", "/certificates?pageSize=250", &Value::Null)["certificates"].is_array());
}

fn substituted(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let (meant, other) = (Recorder::agreeing(), Recorder::agreeing());
    let mut observer = observer(gateway, "url-observer", "errors/url");
    let url = format!("{}${{x}}", meant.url());
    let header = json!([{ "key": "X-Secret", "value": "hidden" }]);
    let action = json!([{ "http": { "url": url, "confirmationUrl": meant.url(), "headers": header } }]);
    rule(gateway, "url", "SELECT * FROM 'url'", &action);
    let is_confirmation =
        |request: &Recorded| request.header("x-amz-rules-engine-message-type") == "DestinationConfirmation";
    let enable = meant.find("a confirmation request", is_confirmation).json()["enableUrl"].as_str().unwrap().to_owned();
    let (_, path) = enable.split_once("/confirmdestination/").unwrap();
    gateway.send("GET", &format!("/confirmdestination/{path}"), &[], b"").ok();
    let host = other.url().replace("http://", "");
    for x in [
        format!("@{host}/"),
        format!("\\@{host}/"),
        "0/y".to_owned(),
        format!("/../@{host}"),
        ".evil.example/".to_owned(),
    ] {
        observer.publish("url", json!({ "x": x }).to_string()).unwrap();
        if !x.starts_with("/..") {
            failure(&mut observer, "url");
        }
    }
    assert!(other.rest().is_empty(), "another port was asked");
}

/// Answers a Kafka client's SASL requests; asks for 4,294,967,295 rounds.
fn endless(mut stream: TcpStream) -> Option<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).ok()?];
        stream.read_exact(&mut request).ok()?;
        let text = String::from_utf8_lossy(&request).into_owned();
        let body = if request[..2] == [0, 17] {
            b"\0\0\0\0\0\x01\0\x0dSCRAM-SHA-512".to_vec()
        } else {
            let nonce = text.rsplit_once("r=").map(|(_, nonce)| nonce).unwrap_or_default();
            let first = format!("r={nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294967295");
            [&[0, 0, 0xff, 0xff][..], &u32::try_from(first.len()).ok()?.to_be_bytes()[..], first.as_bytes()].concat()
        };
        let answer = [&request[4..8], &body[..]].concat();
        let length = u32::try_from(answer.len()).ok()?;
        stream.write_all(&[&length.to_be_bytes()[..], &answer[..]].concat()).ok()?;
    }
}

fn scram(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let servers = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // It ends with the connection.
            let _ = endless(stream);
        }
    });
    let vpc = json!({ "vpcConfiguration": { "vpcId": "vpc-1", "subnetIds": ["subnet-1"], "roleArn": ROLE } });
    let made = gateway.iot("POST", "/destinations", &json!({ "destinationConfiguration": vpc }));
    let mut observer = observer(gateway, "kafka-observer", "errors/kafka");
    let action = json!([{ "kafka": {
        "destinationArn": made["topicRuleDestination"]["arn"], "topic": "t",
        "clientProperties": {
            "bootstrap.servers": servers, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.scram.username": "u", "sasl.scram.password": "p", "acks": "1",
        },
    } }]);
    rule(gateway, "kafka", "SELECT * FROM 'kafka'", &action);
    observer.publish("kafka", "{}").unwrap();
    let why = failure(&mut observer, "kafka");
    assert!(why.contains("SCRAM iterations"), "{why}");
}

fn hook(siege: &Siege<'_>) {
    let gateway = &siege.open;
    fleet(gateway, Some("arn:aws:lambda:us-east-1:123456789012:function:scripted"));
    let mut device = observer(gateway, "hooked", &format!("{CREATE}/accepted"));
    let provision = "$aws/provisioning-templates/fleet/provision/json";
    device.subscribe(&format!("{provision}/+"));
    device.publish(CREATE, "{}").unwrap();
    let token = device.receive(CREATE).json()["certificateOwnershipToken"].clone();
    for n in 0..5 {
        let request = json!({ "certificateOwnershipToken": token, "parameters": { "SerialNumber": n.to_string() } });
        device.publish(provision, request.to_string()).unwrap();
        let answer = device.receive(provision);
        let text = String::from_utf8_lossy(&answer.payload).into_owned();
        assert!(answer.topic.ends_with("/rejected") && !text.contains("hunter2"), "{text}");
    }
}

fn names(siege: &Siege<'_>) {
    let root = siege.open.root();
    for n in 0..300 {
        let name = format!("invented-{n}.example");
        let mut stream = tls::stream(tls::anonymous(&root, &[]), &name, siege.open.tcp(siege.open.port("tls")));
        assert_eq!(http::send(&mut stream, "GET", "/nowhere", &[], b"").status, 403);
    }
}

fn shared(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let device = gateway.device(
        "reader",
        &json!([
            { "Effect": "Allow", "Action": "iot:*", "Resource": "*" },
            { "Effect": "Deny", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:*:*:topicfilter/secret/*" },
        ]),
    );
    let mut stream = device.stream(&gateway.root(), &["x-amzn-mqtt-ca"], gateway.tcp(gateway.port("tls")));
    stream.write_all(b"\x10\x12\0\x04MQTT\x04\x02\0\x3c\0\x06reader").unwrap();
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0]);
    for filter in ["secret/x", "$share/g/secret/x", "$share/g/secret/+"] {
        let length = u8::try_from(filter.len()).unwrap();
        let packet = [&[0x82, length + 5, 0, 1, 0, length], filter.as_bytes(), &[1]].concat();
        stream.write_all(&packet).unwrap();
        let mut suback = [0; 5];
        stream.read_exact(&mut suback).unwrap();
        assert_eq!(suback, [0x90, 3, 0, 1, 0x80], "{filter}");
    }
}

fn weak(siege: &Siege<'_>) {
    for path in ["/certificate/register-no-ca", "/certificate/register"] {
        for _ in 0..20 {
            let body = json!({ "certificatePem": WEAK, "status": "ACTIVE" });
            let answer = siege.open.call("iot", "POST", path, &[], &body);
            assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        }
    }
}

fn uploads(siege: &Siege<'_>) {
    let gateway = &siege.open;
    assert_eq!(gateway.s3("PUT", "/uploads", &[], b"").status, 200);
    for n in 0..50 {
        let begun = gateway.s3("POST", &format!("/uploads/{n}?uploads"), &[], b"");
        let (_, rest) = begun.body.split_once("<UploadId>").unwrap();
        let id = rest.split("</UploadId>").next().unwrap();
        let part = gateway.s3("PUT", &format!("/uploads/{n}?partNumber=1&uploadId={id}"), &[], &[b'x'; 64 * 1024]);
        assert_eq!(part.status, 200, "{part:?}");
    }
    let listed = gateway.s3("GET", "/uploads?list-type=2", &[], b"");
    assert!(listed.body.contains("<KeyCount>0</KeyCount>"), "{listed:?}");
}

fn circle(siege: &Siege<'_>) {
    let gateway = &siege.open;
    rule(
        gateway,
        "circle",
        "SELECT * FROM 'circle'",
        &json!([{ "republish": { "topic": "circle", "roleArn": ROLE } }]),
    );
    let before = siege.place.log().len();
    gateway.publish("circle", "{}", false);
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        assert_eq!(gateway.send("GET", "/_drydock/health", &[], b"").status, 200);
    }
    assert_eq!(gateway.iot_answer("DELETE", "/rules/circle").status, 200);
    let grown = siege.place.log().len() - before;
    assert!(grown < 40_000, "the terminal got {grown} bytes in two seconds");
}

//! What a kill leaves between a change and what is made of it is done at the next start: the state is one that a kill leaves, as
//! the changes are made on the folder's books where nobody hears of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use crate::changes::{books, call};
use drydock_core::ApiError;
use drydock_gateway::Dock;
use drydock_host::books::Books;
use drydock_host::stream::Arriving;
use drydock_model::iot::{
    CreateThingRequest, CreateTopicRuleDestinationRequest, HttpUrlDestinationConfiguration,
    TopicRuleDestinationConfiguration,
};
use drydock_store::Store;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
/// MQTT 3.1.1: CONNECT of the client `k`, whose session stays.
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x00\x00\x1e\x00\x01k";
/// SUBSCRIBE to all events with QoS 1.
const SUBSCRIBE: &[u8] = b"\x82\x12\x00\x01\x00\x0d$aws/events/#\x01";

async fn open(folder: &Path) -> Dock {
    Dock::empty().data_dir(folder).plain_port(0).start().await.unwrap()
}

/// The books of a folder whose gateway is not up.
struct Unheard {
    store: Store,
    books: Arc<Books>,
    /// Where the events wait that nobody hears.
    _events: Arriving,
}

impl Unheard {
    fn open(folder: &Path) -> Self {
        let store = Store::open(Some(folder)).unwrap();
        let (books, events) = books(&store);
        Self { store, books, _events: events }
    }

    async fn kill(self) {
        self.store.close().await;
    }
}

/// The next MQTT packet: its first byte and what follows the fixed header.
async fn packet(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    timeout(PATIENCE, async {
        let first = stream.read_u8().await.unwrap();
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = stream.read_u8().await.unwrap();
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        (first, body)
    })
    .await
    .expect("a packet in time")
}

/// Connects the client that hears of all events; whether it has a session.
async fn listen(dock: &Dock) -> (TcpStream, bool) {
    let mut stream = TcpStream::connect(dock.gateway().addresses().plain.unwrap()).await.unwrap();
    stream.write_all(CONNECT).await.unwrap();
    let (_, body) = packet(&mut stream).await;
    assert_eq!(body[1], 0);
    (stream, body[0] == 1)
}

/// What waits for the client, by topic, until something has come on a topic of each beginning. In which order is not looked at:
/// what was stored for a session comes behind what is sent while it is connected.
async fn heard(stream: &mut TcpStream, beginnings: &[&str]) -> BTreeMap<String, Value> {
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    loop {
        let (first, body) = packet(stream).await;
        if first & 0xF0 != 0x30 {
            continue;
        }
        let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
        let topic = String::from_utf8(body[2..end].to_vec()).unwrap();
        stream.write_all(&[0x40, 2, body[end], body[end + 1]]).await.unwrap();
        found.insert(topic, serde_json::from_slice(&body[end + 2..]).unwrap());
        if beginnings.iter().all(|beginning| found.keys().any(|topic| topic.starts_with(beginning))) {
            // Once a ping is answered the acknowledgements have arrived: what comes after a restart was not seen before.
            stream.write_all(&[0xC0, 0]).await.unwrap();
            while packet(stream).await.0 != 0xD0 {}
            return found;
        }
    }
}

fn maker(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed(maker: &CertifiedIssuer<'_, KeyPair>, name: &str) -> rcgen::Certificate {
    params(name).signed_by(&KeyPair::generate().unwrap(), maker).unwrap()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params
}

/// Registers a CA whose devices register themselves.
async fn register(dock: &Dock, maker: &CertifiedIssuer<'_, KeyPair>, config: Value) {
    let (_, code) = call(dock.gateway(), "GET", "/registrationcode", None, &Value::Null).await;
    let verification = signed(maker, code["registrationCode"].as_str().unwrap()).pem();
    let mut body = json!({ "caCertificate": maker.pem(), "verificationCertificate": verification });
    if !config.is_null() {
        body["registrationConfig"] = config;
    }
    let path = "/cacertificate?setAsActive=true&allowAutoRegistration=true";
    let (status, answer) = call(dock.gateway(), "POST", path, None, &body).await;
    assert_eq!(status, 200, "{answer}");
}

/// A device connects, and the process ends before anybody has heard of it.
async fn present(books: &Books, certificate: &rcgen::Certificate) {
    let der = certificate.der();
    let shown = books.apply(&books.identity, |book| {
        Ok::<_, ApiError>(book.present(&[der.as_ref()], None, books.now(), books.ids.as_ref()))
    });
    assert!(shown.await.unwrap().is_err(), "it waits for its activation");
}

fn template() -> String {
    let name = "AWS::IoT::Certificate::CommonName";
    json!({
        "Parameters": { name: { "Type": "String" }, "AWS::IoT::Certificate::Id": { "Type": "String" } },
        "Resources": {
            "thing": { "Type": "AWS::IoT::Thing", "Properties": { "ThingName": { "Ref": name } } },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": { "CertificateId": { "Ref": "AWS::IoT::Certificate::Id" }, "Status": "ACTIVE" },
            },
        },
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_to_be_provisioned_is_provisioned_before_anybody_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let dock = open(folder.path()).await;
    let (templated, other) = (maker("templated"), maker("other"));
    let role = "arn:aws:iam::123456789012:role/provisioning";
    register(&dock, &templated, json!({ "templateBody": template(), "roleArn": role })).await;
    register(&dock, &other, Value::Null).await;
    dock.stop().await;

    let unheard = Unheard::open(folder.path());
    let (ours, theirs) = (signed(&templated, "pump-7"), signed(&other, "pump-8"));
    present(&unheard.books, &ours).await;
    present(&unheard.books, &theirs).await;
    unheard.kill().await;

    let dock = open(folder.path()).await;
    // The first request that is served finds it done.
    let (status, thing) = call(dock.gateway(), "GET", "/things/pump-7", None, &Value::Null).await;
    assert_eq!(status, 200, "{thing}");
    let (_, listed) = call(dock.gateway(), "GET", "/certificates", None, &Value::Null).await;
    let statuses = listed["certificates"].as_array().unwrap().iter().map(|of| of["status"].as_str().unwrap());
    let mut statuses: Vec<&str> = statuses.collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["ACTIVE", "PENDING_ACTIVATION"]);
    dock.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_was_to_be_proven_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", elsewhere.local_addr().unwrap());
    open(folder.path()).await.stop().await;
    let unheard = Unheard::open(folder.path());
    let books = &unheard.books;
    let request = CreateTopicRuleDestinationRequest {
        destination_configuration: TopicRuleDestinationConfiguration {
            http_url_configuration: Some(HttpUrlDestinationConfiguration { confirmation_url: url }),
            ..Default::default()
        },
    };
    let made =
        books.apply(&books.rules, |book| book.create_topic_rule_destination(request, books.now(), books.ids.as_ref()));
    let made = made.await.unwrap().topic_rule_destination.unwrap();
    unheard.kill().await;

    let dock = open(folder.path()).await;
    let (mut asked, _) = timeout(PATIENCE, elsewhere.accept()).await.expect("it is asked").unwrap();
    let mut request = Vec::new();
    let whole = |request: &[u8]| String::from_utf8_lossy(request).contains("\"messageType\"");
    while !whole(&request) {
        let read = timeout(PATIENCE, asked.read_buf(&mut request)).await.expect("the request comes").unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&request));
    }
    let request = String::from_utf8(request).unwrap();
    assert!(request.starts_with("POST /hook/?confirmationToken="), "{request}");
    assert!(request.contains(&made.arn.unwrap()), "{request}");
    dock.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_account_asked_to_be_told_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let dock = open(folder.path()).await;
    let authority = maker("other");
    register(&dock, &authority, Value::Null).await;
    let on = json!({ "eventConfigurations": { "THING": { "Enabled": true } } });
    let (status, _) = call(dock.gateway(), "PATCH", "/event-configurations", None, &on).await;
    assert_eq!(status, 200);
    let (mut client, _) = listen(&dock).await;
    client.write_all(SUBSCRIBE).await.unwrap();
    while packet(&mut client).await.0 != 0x90 {}
    drop(client);
    dock.stop().await;

    let unheard = Unheard::open(folder.path());
    let books = &unheard.books;
    for name in ["first", "second"] {
        let request = CreateThingRequest { thing_name: name.to_owned(), ..CreateThingRequest::default() };
        let made = books.apply(&books.registry, |book| book.create_thing(&request, books.now(), books.ids.as_ref()));
        made.await.unwrap();
    }
    present(books, &signed(&authority, "pump-8")).await;
    unheard.kill().await;

    let dock = open(folder.path()).await;
    let (mut client, resumed) = listen(&dock).await;
    assert!(resumed);
    let told = ["$aws/events/thing/first/", "$aws/events/thing/second/", "$aws/events/certificates/registered/"];
    let told = heard(&mut client, &told).await;
    for name in ["first", "second"] {
        let event = &told[&format!("$aws/events/thing/{name}/created")];
        assert_eq!((&event["operation"], &event["thingName"]), (&json!("CREATED"), &json!(name)));
    }
    dock.stop().await;

    // What was told does not come again.
    let unheard = Unheard::open(folder.path());
    assert_eq!(unheard.books.outbox.take_left(), []);
    unheard.kill().await;
    let dock = open(folder.path()).await;
    let (mut client, resumed) = listen(&dock).await;
    assert!(resumed);
    let (status, _) = call(dock.gateway(), "POST", "/things/third", None, &Value::Null).await;
    assert_eq!(status, 200);
    let told = heard(&mut client, &["$aws/events/thing/third/"]).await;
    let registry: Vec<&String> =
        told.keys().filter(|topic| !topic.contains("/presence/") && !topic.contains("/subscriptions/")).collect();
    assert_eq!(registry, ["$aws/events/thing/third/created"]);
    // A kind that is off is not told, and leaves nothing to be told.
    let off = json!({ "eventConfigurations": { "THING": { "Enabled": false } } });
    let (status, _) = call(dock.gateway(), "PATCH", "/event-configurations", None, &off).await;
    assert_eq!(status, 200);
    drop(client);
    dock.stop().await;
    let unheard = Unheard::open(folder.path());
    let request = CreateThingRequest { thing_name: "fourth".to_owned(), ..CreateThingRequest::default() };
    let books = &unheard.books;
    let made = books.apply(&books.registry, |book| book.create_thing(&request, books.now(), books.ids.as_ref()));
    made.await.unwrap();
    assert!(books.outbox.take_left().is_empty());
    unheard.kill().await;
    let unheard = Unheard::open(folder.path());
    assert!(unheard.books.outbox.take_left().is_empty());
    unheard.kill().await;
}

//! Changes as units: what they tell comes in the order of the decisions, and what one book's check has seen in another stays so
//! until the change is made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use drydock_core::event::Change;
use drydock_core::{ApiError, Event, Scope};
use drydock_gateway::{Dock, Gateway};
use drydock_host::books::{Books, Empty};
use drydock_host::stream::{Arriving, Happened, Stream};
use drydock_host::system::{SystemClock, SystemIds};
use drydock_model::iot::{AttachPolicyRequest, CreatePolicyRequest, CreateThingRequest, UpdateThingRequest};
use drydock_services::rules::externals::CAPABILITIES;
use drydock_store::Store;
use drydock_timers::Timers;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const ACCOUNT: &str = "123456789012";

fn scope() -> Scope {
    Scope::new(ACCOUNT, "us-east-1")
}

const CALLERS: usize = 64;
const COMMANDS: usize = 200;
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}"#;

pub(crate) fn books(store: &Store) -> (Arc<Books>, Arriving) {
    let time = Timers::new(Arc::new(SystemClock));
    let (stream, arriving) = Stream::new(&time);
    let ids = Arc::new(SystemIds::new());
    (Arc::new(Books::open(store, scope(), time, ids, Empty::new(&scope(), CAPABILITIES), stream).unwrap()), arriving)
}

/// Gives the thing its next version; every second caller attaches or detaches a policy in the same unit.
async fn update(books: &Books, caller: usize, command: usize) -> Result<(), ApiError> {
    let request = UpdateThingRequest { thing_name: "t".to_owned(), ..UpdateThingRequest::default() };
    let now = books.now();
    if caller.is_multiple_of(2) {
        return books.apply(&books.registry, |book| book.update_thing(&request, now)).await.map(|_| ());
    }
    let target = format!("us-east-1:{:08}-1234-1234-1234-123456789012", caller);
    let both = books.change((&books.registry, &books.policies), |(registry, policies)| {
        registry.apply(|book| book.update_thing(&request, now))?;
        if command.is_multiple_of(2) {
            let request = AttachPolicyRequest { policy_name: "p".to_owned(), target: target.clone() };
            policies.apply(|book| book.attach_policy(&request, |_| Ok(())))
        } else {
            policies.run(|book| book.detach_all(&target));
            Ok(())
        }
    });
    both.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_come_in_the_order_of_the_decisions() {
    let folder = tempfile::tempdir().unwrap();
    for directory in [None, Some(folder.path())] {
        let store = Store::open(directory).unwrap();
        let (books, mut arriving) = books(&store);
        let (now, ids) = (books.now(), Arc::clone(&books.ids));
        let thing = CreateThingRequest { thing_name: "t".to_owned(), ..CreateThingRequest::default() };
        books.apply(&books.registry, |book| book.create_thing(&thing, now, ids.as_ref())).await.unwrap();
        let policy = CreatePolicyRequest {
            policy_name: "p".to_owned(),
            policy_document: POLICY.to_owned(),
            ..CreatePolicyRequest::default()
        };
        books.apply(&books.policies, |book| book.create_policy(policy, now, ids.as_ref())).await.unwrap();
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let books = Arc::clone(&books);
            callers.spawn(async move {
                for command in 0..COMMANDS {
                    let before = books.authorization_generation();
                    update(&books, caller, command).await.unwrap();
                    assert!(books.authorization_generation() > before, "it is bumped before the answer");
                }
            });
        }
        let mut last = 0;
        while last < 1 + (CALLERS * COMMANDS) as i64 {
            let Happened { event, .. } = arriving.next().await.unwrap();
            if let Event::ThingChanged { thing, change: Change::Created | Change::Updated, .. } = event {
                assert_eq!(thing.version, last + 1, "durable: {}", store.is_durable());
                last = thing.version;
                // What the same unit tells follows at once: the change of rights of the update, and that of the policy.
                if last > 1 {
                    assert_eq!(arriving.next().await.unwrap().event, Event::AuthorizationChanged);
                }
            }
        }
        while let Some(done) = callers.join_next().await {
            done.unwrap();
        }
    }
}

/// Calls an operation as it comes over HTTP: its status and its answer.
pub(crate) async fn call(
    gateway: &Gateway,
    method: &str,
    path: &str,
    header: Option<(&str, &str)>,
    body: &Value,
) -> (u16, Value) {
    let api = gateway.addresses().api;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let header = header.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\ncontent-length: {length}\r\n{header}\r\n{body}"
    );
    let mut stream = TcpStream::connect(api).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// An inactive certificate of its own.
async fn certificate(gateway: &Gateway, key: &rcgen::KeyPair, name: &str) -> (String, String) {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let csr = params.serialize_request(key).unwrap().pem().unwrap();
    let (status, made) =
        call(gateway, "POST", "/certificates", None, &json!({ "certificateSigningRequest": csr })).await;
    assert_eq!(status, 200, "{made}");
    (made["certificateId"].as_str().unwrap().to_owned(), made["certificateArn"].as_str().unwrap().to_owned())
}

/// What two requests at once, of which each makes the other one impossible, come to.
async fn at_once<A, B>(first: A, second: B) -> ((u16, Value), (u16, Value))
where
    A: Future<Output = (u16, Value)> + Send + 'static,
    B: Future<Output = (u16, Value)> + Send + 'static,
{
    let (first, second) = (tokio::spawn(first), tokio::spawn(second));
    (first.await.unwrap(), second.await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_attached_to_what_is_gone() {
    const ROUNDS: usize = 200;
    let dock = Dock::empty().start().await.unwrap();
    let gateway = dock.gateway().clone();
    let key = rcgen::KeyPair::generate().unwrap();
    let document = json!({ "policyDocument": POLICY });
    let (status, _) = call(&gateway, "POST", "/policies/p", None, &document).await;
    assert_eq!(status, 200);
    let (status, _) = call(&gateway, "POST", "/things/t", None, &Value::Null).await;
    assert_eq!(status, 200);
    let send = |method: &'static str, path: String, header: Option<(&'static str, String)>, body: Value| {
        let gateway = gateway.clone();
        async move {
            let header = header.as_ref().map(|(name, value)| (*name, value.as_str()));
            call(&gateway, method, &path, header, &body).await
        }
    };
    let mut both = 0;
    for round in 0..ROUNDS {
        let (id, arn) = certificate(&gateway, &key, &format!("c-{round}")).await;
        let target = json!({ "target": arn });
        let principal = Some(("x-amzn-principal", arn.clone()));
        let attach = |kind: usize| match kind {
            0 => send("PUT", "/target-policies/p".to_owned(), None, target.clone()),
            1 => send(
                "PUT",
                "/principal-policies/p".to_owned(),
                Some(("x-amzn-iot-principal", arn.clone())),
                Value::Null,
            ),
            _ => send("PUT", "/things/t/principals".to_owned(), principal.clone(), Value::Null),
        };
        let (attached, gone) = if round % 2 == 0 {
            at_once(attach(round / 2 % 3), send("DELETE", format!("/certificates/{id}"), None, Value::Null)).await
        } else {
            let path = format!("/transfer-certificate/{id}?targetAwsAccount={ACCOUNT}");
            at_once(attach(round / 2 % 3), send("PATCH", path, None, Value::Null)).await
        };
        let is_attached = attached.0 == 200;
        assert!(matches!(attached.0, 200 | 404), "{attached:?}");
        assert!(matches!(gone.0, 200 | 409 | 400), "{gone:?}");
        if round % 2 == 0 {
            assert_ne!(is_attached, gone.0 == 200, "deleted with something attached: {attached:?} {gone:?}");
        }
        both += usize::from(is_attached);
        let (_, targets) = call(&gateway, "POST", "/policy-targets/p", None, &Value::Null).await;
        let (_, described) = call(&gateway, "GET", &format!("/certificates/{id}"), None, &Value::Null).await;
        let (_, things) = call(&gateway, "GET", "/things/t/principals", None, &Value::Null).await;
        let listed = |list: &Value| list.as_array().unwrap().iter().any(|of| of == &json!(arn));
        let there = listed(&targets["targets"]) || listed(&things["principals"]);
        match described.pointer("/certificateDescription/status").and_then(Value::as_str) {
            None => assert!(!there, "attached to a certificate that is gone"),
            Some(_) => assert_eq!(there, is_attached),
        }
        // Cleared away for the next round, whatever has come of this one.
        call(&gateway, "POST", "/target-policies/p", None, &target).await;
        call(&gateway, "DELETE", "/things/t/principals", Some(("x-amzn-principal", arn.as_str())), &Value::Null).await;
    }
    assert!(both > 0, "the two never met");
    dock.stop().await;
}

//! What the tests share: clocks, ids, stand-ins in memory, and requests by hand.

#![allow(dead_code, reason = "each test binary uses a part")]

use bytes::Bytes;
use drydock_cloud::{Cloud, CloudConfig, Notice, Observer, Service};
use drydock_core::{Clock, Ids, Scope, Timestamp};
use drydock_timers::Timers;
use http::{Request, Response};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// How long a test waits for what has to happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp(i64::try_from(now.as_millis()).unwrap())
    }
}

/// A clock that stands still until it is advanced.
pub(crate) fn still() -> Timers {
    Timers::stopped_at(Arc::new(SystemClock), Timestamp(1_700_000_000_000))
}

pub(crate) async fn advance(timers: &Timers, by: Duration) {
    timers.advance(drydock_timers::millis(by)).await.unwrap();
}

pub(crate) struct RandomIds;

impl Ids for RandomIds {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(16) {
            let random = uuid::Uuid::new_v4();
            chunk.copy_from_slice(&random.as_bytes()[..chunk.len()]);
        }
    }
}

pub(crate) fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

pub(crate) fn config() -> CloudConfig {
    CloudConfig::new(scope(), Timers::new(Arc::new(SystemClock)), Arc::new(RandomIds), "http://127.0.0.1:4566")
}

pub(crate) fn durable(dir: &Path) -> CloudConfig {
    CloudConfig { data_dir: Some(dir.to_owned()), ..config() }
}

/// Stand-ins in memory, and what they tell of.
pub(crate) fn open(mut config: CloudConfig) -> (Cloud, mpsc::UnboundedReceiver<Notice>) {
    let (sender, notices) = mpsc::unbounded_channel();
    config.observer = Observer::new(move |notice| drop(sender.send(notice)));
    (Cloud::open(config).unwrap(), notices)
}

/// Waits for a notice that a test asks for.
pub(crate) async fn notice<T>(notices: &mut mpsc::UnboundedReceiver<Notice>, pick: impl Fn(Notice) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = pick(notices.recv().await.expect("the stand-ins are gone")) {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, found).await.expect("the notice did not come")
}

/// A request of AWS JSON 1.0, as SQS and DynamoDB take it.
pub(crate) async fn json(cloud: &Cloud, service: Service, target: &str, body: Value) -> Response<Bytes> {
    let request = Request::builder()
        .method("POST")
        .uri("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target)
        .body(Bytes::from(body.to_string()))
        .unwrap();
    cloud.handle(service, request).await
}

/// The answer to a request of AWS JSON 1.0 that has to succeed.
pub(crate) async fn ok(cloud: &Cloud, service: Service, target: &str, body: Value) -> Value {
    let response = json(cloud, service, target, body).await;
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert_eq!(response.status(), 200, "{target}: {text}");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

/// A request of the query protocol: status and XML.
pub(crate) async fn query(cloud: &Cloud, service: Service, pairs: &[(&str, &str)]) -> (u16, String) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    let request = Request::builder()
        .method("POST")
        .uri("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form.finish()))
        .unwrap();
    let response = cloud.handle(service, request).await;
    assert_eq!(response.headers().get_all("x-amzn-requestid").iter().count(), 1);
    (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
}

/// The text between two tags.
pub(crate) fn tag<'a>(xml: &'a str, name: &str) -> &'a str {
    let start = xml.find(&format!("<{name}>")).unwrap_or_else(|| panic!("no <{name}> in {xml}")) + name.len() + 2;
    let end = xml[start..].find(&format!("</{name}>")).unwrap() + start;
    &xml[start..end]
}

/// The body of the one message that a queue has to get.
pub(crate) async fn message_of(cloud: &Cloud, queue: &str) -> Value {
    serde_json::from_str(&text_of(cloud, queue).await).unwrap()
}

/// The text of the one message that a queue has to get.
pub(crate) async fn text_of(cloud: &Cloud, queue: &str) -> String {
    let queue = cloud.sqs().queue(queue).unwrap();
    let received = cloud.sqs().receive(&queue, 1, None, Some(20));
    let received = tokio::time::timeout(DEADLINE, received).await.unwrap().unwrap();
    let message = received.into_iter().next().expect("no message came");
    queue.delete(&[message.receipt]).await.unwrap();
    message.body
}

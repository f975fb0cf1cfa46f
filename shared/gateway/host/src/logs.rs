//! AWS-style logs: what happens becomes entries where the account's logging options ask for them, in CloudWatch Logs, in a file of
//! JSON lines and for whoever follows. Follows "Monitor AWS IoT using CloudWatch Logs" of the AWS IoT Core developer guide.
//!
//! Nothing is logged until `SetV2LoggingOptions` is called, as on AWS; refusals are told as notices all the same. While nothing is
//! to be logged, nothing is made up: the broker looks at one flag.
//!
//! - [`file`]: the files, `logs/AWSIotLogsV2.log` below the data folder, and one for each log group that an event type names.
//! - [`unproven`]: the entry of a client that could not prove who it is.

pub mod file;
pub mod unproven;

use crate::books::Books;
use drydock_broker::{DropReason, Dropped, Happening, Watch, Who};
use drydock_cloud::logs::{Ingest, Line as Kept};
use drydock_core::event::DisconnectReason;
use drydock_core::{Arn, CertificateId, Event, Ids};
use drydock_logging::{Entry, EventType, Levels, Logging, Route, Status, Subject};
use file::Files;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::broadcast;

/// How many entries are kept in memory for who asks later.
const KEPT: usize = 2000;

/// An entry that was written.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its kind.
    pub event: String,
    /// The client it is about, where it is about one.
    pub client_id: Option<String>,
    /// The entry as JSON.
    pub text: String,
}

/// The logs of a gateway. Cheap to clone.
#[derive(Clone)]
pub struct Logs {
    inner: Arc<Inner>,
}

struct Inner {
    books: Arc<Books>,
    watch: Watch,
    levels: RwLock<Arc<Levels>>,
    kept: Mutex<VecDeque<Arc<Line>>>,
    followers: broadcast::Sender<Arc<Line>>,
    files: Option<Files>,
    /// CloudWatch Logs, and the stream that this run writes to.
    ingest: Ingest,
    stream: Arc<str>,
    /// The group that all entries go to that no other is named for.
    common: Arc<str>,
}

/// The days that CloudWatch Logs keeps entries ("Monitor AWS IoT using CloudWatch Logs").
const RETENTION_DAYS: u32 = 30;

impl Logs {
    /// Logs with the options that the books have. `folder` is the data folder; without one entries are kept in memory alone.
    /// `watch` is what the broker looks at.
    #[must_use]
    pub fn new(books: Arc<Books>, watch: Watch, folder: Option<&Path>, ingest: Ingest) -> Self {
        let files = folder.map(|folder| Files::in_folder(&folder.join("logs")));
        let kept = files.as_ref().map(|files| files.last(KEPT)).unwrap_or_default();
        let stream = format!("{}_{}_0", books.ids.uuid(), books.scope.account);
        let inner = Inner {
            ingest,
            stream: stream.into(),
            common: file::COMMON.into(),
            books,
            watch,
            levels: RwLock::new(Arc::new(Levels::off())),
            kept: Mutex::new(kept.into_iter().map(|text| Arc::new(Line::read(text))).collect()),
            followers: broadcast::Sender::new(KEPT),
            files,
        };
        let logs = Self { inner: Arc::new(inner) };
        logs.refresh();
        logs
    }

    /// Takes the options over as they are now.
    pub fn refresh(&self) {
        let levels = self.inner.books.logging.read(Logging::levels);
        self.inner.watch.set(!levels.is_off());
        *self.inner.levels.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(levels);
    }

    /// The entries that are kept, and those to come.
    #[must_use]
    pub fn follow(&self) -> (Vec<Arc<Line>>, broadcast::Receiver<Arc<Line>>) {
        // Under the lock, so that none is missing between the two and none is in both.
        let kept = self.inner.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.iter().cloned().collect(), self.inner.followers.subscribe())
    }

    /// Writes what is on its way to the files.
    pub fn close(&self) {
        if let Some(files) = &self.inner.files {
            files.close();
        }
    }

    /// Writes an entry where the options ask for it; `fill` adds the attributes of its kind.
    pub fn tell(&self, event: EventType, who: Who<'_>, status: Status, fill: impl FnOnce(Entry) -> Entry) {
        if !self.inner.watch.is_on() {
            return;
        }
        let levels = Arc::clone(&self.inner.levels.read().unwrap_or_else(PoisonError::into_inner));
        let books = &self.inner.books;
        let ip = who.remote.map(|remote| remote.ip().to_canonical().to_string());
        let groups = if levels.asks_for_groups() { groups(books, who) } else { Vec::new() };
        let subject = Subject {
            client_id: Some(who.client_id).filter(|id| !id.is_empty()),
            principal_id: Some(who.principal).filter(|id| !id.is_empty()),
            source_ip: ip.as_deref(),
            groups: &groups,
        };
        let route = levels.route(event, status == Status::Success, &subject);
        if route == Route::Off {
            return;
        }
        let trace = books.ids.uuid().to_string();
        let entry = Entry::new(event, books.now(), trace, books.scope.account.to_string(), status);
        // Entries are plain maps of text and numbers, which JSON can always hold.
        let at = entry.at;
        let Ok(text) = serde_json::to_string(&fill(entry)) else { return };
        // JSON leaves some characters as they are that a terminal obeys, and people look into these files.
        let text = crate::shown::line(&text).into_owned();
        if let Some(files) = &self.inner.files {
            files.write(if let Route::Own(group) = route { group } else { file::COMMON }, &text);
        }
        self.inner.ingest.tell(Kept {
            group: if let Route::Own(group) = route { group.into() } else { Arc::clone(&self.inner.common) },
            retention_days: Some(RETENTION_DAYS),
            stream: Arc::clone(&self.inner.stream),
            at,
            text: text.clone(),
        });
        let client_id = subject.client_id.map(str::to_owned);
        let line = Arc::new(Line { event: event.as_str().to_owned(), client_id, text });
        let mut kept = self.inner.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&line));
        // Nobody may be following.
        let _ = self.inner.followers.send(line);
    }

    /// Tells what happens on a connection.
    pub fn happened(&self, who: Who<'_>, what: Happening<'_>) {
        let plain = |entry: Entry| mqtt(entry, who);
        let ok = Status::Success;
        match what {
            Happening::Connected => self.tell(EventType::Connect, who, ok, plain),
            Happening::ConnectFailed(reason) => {
                self.tell(EventType::Connect, who, failure(reason, "the connect was refused"), plain);
            }
            Happening::Disconnected(reason) => {
                // That another client took the id over is an error to AWS: two devices may share it, and throw each other off.
                let status = match reason {
                    DisconnectReason::DuplicateClientid => {
                        failure("DUPLICATE_CLIENT_ID", "A new connection was established with the same client ID")
                    }
                    _ => ok,
                };
                self.tell(EventType::Disconnect, who, status, |entry| {
                    plain(entry).with("disconnectReason", reason.as_str())
                });
            }
            Happening::Pinged => self.tell(EventType::Ping, who, ok, |entry| {
                let at = entry.at.to_string();
                plain(entry).with("latency", 0).with("requestTimestamp", at.clone()).with("responseTimestamp", at)
            }),
            Happening::PublishIn { topic, retain, failure: why } => {
                let status = why.map_or(ok, |reason| failure(reason, "the message was not taken in"));
                self.tell(EventType::PublishIn, who, status, |entry| {
                    topic_of(entry, who, topic).with_some("retain", retain.then_some("True"))
                });
            }
            Happening::PublishOut(topic) => {
                self.tell(EventType::PublishOut, who, ok, |entry| topic_of(entry, who, topic));
            }
            Happening::Queued(topic) => self.tell(EventType::Queued, who, ok, |entry| queued(entry, who, topic)),
            Happening::Subscribed(filters) => {
                let refused = filters.iter().any(|(_, code)| *code >= 0x80);
                let status = if refused { failure(reason_of(filters), "not every filter was granted") } else { ok };
                self.tell(EventType::Subscribe, who, status, |entry| {
                    let joined = filters.iter().map(|(filter, _)| filter.as_str()).collect::<Vec<_>>().join(",");
                    let each = |(filter, code): &(_, u8)| json!({ "topicName": filter, "reasonCode": code });
                    let all: Vec<Value> = filters.iter().map(each).collect();
                    topic_of(entry, who, &joined).with("subscriptions", all)
                });
            }
            Happening::Unsubscribed(_) => self.tell(EventType::Unsubscribe, who, ok, plain),
        }
    }

    /// Tells of an event, where it has a kind of entry that nothing else writes.
    pub fn event(&self, event: &Event) {
        if let Event::DeviceCredentials { certificate_id, success, details, .. } = event {
            let who = Who { client_id: "", principal: certificate_id.as_str(), remote: None };
            let status = if *success { Status::Success } else { failure("ACCESS_DENIED", details.clone()) };
            self.tell(EventType::GetDeviceCredentials, who, status, |entry| {
                let told = success.then(|| details.clone());
                entry.with("deviceCertificateId", certificate_id.as_str()).with_some("details", told)
            });
        }
    }

    /// Tells how the provisioning of a device went: by the template of this name, where it has one, for this certificate, where
    /// it came as far as that.
    pub fn provisioned(
        &self,
        who: Who<'_>,
        template: Option<&str>,
        certificate: Option<&CertificateId>,
        status: Status,
        details: &str,
    ) {
        let told = (status == Status::Success).then(|| details.to_owned());
        self.tell(EventType::ProvisionDevice, who, status, |entry| {
            let entry = entry.with_some("provisioningTemplateName", template);
            entry.with_some("deviceCertificateId", certificate.map(CertificateId::as_str)).with_some("details", told)
        });
    }

    /// Tells of a message that did not arrive; what was refused on its way in is told by [`Logs::happened`].
    pub fn dropped(&self, dropped: &Dropped<'_>) {
        let who = Who { client_id: dropped.client_id, principal: "", remote: None };
        if dropped.inbound {
            if dropped.reason == DropReason::RetainedQuota {
                let status = failure(dropped.reason.as_str(), "the message was not retained");
                self.tell(EventType::PublishIn, who, status, |entry| topic_of(entry, who, dropped.topic));
            }
            return;
        }
        let status = failure(dropped.reason.as_str(), "the message was dropped");
        if dropped.reason == DropReason::QueueFull {
            let status = failure(dropped.reason.as_str(), "Throttled while queueing offline message");
            self.tell(EventType::Queued, who, status, |entry| queued(entry, who, dropped.topic));
        } else {
            self.tell(EventType::PublishOut, who, status, |entry| topic_of(entry, who, dropped.topic));
        }
    }
}

/// A failure with AWS's word for it, and a sentence.
#[must_use]
pub fn failure(reason: impl Into<String>, details: impl Into<String>) -> Status {
    Status::Failure { reason: reason.into(), details: details.into() }
}

fn mqtt(entry: Entry, who: Who<'_>) -> Entry {
    connection(entry.with("protocol", "MQTT"), who)
}

/// The attributes that tell of a connection.
fn connection(entry: Entry, who: Who<'_>) -> Entry {
    entry
        .with_some("clientId", Some(who.client_id).filter(|id| !id.is_empty()))
        .with_some("principalId", Some(who.principal).filter(|id| !id.is_empty()))
        .with_some("sourceIp", who.remote.map(|remote| remote.ip().to_canonical().to_string()))
        .with_some("sourcePort", who.remote.map(|remote| remote.port()))
}

fn topic_of(entry: Entry, who: Who<'_>, topic: &str) -> Entry {
    connection(entry.with("protocol", "MQTT").with("topicName", topic), who)
}

fn queued(entry: Entry, who: Who<'_>, topic: &str) -> Entry {
    entry.with("topicName", topic).with("clientId", who.client_id).with("qos", "1").with("protocol", "MQTT")
}

/// Of the codes of a SUBACK the first that refuses, in words.
fn reason_of<T>(filters: &[(T, u8)]) -> &'static str {
    match filters.iter().map(|(_, code)| *code).find(|code| *code >= 0x80) {
        Some(0x87) => "AUTHORIZATION_FAILURE",
        Some(0x8f) => "INVALID_TOPIC_FILTER",
        Some(0x97) => "QUOTA_EXCEEDED",
        _ => "CLIENT_ERROR",
    }
}

/// The groups of the connection's thing, each with those above it, nearest first.
fn groups(books: &Books, who: Who<'_>) -> Vec<Vec<String>> {
    let Ok(id) = CertificateId::new(who.principal) else { return Vec::new() };
    let arn = books.scope.certificate(&id);
    let name = |arn: &Arn| arn.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    books.registry.read(|registry| {
        let Some(attributed) = registry.attribute(arn.as_str(), who.client_id) else { return Vec::new() };
        let own = registry.groups_of(attributed.thing.as_str());
        let lines: Vec<Vec<String>> = own
            .iter()
            .map(name)
            .map(|group| {
                let above = registry.groups_above(&group);
                std::iter::once(group).chain(above.iter().map(name)).collect()
            })
            .collect();
        // A group that stands above another of the thing's is in that one's line already.
        let inner = |line: &Vec<String>| lines.iter().any(|other| other.len() > line.len() && other.ends_with(line));
        lines.iter().filter(|line| !inner(line)).cloned().collect()
    })
}

impl Line {
    fn read(text: String) -> Self {
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let get = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Self { event: get("eventType").unwrap_or_default(), client_id: get("clientId"), text }
    }
}

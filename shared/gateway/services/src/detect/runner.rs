//! Changes of the book, with what follows from them: alerts are sent, datapoints are exported, devices are counted or not.

use drydock_broker::{Message, Origin, Qos};
use drydock_cloud::sns::publish::Publish;
use drydock_core::{ApiError, Arn, Done};
use drydock_detect::violation::Alert;
use drydock_detect::{Context, Detect, Export, Fleet};
use drydock_host::Host;
use drydock_host::books::Books;
use drydock_host::notice::{Notice, Tone, Topic, help};
use drydock_host::roles::Unassumable;
use drydock_identity::trust::Assumer;
use drydock_registry::Registry;
use drydock_timers::Reminder;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The service that assumes roles.
const IOT: &str = "iot.amazonaws.com";
/// How long a period is, in milliseconds.
pub(super) const PERIOD: i64 = behaviors::PERIOD * 1000;

/// The things of a registry.
pub(super) struct Registered<'r>(pub(super) &'r Registry);

impl Fleet for Registered<'_> {
    fn has_thing(&self, thing: &str) -> bool {
        self.0.thing_id(thing).is_some()
    }

    fn has_group(&self, group: &str) -> bool {
        self.0.has_thing_group(group)
    }

    fn groups_of(&self, thing: &str) -> Vec<String> {
        self.0.group_names_of(thing).iter().map(ToString::to_string).collect()
    }

    fn groups_above(&self, group: &str) -> Vec<String> {
        let above = self.0.groups_above(group);
        above.iter().filter_map(|arn| arn.resource().strip_prefix("thinggroup/").map(str::to_owned)).collect()
    }
}

pub(super) fn context<'c>(books: &'c Books, fleet: &'c dyn Fleet) -> Context<'c> {
    Context { now: books.now(), fleet, ids: books.ids.as_ref() }
}

/// Runs changes of the book.
pub(crate) struct Runner {
    pub(super) host: Host,
    /// For when a period ends.
    pub(super) reminder: Reminder,
    /// Whether devices are counted.
    on: AtomicBool,
    /// That alerts are being sent: one after the other.
    telling: tokio::sync::Mutex<()>,
}

impl Runner {
    pub(super) fn new(host: Host) -> Self {
        let reminder = host.books.time.reminder("Device Defender Detect");
        Self { host, reminder, on: AtomicBool::new(false), telling: tokio::sync::Mutex::default() }
    }

    /// Whether devices are counted.
    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Runs a command on the book.
    pub(crate) async fn change<T, E: From<ApiError>>(
        self: &Arc<Self>,
        command: impl FnOnce(&mut Detect, &Context<'_>) -> Result<Done<T>, E>,
    ) -> Result<T, E> {
        let reply = self.quietly(command).await?;
        self.settled();
        Ok(reply)
    }

    /// Runs a command on the book, and leaves what follows from it to the caller.
    pub(super) async fn quietly<T, E: From<ApiError>>(
        &self,
        command: impl FnOnce(&mut Detect, &Context<'_>) -> Result<Done<T>, E>,
    ) -> Result<T, E> {
        let books = &self.host.books;
        let change = books.change_or((&books.registry, &books.detect), |(registry, detect)| {
            let fleet = Registered(registry);
            let context = context(books, &fleet);
            detect.apply(|book| command(book, &context))
        });
        change.await
    }

    /// Sees to what follows from a change.
    pub(super) fn settled(self: &Arc<Self>) {
        self.refresh();
        if self.host.books.detect.read(Detect::has_untold) {
            let runner = Arc::clone(self);
            self.host.tasks.spawn(async move { runner.tell().await });
        }
    }

    /// Counts devices where a profile is attached to anything, and only then.
    pub(super) fn refresh(&self) {
        let books = &self.host.books;
        let (on, waits) = books.detect.read(|book| (book.is_on(), book.waits()));
        if self.on.swap(on, Ordering::Relaxed) != on {
            self.host.broker.count_usage(on);
        }
        if waits {
            let now = books.now();
            self.reminder.by(now.plus_millis(PERIOD - now.millis().rem_euclid(PERIOD)));
        }
    }

    /// Sends the alerts that are not known to have been sent, the oldest first. One that can never be sent is told of and left.
    pub(super) async fn tell(&self) {
        let _one = self.telling.lock().await;
        for alert in self.host.books.detect.read(Detect::untold) {
            if let Err(why) = self.send(&alert).await {
                self.failed(&alert.topic, &format!("an alert could not be sent: {why}"));
            }
            let told = self.quietly(|book, _| Ok::<_, ApiError>(book.told(&alert.key))).await;
            if let Err(error) = told {
                // It is sent again at the next start, or with the next alert.
                tracing::warn!(%error, "that an alert was sent could not be kept");
                return;
            }
        }
    }

    async fn send(&self, alert: &Alert) -> Result<(), String> {
        self.may(&alert.role)?;
        let topic = Arn::parse(&alert.topic).ok_or_else(|| format!("`{}` is not an ARN", alert.topic))?;
        let sent = self.host.cloud.sns().publish(&topic, Publish::text(alert.message.as_str())).await;
        sent.map(drop).map_err(|error| error.to_string())
    }

    /// Publishes datapoints.
    pub(super) async fn export(&self, exports: Vec<Export>) {
        for Export { topic, role, payload } in exports {
            let published = match self.may(&role) {
                Ok(()) => {
                    let message = Message::new(topic.as_str(), payload).with_qos(Qos::AtLeastOnce);
                    self.host.broker.publish(message, Origin::Outside).map_err(|error| error.to_string())
                }
                Err(why) => Err(why),
            };
            let durable = match published {
                Ok(publication) => publication.durable().await.map_err(|error| error.to_string()),
                Err(why) => Err(why),
            };
            if let Err(why) = durable {
                self.failed(&topic, &format!("metrics could not be exported: {why}"));
            }
        }
    }

    /// Whether AWS IoT may assume a role.
    fn may(&self, role: &str) -> Result<(), String> {
        let scope = &self.host.books.scope;
        let source = scope.arn("iot", "*");
        let who = Assumer { service: IOT, source_account: &scope.account, source_arn: source.as_str() };
        match self.host.assume(role, who, 0) {
            Err(Unassumable::Untrusting(why)) => {
                Err(format!("the role `{role}` cannot be assumed: {}", why.join("; ")))
            }
            Ok(()) | Err(Unassumable::TooLong(_)) => Ok(()),
        }
    }

    fn failed(&self, whom: &str, why: &str) {
        tracing::warn!(to = whom, why, "Device Defender Detect");
        self.host.told.notices.tell(|| Notice {
            at: self.host.books.now(),
            tone: Tone::Bad,
            topic: Topic::Defender,
            subject: whom.to_owned(),
            text: why.to_owned(),
            reasons: help("look at the topic, and at the role that the security profile names"),
        });
    }
}

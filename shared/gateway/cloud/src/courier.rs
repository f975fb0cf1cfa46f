//! What EventBridge and its Scheduler hand to their targets: kept until it is handed over, tried again while that may help, and at last
//! given to the dead letters.
//!
//! Follows "How EventBridge retries delivering events" and "Configuring a dead-letter queue for EventBridge Scheduler" of the user guides.

use crate::context::{Context, lock};
use crate::delivery::{Failure, Outlets};
use crate::error::CloudError;
use crate::journal::Rows;
use crate::notice::Notice;
use crate::sqs::message::Attribute;
use crate::stand_in::Parcel;
use crate::universal::Universal;
use drydock_core::{Arn, Timestamp, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The wait before the first retry, in milliseconds; it doubles each time, up to [`SLOWEST`]. AWS says no more than that it backs off.
const FIRST: i64 = 1000;
const SLOWEST: i64 = 15 * 60 * 1000;
/// The retries and the seconds that targets have unless they say otherwise, which are the most that they may say.
const RETRIES: u32 = 185;
const MAX_AGE: u32 = 86_400;
/// The number of the attempt, in the input of a schedule's target ("Adding context attributes").
const ATTEMPT: &str = "<aws.scheduler.attempt-number>";

/// Whether it is on disk that a delivery is forgotten.
type Forgotten = Result<(), CloudError>;

/// Something to be handed to a target.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    /// Its own id, which is told to the target where that asks for it.
    pub(crate) id: String,
    /// The rule or schedule.
    pub(crate) from: String,
    /// The target's ARN.
    pub(crate) to: String,
    /// What it gets.
    pub(crate) body: String,
    /// Whether a function's policy has to let the rule in; the Scheduler goes by its role.
    pub(crate) by_policy: bool,
    /// The queue of what cannot be handed over.
    pub(crate) dead_letter: Option<String>,
    /// When it was due.
    pub(crate) due: Timestamp,
    /// How many retries there are.
    pub(crate) retries: u32,
    /// For how many seconds from when it was due it is tried.
    pub(crate) max_age: u32,
    /// How often it was tried.
    #[serde(default)]
    pub(crate) attempts: u32,
    /// When it is tried next.
    pub(crate) next: Timestamp,
}

impl Delivery {
    /// What a rule or schedule hands to a target now, by the target's `Arn`, `RetryPolicy` and `DeadLetterConfig`.
    pub(crate) fn new(target: &Map<String, Value>, id: String, from: String, body: String, now: Timestamp) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str, otherwise: u32| {
            let given = target.get("RetryPolicy").and_then(|policy| policy.get(name)).and_then(Value::as_u64);
            given.and_then(|given| u32::try_from(given).ok()).unwrap_or(otherwise)
        };
        Self {
            id,
            from,
            to: text(target.get("Arn")).unwrap_or_default(),
            body,
            by_policy: false,
            dead_letter: text(target.get("DeadLetterConfig").and_then(|config| config.get("Arn"))),
            due: now,
            retries: number("MaximumRetryAttempts", RETRIES),
            max_age: number("MaximumEventAgeInSeconds", MAX_AGE),
            attempts: 0,
            next: now,
        }
    }

    /// What the target gets at an attempt.
    fn content(&self, attempt: u32) -> String {
        if self.by_policy { self.body.clone() } else { self.body.replace(ATTEMPT, &attempt.to_string()) }
    }
}

/// Why the `DeadLetterConfig` or the `RetryPolicy` of a target is not one; `within` is what their names stand behind.
pub(crate) fn check(target: &Map<String, Value>, within: &str) -> Result<(), String> {
    if let Some(queue) = target.get("DeadLetterConfig").and_then(|config| config.get("Arn")) {
        let queue = queue.as_str().and_then(Arn::parse).filter(|arn| arn.service() == "sqs");
        queue.ok_or_else(|| format!("`{within}DeadLetterConfig.Arn` must be the ARN of a queue"))?;
    }
    for (name, least, most) in [("MaximumRetryAttempts", 0_u32, RETRIES), ("MaximumEventAgeInSeconds", 60, MAX_AGE)] {
        let given = target.get("RetryPolicy").and_then(|policy| policy.get(name));
        let range = u64::from(least)..=u64::from(most);
        if given.is_some_and(|given| !given.as_u64().is_some_and(|given| range.contains(&given))) {
            return Err(format!("`{within}RetryPolicy.{name}` must be {least} to {most}"));
        }
    }
    Ok(())
}

/// The deliveries of one service.
pub(crate) struct Courier {
    context: Arc<Context>,
    outlets: Arc<Outlets>,
    universal: Universal,
    table: &'static str,
    /// What the dead letters call whose delivery it was: `RULE_ARN` or `SCHEDULE_ARN`.
    from: &'static str,
    held: Mutex<BTreeMap<String, Delivery>>,
}

impl Courier {
    pub(crate) fn open(
        context: &Arc<Context>,
        outlets: &Arc<Outlets>,
        (table, from): (&'static str, &'static str),
        rows: &Rows,
    ) -> Result<Self, CloudError> {
        let held = Mutex::new(rows.table(table)?.into_iter().collect());
        let universal = Universal::new(Arc::clone(outlets));
        Ok(Self { context: Arc::clone(context), outlets: Arc::clone(outlets), universal, table, from, held })
    }

    /// Who does what targets ask of other APIs.
    pub(crate) fn universal(&self) -> &Universal {
        &self.universal
    }

    /// The row of a delivery, for the commit of what it follows from.
    pub(crate) fn row(&self, delivery: &Delivery) -> Write {
        // A delivery is texts and numbers: writing it as JSON does not fail.
        Write::put(self.table, delivery.id.clone(), serde_json::to_string(delivery).unwrap_or_default())
    }

    /// Takes deliveries whose rows are written, to be tried when they are due.
    pub(crate) fn take(&self, deliveries: impl IntoIterator<Item = Delivery>) {
        lock(&self.held).extend(deliveries.into_iter().map(|delivery| (delivery.id.clone(), delivery)));
    }

    /// Hands over what is due, in the order that it was due in; says when the next is.
    pub(crate) async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let mut due: Vec<Delivery> = lock(&self.held).values().filter(|one| one.next <= now).cloned().collect();
        due.sort_by(|one, other| (one.due, &one.from, &one.id).cmp(&(other.due, &other.from, &other.id)));
        let mut done = Vec::new();
        for delivery in due {
            done.extend(self.hand_over(delivery, now).await);
        }
        for written in done {
            if let Err(error) = written.await {
                tracing::error!(%error, "what was handed over could not be taken out of the journal");
            }
        }
        lock(&self.held).values().map(|one| one.next).min()
    }

    /// Hands one over, or tries to; gives what resolves once it is forgotten durably, where it is.
    async fn hand_over(
        &self,
        mut delivery: Delivery,
        now: Timestamp,
    ) -> Option<impl Future<Output = Forgotten> + Send> {
        let Err(failure) = self.attempt(&delivery).await else { return Some(self.done(&delivery.id)) };
        delivery.attempts += 1;
        let wait = FIRST.saturating_mul(1 << (delivery.attempts - 1).min(20)).min(SLOWEST);
        delivery.next = now.plus_millis(wait);
        let too_old = delivery.next.since(delivery.due) > i64::from(delivery.max_age) * 1000;
        if failure.passing && delivery.attempts <= delivery.retries && !too_old {
            // Where all were forgotten meanwhile this one is not to come back.
            if let Some(held) = lock(&self.held).get_mut(&delivery.id) {
                self.context.journal.submit(vec![self.row(&delivery)]);
                *held = delivery;
            }
            return None;
        }
        let exhausted = match (failure.passing, too_old) {
            (false, _) => None,
            (true, true) => Some("MaximumEventAgeInSeconds"),
            (true, false) => Some("MaximumRetryAttempts"),
        };
        self.give_up(&delivery, &failure, exhausted).await;
        Some(self.done(&delivery.id))
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<(), Failure> {
        let missing = |message: String| Failure::lasting("ResourceNotFoundException", message);
        let to = Arn::parse(&delivery.to).ok_or_else(|| missing(format!("`{}` is not an ARN", delivery.to)))?;
        let body = delivery.content(delivery.attempts + 1);
        if let Some(call) = self.universal.of(&to) {
            return call.map_err(missing)?.make(&body).await;
        }
        let from = Arn::parse(&delivery.from).filter(|_| delivery.by_policy && to.service() == "lambda");
        let sender = from.map(|from| ("events.amazonaws.com", from));
        let parcel = Parcel { body, sender, ..Parcel::default() };
        self.outlets.send(&to, parcel).await.map_err(missing)
    }

    async fn give_up(&self, delivery: &Delivery, failure: &Failure, exhausted: Option<&str>) {
        let why = format!("{}: {}", failure.code, failure.message);
        let tell = |to: &str, why: String| {
            let (from, to) = (delivery.from.clone(), to.to_owned());
            self.context.tell(Notice::DeliveryFailed { from, to, why });
        };
        tell(&delivery.to, why);
        let Some(queue) = delivery.dead_letter.as_deref() else { return };
        let text = |value: &str| Attribute::string(value.chars().take(1024).collect::<String>());
        let mut attributes = BTreeMap::from([
            (self.from.to_owned(), text(&delivery.from)),
            ("TARGET_ARN".to_owned(), text(&delivery.to)),
            ("ERROR_CODE".to_owned(), text(&failure.code)),
            ("ERROR_MESSAGE".to_owned(), text(&failure.message)),
            ("RETRY_ATTEMPTS".to_owned(), text(&(delivery.attempts - 1).to_string())),
        ]);
        if let Some(exhausted) = exhausted {
            attributes.insert("EXHAUSTED_RETRY_CONDITION".to_owned(), text(exhausted));
        }
        let Some(arn) = Arn::parse(queue) else { return tell(queue, "it is not an ARN".to_owned()) };
        let parcel = Parcel { body: delivery.content(delivery.attempts), attributes, ..Parcel::default() };
        if let Err(why) = self.outlets.send(&arn, parcel).await {
            tell(queue, why);
        }
    }

    /// Forgets a delivery. A crash before that is on disk costs that it is made again, which at-least-once allows.
    fn done(&self, id: &str) -> impl Future<Output = Forgotten> + Send + use<> {
        lock(&self.held).remove(id);
        self.context.journal.begin(vec![Write::delete(self.table, id)])
    }

    /// Forgets all of them; what is to be deleted.
    pub(crate) fn clear(&self) -> Vec<Write> {
        std::mem::take(&mut *lock(&self.held)).into_keys().map(|id| Write::delete(self.table, id)).collect()
    }
}

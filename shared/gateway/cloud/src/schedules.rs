//! Schedules of EventBridge: scheduled rules, and those of the Scheduler. Each runs on the gateway's clock, so that a week of them passes
//! when the clock is advanced by one. Nothing is kept: the template makes them at each start, and what would have run while the
//! gateway was down does not run later.
//!
//! Follows "Creating an EventBridge scheduled rule" and "Schedule types in EventBridge Scheduler" of their user guides.

mod expression;

use crate::context::{Context, lock};
use crate::delivery::Outlets;
use crate::notice::Notice;
use crate::stand_in::Parcel;
use drydock_core::{Arn, Timestamp};
use drydock_timers::{Name, Work};
pub use expression::{Expression, NotAnExpression};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// Something that happens again and again, or once.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The ARN of the rule or schedule, the source of its invokes.
    pub arn: Arn,
    /// When.
    pub expression: Expression,
    /// Not before.
    pub start: Option<Timestamp>,
    /// Not after.
    pub end: Option<Timestamp>,
    /// Whether it is of the Scheduler, which goes by a role, or a rule, which a function's policy has to let in.
    pub of_scheduler: bool,
    /// What is invoked.
    pub targets: Vec<Target>,
}

/// What a schedule invokes.
#[derive(Debug, Clone)]
pub struct Target {
    /// The function, queue or topic.
    pub arn: Arn,
    /// What it gets; the service's own event where the template says nothing.
    pub input: Option<String>,
    /// The queue that gets what cannot be handed over.
    pub dead_letter: Option<Arn>,
}

/// The schedules that run.
pub struct Schedules {
    context: Arc<Context>,
    outlets: Arc<Outlets>,
    /// Dropped, a sender ends its schedule.
    running: Mutex<BTreeMap<Arn, oneshot::Sender<()>>>,
}

impl Schedules {
    pub(crate) fn new(context: Arc<Context>, outlets: Arc<Outlets>) -> Self {
        Self { context, outlets, running: Mutex::default() }
    }

    /// Starts a schedule, in the place of one of the same ARN.
    pub fn start(&self, schedule: Schedule) {
        let (stop, stopped) = oneshot::channel();
        lock(&self.running).insert(schedule.arn.clone(), stop);
        let (context, outlets) = (Arc::clone(&self.context), Arc::clone(&self.outlets));
        // Held until the first wait is registered, so that the clock does not run past it.
        let work = self.context.timers.work(name(&schedule));
        self.context.spawn(async move {
            tokio::select! {
                () = run(&context, &outlets, &schedule, work) => {}
                _ = stopped => {}
            }
        });
    }

    pub(crate) fn clear(&self) {
        lock(&self.running).clear();
    }
}

fn name(schedule: &Schedule) -> Name {
    Name::new("schedule", schedule.arn.as_str())
}

async fn run(context: &Context, outlets: &Outlets, schedule: &Schedule, mut work: Work) {
    let made = context.now();
    let mut last = made;
    while let Some(next) = schedule.expression.after(last, made) {
        if schedule.end.is_some_and(|end| next > end) {
            return;
        }
        last = next;
        if schedule.start.is_some_and(|start| next < start) {
            continue;
        }
        let due = context.timers.until(name(schedule), next);
        drop(work);
        work = due.await;
        let woken = context.now();
        for target in &schedule.targets {
            hand_over(context, outlets, schedule, target, next).await;
        }
        // What a jump of the clock has passed over is not made up for.
        if schedule.expression.after(next, made).is_some_and(|following| following < woken) {
            last = woken;
        }
    }
}

async fn hand_over(context: &Context, outlets: &Outlets, schedule: &Schedule, target: &Target, at: Timestamp) {
    let id = context.uuid();
    let body = match &target.input {
        Some(input) if schedule.of_scheduler => filled(input, schedule, at, &id),
        Some(input) => input.clone(),
        None => event(context, schedule, at, &id),
    };
    // A rule is a service that the function's policy has to let in; the Scheduler goes by its role.
    let by_policy = target.arn.service() == "lambda" && !schedule.of_scheduler;
    let sender = by_policy.then(|| ("events.amazonaws.com", schedule.arn.clone()));
    let sent = outlets.send(&target.arn, Parcel { body: body.clone(), sender, ..Parcel::default() }).await;
    let Err(why) = sent else { return };
    context.tell(Notice::DeliveryFailed { from: schedule.arn.to_string(), to: target.arn.to_string(), why });
    if let Some(queue) = &target.dead_letter
        && let Err(why) = outlets.send(queue, Parcel { body, ..Parcel::default() }).await
    {
        context.tell(Notice::DeliveryFailed { from: schedule.arn.to_string(), to: queue.to_string(), why });
    }
}

/// What a target gets that has no input of its own.
fn event(context: &Context, schedule: &Schedule, at: Timestamp, id: &str) -> String {
    let scope = &context.config.scope;
    let mut event = json!({
        "version": "0",
        "id": id,
        "detail-type": "Scheduled Event",
        "source": if schedule.of_scheduler { "aws.scheduler" } else { "aws.events" },
        "account": scope.account.as_str(),
        "time": seconds(at),
        "region": scope.region.as_str(),
        "resources": [schedule.arn.as_str()],
    });
    if let Some(event) = event.as_object_mut() {
        // The Scheduler's is a string.
        event.insert("detail".to_owned(), if schedule.of_scheduler { json!("{}") } else { json!({}) });
    }
    event.to_string()
}

/// The keywords that the Scheduler fills in ("Adding context attributes").
fn filled(input: &str, schedule: &Schedule, at: Timestamp, id: &str) -> String {
    [
        ("<aws.scheduler.schedule-arn>", schedule.arn.as_str()),
        ("<aws.scheduler.scheduled-time>", &seconds(at)),
        ("<aws.scheduler.execution-id>", id),
        ("<aws.scheduler.attempt-number>", "1"),
    ]
    .into_iter()
    .fold(input.to_owned(), |text, (keyword, value)| text.replace(keyword, value))
}

fn seconds(at: Timestamp) -> String {
    let text = at.to_string();
    text.split('.').next().map_or_else(|| text.clone(), |whole| format!("{}Z", whole.trim_end_matches('Z')))
}

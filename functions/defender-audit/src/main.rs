//! The `defender-audit` function: answers the audits of AWS IoT Device Defender. It mitigates, suppresses, has devices remedied or tells people,
//! as the response plans say, and keeps a report.
//!
//! Invoked by the queue that the audits' notifications come to by SNS. Here is the wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `AUDITS_TABLE` | a report per audit, by `taskId` |
//! | `RESPONSE_PLANS_TABLE` | what is to be done, by `about`: see `fleet::defender::plan` |
//! | `JOB_EVENTS_QUEUE_URL` | the queue of `job-orchestration`, which is asked for releases |
//! | `QUARANTINE_QUEUE_URL` | where a message goes that cannot be read |
//! | `ALERTS_TOPIC_ARN` | where people are told |
//! | `IOT_ARN` | how the ARNs of this account's certificates begin: `arn:aws:iot:REGION:ACCOUNT` |

// The SDK's futures are deep, and those of this function hold several of them.
#![recursion_limit = "256"]

mod handler;

use fleet::defender::audit::{Act, Report};
use fleet_aws::defender::Defender;
use fleet_aws::dynamodb::{self, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::sns::{self, Topic};
use fleet_aws::sqs::{self, Queue};
use fleet_aws::{clock, config, env, logging};
use handler::{AuditError, Handled, Outside, Ports};
use iot_events::SqsBatch;
use lambda_runtime::{Error, LambdaEvent, service_fn};

/// AWS.
struct Aws;

impl Outside for Aws {
    type Audits = Table;
    type Plans = Table;
    type Defender = Defender;
    type Releases = Queue;
    type Quarantine = Queue;
    type Alerts = Topic;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let config = config::load().await;
    let (tables, queues, topics) =
        (dynamodb::Client::new(&config), sqs::Client::new(&config), sns::Client::new(&config));
    let audits = Table::new(&tables, env::required("AUDITS_TABLE")?);
    let plans = Table::new(&tables, env::required("RESPONSE_PLANS_TABLE")?);
    let defender = Defender::new(&config, env::required("IOT_ARN")?);
    let releases = Queue::new(&queues, env::required("JOB_EVENTS_QUEUE_URL")?);
    let quarantine = Queue::new(&queues, env::required("QUARANTINE_QUEUE_URL")?);
    let alerts = Topic::new(&topics, env::required("ALERTS_TOPIC_ARN")?);
    let ports: Ports<'_, Aws> = Ports {
        audits: &audits,
        plans: &plans,
        defender: &defender,
        releases: &releases,
        quarantine: &quarantine,
        alerts: &alerts,
    };
    let ports = &ports;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsBatch>| async move {
        let now = clock::now();
        let (response, handled) = handler::handle_batch(ports, &event.payload, now).await;
        count(&handled, now);
        Ok::<_, Error>(response)
    }))
    .await
}

fn count(all: &[Result<Handled, AuditError>], now: i64) {
    let mut metrics = Metrics::of("defender-audit");
    for handled in all {
        match handled {
            Ok(Handled::Answered(report)) => answered(&mut metrics, report),
            Ok(Handled::Known) => metrics.count("Known", 1),
            Ok(Handled::Quarantined) => metrics.count("Quarantined", 1),
            Err(error) => metrics.failed(error),
        }
    }
    metrics.emit(now);
}

fn answered(metrics: &mut Metrics, report: &Report) {
    metrics.count("Answered", 1);
    for check in &report.checks {
        metrics.count("HeldBack", usize::from(check.held_back.is_some()));
        match &check.act {
            Some(Act::Mitigate(_)) => metrics.count("Mitigated", 1),
            Some(Act::Suppress { .. }) => metrics.count("Suppressed", 1),
            Some(Act::Remedy { .. }) => metrics.count("Remedied", 1),
            None => {}
        }
    }
    tracing::info!(
        audit = report.task_id,
        status = report.status,
        checks = report.checks.len(),
        "an audit was answered"
    );
}

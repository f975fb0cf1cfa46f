//! The `defender-detect` function: judges the behaviors of devices as AWS IoT Device Defender Detect does, for accounts that cannot have
//! Detect, which AWS closed to new customers on 2026-08-31.
//!
//! Invoked by the queue behind the rules on presence events, on the devices' topics and on their reports, and by its own queue, which
//! brings a period of a device back once it can be judged. Here is the wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `DETECTION_TABLE` | a row per device (`thingName` and `row`, which is `state`), and one per device and period of five minutes |
//! | `LOOK_QUEUE_URL` | the queue of periods to judge |
//! | `QUARANTINE_QUEUE_URL` | where a message goes that cannot be read |
//! | `VIOLATIONS_TOPIC_ARN` | where violations are told, in the form of Detect's alerts |
//! | `SECURITY_PROFILE` | what is normal: `securityProfileName` and `behaviors` as `CreateSecurityProfile` has them, and the `dimensions` (topic filters) and `customMetrics` (types) that behaviors name, each by name |

mod handler;

use fleet::detection::profile::Profile;
use fleet_aws::dynamodb::{self, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::sns::{self, Topic};
use fleet_aws::sqs::{self, Queue};
use fleet_aws::{clock, config, env, logging};
use handler::{DetectionError, Handled, Ports};
use iot_events::{BatchResponse, SqsBatch};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let profile = Profile::read(&env::required("SECURITY_PROFILE")?)?;
    let config = config::load().await;
    let (tables, queues, topics) =
        (dynamodb::Client::new(&config), sqs::Client::new(&config), sns::Client::new(&config));
    let table = Table::new(&tables, env::required("DETECTION_TABLE")?);
    let looks = Queue::new(&queues, env::required("LOOK_QUEUE_URL")?);
    let quarantine = Queue::new(&queues, env::required("QUARANTINE_QUEUE_URL")?);
    let topic = Topic::new(&topics, env::required("VIOLATIONS_TOPIC_ARN")?);
    let ports = Ports { table: &table, looks: &looks, quarantine: &quarantine, topic: &topic };
    let (ports, profile) = (&ports, &profile);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsBatch>| async move {
        let now = clock::now();
        let (response, handled) = handler::handle_batch(ports, profile, &event.payload, now).await;
        count(&handled, now);
        Ok::<BatchResponse, Error>(response)
    }))
    .await
}

/// Logs and counts.
fn count(all: &[Result<Handled, DetectionError>], now: i64) {
    let mut metrics = Metrics::of("defender-detect");
    for handled in all {
        match handled {
            Ok(Handled::Observed { late }) => metrics.count(if *late { "Late" } else { "Observed" }, 1),
            Ok(Handled::Judged(judged)) => {
                metrics.count("PeriodsJudged", judged.periods);
                for (change, behavior) in &judged.told {
                    tracing::info!(thing_name = judged.thing_name, behavior, change, "violation");
                    metrics.count(
                        match *change {
                            "in-alarm" => "Violations",
                            "alarm-cleared" => "ViolationsCleared",
                            _ => "ViolationsInvalidated",
                        },
                        1,
                    );
                }
            }
            Ok(Handled::Quarantined) => metrics.count("Quarantined", 1),
            Err(error) => metrics.failed(error),
        }
    }
    metrics.emit(now);
}

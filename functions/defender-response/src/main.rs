//! The `defender-response` function: answers the violations of AWS IoT Device Defender Detect. It puts devices into quarantine and takes them
//! out again, has them remedied, or tells people, as the response plans say.
//!
//! Invoked by the queue that Detect's alerts come to by SNS. Here is the wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `VIOLATIONS_TABLE` | a row per device, by `thingName` |
//! | `RESPONSE_PLANS_TABLE` | what is to be done, by `about`: see `fleet::defender::plan` |
//! | `QUARANTINE_GROUP` | the thing group of devices in quarantine |
//! | `QUARANTINE_POLICY` | the policy that they have there |
//! | `QUARANTINE_CAP` | so many devices may come into quarantine in a window; 20 if not set |
//! | `QUARANTINE_WINDOW_SECONDS` | the window; 3600 if not set |
//! | `JOB_EVENTS_QUEUE_URL` | the queue of `job-orchestration`, which is asked for releases |
//! | `QUARANTINE_QUEUE_URL` | where a message goes that cannot be read |
//! | `ALERTS_TOPIC_ARN` | where people are told |
//! | `IOT_ARN` | how the ARNs of this account's groups begin: `arn:aws:iot:REGION:ACCOUNT` |

// The SDK's futures are deep, and those of this function hold several of them.
#![recursion_limit = "256"]

mod handler;

use fleet::defender::watched::Place;
use fleet::defender::window::Cap;
use fleet_aws::defender::Defender;
use fleet_aws::dynamodb::{self, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::sns::{self, Topic};
use fleet_aws::sqs::{self, Queue};
use fleet_aws::{clock, config, env, logging};
use handler::{Handled, Outside, Ports, ResponseError, Settings};
use iot_events::SqsBatch;
use lambda_runtime::{Error, LambdaEvent, service_fn};

/// AWS.
struct Aws;

impl Outside for Aws {
    type Devices = Table;
    type Plans = Table;
    type Groups = Defender;
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
    let iot_arn = env::required("IOT_ARN")?;
    let group = env::required("QUARANTINE_GROUP")?;
    let settings = Settings {
        group_arn: format!("{iot_arn}:thinggroup/{group}"),
        group,
        policy: env::required("QUARANTINE_POLICY")?,
        cap: Cap {
            devices: env::parsed("QUARANTINE_CAP", 20)?,
            window_seconds: env::parsed("QUARANTINE_WINDOW_SECONDS", 3600)?,
        },
    };
    let devices = Table::new(&tables, env::required("VIOLATIONS_TABLE")?);
    let plans = Table::new(&tables, env::required("RESPONSE_PLANS_TABLE")?);
    let groups = Defender::new(&config, iot_arn);
    let releases = Queue::new(&queues, env::required("JOB_EVENTS_QUEUE_URL")?);
    let quarantine = Queue::new(&queues, env::required("QUARANTINE_QUEUE_URL")?);
    let alerts = Topic::new(&topics, env::required("ALERTS_TOPIC_ARN")?);
    let ports: Ports<'_, Aws> = Ports {
        devices: &devices,
        plans: &plans,
        groups: &groups,
        releases: &releases,
        quarantine: &quarantine,
        alerts: &alerts,
    };
    let (ports, settings) = (&ports, &settings);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsBatch>| async move {
        let now = clock::now();
        let (response, handled) = handler::handle_batch(ports, settings, &event.payload, now).await;
        count(&handled, now);
        Ok::<_, Error>(response)
    }))
    .await
}

fn count(all: &[Result<Handled, ResponseError>], now: i64) {
    let mut metrics = Metrics::of("defender-response");
    for handled in all {
        match handled {
            Ok(Handled::Answered { thing_name, quarantine, held_back }) => {
                metrics.count("Answered", 1);
                metrics.count("InQuarantine", usize::from(*quarantine == Place::In));
                metrics.count("HeldBack", usize::from(*held_back));
                tracing::info!(thing = thing_name, ?quarantine, held_back, "a violation was answered");
            }
            Ok(Handled::Known) => metrics.count("Known", 1),
            Ok(Handled::Quarantined) => metrics.count("Quarantined", 1),
            Err(error) => metrics.failed(error),
        }
    }
    metrics.emit(now);
}

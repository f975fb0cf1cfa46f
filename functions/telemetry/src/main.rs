//! The `telemetry` function: stores readings, watches thresholds and sets aside what is malformed.
//!
//! Invoked by the rule on `dt/+/telemetry`, with one message, or by a queue in front of it, with a batch. Here is the
//! wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `LATEST_TABLE` | each device's latest reading and the state of its alarms, by `thingName` |
//! | `HISTORY_TABLE` | all readings, by `thingName` and `measured`, deleted after `expiresAt` |
//! | `DEVICES_TABLE` | the devices that joined, by `thingName`: asked for their thing type |
//! | `QUARANTINE_QUEUE_URL` | where a malformed message goes |
//! | `ALERTS_TOPIC_ARN` | where alarms are told |
//! | `THRESHOLDS` | JSON, see [`fleet::telemetry::Thresholds`] |
//! | `HISTORY_DAYS` | how long readings are kept; 30 if not set |

mod handler;

use fleet::telemetry::{History, Recency, Window};
use fleet_aws::dynamodb::{self, Devices, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::sns::{self, Topic};
use fleet_aws::sqs::{self, Queue};
use fleet_aws::{clock, config, env, logging};
use handler::{Input, Ports, Report, Settings, TelemetryError};
use iot_events::BatchResponse;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};

/// A device's clock may be this far ahead, in milliseconds.
const AHEAD: i64 = 5 * 60 * 1000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let history = History { days: env::parsed("HISTORY_DAYS", 30)? };
    let settings = Settings {
        window: Window { past: history.accepts(), future: AHEAD },
        history,
        thresholds: env::json("THRESHOLDS")?,
    };
    let config = config::load().await;
    let (tables, queues, topics) =
        (dynamodb::Client::new(&config), sqs::Client::new(&config), sns::Client::new(&config));
    let latest = Table::new(&tables, env::required("LATEST_TABLE")?);
    let history = Table::new(&tables, env::required("HISTORY_TABLE")?);
    let devices = Devices::new(&tables, env::required("DEVICES_TABLE")?);
    let quarantine = Queue::new(&queues, env::required("QUARANTINE_QUEUE_URL")?);
    let alerts = Topic::new(&topics, env::required("ALERTS_TOPIC_ARN")?);
    let ports =
        Ports { latest: &latest, history: &history, devices: &devices, quarantine: &quarantine, alerts: &alerts };
    let (ports, settings) = (&ports, &settings);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Input>| async move {
        let now = clock::now();
        match event.payload {
            Input::One(envelope) => {
                let report = handler::accept(ports, settings, &envelope, now).await;
                tell(std::slice::from_ref(&report), now);
                match report {
                    Ok(_) => Ok(None),
                    Err(error) => Err(Diagnostic { error_type: error.name(), error_message: error.to_string() }),
                }
            }
            Input::Batch(batch) => {
                let (response, reports) = handler::accept_batch(ports, settings, &batch, now).await;
                tell(&reports, now);
                Ok::<Option<BatchResponse>, Diagnostic>(Some(response))
            }
        }
    }))
    .await
}

/// Logs and counts.
fn tell(reports: &[Result<Report, TelemetryError>], now: i64) {
    let mut metrics = Metrics::of("telemetry");
    for report in reports {
        match report {
            Ok(Report::Stored { thing_name, recency, crossings }) => {
                metrics.count("Stored", 1);
                metrics.count("Late", usize::from(matches!(recency, Recency::Late | Recency::Partly)));
                metrics.count("Duplicate", usize::from(*recency == Recency::Same));
                metrics.count("Alarms", crossings.len());
                tracing::debug!(thing_name, recency = ?recency, "reading stored");
                for crossing in crossings {
                    tracing::warn!(thing_name, crossing, "threshold");
                }
            }
            Ok(Report::Quarantined { thing_name, reason }) => {
                metrics.count("Quarantined", 1);
                tracing::warn!(thing_name, reason, "message set aside");
            }
            Err(error) => metrics.failed(error),
        }
    }
    metrics.emit(now);
}

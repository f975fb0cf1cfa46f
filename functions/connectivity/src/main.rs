//! The `connectivity` function: follows each device's connectivity and announces who went offline or came back.
//!
//! Invoked by the rules on `$aws/events/presence/{connected,disconnected,connect_failed}/+`, and by its own queue, which
//! brings a change back for a second look after the grace period. Here is the wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `CONNECTIVITY_TABLE` | a row per `clientId` |
//! | `DEVICES_TABLE` | the devices that joined, by `thingName`: asked for their thing type |
//! | `SETTLE_QUEUE_URL` | the queue of changes to look at again |
//! | `QUARANTINE_QUEUE_URL` | where a message goes that cannot be read |
//! | `ANNOUNCEMENTS_TOPIC_ARN` | where offline and online are announced |
//! | `ALERTS_TOPIC_ARN` | where flapping is told |
//! | `GRACE_SECONDS` | how long a device may be away before it is announced, 5 to 900; 60 if not set |
//! | `GRACE_SECONDS_BY_TYPE` | exceptions by thing type: `Charger=120,Switch=30` |
//! | `FLAP_THRESHOLD`, `FLAP_WINDOW_SECONDS` | so many absences within the grace period in one window are told; 5 in 600 |

mod handler;

use fleet::connectivity::{Freshness, Grace};
use fleet_aws::dynamodb::{Devices, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::sns::Topic;
use fleet_aws::sqs::Queue;
use fleet_aws::{config, env, logging};
use handler::{Input, Ports, Report, Settings, Settled};
use iot_events::BatchResponse;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let by_type = env::pairs("GRACE_SECONDS_BY_TYPE")?;
    let by_type = by_type.iter().map(|(thing_type, seconds)| (thing_type.as_str(), seconds.as_str()));
    let default = env::optional("GRACE_SECONDS").unwrap_or_else(|| "60".to_owned());
    let settings = Settings {
        grace: Grace::new(&default, by_type)?,
        flap_threshold: env::parsed("FLAP_THRESHOLD", 5)?,
        flap_window_seconds: env::parsed("FLAP_WINDOW_SECONDS", 600)?,
    };
    let config = config::load().await;
    let clients = Table::new(&config, env::required("CONNECTIVITY_TABLE")?);
    let devices = Devices::new(&config, env::required("DEVICES_TABLE")?);
    let settle_queue = Queue::new(&config, env::required("SETTLE_QUEUE_URL")?);
    let quarantine = Queue::new(&config, env::required("QUARANTINE_QUEUE_URL")?);
    let announcements = Topic::new(&config, env::required("ANNOUNCEMENTS_TOPIC_ARN")?);
    let alerts = Topic::new(&config, env::required("ALERTS_TOPIC_ARN")?);
    let ports = Ports {
        clients: &clients,
        devices: &devices,
        settle_queue: &settle_queue,
        quarantine: &quarantine,
        announcements: &announcements,
        alerts: &alerts,
    };
    let (ports, settings) = (&ports, &settings);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Input>| async move {
        let now = now();
        match event.payload {
            Input::Presence(presence) => {
                let report = handler::observe(ports, settings, &presence).await;
                observed(report, now).map(|()| None)
            }
            Input::Batch(batch) => {
                let (response, settled) = handler::settle_batch(ports, settings, &batch, now).await;
                count(&settled, now);
                Ok::<Option<BatchResponse>, Diagnostic>(Some(response))
            }
        }
    }))
    .await
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Logs and counts, and hands an error on to Lambda, which invokes the function again.
fn observed(report: Result<Report, fleet::ports::PortError>, now: i64) -> Result<(), Diagnostic> {
    let mut metrics = Metrics::of("connectivity");
    let result = match report {
        Ok(Report::Seen { client_id, connected, freshness, settle_in }) => {
            metrics.count(
                match freshness {
                    Freshness::New | Freshness::NewAfterReset if connected => "Connected",
                    Freshness::New | Freshness::NewAfterReset => "Disconnected",
                    Freshness::Duplicate => "Duplicate",
                    Freshness::Stale => "Stale",
                },
                1,
            );
            metrics.count("VersionResets", usize::from(freshness == Freshness::NewAfterReset));
            tracing::info!(client_id, connected, freshness = ?freshness, settle_in, "presence");
            Ok(())
        }
        Ok(Report::ConnectFailed { client_id, reason, counted }) => {
            metrics.count("ConnectFailed", 1);
            tracing::warn!(client_id, reason, counted, "a client was refused");
            Ok(())
        }
        Err(error) => {
            metrics.count("Failed", 1);
            tracing::error!(operation = error.operation, cause = %error.cause, "will be tried again");
            Err(Diagnostic { error_type: format!("{}Failed", error.operation), error_message: error.to_string() })
        }
    };
    metrics.emit(now);
    result
}

fn count(settled: &[Settled], now: i64) {
    let mut metrics = Metrics::of("connectivity");
    for settled in settled {
        tracing::info!(settled = ?settled, "second look");
        let name = match settled {
            Settled::Announced { .. } => "Announced",
            Settled::Flapped { .. } => "Flapped",
            Settled::NothingToDo => "NothingToAnnounce",
            Settled::Superseded => "Superseded",
            Settled::Quarantined => "Quarantined",
            Settled::Retry { .. } => "Retried",
        };
        metrics.count(name, 1);
        metrics.count("FlappingAlerts", usize::from(matches!(settled, Settled::Flapped { alerted: true, .. })));
    }
    metrics.emit(now);
}

//! The `connectivity` function: follows each device's connectivity and announces who went offline or came back.
//!
//! Invoked by the queue behind the rules on `$aws/events/presence/{connected,disconnected,connect_failed}/+`, or by them, and
//! by its own queue, which brings a change back for a second look after the grace period; and by the clock with
//! `{"command": "reconcile"}`, to compare rows with the fleet index. Here is the wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `CONNECTIVITY_TABLE` | a row per `clientId` |
//! | `DEVICES_TABLE` | the devices that joined, by `thingName`: asked for their thing type |
//! | `BLOCK_LIST_TABLE` | what may never join, by `entry`: a device that connects all the same is stopped |
//! | `SETTLE_QUEUE_URL` | the queue of changes to look at again |
//! | `QUARANTINE_QUEUE_URL` | where a message goes that cannot be read |
//! | `ANNOUNCEMENTS_TOPIC_ARN` | where offline and online are announced |
//! | `ALERTS_TOPIC_ARN` | where flapping is told |
//! | `GRACE_SECONDS` | how long a device may be away before it is announced, 5 to 900; 60 if not set |
//! | `GRACE_SECONDS_BY_TYPE` | exceptions by thing type: `Charger=120,Switch=30` |
//! | `RECONCILED_PAGES` | how many pages of the fleet index, of 100 devices each, are compared by an invocation of the clock; 5 if not set |
//! | `FLAP_THRESHOLD`, `FLAP_WINDOW_SECONDS` | so many absences within the grace period in one window are told; 5 in 600 |

mod handler;

use fleet::connectivity::{Freshness, Grace};
use fleet::ports::PortError;
use fleet_aws::dynamodb::{self, BlockList, Devices, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::iot::Registry;
use fleet_aws::sns::{self, Topic};
use fleet_aws::sqs::{self, Queue};
use fleet_aws::{clock, config, env, logging};
use handler::{ConnectivityError, Handled, Input, Ports, Reconciled, Report, Settings, Settled};
use iot_events::BatchResponse;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};

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
        reconciled_pages: env::parsed("RECONCILED_PAGES", 5)?,
    };
    let config = config::load().await;
    let (tables, queues, topics) =
        (dynamodb::Client::new(&config), sqs::Client::new(&config), sns::Client::new(&config));
    let clients = Table::new(&tables, env::required("CONNECTIVITY_TABLE")?);
    let devices = Devices::new(&tables, env::required("DEVICES_TABLE")?);
    let block_list = BlockList::new(&tables, env::required("BLOCK_LIST_TABLE")?);
    let registry = Registry::new(&config);
    let settle_queue = Queue::new(&queues, env::required("SETTLE_QUEUE_URL")?);
    let quarantine = Queue::new(&queues, env::required("QUARANTINE_QUEUE_URL")?);
    let announcements = Topic::new(&topics, env::required("ANNOUNCEMENTS_TOPIC_ARN")?);
    let alerts = Topic::new(&topics, env::required("ALERTS_TOPIC_ARN")?);
    let ports = Ports {
        clients: &clients,
        devices: &devices,
        block_list: &block_list,
        registry: &registry,
        settle_queue: &settle_queue,
        quarantine: &quarantine,
        announcements: &announcements,
        alerts: &alerts,
    };
    let (ports, settings, index) = (&ports, &settings, &registry);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Input>| async move {
        let now = clock::now();
        match event.payload {
            Input::Presence(presence) => {
                let report = handler::observe(ports, settings, &presence).await;
                observed(report, now).map(|()| None)
            }
            Input::Batch(batch) => {
                let (response, handled) = handler::handle_batch(ports, settings, &batch, now).await;
                count(handled, now);
                Ok::<Option<BatchResponse>, Diagnostic>(Some(response))
            }
            Input::Reconcile => {
                let reconciled = handler::reconcile(ports, index, settings, now).await;
                compared(reconciled, now).map(|()| None)
            }
        }
    }))
    .await
}

/// Logs and counts, and hands an error on to Lambda, which invokes the function again.
fn observed(report: Result<Report, PortError>, now: i64) -> Result<(), Diagnostic> {
    counted(report, now, |metrics, report| seen(metrics, &report))
}

/// The same of a look at the fleet index.
fn compared(reconciled: Result<Reconciled, PortError>, now: i64) -> Result<(), Diagnostic> {
    counted(reconciled, now, |metrics, reconciled| {
        metrics.count("Compared", reconciled.compared);
        metrics.count("Repaired", reconciled.repaired);
        tracing::info!(reconciled = ?reconciled, "rows and the fleet index");
    })
}

fn counted<T>(result: Result<T, PortError>, now: i64, of: impl FnOnce(&mut Metrics, T)) -> Result<(), Diagnostic> {
    let mut metrics = Metrics::of("connectivity");
    let result = match result {
        Ok(done) => {
            of(&mut metrics, done);
            Ok(())
        }
        Err(error) => {
            let diagnostic =
                Diagnostic { error_type: format!("{}Failed", error.operation), error_message: error.to_string() };
            metrics.failed(&error);
            Err(diagnostic)
        }
    };
    metrics.emit(now);
    result
}

fn count(all: Vec<Result<Handled, ConnectivityError>>, now: i64) {
    let mut metrics = Metrics::of("connectivity");
    for handled in &all {
        match handled {
            Ok(Handled::Observed(report)) => seen(&mut metrics, report),
            Ok(Handled::Settled(settled)) => looked_at(&mut metrics, settled),
            Ok(Handled::Quarantined) => metrics.count("Quarantined", 1),
            Err(error) => metrics.failed(error),
        }
    }
    metrics.emit(now);
}

fn seen(metrics: &mut Metrics, report: &Report) {
    match report {
        Report::Seen { client_id, connected, freshness, blocked, settle_in } => {
            metrics.count(
                match freshness {
                    Freshness::New | Freshness::NewAfterReset if *connected => "Connected",
                    Freshness::New | Freshness::NewAfterReset => "Disconnected",
                    Freshness::Duplicate => "Duplicate",
                    Freshness::Stale => "Stale",
                },
                1,
            );
            metrics.count("Blocked", usize::from(*blocked));
            metrics.count("VersionResets", usize::from(*freshness == Freshness::NewAfterReset));
            tracing::info!(client_id, connected, freshness = ?freshness, blocked, settle_in, "presence");
        }
        Report::ConnectFailed { client_id, reason, counted } => {
            metrics.count("ConnectFailed", 1);
            tracing::warn!(client_id, reason, counted, "a client was refused");
        }
    }
}

fn looked_at(metrics: &mut Metrics, settled: &Settled) {
    tracing::info!(settled = ?settled, "second look");
    let name = match settled {
        Settled::Announced { .. } => "Announced",
        Settled::Flapped { .. } => "Flapped",
        Settled::NothingToDo => "NothingToAnnounce",
        Settled::Superseded => "Superseded",
    };
    metrics.count(name, 1);
    metrics.count("FlappingAlerts", usize::from(matches!(settled, Settled::Flapped { alerted: true, .. })));
}

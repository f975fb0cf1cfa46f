//! The `job-orchestration` function: brings releases to devices in waves of jobs, stops those that fail and takes them back.
//!
//! Invoked by the queue behind the rules on `$aws/events/job/#` and `$aws/events/jobExecution/#`, by people (`drydock release`, or `aws
//! lambda invoke`) with a command, and by a schedule that looks at all that goes on. Here is the wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `RELEASES_TABLE` | a row per release and per environment, by `releaseId` |
//! | `FIRMWARE_HISTORY_TABLE` | what devices were given, by `thingName` and `ended` |
//! | `JOB_EVENTS_QUEUE_URL` | the queue that invokes the function: what takes longer goes on from there |
//! | `QUARANTINE_QUEUE_URL` | where a message goes that cannot be read |
//! | `ALERTS_TOPIC_ARN` | where people are told |
//! | `IOT_ARN` | how the ARNs of this account's groups begin: `arn:aws:iot:REGION:ACCOUNT` |

mod handler;

use fleet_aws::dynamodb::{self, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::jobs::Jobs;
use fleet_aws::sns::{self, Topic};
use fleet_aws::sqs::{self, Queue};
use fleet_aws::{clock, config, env, logging};
use handler::{Answer, Handled, Input, Outside, Ports, ReleaseError};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};

/// AWS.
struct Aws;

impl Outside for Aws {
    type Releases = Table;
    type History = Table;
    type Jobs = Jobs;
    type Queue = Queue;
    type Quarantine = Queue;
    type Alerts = Topic;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let config = config::load().await;
    let (tables, queues, topics) =
        (dynamodb::Client::new(&config), sqs::Client::new(&config), sns::Client::new(&config));
    let releases = Table::new(&tables, env::required("RELEASES_TABLE")?);
    let history = Table::new(&tables, env::required("FIRMWARE_HISTORY_TABLE")?);
    let jobs = Jobs::new(&config, env::required("IOT_ARN")?);
    let queue = Queue::new(&queues, env::required("JOB_EVENTS_QUEUE_URL")?);
    let quarantine = Queue::new(&queues, env::required("QUARANTINE_QUEUE_URL")?);
    let alerts = Topic::new(&topics, env::required("ALERTS_TOPIC_ARN")?);
    let ports: Ports<'_, Aws> = Ports {
        releases: &releases,
        history: &history,
        jobs: &jobs,
        queue: &queue,
        quarantine: &quarantine,
        alerts: &alerts,
    };
    let ports = &ports;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Input>| async move {
        let now = clock::now();
        match event.payload {
            Input::Batch(batch) => {
                let (response, handled) = handler::handle_batch(ports, &batch, now).await;
                count(&handled, now);
                serde_json::to_value(response).map_err(|error| diagnostic("Serialize", &error))
            }
            Input::Command(command) => {
                let answer = handler::obey(ports, &command, now).await;
                answered(&answer, now);
                match answer {
                    Ok(answer) => serde_json::to_value(answer).map_err(|error| diagnostic("Serialize", &error)),
                    Err(error) => Err(diagnostic(name(&error), &error)),
                }
            }
        }
    }))
    .await
}

fn diagnostic(name: &str, error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic { error_type: format!("{name}Failed"), error_message: error.to_string() }
}

fn name(error: &ReleaseError) -> &'static str {
    match error {
        ReleaseError::Port(error) => error.operation,
        ReleaseError::Refused(_) | ReleaseError::InProgress => "Release",
    }
}

fn answered(answer: &Result<Answer, ReleaseError>, now: i64) {
    let mut metrics = Metrics::of("job-orchestration");
    match answer {
        Ok(Answer::Refused { refused }) => {
            metrics.count("Refused", 1);
            tracing::info!(refused, "a command was refused");
        }
        Ok(Answer::Release { release }) => {
            metrics.count("Commands", 1);
            tracing::info!(release = release.id(), phase = release.phase.as_str(), reason = release.reason, "command");
        }
        Ok(Answer::Reconciled { reconciled, failed }) => {
            metrics.count("Reconciled", *reconciled);
            metrics.count("Failed", failed.len());
            for why in failed {
                tracing::warn!(why, "a release could not be looked at");
            }
        }
        Ok(Answer::List { .. } | Answer::DryRun { .. }) => {}
        Err(error) => metrics.failed(error),
    }
    metrics.emit(now);
}

fn count(all: &[Result<Handled, ReleaseError>], now: i64) {
    let mut metrics = Metrics::of("job-orchestration");
    for handled in all {
        match handled {
            Ok(Handled::Looked { release_id, phase, moved, kept }) => {
                metrics.count("Looked", 1);
                metrics.count("Kept", usize::from(*kept));
                if *moved {
                    tracing::info!(release = release_id, phase = phase.as_str(), "a release has moved");
                }
            }
            Ok(Handled::Obeyed) => metrics.count("Commands", 1),
            Ok(Handled::NotOurs) => metrics.count("NotOurs", 1),
            Ok(Handled::Quarantined) => metrics.count("Quarantined", 1),
            Err(error) => metrics.failed(error),
        }
    }
    metrics.emit(now);
}

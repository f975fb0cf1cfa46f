//! The `jit-registration` function: registers and activates a device when its certificate is first seen.
//!
//! Invoked by a queue behind the rule on `$aws/events/certificates/registered/#`, or by the rule itself. Here is the wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `POLICY_NAME` | the policy that each certificate gets |
//! | `REGISTRATIONS_TABLE` | the record of every decision, by `certificateId` |
//! | `DEVICES_TABLE` | the devices that joined, by `thingName` |
//! | `BLOCK_LIST_TABLE` | what may never join, by `entry` |
//! | `ALLOW_LIST_TABLE` | optional: the devices that may join, by `serialNumber` |
//! | `ALERTS_TOPIC_ARN` | where rejections are told |
//! | `QUARANTINE_QUEUE_URL` | where an event goes that cannot be handled |
//! | `TRUSTED_CAS` | the ids of the CAs whose devices may join, separated by commas; `any`: every registered CA |
//! | `THING_TYPES` | the thing type of each model: `charger=Charger,switch=Switch` |
//! | `DEFAULT_THING_TYPE` | optional: the type of other models; else such devices are turned away |
//! | `THING_GROUPS` | optional: static groups that each device joins |

mod handler;

use fleet::ports::{ErrorKind, PortError};
use fleet::registration::Rules;
use fleet_aws::dynamodb::{self, AllowList, BlockList, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::iot::Registry;
use fleet_aws::sns::{self, Topic};
use fleet_aws::sqs::{self, Queue};
use fleet_aws::{clock, config, env, logging};
use handler::{Input, Outcome, Ports};
use iot_events::{BatchResponse, CertificateStatus};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};

/// Stands for every CA that is registered in the account: right where one fleet has the account to itself.
const ANY: &str = "any";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let rules = Rules {
        trusted_cas: env::required("TRUSTED_CAS")
            .map(|_| env::list("TRUSTED_CAS"))?
            .into_iter()
            .filter(|ca| ca != ANY)
            .collect(),
        thing_types: env::pairs("THING_TYPES")?.into_iter().collect(),
        default_thing_type: env::optional("DEFAULT_THING_TYPE"),
        groups: env::list("THING_GROUPS"),
        policy: env::required("POLICY_NAME")?,
    };
    let config = config::load().await;
    let registry = Registry::new(&config);
    let tables = dynamodb::Client::new(&config);
    let block_list = BlockList::new(&tables, env::required("BLOCK_LIST_TABLE")?);
    let allow_list = env::optional("ALLOW_LIST_TABLE").map(|name| AllowList::new(&tables, name));
    let devices = Table::new(&tables, env::required("DEVICES_TABLE")?);
    let registrations = Table::new(&tables, env::required("REGISTRATIONS_TABLE")?);
    let alerts = Topic::new(&sns::Client::new(&config), env::required("ALERTS_TOPIC_ARN")?);
    let quarantine = Queue::new(&sqs::Client::new(&config), env::required("QUARANTINE_QUEUE_URL")?);
    let ports = Ports {
        registry: &registry,
        block_list: &block_list,
        allow_list: allow_list.as_ref(),
        devices: &devices,
        registrations: &registrations,
        alerts: &alerts,
    };
    let (ports, rules, quarantine) = (&ports, &rules, &quarantine);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Input>| async move {
        let now = clock::now();
        let mut metrics = Metrics::of("jit-registration");
        let answer = match event.payload {
            Input::One(event) => match handler::register(ports, rules, &event, now).await {
                Ok(outcome) => {
                    told(&mut metrics, &event.certificate_id, &outcome);
                    Ok(None)
                }
                Err(error) => {
                    failed(&mut metrics, &error);
                    Err(Diagnostic {
                        error_type: format!("{}Failed", error.operation),
                        error_message: error.to_string(),
                    })
                }
            },
            Input::Batch(batch) => {
                let (response, all) = handler::register_batch(ports, quarantine, rules, &batch, now).await;
                for outcome in &all {
                    match outcome {
                        Ok((certificate, outcome)) => told(&mut metrics, certificate, outcome),
                        Err(error) => failed(&mut metrics, error),
                    }
                }
                Ok::<Option<BatchResponse>, Diagnostic>(Some(response))
            }
        };
        metrics.emit(now);
        answer
    }))
    .await
}

/// Logs and counts an outcome.
fn told(metrics: &mut Metrics, certificate: &str, outcome: &Outcome) {
    match outcome {
        Outcome::Registered { thing_name } => {
            metrics.count("Registered", 1);
            tracing::info!(certificate, thing_name, "device registered and activated");
        }
        Outcome::Rejected(rejection) => {
            let (status, reasons) = (rejection.status(), rejection.texts().join("; "));
            metrics.count(if status == CertificateStatus::PendingActivation { "Waiting" } else { "Rejected" }, 1);
            tracing::warn!(certificate, status = status.as_str(), reasons, "certificate turned away");
        }
        Outcome::AlreadyDecided(status) => {
            metrics.count("AlreadyDecided", 1);
            tracing::info!(certificate, status = status.as_str(), "nothing to do: the certificate is not pending");
        }
        Outcome::Gone => {
            metrics.count("Gone", 1);
            tracing::warn!(certificate, "nothing to do: the certificate was deleted");
        }
        Outcome::NotNow => {
            metrics.count("Repeated", 1);
            tracing::debug!(certificate, "nothing to do: it is being decided on, or was");
        }
        Outcome::NotOurs => {
            metrics.count("NotOurs", 1);
            tracing::info!(certificate, "nothing to do: its CA is not one of this fleet's");
        }
        Outcome::Quarantined => {
            metrics.count("Quarantined", 1);
            tracing::warn!(message = certificate, "an event was set aside that cannot be read");
        }
    }
}

/// Logs and counts an error. That the control plane is asked more often than it allows is none.
fn failed(metrics: &mut Metrics, error: &PortError) {
    let (operation, cause) = (error.operation, &error.cause);
    match error.kind {
        ErrorKind::Throttled => {
            metrics.count("Throttled", 1);
            tracing::info!(operation, "throttled: will be tried again");
        }
        ErrorKind::Passing => {
            metrics.count("Failed", 1);
            tracing::error!(operation, cause = %cause, "will be tried again");
        }
        ErrorKind::Permanent => {
            metrics.count("SetAside", 1);
            tracing::error!(operation, cause = %cause, "can never work");
        }
    }
}

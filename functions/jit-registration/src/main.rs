//! The `jit-registration` function: registers and activates a device when its certificate is first seen.
//!
//! Invoked by the rule on `$aws/events/certificates/registered/#`. Here is the wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `POLICY_NAME` | the policy that each certificate gets |
//! | `REGISTRATIONS_TABLE` | the record of every decision, by `certificateId` |
//! | `DEVICES_TABLE` | the devices that joined, by `thingName` |
//! | `BLOCK_LIST_TABLE` | what may never join, by `entry` |
//! | `ALLOW_LIST_TABLE` | optional: the devices that may join, by `serialNumber` |
//! | `ALERTS_TOPIC_ARN` | where rejections are told |
//! | `TRUSTED_CAS` | optional: the ids of the CAs whose devices may join, separated by commas; else every registered CA |
//! | `THING_TYPES` | the thing type of each model: `charger=Charger,switch=Switch` |
//! | `DEFAULT_THING_TYPE` | optional: the type of other models; else such devices are turned away |
//! | `THING_GROUPS` | optional: static groups that each device joins |

mod handler;

use fleet::registration::Rules;
use fleet_aws::dynamodb::{AllowList, BlockList, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::iot::Registry;
use fleet_aws::sns::Topic;
use fleet_aws::{config, env, logging};
use handler::{Outcome, Ports};
use iot_events::CertificateRegistered;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let rules = Rules {
        trusted_cas: env::list("TRUSTED_CAS"),
        thing_types: env::pairs("THING_TYPES")?.into_iter().collect(),
        default_thing_type: env::optional("DEFAULT_THING_TYPE"),
        groups: env::list("THING_GROUPS"),
        policy: env::required("POLICY_NAME")?,
    };
    let config = config::load().await;
    let registry = Registry::new(&config);
    let block_list = BlockList::new(&config, env::required("BLOCK_LIST_TABLE")?);
    let allow_list = env::optional("ALLOW_LIST_TABLE").map(|name| AllowList::new(&config, name));
    let devices = Table::new(&config, env::required("DEVICES_TABLE")?);
    let registrations = Table::new(&config, env::required("REGISTRATIONS_TABLE")?);
    let alerts = Topic::new(&config, env::required("ALERTS_TOPIC_ARN")?);
    let ports = Ports {
        registry: &registry,
        block_list: &block_list,
        allow_list: allow_list.as_ref(),
        devices: &devices,
        registrations: &registrations,
        alerts: &alerts,
    };
    let (ports, rules) = (&ports, &rules);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<CertificateRegistered>| async move {
        let outcome = handler::register(ports, rules, &event.payload).await;
        report(&event.payload, outcome)
    }))
    .await
}

/// Logs and counts, and hands an error on to Lambda, which invokes the function again.
fn report(event: &CertificateRegistered, outcome: Result<Outcome, fleet::ports::PortError>) -> Result<(), Diagnostic> {
    let mut metrics = Metrics::of("jit-registration");
    let certificate = event.certificate_id.as_str();
    let result = match outcome {
        Ok(Outcome::Registered { thing_name }) => {
            metrics.count("Registered", 1);
            tracing::info!(certificate, thing_name, "device registered and activated");
            Ok(())
        }
        Ok(Outcome::Rejected(rejection)) => {
            metrics.count("Rejected", 1);
            let (status, reasons) = (rejection.status(), rejection.texts().join("; "));
            tracing::warn!(certificate, status = status.as_str(), reasons, "certificate turned away");
            Ok(())
        }
        Ok(Outcome::AlreadyDecided(status)) => {
            metrics.count("AlreadyDecided", 1);
            tracing::info!(certificate, status = status.as_str(), "nothing to do: the certificate is not pending");
            Ok(())
        }
        Ok(Outcome::Gone) => {
            metrics.count("Gone", 1);
            tracing::warn!(certificate, "nothing to do: the certificate was deleted");
            Ok(())
        }
        Err(error) => {
            metrics.count("Failed", 1);
            tracing::error!(certificate, operation = error.operation, cause = %error.cause, "will be tried again");
            Err(Diagnostic { error_type: format!("{}Failed", error.operation), error_message: error.to_string() })
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    metrics.emit(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    result
}

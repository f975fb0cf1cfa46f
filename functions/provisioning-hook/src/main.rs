//! The `provisioning-hook` function: decides whether a device that asks with a claim may be provisioned.
//!
//! Invoked by AWS IoT as the pre-provisioning hook of the fleet's provisioning template. Here is the wiring; the work is in
//! [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `ALLOW_LIST_TABLE` | the devices that were made, by `serialNumber`; no other is provisioned |
//! | `BLOCK_LIST_TABLE` | what may never join, by `entry` |
//! | `THING_TYPES` | the thing type of each model: `charger=Charger,switch=Switch` |
//! | `DEFAULT_THING_TYPE` | optional: the type of other models; else such devices are turned away |

mod handler;

use fleet::registration::Rules;
use fleet_aws::dynamodb::{AllowList, BlockList};
use fleet_aws::emf::Metrics;
use fleet_aws::{config, env, logging};
use handler::{Outcome, Ports};
use iot_events::{PreProvisioning, PreProvisioningAnswer};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let rules = Rules {
        thing_types: env::pairs("THING_TYPES")?.into_iter().collect(),
        default_thing_type: env::optional("DEFAULT_THING_TYPE"),
        ..Rules::default()
    };
    let config = config::load().await;
    let block_list = BlockList::new(&config, env::required("BLOCK_LIST_TABLE")?);
    let allow_list = AllowList::new(&config, env::required("ALLOW_LIST_TABLE")?);
    let ports = Ports { block_list: &block_list, allow_list: &allow_list };
    let (ports, rules) = (&ports, &rules);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<PreProvisioning>| async move {
        let outcome = handler::decide(ports, rules, &event.payload).await;
        report(&event.payload, outcome)
    }))
    .await
}

/// Logs and counts, and gives the answer.
fn report(
    event: &PreProvisioning,
    outcome: Result<Outcome, fleet::ports::PortError>,
) -> Result<PreProvisioningAnswer, Diagnostic> {
    let mut metrics = Metrics::of("provisioning-hook");
    let (certificate, client) = (event.certificate_id.as_str(), event.client_id.as_str());
    let result = match outcome {
        Ok(Outcome { answer, reasons }) if reasons.is_empty() => {
            metrics.count("Allowed", 1);
            tracing::info!(certificate, client, parameters = ?answer.parameter_overrides, "device may be provisioned");
            Ok(answer)
        }
        Ok(Outcome { answer, reasons }) => {
            metrics.count("Refused", 1);
            let reasons = reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            tracing::warn!(certificate, client, claim = event.claim_certificate_id, reasons, "device turned away");
            Ok(answer)
        }
        Err(error) => {
            metrics.count("Failed", 1);
            tracing::error!(certificate, client, operation = error.operation, cause = %error.cause, "device turned away: a list could not be asked");
            Err(Diagnostic { error_type: format!("{}Failed", error.operation), error_message: error.to_string() })
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    metrics.emit(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    result
}

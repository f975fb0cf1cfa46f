//! The `provisioning-hook` function: decides whether a device that asks with a claim may be provisioned.
//!
//! Invoked by AWS IoT as the pre-provisioning hook of the fleet's provisioning template. Here is the wiring; the work is in
//! [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `ALLOW_LIST_TABLE` | the devices that were made, by `serialNumber`; no other is provisioned |
//! | `BLOCK_LIST_TABLE` | what may never join, by `entry` |
//! | `DEVICES_TABLE` | the devices that joined, by `thingName` |
//! | `THING_TYPES` | the thing type of each model: `charger=Charger,switch=Switch` |
//! | `DEFAULT_THING_TYPE` | optional: the type of other models; else such devices are turned away |

mod handler;

use fleet::registration::Rules;
use fleet_aws::dynamodb::{self, AllowList, BlockList, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::{clock, config, env, logging};
use handler::{Outcome, Ports};
use iot_events::{PreProvisioning, PreProvisioningAnswer};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let rules = Rules {
        thing_types: env::pairs("THING_TYPES")?.into_iter().collect(),
        default_thing_type: env::optional("DEFAULT_THING_TYPE"),
        ..Rules::default()
    };
    let config = config::load().await;
    let tables = dynamodb::Client::new(&config);
    let block_list = BlockList::new(&tables, env::required("BLOCK_LIST_TABLE")?);
    let allow_list = AllowList::new(&tables, env::required("ALLOW_LIST_TABLE")?);
    let devices = Table::new(&tables, env::required("DEVICES_TABLE")?);
    let ports = Ports { block_list: &block_list, allow_list: &allow_list, devices: &devices };
    let (ports, rules) = (&ports, &rules);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        let now = clock::now();
        let event = match serde_json::from_value::<PreProvisioning>(event.payload) {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(error = %error, "device turned away: what it sent cannot be read");
                return Ok(PreProvisioningAnswer::default());
            }
        };
        let outcome = handler::decide(ports, rules, &event, now).await;
        report(&event, outcome, now)
    }))
    .await
}

/// Logs and counts, and gives the answer.
fn report(
    event: &PreProvisioning,
    outcome: Result<Outcome, fleet::ports::PortError>,
    now: i64,
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
            tracing::error!(certificate, client, operation = error.operation, cause = %error.cause, "device turned away: a table could not be asked");
            Err(Diagnostic { error_type: format!("{}Failed", error.operation), error_message: error.to_string() })
        }
    };
    metrics.emit(now);
    result
}

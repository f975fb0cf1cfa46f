//! The `device-authorizer` function: a custom authorizer. It decides on devices that connect, or publish over HTTPS, with a
//! signed token in place of a certificate, or besides one.
//!
//! Invoked by AWS IoT, which waits for the answer. Here is the wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `KEYS_TABLE` | the fleet's public keys, by `kid` |
//! | `BLOCK_LIST_TABLE` | what may never join, by `entry`: `thing#NAME` and `token#ID` count here |
//! | `DEVICES_TABLE` | the devices that joined, by `thingName` |
//! | `AUDIENCE` | the `aud` of the fleet's tokens |
//! | `IOT_ARN` | the beginning of AWS IoT's ARNs here: `arn:aws:iot:REGION:ACCOUNT` |
//! | `REFRESH_SECONDS` | how often a connected device's token is looked at again; 900 if not set |
//! | `KEYS_REMEMBERED_SECONDS` | how long a key is remembered; 60 if not set |

mod handler;

use fleet::authorization::Rules;
use fleet::ports::PortError;
use fleet_aws::dynamodb::{self, BlockList, Devices, Keys};
use fleet_aws::emf::Metrics;
use fleet_aws::{clock, config, env, logging};
use handler::{Ports, Verdict};
use iot_events::{AuthorizerRequest, AuthorizerResponse};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let rules = Rules {
        audience: env::required("AUDIENCE")?,
        iot_arn: env::required("IOT_ARN")?,
        refresh_seconds: env::parsed("REFRESH_SECONDS", 900)?,
    };
    let remembered = Duration::from_secs(env::parsed("KEYS_REMEMBERED_SECONDS", 60)?);
    let config = config::load().await;
    let tables = dynamodb::Client::new(&config);
    let keys = Keys::new(&tables, env::required("KEYS_TABLE")?, remembered);
    let block_list = BlockList::new(&tables, env::required("BLOCK_LIST_TABLE")?);
    let devices = Devices::new(&tables, env::required("DEVICES_TABLE")?);
    let ports = Ports { keys: &keys, block_list: &block_list };
    let (ports, rules, devices) = (&ports, &rules, &devices);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        let now = clock::now();
        let event = match serde_json::from_value::<AuthorizerRequest>(event.payload) {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(error = %error, "device turned away: what it sent cannot be read");
                return Ok(AuthorizerResponse::denied());
            }
        };
        let verdict = handler::authorize(ports, rules, &event, now).await;
        if let Ok(Verdict::Granted(grant)) = &verdict
            && let Err(error) = handler::write_down(devices, grant, now).await
        {
            tracing::error!(thing_name = grant.thing_name, cause = %error, "device authenticated, and not written down");
        }
        report(&event, verdict, now)
    }))
    .await
}

/// Logs and counts, and hands the answer on. A denial is an answer; only what the backend could not find out is an error, on
/// which AWS IoT turns the device away as well.
fn report(
    event: &AuthorizerRequest,
    verdict: Result<Verdict, PortError>,
    now: i64,
) -> Result<AuthorizerResponse, Diagnostic> {
    let mut metrics = Metrics::of("device-authorizer");
    let connection = event.connection_metadata.as_ref().map_or("", |connection| connection.id.as_str());
    let result = match verdict {
        Ok(Verdict::Granted(grant)) => {
            metrics.count("Authenticated", 1);
            tracing::info!(connection, thing_name = grant.thing_name, "device authenticated");
            Ok(handler::response(grant))
        }
        Ok(Verdict::Denied(denial)) => {
            metrics.count("Denied", 1);
            tracing::warn!(connection, code = denial.code(), reason = %denial, "device turned away");
            Ok(AuthorizerResponse::denied())
        }
        Err(error) => {
            metrics.count("Failed", 1);
            tracing::error!(connection, operation = error.operation, cause = %error.cause, "no decision");
            Err(Diagnostic { error_type: format!("{}Failed", error.operation), error_message: error.to_string() })
        }
    };
    metrics.emit(now);
    result
}

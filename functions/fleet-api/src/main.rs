//! The `fleet-api` function: the HTTP API that apps use.
//!
//! Invoked by an HTTP API of API Gateway, whose JWT authorizer has checked who asks. Here is the wiring; the work is in [`handler`].
//!
//! | variable | meaning |
//! |---|---|
//! | `HOMES_TABLE` | homes and all that is in them, see [`fleet::homes::row`] |
//! | `CONNECTIVITY_TABLE` | who is online, by `clientId`, which the function `connectivity` writes |

mod handler;

use fleet::homes::http::{Reply, Request};
use fleet::ports::Pause;
use fleet_aws::dynamodb::{self, Connectivity, Table};
use fleet_aws::emf::Metrics;
use fleet_aws::shadows::Shadows;
use fleet_aws::{chance, clock, config, env, logging};
use handler::{Moment, Outside, Ports};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use std::time::Duration;

/// AWS.
struct Aws;

impl Outside for Aws {
    type Homes = Table;
    type Shadows = Shadows;
    type Presence = Connectivity;
    type Rest = Rest;
}

/// The time between two looks at a device.
struct Rest;

impl Pause for Rest {
    async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let config = config::load().await;
    let tables = dynamodb::Client::new(&config);
    let homes = Table::new(&tables, env::required("HOMES_TABLE")?);
    let presence = Connectivity::new(&tables, env::required("CONNECTIVITY_TABLE")?);
    let shadows = Shadows::new(&config);
    let ports: Ports<'_, Aws> = Ports { homes: &homes, shadows: &shadows, presence: &presence, rest: &Rest };
    let ports = &ports;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Request>| async move {
        let chance = chance::bytes().map_err(|_| Diagnostic {
            error_type: "ChanceFailed".to_owned(),
            error_message: "the system gives no random bytes".to_owned(),
        })?;
        let now = clock::now();
        let reply = handler::serve(ports, &event.payload, &Moment { now, chance }).await;
        tell(&reply, now);
        Ok::<Reply, Diagnostic>(reply)
    }))
    .await
}

/// Counts by what became of the request.
fn tell(reply: &Reply, now: i64) {
    let mut metrics = Metrics::of("fleet-api");
    let name = match reply.status_code {
        ..400 => "Answered",
        429 => "TooManyAttempts",
        400..500 => "Refused",
        _ => "Failed",
    };
    metrics.count(name, 1);
    metrics.emit(now);
}

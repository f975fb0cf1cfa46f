//! Topic rule destinations are proven: a web service is sent a token that comes back, an instance of InfluxDB is asked something
//! ("HTTP action destinations" and "InfluxDB action destination" in the guide).

use super::delivery::{TRIES, pause};
use super::influxdb;
use super::service::RulesService;
use bytes::Bytes;
use drydock_core::Arn;
use drydock_rules::Proof;
use drydock_timers::Resting;
use http::Request;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long the service may take to take the request in.
const WITHIN: Duration = Duration::from_secs(5);
/// How much of the answer is read; it says nothing.
const MAX_ANSWER: usize = 1024;

/// Begins to prove a destination that waits for it.
pub fn begin(service: &Arc<RulesService>, arn: &Arn) {
    let (service, arn) = (Arc::clone(service), arn.clone());
    let work = Resting::new(service.host.books.time.work("proof of a topic rule destination"));
    service.host.tasks.clone().spawn(async move {
        // What a destination is proven with may be a resource of the template: those are there then.
        service.backlog.ready().await;
        let books = &service.host.books;
        let Some(proof) = books.rules.read(|rules| rules.proof(&arn)) else { return };
        let outcome = match &proof {
            // The service answers in its own time: only what cannot be told is settled here.
            Proof::Http { url, token } => match ask(&service, &work, &arn, url, token).await {
                Ok(()) => return,
                Err(why) => Err(format!("The confirmation request could not be delivered: {why}")),
            },
            Proof::InfluxDb(of) => {
                influxdb::prove(&service.host.cloud, &service.outbound, &books.scope.region, of).await
            }
        };
        // Another proof may have begun meanwhile: that one settles it.
        if books.rules.read(|rules| rules.proof(&arn)).as_ref() != Some(&proof) {
            return;
        }
        if let Err(why) = &outcome {
            tracing::warn!(destination = arn.as_str(), why, "a topic rule destination is not confirmed");
        }
        let now = books.now();
        if let Err(error) = books.apply(&books.rules, |rules| rules.settle_destination(&arn, outcome, now)).await {
            tracing::error!(destination = arn.as_str(), %error, "the state of a topic rule destination was not kept");
        }
    });
}

async fn ask(service: &RulesService, work: &Resting, arn: &Arn, url: &str, token: &str) -> Result<(), String> {
    let enable = format!("http://{}/confirmdestination/{token}", service.host.endpoints.api);
    let body = json!({
        "arn": arn.as_str(),
        "confirmationToken": token,
        "enableUrl": enable,
        "messageType": "DestinationConfirmation",
    });
    let mut attempt = 0;
    loop {
        pause(&service.host.books.time, work, attempt).await;
        attempt += 1;
        let request = Request::post(format!("{}/?confirmationToken={token}", url.trim_end_matches('/')))
            .header("content-type", "application/json")
            .header("x-amz-rules-engine-message-type", "DestinationConfirmation")
            .header("x-amz-rules-engine-destination-arn", arn.as_str())
            .body(Bytes::from(body.to_string()))
            .map_err(|error| error.to_string())?;
        let why = match service.outbound.send(request, MAX_ANSWER, WITHIN).await {
            Ok(answer) if answer.status.is_success() => return Ok(()),
            Ok(answer) => format!("the confirmation URL answered {}", answer.status),
            Err(error) => error.to_string(),
        };
        if attempt >= TRIES {
            return Err(why);
        }
    }
}

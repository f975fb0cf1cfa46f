//! Points to an instance of InfluxDB: the token comes from Secrets Manager, the lines go out by the API of the instance's version
//! ("InfluxDB" rule action).

use super::batch::{Batches, Part, Share};
use super::delivery::{Delivery, TRIES, pause};
use crate::rules::outbound::Outbound;
use crate::rules::outbound::client::Answer;
use crate::rules::outbound::endpoints::Place;
use base64::Engine as _;
use bytes::Bytes;
use drydock_cloud::{Cloud, secrets};
use drydock_host::books::Books;
use drydock_model::iot::{InfluxDBDestinationConfiguration, InfluxDBSecretType, InfluxDBVersion};
use drydock_rules::{AwsCall, Points};
use http::{Request, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long an instance, or Secrets Manager, may take to answer.
const WITHIN: Duration = Duration::from_secs(5);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Writes points.
pub(super) struct InfluxDb {
    books: Arc<Books>,
    cloud: Cloud,
    outbound: Outbound,
    batches: Batches<()>,
}

impl InfluxDb {
    pub(super) fn new(books: Arc<Books>, cloud: Cloud, outbound: Outbound) -> Self {
        Self { books, cloud, outbound, batches: Batches::default() }
    }

    /// Writes points, with those of other messages where the rule says so.
    pub(super) async fn write(&self, delivery: &Delivery<'_>, points: &Points) -> Result<(), String> {
        let destination = self.books.rules.read(|rules| rules.influx_db(&points.destination, self.books.now()))?;
        let lines: Vec<Bytes> = points.lines.iter().map(|line| line.clone().into()).collect();
        let Some(limits) = points.batch else { return self.put(delivery, &destination, points, &lines).await };
        let share = Share { pieces: lines, head: () };
        match self
            .batches
            .add((&self.books.time, delivery.work), delivery.key(&points.database, limits.across_topics), share, limits)
            .await
        {
            Part::Follow(result) => result,
            Part::Lead(batch) => {
                let result = self.put(delivery, &destination, points, &batch.pieces).await;
                batch.tell(&self.books.time, &result);
                result
            }
        }
    }

    async fn put(
        &self,
        delivery: &Delivery<'_>,
        destination: &InfluxDBDestinationConfiguration,
        points: &Points,
        lines: &[Bytes],
    ) -> Result<(), String> {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let endpoint = destination.endpoint.trim_end_matches('/');
        let database = encoded(&points.database);
        let url = match destination.influx_db_version {
            InfluxDBVersion::V2 => {
                let organization = points.organization.as_deref();
                let organization = organization.ok_or("an instance of version 2 needs the action's `organization`")?;
                let (organization, precision) = (encoded(organization), points.precision);
                format!("{endpoint}/api/v2/write?org={organization}&bucket={database}&precision={precision}")
            }
            InfluxDBVersion::V3 => {
                let precision = match points.precision {
                    "s" => "second",
                    "us" => "microsecond",
                    "ns" => "nanosecond",
                    _ => "millisecond",
                };
                format!("{endpoint}/api/v3/write_lp?db={database}&precision={precision}")
            }
        };
        let body = Bytes::from(lines.join(&b"\n"[..]));
        let mut attempt = 0;
        let mut renewed = false;
        loop {
            pause(&self.books.time, delivery.work, attempt).await;
            attempt += 1;
            let token = token(&self.cloud, &self.outbound, &self.books.scope.region, destination).await?;
            let request = Request::post(&url).header("content-type", "text/plain; charset=utf-8");
            let answer = send(&self.outbound, request, destination, &token, body.clone()).await?;
            let why = match answer.status {
                status if status.is_success() => return Ok(()),
                status => format!("`{endpoint}` answered {status}: {}", reason(&answer)),
            };
            let again = match answer.status {
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => true,
                StatusCode::UNAUTHORIZED => !std::mem::replace(&mut renewed, true),
                _ => false,
            };
            if !again || attempt >= TRIES {
                return Err(why);
            }
        }
    }
}

/// Asks an instance for what only its owner may see.
///
/// # Errors
/// Why the instance is not proven to be the owner's.
pub(super) async fn prove(
    cloud: &Cloud,
    outbound: &Outbound,
    region: &str,
    destination: &InfluxDBDestinationConfiguration,
) -> Result<(), String> {
    let token = token(cloud, outbound, region, destination).await?;
    let endpoint = destination.endpoint.trim_end_matches('/');
    let url = match destination.influx_db_version {
        InfluxDBVersion::V2 => format!("{endpoint}/api/v2/me"),
        InfluxDBVersion::V3 => format!("{endpoint}/api/v3/configure/database?format=json"),
    };
    let answer = send(outbound, Request::get(&url), destination, &token, Bytes::new()).await?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(format!("`{url}` answered {}: {}", answer.status, reason(&answer)))
}

async fn send(
    outbound: &Outbound,
    request: http::request::Builder,
    destination: &InfluxDBDestinationConfiguration,
    token: &str,
    body: Bytes,
) -> Result<Answer, String> {
    let scheme = match destination.influx_db_version {
        InfluxDBVersion::V2 => "Token",
        InfluxDBVersion::V3 => "Bearer",
    };
    let request = request.header("authorization", format!("{scheme} {token}")).body(body);
    let request = request.map_err(|error| format!("`{}` cannot be asked: {error}", destination.endpoint))?;
    outbound.send(request, MAX_ANSWER, WITHIN).await.map_err(|error| error.to_string())
}

fn reason(answer: &Answer) -> String {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let member = |name: &str| Some(json.as_ref()?.get(name)?.as_str()?.to_owned());
    member("message").or_else(|| member("error")).unwrap_or_else(|| "it gives no reason".to_owned())
}

/// The token of an instance, from its secret. It is never shown.
async fn token(
    cloud: &Cloud,
    outbound: &Outbound,
    region: &str,
    destination: &InfluxDBDestinationConfiguration,
) -> Result<String, String> {
    let id = &destination.secret_id;
    let failed = |why: String| format!("the secret `{id}` cannot be had: {why}");
    let call = AwsCall::secret(region, &json!({ "SecretId": id }));
    let (status, body) = if outbound.place(call.service, true) == Place::StandIn {
        let request = Request::post("/").header("content-type", "application/x-amz-json-1.1");
        let request = request.header("x-amz-target", "secretsmanager.GetSecretValue").body(call.body.clone());
        let request = request.map_err(|error| failed(error.to_string()))?;
        let (head, body) = cloud.handle(secrets::SERVICE, request).await.into_parts();
        (head.status, body)
    } else {
        let answer = outbound.call(&call, WITHIN).await.map_err(|error| failed(error.to_string()))?;
        (answer.status, answer.body)
    };
    call.answered(status.as_u16(), &body).map_err(|failure| failed(failure.message))?;
    let answer: Value = serde_json::from_slice(&body).map_err(|_| failed("the answer is not JSON".to_owned()))?;
    let member = |name: &str| answer.get(name).and_then(Value::as_str);
    let text = match destination.secret_type {
        Some(InfluxDBSecretType::SecretBinary) => {
            let bytes =
                member("SecretBinary").and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
            bytes.and_then(|bytes| String::from_utf8(bytes).ok())
        }
        _ => member("SecretString").map(str::to_owned),
    };
    let text = text.ok_or_else(|| failed("it has no such value".to_owned()))?;
    let Some(key) = &destination.secret_key else { return Ok(text) };
    let json: Option<Value> = serde_json::from_str(&text).ok();
    let found = json.as_ref().and_then(|json| json.get(key)?.as_str()).map(str::to_owned);
    found.ok_or_else(|| failed(format!("it has no key `{key}`")))
}

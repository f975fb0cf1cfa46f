//! An action's call, made: handed to the stand-in, or sent to where the service is, and tried again where that may help.

use super::batch::{Batches, Closed, Part, Share};
use super::delivery::{Delivery, TRIES, pause};
use super::influxdb::InfluxDb;
use super::kafka::Clusters;
use super::state::Metric;
use crate::rules::outbound::client::{SendError, host};
use crate::rules::outbound::endpoints::Place;
use crate::rules::outbound::{CallError, Outbound};
use bytes::Bytes;
use drydock_broker::{Message as BrokerMessage, Origin, Properties, Qos};
use drydock_cloud::{Cloud, lambda, stand_ins};
use drydock_core::Arn;
use drydock_host::books::Books;
use drydock_rules::{AwsCall, CallFailure, HttpPost, KafkaRecord, MqttProperties, Outgoing};
use http::{Request, StatusCode};
use percent_encoding::percent_decode_str;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a service may take to answer.
const CALL: Duration = Duration::from_secs(5);
/// How long all tries of an HTTP action may take ("AWS IoT Core rules engine limits": request timeout).
const HTTP: Duration = Duration::from_millis(3000);
/// How much of an answer a watcher is shown, in characters.
const MOST_SHOWN: usize = 200;
/// The largest answer to an HTTP action that may be followed by another try, in bytes.
const MAX_ANSWER: usize = 16_384;

/// Makes the calls of actions.
pub(super) struct Sender {
    books: Arc<Books>,
    cloud: Cloud,
    outbound: Outbound,
    posts: Batches<HttpPost>,
    influx: InfluxDb,
    kafka: Clusters,
}

impl Sender {
    pub(super) fn new(books: Arc<Books>, cloud: Cloud, outbound: Outbound) -> Self {
        let influx = InfluxDb::new(Arc::clone(&books), cloud.clone(), outbound.clone());
        let kafka = Clusters::new(outbound.own().clone());
        Self { books, cloud, outbound, posts: Batches::default(), influx, kafka }
    }

    /// Makes a call; what it was answered, for who watches the rule.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) async fn send(&self, delivery: &Delivery<'_>, outgoing: &Outgoing) -> Result<String, String> {
        match outgoing {
            Outgoing::Publish { topic, payload, qos, mqtt } => {
                let message = republished(&self.books, topic, payload, *qos, mqtt);
                let taken = delivery.broker.publish(message, Origin::Outside).map_err(|error| error.to_string())?;
                taken.durable().await.map_err(|error| error.to_string())?;
                Ok(format!("published to {topic} with QoS {qos}"))
            }
            Outgoing::Aws(call) => self.call(delivery, call).await,
            Outgoing::Http(post) => self.post(delivery, post).await.map(|()| "taken".to_owned()),
            Outgoing::InfluxDb(points) => self.influx.write(delivery, points).await.map(|()| "written".to_owned()),
            Outgoing::Kafka(record) => self.record(delivery, record).await.map(|()| "acknowledged".to_owned()),
        }
    }

    /// Makes a call of an AWS service; what passes is tried again.
    async fn call(&self, delivery: &Delivery<'_>, call: &AwsCall) -> Result<String, String> {
        let mut made = false;
        let mut attempt = 0;
        loop {
            pause(&self.books.time, delivery.work, attempt).await;
            let failure = match self.once(delivery, call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match &call.missing {
                Some(missing) if !made && failure.code.as_deref() == Some(missing.error) => {
                    made = true;
                    match self.once(delivery, &missing.make).await {
                        Err(why) if why.code.as_deref() != Some("ResourceAlreadyExistsException") => {
                            return Err(why.message);
                        }
                        _ => continue,
                    }
                }
                _ => attempt += 1,
            }
            if !failure.passing || attempt >= TRIES {
                return Err(failure.message);
            }
            tracing::debug!(rule = %delivery.rule.name, service = call.service, why = failure.message, attempt, "tried again");
        }
    }

    async fn once(&self, delivery: &Delivery<'_>, call: &AwsCall) -> Result<String, CallFailure> {
        let lasting = |message: String| CallFailure { message, code: None, passing: false };
        let stand_in = stand_ins::of_scope(call.service);
        if call.endpoint.is_some() || self.outbound.place(call.service, stand_in.is_some()) != Place::StandIn {
            let answer = self.outbound.call(call, CALL).await.map_err(|error| match error {
                CallError::Nowhere(why) => lasting(why),
                CallError::Send(error @ (SendError::Url(_) | SendError::Host(_))) => {
                    lasting(format!("{}: {error}", call.service))
                }
                CallError::Send(error) => {
                    CallFailure { message: format!("{}: {error}", call.service), code: None, passing: true }
                }
            })?;
            let status = answer.status.as_u16();
            return call.answered(status, &answer.body).map(|()| shown(status, &answer.body));
        }
        let Some(service) = stand_in else {
            return Err(lasting(crate::rules::outbound::endpoints::nowhere(call.service)));
        };
        if service == lambda::SERVICE {
            // Lambda asks who invokes: a function's resource policy has to name the rule.
            let source = self.books.scope.rule(&delivery.rule.name);
            return self.invoke(&source, call).await.map_err(lasting);
        }
        let mut request = Request::builder().method(call.method).uri(call.path.as_str());
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let request = request.body(call.body.clone()).map_err(|error| lasting(error.to_string()))?;
        let response = self.cloud.handle(service, request).await;
        let status = response.status().as_u16();
        call.answered(status, response.body()).map(|()| shown(status, response.body()))
    }

    async fn invoke(&self, source: &Arn, call: &AwsCall) -> Result<String, String> {
        let function = call
            .path
            .strip_prefix("/2015-03-31/functions/")
            .and_then(|rest| rest.strip_suffix("/invocations"))
            .map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned())
            .ok_or_else(|| format!("`{}` is not a path of an invoke", call.path))?;
        let invoked = self.cloud.lambda().invoke_from("iot.amazonaws.com", source, &function, call.body.clone()).await;
        invoked.map(|request_id| format!("202, request {request_id}")).map_err(|error| error.to_string())
    }

    /// Sends a record to a Kafka cluster through a VPC destination, which has to be enabled.
    async fn record(&self, delivery: &Delivery<'_>, record: &KafkaRecord) -> Result<(), String> {
        let mut attempt = 0;
        loop {
            pause(&self.books.time, delivery.work, attempt).await;
            attempt += 1;
            let now = self.books.now();
            self.books.rules.read(|rules| rules.may_enter_vpc(&record.destination, now))?;
            match self.kafka.send(record, now.millis()).await {
                Ok(()) => return Ok(()),
                Err(failure) if !failure.passing || attempt >= TRIES => return Err(failure.message),
                Err(_) => {}
            }
        }
    }

    /// Posts to a web service whose destination is enabled, with others where the rule says so.
    async fn post(&self, delivery: &Delivery<'_>, post: &HttpPost) -> Result<(), String> {
        if let Some(destination) = &post.destination {
            self.books.rules.read(|rules| rules.may_post(destination, self.books.now()))?;
        }
        let Some(limits) = post.batch else { return self.request(delivery, post, post.body.clone()).await };
        let share = Share { pieces: vec![post.body.clone()], head: post.clone() };
        match self
            .posts
            .add((&self.books.time, delivery.work), delivery.key(&post.url, limits.across_topics), share, limits)
            .await
        {
            Part::Follow(result) => result,
            Part::Lead(mut batch) => {
                let last = batch.head.take().unwrap_or_else(|| post.clone());
                let result = self.request(delivery, &last, joined(&batch)).await;
                batch.tell(&self.books.time, &result);
                result
            }
        }
    }

    /// Sends one request, by the guide's "HTTP action retry logic".
    async fn request(&self, delivery: &Delivery<'_>, post: &HttpPost, body: Bytes) -> Result<(), String> {
        // What the network takes, which is the machine's time; the pauses are by the gateway's clock.
        let mut taken = Duration::ZERO;
        let mut attempt = 0;
        loop {
            let mut request = Request::post(self.outbound.at_endpoint(&post.url, post.service));
            for (name, value) in &post.headers {
                request = request.header(name.as_str(), value.as_str());
            }
            let request = request.body(body.clone());
            let mut request = request.map_err(|error| {
                delivery.state.count(Metric::HttpInvalidUrl);
                format!("`{}` cannot be posted to: {error}", host(&post.url))
            })?;
            if let Some((region, service)) = &post.sign_for {
                self.outbound.sign(&mut request, service, region).map_err(|error| error.to_string())?;
            }
            let sending = Instant::now();
            let sent = self.outbound.send(request, MAX_ANSWER, HTTP.saturating_sub(taken)).await;
            taken += sending.elapsed();
            attempt += 1;
            let (why, again) = match sent {
                Ok(answer) if answer.status.is_success() => return Ok(()),
                Ok(answer) => {
                    let status = answer.status;
                    delivery.state.count(match status.as_u16() {
                        400..=499 => Metric::HttpCode4xx,
                        500..=599 => Metric::HttpCode5xx,
                        _ => Metric::HttpCodeOther,
                    });
                    let may = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
                    let why = format!("`{}` answered {status}", host(&post.url));
                    (why, may && !answer.closes && !answer.is_larger)
                }
                Err(error) => {
                    match &error {
                        SendError::Url(_) => delivery.state.count(Metric::HttpInvalidUrl),
                        SendError::Host(_) => delivery.state.count(Metric::HttpUnknownHost),
                        SendError::Timeout { .. } => delivery.state.count(Metric::HttpRequestTimeout),
                        SendError::Connect { .. } | SendError::Closed { .. } => {}
                    }
                    (error.to_string(), matches!(error, SendError::Connect { .. }))
                }
            };
            if !again || attempt >= TRIES || taken >= HTTP {
                return Err(why);
            }
            pause(&self.books.time, delivery.work, attempt).await;
        }
    }
}

/// An answer, cut short.
fn shown(status: u16, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let cut: String = body.chars().take(MOST_SHOWN).collect();
    format!("{status} {}{}", cut.trim(), if cut.len() < body.len() { "…" } else { "" })
}

/// The messages of a batch, each JSON already, as an array.
fn joined(batch: &Closed<HttpPost>) -> Bytes {
    let mut body = Vec::with_capacity(batch.pieces.iter().map(|piece| piece.len() + 1).sum::<usize>() + 2);
    body.push(b'[');
    for (index, piece) in batch.pieces.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(piece);
    }
    body.push(b']');
    body.into()
}

fn republished(books: &Books, topic: &str, payload: &Bytes, qos: u8, mqtt: &MqttProperties) -> BrokerMessage {
    let properties = Properties {
        payload_is_utf8: mqtt.utf8,
        content_type: mqtt.content_type.as_deref().map(Into::into),
        response_topic: mqtt.response_topic.as_deref().map(Into::into),
        correlation_data: mqtt.correlation_data.clone(),
        user: mqtt.user_properties.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect(),
    };
    let mut message = BrokerMessage::new(topic, payload.clone())
        .with_qos(Qos::from_number(qos).unwrap_or_default())
        .with_properties(properties);
    message.expires_at = mqtt.message_expiry.map(|seconds| books.now().plus_millis(i64::from(seconds) * 1000));
    message
}

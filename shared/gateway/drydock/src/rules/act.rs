//! One rule on one message: evaluate, prepare, send, and tell the error action of what failed.

use super::reach::{self, Asked, Lanes};
use super::watch::{Acted, Execution, Watches};
use crate::books::Books;
use crate::notice::{Notice, Notices, Tone, Topic as About};
use bytes::Bytes;
use drydock_broker::{Broker, Message as BrokerMessage, Origin, Properties, Qos};
use drydock_cloud::{Cloud, Service};
use drydock_core::Arn;
use drydock_rules::{
    ActionFailure, AwsCall, CompiledRule, ExternalCall, Message, MqttProperties, NotPrepared, Outcome, Outgoing,
    Output, Prepared, Trace,
};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// How much of an answer a watcher is shown, in characters.
const MOST_SHOWN: usize = 200;

/// What acting needs.
pub(super) struct Acting {
    pub(super) books: Arc<Books>,
    pub(super) cloud: Cloud,
    pub(super) notices: Notices,
    pub(super) watches: Watches,
    pub(super) lanes: Lanes,
}

/// What the calls of an action were answered.
enum Answered {
    Published { topic: String, qos: u8 },
    Invoked { request_id: String },
    Called(http::Response<Bytes>),
}

impl Acting {
    /// Runs a rule that reaches out, and does not wait for it.
    pub(super) fn start(self: &Arc<Self>, broker: &Broker, rule: &Arc<CompiledRule>, message: &Arc<Message>) {
        let Some((lane, place)) = self.lanes.enter(&rule.name) else {
            tracing::warn!(rule = %rule.name, topic = %message.topic, "a rule was throttled: too many messages wait for it");
            self.tell(rule, Tone::Bad, || ("throttled: too many messages wait for it".to_owned(), Vec::new()));
            return;
        };
        let (acting, broker) = (Arc::clone(self), broker.clone());
        let (rule, message) = (Arc::clone(rule), Arc::clone(message));
        tokio::spawn(async move {
            let Ok(_working) = lane.work.acquire().await else { return };
            acting.run(&broker, &rule, &message).await;
            drop(place);
        });
    }

    /// Runs a rule on a message.
    pub(super) async fn run(&self, broker: &Broker, rule: &CompiledRule, message: &Message) {
        let watchers = self.watches.of(rule);
        let mut asked = Asked::new(&self.books);
        let (outcome, trace) = loop {
            let evaluated = match &watchers {
                None => (rule.evaluate(message, asked.env()), None),
                Some(_) => {
                    let (outcome, trace) = rule.evaluate_traced(message, asked.env());
                    (outcome, Some(trace))
                }
            };
            let (Outcome::Waiting(call), _) = &evaluated else { break evaluated };
            let answer = reach::answer(&self.books, &self.cloud, rule, call).await;
            asked.learn(call, answer);
        };
        let mut execution = trace.map(|trace| Execution::new(rule, message, self.books.now(), &outcome, trace));
        match outcome {
            Outcome::Unmatched => self.tell(rule, Tone::Plain, || {
                let (_, trace) = rule.evaluate_traced(message, asked.env());
                (format!("did not match {}", message.topic), trace.to_string().lines().map(str::to_owned).collect())
            }),
            Outcome::Matched(output) => {
                self.act(broker, rule, message, &output, &mut asked, execution.as_mut()).await;
            }
            Outcome::Failed(why) => {
                tracing::warn!(rule = %rule.name, topic = %message.topic, %why, "a rule could not be evaluated");
                self.tell(rule, Tone::Bad, || {
                    (format!("could not be evaluated on {}: {why}", message.topic), Vec::new())
                });
            }
            // It is answered above.
            Outcome::Waiting(_) => {}
        }
        if let (Some(watchers), Some(execution)) = (watchers, execution) {
            // A watcher that left meanwhile is no loss.
            let _ = watchers.send(Arc::new(execution));
        }
    }

    async fn act(
        &self,
        broker: &Broker,
        rule: &CompiledRule,
        message: &Message,
        output: &Output,
        asked: &mut Asked,
        mut execution: Option<&mut Execution>,
    ) {
        let mut failures = Vec::new();
        let mut done = Vec::new();
        asked.next(&self.books);
        let prepared = loop {
            let prepared: Vec<(Prepared, Trace)> = match execution {
                None => {
                    rule.prepare(output, message, asked.env()).into_iter().map(|one| (one, Trace::default())).collect()
                }
                Some(_) => rule.prepare_traced(output, message, asked.env()),
            };
            let calls: Vec<ExternalCall> = prepared.iter().filter_map(|(prepared, _)| waits_for(prepared)).collect();
            if calls.is_empty() {
                break prepared;
            }
            self.ask(rule, calls, asked).await;
        };
        for (prepared, substituted) in prepared {
            let started = Instant::now();
            let result = self.send(broker, rule, &prepared).await;
            let took = started.elapsed().as_secs_f64() * 1000.0;
            if let Some(execution) = &mut execution {
                execution.actions.push(acted(&prepared, &result, took, substituted));
            }
            match result {
                Ok(_) => done.push(format!("{} to {}: ok in {took:.1} ms", prepared.action, prepared.resource)),
                Err(failure) => {
                    done.push(format!(
                        "{} to {}: failed: {}",
                        prepared.action, prepared.resource, failure.error_message
                    ));
                    tracing::warn!(rule = %rule.name, action = prepared.action, resource = prepared.resource, error = failure.error_message, "a rule action failed");
                    failures.push(failure);
                }
            }
        }
        let tone = if failures.is_empty() { Tone::Good } else { Tone::Bad };
        self.tell(rule, tone, || (format!("matched {}", message.topic), done));
        if failures.is_empty() {
            return;
        }
        asked.next(&self.books);
        let prepared = loop {
            let Some(prepared) = rule.prepare_error(&failures, output, message, asked.env()) else { return };
            let Some(call) = waits_for(&prepared) else { break prepared };
            self.ask(rule, vec![call], asked).await;
        };
        let started = Instant::now();
        let result = self.send(broker, rule, &prepared).await;
        if let Some(execution) = execution {
            let took = started.elapsed().as_secs_f64() * 1000.0;
            execution.error_action = Some(acted(&prepared, &result, took, Trace::default()));
        }
        if let Err(failure) = result {
            tracing::error!(rule = %rule.name, error = failure.error_message, "the error action failed, too");
            self.tell(rule, Tone::Bad, || {
                (format!("the error action failed, too: {}", failure.error_message), Vec::new())
            });
        }
    }

    async fn ask(&self, rule: &CompiledRule, calls: Vec<ExternalCall>, asked: &mut Asked) {
        for call in calls {
            let answer = reach::answer(&self.books, &self.cloud, rule, &call).await;
            asked.learn(&call, answer);
        }
    }

    /// Makes an action's calls, in their order; the first that fails ends it.
    async fn send(
        &self,
        broker: &Broker,
        rule: &CompiledRule,
        prepared: &Prepared,
    ) -> Result<Vec<Answered>, ActionFailure> {
        let outgoing = match &prepared.outgoing {
            Ok(outgoing) => outgoing,
            Err(NotPrepared::Failed(failure)) => return Err(failure.clone()),
            Err(NotPrepared::Waiting(call)) => {
                return Err(prepared.failed(format!("`{}` has nobody to answer it here", call.key())));
            }
        };
        let mut answers = Vec::with_capacity(outgoing.len());
        for one in outgoing {
            answers.push(match one {
                Outgoing::Publish { topic, payload, qos, mqtt } => {
                    let message = republished(&self.books, topic, payload, *qos, mqtt);
                    let taken = broker.publish(message, Origin::Outside).map_err(|e| prepared.failed(e.to_string()))?;
                    taken.durable().await.map_err(|e| prepared.failed(e.to_string()))?;
                    Answered::Published { topic: topic.clone(), qos: *qos }
                }
                Outgoing::Aws(call) => self.call(rule, call).await.map_err(|why| prepared.failed(why))?,
            });
        }
        Ok(answers)
    }

    /// Makes a call of an AWS service, answered by the stand-in.
    async fn call(&self, rule: &CompiledRule, call: &AwsCall) -> Result<Answered, String> {
        if call.service == "lambda" {
            // Lambda asks who invokes: a function's resource policy has to name the rule.
            let source = self.books.scope.rule(&rule.name);
            return self.invoke(&source, call).await;
        }
        let service = Service::from_scope(call.service)
            .ok_or_else(|| format!("there is no stand-in for {}, and no endpoint is configured", call.service))?;
        let mut request = http::Request::builder().method(call.method).uri(call.path.as_str());
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let request = request.body(call.body.clone()).map_err(|error| error.to_string())?;
        let response = self.cloud.handle(service, request).await;
        if response.status().is_success() {
            return Ok(Answered::Called(response));
        }
        Err(call.failure(response.status().as_u16(), response.body()))
    }

    async fn invoke(&self, source: &Arn, call: &AwsCall) -> Result<Answered, String> {
        let function = call
            .path
            .strip_prefix("/2015-03-31/functions/")
            .and_then(|rest| rest.strip_suffix("/invocations"))
            .map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned())
            .ok_or_else(|| format!("`{}` is no path of an invoke", call.path))?;
        let invoked = self.cloud.lambda().invoke_from("iot.amazonaws.com", source, &function, call.body.clone()).await;
        invoked.map(|request_id| Answered::Invoked { request_id }).map_err(|error| error.to_string())
    }

    fn tell(&self, rule: &CompiledRule, tone: Tone, what: impl FnOnce() -> (String, Vec<String>)) {
        self.notices.tell(|| {
            let (text, reasons) = what();
            Notice { at: self.books.now(), tone, topic: About::Rule, subject: rule.name.to_string(), text, reasons }
        });
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published { topic, qos } => write!(f, "published to {topic} with QoS {qos}"),
            Self::Invoked { request_id } => write!(f, "202, request {request_id}"),
            Self::Called(response) => {
                write!(f, "{}", response.status().as_u16())?;
                let body = String::from_utf8_lossy(response.body());
                let shown: String = body.chars().take(MOST_SHOWN).collect();
                write!(f, " {}{}", shown.trim(), if shown.len() < body.len() { "…" } else { "" })
            }
        }
    }
}

/// What a template of an action waits for.
fn waits_for(prepared: &Prepared) -> Option<ExternalCall> {
    match &prepared.outgoing {
        Err(NotPrepared::Waiting(call)) => Some((**call).clone()),
        _ => None,
    }
}

/// What a watcher is told of an action.
fn acted(prepared: &Prepared, result: &Result<Vec<Answered>, ActionFailure>, ms: f64, substituted: Trace) -> Acted {
    let answer = match result {
        Ok(answers) => answers.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        Err(failure) => failure.error_message.clone(),
    };
    let (action, resource) = (prepared.action, prepared.resource.clone());
    Acted { action, resource, ok: result.is_ok(), answer, ms: (ms * 1000.0).round() / 1000.0, substituted }
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

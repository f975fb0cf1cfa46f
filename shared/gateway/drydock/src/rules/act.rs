//! One rule on one message: evaluate, prepare, send, and tell the error action of what failed.

use crate::books::Books;
use crate::notice::{Notice, Notices, Tone, Topic as About};
use bytes::Bytes;
use drydock_broker::{Broker, Message as BrokerMessage, Origin, Properties, Qos};
use drydock_cloud::{Cloud, Service};
use drydock_core::Arn;
use drydock_rules::{
    ActionFailure, AwsCall, CompiledRule, Env, Message, MqttProperties, NoExternals, NotPrepared, Outcome, Outgoing,
    Output, Prepared,
};
use percent_encoding::percent_decode_str;
use std::sync::Arc;
use std::time::Instant;

/// What acting needs.
pub(super) struct Acting {
    pub(super) books: Arc<Books>,
    pub(super) cloud: Cloud,
    pub(super) notices: Notices,
}

impl Acting {
    fn env(&self) -> Env<'_> {
        // Functions that reach out are refused when a rule is created: nobody here answers them yet.
        Env { ids: self.books.ids.as_ref(), externals: &NoExternals }
    }

    /// Runs a rule on a message.
    pub(super) async fn run(&self, broker: &Broker, rule: &CompiledRule, message: &Message) {
        match rule.evaluate(message, self.env()) {
            Outcome::Unmatched => self.tell(rule, Tone::Plain, || {
                let (_, trace) = rule.evaluate_traced(message, self.env());
                (format!("did not match {}", message.topic), trace.to_string().lines().map(str::to_owned).collect())
            }),
            Outcome::Matched(output) => self.act(broker, rule, message, &output).await,
            Outcome::Failed(why) => {
                tracing::warn!(rule = %rule.name, topic = %message.topic, %why, "a rule could not be evaluated");
                self.tell(rule, Tone::Bad, || {
                    (format!("could not be evaluated on {}: {why}", message.topic), Vec::new())
                });
            }
            Outcome::Waiting(call) => {
                tracing::error!(rule = %rule.name, call = %call.key(), "a function that reaches out got past the rule's creation");
            }
        }
    }

    async fn act(&self, broker: &Broker, rule: &CompiledRule, message: &Message, output: &Output) {
        let mut failures = Vec::new();
        let mut done = Vec::new();
        for prepared in rule.prepare(output, message, self.env()) {
            let started = Instant::now();
            let result = self.send(broker, rule, &prepared).await;
            let took = started.elapsed().as_secs_f64() * 1000.0;
            match result {
                Ok(()) => done.push(format!("{} to {}: ok in {took:.1} ms", prepared.action, prepared.resource)),
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
        let Some(prepared) = rule.prepare_error(&failures, output, message, self.env()) else { return };
        if let Err(failure) = self.send(broker, rule, &prepared).await {
            tracing::error!(rule = %rule.name, error = failure.error_message, "the error action failed, too");
            self.tell(rule, Tone::Bad, || {
                (format!("the error action failed, too: {}", failure.error_message), Vec::new())
            });
        }
    }

    /// Makes an action's calls, in their order; the first that fails ends it.
    async fn send(&self, broker: &Broker, rule: &CompiledRule, prepared: &Prepared) -> Result<(), ActionFailure> {
        let outgoing = match &prepared.outgoing {
            Ok(outgoing) => outgoing,
            Err(NotPrepared::Failed(failure)) => return Err(failure.clone()),
            Err(NotPrepared::Waiting(call)) => {
                return Err(prepared.failed(format!("`{}` has nobody to answer it here", call.key())));
            }
        };
        for one in outgoing {
            match one {
                Outgoing::Publish { topic, payload, qos, mqtt } => {
                    let message = republished(&self.books, topic, payload, *qos, mqtt);
                    let taken = broker.publish(message, Origin::Outside).map_err(|e| prepared.failed(e.to_string()))?;
                    taken.durable().await.map_err(|e| prepared.failed(e.to_string()))?;
                }
                Outgoing::Aws(call) => self.call(rule, call).await.map_err(|why| prepared.failed(why))?,
            }
        }
        Ok(())
    }

    /// Makes a call of an AWS service, answered by the stand-in.
    async fn call(&self, rule: &CompiledRule, call: &AwsCall) -> Result<(), String> {
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
            return Ok(());
        }
        Err(call.failure(response.status().as_u16(), response.body()))
    }

    async fn invoke(&self, source: &Arn, call: &AwsCall) -> Result<(), String> {
        let function = call
            .path
            .strip_prefix("/2015-03-31/functions/")
            .and_then(|rest| rest.strip_suffix("/invocations"))
            .map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned())
            .ok_or_else(|| format!("`{}` is no path of an invoke", call.path))?;
        let invoked = self.cloud.lambda().invoke_from("iot.amazonaws.com", source, &function, call.body.clone()).await;
        invoked.map(|_| ()).map_err(|error| error.to_string())
    }

    fn tell(&self, rule: &CompiledRule, tone: Tone, what: impl FnOnce() -> (String, Vec<String>)) {
        self.notices.tell(|| {
            let (text, reasons) = what();
            Notice { at: self.books.now(), tone, topic: About::Rule, subject: rule.name.to_string(), text, reasons }
        });
    }
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

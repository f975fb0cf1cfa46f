//! A message on its way to the subscribers of a topic.

use super::Sns;
use super::envelope::{self, Outgoing, SIGNATURE};
use super::error::SnsError;
use super::publish::Publish;
use super::subscription::Subscription;
use crate::http_client;
use crate::notice::Notice;
use crate::stand_in::Parcel;
use bytes::Bytes;
use drydock_core::{Arn, OwnAddresses};
use drydock_timers::{Name, Timers, Work, millis};
use http::{Method, Request};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Attempts at an HTTP endpoint: the first, and the three of AWS's immediate retry phase ("Message delivery retries"), here
/// a second apart.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);
/// How long an endpoint may take to answer ("15 seconds").
const ANSWER: Duration = Duration::from_secs(15);

impl Sns {
    /// Subscribes an endpoint to a topic ("Subscribe"). One that is subscribed already keeps its ARN; its attributes are
    /// compared, or replaced where `replace` says so.
    ///
    /// # Errors
    /// What is wrong with the protocol, the endpoint or an attribute.
    pub async fn subscribe(
        self: &Arc<Self>,
        topic: &Arn,
        protocol: &str,
        endpoint: &str,
        attributes: &BTreeMap<String, String>,
        replace: bool,
    ) -> Result<Arn, SnsError> {
        self.topic(topic)?;
        let mut subscription = Subscription::new(topic, protocol, endpoint)?;
        for (name, value) in attributes {
            subscription.set(name, value)?;
        }
        let held = self
            .subscriptions_of(topic)
            .into_iter()
            .find(|(_, held)| held.protocol == protocol && held.endpoint == endpoint);
        let arn = match held {
            Some((arn, held)) => {
                subscription.token.clone_from(&held.token);
                if !replace && !attributes.is_empty() && subscription != *held {
                    return Err(SnsError::invalid(
                        "Attributes Reason: Subscription already exists with different attributes",
                    ));
                }
                if !replace || subscription == *held {
                    return Ok(arn);
                }
                arn
            }
            None => {
                if protocol == "http" {
                    subscription.token = Some(self.context.config.ids.hex64());
                }
                Arn::parse(&format!("{topic}:{}", self.context.uuid())).ok_or_else(SnsError::no_topic)?
            }
        };
        let subscription = self.put_subscription(&arn, subscription).await?;
        if subscription.token.is_some() {
            ask_for_confirmation(self, topic, &subscription);
        }
        Ok(arn)
    }

    /// Publishes a message to a topic ("Publish"): returns its id once every queue and function that takes it has it.
    ///
    /// # Errors
    /// What is wrong with the topic or the message. A subscriber that cannot be reached is not an error: its dead-letter queue
    /// gets the message, and the observer is told.
    pub async fn publish(self: &Arc<Self>, topic: &Arn, message: Publish) -> Result<String, SnsError> {
        self.topic(topic)?;
        envelope::check(&message)?;
        let id = self.context.uuid();
        to_all(self, topic, &id, message).await;
        Ok(id)
    }
}

/// Hands a message to all subscribers whose filters take it.
async fn to_all(sns: &Arc<Sns>, topic: &Arn, id: &str, message: Publish) {
    let message = Arc::new(message);
    for (arn, subscription) in sns.subscriptions_of(topic) {
        let taken = subscription.filter.as_ref().is_none_or(|filter| filter.takes(&message.attributes));
        if !taken || subscription.token.is_some() {
            continue;
        }
        let text = envelope::text_for(&message, &subscription.protocol);
        let outgoing = Outgoing {
            id,
            topic,
            subscription: &arn,
            at: sns.context.now(),
            endpoint: &sns.context.config.endpoint,
            message: &message,
            text: &text,
        };
        match subscription.protocol.as_str() {
            "lambda" => {
                if let Err(why) = to_function(sns, topic, &subscription, outgoing.event()).await {
                    undelivered(sns, &arn, &subscription, outgoing.notification(), why).await;
                }
            }
            "sqs" => {
                let parcel = if subscription.raw {
                    Parcel { body: text.clone(), attributes: message.attributes.clone(), sender: None }
                } else {
                    Parcel { body: outgoing.notification(), ..Parcel::default() }
                };
                let sent = match Arn::parse(&subscription.endpoint) {
                    Some(queue) => sns.outlets.send(&queue, parcel.clone()).await,
                    None => Err("its endpoint is not an ARN".into()),
                };
                if let Err(why) = sent {
                    undelivered(sns, &arn, &subscription, parcel.body, why).await;
                }
            }
            _ => {
                let body = if subscription.raw { text.clone() } else { outgoing.notification() };
                let headers = [
                    ("x-amz-sns-message-type", "Notification".to_owned()),
                    ("x-amz-sns-message-id", id.to_owned()),
                    ("x-amz-sns-topic-arn", topic.to_string()),
                    ("x-amz-sns-subscription-arn", arn.to_string()),
                    ("x-amz-sns-rawdelivery", subscription.raw.to_string()),
                ];
                let this = Arc::clone(sns);
                let timers = sns.context.timers.clone();
                let work = timers.work(Name::new("SNS delivery", subscription.endpoint.as_str()));
                sns.context.spawn(async move {
                    let to = (&this.context.config.own, subscription.endpoint.as_str());
                    let (sent, _work) = to_endpoint(&timers, to, &headers, &body, work).await;
                    if let Err(why) = sent {
                        undelivered(&this, &arn, &subscription, body, why).await;
                    }
                });
            }
        }
    }
}

async fn to_function(sns: &Arc<Sns>, topic: &Arn, subscription: &Subscription, event: String) -> Result<(), String> {
    let function = Arn::parse(&subscription.endpoint).ok_or("its endpoint is not an ARN")?;
    let sender = Some(("sns.amazonaws.com", topic.clone()));
    sns.outlets.send(&function, Parcel { body: event, sender, ..Parcel::default() }).await
}

/// Posts to an endpoint that is none of the gateway's own sockets, again where that may help; the work rests between the attempts.
async fn to_endpoint(
    timers: &Timers,
    (own, url): (&OwnAddresses, &str),
    headers: &[(&'static str, String)],
    body: &str,
    mut work: Work,
) -> (Result<(), String>, Work) {
    let mut attempt = 1;
    loop {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("content-type", "text/plain; charset=UTF-8")
            .header("user-agent", "Amazon Simple Notification Service Agent");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = match request.body(Bytes::from(body.to_owned())) {
            Ok(request) => request,
            Err(why) => return (Err(why.to_string()), work),
        };
        let why = match http_client::send(own, request, 65_536, ANSWER).await {
            Ok(response) if response.status().is_success() => return (Ok(()), work),
            Ok(response) if response.status().is_client_error() && response.status() != 429 => {
                return (Err(format!("`{url}` answered {}", response.status())), work);
            }
            Ok(response) => format!("`{url}` answered {}", response.status()),
            Err(why) => why,
        };
        if attempt == ATTEMPTS {
            return (Err(why), work);
        }
        attempt += 1;
        let again = timers.until(Name::new("SNS retry", url), timers.now().plus_millis(millis(PAUSE)));
        drop(work);
        work = again.await;
    }
}

/// Tells of a message that was not delivered, and hands it to the subscription's dead-letter queue.
async fn undelivered(sns: &Arc<Sns>, arn: &Arn, subscription: &Subscription, body: String, why: String) {
    let tell = |to: String, why: String| {
        sns.context.tell(Notice::DeliveryFailed { from: arn.to_string(), to, why });
    };
    tell(subscription.endpoint.clone(), why);
    if let Some(queue) = subscription.dead_letter.as_deref().and_then(Arn::parse)
        && let Err(why) = sns.outlets.send(&queue, Parcel { body, ..Parcel::default() }).await
    {
        tell(queue.to_string(), why);
    }
}

/// Asks an endpoint to confirm its subscription ("HTTP/HTTPS subscription confirmation JSON format").
fn ask_for_confirmation(sns: &Arc<Sns>, topic: &Arn, subscription: &Arc<Subscription>) {
    let Some(token) = subscription.token.clone() else { return };
    let (context, subscription) = (&sns.context, Arc::clone(subscription));
    let (id, endpoint) = (context.uuid(), &context.config.endpoint);
    let body = json!({
        "Type": "SubscriptionConfirmation",
        "MessageId": id,
        "Token": token,
        "TopicArn": topic.as_str(),
        "Message": format!(
            "You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, visit the SubscribeURL \
             included in this message."
        ),
        "SubscribeURL": format!("{endpoint}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"),
        "Timestamp": context.now().to_string(),
        "SignatureVersion": "1",
        "Signature": SIGNATURE,
        "SigningCertURL": format!("{endpoint}/SimpleNotificationService-unsigned.pem"),
    })
    .to_string();
    let headers = [
        ("x-amz-sns-message-type", "SubscriptionConfirmation".to_owned()),
        ("x-amz-sns-message-id", id),
        ("x-amz-sns-topic-arn", topic.to_string()),
    ];
    let this = Arc::clone(sns);
    let topic = topic.clone();
    let timers = context.timers.clone();
    let work = timers.work(Name::new("SNS confirmation", subscription.endpoint.as_str()));
    context.spawn(async move {
        let to = (&this.context.config.own, subscription.endpoint.as_str());
        let (sent, _work) = to_endpoint(&timers, to, &headers, &body, work).await;
        if let Err(why) = sent {
            let to = subscription.endpoint.clone();
            this.context.tell(Notice::DeliveryFailed { from: topic.to_string(), to, why });
        }
    });
}

//! SNS: topics whose messages go to queues, functions and HTTP endpoints on this machine.
//!
//! - [`error`]: the errors of the API.
//! - [`filter`]: subscription filter policies on message attributes.
//! - [`subscription`]: a subscription and its settings.
//! - [`envelope`]: the forms a message takes: the JSON envelope, the event of a function.
//! - `deliver`: a message on its way to its subscribers. [`publish`]: what is published.
//! - [`api`]: the operations over the query protocol.
//!
//! Follows the Amazon SNS API reference and "Message delivery" of the developer guide. A publish is acknowledged once every
//! queue and function that takes it has it durably; HTTP endpoints get it afterwards, with retries. Messages are not signed:
//! the field `Signature` says so, and a subscriber that verifies it will refuse.

pub mod api;
mod deliver;
mod envelope;
pub mod error;
pub mod filter;
pub mod publish;
pub mod subscription;

pub use error::SnsError;
pub use publish::{MAX_MESSAGE, Publish};
pub use subscription::Subscription;

use crate::context::{Context, lock};
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::journal::Rows;
use crate::stand_in::{Facts, Service};
use drydock_core::{Arn, Write};
use error::Code;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// SNS.
pub const SERVICE: Service = Service::new(&Facts { name: "sns", title: "Amazon SNS", ..Facts::PLAIN });

const TOPICS: &str = "sns_topic";
const SUBSCRIPTIONS: &str = "sns_subscription";
/// Attributes of a topic that are kept and shown: names for people, and what AWS does with encryption, access, retries and
/// tracing, which has no effect on one machine.
const KEPT: [&str; 6] =
    ["DeliveryPolicy", "DisplayName", "KmsMasterKeyId", "Policy", "SignatureVersion", "TracingConfig"];

/// A topic as the journal holds it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Topic {
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// All topics of the account and region.
pub struct Sns {
    pub(crate) context: Arc<Context>,
    pub(crate) outlets: Arc<Outlets>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<String, Topic>,
    /// By ARN, which starts with the topic's.
    subscriptions: BTreeMap<String, Arc<Subscription>>,
}

impl Sns {
    pub(crate) fn open(context: Arc<Context>, outlets: Arc<Outlets>, rows: &Rows) -> Result<Arc<Self>, CloudError> {
        let topics = rows.table::<Topic>(TOPICS)?.into_iter().collect();
        let subscriptions = rows.table::<Subscription>(SUBSCRIPTIONS)?;
        let subscriptions = subscriptions.into_iter().map(|(arn, subscription)| (arn, Arc::new(subscription)));
        let state = State { topics, subscriptions: subscriptions.collect() };
        Ok(Arc::new(Self { context, outlets, state: Mutex::new(state) }))
    }

    /// The ARN of a topic's name.
    pub fn arn(&self, name: &str) -> Arn {
        self.context.config.scope.arn("sns", name)
    }

    /// The ARNs of all topics.
    pub fn topics(&self) -> Vec<Arn> {
        lock(&self.state).topics.keys().map(|name| self.arn(name)).collect()
    }

    pub(crate) fn topic(&self, arn: &Arn) -> Result<Topic, SnsError> {
        let topic = lock(&self.state).topics.get(arn.resource()).cloned();
        topic.filter(|_| *arn == self.arn(arn.resource())).ok_or_else(SnsError::no_topic)
    }

    /// Creates a topic, or returns the one of the same name ("CreateTopic").
    ///
    /// # Errors
    /// What is wrong with the name or an attribute; `InvalidParameter` where it exists with other attributes or tags.
    pub async fn create(
        &self,
        name: &str,
        attributes: &BTreeMap<String, String>,
        tags: BTreeMap<String, String>,
    ) -> Result<Arn, SnsError> {
        if name.ends_with(".fifo") || attributes.get("FifoTopic").is_some_and(|fifo| fifo == "true") {
            return Err(SnsError::new(Code::NotImplemented, "FIFO topics are not implemented by this gateway"));
        }
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=256).contains(&name.len()) || !name.chars().all(valid) {
            return Err(SnsError::invalid("Topic Name"));
        }
        let mut topic = Topic { tags, ..Topic::default() };
        for (attribute, value) in attributes {
            set(&mut topic, attribute, value)?;
        }
        if let Some(held) = lock(&self.state).topics.get(name) {
            let same = |(key, value): (&String, &String)| held.attributes.get(key) == Some(value);
            return if !topic.attributes.iter().all(same) {
                Err(SnsError::invalid("Attributes Reason: Topic already exists with different attributes"))
            } else if !topic.tags.is_empty() && topic.tags != held.tags {
                Err(SnsError::invalid("Tags Reason: Topic already exists with different tags"))
            } else {
                Ok(self.arn(name))
            };
        }
        self.put_topic(name, topic).await?;
        Ok(self.arn(name))
    }

    /// Makes a topic and the subscriptions in it be as a template's `AWS::SNS::Topic` describes them. The properties are
    /// those of CloudFormation with all intrinsic functions resolved.
    ///
    /// # Errors
    /// [`CloudError::Resource`] naming the property that is unknown or wrong.
    pub async fn ensure(self: &Arc<Self>, name: &str, properties: &Value) -> Result<Arn, CloudError> {
        let wrong = |why: String| CloudError::resource("topic", name, why);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut topic = Topic::default();
        let mut subscriptions = Vec::new();
        for (property, value) in properties.as_object().into_iter().flatten() {
            match property.as_str() {
                "TopicName" => {}
                "Tags" => topic.tags = crate::wire::tags_of_properties(value).map_err(wrong)?,
                "Subscription" => subscriptions.extend(value.as_array().into_iter().flatten().cloned()),
                other => set(&mut topic, other, &text(value)).map_err(|e| wrong(e.message))?,
            }
        }
        let held = lock(&self.state).topics.get(name).cloned();
        match held {
            Some(held) if held == topic => {}
            Some(_) => self.put_topic(name, topic).await.map_err(|e| wrong(e.message))?,
            None => {
                self.create(name, &topic.attributes, topic.tags).await.map_err(|e| wrong(e.message))?;
            }
        }
        let arn = self.arn(name);
        for properties in subscriptions {
            self.ensure_subscription(&arn, &properties).await?;
        }
        Ok(arn)
    }

    /// Makes a subscription be as a template's `AWS::SNS::Subscription` describes it (its `TopicArn` aside).
    ///
    /// # Errors
    /// [`CloudError::Resource`] naming the property that is unknown or wrong.
    pub async fn ensure_subscription(self: &Arc<Self>, topic: &Arn, properties: &Value) -> Result<Arn, CloudError> {
        let wrong = |why: String| CloudError::resource("subscription", topic.to_string(), why);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let field = |name: &str| properties.get(name).map(text).ok_or_else(|| wrong(format!("it has no `{name}`")));
        let (protocol, endpoint) = (field("Protocol")?, field("Endpoint")?);
        let mut attributes = BTreeMap::new();
        for (property, value) in properties.as_object().into_iter().flatten() {
            if !["TopicArn", "Protocol", "Endpoint", "Region"].contains(&property.as_str()) {
                attributes.insert(property.clone(), text(value));
            }
        }
        self.subscribe(topic, &protocol, &endpoint, &attributes, true).await.map_err(|e| wrong(e.message))
    }

    pub(crate) fn subscriptions_of(&self, topic: &Arn) -> Vec<(Arn, Arc<Subscription>)> {
        let start = format!("{topic}:");
        let state = lock(&self.state);
        let own = state.subscriptions.range(start.clone()..).take_while(|(arn, _)| arn.starts_with(&start));
        own.filter_map(|(arn, subscription)| Some((Arn::parse(arn)?, Arc::clone(subscription)))).collect()
    }

    pub(crate) fn subscription(&self, arn: &str) -> Result<Arc<Subscription>, SnsError> {
        let held = lock(&self.state).subscriptions.get(arn).cloned();
        held.ok_or_else(|| SnsError::new(Code::NotFound, "Subscription does not exist"))
    }

    pub(crate) fn subscriptions(&self) -> Vec<(String, Arc<Subscription>)> {
        lock(&self.state).subscriptions.iter().map(|(arn, held)| (arn.clone(), Arc::clone(held))).collect()
    }

    pub(crate) async fn put_topic(&self, name: &str, topic: Topic) -> Result<(), SnsError> {
        let write = Write::put(TOPICS, name, row(&topic)?);
        lock(&self.state).topics.insert(name.to_owned(), topic);
        self.context.journal.commit(vec![write]).await?;
        Ok(())
    }

    pub(crate) async fn put_subscription(
        &self,
        arn: &Arn,
        subscription: Subscription,
    ) -> Result<Arc<Subscription>, SnsError> {
        let write = Write::put(SUBSCRIPTIONS, arn.as_str(), row(&subscription)?);
        let subscription = Arc::new(subscription);
        lock(&self.state).subscriptions.insert(arn.to_string(), Arc::clone(&subscription));
        self.context.journal.commit(vec![write]).await?;
        Ok(subscription)
    }

    pub(crate) async fn unsubscribe(&self, arn: &str) -> Result<(), SnsError> {
        lock(&self.state).subscriptions.remove(arn);
        self.context.journal.commit(vec![Write::delete(SUBSCRIPTIONS, arn)]).await?;
        Ok(())
    }

    /// Deletes a topic and its subscriptions; one that does not exist is deleted already.
    pub(crate) async fn delete(&self, arn: &Arn) -> Result<(), SnsError> {
        if self.topic(arn).is_err() {
            return Ok(());
        }
        let mut writes = vec![Write::delete(TOPICS, arn.resource())];
        for (subscription, _) in self.subscriptions_of(arn) {
            lock(&self.state).subscriptions.remove(subscription.as_str());
            writes.push(Write::delete(SUBSCRIPTIONS, subscription.as_str()));
        }
        lock(&self.state).topics.remove(arn.resource());
        self.context.journal.commit(writes).await?;
        Ok(())
    }

    /// Deletes every topic.
    pub(crate) async fn clear(&self) -> Result<(), CloudError> {
        for topic in self.topics() {
            self.delete(&topic).await.map_err(|e| CloudError::resource("topic", topic.to_string(), e.message))?;
        }
        Ok(())
    }
}

/// Sets an attribute of a topic; an empty value removes it.
pub(crate) fn set(topic: &mut Topic, name: &str, value: &str) -> Result<(), SnsError> {
    match name {
        "FifoTopic" | "ContentBasedDeduplication" if value == "false" => {}
        "FifoTopic" | "ContentBasedDeduplication" => {
            return Err(SnsError::new(Code::NotImplemented, "FIFO topics are not implemented by this gateway"));
        }
        name if KEPT.contains(&name) => {
            if value.is_empty() {
                topic.attributes.remove(name);
            } else {
                topic.attributes.insert(name.into(), value.into());
            }
        }
        other => return Err(SnsError::invalid(&format!("AttributeName: `{other}` is not known to this gateway"))),
    }
    Ok(())
}

fn row(value: &impl Serialize) -> Result<String, SnsError> {
    serde_json::to_string(value).map_err(|e| SnsError::new(Code::InternalError, e.to_string()))
}

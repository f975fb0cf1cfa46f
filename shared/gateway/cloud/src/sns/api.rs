//! The SNS API over the query protocol.

use super::error::{Code, SnsError};
use super::{MAX_MESSAGE, Publish, SERVICE, Sns, set};
use crate::error::CloudError;
use crate::sqs::message::Attribute;
use crate::stand_in::{Parcel, Refusal, Service, StandIn};
use crate::wire::query::{self, Params, Xml};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_core::Arn;
use drydock_timers::Due;
use http::{Request, Response};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
/// The entries of a page of a list.
const PAGE: usize = 100;

/// What an operation writes into its result.
type Answer = Result<Xml, SnsError>;

impl Due for Sns {}

#[async_trait]
impl StandIn for Sns {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, request_id: &str) -> Response<Bytes> {
        answer(&self, &request, request_id).await
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        query::refusal(NAMESPACE, refusal)
    }

    /// A message for a topic.
    async fn take(self: Arc<Self>, to: &Arn, parcel: Parcel) -> Result<(), String> {
        let message = Publish { message: parcel.body, attributes: parcel.attributes, ..Publish::default() };
        self.publish(to, message).await.map(|_| ()).map_err(|e| e.to_string())
    }

    fn check(&self, to: &Arn, _sender: (&'static str, &Arn)) -> Result<(), String> {
        self.topic(to).map(drop).map_err(|error| error.to_string())
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }
}

async fn answer(sns: &Arc<Sns>, request: &Request<Bytes>, request_id: &str) -> Response<Bytes> {
    let params = Params::read(request);
    let action = params.get("Action").unwrap_or_default();
    match dispatch(sns, action, &params).await {
        Ok(result) => query::answer(NAMESPACE, action, request_id, |xml| {
            xml.append(result);
        }),
        Err(e) => query::error(NAMESPACE, e.code.status(), e.code.as_str(), &e.message, request_id),
    }
}

async fn dispatch(sns: &Arc<Sns>, action: &str, params: &Params) -> Answer {
    match action {
        "ConfirmSubscription" => confirm(sns, params).await,
        "CreateTopic" => {
            let tags = tags(params);
            let arn = sns.create(required(params, "Name")?, &params.entries("Attributes"), tags).await?;
            Ok(xml(|xml| {
                xml.text("TopicArn", arn.as_str());
            }))
        }
        "DeleteTopic" => {
            sns.delete(&arn(params, "TopicArn")?).await?;
            Ok(Xml::default())
        }
        "GetSubscriptionAttributes" => {
            let arn = required(params, "SubscriptionArn")?;
            let attributes = sns.subscription(arn)?.attributes(arn, &sns.context.config.scope.account);
            Ok(xml(|xml| {
                xml.map("Attributes", attributes.iter().map(|(key, value)| (*key, value.as_str())));
            }))
        }
        "GetTopicAttributes" => topic_attributes(sns, &arn(params, "TopicArn")?),
        "ListSubscriptions" => Ok(subscriptions(sns.subscriptions(), params, &sns.context.config.scope.account)),
        "ListSubscriptionsByTopic" => {
            let topic = arn(params, "TopicArn")?;
            sns.topic(&topic)?;
            let held = sns.subscriptions_of(&topic).into_iter().map(|(arn, held)| (arn.to_string(), held)).collect();
            Ok(subscriptions(held, params, &sns.context.config.scope.account))
        }
        "ListTagsForResource" => {
            let topic = tagged(sns, params)?.1;
            Ok(xml(|xml| {
                xml.nest("Tags", |xml| {
                    for (key, value) in &topic.tags {
                        xml.nest("member", |xml| {
                            xml.text("Key", key).text("Value", value);
                        });
                    }
                });
            }))
        }
        "ListTopics" => {
            let arns = sns.topics().into_iter().map(|arn| (arn.to_string(), ())).collect();
            let (page, next) = page(arns, params);
            Ok(xml(|xml| {
                xml.nest("Topics", |xml| {
                    for (arn, ()) in &page {
                        xml.nest("member", |xml| {
                            xml.text("TopicArn", arn);
                        });
                    }
                });
                token(xml, next.as_deref());
            }))
        }
        "Publish" => {
            let (topic, message) = (target(params)?, message(params, "")?);
            let id = sns.publish(&topic, message).await?;
            Ok(xml(|xml| {
                xml.text("MessageId", &id);
            }))
        }
        "PublishBatch" => publish_batch(sns, params).await,
        "SetSubscriptionAttributes" => {
            let name = required(params, "SubscriptionArn")?;
            let arn = arn(params, "SubscriptionArn")?;
            let mut subscription = (*sns.subscription(name)?).clone();
            let attribute = required(params, "AttributeName")?;
            subscription.set(attribute, params.given("AttributeValue").unwrap_or_default())?;
            sns.put_subscription(&arn, subscription).await?;
            Ok(Xml::default())
        }
        "SetTopicAttributes" => {
            let arn = arn(params, "TopicArn")?;
            let mut topic = sns.topic(&arn)?;
            let attribute = required(params, "AttributeName")?;
            set(&mut topic, attribute, params.given("AttributeValue").unwrap_or_default())?;
            sns.put_topic(arn.resource(), topic).await?;
            Ok(Xml::default())
        }
        "Subscribe" => subscribe(sns, params).await,
        "TagResource" => {
            let (name, mut topic) = tagged(sns, params)?;
            topic.tags.extend(tags(params));
            sns.put_topic(&name, topic).await?;
            Ok(Xml::default())
        }
        "Unsubscribe" => {
            sns.unsubscribe(required(params, "SubscriptionArn")?).await?;
            Ok(Xml::default())
        }
        "UntagResource" => {
            let (name, mut topic) = tagged(sns, params)?;
            for key in params.members("TagKeys.member") {
                topic.tags.remove(params.get(&key).unwrap_or_default());
            }
            sns.put_topic(&name, topic).await?;
            Ok(Xml::default())
        }
        "" => Err(SnsError::new(Code::MissingAction, "the request must contain the parameter Action")),
        other => {
            let message = format!("the SNS operation `{other}` is not implemented by this gateway");
            Err(SnsError::new(Code::NotImplemented, message))
        }
    }
}

fn xml(write: impl FnOnce(&mut Xml)) -> Xml {
    let mut xml = Xml::default();
    write(&mut xml);
    xml
}

fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, SnsError> {
    params.get(name).ok_or_else(|| SnsError::invalid(&format!("{name} Reason: no value for required parameter")))
}

fn arn(params: &Params, name: &str) -> Result<Arn, SnsError> {
    let text = required(params, name)?;
    let reason = || SnsError::invalid(&format!("{name} Reason: An ARN must have at least 6 elements, not `{text}`"));
    Arn::parse(text).ok_or_else(reason)
}

fn tags(params: &Params) -> BTreeMap<String, String> {
    let tag = |member: &String| {
        let key = params.get(&format!("{member}.Key"))?;
        Some((key.to_owned(), params.given(&format!("{member}.Value")).unwrap_or_default().to_owned()))
    };
    params.members("Tags.member").iter().filter_map(tag).collect()
}

fn tagged(sns: &Sns, params: &Params) -> Result<(String, super::Topic), SnsError> {
    let arn = arn(params, "ResourceArn")?;
    let missing = |_| SnsError::new(Code::ResourceNotFound, "Resource does not exist");
    Ok((arn.resource().to_owned(), sns.topic(&arn).map_err(missing)?))
}

/// One page of what is listed by name; the token is the last name of the page before.
fn page<T>(all: Vec<(String, T)>, params: &Params) -> (Vec<(String, T)>, Option<String>) {
    let after = params.get("NextToken").unwrap_or_default().to_owned();
    let mut rest = all.into_iter().filter(|(name, _)| *name > after);
    let page: Vec<_> = rest.by_ref().take(PAGE).collect();
    let next = rest.next().and_then(|_| page.last().map(|(name, _)| name.clone()));
    (page, next)
}

fn token(xml: &mut Xml, next: Option<&str>) {
    if let Some(next) = next {
        xml.text("NextToken", next);
    }
}

fn subscriptions(all: Vec<(String, Arc<super::Subscription>)>, params: &Params, account: &str) -> Xml {
    let (page, next) = page(all, params);
    xml(|xml| {
        xml.nest("Subscriptions", |xml| {
            for (arn, held) in &page {
                xml.nest("member", |xml| {
                    let arn = if held.token.is_some() { "PendingConfirmation" } else { arn };
                    xml.text("SubscriptionArn", arn).text("Owner", account).text("Protocol", &held.protocol);
                    xml.text("Endpoint", &held.endpoint).text("TopicArn", &held.topic);
                });
            }
        });
        token(xml, next.as_deref());
    })
}

fn topic_attributes(sns: &Sns, arn: &Arn) -> Answer {
    let topic = sns.topic(arn)?;
    let held = sns.subscriptions_of(arn);
    let pending = held.iter().filter(|(_, subscription)| subscription.token.is_some()).count();
    let counts = [
        ("Owner", sns.context.config.scope.account.to_string()),
        ("SubscriptionsConfirmed", (held.len() - pending).to_string()),
        ("SubscriptionsDeleted", "0".to_owned()),
        ("SubscriptionsPending", pending.to_string()),
        ("TopicArn", arn.to_string()),
    ];
    let own = topic.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let all: BTreeMap<&str, &str> = own.chain(counts.iter().map(|(key, value)| (*key, value.as_str()))).collect();
    Ok(xml(|xml| {
        xml.map("Attributes", all);
    }))
}

async fn subscribe(sns: &Arc<Sns>, params: &Params) -> Answer {
    let topic = arn(params, "TopicArn")?;
    let (protocol, endpoint) = (required(params, "Protocol")?, required(params, "Endpoint")?);
    let arn = sns.subscribe(&topic, protocol, endpoint, &params.entries("Attributes"), false).await?;
    let pending = sns.subscription(arn.as_str())?.token.is_some();
    let shown = pending && params.get("ReturnSubscriptionArn") != Some("true");
    let text = if shown { "pending confirmation" } else { arn.as_str() };
    Ok(xml(|xml| {
        xml.text("SubscriptionArn", text);
    }))
}

async fn confirm(sns: &Arc<Sns>, params: &Params) -> Answer {
    let (topic, token) = (arn(params, "TopicArn")?, required(params, "Token")?);
    sns.topic(&topic)?;
    let held = sns.subscriptions_of(&topic).into_iter().find(|(_, held)| held.token.as_deref() == Some(token));
    let (arn, held) = held.ok_or_else(|| SnsError::invalid("Token"))?;
    let confirmed = super::Subscription { token: None, ..(*held).clone() };
    sns.put_subscription(&arn, confirmed).await?;
    Ok(xml(|xml| {
        xml.text("SubscriptionArn", arn.as_str());
    }))
}

/// The topic that a publish is for.
fn target(params: &Params) -> Result<Arn, SnsError> {
    if params.get("PhoneNumber").is_some() {
        let message = "publishing to a phone number is not implemented by this gateway";
        return Err(SnsError::new(Code::NotImplemented, message));
    }
    if params.get("TopicArn").is_some() { arn(params, "TopicArn") } else { arn(params, "TargetArn") }
}

/// The message in the parameters that start with a prefix: none for a publish, an entry's for a batch.
fn message(params: &Params, prefix: &str) -> Result<Publish, SnsError> {
    let get = |name: &str| params.get(&format!("{prefix}{name}"));
    if get("MessageGroupId").is_some() || get("MessageDeduplicationId").is_some() {
        return Err(SnsError::invalid(
            "MessageGroupId Reason: The request includes MessageGroupId or \
                                      MessageDeduplicationId parameter that is not valid for this topic type",
        ));
    }
    let per_protocol = match get("MessageStructure") {
        None => false,
        Some("json") => true,
        Some(_) => return Err(SnsError::invalid("MessageStructure")),
    };
    let attribute = |entry: &String| {
        let value = |name: &str| params.given(&format!("{entry}.Value.{name}")).map(str::to_owned);
        let attribute = Attribute {
            data_type: value("DataType").unwrap_or_default(),
            string_value: value("StringValue"),
            binary_value: value("BinaryValue"),
        };
        Some((params.get(&format!("{entry}.Name"))?.to_owned(), attribute))
    };
    let attributes = params.members(&format!("{prefix}MessageAttributes.entry"));
    Ok(Publish {
        message: get("Message").unwrap_or_default().to_owned(),
        subject: params.given(&format!("{prefix}Subject")).map(str::to_owned),
        attributes: attributes.iter().filter_map(attribute).collect(),
        per_protocol,
    })
}

async fn publish_batch(sns: &Arc<Sns>, params: &Params) -> Answer {
    let topic = arn(params, "TopicArn")?;
    sns.topic(&topic)?;
    let entries = params.members("PublishBatchRequestEntries.member");
    if entries.is_empty() {
        return Err(SnsError::new(Code::EmptyBatchRequest, "The batch request doesn't contain any entries."));
    }
    if entries.len() > 10 {
        let message = "The batch request contains more entries than permissible.";
        return Err(SnsError::new(Code::TooManyEntriesInBatchRequest, message));
    }
    let mut seen = BTreeSet::new();
    let mut messages = Vec::new();
    let mut size = 0;
    for entry in &entries {
        let id = required(params, &format!("{entry}.Id"))?;
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.len() > 80 || !id.chars().all(valid) {
            let message = "The Id of a batch entry in a batch request doesn't abide by the specification.";
            return Err(SnsError::new(Code::InvalidBatchEntryId, message));
        }
        if !seen.insert(id) {
            let message = "Two or more batch entries in the request have the same Id.";
            return Err(SnsError::new(Code::BatchEntryIdsNotDistinct, message));
        }
        let message = message(params, &format!("{entry}."));
        size += message.as_ref().map_or(0, |message| message.message.len());
        messages.push((id, message));
    }
    if size > MAX_MESSAGE {
        let message = "The length of all the batch messages put together is more than the limit.";
        return Err(SnsError::new(Code::BatchRequestTooLong, message));
    }
    let (mut successful, mut failed) = (Xml::default(), Xml::default());
    for (id, message) in messages {
        let published = match message {
            Ok(message) => sns.publish(&topic, message).await,
            Err(error) => Err(error),
        };
        match published {
            Ok(message_id) => {
                successful.nest("member", |xml| {
                    xml.text("Id", id).text("MessageId", &message_id);
                });
            }
            Err(e) => {
                let sender = (e.code.status() < 500).to_string();
                failed.nest("member", |xml| {
                    xml.text("Id", id).text("Code", e.code.as_str()).text("Message", &e.message);
                    xml.text("SenderFault", &sender);
                });
            }
        }
    }
    Ok(xml(|xml| {
        xml.nest("Successful", |xml| {
            xml.append(successful);
        });
        xml.nest("Failed", |xml| {
            xml.append(failed);
        });
    }))
}

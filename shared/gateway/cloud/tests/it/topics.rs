//! SNS and STS over the query protocol, by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not recognise outside of test functions"
)]

use crate::common::{config, durable, message_of, notice, open, query, tag, text_of};
use bytes::Bytes;
use drydock_cloud::{Cloud, Notice};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::path::Path;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:alerts";

async fn sns(cloud: &Cloud, pairs: &[(&str, &str)]) -> String {
    let (status, body) = query(cloud, drydock_cloud::sns::SERVICE, pairs).await;
    assert_eq!(status, 200, "{pairs:?}: {body}");
    body
}

async fn refused(cloud: &Cloud, pairs: &[(&str, &str)]) -> (u16, String) {
    let (status, body) = query(cloud, drydock_cloud::sns::SERVICE, pairs).await;
    assert!(status >= 400, "{pairs:?}: {body}");
    (status, format!("{}: {}", tag(&body, "Code"), tag(&body, "Message")))
}

/// A topic with a queue that is subscribed to it; returns the subscription's ARN.
async fn with_queue(cloud: &Cloud) -> String {
    sns(cloud, &[("Action", "CreateTopic"), ("Name", "alerts")]).await;
    cloud.sqs().ensure("q", &json!({})).await.unwrap();
    let queue = cloud.sqs().arn("q").to_string();
    let subscribe = [("Action", "Subscribe"), ("TopicArn", TOPIC), ("Protocol", "sqs"), ("Endpoint", &*queue)];
    tag(&sns(cloud, &subscribe).await, "SubscriptionArn").to_owned()
}

async fn publish(cloud: &Cloud, message: &str, more: &[(&str, &str)]) -> String {
    let mut pairs = vec![("Action", "Publish"), ("TopicArn", TOPIC), ("Message", message)];
    pairs.extend(more);
    tag(&sns(cloud, &pairs).await, "MessageId").to_owned()
}

const COLOUR: [(&str, &str); 3] = [
    ("MessageAttributes.entry.1.Name", "colour"),
    ("MessageAttributes.entry.1.Value.DataType", "String"),
    ("MessageAttributes.entry.1.Value.StringValue", "red"),
];

#[tokio::test]
async fn a_message_reaches_a_queue_in_its_envelope_or_raw() {
    let (cloud, _) = open(config());
    let subscription = with_queue(&cloud).await;
    assert!(subscription.starts_with(&format!("{TOPIC}:")));
    let mut more = COLOUR.to_vec();
    more.push(("Subject", "hot & bothered"));
    let id = publish(&cloud, "<it is hot>", &more).await;
    let envelope = message_of(&cloud, "q").await;
    // The members: "HTTP/HTTPS notification JSON format" of the SNS developer guide.
    for (name, value) in [
        ("Type", "Notification"),
        ("MessageId", &*id),
        ("TopicArn", TOPIC),
        ("Subject", "hot & bothered"),
        ("Message", "<it is hot>"),
        ("SignatureVersion", "1"),
    ] {
        assert_eq!(envelope[name], value);
    }
    for name in ["Timestamp", "Signature", "SigningCertURL", "UnsubscribeURL"] {
        assert!(envelope[name].is_string(), "{name}");
    }
    assert_eq!(envelope["MessageAttributes"], json!({"colour": {"Type": "String", "Value": "red"}}));
    let set = [
        ("Action", "SetSubscriptionAttributes"),
        ("SubscriptionArn", &*subscription),
        ("AttributeName", "RawMessageDelivery"),
        ("AttributeValue", "true"),
    ];
    sns(&cloud, &set).await;
    publish(&cloud, "plain", &[]).await;
    assert_eq!(text_of(&cloud, "q").await, "plain");
    let per_protocol = json!({"default": "d", "sqs": "for queues"}).to_string();
    publish(&cloud, &per_protocol, &[("MessageStructure", "json")]).await;
    assert_eq!(text_of(&cloud, "q").await, "for queues");
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_subscription_has_the_attributes_that_it_was_made_with() {
    let (cloud, _) = open(config());
    sns(
        &cloud,
        &[
            ("Action", "CreateTopic"),
            ("Name", "alerts"),
            ("Attributes.entry.1.key", "DisplayName"),
            ("Attributes.entry.1.value", "Alerts"),
        ],
    )
    .await;
    let attributes = sns(&cloud, &[("Action", "GetTopicAttributes"), ("TopicArn", TOPIC)]).await;
    assert!(attributes.contains("<key>DisplayName</key><value>Alerts</value>"), "{attributes}");
    cloud.sqs().ensure("q", &json!({})).await.unwrap();
    let queue = cloud.sqs().arn("q").to_string();
    let subscribe = |attribute, value| {
        [
            ("Action", "Subscribe"),
            ("TopicArn", TOPIC),
            ("Protocol", "sqs"),
            ("Endpoint", &*queue),
            ("Attributes.entry.1.key", "RawMessageDelivery"),
            ("Attributes.entry.1.value", "true"),
            ("Attributes.entry.2.key", attribute),
            ("Attributes.entry.2.value", value),
        ]
        .map(|(name, value): (&str, &str)| (name.to_owned(), value.to_owned()))
    };
    let bad = subscribe("FilterPolicy", "not json");
    let bad: Vec<_> = bad.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(refused(&cloud, &bad).await.0, 400);
    let good = subscribe("FilterPolicy", r#"{"colour": ["red"]}"#);
    let good: Vec<_> = good.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    sns(&cloud, &good).await;
    publish(&cloud, "dropped", &[]).await;
    publish(&cloud, "kept", &COLOUR).await;
    assert_eq!(text_of(&cloud, "q").await, "kept", "raw, and the filter was kept");
}

#[tokio::test]
async fn a_filter_policy_decides() {
    let (cloud, _) = open(config());
    let subscription = with_queue(&cloud).await;
    let set = |policy: &'static str| {
        [
            ("Action", "SetSubscriptionAttributes"),
            ("SubscriptionArn", subscription.as_str()),
            ("AttributeName", "FilterPolicy"),
            ("AttributeValue", policy),
        ]
    };
    sns(&cloud, &set(r#"{"colour": ["red"]}"#)).await;
    publish(&cloud, "no colour", &[]).await;
    publish(&cloud, "red", &COLOUR).await;
    assert_eq!(message_of(&cloud, "q").await["Message"], "red");
    let (status, error) = refused(&cloud, &set(r#"{"colour": [{"wildcard": "r*"}]}"#)).await;
    assert_eq!((status, error.contains("`wildcard` is not implemented")), (501, true), "{error}");
    cloud.shutdown().await;
}

#[tokio::test]
async fn topics_and_subscriptions_are_listed_tagged_and_deleted() {
    let (cloud, _) = open(config());
    let subscription = with_queue(&cloud).await;
    let arn = ("ResourceArn", TOPIC);
    sns(&cloud, &[("Action", "TagResource"), arn, ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")]).await;
    let tags = sns(&cloud, &[("Action", "ListTagsForResource"), arn]).await;
    assert_eq!((tag(&tags, "Key"), tag(&tags, "Value")), ("k", "v"));
    sns(&cloud, &[("Action", "UntagResource"), arn, ("TagKeys.member.1", "k")]).await;
    assert!(!sns(&cloud, &[("Action", "ListTagsForResource"), arn]).await.contains("<Key>"));
    let topic = ("TopicArn", TOPIC);
    let name = [("AttributeName", "DisplayName"), ("AttributeValue", "Alerts <1>")];
    sns(&cloud, &[("Action", "SetTopicAttributes"), topic, name[0], name[1]]).await;
    let attributes = sns(&cloud, &[("Action", "GetTopicAttributes"), topic]).await;
    assert!(attributes.contains("<key>DisplayName</key><value>Alerts &lt;1&gt;</value>"), "{attributes}");
    assert!(attributes.contains("<key>SubscriptionsConfirmed</key><value>1</value>"), "{attributes}");
    assert_eq!(tag(&sns(&cloud, &[("Action", "ListTopics")]).await, "TopicArn"), TOPIC);
    for list in [vec![("Action", "ListSubscriptions")], vec![("Action", "ListSubscriptionsByTopic"), topic]] {
        let listed = sns(&cloud, &list).await;
        assert_eq!((tag(&listed, "SubscriptionArn"), tag(&listed, "Protocol")), (&*subscription, "sqs"));
    }
    // A second subscription of the same endpoint is the first.
    assert_eq!(with_queue(&cloud).await, subscription);
    let one = ("SubscriptionArn", &*subscription);
    let attributes = sns(&cloud, &[("Action", "GetSubscriptionAttributes"), one]).await;
    assert!(attributes.contains("<key>PendingConfirmation</key><value>false</value>"), "{attributes}");
    sns(&cloud, &[("Action", "Unsubscribe"), one]).await;
    assert_eq!(refused(&cloud, &[("Action", "GetSubscriptionAttributes"), one]).await.0, 404);
    sns(&cloud, &[("Action", "DeleteTopic"), topic]).await;
    let (status, error) = refused(&cloud, &[("Action", "Publish"), topic, ("Message", "x")]).await;
    assert_eq!((status, error.as_str()), (404, "NotFound: Topic does not exist"));
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_batch_answers_entry_by_entry() {
    let (cloud, _) = open(config());
    with_queue(&cloud).await;
    let entry = "PublishBatchRequestEntries.member";
    let (id1, m1) = (format!("{entry}.1.Id"), format!("{entry}.1.Message"));
    let (id2, m2) = (format!("{entry}.2.Id"), format!("{entry}.2.Message"));
    let batch =
        [("Action", "PublishBatch"), ("TopicArn", TOPIC), (&*id1, "a"), (&*m1, "one"), (&*id2, "b"), (&*m2, "")];
    let answer = sns(&cloud, &batch).await;
    let (good, bad) = (tag(&answer, "Successful"), tag(&answer, "Failed"));
    assert_eq!((tag(good, "Id"), tag(bad, "Id"), tag(bad, "Code")), ("a", "b", "InvalidParameter"));
    assert_eq!(message_of(&cloud, "q").await["MessageId"], tag(good, "MessageId"));
    let (_, error) = refused(&cloud, &[("Action", "PublishBatch"), ("TopicArn", TOPIC)]).await;
    assert!(error.starts_with("EmptyBatchRequest"), "{error}");
    cloud.shutdown().await;
}

/// An HTTP endpoint that keeps what it gets.
async fn endpoint() -> (String, mpsc::UnboundedReceiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in?key=1", listener.local_addr().unwrap());
    let (sender, got) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let sender = sender.clone();
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let sender = sender.clone();
                async move {
                    let kind = request.headers()["x-amz-sns-message-type"].to_str().unwrap().to_owned();
                    assert_eq!(request.uri(), "/in?key=1");
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    sender.send((kind, serde_json::from_slice(&body).unwrap())).unwrap();
                    Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::new())))
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, got)
}

#[tokio::test]
async fn an_http_endpoint_confirms_and_gets_messages() {
    let (cloud, _) = open(config());
    with_queue(&cloud).await;
    let (url, mut got) = endpoint().await;
    let subscribe = [("Action", "Subscribe"), ("TopicArn", TOPIC), ("Protocol", "http"), ("Endpoint", &*url)];
    assert_eq!(tag(&sns(&cloud, &subscribe).await, "SubscriptionArn"), "pending confirmation");
    let (kind, body) = got.recv().await.unwrap();
    assert_eq!(kind, "SubscriptionConfirmation");
    publish(&cloud, "before", &[]).await;
    // The confirming URL is the API's own: a GET with the action in its query.
    let path = body["SubscribeURL"].as_str().unwrap().strip_prefix("http://127.0.0.1:4566").unwrap();
    let request = http::Request::builder().uri(path).body(Bytes::new()).unwrap();
    let confirmed = cloud.handle(drydock_cloud::sns::SERVICE, request).await;
    assert_eq!(confirmed.status(), 200);
    publish(&cloud, "after", &[]).await;
    let (kind, body) = got.recv().await.unwrap();
    assert_eq!((kind.as_str(), &body["Message"]), ("Notification", &json!("after")));
    let wrong = [("Action", "ConfirmSubscription"), ("TopicArn", TOPIC), ("Token", "x")];
    assert_eq!(refused(&cloud, &wrong).await, (400, "InvalidParameter: Invalid parameter: Token".into()));
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_sns_refuses_is_refused() {
    let (cloud, mut notices) = open(config());
    let subscription = with_queue(&cloud).await;
    let long = "x".repeat(262_145);
    let (topic, subscribe) = (("TopicArn", TOPIC), ("Action", "Subscribe"));
    type Case<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);
    let cases: [Case<'_>; 12] = [
        (&[("Action", "CreateTopic"), ("Name", "a b")], 400, "InvalidParameter: Invalid parameter: Topic Name"),
        (&[("Action", "CreateTopic"), ("Name", "a.fifo")], 501, "NotImplemented: FIFO topics"),
        (&[("Action", "Publish"), topic], 400, "InvalidParameter: Invalid parameter: Empty message"),
        (
            &[("Action", "Publish"), topic, ("Message", &long)],
            400,
            "InvalidParameter: Invalid parameter: Message too long",
        ),
        (
            &[("Action", "Publish"), ("PhoneNumber", "+1"), ("Message", "x")],
            501,
            "NotImplemented: publishing to a phone",
        ),
        (
            &[("Action", "Publish"), topic, ("Message", "x"), ("MessageStructure", "json")],
            400,
            "InvalidParameter: Invalid parameter: Message Structure",
        ),
        (&[("Action", "Publish"), ("TopicArn", "x"), ("Message", "x")], 400, "InvalidParameter"),
        (
            &[subscribe, topic, ("Protocol", "email"), ("Endpoint", "a@b.example")],
            501,
            "NotImplemented: subscriptions of the protocol `email`",
        ),
        (
            &[subscribe, topic, ("Protocol", "http"), ("Endpoint", "http://example.com/")],
            501,
            "NotImplemented: the endpoint",
        ),
        (
            &[subscribe, topic, ("Protocol", "pigeon"), ("Endpoint", "x")],
            400,
            "InvalidParameter: Invalid parameter: Amazon SNS does not support this protocol string: pigeon",
        ),
        (
            &[("Action", "CreatePlatformApplication")],
            501,
            "NotImplemented: the SNS operation `CreatePlatformApplication`",
        ),
        (&[], 400, "MissingAction"),
    ];
    for (pairs, status, start) in cases {
        let (found, error) = refused(&cloud, pairs).await;
        assert_eq!(found, status, "{error}");
        assert!(error.starts_with(start), "{error}");
    }
    // A queue that is gone is the subscription's trouble, not the publisher's.
    let queue = cloud.sqs().url("q");
    crate::common::ok(&cloud, drydock_cloud::sqs::SERVICE, "AmazonSQS.DeleteQueue", json!({"QueueUrl": queue})).await;
    publish(&cloud, "into the void", &[]).await;
    let from = notice(&mut notices, |notice| match notice {
        Notice::DeliveryFailed { from, .. } => Some(from),
        _ => None,
    });
    assert_eq!(from.await, subscription);
    cloud.shutdown().await;
}

#[tokio::test]
async fn topics_and_subscriptions_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let open_again = |dir: &Path| open(durable(dir)).0;
    let cloud = open_again(dir.path());
    let subscription = with_queue(&cloud).await;
    cloud.shutdown().await;
    let cloud = open_again(dir.path());
    publish(&cloud, "again", &[]).await;
    assert_eq!(message_of(&cloud, "q").await["Message"], "again");
    // A template's topic keeps what was subscribed by hand.
    let queue = cloud.sqs().arn("q");
    let properties = json!({"DisplayName": "x", "Subscription": [{"Protocol": "sqs", "Endpoint": queue.as_str()}]});
    cloud.sns().ensure("alerts", &properties).await.unwrap();
    assert_eq!(with_queue(&cloud).await, subscription);
    cloud.shutdown().await;
}

#[tokio::test]
async fn sts_says_who_one_is() {
    let (cloud, _) = open(config());
    let (status, body) = query(&cloud, drydock_cloud::sts::SERVICE, &[("Action", "GetCallerIdentity")]).await;
    assert_eq!((status, tag(&body, "Account")), (200, "123456789012"));
    let (status, body) = query(&cloud, drydock_cloud::sts::SERVICE, &[("Action", "AssumeRole")]).await;
    assert_eq!(status, 501);
    assert!(tag(&body, "Message").contains("`AssumeRole`"), "{body}");
    cloud.shutdown().await;
}

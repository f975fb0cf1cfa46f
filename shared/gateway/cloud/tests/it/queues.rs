//! SQS over its wire protocol, AWS JSON 1.0, by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not recognise outside of test functions"
)]

use crate::common::{advance, config, durable, json, ok, open, still};
use drydock_cloud::Cloud;
use drydock_timers::Timers;
use serde_json::{Value, json};
use std::time::Duration;

async fn sqs(cloud: &Cloud, operation: &str, body: Value) -> Value {
    ok(cloud, drydock_cloud::sqs::SERVICE, &format!("AmazonSQS.{operation}"), body).await
}

/// The status, the `__type`, and the older code of an operation that has to fail.
async fn refused(cloud: &Cloud, operation: &str, body: Value) -> (u16, String, String) {
    let response = json(cloud, drydock_cloud::sqs::SERVICE, &format!("AmazonSQS.{operation}"), body).await;
    assert_eq!(response.headers().get_all("x-amzn-requestid").iter().count(), 1);
    let query = response.headers()["x-amzn-query-error"].to_str().unwrap().to_owned();
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    (response.status().as_u16(), body["__type"].as_str().unwrap().to_owned(), query)
}

async fn create(cloud: &Cloud, name: &str, attributes: Value) -> String {
    let created = sqs(cloud, "CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await;
    created["QueueUrl"].as_str().unwrap().to_owned()
}

async fn receive(cloud: &Cloud, url: &str) -> Vec<Value> {
    let all = json!(["All"]);
    let body = json!({
        "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": all, "MessageAttributeNames": all,
    });
    sqs(cloud, "ReceiveMessage", body).await["Messages"].as_array().cloned().unwrap_or_default()
}

/// Stand-ins on a clock that stands still.
fn on_a_clock() -> (Cloud, Timers) {
    let clock = still();
    let mut config = config();
    config.timers = clock.clone();
    (open(config).0, clock)
}

#[tokio::test]
async fn a_message_goes_through() {
    let (cloud, clock) = on_a_clock();
    let url = create(&cloud, "q", json!({"VisibilityTimeout": "10"})).await;
    assert_eq!(url, "http://127.0.0.1:4566/123456789012/q");
    let attributes = json!({
        "city": {"DataType": "String", "StringValue": "Any City"},
        "population": {"DataType": "Number", "StringValue": "1250800"},
        "raw": {"DataType": "Binary", "BinaryValue": "AAEC"},
    });
    let message = json!({"QueueUrl": url, "MessageBody": "This is a test message", "MessageAttributes": attributes});
    let sent = sqs(&cloud, "SendMessage", message).await;
    // The sum of the body is that of the example of "SendMessage" in the API reference; that of the attributes was computed
    // with Python's hashlib after "Calculating the MD5 message digest for message attributes".
    assert_eq!(sent["MD5OfMessageBody"], "fafb00f5732ab283681e124bf8747ed1");
    assert_eq!(sent["MD5OfMessageAttributes"], "ae0a80621ed170adb777e5cf1a09bbc0");
    let got = receive(&cloud, &url).await;
    assert_eq!(got.len(), 1);
    assert_eq!((&got[0]["MessageId"], &got[0]["Body"]), (&sent["MessageId"], &json!("This is a test message")));
    assert_eq!(got[0]["MessageAttributes"], attributes);
    assert_eq!(got[0]["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    assert_eq!(got[0]["Attributes"]["SentTimestamp"], "1700000000000");
    assert_eq!(got[0]["Attributes"]["ApproximateReceiveCount"], "1");

    // Hidden until its timeout is over, then there again under another handle.
    assert!(receive(&cloud, &url).await.is_empty());
    advance(&clock, Duration::from_secs(10)).await;
    let again = receive(&cloud, &url).await;
    assert_eq!(again[0]["Attributes"]["ApproximateReceiveCount"], "2");
    assert_eq!(again[0]["Attributes"]["ApproximateFirstReceiveTimestamp"], "1700000000000");
    // The old handle deletes nothing, and says so to nobody.
    sqs(&cloud, "DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": got[0]["ReceiptHandle"]})).await;
    let counts = json!({"QueueUrl": url, "AttributeNames": ["All"]});
    let attributes = sqs(&cloud, "GetQueueAttributes", counts.clone()).await;
    assert_eq!(attributes["Attributes"]["ApproximateNumberOfMessagesNotVisible"], "1");
    sqs(&cloud, "DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": again[0]["ReceiptHandle"]})).await;
    let attributes = sqs(&cloud, "GetQueueAttributes", counts).await;
    for name in ["", "Delayed", "NotVisible"] {
        assert_eq!(attributes["Attributes"][format!("ApproximateNumberOfMessages{name}")], "0");
    }
    cloud.shutdown().await;
}

#[tokio::test]
async fn delay_visibility_and_retention_follow_the_clock() {
    let (cloud, clock) = on_a_clock();
    let url = create(&cloud, "q", json!({"MessageRetentionPeriod": "60"})).await;
    sqs(&cloud, "SendMessage", json!({"QueueUrl": url, "MessageBody": "late", "DelaySeconds": 5})).await;
    assert!(receive(&cloud, &url).await.is_empty());
    let delayed = json!({"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessagesDelayed"]});
    let attributes = sqs(&cloud, "GetQueueAttributes", delayed).await;
    assert_eq!(attributes, json!({"Attributes": {"ApproximateNumberOfMessagesDelayed": "1"}}));
    advance(&clock, Duration::from_secs(5)).await;
    let got = receive(&cloud, &url).await;
    let handle = &got[0]["ReceiptHandle"];
    let change = json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 0});
    sqs(&cloud, "ChangeMessageVisibility", change.clone()).await;
    let (_, kind, _) = refused(&cloud, "ChangeMessageVisibility", change).await;
    assert_eq!(kind, "com.amazonaws.sqs#MessageNotInflight");
    assert_eq!(receive(&cloud, &url).await.len(), 1);
    advance(&clock, Duration::from_secs(56)).await;
    assert!(receive(&cloud, &url).await.is_empty(), "kept longer than its retention period");
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_long_poll_ends_with_the_message_it_waits_for() {
    let (cloud, clock) = on_a_clock();
    let url = create(&cloud, "q", json!({"ReceiveMessageWaitTimeSeconds": "20"})).await;
    // On a clock that stands still, nothing but a message ends the wait.
    let (got, _) = tokio::join!(receive(&cloud, &url), async {
        tokio::task::yield_now().await;
        sqs(&cloud, "SendMessage", json!({"QueueUrl": url, "MessageBody": "x"})).await
    });
    assert_eq!(got.len(), 1);
    // And without one, the clock does.
    let (got, ()) = tokio::join!(receive(&cloud, &url), async {
        tokio::task::yield_now().await;
        advance(&clock, Duration::from_secs(20)).await;
    });
    assert!(got.is_empty());
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_is_received_too_often_goes_to_the_dead_letter_queue() {
    let (cloud, clock) = on_a_clock();
    let dead = create(&cloud, "dead", json!({})).await;
    let arn = "arn:aws:sqs:us-east-1:123456789012:dead";
    let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": "2"}).to_string();
    let url = create(&cloud, "q", json!({"RedrivePolicy": policy})).await;
    let sent = sqs(&cloud, "SendMessage", json!({"QueueUrl": url, "MessageBody": "bad"})).await;
    for _ in 0..2 {
        assert_eq!(receive(&cloud, &url).await.len(), 1);
        assert!(receive(&cloud, &dead).await.is_empty());
        advance(&clock, Duration::from_secs(30)).await;
    }
    assert!(receive(&cloud, &url).await.is_empty());
    let got = receive(&cloud, &dead).await;
    assert_eq!((&got[0]["MessageId"], &got[0]["Body"]), (&sent["MessageId"], &json!("bad")));
    let source = &got[0]["Attributes"]["DeadLetterQueueSourceArn"];
    assert_eq!(source, "arn:aws:sqs:us-east-1:123456789012:q");
    let sources = sqs(&cloud, "ListDeadLetterSourceQueues", json!({"QueueUrl": dead})).await;
    assert_eq!(sources, json!({"queueUrls": [url]}));
    cloud.shutdown().await;
}

#[tokio::test]
async fn batches_answer_entry_by_entry() {
    let (cloud, _) = on_a_clock();
    let url = create(&cloud, "q", json!({})).await;
    let entries = json!([
        {"Id": "a", "MessageBody": "one"}, {"Id": "b", "MessageBody": "\u{1}"}, {"Id": "c", "MessageBody": "three"},
    ]);
    let answer = sqs(&cloud, "SendMessageBatch", json!({"QueueUrl": url, "Entries": entries})).await;
    assert_eq!(answer["Successful"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&answer["Failed"][0]["Id"], &answer["Failed"][0]["Code"]),
        (&json!("b"), &json!("InvalidMessageContents"))
    );
    let got = receive(&cloud, &url).await;
    let handles: Vec<Value> = got
        .iter()
        .enumerate()
        .map(|(n, m)| json!({"Id": n.to_string(), "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 60}))
        .chain([json!({"Id": "z", "ReceiptHandle": "nonsense", "VisibilityTimeout": 60})])
        .collect();
    for operation in ["ChangeMessageVisibilityBatch", "DeleteMessageBatch"] {
        let answer = sqs(&cloud, operation, json!({"QueueUrl": url, "Entries": handles})).await;
        assert_eq!(answer["Successful"].as_array().unwrap().len(), 2, "{operation}");
        assert_eq!(answer["Failed"][0]["Code"], "ReceiptHandleIsInvalid", "{operation}");
    }
    for (entries, kind) in [
        (json!([]), "EmptyBatchRequest"),
        (json!([{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}]), "BatchEntryIdsNotDistinct"),
        (json!([{"Id": "a b", "MessageBody": "x"}]), "InvalidBatchEntryId"),
        (vec![json!({"Id": "a", "MessageBody": "x"}); 11].into(), "TooManyEntriesInBatchRequest"),
    ] {
        let (_, found, _) = refused(&cloud, "SendMessageBatch", json!({"QueueUrl": url, "Entries": entries})).await;
        assert_eq!(found, format!("com.amazonaws.sqs#{kind}"));
    }
    cloud.shutdown().await;
}

#[tokio::test]
async fn queues_are_found_tagged_changed_and_deleted() {
    let (cloud, clock) = on_a_clock();
    let a = create(&cloud, "a", json!({})).await;
    // The same attributes: the same queue. Others: refused.
    assert_eq!(create(&cloud, "a", json!({"VisibilityTimeout": "30"})).await, a);
    let other = json!({"QueueName": "a", "Attributes": {"VisibilityTimeout": "31"}});
    let (status, kind, query) = refused(&cloud, "CreateQueue", other).await;
    assert_eq!((status, kind.as_str()), (400, "com.amazonaws.sqs#QueueNameExists"));
    assert_eq!(query, "QueueAlreadyExists;Sender");
    create(&cloud, "b", json!({})).await;
    let page = sqs(&cloud, "ListQueues", json!({"MaxResults": 1})).await;
    assert_eq!(page["QueueUrls"], json!([a]));
    let rest = sqs(&cloud, "ListQueues", json!({"MaxResults": 1, "NextToken": page["NextToken"]})).await;
    assert_eq!(rest, json!({"QueueUrls": ["http://127.0.0.1:4566/123456789012/b"]}));
    assert_eq!(sqs(&cloud, "GetQueueUrl", json!({"QueueName": "a"})).await, json!({"QueueUrl": a}));
    sqs(&cloud, "TagQueue", json!({"QueueUrl": a, "Tags": {"k": "v", "l": "w"}})).await;
    sqs(&cloud, "UntagQueue", json!({"QueueUrl": a, "TagKeys": ["l"]})).await;
    assert_eq!(sqs(&cloud, "ListQueueTags", json!({"QueueUrl": a})).await, json!({"Tags": {"k": "v"}}));
    sqs(&cloud, "SetQueueAttributes", json!({"QueueUrl": a, "Attributes": {"DelaySeconds": "7"}})).await;
    let all = sqs(&cloud, "GetQueueAttributes", json!({"QueueUrl": a, "AttributeNames": ["All"]})).await;
    assert_eq!(all["Attributes"]["DelaySeconds"], "7");
    assert_eq!(all["Attributes"]["QueueArn"], "arn:aws:sqs:us-east-1:123456789012:a");
    sqs(&cloud, "SendMessage", json!({"QueueUrl": a, "MessageBody": "x"})).await;
    sqs(&cloud, "PurgeQueue", json!({"QueueUrl": a})).await;
    advance(&clock, Duration::from_secs(7)).await;
    assert!(receive(&cloud, &a).await.is_empty());
    let (status, _, query) = refused(&cloud, "PurgeQueue", json!({"QueueUrl": a})).await;
    assert_eq!((status, query.as_str()), (403, "AWS.SimpleQueueService.PurgeQueueInProgress;Sender"));
    sqs(&cloud, "DeleteQueue", json!({"QueueUrl": a})).await;
    let (status, kind, query) = refused(&cloud, "SendMessage", json!({"QueueUrl": a, "MessageBody": "x"})).await;
    assert_eq!((status, kind.as_str()), (400, "com.amazonaws.sqs#QueueDoesNotExist"));
    assert_eq!(query, "AWS.SimpleQueueService.NonExistentQueue;Sender");
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_sqs_refuses_is_refused() {
    let (cloud, _) = on_a_clock();
    let url = create(&cloud, "q", json!({"MaximumMessageSize": "1024"})).await;
    let with = |attribute: Value| json!({"QueueUrl": url, "MessageBody": "x", "MessageAttributes": {"a": attribute}});
    for (operation, body, code) in [
        (
            "CreateQueue",
            json!({"QueueName": "q.fifo", "Attributes": {"FifoQueue": "true"}}),
            "AWS.SimpleQueueService.UnsupportedOperation",
        ),
        ("CreateQueue", json!({"QueueName": "a b"}), "InvalidParameterValue"),
        (
            "CreateQueue",
            json!({"QueueName": "x", "Attributes": {"VisibilityTimeout": "43201"}}),
            "InvalidAttributeValue",
        ),
        ("CreateQueue", json!({"QueueName": "x", "Attributes": {"Colour": "red"}}), "InvalidAttributeName"),
        ("CreateQueue", json!({"QueueName": "x", "Attributes": {"RedrivePolicy": "{}"}}), "InvalidParameterValue"),
        ("CreateQueue", json!({}), "MissingParameter"),
        ("CreateQueue", json!([]), "MalformedInput"),
        ("SendMessage", json!({"QueueUrl": url, "MessageBody": ""}), "MissingParameter"),
        ("SendMessage", json!({"QueueUrl": url, "MessageBody": "x".repeat(1025)}), "InvalidParameterValue"),
        ("SendMessage", json!({"QueueUrl": url, "MessageBody": "x", "DelaySeconds": 901}), "InvalidParameterValue"),
        (
            "SendMessage",
            json!({"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}),
            "InvalidParameterValue",
        ),
        ("SendMessage", with(json!({"DataType": "Number", "StringValue": "x"})), "InvalidParameterValue"),
        ("SendMessage", with(json!({"DataType": "Colour", "StringValue": "x"})), "InvalidParameterValue"),
        ("SendMessage", with(json!({"DataType": "String"})), "InvalidParameterValue"),
        ("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 11}), "InvalidParameterValue"),
        ("ReceiveMessage", json!({"QueueUrl": url, "WaitTimeSeconds": 21}), "InvalidParameterValue"),
        ("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": "x"}), "ReceiptHandleIsInvalid"),
        ("GetQueueUrl", json!({"QueueName": "none"}), "AWS.SimpleQueueService.NonExistentQueue"),
        ("StartMessageMoveTask", json!({}), "NotImplemented"),
        ("Dance", json!({}), "InvalidAction"),
    ] {
        let (_, _, query) = refused(&cloud, operation, body.clone()).await;
        let sender = if operation.starts_with("Start") { "Receiver" } else { "Sender" };
        assert_eq!(query, format!("{code};{sender}"), "{operation} {body}");
    }
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (cloud, _) = open(durable(dir.path()));
    let url = create(&cloud, "q", json!({"VisibilityTimeout": "0"})).await;
    sqs(&cloud, "TagQueue", json!({"QueueUrl": url, "Tags": {"k": "v"}})).await;
    for text in ["one", "two"] {
        sqs(&cloud, "SendMessage", json!({"QueueUrl": url, "MessageBody": text})).await;
    }
    let got = receive(&cloud, &url).await;
    sqs(&cloud, "DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": got[0]["ReceiptHandle"]})).await;
    cloud.shutdown().await;
    let (cloud, _) = open(durable(dir.path()));
    assert_eq!(sqs(&cloud, "ListQueueTags", json!({"QueueUrl": url})).await, json!({"Tags": {"k": "v"}}));
    let got = receive(&cloud, &url).await;
    assert_eq!((got.len(), &got[0]["Body"]), (1, &json!("two")));
    assert_eq!(got[0]["Attributes"]["ApproximateReceiveCount"], "2");
    cloud.reset().await.unwrap();
    assert_eq!(sqs(&cloud, "ListQueues", json!({})).await, json!({"QueueUrls": []}));
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_templates_queue_is_made_and_changed() {
    let (cloud, _) = on_a_clock();
    cloud.sqs().ensure("q", &json!({"VisibilityTimeout": 90, "Tags": [{"Key": "k", "Value": "v"}]})).await.unwrap();
    cloud.sqs().ensure("q", &json!({"VisibilityTimeout": "60", "SqsManagedSseEnabled": true})).await.unwrap();
    let queue = cloud.sqs().queue("q").unwrap();
    assert_eq!(queue.visibility_timeout(), 60);
    let error = cloud.sqs().ensure("q", &json!({"Colour": "red"})).await.err().unwrap();
    assert_eq!(error.to_string(), "queue `q`: Unknown Attribute Colour.");
    cloud.shutdown().await;
}

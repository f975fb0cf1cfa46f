//! Queues and topics before functions.

use crate::common::{config, message_of, notice, open, text_of};
use crate::function_named;
use drydock_cloud::lambda::{Mapping, Permission};
use drydock_cloud::sns::Publish;
use drydock_cloud::sqs::NewMessage;
use drydock_cloud::{Cloud, Notice};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

async fn with_queue(visibility: u32) -> (Cloud, UnboundedReceiver<Notice>) {
    let (cloud, notices) = open(config());
    cloud.sqs().ensure("dead", &json!({})).await.unwrap();
    let redrive = json!({"deadLetterTargetArn": cloud.sqs().arn("dead").as_str(), "maxReceiveCount": 2});
    let properties = json!({"VisibilityTimeout": visibility, "RedrivePolicy": redrive});
    cloud.sqs().ensure("work", &properties).await.unwrap();
    // As long as it may be: on a busy machine an answer takes its time, and what timed out is received again.
    let function = drydock_cloud::lambda::Definition { timeout: visibility.min(10), ..function_named("f") };
    cloud.lambda().register(function).unwrap();
    (cloud, notices)
}

/// What the function printed of the records it got.
async fn records(notices: &mut UnboundedReceiver<Notice>) -> Vec<Value> {
    notice(notices, |notice| match notice {
        Notice::Log(line) => serde_json::from_str(line.text.strip_prefix("records ")?).ok(),
        _ => None,
    })
    .await
}

pub(crate) async fn batches_go_to_the_function_and_are_deleted() {
    let (cloud, mut notices) = with_queue(30).await;
    let queue = cloud.sqs().queue("work").unwrap();
    let messages = ["one", "two", "three"].map(NewMessage::text).to_vec();
    let ids = queue.send(messages).await.unwrap();
    cloud.map(Mapping::new("m", cloud.sqs().arn("work"), "f")).unwrap();
    let records = records(&mut notices).await;
    assert_eq!(records.len(), 3);
    let record = &records[0];
    assert_eq!((&record["messageId"], &record["body"]), (&json!(ids[0]), &json!("one")));
    assert_eq!((&record["eventSource"], &record["awsRegion"]), (&json!("aws:sqs"), &json!("us-east-1")));
    assert_eq!(record["eventSourceARN"], cloud.sqs().arn("work").as_str());
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(record["md5OfBody"], "f97c5d29941bfb1b2fdab0874906ab82");
    let deleted = async {
        let arn = cloud.sqs().arn("work");
        while queue.attributes(&arn)["ApproximateNumberOfMessagesNotVisible"] != "0" {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(crate::common::DEADLINE, deleted).await.unwrap();
    cloud.shutdown().await;
}

pub(crate) async fn reported_failures_stay_and_reach_the_dead_letter_queue() {
    let (cloud, mut notices) = with_queue(3).await;
    // What is received is to be deleted before it is seen again: a process that starts may take longer than that.
    cloud.lambda().invoke("f", "{}".into()).await.unwrap();
    let queue = cloud.sqs().queue("work").unwrap();
    queue.send(["good", "bad"].map(NewMessage::text).to_vec()).await.unwrap();
    let properties = json!({
        "Queue": cloud.sqs().arn("work").as_str(), "BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"],
    });
    cloud.map(Mapping::from_properties("m", Some("f"), &properties).unwrap()).unwrap();
    assert_eq!(records(&mut notices).await.len(), 2);
    let again = records(&mut notices).await;
    assert_eq!((again.len(), &again[0]["body"]), (1, &json!("bad")));
    assert_eq!(again[0]["attributes"]["ApproximateReceiveCount"], "2");
    assert_eq!(text_of(&cloud, "dead").await, "bad");
    cloud.shutdown().await;
}

pub(crate) async fn a_topic_reaches_a_function() {
    let (cloud, mut notices) = with_queue(30).await;
    let topic = cloud.sns().ensure("alerts", &json!({})).await.unwrap();
    let function = cloud.lambda().arn("f");
    let subscription = json!({
        "Protocol": "lambda", "Endpoint": function.as_str(),
        "RedrivePolicy": {"deadLetterTargetArn": cloud.sqs().arn("dead").as_str()},
    });
    cloud.sns().ensure_subscription(&topic, &subscription).await.unwrap();
    // Without permission, the message goes where the subscription sends what it cannot deliver.
    cloud.sns().publish(&topic, Publish::text("first")).await.unwrap();
    assert_eq!(message_of(&cloud, "dead").await["Message"], "first");
    let permission = Permission {
        qualifier: None,
        statement_id: "s".into(),
        action: "lambda:InvokeFunction".into(),
        principal: "sns.amazonaws.com".into(),
        source_arn: Some(topic.to_string()),
        source_account: None,
    };
    cloud.lambda().permit("f", permission).unwrap();
    let id = cloud.sns().publish(&topic, Publish::text("second")).await.unwrap();
    let records = records(&mut notices).await;
    assert_eq!(records[0]["EventSource"], "aws:sns");
    assert_eq!((&records[0]["Sns"]["Message"], &records[0]["Sns"]["MessageId"]), (&json!("second"), &json!(id)));
    cloud.shutdown().await;
}

pub(crate) async fn bad_mappings_are_refused() {
    let (cloud, _) = with_queue(30).await;
    let work = cloud.sqs().arn("work");
    let good = Mapping::new("m", work.clone(), "f");
    for (bad, word) in [
        (Mapping { batch_size: 11, ..good.clone() }, "MaximumBatchingWindowInSeconds"),
        (Mapping { queue: cloud.sqs().arn("none"), ..good.clone() }, "does not exist"),
        (Mapping { function: "g".into(), ..good.clone() }, "Function not found"),
        (Mapping { max_concurrency: Some(1), ..good.clone() }, "MaximumConcurrency"),
    ] {
        let error = cloud.map(bad).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    cloud.sqs().ensure("short", &json!({"VisibilityTimeout": 0})).await.unwrap();
    let error = cloud.map(Mapping { queue: cloud.sqs().arn("short"), ..good }).unwrap_err().to_string();
    assert!(error.contains("0 seconds is less than Function timeout: 10 seconds"), "{error}");
    let filtered = json!({"Queue": work.as_str(), "FilterCriteria": {"Filters": []}});
    let error = Mapping::from_properties("m", Some("f"), &filtered).unwrap_err().to_string();
    assert!(error.contains("`FilterCriteria` is not implemented"), "{error}");
    cloud.shutdown().await;
}

//! The AWS SDK for Rust against the stand-ins, over a real socket: what the functions do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not recognise outside of test functions"
)]

use crate::common::{config, open};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use drydock_cloud::Cloud;
use serde_json::{Value, json};

/// The stand-ins behind a listener: their URL.
async fn listening() -> (Cloud, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut config = config();
    config.endpoint.clone_from(&url);
    let (cloud, _) = open(config);
    tokio::spawn(crate::serve::serve(listener, cloud.clone(), drydock_cloud::sts::SERVICE));
    (cloud, url)
}

macro_rules! client {
    ($sdk:ident, $url:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new("us-east-1"))
                .credentials_provider($sdk::config::Credentials::new("any", "key", None, None, "test"))
                .endpoint_url($url)
                .build(),
        )
    };
}

#[tokio::test]
async fn queues_and_topics() {
    let (cloud, url) = listening().await;
    let (sqs, sns) = (client!(aws_sdk_sqs, &url), client!(aws_sdk_sns, &url));
    let queue = sqs.create_queue().queue_name("q").tags("k", "v").send().await.unwrap().queue_url.unwrap();
    assert_eq!(queue, format!("{url}/123456789012/q"));
    let topic = sns.create_topic().name("alerts").send().await.unwrap().topic_arn.unwrap();
    let arn = cloud.sqs().arn("q");
    let subscribed = sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(arn.as_str()).send().await.unwrap();
    assert!(subscribed.subscription_arn.unwrap().starts_with(&topic));
    let attribute =
        aws_sdk_sns::types::MessageAttributeValue::builder().data_type("String").string_value("red").build().unwrap();
    let published =
        sns.publish().topic_arn(&topic).message("hot").message_attributes("colour", attribute).send().await.unwrap();

    // The SDK checks the MD5 of what it receives.
    let all = MessageSystemAttributeName::All;
    let received = sqs.receive_message().queue_url(&queue).wait_time_seconds(20).message_system_attribute_names(all);
    let message = received.send().await.unwrap().messages.unwrap().remove(0);
    let envelope: Value = serde_json::from_str(message.body.as_deref().unwrap()).unwrap();
    assert_eq!((&envelope["Message"], &envelope["MessageId"]), (&json!("hot"), &json!(published.message_id)));
    sqs.delete_message().queue_url(&queue).receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
    let attribute = aws_sdk_sqs::types::MessageAttributeValue::builder()
        .data_type("Binary")
        .binary_value(aws_sdk_sqs::primitives::Blob::new([0, 1, 2]))
        .build()
        .unwrap();
    let sent = sqs.send_message().queue_url(&queue).message_body("x").message_attributes("raw", attribute.clone());
    sent.send().await.unwrap();
    let received = sqs.receive_message().queue_url(&queue).wait_time_seconds(20).message_attribute_names("All");
    let message = received.send().await.unwrap().messages.unwrap().remove(0);
    assert_eq!(message.message_attributes.unwrap()["raw"], attribute);

    let missing = sqs.get_queue_url().queue_name("none").send().await.unwrap_err().into_service_error();
    assert!(missing.is_queue_does_not_exist(), "{missing:?}");
    assert_eq!(missing.code(), Some("AWS.SimpleQueueService.NonExistentQueue"));
    let missing = sns.publish().topic_arn(format!("{topic}-x")).message("x").send().await.unwrap_err();
    assert!(missing.into_service_error().is_not_found_exception());
    cloud.shutdown().await;
}

#[tokio::test]
async fn tables() {
    let (cloud, url) = listening().await;
    let key = json!({
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    cloud.dynamodb().ensure("rows", &key).await.unwrap();
    let dynamodb = client!(aws_sdk_dynamodb, &url);
    let pk = AttributeValue::S("a".into());
    let put = dynamodb.put_item().table_name("rows").item("pk", pk.clone()).item("n", AttributeValue::N("1".into()));
    put.clone().send().await.unwrap();
    let refused = put.condition_expression("attribute_not_exists(pk)").send().await.unwrap_err();
    assert!(refused.into_service_error().is_conditional_check_failed_exception());
    let update = dynamodb.update_item().table_name("rows").key("pk", pk.clone()).update_expression("SET n = n + :one");
    update.expression_attribute_values(":one", AttributeValue::N("1".into())).send().await.unwrap();
    let item = dynamodb.get_item().table_name("rows").key("pk", pk).send().await.unwrap().item.unwrap();
    assert_eq!(item["n"], AttributeValue::N("2".into()));
    cloud.shutdown().await;
}

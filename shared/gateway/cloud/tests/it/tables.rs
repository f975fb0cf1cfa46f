//! DynamoDB over its wire protocol, by hand, and a template's tables.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not recognise outside of test functions"
)]

use crate::common::{advance, config, durable, json, ok, open, still};
use drydock_cloud::Cloud;
use serde_json::{Value, json};
use std::time::Duration;

async fn call(cloud: &Cloud, operation: &str, body: Value) -> Value {
    ok(cloud, drydock_cloud::dynamodb::SERVICE, &format!("DynamoDB_20120810.{operation}"), body).await
}

fn properties() -> Value {
    json!({
        "TableName": "rows",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "N"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-time",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        }],
        "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": "true"},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
        "SSESpecification": {"SSEEnabled": true},
        "Tags": [{"Key": "k", "Value": "v"}],
    })
}

#[tokio::test]
async fn a_templates_table_is_made_once_and_keeps_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let (cloud, _) = open(durable(dir.path()));
    cloud.dynamodb().ensure("rows", &properties()).await.unwrap();
    let item = json!({"pk": {"S": "a"}, "at": {"N": "1"}, "arn": {"S": "arn:aws:dynamodb:dynoxide:000000000000:x"}});
    call(&cloud, "PutItem", json!({"TableName": "rows", "Item": item})).await;
    cloud.shutdown().await;
    drop(cloud);

    let (cloud, _) = open(durable(dir.path()));
    cloud.dynamodb().ensure("rows", &properties()).await.unwrap();
    let got = call(&cloud, "GetItem", json!({"TableName": "rows", "Key": {"pk": {"S": "a"}}})).await;
    assert_eq!(got["Item"], item);
    let query = json!({
        "TableName": "rows", "IndexName": "by-time", "KeyConditionExpression": "pk = :p AND #t >= :t",
        "ExpressionAttributeNames": {"#t": "at"}, "ExpressionAttributeValues": {":p": {"S": "a"}, ":t": {"N": "1"}},
    });
    assert_eq!(call(&cloud, "Query", query).await["Count"], 1);
    let table = call(&cloud, "DescribeTable", json!({"TableName": "rows"})).await;
    let arn = "arn:aws:dynamodb:us-east-1:123456789012:table/rows";
    assert_eq!((&table["Table"]["TableArn"], &table["Table"]["TableStatus"]), (&json!(arn), &json!("ACTIVE")));
    let tags = call(&cloud, "ListTagsOfResource", json!({"ResourceArn": arn})).await;
    assert_eq!(tags["Tags"], json!([{"Key": "k", "Value": "v"}]));
    let ttl = call(&cloud, "DescribeTimeToLive", json!({"TableName": "rows"})).await;
    let description = json!({"AttributeName": "ttl", "TimeToLiveStatus": "ENABLED"});
    assert_eq!(ttl["TimeToLiveDescription"], description);

    let mut other = properties();
    other["Tags"] = json!([{"Key": "l", "Value": "w"}]);
    other["DeletionProtectionEnabled"] = json!(true);
    cloud.dynamodb().ensure("rows", &other).await.unwrap();
    let tags = call(&cloud, "ListTagsOfResource", json!({"ResourceArn": arn})).await;
    assert_eq!(tags["Tags"], other["Tags"]);
    let table = call(&cloud, "DescribeTable", json!({"TableName": "rows"})).await;
    assert_eq!(table["Table"]["DeletionProtectionEnabled"], true);
    other["StreamSpecification"] = json!({"StreamViewType": "NEW_IMAGE"});
    let error = cloud.dynamodb().ensure("rows", &other).await.unwrap_err().to_string();
    assert!(error.starts_with("table `rows`: it exists with another `StreamSpecification` (none instead"), "{error}");
    let mut other = properties();
    other["KeySchema"][0]["AttributeName"] = json!("id");
    let error = cloud.dynamodb().ensure("rows", &other).await.unwrap_err().to_string();
    assert!(error.starts_with("table `rows`: it exists with another `KeySchema`"), "{error}");
    other["Replicas"] = json!([]);
    let error = cloud.dynamodb().ensure("rows", &other).await.unwrap_err().to_string();
    assert!(error.contains("`Replicas` of `AWS::DynamoDB::Table` is not implemented"), "{error}");
    cloud.reset().await.unwrap();
    assert_eq!(call(&cloud, "ListTables", json!({})).await, json!({"TableNames": []}));
    cloud.shutdown().await;
}

#[tokio::test]
async fn errors_are_those_of_dynamodb() {
    let (cloud, _) = open(config());
    cloud.dynamodb().ensure("rows", &properties()).await.unwrap();
    let put = json!({
        "TableName": "rows", "Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)",
    });
    call(&cloud, "PutItem", put.clone()).await;
    let item = json!({"TableName": "rows", "Item": {"pk": {"S": "a"}}});
    // The names and statuses: "Error handling with DynamoDB" of the developer guide.
    for (target, body, status, kind) in [
        ("DynamoDB_20120810.PutItem", put.to_string(), 400, "ConditionalCheckFailedException"),
        ("DynamoDB_20120810.PutItem", item.to_string().replace("rows", "none"), 400, "ResourceNotFoundException"),
        ("DynamoDB_20120810.PutItem", "{".into(), 400, "SerializationException"),
        ("DynamoDB_20120810.PutItem", "{}".into(), 400, "ValidationException"),
        ("DynamoDB_20120810.PutItem", json!({"TableName": 1}).to_string(), 400, "SerializationException"),
        ("DynamoDB_20120810.CreateBackup", "{}".into(), 501, "UnknownOperationException"),
        ("Other_20120810.PutItem", "{}".into(), 400, "UnknownOperationException"),
    ] {
        let request = http::Request::builder()
            .method("POST")
            .uri("/")
            .header("x-amz-target", target)
            .body(bytes::Bytes::from(body.clone()))
            .unwrap();
        let response = cloud.handle(drydock_cloud::dynamodb::SERVICE, request).await;
        let error: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(response.status(), status, "{target} {body} {error}");
        assert!(error["__type"].as_str().unwrap().ends_with(&format!("#{kind}")), "{target} {body} {error}");
    }
    let response = json(&cloud, drydock_cloud::dynamodb::SERVICE, "DynamoDB_20120810.CreateBackup", json!({})).await;
    assert!(String::from_utf8_lossy(response.body()).contains("`CreateBackup` is not implemented"));
    cloud.shutdown().await;
}

#[tokio::test]
async fn items_expire_by_the_gateways_clock_in_memory_and_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    for config in [config(), durable(dir.path())] {
        let clock = still();
        let (cloud, _) = open(drydock_cloud::CloudConfig { timers: clock.clone(), ..config });
        cloud.dynamodb().ensure("rows", &properties()).await.unwrap();
        let week = clock.now().seconds() + 7 * 24 * 3600;
        let untold = json!({"pk": {"S": "untold"}, "at": {"N": "1"}, "ttl": {"S": "never"}});
        let put = |key: &str, ttl: i64| json!({"pk": {"S": key}, "at": {"N": "1"}, "ttl": {"N": ttl.to_string()}});
        for item in [put("past", 1_600_000_000), put("week", week), put("later", week + 1), untold] {
            call(&cloud, "PutItem", json!({"TableName": "rows", "Item": item})).await;
        }
        let keys = async || -> Vec<String> {
            let rows = call(&cloud, "Scan", json!({"TableName": "rows"})).await;
            let mut keys: Vec<String> =
                rows["Items"].as_array().unwrap().iter().map(|i| i["pk"]["S"].as_str().unwrap().to_owned()).collect();
            keys.sort();
            keys
        };
        // The first sweep, which is begun with the table, may have met the past one already.
        advance(&clock, Duration::from_mins(1)).await;
        assert_eq!(keys().await, ["later", "untold", "week"]);
        // A week is no more steps than there are things due.
        let advanced = clock.advance_to(drydock_core::Timestamp(week * 1000 + 999)).await.unwrap();
        assert_eq!((advanced.count, keys().await.len()), (0, 3), "{advanced:?}");
        let advanced = clock.advance(1).await.unwrap();
        assert_eq!((advanced.count, keys().await), (1, vec!["later".to_owned(), "untold".to_owned()]), "{advanced:?}");
        cloud.shutdown().await;
    }
}

/// The engine's parser goes down its stack for each level of an expression: within DynamoDB's 4 KB there is room for its end.
#[tokio::test]
async fn an_expression_of_too_many_levels_is_refused() {
    let (cloud, _) = open(config());
    cloud.dynamodb().ensure("rows", &properties()).await.unwrap();
    let deep = |open: &str, close: &str| format!("{}pk = pk{}", open.repeat(1_000), close.repeat(1_000));
    for expression in [deep("(", ")"), deep("NOT ", ""), deep("not(", ")"), deep("size(", ")")] {
        for (operation, name) in [("Scan", "FilterExpression"), ("Query", "KeyConditionExpression")] {
            let input = json!({"TableName": "rows", name: expression}).to_string();
            let (status, body) = cloud.dynamodb().call(operation, input).await.unwrap_err();
            assert!(status == 400 && body.contains("ValidationException"), "{operation} {expression:.20}: {body}");
        }
        let put = json!({"Put": {"TableName": "rows", "Item": {"pk": {"S": "a"}}, "ConditionExpression": expression}});
        let input = json!({"TransactItems": [put]}).to_string();
        let (_, body) = cloud.dynamodb().call("TransactWriteItems", input).await.unwrap_err();
        assert!(body.contains("Invalid ConditionExpression: The expression has more than 100 levels"), "{body}");
    }
    // Letters by their numbers, and members beside it that nobody reads, hide nothing.
    let hidden = deep("(", ")").replace('(', "\\u0028");
    let beside = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for input in [
        format!(r#"{{"TableName": "rows", "FilterExpression": "{hidden}"}}"#),
        format!(r#"{{"x": {beside}, "TableName": "rows", "FilterExpression": "{}"}}"#, deep("NOT ", "")),
    ] {
        let (status, body) = cloud.dynamodb().call("Scan", input).await.unwrap_err();
        assert_eq!(status, 400, "{body}");
    }
    // Many side by side are no levels, and what is only a value is no expression.
    let many = vec!["attribute_exists(pk)"; 150].join(" OR ");
    let text = "(".repeat(1_000);
    let item = json!({"pk": {"S": text}});
    call(&cloud, "PutItem", json!({"TableName": "rows", "Item": item})).await;
    let scanned = call(&cloud, "Scan", json!({"TableName": "rows", "FilterExpression": many})).await;
    assert_eq!(scanned["Count"], 1);
}

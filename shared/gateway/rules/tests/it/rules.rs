//! Topic rules from creation to what their actions send. Sources: the rule actions' pages, "Error handling (error action)",
//! "Reducing messaging costs with Basic Ingest" and "Substitution templates" of the AWS IoT Core developer guide.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use bytes::Bytes;
use drydock_core::{ErrorCode, Ids, Rulebook, Scope, Timestamp};
use drydock_model::iot;
use drydock_rules::{
    ActionFailure, Answers, AwsCall, Capabilities, Env, External, Externals, Message, NoExternals, NotPrepared,
    Outcome, Outgoing, Prepared, RuleNotFound, Rules, Value,
};
use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

struct Zeros;

impl Ids for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

const ROLE: &str = "arn:aws:iam::123456789012:role/r";
const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn book() -> Rules {
    Rules::new(Scope::new("123456789012", "us-east-1"), Capabilities::NONE)
}

fn request(name: &str, payload: &Json) -> iot::CreateTopicRuleRequest {
    iot::CreateTopicRuleRequest {
        rule_name: name.to_owned(),
        tags: None,
        topic_rule_payload: iot::TopicRulePayload::from_json(payload).unwrap(),
    }
}

fn create(book: &mut Rules, name: &str, payload: Json) {
    drop(book.create_topic_rule(request(name, &payload), NOW).unwrap());
}

fn refused(payload: Json) -> (ErrorCode, String) {
    let error = book().create_topic_rule(request("r", &payload), NOW).unwrap_err();
    (error.code, error.message.into_owned())
}

fn env() -> Env<'static> {
    Env { ids: &Zeros, externals: &NoExternals }
}

fn message(topic: &str, payload: impl Into<Bytes>) -> Message {
    let mut message = Message::new(topic, payload, "123456789012", NOW);
    message.client_id = Some("dock-1".into());
    message.trace_id = Some("trace".into());
    message
}

/// Runs a message through the one rule it reaches.
fn run(book: &Rules, message: &Message) -> Vec<Prepared> {
    let enabled = book.enabled();
    let [rule] = enabled.matching(&message.topic).unwrap()[..] else { panic!("one rule is to match") };
    let Outcome::Matched(output) = rule.evaluate(message, env()) else { panic!("the rule is to match") };
    rule.prepare(&output, message, env())
}

fn action(action: Json, message: &Message) -> Prepared {
    let mut book = book();
    let payload = json!({ "sql": "SELECT * FROM '#'", "awsIotSqlVersion": "2016-03-23", "actions": [action] });
    create(&mut book, "r", payload);
    run(&book, message).remove(0)
}

fn show(call: &AwsCall) -> String {
    let mut out = format!("{} {} {} {}\n", call.service, call.region, call.method, call.path);
    for (name, value) in &call.headers {
        out.push_str(&format!("{name}: {value}\n"));
    }
    out + std::str::from_utf8(&call.body).unwrap()
}

fn check(given: Json, message: &Message, expected: Expect) {
    let shown = match action(given, message).outgoing {
        Ok(outgoing) => outgoing
            .iter()
            .map(|out| match out {
                Outgoing::Aws(call) => show(call),
                publish => format!("{publish:?}"),
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Err(NotPrepared::Failed(failure)) => serde_json::to_string(&failure).unwrap(),
        Err(NotPrepared::Waiting(call)) => format!("waiting for {}", call.key()),
    };
    expected.assert_eq(&shown);
}

#[test]
fn lambda_is_invoked_asynchronously() {
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:${topic(2)}:live";
    check(
        json!({ "lambda": { "functionArn": arn } }),
        &message("dt/f", r#"{"a": 1.50}"#),
        expect![[r#"
            lambda eu-west-1 POST /2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu%2Dwest%2D1%3A123456789012%3Afunction%3Af%3Alive/invocations
            content-type: application/json
            x-amz-invocation-type: Event
            {"a":1.50}"#]],
    );
    check(
        json!({ "lambda": { "functionArn": arn } }),
        &message("dt/f", "not json"),
        expect![[
            r#"{"failedAction":"LambdaAction","failedResource":"arn:aws:lambda:eu-west-1:123456789012:function:f:live","errorMessage":"a function takes JSON: select `encode(*, 'base64') AS data`"}"#
        ]],
    );
}

#[test]
fn republish_fills_topic_and_headers() {
    check(
        json!({ "republish": { "topic": "${topic()}/republish", "roleArn": ROLE, "qos": 1, "headers": {
            "payloadFormatIndicator": "UTF8_DATA", "contentType": "rule/contentType",
            "correlationData": "cnVsZSBjb3JyZWxhdGlvbiBkYXRh", "messageExpiry": "${a + 50}",
            "userProperties": [{ "key": "ruleKey1", "value": "ruleValue1" }, { "key": "id", "value": "${clientid()}" }] } } }),
        &message("my/iot/topic", r#"{"a":10}"#),
        expect![[
            r#"Publish { topic: "my/iot/topic/republish", payload: b"{\"a\":10}", qos: 1, mqtt: MqttProperties { utf8: Some(true), content_type: Some("rule/contentType"), response_topic: None, correlation_data: Some(b"rule correlation data"), message_expiry: Some(60), user_properties: [("ruleKey1", "ruleValue1"), ("id", "dock-1")] } }"#
        ]],
    );
    let reserved = json!({ "republish": { "topic": "$$aws/things/${topic(2)}/shadow/update", "roleArn": ROLE } });
    let Ok(outgoing) = action(reserved, &message("dt/dock-1", "{}")).outgoing else { panic!("it is to be sent") };
    assert!(
        matches!(&outgoing[..], [Outgoing::Publish { topic, qos: 0, .. }] if topic == "$aws/things/dock-1/shadow/update")
    );
    check(
        json!({ "republish": { "topic": "a/${filter}", "roleArn": ROLE } }),
        &message("x", r##"{"filter":"#"}"##),
        expect![[
            r##"{"failedAction":"RepublishAction","failedResource":"a/#","errorMessage":"topic `a/#` is not valid: it must be 1 to 256 bytes of UTF-8 with at most 7 slashes, without `+`, `#` and U+0000"}"##
        ]],
    );
}

#[test]
fn dynamodb_writes_an_attribute() {
    let base = json!({ "tableName": "my_ddb_table", "hashKeyField": "key", "hashKeyValue": "${topic()}",
        "rangeKeyField": "timestamp", "rangeKeyType": "NUMBER", "rangeKeyValue": "${timestamp()}", "roleArn": ROLE });
    check(
        json!({ "dynamoDB": base }),
        &message("some/topic", r#"{"t":21.5,"ok":true,"none":null,"list":["a",{}]}"#),
        expect![[r#"
            dynamodb us-east-1 POST /
            content-type: application/x-amz-json-1.0
            x-amz-target: DynamoDB_20120810.PutItem
            {"Item":{"key":{"S":"some/topic"},"payload":{"M":{"list":{"L":[{"S":"a"},{"M":{}}]},"none":{"NULL":true},"ok":{"BOOL":true},"t":{"N":"21.5"}}},"timestamp":{"N":"1700000000000"}},"TableName":"my_ddb_table"}"#]],
    );
    check(
        json!({ "dynamoDB": base }),
        &message("some/topic", &b"\x00\x01"[..]),
        expect![[r#"
            dynamodb us-east-1 POST /
            content-type: application/x-amz-json-1.0
            x-amz-target: DynamoDB_20120810.PutItem
            {"Item":{"key":{"S":"some/topic"},"payload":{"B":"AAE="},"timestamp":{"N":"1700000000000"}},"TableName":"my_ddb_table"}"#]],
    );
    let mut update = base.clone();
    update["operation"] = json!("${op}");
    update["payloadField"] = json!("data");
    update["rangeKeyValue"] = json!("${op}");
    check(
        json!({ "dynamoDB": update }),
        &message("some/topic", r#"{"op":"DELETE"}"#),
        expect![[
            r#"{"failedAction":"DynamoDBAction","failedResource":"my_ddb_table","errorMessage":"the key `timestamp` is a number, and `DELETE` is none"}"#
        ]],
    );
    update["rangeKeyValue"] = json!("7");
    check(
        json!({ "dynamoDB": update }),
        &message("some/topic", r#"{"op":"update"}"#),
        expect![[r##"
            dynamodb us-east-1 POST /
            content-type: application/x-amz-json-1.0
            x-amz-target: DynamoDB_20120810.UpdateItem
            {"ExpressionAttributeNames":{"#payload":"data"},"ExpressionAttributeValues":{":payload":{"M":{"op":{"S":"update"}}}},"Key":{"key":{"S":"some/topic"},"timestamp":{"N":"7"}},"TableName":"my_ddb_table","UpdateExpression":"SET #payload = :payload"}"##]],
    );
    check(
        json!({ "dynamoDB": update }),
        &message("some/topic", r#"{"op":"DELETE"}"#),
        expect![[r#"
            dynamodb us-east-1 POST /
            content-type: application/x-amz-json-1.0
            x-amz-target: DynamoDB_20120810.DeleteItem
            {"Key":{"key":{"S":"some/topic"},"timestamp":{"N":"7"}},"TableName":"my_ddb_table"}"#]],
    );
}

#[test]
fn dynamodbv2_writes_each_member() {
    let given = json!({ "dynamoDBv2": { "putItem": { "tableName": "${topic(1)}" }, "roleArn": ROLE } });
    check(
        given.clone(),
        &message("table/x", r#"{"id":"a","n":1E3}"#),
        expect![[r#"
            dynamodb us-east-1 POST /
            content-type: application/x-amz-json-1.0
            x-amz-target: DynamoDB_20120810.PutItem
            {"Item":{"id":{"S":"a"},"n":{"N":"1000"}},"TableName":"table"}"#]],
    );
    check(
        given,
        &message("table/x", "[1]"),
        expect![[
            r#"{"failedAction":"DynamoDBv2Action","failedResource":"table","errorMessage":"an item is an object, the payload is Array"}"#
        ]],
    );
}

#[test]
fn sns_and_sqs_take_the_payload_as_text() {
    check(
        json!({ "sns": { "targetArn": "arn:aws:sns:us-west-2:123456789012:alerts", "roleArn": ROLE, "messageFormat": "JSON" } }),
        &message("x", r#"{"default":"a b&c"}"#),
        expect![[r#"
            sns us-west-2 POST /
            content-type: application/x-www-form-urlencoded; charset=utf-8
            Action=Publish&Version=2010-03-31&TargetArn=arn%3Aaws%3Asns%3Aus-west-2%3A123456789012%3Aalerts&Message=%7B%22default%22%3A%22a%20b%26c%22%7D&MessageStructure=json"#]],
    );
    let queue = "https://sqs.eu-central-1.amazonaws.com/123456789012/q";
    check(
        json!({ "sqs": { "queueUrl": queue, "roleArn": ROLE, "useBase64": false } }),
        &message("x", r#"{"a":1}"#),
        expect![[r#"
            sqs eu-central-1 POST /
            content-type: application/x-amz-json-1.0
            x-amz-target: AmazonSQS.SendMessage
            {"MessageBody":"{\"a\":1}","QueueUrl":"https://sqs.eu-central-1.amazonaws.com/123456789012/q"}"#]],
    );
    check(
        json!({ "sqs": { "queueUrl": "http://127.0.0.1:4566/123456789012/q", "roleArn": ROLE, "useBase64": true } }),
        &message("x", &b"\xff"[..]),
        expect![[r#"
            sqs us-east-1 POST /
            content-type: application/x-amz-json-1.0
            x-amz-target: AmazonSQS.SendMessage
            {"MessageBody":"/w==","QueueUrl":"http://127.0.0.1:4566/123456789012/q"}"#]],
    );
    check(
        json!({ "sqs": { "queueUrl": queue, "roleArn": ROLE } }),
        &message("x", &b"\xff"[..]),
        expect![[
            r#"{"failedAction":"SqsAction","failedResource":"https://sqs.eu-central-1.amazonaws.com/123456789012/q","errorMessage":"the payload is not UTF-8: select `encode(*, 'base64')`"}"#
        ]],
    );
}

#[test]
fn a_template_sees_the_payload_and_the_variables_not_the_aliases() {
    let mut book = book();
    create(
        &mut book,
        "r",
        json!({ "sql": "SET @c = (f - 32) * 5 / 9 SELECT @c AS celsius FROM 'device/data'", "awsIotSqlVersion": "2016-03-23",
            "actions": [{ "republish": { "topic": "t/${id}/${@c}/x${celsius}x/${f > 1}", "roleArn": ROLE } }] }),
    );
    let prepared = run(&book, &message("device/data", r#"{"f":50,"id":"d"}"#));
    assert_eq!(prepared[0].resource, "t/d/10/xx/true");
    let Ok([Outgoing::Publish { payload, .. }]) = prepared[0].outgoing.as_deref() else { panic!("it is to be sent") };
    assert_eq!(payload, &r#"{"celsius":10}"#);
}

#[test]
fn failures_of_one_message_make_one_document() {
    let mut book = book();
    create(
        &mut book,
        "r",
        json!({ "sql": "SELECT a FROM 'x/+'", "actions": [{ "lambda": { "functionArn": "arn:aws:lambda:${b}" } }],
            "errorAction": { "republish": { "topic": "errors/${ruleName}/${topic(2)}", "roleArn": ROLE } } }),
    );
    let message = message("x/y", r#"{"a":1}"#);
    let rule = book.enabled().matching("x/y").unwrap()[0].clone();
    let Outcome::Matched(output) = rule.evaluate(&message, env()) else { panic!("the rule is to match") };
    let prepared = rule.prepare(&output, &message, env());
    let Err(NotPrepared::Failed(failure)) = &prepared[0].outgoing else { panic!("the action is to fail") };
    let failures: [ActionFailure; 2] = [failure.clone(), prepared[0].failed("lambda answered 404")];
    let error = rule.prepare_error(&failures, &output, &message, env()).unwrap();
    let Ok([Outgoing::Publish { topic, payload, .. }]) = error.outgoing.as_deref() else { panic!("it is to be sent") };
    assert_eq!(topic, "errors/r/y");
    expect![[r#"{"ruleName":"r","topic":"x/y","cloudwatchTraceId":"trace","clientId":"dock-1","base64OriginalPayload":"eyJhIjoxfQ==","failures":[{"failedAction":"LambdaAction","failedResource":"arn:aws:lambda:","errorMessage":"`arn:aws:lambda:` is not an ARN of lambda"},{"failedAction":"LambdaAction","failedResource":"arn:aws:lambda:","errorMessage":"lambda answered 404"}]}"#]]
    .assert_eq(std::str::from_utf8(payload).unwrap());
}

#[test]
fn an_answer_of_a_service_becomes_a_failure_message() {
    let prepared = action(json!({ "sqs": { "queueUrl": "q", "roleArn": ROLE } }), &message("x", "{}"));
    let Ok([Outgoing::Aws(call)]) = prepared.outgoing.as_deref() else { panic!("it is to be sent") };
    let json = br#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no queue"}"#;
    let failure = |status, body: &[u8]| call.answered(status, body).unwrap_err();
    assert_eq!(failure(400, json).message, "sqs answered 400 QueueDoesNotExist: no queue");
    let xml = b"<ErrorResponse><Error><Code>NotFound</Code><Message>no topic</Message></Error></ErrorResponse>";
    assert_eq!(failure(404, xml).message, "sqs answered 404 NotFound: no topic");
    assert_eq!(failure(502, b"").message, "sqs answered 502");
    for (status, body, passing) in [
        (502, &b""[..], true),
        (429, b"", true),
        (400, br#"{"__type":"ThrottlingException"}"#, true),
        (400, br#"{"__type":"ValidationException"}"#, false),
        (404, xml, false),
    ] {
        assert_eq!(failure(status, body).passing, passing, "{status}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_at_creation() {
    let lambda = json!({ "lambda": { "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f" } });
    let with = |sql: &str, action: Json| refused(json!({ "sql": sql, "actions": [action] }));
    let (code, message) = with("SELECT lowr(a) FROM 'x'", lambda.clone());
    assert_eq!(code, ErrorCode::SqlParseException);
    expect![[r#"
        line 1, column 8: unknown function `lowr`
          | SELECT lowr(a) FROM 'x'
          |        ^^^^
          = did you mean `lower`?"#]]
    .assert_eq(&message);
    assert_eq!(with("SELECT * FROM 'a/#/b'", lambda.clone()).0, ErrorCode::SqlParseException);
    assert_eq!(with("SELECT", lambda.clone()).0, ErrorCode::SqlParseException);
    assert_eq!(with("SELECT [1] AS a FROM 'x'", lambda.clone()).0, ErrorCode::SqlParseException);
    let (code, message) = with("SELECT get_thing_shadow('a', 'r') AS s FROM 'x'", lambda.clone());
    assert_eq!(code, ErrorCode::SqlParseException);
    assert!(message.contains("function `get_thing_shadow` needs the SQL version 2016-03-23"), "{message}");

    assert_eq!(with("SELECT * FROM 'x'", json!({})).0, ErrorCode::InvalidRequestException);
    let both = json!({ "lambda": lambda["lambda"], "sqs": { "queueUrl": "q", "roleArn": ROLE } });
    assert_eq!(with("SELECT * FROM 'x'", both).0, ErrorCode::InvalidRequestException);

    let republish = |topic: &str, role: &str| json!({ "republish": { "topic": topic, "roleArn": role } });
    for (given, code, part) in [
        (republish("a/#", ROLE), ErrorCode::InvalidRequestException, "actions[0].republish.topic: topic `a/#`"),
        (republish("a", "role"), ErrorCode::InvalidRequestException, "actions[0].republish.roleArn: `role`"),
        (republish("a", "${role}"), ErrorCode::InvalidRequestException, "actions[0].republish.roleArn"),
        (republish("a/${topic(}", ROLE), ErrorCode::SqlParseException, "line 1, column 11"),
        (republish("a/${nope()}", ROLE), ErrorCode::SqlParseException, "unknown function `nope`"),
        (republish("a/${@v}", ROLE), ErrorCode::SqlParseException, "`@v` is not set"),
        (
            json!({ "sns": { "targetArn": "arn:aws:sns:us-east-1:1:t.fifo", "roleArn": ROLE } }),
            ErrorCode::InvalidRequestException,
            "FIFO",
        ),
        (
            json!({ "sns": { "targetArn": "t", "roleArn": ROLE } }),
            ErrorCode::InvalidRequestException,
            "not an ARN of sns",
        ),
    ] {
        let (found, message) = with("SELECT * FROM 'x'", given);
        assert_eq!(found, code, "{message}");
        assert!(message.contains(part), "{message}");
    }
    let (code, _) = refused(json!({ "sql": "SELECT * FROM 'x'", "actions": [], "awsIotSqlVersion": "2017-01-01" }));
    assert_eq!(code, ErrorCode::InvalidRequestException);
    let (code, _) = refused(json!({ "sql": "SELECT * FROM 'x'", "actions": vec![lambda; 11] }));
    assert_eq!(code, ErrorCode::InvalidRequestException);
    let mut book = book();
    assert_eq!(
        book.create_topic_rule(request("no-dash", &json!({ "sql": "SELECT * FROM 'x'", "actions": [] })), NOW)
            .unwrap_err()
            .code,
        ErrorCode::InvalidRequestException
    );
}

fn names(book: &Rules, topic: &str) -> Vec<String> {
    let mut names: Vec<String> =
        book.enabled().matching(topic).unwrap().iter().map(|rule| rule.name.to_string()).collect();
    names.sort();
    names
}

#[test]
fn rules_are_found_by_topic() {
    let mut book = book();
    for (name, filter) in [
        ("exact", "a/b"),
        ("plus", "a/+"),
        ("hash", "a/#"),
        ("all", "#"),
        ("aws", "$aws/events/#"),
        ("deep", "+/b/+/#"),
    ] {
        create(&mut book, name, json!({ "sql": format!("SELECT * FROM '{filter}'"), "actions": [] }));
    }
    create(&mut book, "ingest_only", json!({ "sql": "SELECT * WHERE a > 1", "actions": [] }));
    assert_eq!(names(&book, "a/b"), ["all", "exact", "hash", "plus"]);
    assert_eq!(names(&book, "a"), ["all"]);
    assert_eq!(names(&book, "x/b/y/z"), ["all", "deep"]);
    assert_eq!(names(&book, "$aws/events/presence/connected/d"), ["aws"]);
    assert_eq!(names(&book, "$aws/rules/exact/any/thing"), ["exact"]);
    assert_eq!(names(&book, "$aws/rules/ingest_only/x"), ["ingest_only"]);
    assert_eq!(book.enabled().matching("$aws/rules/none/x").unwrap_err(), RuleNotFound("none".to_owned()));

    let before = book.enabled();
    drop(book.disable_topic_rule(&iot::DisableTopicRuleRequest { rule_name: "exact".into() }).unwrap());
    assert_eq!(names(&book, "a/b"), ["all", "hash", "plus"]);
    assert!(book.enabled().matching("$aws/rules/exact/x").is_err());
    assert_eq!(before.matching("a/b").unwrap().len(), 4, "who holds a set keeps it");
    drop(book.enable_topic_rule(&iot::EnableTopicRuleRequest { rule_name: "exact".into() }).unwrap());
    drop(book.delete_topic_rule(&iot::DeleteTopicRuleRequest { rule_name: "hash".into() }).unwrap());
    assert_eq!(names(&book, "a/b"), ["all", "exact", "plus"]);
    drop(book.delete_topic_rule(&iot::DeleteTopicRuleRequest { rule_name: "ingest_only".into() }).unwrap());
    assert!(book.enabled().matching("$aws/rules/ingest_only/x").is_err());
}

#[test]
fn a_rule_is_kept_as_it_was_given_and_after_a_restart() {
    let mut first = book();
    let payload = json!({ "sql": "SELECT  *\nFROM 'a/b'", "description": "d", "ruleDisabled": false,
        "actions": [{ "sqs": { "queueUrl": "q", "roleArn": ROLE } }],
        "errorAction": { "sqs": { "queueUrl": "e", "roleArn": ROLE } } });
    let done = first.create_topic_rule(request("r", &payload), NOW).unwrap();
    let code = first.create_topic_rule(request("r", &payload), NOW).unwrap_err().code;
    assert_eq!(code, ErrorCode::ResourceAlreadyExistsException);
    let disabled = first.disable_topic_rule(&iot::DisableTopicRuleRequest { rule_name: "r".into() }).unwrap();
    let get = iot::GetTopicRuleRequest { rule_name: "r".into() };
    let answer = first.get_topic_rule(&get).unwrap();
    assert_eq!(answer.rule_arn.as_deref(), Some("arn:aws:iot:us-east-1:123456789012:rule/r"));
    let rule = answer.rule.as_ref().unwrap();
    assert_eq!(rule.sql.as_deref(), Some("SELECT  *\nFROM 'a/b'"));
    assert_eq!((rule.created_at, rule.rule_disabled), (Some(NOW), Some(true)));
    assert_eq!(rule.aws_iot_sql_version.as_deref(), Some("2015-10-08"));

    let mut second = book();
    for write in done.writes.iter().chain(&disabled.writes) {
        second.load(write.table, &write.key, write.value.as_deref().unwrap()).unwrap();
    }
    assert_eq!(second.get_topic_rule(&get).unwrap(), answer);
    assert!(second.enabled().is_empty());
    let replace = iot::ReplaceTopicRuleRequest {
        rule_name: "r".into(),
        topic_rule_payload: iot::TopicRulePayload::from_json(&json!({ "sql": "SELECT * FROM 'c'", "actions": [] }))
            .unwrap(),
    };
    drop(second.replace_topic_rule(replace.clone()).unwrap());
    assert_eq!(names(&second, "c"), ["r"]);
    assert_eq!(second.get_topic_rule(&get).unwrap().rule.unwrap().created_at, Some(NOW));
    second.clear();
    assert_eq!(second.get_topic_rule(&get).unwrap_err().code, ErrorCode::UnauthorizedException);
    assert_eq!(second.replace_topic_rule(replace).unwrap_err().code, ErrorCode::UnauthorizedException);
    assert!(second.load("topic_rules", "r", "{}").is_err());
}

#[test]
fn lists_go_by_page_topic_and_state() {
    let mut book = book();
    for (name, sql, disabled) in
        [("a", "SELECT * FROM 'x/+'", false), ("b", "SELECT * FROM 'y'", true), ("c", "SELECT * FROM 'x/#'", true)]
    {
        create(&mut book, name, json!({ "sql": sql, "actions": [], "ruleDisabled": disabled }));
    }
    let list = |request: iot::ListTopicRulesRequest| {
        let answer = book.list_topic_rules(&request).unwrap();
        let names: Vec<String> = answer.rules.unwrap().into_iter().map(|rule| rule.rule_name.unwrap()).collect();
        (names.join(""), answer.next_token)
    };
    let all = iot::ListTopicRulesRequest::default();
    assert_eq!(list(all.clone()).0, "abc");
    assert_eq!(list(iot::ListTopicRulesRequest { topic: Some("x/y".into()), ..all.clone() }).0, "ac");
    assert_eq!(list(iot::ListTopicRulesRequest { topic: Some("x/#".into()), ..all.clone() }).0, "c");
    assert_eq!(list(iot::ListTopicRulesRequest { rule_disabled: Some(true), ..all.clone() }).0, "bc");
    let (page, token) = list(iot::ListTopicRulesRequest { max_results: Some(2), ..all.clone() });
    assert_eq!(page, "ab");
    assert_eq!(list(iot::ListTopicRulesRequest { next_token: token, ..all.clone() }), ("c".to_owned(), None));
    let wrong = iot::ListTopicRulesRequest { next_token: Some("zz".into()), ..all };
    assert_eq!(book.list_topic_rules(&wrong).unwrap_err().code, ErrorCode::InvalidRequestException);
}

#[test]
fn an_evaluation_waits_for_answers_from_outside() {
    let capabilities = Capabilities::NONE.with(External::GetThingShadow);
    let mut book = Rules::new(Scope::new("123456789012", "us-east-1"), capabilities);
    let sql = format!("SELECT get_thing_shadow(id, '{ROLE}').state.reported.on AS lit FROM 'x'");
    create(&mut book, "r", json!({ "sql": sql, "actions": [], "awsIotSqlVersion": "2016-03-23" }));
    let message = message("x", r#"{"id":"dock-1"}"#);
    let rule = book.enabled().matching("x").unwrap()[0].clone();
    let mut answers = Answers::new(capabilities);
    assert_eq!(answers.capabilities(), capabilities);
    let Outcome::Waiting(call) = rule.evaluate(&message, Env { ids: &Zeros, externals: &answers }) else {
        panic!("an answer is needed")
    };
    assert_eq!(
        (call.function, call.text(0).as_str(), call.text(1).as_str()),
        (External::GetThingShadow, "dock-1", ROLE)
    );
    answers.insert(&call, Ok(drydock_rules::value::json::parse(br#"{"state":{"reported":{"on":true}}}"#).unwrap()));
    let Outcome::Matched(output) = rule.evaluate(&message, Env { ids: &Zeros, externals: &answers }) else {
        panic!("the answer is known")
    };
    assert_eq!(output.bytes(), r#"{"lit":true}"#);
    let mut answers = Answers::new(capabilities);
    answers.insert(&call, Err("no such thing".to_owned()));
    let outcome = rule.evaluate(&message, Env { ids: &Zeros, externals: &answers });
    assert!(matches!(outcome, Outcome::Failed(why) if why == "get_thing_shadow failed: no such thing"));
    assert!(matches!(output.value, Value::Object(_)));
}

/// What a statement makes of a payload, in the version 2016-03-23.
fn evaluated(sql: &str, payload: String) -> Outcome {
    let program = drydock_rules::compile(sql, drydock_rules::SqlVersion::V2016, Capabilities::NONE).unwrap();
    drydock_rules::evaluate(&program, &message("t", payload), env())
}

#[test]
fn an_evaluation_that_takes_too_much_is_ended() {
    let digits = format!(r#"{{"m":"{}"}}"#, "7".repeat(120_000));
    let half: Vec<String> = (0..4_000).map(|n| format!(r#""k{n}":{n}"#)).collect();
    let wide = format!(r#"{{"o":{{{}}},"a":[{}]}}"#, half.join(","), vec!["{}"; 16_000].join(","));
    let text = format!(r#"{{"m":"{}"}}"#, "x".repeat(120_000));
    let doubled = (0..200).fold("m".to_owned(), |sql, _| format!("{sql}, m"));
    let pattern = r"(?<=\d)(?=(\d\d\d)+$)";
    for (sql, payload) in [
        (
            format!(
                "SELECT regexp_replace(m, '{pattern}', ',') AS m, regexp_replace(m, '{pattern}', ';') AS n FROM 't'"
            ),
            &digits,
        ),
        ("SELECT transform('enrichArray', o, a) AS a FROM 't'".to_owned(), &wide),
        ("SELECT get_or_default(transform('enrichArray', o, a), 1) AS a FROM 't'".to_owned(), &wide),
        (format!("SELECT concat({doubled}) AS m FROM 't'"), &text),
        (format!("SELECT [{doubled}] AS m FROM 't'"), &text),
    ] {
        let outcome = evaluated(&sql, payload.clone());
        assert!(
            matches!(&outcome, Outcome::Exhausted(why) if why.starts_with("the evaluation was ended: ")),
            "{sql:.200}: {:.300}",
            format!("{outcome:?}")
        );
    }
}

#[test]
fn what_rules_do_is_far_from_the_end_of_the_budget() {
    let commas = format!(r#"{{"m":"{}"}}"#, "1,".repeat(50_000));
    let readings: Vec<String> = (0..3_000).map(|n| format!(r#"{{"n":{n},"v":{}}}"#, n % 7)).collect();
    let readings = format!(r#"{{"r":[{}]}}"#, readings.join(","));
    for (sql, payload) in [
        ("SELECT regexp_replace(m, ',', ';') AS m FROM 't'", &commas),
        ("SELECT regexp_replace(m, '(\\d),', '$1;') AS m FROM 't'", &commas),
        ("SELECT *, topic() AS t FROM 't'", &commas),
        ("SELECT (SELECT n, v * 2 AS w, topic(1) AS t FROM r WHERE v > 3) AS r FROM 't'", &readings),
        ("SELECT transform('enrichArray', {'t': topic()}, r) AS r FROM 't'", &readings),
    ] {
        let outcome = evaluated(sql, payload.clone());
        assert!(matches!(outcome, Outcome::Matched(_)), "{sql}: {outcome:?}");
    }
}

/// Somebody whose patience is over.
struct Late;

impl Externals for Late {
    fn capabilities(&self) -> Capabilities {
        Capabilities::NONE
    }

    fn ask(&self, _: &drydock_rules::ExternalCall) -> drydock_rules::Answer {
        drydock_rules::Answer::Later
    }

    fn is_over(&self) -> bool {
        true
    }
}

#[test]
fn an_evaluation_that_takes_too_long_is_ended_and_a_short_one_is_not_looked_at() {
    let sql = "SELECT (SELECT VALUE 1 FROM a) AS b FROM 't'";
    let program = drydock_rules::compile(sql, drydock_rules::SqlVersion::V2016, Capabilities::NONE).unwrap();
    let outcome = |count: usize| {
        let payload = format!(r#"{{"a":[{}]}}"#, vec!["0"; count].join(","));
        drydock_rules::evaluate(&program, &message("t", payload), Env { ids: &Zeros, externals: &Late })
    };
    assert!(matches!(outcome(5), Outcome::Matched(_)));
    assert!(matches!(outcome(5_000), Outcome::Exhausted(why) if why.contains("too long")));
}

#[test]
fn what_may_take_long_is_told_from_what_does_not() {
    let mut book = book();
    let actions = json!([]);
    for (name, sql, payload, light) in [
        ("plain", "SELECT a, b * 2 AS c FROM 't' WHERE a > 1", 1_000, true),
        ("large", "SELECT a, b * 2 AS c FROM 't' WHERE a > 1", 100_000, false),
        ("nested", "SELECT (SELECT a FROM b) AS c FROM 't'", 10, false),
        ("pattern", "SELECT REGEXP_MATCHES(a, b) AS c FROM 't'", 10, false),
        ("joined", "SELECT transform('enrichArray', a, b) AS c FROM 't'", 10, false),
    ] {
        create(&mut book, name, json!({ "sql": sql, "actions": actions, "awsIotSqlVersion": "2016-03-23" }));
        let rule = book.rule(&drydock_core::RuleName::new(name).unwrap()).unwrap();
        assert_eq!(rule.is_light(payload), light, "{name}");
    }
}

#[test]
fn a_comma_too_many_is_told() {
    let mut book = book();
    create(&mut book, "r", json!({ "sql": "SELECT a, FROM 't'", "actions": [] }));
    let rule = book.rule(&drydock_core::RuleName::new("r").unwrap()).unwrap();
    let [warning] = rule.program.warnings.as_slice() else { panic!("{:?}", rule.program.warnings) };
    assert!(warning.contains("there is a comma too many") && warning.contains("leave it out"), "{warning}");
}

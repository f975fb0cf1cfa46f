//! Topic rule destinations and the actions that go through them: confirmation, states, retries, batches. After "HTTP", "HTTP action
//! destinations", "Batching HTTP action messages" and "InfluxDB" of the AWS IoT Core developer guide.

use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::maker::Maker;
use drydock_tests::recorder::{Recorded, Recorder, Reply};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

const ROLE: &str = "arn:aws:iam::123456789012:role/rules";
const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];

fn create(gateway: &Gateway<'_>, configuration: Value) -> Value {
    gateway.iot("POST", "/destinations", &json!({ "destinationConfiguration": configuration }))["topicRuleDestination"]
        .clone()
}

fn get(gateway: &Gateway<'_>, arn: &str) -> Value {
    gateway.iot("GET", &format!("/destinations/{}", arn.replace(':', "%3A").replace('/', "%2F")), &Value::Null)
        ["topicRuleDestination"]
        .clone()
}

fn set(gateway: &Gateway<'_>, arn: &str, status: &str) {
    gateway.iot("PATCH", "/destinations", &json!({ "arn": arn, "status": status }));
}

fn is(gateway: &Gateway<'_>, arn: &str, status: &str) {
    wait_for(status, || (get(gateway, arn)["status"] == status).then_some(()));
}

fn is_confirmation(request: &Recorded) -> bool {
    request.header("x-amz-rules-engine-message-type") == "DestinationConfirmation"
}

/// Takes the confirmation request and answers it, as its `enableUrl` says and without a signature.
fn confirm(gateway: &Gateway<'_>, recorder: &Recorder) -> Recorded {
    let request = recorder.find("a confirmation request", is_confirmation);
    let enable = request.json()["enableUrl"].as_str().unwrap().to_owned();
    let (_, path) = enable.split_once("/confirmdestination/").unwrap();
    gateway.send("GET", &format!("/confirmdestination/{path}"), &[], b"").ok();
    request
}

fn rule(gateway: &Gateway<'_>, name: &str, actions: &Value) {
    let error = json!({ "republish": { "topic": format!("errors/{name}"), "roleArn": ROLE } });
    let body = json!({ "sql": format!("SELECT * FROM 'in/{name}/#'"), "awsIotSqlVersion": "2016-03-23", "actions": actions,
        "errorAction": error });
    gateway.iot("POST", &format!("/rules/{name}"), &body);
}

#[test]
fn a_destination_that_waits_is_asked_again_after_a_kill() {
    let recorder = Recorder::agreeing();
    let place = Place::new(SMALL);
    let gateway = place.up(&["--no-functions"]);
    let url = format!("{}/hook", recorder.url());
    let made = create(&gateway, json!({ "httpUrlConfiguration": { "confirmationUrl": url } }));
    let arn = made["arn"].as_str().unwrap().to_owned();
    recorder.find("a confirmation request", is_confirmation);
    gateway.kill();
    let gateway = place.up(&["--no-functions"]);
    confirm(&gateway, &recorder);
    is(&gateway, &arn, "ENABLED");
}

#[test]
fn a_destination_is_confirmed_switched_and_confirmed_anew() {
    let recorder = Recorder::agreeing();
    let place = Place::new(SMALL);
    let gateway = place.up(&["--no-functions"]);
    let url = format!("{}/hook", recorder.url());
    let http = json!({ "httpUrlConfiguration": { "confirmationUrl": url } });
    let made = create(&gateway, http.clone());
    let arn = made["arn"].as_str().unwrap().to_owned();
    assert!(arn.starts_with("arn:aws:iot:us-east-1:123456789012:ruledestination/http/"), "{arn}");
    assert_eq!(
        (&made["status"], &made["httpUrlProperties"]["confirmationUrl"]),
        (&"IN_PROGRESS".into(), &url.clone().into())
    );
    // AWS's own words, as "CreateTopicRuleDestination" of the API reference shows them.
    let reason = made["statusReason"].as_str().unwrap();
    let sent = reason.strip_prefix("Awaiting confirmation. Confirmation message sent on ");
    let sent = sent.and_then(|rest| rest.strip_suffix("; no response received from the endpoint."));
    assert!(sent.is_some_and(|at| at.len() == "2020-07-09T22:47:54.154Z".len() && at.ends_with('Z')), "{reason}");
    let again = json!({ "destinationConfiguration": http });
    gateway.call("iot", "POST", "/destinations", &[], &again).refused(409, "ResourceAlreadyExistsException", "already");

    let asked = recorder.next();
    let body = asked.json();
    let token = body["confirmationToken"].as_str().unwrap();
    assert_eq!((asked.method.as_str(), asked.target.clone()), ("POST", format!("/hook/?confirmationToken={token}")));
    assert_eq!(asked.header("x-amz-rules-engine-message-type"), "DestinationConfirmation");
    assert_eq!(asked.header("x-amz-rules-engine-destination-arn"), arn);
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!((&body["arn"], &body["messageType"]), (&arn.clone().into(), &"DestinationConfirmation".into()));
    let patch =
        |status: &str| gateway.call("iot", "PATCH", "/destinations", &[], &json!({ "arn": arn, "status": status }));
    patch("ENABLED").refused(400, "InvalidRequestException", "confirmed first");
    gateway.iot_answer("GET", "/confirmdestination/nonsense").refused(400, "InvalidRequestException", "token");
    let enable = body["enableUrl"].as_str().unwrap();
    assert_eq!(enable, format!("{}/confirmdestination/{token}", gateway.ready["apiUrl"].as_str().unwrap()));
    gateway.send("GET", &format!("/confirmdestination/{token}"), &[], b"").ok();
    assert_eq!(get(&gateway, &arn)["status"], "ENABLED");
    gateway.iot("GET", &format!("/confirmdestination/{token}"), &Value::Null);

    for status in ["DISABLED", "ENABLED", "DISABLED"] {
        set(&gateway, &arn, status);
        assert_eq!(get(&gateway, &arn)["status"], status);
    }
    patch("ERROR").refused(400, "InvalidRequestException", "");
    set(&gateway, &arn, "IN_PROGRESS");
    let anew = recorder.next().json()["confirmationToken"].as_str().unwrap().to_owned();
    assert_ne!(anew, token);
    gateway.iot_answer("GET", &format!("/confirmdestination/{token}")).refused(400, "InvalidRequestException", "token");
    gateway.iot("GET", &format!("/confirmdestination/{anew}"), &Value::Null);

    let vpc = json!({ "vpcConfiguration": { "vpcId": "vpc-1", "subnetIds": ["subnet-1"], "roleArn": ROLE } });
    let vpc = create(&gateway, vpc);
    assert_eq!((&vpc["status"], &vpc["vpcProperties"]["vpcId"]), (&"ENABLED".into(), &"vpc-1".into()));
    let listed = |query: &str| gateway.iot("GET", &format!("/destinations{query}"), &Value::Null);
    let first = listed("?maxResults=1");
    let next = first["nextToken"].as_str().unwrap();
    let second = listed(&format!("?maxResults=1&nextToken={next}"));
    let all = [&first["destinationSummaries"][0], &second["destinationSummaries"][0]];
    assert_eq!(all.map(|summary| &summary["status"]), ["ENABLED", "ENABLED"]);
    assert!(all.iter().any(|summary| summary["httpUrlSummary"]["confirmationUrl"] == url));
    assert!(all.iter().any(|summary| summary["vpcDestinationSummary"]["vpcId"] == "vpc-1"));

    gateway.kill();
    let gateway = place.up(&["--no-functions"]);
    assert_eq!(get(&gateway, &arn)["status"], "ENABLED", "it is kept");
    let path = format!("/destinations/{}", arn.replace(':', "%3A").replace('/', "%2F"));
    gateway.iot("DELETE", &path, &Value::Null);
    gateway.iot_answer("GET", &path).refused(401, "UnauthorizedException", "");
}

#[test]
fn what_cannot_be_asked_or_is_no_destination_is_refused() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    // A port that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let made = create(&gateway, json!({ "httpUrlConfiguration": { "confirmationUrl": format!("http://{free}/") } }));
    let arn = made["arn"].as_str().unwrap();
    is(&gateway, arn, "ERROR");
    assert!(get(&gateway, arn)["statusReason"].as_str().unwrap().contains("could not be delivered"));
    let refused = |configuration: Value, part: &str| {
        let body = json!({ "destinationConfiguration": configuration });
        gateway.call("iot", "POST", "/destinations", &[], &body).refused(400, "InvalidRequestException", part);
    };
    refused(json!({ "httpUrlConfiguration": { "confirmationUrl": "http://example.com/" } }), "loopback");
    refused(json!({ "httpUrlConfiguration": { "confirmationUrl": "ftp://127.0.0.1/" } }), "not an HTTPS URL");
    refused(json!({}), "exactly one kind");
    refused(json!({ "vpcConfiguration": { "vpcId": "v", "subnetIds": [], "roleArn": ROLE } }), "at least one subnet");
    for id in 0..5 {
        create(
            &gateway,
            json!({ "vpcConfiguration": { "vpcId": id.to_string(), "subnetIds": ["s"], "roleArn": ROLE } }),
        );
    }
    refused(
        json!({ "vpcConfiguration": { "vpcId": "6", "subnetIds": ["s"], "roleArn": ROLE } }),
        "the most it may have",
    );
}

#[test]
fn an_http_action_posts_once_its_destination_is_confirmed() {
    let recorder = Recorder::agreeing();
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let mut device = gateway.observer(&["errors/#"]);
    let base = recorder.url();
    let sigv4 = json!({ "sigv4": { "signingRegion": "eu-west-1", "serviceName": "lambda", "roleArn": ROLE } });
    rule(
        &gateway,
        "hook",
        &json!([{ "http": {
        "url": format!("{base}/in/${{topic(3)}}"), "confirmationUrl": format!("{base}/in/"), "auth": sigv4,
        "headers": [{ "key": "X-Thing", "value": "${topic(3)}" }, { "key": "static", "value": "as it is" }],
    } }]),
    );
    device.publish("in/hook/pump-1", r#"{"a":1}"#).unwrap();
    let early = device.receive("errors/hook").json();
    let failure = early["failures"][0].clone();
    assert_eq!(failure["failedAction"], "HttpAction");
    assert_eq!(failure["failedResource"], format!("{base}/in/pump-1"));
    assert!(failure["errorMessage"].as_str().unwrap().contains("IN_PROGRESS"), "{failure}");

    let asked = confirm(&gateway, &recorder);
    assert!(asked.target.starts_with("/in/?confirmationToken="), "{}", asked.target);
    device.publish("in/hook/pump-1", r#"{"a":2}"#).unwrap();
    let request = recorder.next();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/in/pump-1"));
    assert_eq!(request.json(), json!({ "a": 2 }));
    assert_eq!([request.header("x-thing"), request.header("static")], ["pump-1", "as it is"]);
    assert_eq!(request.header("content-type"), "application/json");
    let authorization = request.header("authorization");
    assert!(authorization.contains("/eu-west-1/lambda/aws4_request"), "{authorization}");
    device.publish("in/hook/pump-1", "no json").unwrap();
    let request = recorder.next();
    assert_eq!((request.header("content-type"), request.text().as_str()), ("application/octet-stream", "no json"));

    let arn = asked.json()["arn"].as_str().unwrap().to_owned();
    set(&gateway, &arn, "DISABLED");
    device.publish("in/hook/pump-1", "{}").unwrap();
    let failure = device.receive("errors/hook").json()["failures"][0].clone();
    assert!(failure["errorMessage"].as_str().unwrap().contains("DISABLED"), "{failure}");
    assert!(recorder.rest().is_empty());
}

#[test]
fn https_goes_to_a_server_whose_certificate_is_trusted() {
    let ca = Maker::new("a private CA");
    let recorder = Recorder::secure(&ca.sign_server(), |_| Reply::new(200, "{}"));
    let place = Place::new(SMALL);
    std::fs::write(place.path().join("ca.pem"), ca.pem()).unwrap();
    let base = recorder.url();
    assert!(base.starts_with("https://"), "{base}");
    let hook = json!({ "http": { "url": format!("{base}/in"), "confirmationUrl": base } });
    {
        let gateway = place.up(&CALM);
        let made = create(&gateway, json!({ "httpUrlConfiguration": { "confirmationUrl": base } }));
        let arn = made["arn"].as_str().unwrap();
        is(&gateway, arn, "ERROR");
        let reason = get(&gateway, arn)["statusReason"].as_str().unwrap().to_owned();
        assert!(reason.contains("certificate"), "{reason}");
    }
    let gateway = place.up_by(&["env", "AWS_CA_BUNDLE=ca.pem"], &CALM);
    let mut device = gateway.observer(&["errors/#"]);
    rule(&gateway, "hook", &json!([hook]));
    confirm(&gateway, &recorder);
    for n in [1, 2] {
        device.publish("in/hook/x", json!({ "n": n }).to_string()).unwrap();
        let request = recorder.next();
        assert_eq!((request.target.as_str(), request.json()), ("/in", json!({ "n": n })));
    }
}

/// What a server does, how often it is tried, and the metric that counts it.
#[test]
fn tries_follow_the_guides_retry_logic() {
    struct Case {
        name: &'static str,
        reply: fn() -> Reply,
        tries: usize,
        metric: &'static str,
    }
    const CASES: [Case; 7] = [
        Case { name: "trouble", reply: || Reply::new(500, ""), tries: 3, metric: "HttpCode_5XX" },
        Case { name: "throttled", reply: || Reply::new(429, ""), tries: 3, metric: "HttpCode_4XX" },
        Case { name: "refused", reply: || Reply::new(404, ""), tries: 1, metric: "HttpCode_4XX" },
        Case { name: "moved", reply: || Reply::new(302, ""), tries: 1, metric: "HttpCode_Other" },
        Case { name: "large", reply: || Reply::new(500, "x".repeat(16_385)), tries: 1, metric: "HttpCode_5XX" },
        Case { name: "closing", reply: || Reply::new(500, "").closing(), tries: 1, metric: "HttpCode_5XX" },
        Case {
            name: "slow",
            reply: || Reply::new(200, "").after(Duration::from_secs(4)),
            tries: 1,
            metric: "HttpRequestTimeout",
        },
    ];
    let recorder = Recorder::start(|request| {
        let case = CASES.iter().find(|case| request.target.ends_with(case.name) && !is_confirmation(request));
        case.map_or_else(|| Reply::new(200, ""), |case| (case.reply)())
    });
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let mut device = gateway.observer(&["errors/#"]);
    let base = recorder.url();
    create(&gateway, json!({ "httpUrlConfiguration": { "confirmationUrl": base } }));
    confirm(&gateway, &recorder);
    for Case { name, tries, metric, .. } in CASES {
        let http = json!({ "http": { "url": format!("{base}/{name}"), "confirmationUrl": base } });
        rule(&gateway, name, &json!([http]));
        device.publish(&format!("in/{name}/x"), "{}").unwrap();
        let document = device.receive(&format!("errors/{name}")).json();
        assert_eq!(document["failures"].as_array().unwrap().len(), 1, "{name}: {document}");
        assert_eq!(recorder.rest().len(), tries, "{name}: {document}");
        let counts = gateway.send("GET", "/_drydock/metrics", &[], b"").body;
        let line = format!(r#"aws_iot{{metric="{metric}",rule_name="{name}"}} {tries}"#);
        assert!(counts.contains(&line), "{line} is not in\n{counts}");
    }
}

#[test]
fn messages_share_a_request_where_the_rule_says_so() {
    let recorder =
        Recorder::start(|request| if request.target == "/bad" { Reply::new(400, "") } else { Reply::new(200, "") });
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let mut device = gateway.observer(&["errors/#"]);
    let base = recorder.url();
    create(&gateway, json!({ "httpUrlConfiguration": { "confirmationUrl": base } }));
    confirm(&gateway, &recorder);
    let http = |path: &str, config: Value| {
        json!([{ "http": { "url": format!("{base}/{path}"), "confirmationUrl": base,
        "enableBatching": true, "batchConfig": config, "headers": [{ "key": "content-type", "value": "text/plain" }] } }])
    };
    rule(
        &gateway,
        "full",
        &http("full", json!({ "maxBatchSize": 3, "maxBatchOpenMs": 200, "batchAcrossTopics": true })),
    );
    for count in 0..3 {
        device.publish(&format!("in/full/{count}"), json!({ "count": count }).to_string()).unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let request = recorder.next();
        assert_eq!(request.header("content-type"), "application/json");
        seen.extend(request.json().as_array().unwrap().clone());
    }
    seen.sort_by_key(|message| message["count"].as_i64());
    assert_eq!(Value::from(seen), json!([{ "count": 0 }, { "count": 1 }, { "count": 2 }]));

    rule(&gateway, "bad", &http("bad", json!({ "maxBatchSize": 2, "maxBatchOpenMs": 200 })));
    device.publish("in/bad/x", r#"{"n":1}"#).unwrap();
    device.publish("in/bad/x", r#"{"n":2}"#).unwrap();
    let documents = [device.receive("errors/bad").json(), device.receive("errors/bad").json()];
    for document in documents {
        assert_eq!(document["failures"][0]["failedAction"], "HttpAction", "each message has its document: {document}");
    }
}

#[test]
fn points_go_to_an_influxdb_instance_with_the_token_of_its_secret() {
    /// What was asked, by its first line.
    static SEEN: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);
    let recorder = Recorder::start(|request| {
        if request.header("x-amz-target") == "secretsmanager.GetSecretValue" {
            return Reply::new(200, json!({ "SecretString": r#"{"token":"the token"}"# }).to_string());
        }
        let line = format!("{} {}", request.method, request.target);
        SEEN.lock().unwrap().get_or_insert_default().insert(line, request.header("authorization").to_owned());
        let known = ["Token the token", "Bearer the token"].contains(&request.header("authorization"));
        if known { Reply::new(204, "") } else { Reply::new(401, r#"{"message":"unauthorized access"}"#) }
    });
    let place = Place::new(SMALL);
    let variable = format!("AWS_ENDPOINT_URL_SECRETS_MANAGER={}", recorder.url());
    let gateway = place.up_by(&["env", &variable], &CALM);
    let mut device = gateway.observer(&["errors/#"]);
    let influx = |version: &str, key: &str| {
        let configuration =
            json!({ "endpoint": recorder.url(), "influxDBVersion": version, "secretId": "s", "secretKey": key });
        let made = create(&gateway, json!({ "influxDBConfiguration": configuration }));
        made["arn"].as_str().unwrap().to_owned()
    };
    let wrong = influx("V2", "other");
    is(&gateway, &wrong, "ERROR");
    assert!(get(&gateway, &wrong)["statusReason"].as_str().unwrap().contains("no key `other`"));
    for (name, version, proof, write) in [
        ("two", "V2", "GET /api/v2/me", "POST /api/v2/write?org=my%2Dorg&bucket=data&precision=ms"),
        (
            "three",
            "V3",
            "GET /api/v3/configure/database?format=json",
            "POST /api/v3/write_lp?db=data&precision=millisecond",
        ),
    ] {
        let arn = influx(version, "token");
        is(&gateway, &arn, "ENABLED");
        rule(
            &gateway,
            name,
            &json!([{ "influxDB": { "destinationArn": arn, "roleArn": ROLE, "databaseName": "data",
            "organization": "my-org", "tableName": "@{kind}", "tags": { "thing": "${topic(3)}" } } }]),
        );
        device
            .publish(
                &format!("in/{name}/pump-1"),
                r#"[{"kind":"t","v":1.5,"timestamp":1},{"kind":"h","v":2,"timestamp":2}]"#,
            )
            .unwrap();
        let request =
            recorder.find("the points", |request| request.target.starts_with("/api/") && request.method == "POST");
        assert_eq!(format!("POST {}", request.target), write);
        assert_eq!(request.text(), "t,thing=pump-1 v=1.5 1\nh,thing=pump-1 v=2i 2");
        let seen = SEEN.lock().unwrap().clone().unwrap();
        let scheme = if version == "V2" { "Token" } else { "Bearer" };
        assert_eq!(seen.get(proof), Some(&format!("{scheme} the token")), "{seen:?}");
    }
    device.publish("in/two/pump-1", r#"{"kind":"t","v":1}"#).unwrap();
    let failure = device.receive("errors/two").json()["failures"][0].clone();
    assert_eq!(failure["errorMessage"], "the payload has no `timestamp`");
}

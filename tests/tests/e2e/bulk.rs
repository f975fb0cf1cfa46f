//! Bulk registration: a file of lines, a device for each; over kills, stops and bad lines.

use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::tls::Identity;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ROLE: &str = "arn:aws:iam::123456789012:role/bulk";

/// A thing that must be new, and where wanted a certificate for the line's request with a policy.
fn template(with_certificate: bool) -> Value {
    let document =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }] });
    let mut template = json!({
        "Parameters": { "ThingName": { "Type": "String" }, "SerialNumber": { "Type": "String" } },
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {
                    "ThingName": { "Ref": "ThingName" },
                    "AttributePayload": { "serial": { "Ref": "SerialNumber" } },
                    "ThingTypeName": "pump",
                },
                "OverrideSettings": { "AttributePayload": "FAIL", "ThingTypeName": "FAIL", "ThingGroups": "FAIL" },
            },
        },
    });
    if with_certificate {
        template["Parameters"]["CSR"] = json!({ "Type": "String" });
        template["Resources"]["certificate"] = json!({
            "Type": "AWS::IoT::Certificate",
            "Properties": { "CertificateSigningRequest": { "Ref": "CSR" }, "Status": "ACTIVE" },
            "OverrideSettings": { "Status": "DO_NOTHING" },
        });
        template["Resources"]["policy"] =
            json!({ "Type": "AWS::IoT::Policy", "Properties": { "PolicyDocument": document.to_string() } });
    }
    template
}

/// A signing request of a key, for a name.
fn request(key: &KeyPair, name: &str) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn start_of(gateway: &Gateway<'_>, lines: &str, template: &Value) -> Value {
    let made = gateway.s3("PUT", "/inputs", &[], b"");
    assert_eq!(made.status, 200, "{}", made.body);
    let put = gateway.s3("PUT", "/inputs/devices.json", &[], lines.as_bytes());
    assert_eq!(put.status, 200, "{}", put.body);
    json!({ "templateBody": template.to_string(), "inputFileBucket": "inputs", "inputFileKey": "devices.json", "roleArn": ROLE })
}

fn start(gateway: &Gateway<'_>, lines: &str, template: &Value) -> String {
    let started = gateway.iot("POST", "/thing-registration-tasks", &start_of(gateway, lines, template));
    started["taskId"].as_str().unwrap().to_owned()
}

fn describe(gateway: &Gateway<'_>, task: &str) -> Value {
    gateway.iot("GET", &format!("/thing-registration-tasks/{task}"), &Value::Null)
}

/// Waits until a task is over.
fn over(gateway: &Gateway<'_>, task: &str) -> Value {
    wait_for("the task is over", || {
        let task = describe(gateway, task);
        let status = task["status"].as_str().unwrap();
        (status != "InProgress" && status != "Cancelling").then_some(task)
    })
}

fn report(gateway: &Gateway<'_>, task: &str, kind: &str) -> Vec<Value> {
    let path = format!("/thing-registration-tasks/{task}/reports?reportType={kind}");
    let answer = gateway.iot("GET", &path, &Value::Null);
    assert_eq!(answer["reportType"], kind);
    let links = answer["resourceLinks"].as_array().unwrap();
    let texts = links.iter().map(|link| {
        let got = gateway.follow(link.as_str().unwrap());
        assert_eq!(got.status, 200, "{}", got.body);
        got.body
    });
    let text = texts.collect::<String>();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_line_becomes_a_device_and_bad_ones_are_told_of() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let key = KeyPair::generate().unwrap();
    let line =
        |name: &str| json!({ "ThingName": name, "SerialNumber": "SN-1", "CSR": request(&key, name) }).to_string();
    let long = json!({ "ThingName": "long", "SerialNumber": "a".repeat(256_000), "CSR": "x" }).to_string();
    let lines = [
        line("pump-1"),
        "{\"ThingName\": \"broken\"".to_owned(),
        String::new(),
        "[\"pump\"]".to_owned(),
        r#"{"ThingName":"number","SerialNumber":7,"CSR":"x"}"#.to_owned(),
        long,
        json!({ "ThingName": "no-request", "SerialNumber": "1", "CSR": "x" }).to_string(),
        json!({ "ThingName": "missing", "SerialNumber": "1" }).to_string(),
        json!({ "ThingName": "bad name!", "SerialNumber": "1", "CSR": request(&key, "x") }).to_string(),
        line("pump-1"),
        line("pump-2"),
    ];
    let task = start(&gateway, &lines.join("\n"), &template(true));
    let done = over(&gateway, &task);
    let counts = (&done["status"], &done["successCount"], &done["failureCount"], &done["percentageProgress"]);
    assert_eq!(counts, (&json!("Completed"), &json!(2), &json!(9), &json!(100)), "{done}");
    assert_eq!(
        (&done["inputFileBucket"], &done["inputFileKey"], &done["roleArn"]),
        (&json!("inputs"), &json!("devices.json"), &json!(ROLE))
    );

    let results = report(&gateway, &task, "RESULTS");
    let offset = |number: usize| lines[..number - 1].iter().map(|line| line.len() + 1).sum::<usize>();
    let places: Vec<_> = results.iter().map(|entry| (entry["lineNumber"].clone(), entry["offset"].clone())).collect();
    assert_eq!(places, [(json!(1), json!(0)), (json!(11), json!(offset(11)))]);
    let errors = report(&gateway, &task, "ERRORS");
    let told: Vec<_> = errors
        .iter()
        .map(|entry| (entry["lineNumber"].as_u64().unwrap(), entry["errorMessage"].as_str().unwrap()))
        .collect();
    let expected = [
        (2, "not a JSON object"),
        (3, "empty"),
        (4, "not a JSON object"),
        (5, "`SerialNumber` is `7`"),
        (6, "longer than 256000 characters"),
        (7, "certificate"),
        (8, "`CSR` has no value"),
        (9, "ThingName"),
        (10, "ResourceConflictsException"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for ((number, message), (line, why)) in told.iter().zip(expected) {
        assert!(*number == line && message.contains(why), "{number}: {message}");
    }
    assert!(errors.iter().all(|entry| entry["errorCode"].as_str().is_some_and(|code| code.ends_with("Exception"))));

    // The one of the report is a device: with its key it connects.
    let response = &results[1]["response"];
    assert_eq!(response["ResourceArns"]["thing"], "arn:aws:iot:us-east-1:123456789012:thing/pump-2");
    let device = Identity {
        name: "pump-2".to_owned(),
        id: String::new(),
        arn: response["ResourceArns"]["certificate"].as_str().unwrap().to_owned(),
        certificate: response["CertificatePem"].as_str().unwrap().to_owned(),
        key: key.serialize_pem(),
    };
    let principals = gateway.iot("GET", "/things/pump-2/principals", &Value::Null);
    assert_eq!(principals["principals"], json!([device.arn]));
    let _connection = gateway.connect(&device);
    // Whoever has no link gets nothing.
    let bucket = gateway.s3("GET", "/", &[], b"").body;
    assert!(bucket.contains("<Name>inputs</Name>") && !bucket.contains("iot-thing-registration"), "{bucket}");
}

#[test]
fn a_kill_loses_nothing_and_repeats_nothing() {
    const LINES: usize = 400;
    let place = Place::new(SMALL);
    let options = ["--data-dir", "state", "--no-functions"];
    let mut gateway = place.up(&options);
    let key = KeyPair::generate().unwrap();
    let line = |at: usize| {
        let name = format!("pump-{at}");
        json!({ "ThingName": name, "SerialNumber": "1", "CSR": request(&key, &name) }).to_string()
    };
    let lines: Vec<String> = (1..=LINES).map(line).collect();
    let task = start(&gateway, &lines.join("\n"), &template(true));
    // The input is what it was at the start, whatever becomes of it.
    wait_for("the task has begun", || (describe(&gateway, &task)["successCount"].as_u64()? > 0).then_some(()));
    assert_eq!(gateway.s3("DELETE", "/inputs/devices.json", &[], b"").status, 204);
    let mut acknowledged = 0;
    for until in [60, 150, 290] {
        let things = || -> u64 {
            let described = describe(&gateway, &task);
            described["successCount"].as_u64().unwrap()
        };
        acknowledged = wait_for("the task goes on", || Some(things()).filter(|count| *count >= until));
        gateway.kill();
        gateway = place.up(&options);
        let after = describe(&gateway, &task);
        assert!(after["successCount"].as_u64().unwrap() >= acknowledged, "{after}");
    }
    let done = over(&gateway, &task);
    assert_eq!(
        (&done["status"], &done["successCount"], &done["failureCount"]),
        (&json!("Completed"), &json!(LINES), &json!(0)),
        "{done}; {acknowledged} were told"
    );

    let results = report(&gateway, &task, "RESULTS");
    let numbers: Vec<u64> = results.iter().map(|entry| entry["lineNumber"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=LINES as u64).collect::<Vec<_>>(), "each line is reported once, in order");
    assert_eq!(report(&gateway, &task, "ERRORS"), Vec::<Value>::new());
    let mut certificates = BTreeSet::new();
    for (at, entry) in results.iter().enumerate() {
        let arn = entry["response"]["ResourceArns"]["certificate"].as_str().unwrap().to_owned();
        let principals = gateway.iot("GET", &format!("/things/pump-{}/principals", at + 1), &Value::Null);
        assert_eq!(principals["principals"], json!([arn]));
        certificates.insert(arn);
    }
    let (mut marker, mut listed) = (String::new(), BTreeSet::new());
    loop {
        let page = gateway.iot("GET", &format!("/certificates?pageSize=250{marker}"), &Value::Null);
        for certificate in page["certificates"].as_array().unwrap() {
            assert_eq!(certificate["status"], "ACTIVE");
            listed.insert(certificate["certificateArn"].as_str().unwrap().to_owned());
        }
        match page["nextMarker"].as_str() {
            Some(next) => marker = format!("&marker={next}"),
            None => break,
        }
    }
    assert_eq!(listed, certificates, "a certificate a line, and no other");
    // They go when the task is over already.
    let left = || std::fs::read_dir(place.path().join("state/registration")).unwrap().count();
    wait_for("no file of the task stays", || (left() == 0).then_some(()));
}

#[test]
fn a_task_can_be_stopped_and_disturbs_nobody() {
    const LINES: usize = 50_000;
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let device = gateway.free_device("meter");
    let line = |at: usize| json!({ "ThingName": format!("pump-{at}"), "SerialNumber": "1" }).to_string() + "\n";
    let lines: String = (1..=LINES).map(line).collect();
    let task = start(&gateway, &lines, &template(false));
    let second = json!({ "templateBody": template(false).to_string(), "inputFileBucket": "inputs", "inputFileKey": "devices.json", "roleArn": ROLE });
    gateway.call("iot", "POST", "/thing-registration-tasks", &[], &second).refused(
        400,
        "InvalidRequestException",
        &task,
    );
    wait_for("the task has begun", || (describe(&gateway, &task)["successCount"].as_u64()? > 0).then_some(()));
    let mut connection = gateway.connect(&device);
    connection.subscribe("live");
    connection.publish("live", "on").unwrap();
    assert_eq!(connection.receive("live").payload, b"on");
    assert_eq!(describe(&gateway, &task)["status"], "InProgress", "the file is long enough for all that");
    let running = gateway.iot("GET", "/thing-registration-tasks?status=InProgress", &Value::Null);
    assert_eq!(running["taskIds"], json!([task]));

    let cancel = format!("/thing-registration-tasks/{task}/cancel");
    gateway.iot("PUT", &cancel, &Value::Null);
    let done = over(&gateway, &task);
    assert_eq!(done["status"], "Cancelled");
    let count = done["successCount"].as_u64().unwrap();
    assert!(count > 0 && count < LINES as u64, "{done}");
    assert!(done["percentageProgress"].as_u64().unwrap() < 100);
    assert_eq!(report(&gateway, &task, "RESULTS").len() as u64, count);
    gateway.call("iot", "PUT", &cancel, &[], &Value::Null).refused(400, "InvalidRequestException", "Cancelled");

    // There is room for the next one, which meets what the first one made.
    let next = start(&gateway, &lines.lines().take(3).collect::<Vec<_>>().join("\n"), &template(false));
    let done = over(&gateway, &next);
    assert_eq!((&done["status"], &done["failureCount"]), (&json!("Completed"), &json!(3)), "{done}");
    let all = gateway.iot("GET", "/thing-registration-tasks?maxResults=1", &Value::Null);
    let token = all["nextToken"].as_str().unwrap();
    let rest = gateway.iot("GET", &format!("/thing-registration-tasks?maxResults=1&nextToken={token}"), &Value::Null);
    let ids: BTreeSet<_> = [&all, &rest].iter().map(|page| page["taskIds"][0].as_str().unwrap()).collect();
    assert_eq!(ids, BTreeSet::from([task.as_str(), next.as_str()]));
    place.told("bulk registration Cancelled");
}

#[test]
fn what_cannot_be_begun_says_why() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let good = start_of(&gateway, "{}", &template(false));
    let begin = |member: &str, value: &str| {
        let mut request = good.clone();
        request[member] = json!(value);
        gateway.call("iot", "POST", "/thing-registration-tasks", &[], &request)
    };
    begin("templateBody", "{}").refused(400, "InvalidRequestException", "Resources");
    begin("roleArn", "arn:aws:iam::123456789012:user/me").refused(400, "InvalidRequestException", "IAM role");
    begin("inputFileKey", "a b").refused(400, "InvalidRequestException", "inputFileKey");
    for (member, value, why) in
        [("inputFileBucket", "nowhere", "no bucket `nowhere`"), ("inputFileKey", "nothing", "no object `nothing`")]
    {
        let task = begin(member, value).ok()["taskId"].as_str().unwrap().to_owned();
        let done = over(&gateway, &task);
        assert_eq!((&done["status"], &done["successCount"]), (&json!("Failed"), &json!(0)));
        assert!(done["message"].as_str().unwrap().contains(why), "{done}");
        assert_eq!(report(&gateway, &task, "ERRORS"), Vec::<Value>::new());
    }
    let unknown = "/thing-registration-tasks/00000000-0000-4000-8000-000000000000";
    for (method, path) in [
        ("GET", unknown.to_owned()),
        ("GET", format!("{unknown}/reports?reportType=ERRORS")),
        ("PUT", format!("{unknown}/cancel")),
    ] {
        gateway.call("iot", method, &path, &[], &Value::Null).refused(
            404,
            "ResourceNotFoundException",
            "no thing registration task",
        );
    }
    // An empty file is done at once.
    let task = start(&gateway, "", &template(false));
    let done = over(&gateway, &task);
    assert_eq!((&done["status"], &done["percentageProgress"]), (&json!("Completed"), &json!(100)));
}

#[test]
fn a_role_of_the_template_has_to_trust_aws_iot() {
    let trusting = |service: &str| {
        format!(
            "Resources:\n  Bulk:\n    Type: AWS::IAM::Role\n    Properties:\n      RoleName: bulk\n      AssumeRolePolicyDocument:\n        \
             Version: '2012-10-17'\n        Statement: [{{Effect: Allow, Principal: {{Service: {service}}}, Action: 'sts:AssumeRole'}}]\n  \
             Inputs:\n    Type: AWS::S3::Bucket\n    Properties: {{BucketName: inputs}}\n"
        )
    };
    for (service, status) in [("iot.amazonaws.com", "Completed"), ("lambda.amazonaws.com", "Failed")] {
        let place = Place::new(&trusting(service));
        let gateway = place.up(&["--ephemeral", "--no-functions"]);
        let made = gateway.s3("PUT", "/inputs/devices.json", &[], b"{\"ThingName\":\"a\",\"SerialNumber\":\"1\"}");
        assert_eq!(made.status, 200, "the template made the bucket: {}", made.body);
        let mut template = template(false);
        template["Resources"]["thing"]["Properties"].as_object_mut().unwrap().remove("ThingTypeName");
        let request = json!({ "templateBody": template.to_string(), "inputFileBucket": "inputs", "inputFileKey": "devices.json", "roleArn": ROLE });
        let task = gateway.iot("POST", "/thing-registration-tasks", &request)["taskId"].as_str().unwrap().to_owned();
        let done = over(&gateway, &task);
        assert_eq!(done["status"], status, "{done}");
    }
}

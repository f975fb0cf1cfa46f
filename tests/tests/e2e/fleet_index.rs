//! Fleet indexing: a running gateway's fleet is searched, aggregated and explained as it changes, and over a kill. What a query
//! finds has cases of its own (`shared/gateway/indexing/cases`).

use drydock_tests::gateway::{Gateway, Place, SMALL, command, wait_for};
use serde_json::{Value, json};
use std::process::Stdio;

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];
/// The question that everything began with: all devices manufactured after 2013 with firmware version 1.2 that are connected.
const QUESTION: &str = "attributes.manufactured>2013 AND shadow.reported.firmware:1.2 AND connectivity.connected:true";

fn index(gateway: &Gateway<'_>, things: &Value) {
    gateway.iot("POST", "/indexing/config", &json!({ "thingIndexingConfiguration": things }));
    wait_for("an active index", || {
        let index = gateway.iot("GET", "/indices/AWS_Things", &Value::Null);
        (index["indexStatus"] == "ACTIVE").then_some(())
    });
}

fn everything() -> Value {
    json!({
        "thingIndexingMode": "REGISTRY_AND_SHADOW",
        "thingConnectivityIndexingMode": "STATUS",
        "namedShadowIndexingMode": "ON",
        "filter": {
            "namedShadowNames": ["gps"],
            "geoLocations": [{ "name": "shadow.name.gps.reported.at", "order": "LatLon" }],
            "connectivity": { "includeSocketInformation": ["GET_THING_CONNECTIVITY_DATA"] },
        },
        "customFields": [{ "name": "attributes.manufactured", "type": "Number" }, { "name": "attributes.site", "type": "String" }],
    })
}

fn thing(gateway: &Gateway<'_>, name: &str, attributes: &Value, reported: &Value) {
    let body = json!({ "attributePayload": { "attributes": attributes } });
    gateway.iot("POST", &format!("/things/{name}"), &body);
    shadow(gateway, name, "", reported);
}

fn shadow(gateway: &Gateway<'_>, thing: &str, query: &str, reported: &Value) {
    let body = json!({ "state": { "reported": reported } });
    gateway.call("iotdata", "POST", &format!("/things/{thing}/shadow{query}"), &[], &body).ok();
}

fn search(gateway: &Gateway<'_>, query: &str) -> Vec<String> {
    let found = gateway.iot("POST", "/indices/search", &json!({ "queryString": query }));
    let names = found["things"].as_array().unwrap().iter().map(|thing| thing["thingName"].as_str().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn finds(gateway: &Gateway<'_>, query: &str, names: &[&str]) {
    wait_for(&format!("`{query}` to find {names:?}"), || (search(gateway, query) == names).then_some(()));
}

/// Runs `drydock find`: its exit code, output and errors.
fn find(gateway: &Gateway<'_>, arguments: &[&str]) -> (Option<i32>, String, String) {
    let url = format!("http://127.0.0.1:{}", gateway.api_port());
    let output = command()
        .args(["find", "--api-url", &url])
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn all_devices_manufactured_after_2013_with_firmware_1_2_that_are_connected() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    for (name, year, firmware) in [
        ("charger-1", "2014", "1.2"),
        ("charger-2", "2013", "1.2"),
        ("charger-3", "2020", "1.2"),
        ("charger-4", "2020", "1.1"),
    ] {
        thing(&gateway, name, &json!({ "manufactured": year }), &json!({ "firmware": firmware }));
    }
    let one = gateway.connect(&gateway.free_device("charger-1"));
    index(&gateway, &everything());
    // It was connected before connectivity was indexed.
    finds(&gateway, QUESTION, &["charger-1"]);
    let _two = gateway.connect(&gateway.free_device("charger-2"));
    let _four = gateway.connect(&gateway.free_device("charger-4"));
    let three = gateway.connect(&gateway.free_device("charger-3"));
    finds(&gateway, QUESTION, &["charger-1", "charger-3"]);

    let found = gateway.iot("POST", "/indices/search", &json!({ "queryString": QUESTION, "maxResults": 1 }));
    let answer = &found["things"][0];
    assert_eq!(answer["attributes"], json!({ "manufactured": "2014" }));
    let told: Value = serde_json::from_str(answer["shadow"].as_str().unwrap()).unwrap();
    assert_eq!((&told["reported"], &told["hasDelta"]), (&json!({ "firmware": "1.2" }), &json!(false)));
    assert_eq!(answer["connectivity"]["connected"], true);
    let next = json!({ "queryString": QUESTION, "maxResults": 1, "nextToken": found["nextToken"] });
    let last = gateway.iot("POST", "/indices/search", &next);
    assert_eq!((&last["things"][0]["thingName"], &last["nextToken"]), (&json!("charger-3"), &Value::Null));

    let (code, out, _) = find(&gateway, &[QUESTION]);
    assert!(code == Some(0) && out.contains("charger-1") && out.contains("attributes.manufactured=2014"), "{out}");
    assert!(out.contains("2 things"), "{out}");
    let (code, out, _) = find(&gateway, &[QUESTION, "--explain", "charger-4"]);
    assert!(code == Some(2) && out.contains("charger-4 is not found"), "{out}");
    assert!(out.contains("fails  shadow.reported.firmware:1.2  shadow.reported.firmware=1.1"), "{out}");
    assert!(out.contains("holds  connectivity.connected:true"), "{out}");
    let (code, out, said) = find(&gateway, &["attributes.Manufactured>2013"]);
    assert!(
        code == Some(2) && out.contains("0 things") && said.contains("did you mean `attributes.manufactured`"),
        "{said}"
    );
    let (code, _, said) = find(&gateway, &["thingName: x"]);
    assert!(code == Some(1) && said.contains("character 11") && said.contains("directly behind"), "{said}");
    let (_, out, _) = find(&gateway, &["--json", "charger-1"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["total"], &json["things"][0]["thingName"]), (&json!(1), &json!("charger-1")));

    let data = json!({ "includeSocketInformation": true });
    let data = gateway.iot("POST", "/things/charger-1/connectivity-data", &data);
    assert_eq!((&data["connected"], &data["disconnectReason"]), (&json!(true), &json!("NONE")));
    assert_eq!((&data["sourceIp"], &data["clientId"]), (&json!("127.0.0.1"), &json!("charger-1")));
    drop(one);
    three.disconnect();
    finds(&gateway, QUESTION, &[]);
    finds(&gateway, "connectivity.disconnectReason:CLIENT_INITIATED_DISCONNECT", &["charger-3"]);
    let data = gateway.iot("POST", "/things/charger-1/connectivity-data", &json!({}));
    assert_eq!((&data["connected"], &data["sourceIp"]), (&json!(false), &Value::Null));
    gateway.stop();
}

#[test]
fn the_index_follows_the_fleet_and_is_there_again_after_a_kill() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    index(&gateway, &everything());
    thing(&gateway, "a", &json!({ "site": "Oslo", "manufactured": "2010" }), &json!({ "n": 1 }));
    thing(&gateway, "b", &json!({ "site": "Bergen", "manufactured": "2020" }), &json!({ "n": 2 }));
    finds(&gateway, "shadow.reported.n>0", &["a", "b"]);
    shadow(&gateway, "a", "", &json!({ "n": 5 }));
    finds(&gateway, "shadow.reported.n>=5", &["a"]);
    shadow(&gateway, "a", "?name=gps", &json!({ "at": "59.91,10.75" }));
    finds(&gateway, "shadow.name.gps.reported.at:geo_distance,59.9,10.7,10km", &["a"]);
    let update = json!({ "attributePayload": { "attributes": { "site": "Larvik" }, "merge": true } });
    gateway.iot("PATCH", "/things/b", &update);
    finds(&gateway, "attributes.site:larvik", &["b"]);
    gateway.iot("POST", "/thing-groups/harbor", &json!({}));
    let member = json!({ "thingName": "b", "thingGroupName": "harbor" });
    gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &member);
    finds(&gateway, "thingGroupNames:harbor", &["b"]);
    gateway.call("iotdata", "DELETE", "/things/a/shadow", &[], &Value::Null).ok();
    finds(&gateway, "shadow.reported.n:*", &["b"]);
    gateway.kill();

    let gateway = place.up(&DURABLE);
    // At the first request already: a small fleet is indexed before anybody is served.
    assert_eq!(search(&gateway, "*"), ["a", "b"]);
    assert_eq!(search(&gateway, "attributes.site:larvik AND thingGroupNames:harbor"), ["b"]);
    assert_eq!(search(&gateway, "shadow.name.gps.reported.at:geo_distance,59.9,10.7,10km"), ["a"]);
    assert_eq!(search(&gateway, "connectivity.connected:false"), ["a", "b"]);
    gateway.iot("DELETE", "/thing-groups/harbor", &Value::Null);
    finds(&gateway, "thingGroupNames:*", &[]);
    gateway.iot("DELETE", "/things/a", &Value::Null);
    finds(&gateway, "*", &["b"]);

    // Another configuration, then none.
    index(&gateway, &json!({ "thingIndexingMode": "REGISTRY" }));
    finds(&gateway, "shadow.reported.n:*", &[]);
    gateway.iot("POST", "/indexing/config", &json!({ "thingIndexingConfiguration": { "thingIndexingMode": "OFF" } }));
    let gone = gateway.call("iot", "POST", "/indices/search", &[], &json!({ "queryString": "*" }));
    gone.refused(404, "ResourceNotFoundException", "Index AWS_Things does not exist");
    gateway.stop();
}

#[test]
fn values_are_aggregated_and_what_cannot_be_asked_is_refused() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let none = gateway.iot("GET", "/indices", &Value::Null);
    assert_eq!(none["indexNames"], json!([]));
    index(&gateway, &everything());
    let groups = json!({ "thingGroupIndexingConfiguration": { "thingGroupIndexingMode": "ON" } });
    gateway.iot("POST", "/indexing/config", &groups);
    assert_eq!(gateway.iot("GET", "/indices", &Value::Null)["indexNames"], json!(["AWS_ThingGroups", "AWS_Things"]));
    let described = gateway.iot("GET", "/indices/AWS_Things", &Value::Null);
    assert_eq!(described["schema"], "MULTI_INDEXING_MODE");
    for (name, year, site) in [("a", "2010", "Oslo"), ("b", "2012", "oslo"), ("c", "2020", "Bergen")] {
        thing(&gateway, name, &json!({ "manufactured": year, "site": site }), &json!({}));
    }
    finds(&gateway, "attributes.site:*", &["a", "b", "c"]);
    let ask = |path: &str, field: &str, more: Value| {
        let mut body = json!({ "queryString": "attributes.site:*", "aggregationField": field });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        gateway.iot("POST", &format!("/indices/{path}"), &body)
    };
    let statistics = ask("statistics", "attributes.manufactured", json!({}));
    assert_eq!((&statistics["statistics"]["count"], &statistics["statistics"]["average"]), (&json!(3), &json!(2014.0)));
    let percentiles = ask("percentiles", "attributes.manufactured", json!({ "percents": [50.0] }));
    assert_eq!(percentiles["percentiles"], json!([{ "percent": 50.0, "value": 2012.0 }]));
    assert_eq!(ask("cardinality", "attributes.site", json!({}))["cardinality"], 2);
    let terms = json!({ "bucketsAggregationType": { "termsAggregation": { "maxBuckets": 1 } } });
    let buckets = ask("buckets", "attributes.site", terms);
    assert_eq!((&buckets["totalCount"], &buckets["buckets"][0]["count"]), (&json!(3), &json!(2)));

    gateway.iot(
        "POST",
        "/thing-groups/harbor",
        &json!({ "thingGroupProperties": { "thingGroupDescription": "By the sea" } }),
    );
    gateway.iot("POST", "/thing-groups/pier", &json!({ "parentGroupName": "harbor" }));
    wait_for("the groups", || {
        let search = json!({ "indexName": "AWS_ThingGroups", "queryString": "parentGroupNames:harbor OR description:\"by the sea\"" });
        let found = gateway.iot("POST", "/indices/search", &search);
        (found["thingGroups"].as_array().unwrap().len() == 2).then_some(())
    });

    let refused = |path: &str, body: Value, code: &str, part: &str| {
        gateway.call("iot", "POST", &format!("/indices/{path}"), &[], &body).refused(400, code, part);
    };
    refused("search", json!({ "queryString": "a AND" }), "InvalidQueryException", "character 6");
    refused("search", json!({ "queryString": "*", "queryVersion": "2017" }), "InvalidQueryException", "2017-09-30");
    refused("search", json!({ "queryString": "*", "maxResults": 501 }), "InvalidRequestException", "500");
    let color = json!({ "queryString": "*", "aggregationField": "attributes.color" });
    refused("statistics", color, "InvalidAggregationException", "attributes.color");
    let site = json!({ "queryString": "*", "aggregationField": "attributes.site" });
    refused("percentiles", site, "InvalidAggregationException", "Number");
    let config = json!({ "thingIndexingConfiguration": { "thingIndexingMode": "OFF", "thingConnectivityIndexingMode": "STATUS" } });
    gateway.call("iot", "POST", "/indexing/config", &[], &config).refused(
        400,
        "InvalidRequestException",
        "thingIndexingMode",
    );

    // A reset leaves nothing indexed.
    let reset = gateway.send(
        "POST",
        "/_drydock/reset?to=empty",
        &[("authorization", &drydock_tests::gateway::authorization("us-east-1", "iot"))],
        b"",
    );
    assert_eq!(reset.status, 200, "{}", reset.body);
    assert_eq!(gateway.iot("GET", "/indices", &Value::Null)["indexNames"], json!([]));
    index(&gateway, &json!({ "thingIndexingMode": "REGISTRY" }));
    assert_eq!(search(&gateway, "*"), Vec::<String>::new());
    gateway.stop();
}

#[test]
fn what_does_not_fit_its_field_is_in_the_logs_once() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    let role = "arn:aws:iam::123456789012:role/logs";
    gateway.iot("POST", "/v2LoggingOptions", &json!({ "roleArn": role, "defaultLogLevel": "ERROR" }));
    index(&gateway, &everything());
    thing(&gateway, "odd", &json!({ "manufactured": "long-ago", "site": "harbor" }), &json!({}));
    let entry = gateway.logged("IndexingCustomFieldFailed", |entry| entry["thingName"] == "odd");
    assert_eq!((&entry["logLevel"], &entry["status"]), (&json!("ERROR"), &json!("SucceededWithIssues")), "{entry}");
    let misfit = json!([{ "Name": "attributes.manufactured", "Value": "long-ago", "ExpectedType": "Number" }]);
    assert_eq!(entry["failedCustomFields"], misfit, "{entry}");
    shadow(&gateway, "odd", "?name=gps", &json!({ "at": "nowhere" }));
    let entry = gateway.logged("IndexingGeoLocationFieldFailed", |entry| entry["thingName"] == "odd");
    assert_eq!((&entry["logLevel"], &entry["status"]), (&json!("ERROR"), &json!("Failure")), "{entry}");
    let misfit = json!([{ "Name": "shadow.name.gps.reported.at", "Value": "nowhere", "ExpectedType": "Geopoint" }]);
    assert_eq!(entry["failedGeolocationFields"], misfit, "{entry}");
    assert!(
        entry["reason"].as_str().is_some_and(|why| why.contains("geoLocation")) && entry["details"].is_null(),
        "{entry}"
    );
    // What fits is not told, nor is what did not fit again at a start.
    thing(&gateway, "even", &json!({ "manufactured": "2014" }), &json!({}));
    finds(&gateway, "attributes.manufactured:2014", &["even"]);
    let count = |gateway: &Gateway<'_>| {
        let told = |event: &str| gateway.send("GET", &format!("/_drydock/logs?eventType={event}"), &[], b"").body;
        told("IndexingCustomFieldFailed").lines().count()
    };
    let before = count(&gateway);
    gateway.stop();
    let gateway = place.up(&DURABLE);
    finds(&gateway, "attributes.manufactured:2014", &["even"]);
    assert_eq!(count(&gateway), before);
}

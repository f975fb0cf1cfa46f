//! `drydock export` and `drydock import`: an account's whole state as files, there and back.

use drydock_tests::gateway::{Gateway, Place, SMALL, command};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Runs `drydock`; gives what it says on standard error where it fails.
fn drydock(arguments: &[&str]) -> Result<(), String> {
    let output = command().args(arguments).env("NO_COLOR", "1").output().expect("drydock starts");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it reads").path());
    let text = |path: &Path| fs::read_to_string(path).expect("it reads");
    entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), text(&path))).collect()
}

/// The same of a folder that has folders in it.
fn files_of(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it reads").path());
    let named = |path: &Path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path));
    entries
        .filter_map(|path| {
            let (name, text) = named(&path);
            Some((name, text.ok()?))
        })
        .collect()
}

fn url(gateway: &Gateway<'_>) -> String {
    gateway.ready["apiUrl"].as_str().expect("a URL").to_owned()
}

/// Something of every kind.
fn fill(gateway: &Gateway<'_>) -> String {
    let tags = json!([{ "Key": "team", "Value": "north" }]);
    gateway.iot("POST", "/thing-types/dock", &json!({ "tags": tags }));
    gateway.iot("POST", "/billing-groups/north", &json!({}));
    gateway.iot("POST", "/thing-groups/harbour", &json!({}));
    gateway.iot("POST", "/thing-groups/a-pier", &json!({ "parentGroupName": "harbour" }));
    for n in 0..20 {
        let thing = json!({
            "thingTypeName": "dock", "billingGroupName": "north",
            "attributePayload": { "attributes": { "serial": format!("SN-{n}") } },
        });
        gateway.iot("POST", &format!("/things/dock-{n}"), &thing);
    }
    let member = json!({ "thingGroupName": "a-pier", "thingName": "dock-3" });
    gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &member);
    let device = gateway.free_device("dock-3");
    let principal = [("x-amzn-principal", device.arn.as_str())];
    let path = "/things/dock-3/principals?thingPrincipalType=EXCLUSIVE_THING";
    gateway.call("iot", "PUT", path, &principal, &Value::Null).ok();
    let rule = json!({ "sql": "SELECT * FROM 'dt/#'", "actions": [] });
    gateway.iot("POST", "/rules/all", &rule);
    gateway.iot("GET", "/registrationcode", &Value::Null);
    gateway.iot("PATCH", "/event-configurations", &json!({ "eventConfigurations": { "THING": { "Enabled": true } } }));
    device.id
}

#[test]
fn an_account_goes_to_files_and_comes_back_the_same() {
    let place = Place::new(SMALL);
    let (first, second, third) = (place.path().join("one"), place.path().join("two"), place.path().join("three"));
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let certificate = {
        let gateway = place.up(&["--ephemeral", "--no-functions"]);
        let certificate = fill(&gateway);
        drydock(&["export", &text(&first), "--api-url", &url(&gateway)]).expect("it exports");
        certificate
    };
    let exported = files(&first);
    let head: Value = serde_json::from_str(&exported["account.json"]).expect("JSON");
    assert_eq!(head, json!({ "format": 1, "account": "123456789012", "region": "us-east-1" }));
    let certificates: Value = serde_json::from_str(&exported["certificates.json"]).expect("JSON");
    let pem = certificates[certificate.as_str()]["pem"].as_str().expect("a PEM");
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n"), "{pem}");
    assert!(exported.values().all(|text| !text.contains("PRIVATE KEY")), "keys are never kept");
    assert_eq!(exported["things.json"].lines().count(), 22, "a line for each of twenty, and the braces");

    let durable = ["--data-dir", "state", "--no-functions"];
    let gateway = place.up(&durable);
    let into = url(&gateway);
    let refused = drydock(&["import", &text(&first), "--api-url", &into]).expect_err("the template made a type");
    assert!(refused.contains("not empty") && refused.contains("--replace"), "{refused}");
    drydock(&["import", &text(&first), "--api-url", &into, "--replace"]).expect("it imports");
    drydock(&["export", &text(&second), "--api-url", &into]).expect("it exports");
    assert_eq!(files(&second), exported, "over the API");
    let described = gateway.iot("GET", "/things/dock-3", &Value::Null);
    assert_eq!(described["billingGroupName"], "north");
    gateway.kill();

    // The folder holds it too, and another folder takes it.
    let (state, other) = (text(&place.path().join("state")), text(&place.path().join("other")));
    drydock(&["export", &text(&third), "--data-dir", &state]).expect("it exports");
    assert_eq!(files(&third), exported, "from the folder");
    drydock(&["import", &text(&third), "--data-dir", &other]).expect("an empty folder takes it");
    drydock(&["export", &text(&third), "--data-dir", &other]).expect("over the earlier one");
    assert_eq!(files(&third), exported, "from the other folder");
}

/// The things of an account in a region.
fn things(gateway: &Gateway<'_>, account: &str, region: &str) -> Vec<String> {
    let authorization = of(account, region);
    let answer = gateway.send("GET", "/things", &[("authorization", &authorization)], b"").ok();
    answer["things"].as_array().unwrap().iter().map(|thing| thing["thingName"].as_str().unwrap().to_owned()).collect()
}

/// A signature in name of an account and a region.
fn of(account: &str, region: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/iot/aws4_request, SignedHeaders=host, Signature=0")
}

#[test]
fn all_accounts_and_regions_go_to_files_and_come_back() {
    const SCOPES: [(&str, &str); 3] =
        [("123456789012", "us-east-1"), ("123456789012", "eu-west-1"), ("210987654321", "eu-west-1")];
    let place = Place::new(SMALL);
    let text = |name: &str| place.path().join(name).to_str().expect("UTF-8").to_owned();
    let all = |folder: &str| {
        let head: Value = serde_json::from_str(&files_of(&place.path().join(folder))["scopes.json"]).expect("JSON");
        let mut found = BTreeMap::new();
        for scope in head["scopes"].as_array().expect("a list") {
            let name = format!("{}-{}", scope["account"].as_str().unwrap(), scope["region"].as_str().unwrap());
            found.insert(name.clone(), files(&place.path().join(folder).join(&name)));
        }
        found
    };
    {
        let gateway = place.up(&["--ephemeral", "--no-functions"]);
        for (account, region) in SCOPES {
            let path = format!("/things/{}-{region}", &account[..3]);
            gateway.send("POST", &path, &[("authorization", &of(account, region))], b"{}").ok();
        }
        drydock(&["export", "--all", &text("one"), "--api-url", &url(&gateway)]).expect("it exports");
    }
    let exported = all("one");
    let names: Vec<&str> = exported.keys().map(String::as_str).collect();
    assert_eq!(names, ["123456789012-eu-west-1", "123456789012-us-east-1", "210987654321-eu-west-1"]);

    let gateway = place.up(&["--data-dir", "state", "--no-functions"]);
    let refused =
        drydock(&["import", &text("one"), "--api-url", &url(&gateway)]).expect_err("the template made a type");
    assert!(refused.contains("account 123456789012 in us-east-1: the account is not empty"), "{refused}");
    assert!(things(&gateway, "210987654321", "eu-west-1").is_empty(), "nothing is taken in unless all can be");
    drydock(&["import", &text("one"), "--api-url", &url(&gateway), "--replace"]).expect("it imports");
    for (account, region) in SCOPES {
        assert_eq!(things(&gateway, account, region), [format!("{}-{region}", &account[..3])]);
    }
    gateway.kill();
    drydock(&["export", "--all", &text("two"), "--data-dir", &text("state")]).expect("it exports");
    assert_eq!(all("two"), exported, "from the folder");
    drydock(&["import", &text("two"), "--data-dir", &text("other")]).expect("an empty folder takes it");
    drydock(&["export", "--all", &text("two"), "--data-dir", &text("other")]).expect("over the earlier one");
    assert_eq!(all("two"), exported, "from the other folder");
    // One of the folders is an export of one.
    let one = text("two/123456789012-eu-west-1");
    drydock(&["import", &one, "--data-dir", &text("third")]).expect("an empty folder takes it");
}

#[test]
fn what_cannot_be_taken_in_leaves_a_reason_and_the_account_as_it_was() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let import =
        |account: &Value| gateway.send("POST", "/_drydock/import?replace=true", &[], account.to_string().as_bytes());
    let account =
        |tables: Value| json!({ "format": 1, "account": "123456789012", "region": "us-east-1", "tables": tables });
    let id = "00000000-0000-4000-8000-000000000000";
    let fine = account(json!({ "things": { "dock-1": { "id": id, "version": 1 } } }));
    import(&fine).ok();
    gateway.iot("GET", "/things/dock-1", &Value::Null);
    for (case, body, message) in [
        ("no JSON", json!([]), "is not valid"),
        ("another account", json!({ "format": 1, "account": "2", "region": "us-east-1", "tables": {} }), "--account 2"),
        ("a later format", json!({ "format": 9, "account": "2", "region": "us-east-1", "tables": {} }), "format 9"),
        ("an unknown table", account(json!({ "birds": {} })), "`birds` is not a table"),
        ("a bad key", account(json!({ "things": { "a b": { "id": id, "version": 1 } } })), "thing name `a b`"),
    ] {
        let answer = import(&body);
        let (status, _, text) = answer.error();
        assert!(status == 400 && text.contains(message), "{case}: {status} {text}");
    }
    let things = gateway.iot("GET", "/things", &Value::Null);
    assert_eq!(things["things"][0]["thingName"], "dock-1", "the account is as it was: {things}");
    gateway.send("GET", "/_drydock/import", &[], b"").refused(
        405,
        "MethodNotAllowedException",
        "import answers to POST",
    );
    let full = place.path().join("occupied");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("notes.txt"), "mine").unwrap();
    let refused =
        drydock(&["export", full.to_str().unwrap(), "--api-url", &url(&gateway)]).expect_err("it is not ours");
    assert!(refused.contains("notes") || refused.contains("not empty"), "{refused}");
}

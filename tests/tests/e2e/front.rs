//! `drydock up` as somebody meets it first: without a template or with an empty one, from scripts, by variables.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::http;
use serde_json::{Value, json};
use std::fs;

/// A template whose names say how it was brought up.
const NAMED: &str = "Parameters:\n  Stage:\n    Type: String\n    Default: none\nResources:\n  Kind:\n    Type: AWS::IoT::ThingType\n    \
     Properties:\n      ThingTypeName: !Sub '${AWS::StackName}-${AWS::Region}-${Stage}'\n";

fn types(gateway: &Gateway<'_>) -> Vec<String> {
    let region = gateway.ready["region"].as_str().unwrap();
    let headers = drydock_tests::gateway::authorization(region, "iot");
    let types = gateway.send("GET", "/thing-types", &[("authorization", &headers)], b"").ok();
    types["thingTypes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["thingTypeName"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn without_a_template_the_account_is_empty_and_that_is_said() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    assert_eq!(gateway.iot("GET", "/things", &Value::Null)["things"], json!([]));
    gateway.iot("POST", "/things/pump-1", &json!({}));
    place.told("there is no template.yaml here, so the account begins empty");
    gateway.stop();
    let refused = place.up_fails(&["--ephemeral", "--template", "fleet.yaml"]);
    assert!(refused.contains("fleet.yaml"), "one that is named has to be there: {refused}");
}

#[test]
fn an_empty_template_brings_up_nothing() {
    for template in ["", "# to come\n\n", "{}\n", "Resources:\n", "Resources: {}\n"] {
        let place = Place::new(template);
        let gateway = place.up(&["--ephemeral"]);
        assert!(types(&gateway).is_empty(), "{template:?}");
        place.told("no resources");
    }
    let refused = Place::new("Description: no resources at all\n").up_fails(&["--ephemeral"]);
    assert!(refused.contains("Resources"), "{refused}");
}

#[test]
fn who_looks_whether_it_is_there_finds_it() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    let get = |path: &str| gateway.send("GET", path, &[], b"");
    assert_eq!(get("/").ok()["name"], "drydock");
    assert_eq!(get("/health").ok()["region"], "us-east-1");
    let services = get("/_localstack/health").ok();
    for service in ["iot", "iotdata", "dynamodb", "s3", "sqs"] {
        assert_eq!(services["services"][service], "running", "{services}");
    }
    assert_eq!(gateway.send("HEAD", "/health", &[], b"").status, 200);
    // A service that is signed for keeps its paths.
    assert!(gateway.s3("GET", "/", &[], b"").body.contains("ListAllMyBucketsResult"));
    assert_ne!(gateway.call("sts", "GET", "/health", &[], &Value::Null).status, 200);
    assert_ne!(gateway.send("POST", "/health", &[], b"").status, 200);
    let page = [("origin", "http://evil.example")];
    gateway.send("GET", "/health", &page, b"").refused(403, "ForbiddenException", "evil.example");
    gateway.send("GET", "/", &[("host", "evil.example")], b"").refused(403, "ForbiddenException", "evil.example");
    assert_ne!(http::send(gateway.anonymous(), "GET", "/health", &[], b"").status, 200, "not on the devices' port");
}

#[test]
fn the_ready_file_is_there_only_while_it_is_up() {
    let place = Place::new("Resources: broken\n");
    let ready = place.path().join("ready.json");
    fs::write(&ready, "{ \"apiUrl\": \"of one that was killed\" }").unwrap();
    let _ = place.up_fails(&["--ephemeral"]);
    assert!(!ready.exists(), "it goes at the start");
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral"]);
    let ready = place.path().join("ready.json");
    assert!(ready.exists());
    gateway.stop();
    assert!(!ready.exists(), "it goes at the stop");
}

#[test]
fn quiet_is_quiet() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--quiet"]);
    // Something that is told otherwise.
    let _ = gateway.connect(&gateway.free_device("pump-1"));
    gateway.stop();
    assert_eq!(place.log().trim(), "");
}

#[test]
fn localhost_is_an_address() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral", "--host", "localhost"]);
    assert_eq!(gateway.ready["mqtt"]["host"], "127.0.0.1");
    gateway.stop();
    assert!(place.up_fails(&["--ephemeral", "--host", "nowhere.example"]).contains("`localhost`"));
}

#[test]
fn names_and_values_come_from_the_command_line_then_the_files() {
    let place = Place::new(NAMED);
    let sam = "version = 0.1\n[default.deploy.parameters]\nstack_name = \"of-sam\"\nregion = \"eu-central-1\"\n\
               parameter_overrides = \"Stage=\\\"beta\\\" OfAnotherTemplate=1\"\n";
    fs::write(place.path().join("samconfig.toml"), sam).unwrap();
    let gateway = place.up(&["--ephemeral"]);
    assert_eq!(types(&gateway), ["of-sam-eu-central-1-beta"]);
    gateway.stop();
    fs::write(place.path().join("drydock.toml"), "[parameters]\nStage = \"local\"\n").unwrap();
    let gateway = place.up(&["--ephemeral", "--stack-name", "mine", "--region", "ap-south-1"]);
    assert_eq!(types(&gateway), ["mine-ap-south-1-local"]);
    gateway.stop();
    let gateway = place.up(&["--ephemeral", "--parameter", "Stage=now"]);
    assert_eq!(types(&gateway), ["of-sam-eu-central-1-now"]);
    gateway.stop();
    fs::write(place.path().join("samconfig.toml"), "[default.deploy.parameters]\nstack_name = 1\n").unwrap();
    assert!(place.up_fails(&["--ephemeral"]).contains("samconfig.toml"));
    assert!(place.up_fails(&["--ephemeral", "--stack-name", "a b"]).contains("begins with a letter"));
}

#[test]
fn every_option_is_a_variable_and_the_region_is_that_of_awss_tools() {
    let place = Place::empty();
    let with = |variables: &[&str], options: &[&str]| {
        let region = {
            let wrapper: Vec<&str> = ["env"].iter().chain(variables).copied().collect();
            let gateway = place.up_by(&wrapper, options);
            let region = gateway.ready["region"].as_str().unwrap().to_owned();
            gateway.stop();
            region
        };
        (region, place.log())
    };
    assert_eq!(with(&[], &["--ephemeral"]).0, "us-east-1");
    let (region, log) = with(&["DRYDOCK_EPHEMERAL=true", "DRYDOCK_QUIET=1", "DRYDOCK_REGION=eu-north-1"], &[]);
    assert_eq!((region.as_str(), log.trim()), ("eu-north-1", ""));
    assert!(!place.path().join(".drydock").exists(), "DRYDOCK_EPHEMERAL was read");
    assert_eq!(with(&["DRYDOCK_REGION=eu-north-1"], &["--ephemeral", "--region", "sa-east-1"]).0, "sa-east-1");
    assert_eq!(with(&["AWS_DEFAULT_REGION=eu-west-3"], &["--ephemeral"]).0, "eu-west-3");
    assert_eq!(with(&["AWS_DEFAULT_REGION=eu-west-3", "AWS_REGION=eu-west-2"], &["--ephemeral"]).0, "eu-west-2");
    fs::write(place.path().join("aws"), "[profile fleet]\nregion = us-gov-west-1\n").unwrap();
    assert_eq!(with(&["AWS_CONFIG_FILE=aws", "AWS_PROFILE=fleet"], &["--ephemeral"]).0, "us-gov-west-1");
}

#[test]
fn it_says_what_it_can_be_told() {
    let place = Place::empty();
    let config = place.run(&["config"]);
    assert!(config.contains("# [[credentials]]") && config.contains("# payload_bytes = 131072"), "{config}");
    // As it is printed it may stand there, and changes nothing.
    fs::write(place.path().join("drydock.toml"), &config).unwrap();
    let limits = place.run(&["limits"]);
    assert!(limits.contains("as drydock.toml says"), "{limits}");
    for shell in ["bash", "zsh", "fish"] {
        let text = place.run(&["completions", shell]);
        assert!(text.contains("aws-names") && text.contains("device"), "{shell}");
    }
    let page = place.run(&["man"]);
    assert!(page.to_lowercase().contains(".th drydock 1") && page.contains("completions"), "{page}");
    let written = place.run(&["man", "--out", "pages"]);
    assert!(written.contains("pages written"), "{written}");
    assert!(fs::read_to_string(place.path().join("pages/drydock-device-create.1")).unwrap().contains("policy"));
    let help = place.run(&["up", "--help"]);
    for expected in ["Addresses:", "Examples:", "[env: DRYDOCK_API_PORT]", "samconfig.toml"] {
        assert!(help.contains(expected), "{expected}: {help}");
    }
}

#[test]
fn on_a_network_its_address_is_in_every_answer_and_in_the_certificate() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral", "--host", "0.0.0.0", "--public-host", "dock.lan"]);
    let (api, tls) = (gateway.api_port(), gateway.port("tls"));
    assert_eq!(gateway.ready["apiUrl"], format!("http://dock.lan:{api}"));
    assert_eq!(gateway.ready["mqtt"]["host"], "dock.lan");
    let endpoint = gateway.iot("GET", "/endpoint?endpointType=iot:Data-ATS", &Value::Null);
    assert_eq!(endpoint["endpointAddress"], format!("dock.lan:{tls}"));
    assert_eq!(gateway.send("GET", "/health", &[("host", &format!("dock.lan:{api}"))], b"").status, 200);
    gateway.send("GET", "/health", &[("host", "dock.wan")], b"").refused(403, "ForbiddenException", "dock.wan");
    // A client without a server name gets a certificate with the machine's own addresses, loopback among them.
    let _ = gateway.anonymous();
    gateway.stop();
    let gateway = place.up(&["--ephemeral", "--host", "0.0.0.0"]);
    assert_ne!(gateway.ready["mqtt"]["host"], "0.0.0.0", "nobody can call that");
}

#[test]
fn a_bare_host_is_what_samples_take_and_awss_names_are_checked_step_by_step() {
    let place = Place::empty();
    let refused = place.up_fails(&["--aws-names"]);
    assert!(refused.contains("run what is missing"), "{refused}");
    let told = place.log();
    for expected in
        ["a123456789012-ats.iot.us-east-1.amazonaws.com", "sudo tee -a /etc/hosts", "port 443", "root certificate"]
    {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(place.path().join(".drydock/root-ca.pem").exists(), "what is to be trusted is there");
    let off = place.run(&["up", "--aws-names", "off"]);
    assert!(!off.contains("tee -a"), "{off}");
    assert!(place.up_fails(&["--aws-names", "--ephemeral"]).contains("cannot be used with"));
}

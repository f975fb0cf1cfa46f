//! What AWS IoT tells of connections ("Lifecycle events").

use drydock_tests::gateway::{Place, SMALL};
use serde_json::json;

#[test]
fn connections_are_told_with_who_and_why() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut observer = gateway.observer(&["$aws/events/presence/+/pump-1", "$aws/events/subscriptions/+/pump-1"]);
    let device = gateway.free_device("pump-1");

    let mut connection = gateway.connect(&device);
    let connected = observer.receive("$aws/events/presence/connected/pump-1").json();
    assert_eq!(connected["clientId"], "pump-1");
    assert_eq!(connected["eventType"], "connected");
    assert_eq!(connected["principalIdentifier"], device.id.as_str());
    assert_eq!(connected["ipAddress"], "127.0.0.1");
    assert!(connected["sessionIdentifier"].as_str().is_some_and(|id| !id.is_empty()), "{connected}");
    assert!(connected["versionNumber"].is_u64() && connected["timestamp"].is_u64(), "{connected}");

    connection.subscribe("cmd/pump-1");
    let subscribed = observer.receive("$aws/events/subscriptions/subscribed/pump-1").json();
    assert_eq!(subscribed["topics"], json!(["cmd/pump-1"]));

    connection.disconnect();
    let gone = observer.receive("$aws/events/presence/disconnected/pump-1").json();
    assert_eq!(gone["eventType"], "disconnected");
    assert_eq!(gone["clientInitiatedDisconnect"], true);
    assert_eq!(gone["disconnectReason"], "CLIENT_INITIATED_DISCONNECT");
    for field in ["clientId", "principalIdentifier", "sessionIdentifier", "versionNumber"] {
        assert_eq!(gone[field], connected[field], "{field} is that of the connect");
    }

    // A second connect takes the first one's place: its end says so, under its own version.
    let first = gateway.connect(&device);
    let one = observer.receive("$aws/events/presence/connected/pump-1").json();
    let second = gateway.connect(&device);
    first.ended();
    let taken = observer.receive("$aws/events/presence/disconnected/pump-1").json();
    let two = observer.receive("$aws/events/presence/connected/pump-1").json();
    assert_eq!(taken["disconnectReason"], "DUPLICATE_CLIENTID");
    assert_eq!(taken["sessionIdentifier"], one["sessionIdentifier"]);
    assert_eq!(taken["versionNumber"], one["versionNumber"]);
    assert_ne!(two["sessionIdentifier"], one["sessionIdentifier"]);
    assert!(two["versionNumber"].as_u64() > one["versionNumber"].as_u64(), "{one} then {two}");
    drop(second);
}

#[test]
fn a_connect_that_the_policy_refuses_is_told() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut observer = gateway.observer(&["$aws/events/presence/connect_failed/+"]);
    let other = "arn:aws:iot:us-east-1:123456789012:client/another";
    let device = gateway.device("pump-1", &json!([{ "Effect": "Allow", "Action": "iot:Connect", "Resource": other }]));
    gateway.try_connect(&device).err().expect("the policy names another client");
    let failed = observer.receive("$aws/events/presence/connect_failed/pump-1").json();
    assert_eq!(failed["clientId"], "pump-1");
    assert_eq!(failed["eventType"], "connect_failed");
    assert_eq!(failed["connectFailureReason"], "AUTHORIZATION_FAILED");
    assert_eq!(failed["principalIdentifier"], device.id.as_str());
}

#[test]
fn client_ids_with_wildcards_are_not_told_of() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions", "--plain-port", "0"]);
    let mut observer = gateway.observer(&["$aws/events/presence/#"]);
    for id in ["pump+1", "pump#1", "pump-2"] {
        let mut client = gateway.raw();
        client.connect(id);
        client.send(&[0xE0, 0]);
        client.closed();
    }
    let told = loop {
        let told = observer.receive("$aws/events/presence/").json();
        if told["clientId"] != "observer" {
            break told;
        }
    };
    assert_eq!(told["clientId"], "pump-2", "the first that is told of");
}

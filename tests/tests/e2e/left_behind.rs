//! What a client leaves behind, its will and its session, and whom that is given to. AWS says nothing of either where rights
//! change in between: the safe reading, see KNOWN-GAPS.md.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::mqtt::{Mqtt, Wish};
use drydock_tests::tls::Identity;
use serde_json::{Value, json};

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];

fn connect(gateway: &Gateway<'_>, device: &Identity, wish: Wish<'_>) -> Mqtt {
    let connected =
        Mqtt::connect_wishing(&device.name, gateway.port("mqtt"), device.config(&gateway.root(), &[]), wish);
    connected.unwrap_or_else(|e| panic!("{} was refused: {e}", device.name))
}

#[test]
fn a_will_is_published_for_who_may_still_publish_it() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let mut observer = gateway.observer(&["left/#", "$aws/events/presence/disconnected/#"]);
    let allowed = |name: &str| {
        json!([
            { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
            { "Effect": "Allow", "Action": "iot:Publish", "Resource": format!("arn:aws:iot:*:*:topic/left/{name}") },
        ])
    };
    let [denied, revoked, allowed] = ["denied", "revoked", "allowed"].map(|name| gateway.device(name, &allowed(name)));
    let with_will = |device: &Identity| {
        let topic = format!("left/{}", device.name);
        connect(&gateway, device, Wish { will: Some((&topic, "lost")), ..Wish::default() })
    };
    let mut gone = |name: &str| {
        let told = observer.receive(&format!("$aws/events/presence/disconnected/{name}"));
        assert_eq!(told.json()["clientInitiatedDisconnect"], false, "{name}");
    };

    let connection = with_will(&denied);
    let deny = json!({ "Effect": "Deny", "Action": "iot:Publish", "Resource": "*" });
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "iot:*", "Resource": "*" }, deny
    ] });
    let version = json!({ "policyDocument": document.to_string() });
    gateway.iot("POST", "/policies/denied/version?setAsDefault=true", &version);
    drop(connection);
    gone("denied");

    let connection = with_will(&revoked);
    gateway.iot("PUT", &format!("/certificates/{}?newStatus=REVOKED", revoked.id), &Value::Null);
    connection.ended();
    gone("revoked");

    drop(with_will(&allowed));
    gone("allowed");
    assert_eq!(observer.receive("left/").topic, "left/allowed");
    assert!(observer.inbox.is_empty(), "{:?}", observer.inbox);
}

#[test]
fn a_session_is_resumed_by_its_own_principal_alone() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let own = Identity { name: "pump-1".to_owned(), ..gateway.free_device("own") };
    let other = Identity { name: "pump-1".to_owned(), ..gateway.free_device("other") };
    let stays = Wish { stays: true, ..Wish::default() };

    let mut connection = connect(&gateway, &own, stays);
    connection.subscribe("to/pump-1");
    connection.disconnect();
    gateway.publish("to/pump-1", "first", false);
    let mut connection = connect(&gateway, &own, stays);
    assert!(connection.resumed, "its own session");
    assert_eq!(connection.receive("to/").payload, b"first");
    connection.disconnect();

    gateway.publish("to/pump-1", "second", false);
    let mut connection = connect(&gateway, &other, stays);
    assert!(!connection.resumed, "another's session");
    gateway.publish("to/pump-1", "third", false);
    connection.subscribe("mark");
    connection.publish("mark", "here").unwrap();
    assert_eq!(connection.receive("mark").payload, b"here");
    assert!(connection.inbox.is_empty(), "{:?}", connection.inbox);
}

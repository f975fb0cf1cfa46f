//! The backend's rows of connectivity against the fleet index: an event is lost, the schedule comes by the moved clock, and the row is
//! right, with what was to be announced of it.

use super::backend::{maker, place, rows};
use drydock_tests::gateway::{Gateway, wait_for};
use serde_json::{Value, json};

fn clock(gateway: &Gateway<'_>, what: &Value) {
    gateway.send("POST", "/_drydock/clock", &[], what.to_string().as_bytes()).ok();
}

/// The rule that brings disconnects to the backend.
fn disconnects(gateway: &Gateway<'_>) -> String {
    let rules = gateway.iot("GET", "/rules", &Value::Null);
    let mut rules = rules["rules"].as_array().unwrap().iter();
    let rule = rules.find(|rule| rule["topicPattern"] == "$aws/events/presence/disconnected/#");
    rule.unwrap()["ruleName"].as_str().unwrap().to_owned()
}

fn row(gateway: &Gateway<'_>, client: &str) -> Option<Value> {
    rows(gateway, "ConnectivityTable").into_iter().find(|row| row["clientId"]["S"] == client)
}

#[test]
fn a_disconnect_that_never_came_is_found_by_the_index() {
    let place = place("Reconciliation = \"ENABLED\"\n");
    let gateway = place.up(&["--ephemeral"]);
    let things = json!({ "thingIndexingMode": "REGISTRY", "thingConnectivityIndexingMode": "STATUS" });
    gateway.iot("POST", "/indexing/config", &json!({ "thingIndexingConfiguration": things }));
    let device = maker(&gateway).sign("pump-1");
    let connection = wait_for("the device joins", || gateway.try_connect(&device).ok());
    let connected = |is: bool| {
        let found = row(&gateway, "pump-1").filter(|row| row["connected"]["BOOL"] == is);
        found.is_some().then_some(())
    };
    wait_for("the row of its connect", || connected(true));
    let rule = disconnects(&gateway);
    gateway.iot("POST", &format!("/rules/{rule}/disable"), &Value::Null);
    connection.disconnect();
    wait_for("the index to know", || {
        let asked = json!({ "queryString": "thingName:pump-1 AND connectivity.connected:false" });
        let found = gateway.iot("POST", "/indices/search", &asked);
        (found["things"].as_array().unwrap().len() == 1).then_some(())
    });
    gateway.iot("POST", &format!("/rules/{rule}/enable"), &Value::Null);
    clock(&gateway, &json!({ "stop": true }));
    // Too soon: the event may still come.
    clock(&gateway, &json!({ "advance": "11m" }));
    assert_eq!(connected(true), Some(()), "{:?}", row(&gateway, "pump-1"));
    clock(&gateway, &json!({ "advance": "20m" }));
    wait_for("the row to be right, and announced", || {
        row(&gateway, "pump-1").filter(|row| row["connected"]["BOOL"] == false && row["announced"]["S"] == "offline")
    });
    // Once is enough.
    let before = row(&gateway, "pump-1");
    clock(&gateway, &json!({ "advance": "1h" }));
    assert_eq!(row(&gateway, "pump-1"), before);
    // What comes by the events is newer.
    let _connection = gateway.connect(&device);
    wait_for("the row of the next connect", || {
        row(&gateway, "pump-1").filter(|row| row["connected"]["BOOL"] == true && row["announced"]["S"] == "online")
    });
}

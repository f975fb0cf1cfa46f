//! What functions remember of tables and of the control plane, so that a message does not cost a question each time.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::maker::Maker;
use fleet::ports::{DescribeCaCertificate, FindDevice, UpdateItem};
use fleet::registration::joined_record;
use fleet_aws::dynamodb::{Client, Devices};
use fleet_aws::iot::Registry;
use serde_json::{Value, json};

/// The SDK as functions have it, with a gateway as its endpoint.
pub(crate) async fn configured(gateway: &Gateway<'_>) -> aws_config::SdkConfig {
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(format!("http://127.0.0.1:{}", gateway.api_port()))
        .region("us-east-1")
        .credentials_provider(aws_credential_types::Credentials::new("local", "local", None, None, "tests"))
        .load()
        .await
}

#[tokio::test]
async fn that_there_is_no_device_is_remembered_until_this_process_makes_one() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let table = json!({
        "TableName": "devices", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "thingName", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "thingName", "KeyType": "HASH" }],
    });
    gateway.dynamodb("CreateTable", &table);
    let devices = Devices::new(&Client::new(&configured(&gateway).await), "devices".to_owned());
    assert_eq!(devices.find_device("pump-1").await.unwrap(), None);
    // Another process's row is seen when the minute is over; until then nothing is asked.
    let row =
        json!({ "TableName": "devices", "Item": { "thingName": { "S": "pump-1" }, "serialNumber": { "S": "SN-1" } } });
    gateway.dynamodb("PutItem", &row);
    assert_eq!(devices.find_device("pump-1").await.unwrap(), None, "it is remembered that there is none");
    devices.update_item(&joined_record("pump-1", "token", &[], 1)).await.unwrap();
    let found = devices.find_device("pump-1").await.unwrap();
    assert_eq!(
        found.and_then(|device| device.serial_number).as_deref(),
        Some("SN-1"),
        "what this process writes counts at once"
    );
}

#[tokio::test]
async fn whether_a_ca_is_active_is_asked_once_for_the_devices_of_a_minute() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let body = json!({ "caCertificate": Maker::new("Fleet CA").pem(), "certificateMode": "SNI_ONLY" });
    let made = gateway.iot("POST", "/cacertificate?setAsActive=true", &body);
    let id = made["certificateId"].as_str().unwrap();
    let registry = Registry::new(&configured(&gateway).await);
    assert_eq!(registry.ca_is_active(id).await.unwrap(), Some(true));
    gateway.iot("PUT", &format!("/cacertificate/{id}?newStatus=INACTIVE"), &Value::Null);
    assert_eq!(registry.ca_is_active(id).await.unwrap(), Some(true), "it is remembered");
    let other = Registry::new(&configured(&gateway).await);
    assert_eq!(other.ca_is_active(id).await.unwrap(), Some(false), "whoever asks for the first time");
}

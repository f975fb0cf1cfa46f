//! Authorization with the sample events, and with each table failing.

use super::*;
use fleet::authorization::{Algorithm, FleetKey, KeyStatus};
use fleet::fakes::{Faults, Lists, Moment};
use serde_json::Value;

pub(super) const MQTT: &str = include_str!("../../../../events/device-authorizer-mqtt.json");
const WEBSOCKET: &str = include_str!("../../../../events/device-authorizer-websocket.json");
const HTTPS: &str = include_str!("../../../../events/device-authorizer-https.json");
const X509: &str = include_str!("../../../../events/device-authorizer-x509.json");
const NO_TOKEN: &str = include_str!("../../../../events/device-authorizer-no-token.json");
const ES256: &str = include_str!("../../../../shared/fleet/tests/tokens/es256.pem");
const RS256: &str = include_str!("../../../../shared/fleet/tests/tokens/rs256.pem");
/// An hour after the tokens of the samples were issued, and 23 hours before they expire.
pub(super) const NOW: i64 = 1_764_003_600_000;

pub(super) fn rules() -> Rules {
    Rules {
        audience: "drydock-fleet".into(),
        iot_arn: "arn:aws:iot:us-east-1:123456789012".into(),
        refresh_seconds: 900,
    }
}

pub(super) fn lists() -> Lists {
    let key = |algorithm, pem| FleetKey::new(algorithm, KeyStatus::Active, pem).unwrap();
    Lists {
        keys: [
            ("fleet-es256".to_owned(), key(Algorithm::Es256, ES256)),
            ("fleet-rs256".to_owned(), key(Algorithm::Rs256, RS256)),
        ]
        .into(),
        ..Lists::default()
    }
}

async fn decide(lists: &Lists, event: &str, now: i64) -> PortResult<Verdict> {
    let event: AuthorizerRequest = serde_json::from_str(event).unwrap();
    authorize(&Ports { keys: lists, block_list: lists }, &rules(), &event, now).await
}

async fn denied(lists: &Lists, event: &str, now: i64) -> &'static str {
    match decide(lists, event, now).await.unwrap() {
        Verdict::Denied(denial) => denial.code(),
        Verdict::Granted(grant) => panic!("{grant:?}"),
    }
}

#[tokio::test]
async fn every_transport_brings_its_token() {
    for (event, principal) in [
        (MQTT, "charger0001"),
        (WEBSOCKET, "charger0001"),
        (HTTPS, "charger0001"),
        (X509, "8f4a2c9be1d07c3a5f61b0e94d7a8823c6b5190fe2d34a7781c0459e6ab3d27f"),
    ] {
        let Verdict::Granted(grant) = decide(&lists(), event, NOW).await.unwrap() else { panic!("{event}") };
        assert_eq!(grant.thing_name, "charger-0001");
        let answer = serde_json::to_value(response(grant)).unwrap();
        assert_eq!(answer["isAuthenticated"], true);
        assert_eq!(answer["principalId"], principal);
        assert_eq!(answer["disconnectAfterInSeconds"], 23 * 3600);
        assert_eq!(answer["refreshAfterInSeconds"], 900);
        assert!(answer["policyDocuments"].as_array().is_some_and(|documents| documents.iter().all(Value::is_object)));
    }
}

#[tokio::test]
async fn a_denial_is_an_answer() {
    assert_eq!(denied(&lists(), NO_TOKEN, NOW).await, "NoToken");
    assert_eq!(denied(&lists(), &MQTT.replace("\"password\": \"ZXlK", "\"password\": \"AAAA"), NOW).await, "Malformed");
    assert_eq!(denied(&Lists::default(), MQTT, NOW).await, "UnknownKey");
    assert_eq!(denied(&lists(), MQTT, NOW + 24 * 3_600_000).await, "Expired");
    assert_eq!(denied(&lists(), &MQTT.replace("charger-0001", "charger-0002"), NOW).await, "WrongClientId");
    for (entry, why) in [("thing#charger-0001", "stolen"), ("token#t-1", "leaked")] {
        let lists = Lists { blocked: [(entry.to_owned(), why.to_owned())].into(), ..lists() };
        let verdict = decide(&lists, MQTT, NOW).await.unwrap();
        assert_eq!(verdict, Verdict::Denied(Denial::Blocked { entry: entry.into(), why: why.into() }));
    }
}

#[tokio::test]
async fn what_cannot_be_found_out_is_an_error() {
    let faults = Faults::default();
    let lists = Lists { faults: faults.clone(), ..lists() };
    for (call, operation) in [(0, "FindKey"), (1, "FindBlocked"), (2, "FindBlocked")] {
        faults.restart();
        faults.fail(call, Moment::Before);
        assert_eq!(decide(&lists, MQTT, NOW).await.unwrap_err().operation, operation);
    }
    faults.restart();
    assert!(matches!(decide(&lists, MQTT, NOW).await, Ok(Verdict::Granted(_))));
}

#[tokio::test]
async fn a_stranger_makes_the_function_ask_for_a_key_at_the_most() {
    let lists = lists();
    assert_eq!(denied(&lists, &MQTT.replace("charger-0001", "charger-0002"), NOW).await, "WrongClientId");
    assert_eq!(denied(&lists, NO_TOKEN, NOW).await, "NoToken");
    assert_eq!(lists.faults.calls(), ["FindKey"]);
}

#[tokio::test]
async fn what_a_device_makes_up_is_denied_and_no_failure() {
    let mut sent: Value = serde_json::from_str(MQTT).unwrap();
    for (pointer, value) in [
        ("/protocolData/mqtt/password", Value::Null),
        ("/protocolData/mqtt/password", "not base64!".into()),
        ("/protocolData", Value::Null),
        ("/connectionMetadata/id", Value::Null),
        ("/signatureVerified", Value::Null),
        ("/protocols", Value::Null),
    ] {
        *sent.pointer_mut(pointer).unwrap() = value;
        assert_eq!(denied(&lists(), &sent.to_string(), NOW).await, "NoToken", "{pointer}");
    }
    let headers =
        r#"{"protocolData":{"http":{"headers":{"Host":null,"authorization":"Bearer x"},"queryString":null}}}"#;
    assert_eq!(denied(&lists(), headers, NOW).await, "Malformed");
}

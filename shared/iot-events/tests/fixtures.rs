//! Each event type against its fixtures in `events/`: what is read and written again is what AWS sent.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use iot_events::{
    AuditEnded, AuthorizerRequest, AuthorizerResponse, CertificateRegistered, CertificateStatus, DisconnectReason,
    JobsEvent, PreProvisioning, PreProvisioningAnswer, Presence, RuleFailure, SqsBatch, TelemetryEnvelope,
    ViolationEvent,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::Path;

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(name);
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

/// Reads the fixture as `T` and checks that writing it loses nothing, and that a field of tomorrow does no harm.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str) -> T {
    let sent = fixture(name);
    let event: T = serde_json::from_value(sent.clone()).unwrap();
    assert_eq!(serde_json::to_value(&event).unwrap(), sent, "{name}");
    let mut later = sent;
    later.as_object_mut().unwrap().insert("fieldOfTomorrow".into(), json!({"any": [1, null]}));
    assert_eq!(serde_json::from_value::<T>(later).unwrap(), event, "{name} with an unknown field");
    event
}

#[test]
fn authorizer_request() {
    let event: AuthorizerRequest = round_trip("device-authorizer-mqtt.json");
    let mqtt = event.protocol_data.mqtt.unwrap();
    assert!(mqtt.password.unwrap().starts_with(b"ey"), "the password is decoded");
    let event: AuthorizerRequest = round_trip("device-authorizer-https.json");
    let http = event.protocol_data.http.unwrap();
    assert!(http.header("authorization").unwrap().starts_with("Bearer "));
    assert_eq!((http.query_string.as_deref(), event.protocol_data.mqtt), (Some("?qos=1"), None));
    let event: AuthorizerRequest = round_trip("device-authorizer-websocket.json");
    assert!(event.signature_verified && event.token.is_some());
    let event: AuthorizerRequest = round_trip("device-authorizer-x509.json");
    assert!(event.protocol_data.tls.unwrap().x509_certificate_pem.is_some());
    let event: AuthorizerRequest = round_trip("device-authorizer-no-token.json");
    assert_eq!((event.token, event.protocol_data.mqtt.unwrap().password), (None, None));
}

#[test]
fn authorizer_response() {
    assert_eq!(serde_json::to_value(AuthorizerResponse::denied()).unwrap(), json!({"isAuthenticated": false}));
    let answer = json!({"isAuthenticated": true, "principalId": "charger0001", "policyDocuments": [{"Statement": []}],
        "disconnectAfterInSeconds": 3600, "refreshAfterInSeconds": 300});
    let read: AuthorizerResponse = serde_json::from_value(answer.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), answer);
}

#[test]
fn certificate_registered() {
    let event: CertificateRegistered = round_trip("jit-registration-first-connection.json");
    assert_eq!(event.certificate_status, CertificateStatus::PendingActivation);
    assert_eq!(event.certificate_registration_timestamp, Some(1_764_000_000_000));
    let again: CertificateRegistered = round_trip("jit-registration-presented-again.json");
    assert_eq!(again.certificate_registration_timestamp, None);
}

#[test]
fn certificate_registration_time_in_each_form_seen() {
    for (form, expected) in [(json!("17"), Some(17)), (json!(17), Some(17)), (Value::Null, None)] {
        let mut sent = fixture("jit-registration-first-connection.json");
        sent["certificateRegistrationTimestamp"] = form;
        let event: CertificateRegistered = serde_json::from_value(sent).unwrap();
        assert_eq!(event.certificate_registration_timestamp, expected);
    }
    let mut sent = fixture("jit-registration-first-connection.json");
    sent.as_object_mut().unwrap().remove("certificateRegistrationTimestamp");
    let event: CertificateRegistered = serde_json::from_value(sent.clone()).unwrap();
    assert_eq!(event.certificate_registration_timestamp, None);
    sent["certificateRegistrationTimestamp"] = json!("yesterday");
    let error = serde_json::from_value::<CertificateRegistered>(sent).unwrap_err().to_string();
    assert!(error.contains("yesterday"), "{error}");
}

#[test]
fn pre_provisioning() {
    let event: PreProvisioning = round_trip("provisioning-hook-known-serial.json");
    assert_eq!(event.parameters.get("SerialNumber").map(String::as_str), Some("SN-0001"));
    let _: PreProvisioning = round_trip("provisioning-hook-no-serial.json");
    // Source: "Pre-provisioning hook return value".
    let answer = PreProvisioningAnswer { allow_provisioning: true, ..Default::default() };
    assert_eq!(serde_json::to_value(&answer).unwrap(), json!({"allowProvisioning": true}));
}

#[test]
fn presence() {
    assert!(
        matches!(round_trip("connectivity-connected.json"), Presence::Connected(event) if event.version_number == 0)
    );
    assert!(matches!(
        round_trip("connectivity-connected-exclusive-thing.json"),
        Presence::Connected(event) if event.thing_name.as_deref() == Some("charger-0001")
    ));
    assert!(matches!(
        round_trip("connectivity-disconnected.json"),
        Presence::Disconnected(event) if event.disconnect_reason == Some(DisconnectReason::MqttKeepAliveTimeout)
    ));
    assert!(matches!(
        round_trip("connectivity-disconnected-takeover.json"),
        Presence::Disconnected(event) if event.disconnect_reason == Some(DisconnectReason::DuplicateClientId)
    ));
    assert!(matches!(
        round_trip("connectivity-connect-failed.json"),
        Presence::ConnectFailed(event) if event.connect_failure_reason == "AUTHORIZATION_FAILED"
    ));
}

#[test]
fn an_unknown_disconnect_reason_is_kept_and_an_unknown_event_is_refused() {
    let mut sent = fixture("connectivity-disconnected.json");
    sent["disconnectReason"] = json!("SOMETHING_NEW");
    let event: Presence = serde_json::from_value(sent.clone()).unwrap();
    let Presence::Disconnected(inner) = &event else { panic!("{event:?}") };
    assert_eq!(inner.disconnect_reason, Some(DisconnectReason::Other("SOMETHING_NEW".into())));
    assert_eq!(serde_json::to_value(&event).unwrap(), sent);
    sent["eventType"] = json!("subscribed");
    assert!(serde_json::from_value::<Presence>(sent).is_err());
}

#[test]
fn every_disconnect_reason_is_spelt_as_aws_spells_it() {
    // The table of disconnect reasons in "Lifecycle events".
    for text in [
        "AUTH_ERROR",
        "CLIENT_INITIATED_DISCONNECT",
        "CLIENT_ERROR",
        "CONNECTION_LOST",
        "DUPLICATE_CLIENTID",
        "FORBIDDEN_ACCESS",
        "MQTT_KEEP_ALIVE_TIMEOUT",
        "SERVER_ERROR",
        "SERVER_INITIATED_DISCONNECT",
        "API_INITIATED_DISCONNECT",
        "THROTTLED",
        "WEBSOCKET_TTL_EXPIRATION",
        "CUSTOMAUTH_TTL_EXPIRATION",
    ] {
        let reason: DisconnectReason = serde_json::from_value(json!(text)).unwrap();
        assert!(!matches!(reason, DisconnectReason::Other(_)), "{text}");
        assert_eq!(reason.as_str(), text);
        assert_eq!(serde_json::to_value(&reason).unwrap(), json!(text));
    }
}

#[test]
fn telemetry() {
    let event: TelemetryEnvelope = round_trip("telemetry-reading.json");
    let reading: Value = serde_json::from_slice(&event.payload).unwrap();
    assert_eq!(reading["temperature"], json!(41.5));
    let odd: TelemetryEnvelope = round_trip("telemetry-not-json.json");
    assert_eq!(odd.payload.last(), Some(&0xff));
    let mut sent = fixture("telemetry-reading.json");
    sent["payload"] = json!("{}");
    assert!(serde_json::from_value::<TelemetryEnvelope>(sent).unwrap_err().to_string().contains("not base64"));
}

#[test]
fn jobs() {
    let completed: JobsEvent = round_trip("job-orchestration-job-completed.json");
    let JobsEvent::Job(event) = &completed else { panic!("{completed:?}") };
    assert_eq!((completed.job_id(), event.operation.as_str()), ("release-fw-2-w1", "completed"));
    assert_eq!(event.job_process_details.get("numberOfSucceededThings"), Some(&2));
    let canceled: JobsEvent = round_trip("job-orchestration-job-canceled.json");
    assert!(matches!(&canceled, JobsEvent::Job(event) if event.comment.is_some()), "{canceled:?}");
    let failed: JobsEvent = round_trip("job-orchestration-execution-failed.json");
    let JobsEvent::JobExecution(event) = &failed else { panic!("{failed:?}") };
    assert_eq!((failed.job_id(), event.thing_name()), ("release-fw-2-w1", Some("charger-0002")));
    let mut sent = fixture("job-orchestration-execution-failed.json");
    sent["statusDetails"] = Value::Null;
    let event: JobsEvent = serde_json::from_value(sent.clone()).unwrap();
    assert!(matches!(event, JobsEvent::JobExecution(event) if event.status_details.is_empty()));
    sent["thingArn"] = json!("charger-0002");
    let event: JobsEvent = serde_json::from_value(sent).unwrap();
    assert!(matches!(event, JobsEvent::JobExecution(event) if event.thing_name().is_none()));
}

#[test]
fn rule_failure() {
    let event: RuleFailure = round_trip("rule-error-lambda-refused.json");
    assert_eq!(event.original_payload, br#"{"temperature":41.5}"#);
    assert_eq!(event.failures[0].failed_action, "LambdaAction");
}

#[test]
fn sqs_batch() {
    let batch: SqsBatch = serde_json::from_value(fixture("connectivity-settle-batch.json")).unwrap();
    let again: SqsBatch = serde_json::from_value(serde_json::to_value(&batch).unwrap()).unwrap();
    assert_eq!(again, batch);
    assert_eq!(batch.records[1].body, "not json");
    let mut response = iot_events::BatchResponse::default();
    assert_eq!(serde_json::to_value(&response).unwrap(), json!({"batchItemFailures": []}));
    response.retry(&batch.records[1]);
    assert_eq!(
        serde_json::to_value(&response).unwrap(),
        json!({"batchItemFailures": [{"itemIdentifier": batch.records[1].message_id}]})
    );
}

#[test]
fn defender() {
    let body = |name: &str| -> Value {
        let batch: SqsBatch = serde_json::from_value(fixture(name)).unwrap();
        serde_json::from_str(&batch.records.first().unwrap().body).unwrap()
    };
    let ended: AuditEnded = serde_json::from_value(body("defender-audit-ended.json")).unwrap();
    assert_eq!(ended.audit_details.first().unwrap().non_compliant_resources_count, 1);
    let failed: AuditEnded = serde_json::from_value(body("defender-audit-failed.json")).unwrap();
    assert_eq!(failed.audit_details.first().unwrap().error_code.as_deref(), Some("INSUFFICIENT_PERMISSIONS"));
    let sent = body("defender-response-in-alarm.json");
    let event: ViolationEvent = serde_json::from_value(sent.clone()).unwrap();
    assert_eq!(serde_json::to_value(&event).unwrap(), sent, "what is read and written again is what AWS sent");
    let cleared: ViolationEvent = serde_json::from_value(body("defender-response-cleared.json")).unwrap();
    assert_eq!((cleared.violation_event_type.as_str(), &cleared.violation_id), ("alarm-cleared", &event.violation_id));
}

//! Refusals in the form that their callers read: clients of the query protocol read XML, those of the JSON protocols a name in the body, whoever refuses them.

use drydock_tests::gateway::{Gateway, Place, SMALL, authorization};
use drydock_tests::http::Answer;
use std::fs;

/// A request in the query protocol.
fn query(gateway: &Gateway<'_>, region: &str, service: &str, action: &str) -> Answer {
    let signed = authorization(region, service);
    let headers =
        [("authorization", signed.as_str()), ("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    gateway.send("POST", "/", &headers, format!("Action={action}&Version=2010-03-31").as_bytes())
}

/// Asserts that an answer is an error in XML, with this code, and that its message has this in it.
fn xml(answer: &Answer, status: u16, code: &str, message: &str) {
    let body = &answer.body;
    assert!(
        answer.status == status
            && answer.header("content-type").starts_with("text/xml")
            && body.starts_with("<ErrorResponse")
            && body.contains(&format!("<Code>{code}</Code>"))
            && body.contains(message)
            && body.contains("<RequestId>"),
        "expected {status} {code} with `{message}`, got {} {}\n{body}",
        answer.status,
        answer.header("content-type"),
    );
}

#[test]
fn whoever_refuses_a_client_does_so_in_its_protocol() {
    let place = Place::new(SMALL);
    fs::write(place.path().join("drydock.toml"), "[faults]\nseed = 1\nsts = { fail = 1.0 }\n").unwrap();
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let here = "us-east-1";
    xml(&query(&gateway, here, "elasticbeanstalk", "ListPlatforms"), 501, "NotImplemented", "elasticbeanstalk");
    xml(&query(&gateway, here, "sns", "Dance"), 501, "NotImplemented", "Dance");
    xml(&query(&gateway, here, "sts", "GetCallerIdentity"), 500, "InternalFailure", "drydock.toml");
    let signed = authorization(here, "kinesis");
    let headers = [
        ("authorization", signed.as_str()),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "Kinesis_20131202.ListStreams"),
    ];
    let unknown = gateway.send("POST", "/", &headers, b"{}");
    unknown.refused(501, "NotImplementedException", "kinesis");
    assert!(unknown.body.contains("\"__type\":\"NotImplementedException\""), "{}", unknown.body);
}

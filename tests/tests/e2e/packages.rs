//! The software package catalog over HTTP, with bills of materials in S3, and over a kill. What becomes of packages and their
//! versions has cases of its own (`shared/gateway/packages/cases`).

use drydock_tests::gateway::{Gateway, Place, SMALL};
use serde_json::{Value, json};
use std::io::{Cursor, Write};

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];
const TOKEN: &str = "3f2b1c9e-7a54-4b0e-9d7a-5f0c2f6f8a11";

fn arn(resource: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{resource}")
}

/// Makes the package `lamp`, and publishes its version `1.0`.
fn lamp(gateway: &Gateway<'_>) {
    gateway.iot("PUT", "/packages/lamp", &json!({ "description": "Firmware", "tags": { "team": "light" } }));
    let version = json!({ "attributes": { "os": "rtos" }, "recipe": "{\"steps\": []}", "tags": { "team": "boot" } });
    let made = gateway.iot("PUT", "/packages/lamp/versions/1.0", &version);
    assert_eq!(
        (&made["status"], &made["packageVersionArn"]),
        (&json!("DRAFT"), &json!(arn("package/lamp/version/1.0")))
    );
    gateway.iot("PATCH", "/packages/lamp/versions/1.0", &json!({ "action": "PUBLISH" }));
    gateway.iot("PATCH", "/packages/lamp", &json!({ "defaultVersionName": "1.0" }));
}

fn tags(gateway: &Gateway<'_>, resource: &str) -> Value {
    gateway.iot("GET", &format!("/tags?resourceArn={}", arn(resource).replace('/', "%2F")), &Value::Null)["tags"]
        .clone()
}

fn archive(files: &[(&str, &Value)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content.to_string().as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_kill_loses_nothing_of_the_catalog() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    lamp(&gateway);
    let role = arn("role/r").replace("iot:us-east-1", "iam:");
    let config = json!({ "versionUpdateByJobsConfig": { "enabled": true, "roleArn": role } });
    gateway.iot("PATCH", "/package-configuration", &config);
    let once = format!("/packages/other?clientToken={TOKEN}");
    gateway.iot("PUT", &once, &json!({ "tags": { "a": "b" } }));
    gateway.kill();

    let gateway = place.up(&DURABLE);
    let package = gateway.iot("GET", "/packages/lamp", &Value::Null);
    assert_eq!((&package["defaultVersionName"], &package["description"]), (&json!("1.0"), &json!("Firmware")));
    let version = gateway.iot("GET", "/packages/lamp/versions/1.0", &Value::Null);
    assert_eq!((&version["status"], &version["attributes"]), (&json!("PUBLISHED"), &json!({ "os": "rtos" })));
    assert_eq!(gateway.iot("GET", "/package-configuration", &Value::Null), config);
    assert_eq!(tags(&gateway, "package/lamp"), json!([{ "Key": "team", "Value": "light" }]));
    assert_eq!(tags(&gateway, "package/lamp/version/1.0"), json!([{ "Key": "team", "Value": "boot" }]));

    // The same request again makes nothing, and gives no tag again that was taken away.
    let untag = json!({ "resourceArn": arn("package/other"), "tagKeys": ["a"] });
    gateway.iot("POST", "/untag", &untag);
    assert_eq!(gateway.iot("PUT", &once, &json!({ "tags": { "a": "b" } }))["packageName"], "other");
    assert_eq!(tags(&gateway, "package/other"), json!([]));
    gateway.call("iot", "PUT", &once, &[], &json!({})).refused(409, "ConflictException", "clientToken");

    // Tags go with what had them.
    gateway.iot_answer("DELETE", "/packages/lamp/versions/1.0").refused(400, "ValidationException", "default version");
    gateway.iot("PATCH", "/packages/lamp", &json!({ "unsetDefaultVersion": true }));
    gateway.iot("DELETE", "/packages/lamp/versions/1.0", &Value::Null);
    gateway.iot("DELETE", "/packages/lamp", &Value::Null);
    gateway.iot_answer("GET", "/packages/lamp").refused(404, "ResourceNotFoundException", "lamp");
    gateway.iot("PUT", "/packages/lamp", &json!({}));
    gateway.iot("PUT", "/packages/lamp/versions/1.0", &json!({}));
    assert_eq!(tags(&gateway, "package/lamp"), json!([]));
    assert_eq!(tags(&gateway, "package/lamp/version/1.0"), json!([]));
    let list = gateway.iot("GET", "/packages", &Value::Null);
    let names: Vec<_> = list["packageSummaries"].as_array().unwrap().iter().map(|one| &one["packageName"]).collect();
    assert_eq!(names, ["lamp", "other"]);
}

#[test]
fn bills_of_materials_are_read_from_s3() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    lamp(&gateway);
    let sbom = |key: &str| json!({ "sbom": { "s3Location": { "bucket": "bills", "key": key } } });
    let associate = |key: &str| gateway.call("iot", "PUT", "/packages/lamp/versions/1.0/sbom", &[], &sbom(key));
    associate("a.zip").refused(400, "ValidationException", "no bucket `bills`");
    assert_eq!(gateway.s3("PUT", "/bills", &[], b"").status, 200);
    associate("a.zip").refused(400, "ValidationException", "no object `a.zip`");
    let good =
        json!({ "bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{ "type": "library", "name": "a" }] });
    let files = archive(&[("good.json", &good), ("bad.json", &json!({ "a": 1 }))]);
    assert_eq!(gateway.s3("PUT", "/bills/a.zip", &[], &files).status, 200);
    let told = associate("a.zip").ok();
    assert_eq!((&told["sbomValidationStatus"], &told["sbom"]), (&json!("IN_PROGRESS"), &sbom("a.zip")["sbom"]));
    let version = gateway.iot("GET", "/packages/lamp/versions/1.0", &Value::Null);
    assert_eq!((&version["sbomValidationStatus"], &version["sbom"]), (&json!("FAILED"), &sbom("a.zip")["sbom"]));
    let results = "/packages/lamp/versions/1.0/sbom-validation-results";
    let told = gateway.iot("GET", &format!("{results}?validationResult=FAILED"), &Value::Null);
    let told = &told["validationResultSummaries"];
    assert_eq!(
        (&told[0]["fileName"], &told[0]["errorCode"], told.as_array().map(Vec::len)),
        (&json!("bad.json"), &json!("INCOMPATIBLE_FORMAT"), Some(1)),
        "{told}"
    );
    assert_eq!(gateway.s3("PUT", "/bills/b.zip", &[], &archive(&[("good.json", &good)])).status, 200);
    associate("b.zip").ok();
    let version = gateway.iot("GET", "/packages/lamp/versions/1.0", &Value::Null);
    assert_eq!(version["sbomValidationStatus"], "SUCCEEDED");
    gateway.iot("DELETE", "/packages/lamp/versions/1.0/sbom", &Value::Null);
    assert_eq!(gateway.iot("GET", results, &Value::Null)["validationResultSummaries"], json!([]));
    gateway.iot_answer("DELETE", "/packages/lamp/versions/1.0/sbom").refused(404, "ResourceNotFoundException", "1.0");
}

#[test]
fn a_job_that_succeeds_tells_what_it_has_installed() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    lamp(&gateway);
    let artifact = json!({ "s3Location": { "bucket": "firmware", "key": "lamp-2.bin" } });
    let version = json!({ "attributes": { "build": "7" }, "artifact": artifact });
    gateway.iot("PUT", "/packages/lamp/versions/2.0", &version);
    assert_eq!(gateway.s3("PUT", "/firmware", &[], b"").status, 200);
    assert_eq!(gateway.s3("PUT", "/firmware/lamp-2.bin", &[], b"second").status, 200);
    gateway.iot("POST", "/things/hall", &json!({}));
    let role = arn("role/r").replace("iot:us-east-1", "iam:");
    let job = |version: &str| {
        json!({
            "targets": [arn("thing/hall")],
            "destinationPackageVersions": [arn(&format!("package/lamp/version/{version}"))],
            "presignedUrlConfig": { "roleArn": role },
            "document": json!({
                "build": "${aws:iot:package::version::attributes:build}",
                "url": "${aws:iot:package:lamp:version:2.0:artifact-location:s3-presigned-url}",
            }).to_string(),
        })
    };
    let create = |name: &str, version: &str| gateway.call("iot", "PUT", &format!("/jobs/{name}"), &[], &job(version));
    create("second", "2.0").refused(400, "InvalidRequestException", "DRAFT");
    create("second", "9").refused(404, "ResourceNotFoundException", "no version `9`");
    gateway.iot("PATCH", "/packages/lamp/versions/2.0", &json!({ "action": "PUBLISH" }));
    create("second", "1.0").refused(400, "InvalidRequestException", "attribute `build`");

    let mut watch = gateway.observer(&["$aws/things/hall/shadow/name/$package/update/documents"]);
    let config = |enabled: bool| json!({ "versionUpdateByJobsConfig": { "enabled": enabled, "roleArn": role } });
    gateway.iot("PATCH", "/package-configuration", &config(true));
    let mut hall = gateway.connect(&gateway.free_device("hall"));
    hall.subscribe("$aws/things/hall/jobs/#");
    let mut install = |name: &str, body: &Value| {
        gateway.iot("PUT", &format!("/jobs/{name}"), body);
        hall.publish(&format!("$aws/things/hall/jobs/{name}/get"), "{}").unwrap();
        let got = hall.receive(&format!("$aws/things/hall/jobs/{name}/get/accepted")).json();
        hall.publish(&format!("$aws/things/hall/jobs/{name}/update"), json!({ "status": "SUCCEEDED" }).to_string())
            .unwrap();
        hall.receive(&format!("$aws/things/hall/jobs/{name}/update/accepted"));
        got["execution"]["jobDocument"].clone()
    };
    let plain = |version: &str| {
        json!({
            "targets": [arn("thing/hall")], "document": "{}",
            "destinationPackageVersions": [arn(&format!("package/lamp/version/{version}"))],
        })
    };
    install("first", &plain("$default"));
    let told = watch.receive("$aws/things/hall/shadow/name/$package/update/documents").json();
    assert_eq!(
        told["current"]["state"]["reported"],
        json!({ "lamp": { "version": "1.0", "attributes": { "os": "rtos" } } }),
        "{told}"
    );
    let document = install("second", &job("2.0"));
    assert_eq!(document["build"], "7", "{document}");
    assert_eq!(gateway.follow(document["url"].as_str().unwrap()).body, "second", "{document}");
    let told = watch.receive("$aws/things/hall/shadow/name/$package/update/documents").json();
    assert_eq!(
        told["current"]["state"]["reported"],
        json!({ "lamp": { "version": "2.0", "attributes": { "build": "7" } } }),
        "the attributes of the version before are gone: {told}"
    );
    gateway.kill();

    let gateway = place.up(&DURABLE);
    let described = gateway.iot("GET", "/jobs/second", &Value::Null);
    assert_eq!(described["job"]["destinationPackageVersions"], json!([arn("package/lamp/version/2.0")]));
    let shadow = gateway.call("iotdata", "GET", "/things/hall/shadow?name=%24package", &[], &Value::Null).ok();
    assert_eq!((&shadow["state"]["reported"]["lamp"]["version"], &shadow["version"]), (&json!("2.0"), &json!(2)));
}

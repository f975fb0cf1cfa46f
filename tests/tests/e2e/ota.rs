//! OTA updates: from a file in S3 over its signature, its stream and its job to the devices that take it.

use crate::signer::{holds, profile, versioned};
use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use serde_json::{Value, json};

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];
const ROLE: &str = "arn:aws:iam::123456789012:role/ota";

fn arn(resource: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{resource}")
}

fn file(version: &str, signing: &Value) -> Value {
    json!({
        "fileName": "/firmware/app.bin", "fileType": 0, "fileVersion": "2",
        "fileLocation": { "s3Location": { "bucket": "images", "key": "app.bin", "version": version } },
        "codeSigning": signing,
    })
}

fn custom() -> Value {
    json!({ "customCodeSigning": {
        "signature": { "inlineDocument": "c2lnbmF0dXJl" }, "certificateChain": { "certificateName": "/certs/code.crt" },
        "hashAlgorithm": "SHA256", "signatureAlgorithm": "ECDSA",
    } })
}

fn create(gateway: &Gateway<'_>, id: &str, files: &Value, more: &Value) -> Value {
    let mut body = json!({ "targets": [arn("thing/a")], "files": files, "roleArn": ROLE });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    gateway.iot("POST", &format!("/otaUpdates/{id}"), &body)
}

fn described(gateway: &Gateway<'_>, id: &str) -> Value {
    gateway.iot("GET", &format!("/otaUpdates/{id}"), &Value::Null)["otaUpdateInfo"].clone()
}

/// The update, once it is made or has failed.
fn made(gateway: &Gateway<'_>, id: &str) -> Value {
    wait_for("an OTA update to be made", || {
        let info = described(gateway, id);
        let status = info["otaUpdateStatus"].as_str().unwrap().to_owned();
        (status == "CREATE_COMPLETE" || status == "CREATE_FAILED").then_some(info)
    })
}

/// The document of the next job of the thing `a`.
fn document(gateway: &Gateway<'_>) -> Value {
    let next = gateway.call("iot-jobs-data", "GET", "/things/a/jobs/$next", &[], &Value::Null).ok();
    serde_json::from_str::<Value>(next["execution"]["jobDocument"].as_str().unwrap()).unwrap()["afr_ota"].clone()
}

#[test]
fn a_device_takes_what_signer_has_signed_over_mqtt_and_http() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    gateway.iot("POST", "/things/a", &json!({}));
    let image: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    let version = versioned(&gateway, "images", "app.bin", &image);
    gateway.s3("PUT", "/signed", &[], b"").ok();
    let signing = json!({ "startSigningJobParameter": {
        "signingProfileName": "fleet", "destination": { "s3Destination": { "bucket": "signed", "prefix": "SignedImages/" } },
        "signingProfileParameter": {
            "platform": "AWSIoTDeviceManagement-SHA256-ECDSA", "certificatePathOnDevice": "/certs/code.crt",
            "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/6a55389b-306b-4e8c-a95c-0123456789ab",
        },
    } });
    let both = json!({ "protocols": ["MQTT", "HTTP"], "description": "two ways" });
    let begun = create(&gateway, "u", &json!([file(&version, &signing)]), &both);
    assert_eq!((&begun["otaUpdateStatus"], &begun["awsIotJobId"]), (&json!("CREATE_PENDING"), &json!("AFR_OTA-u")));
    assert_eq!(begun["otaUpdateArn"], arn("otaupdate/u"));
    let info = made(&gateway, "u");
    assert_eq!(info["otaUpdateStatus"], "CREATE_COMPLETE", "{info}");
    let job = info["otaUpdateFiles"][0]["codeSigning"]["awsSignerJobId"].as_str().unwrap();
    let signed = gateway.s3("GET", &format!("/signed/SignedImages/{job}"), &[], b"").ok();

    let told = document(&gateway);
    let of = &told["files"][0];
    assert_eq!((&told["protocols"], &of["filepath"]), (&json!(["MQTT", "HTTP"]), &json!("/firmware/app.bin")));
    assert_eq!((&of["filesize"], &of["fileid"], &of["fileType"]), (&json!(200_000), &json!(0), &json!(0)));
    assert_eq!((&of["certfile"], &of["auth_scheme"]), (&json!("/certs/code.crt"), &json!("aws.s3.presigned")));
    assert_eq!(of["sig-sha256-ecdsa"], signed["signature"]);
    holds(&place.path().join("state"), &image, of["sig-sha256-ecdsa"].as_str().unwrap());
    let link = of["update_data_url"].as_str().unwrap();
    assert!(link.contains("X-Amz-Expires=1800") && link.contains(&format!("versionId={version}")), "{link}");
    assert_eq!(gateway.follow(link).status, 200);

    let stream = told["streamname"].as_str().unwrap();
    assert!(stream.starts_with("AFR_OTA-"), "{stream}");
    let mut device = gateway.connect(&gateway.free_device("a"));
    let ask = json!({ "f": 0, "l": 65_536, "n": 1, "o": 3 });
    device.publish(&format!("$aws/things/a/streams/{stream}/get/json"), ask.to_string()).unwrap();
    let last = device.receive(&format!("$aws/things/a/streams/{stream}/data/json")).json();
    assert_eq!((&last["i"], &last["l"]), (&json!(3), &json!(200_000 - 3 * 65_536)));
    device.publish("$aws/things/a/jobs/AFR_OTA-u/update", json!({ "status": "SUCCEEDED" }).to_string()).unwrap();
    device.receive("$aws/things/a/jobs/AFR_OTA-u/update/accepted");

    gateway.iot("DELETE", "/otaUpdates/u?deleteStream=true", &Value::Null);
    for path in ["/otaUpdates/u".to_owned(), "/jobs/AFR_OTA-u".to_owned(), format!("/streams/{stream}")] {
        gateway.iot_answer("GET", &path).refused(404, "ResourceNotFoundException", "");
    }
}

#[test]
fn an_update_is_made_as_it_is_asked_for() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    gateway.iot("POST", "/things/a", &json!({}));
    let version = versioned(&gateway, "images", "app.bin", b"image");
    let more = json!({
        "targetSelection": "SNAPSHOT", "awsJobExecutionsRolloutConfig": { "maximumPerMinute": 10 },
        "awsJobAbortConfig": { "abortCriteriaList": [
            { "action": "CANCEL", "failureType": "ALL", "minNumberOfExecutedThings": 1, "thresholdPercentage": 50 },
        ] },
        "awsJobTimeoutConfig": { "inProgressTimeoutInMinutes": 30 }, "additionalParameters": { "a": "b" },
        "tags": [{ "Key": "fleet", "Value": "north" }],
    });
    create(&gateway, "u", &json!([file(&version, &custom())]), &more);
    let info = made(&gateway, "u");
    assert_eq!((&info["otaUpdateStatus"], &info["protocols"]), (&json!("CREATE_COMPLETE"), &json!(["MQTT"])), "{info}");
    assert_eq!(info["additionalParameters"], json!({ "a": "b" }));
    let told = document(&gateway);
    assert_eq!(told["files"][0]["sig-sha256-ecdsa"], "c2lnbmF0dXJl");
    assert_eq!(
        (&told["files"][0]["certfile"], &told["files"][0]["update_data_url"]),
        (&json!("/certs/code.crt"), &Value::Null)
    );
    let job = gateway.iot("GET", "/jobs/AFR_OTA-u", &Value::Null)["job"].clone();
    assert_eq!(job["jobExecutionsRolloutConfig"]["maximumPerMinute"], 10);
    assert_eq!(job["abortConfig"]["criteriaList"][0]["thresholdPercentage"], 50.0);
    assert_eq!(job["timeoutConfig"]["inProgressTimeoutInMinutes"], 30);
    let tags = gateway.iot("GET", &format!("/tags?resourceArn={}", arn("otaupdate/u")), &Value::Null);
    assert_eq!(tags["tags"], json!([{ "Key": "fleet", "Value": "north" }]));

    // A file of a stream that there is.
    let files = json!([{ "fileId": 9, "s3Location": { "bucket": "images", "key": "app.bin", "version": version } }]);
    gateway.iot("POST", "/streams/own", &json!({ "files": files, "roleArn": ROLE }));
    let of_stream = json!([{
        "fileName": "f", "fileLocation": { "stream": { "streamId": "own", "fileId": 9 } }, "codeSigning": custom(),
    }]);
    let refused = gateway.iot_answer("DELETE", "/otaUpdates/u");
    refused.refused(400, "InvalidRequestException", "forceDeleteAWSJob");
    gateway.iot("DELETE", "/otaUpdates/u?forceDeleteAWSJob=true", &Value::Null);
    let left = gateway.iot("GET", "/streams", &Value::Null);
    assert_eq!(left["streams"].as_array().map(Vec::len), Some(2), "its stream stays: {left}");
    create(&gateway, "v", &of_stream, &json!({}));
    made(&gateway, "v");
    let told = document(&gateway);
    assert_eq!((&told["streamname"], &told["files"][0]["fileid"]), (&json!("own"), &json!(9)));
    let listed = gateway.iot("GET", "/otaUpdates?otaUpdateStatus=CREATE_COMPLETE", &Value::Null);
    assert_eq!(listed["otaUpdates"].as_array().map(Vec::len), Some(1), "{listed}");
    gateway.iot("DELETE", "/otaUpdates/v?deleteStream=true&forceDeleteAWSJob=true", &Value::Null);
    gateway.iot("GET", "/streams/own", &Value::Null);
}

#[test]
fn what_cannot_be_made_fails_and_says_why() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    gateway.iot("POST", "/things/a", &json!({}));
    let version = versioned(&gateway, "images", "app.bin", b"image");
    create(&gateway, "no-object", &json!([file("0".repeat(32).as_str(), &custom())]), &json!({}));
    let info = made(&gateway, "no-object");
    assert_eq!(
        (&info["otaUpdateStatus"], &info["errorInfo"]["code"]),
        (&json!("CREATE_FAILED"), &json!("ResourceNotFound"))
    );
    create(&gateway, "no-target", &json!([file(&version, &custom())]), &json!({ "targets": [arn("thing/none")] }));
    let info = made(&gateway, "no-target");
    assert_eq!(info["otaUpdateStatus"], "CREATE_FAILED", "{info}");
    assert!(info["errorInfo"]["message"].as_str().unwrap().contains("thing/none"), "{info}");
    let job = json!({ "awsSignerJobId": "48c67f3c-63bb-4f92-a98a-4ee0fbc2bef6" });
    create(&gateway, "no-job", &json!([file(&version, &job)]), &json!({}));
    assert_eq!(made(&gateway, "no-job")["errorInfo"]["code"], "SigningJobFailed");
    let streams = gateway.iot("GET", "/streams", &Value::Null);
    assert_eq!(streams["streams"], json!([]), "what failed left nothing");
    gateway.iot("DELETE", "/otaUpdates/no-job", &Value::Null);

    let refused = |file: &Value, why: &str| {
        let body = json!({ "targets": [arn("thing/a")], "files": [file], "roleArn": ROLE });
        gateway.call("iot", "POST", "/otaUpdates/w", &[], &body).refused(400, "InvalidRequestException", why);
    };
    let place_of = json!({ "s3Location": { "bucket": "images", "key": "app.bin" } });
    refused(&json!({ "fileName": "f" }), "fileLocation");
    refused(&json!({ "fileLocation": place_of }), "fileName");
    let two = json!({ "awsSignerJobId": "j", "customCodeSigning": {} });
    refused(&json!({ "fileName": "f", "fileLocation": place_of, "codeSigning": two }), "one of awsSignerJobId");
    let md5 = json!({ "customCodeSigning": { "hashAlgorithm": "MD5", "signature": { "inlineDocument": "YQ==" } } });
    refused(&json!({ "fileName": "f", "fileLocation": place_of, "codeSigning": md5 }), "MD5");
}

#[test]
fn a_kill_in_the_middle_leaves_an_update_to_be_made() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    gateway.iot("POST", "/things/a", &json!({}));
    let version = versioned(&gateway, "images", "app.bin", &vec![1; 5_000_000]);
    gateway.s3("PUT", "/signed", &[], b"").ok();
    profile(&gateway, "fleet", "AWSIoTDeviceManagement-SHA256-ECDSA");
    let signing = json!({ "startSigningJobParameter": {
        "signingProfileName": "fleet", "destination": { "s3Destination": { "bucket": "signed" } },
    } });
    create(&gateway, "u", &json!([file(&version, &signing)]), &json!({}));
    gateway.kill();
    let gateway = place.up(&DURABLE);
    let info = made(&gateway, "u");
    assert_eq!(info["otaUpdateStatus"], "CREATE_COMPLETE", "{info}");
    let jobs = gateway.call("signer", "GET", "/signing-jobs", &[], &Value::Null).ok();
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(1), "nothing twice: {jobs}");
    assert_eq!(gateway.iot("GET", "/streams", &Value::Null)["streams"].as_array().map(Vec::len), Some(1));
    assert!(document(&gateway)["files"][0]["sig-sha256-ecdsa"].is_string());
}

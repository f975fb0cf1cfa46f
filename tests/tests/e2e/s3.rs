//! S3 beside AWS IoT, over the port of all services: what clients send, byte by byte.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::http::Answer;
use drydock_tests::sign::Keys;
use std::fs;
use std::time::{Duration, SystemTime};

/// The CRC-32 of `hello world`, in base64.
const CRC: &str = "DUoRhQ==";

/// Asserts that an answer is this error of S3's.
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(answer.body.contains(&format!("<Code>{code}</Code>")), "{}", answer.body);
}

fn ok(answer: Answer) -> Answer {
    assert!(answer.status < 300, "{} {}", answer.status, answer.body);
    answer
}

#[test]
fn objects_are_kept_as_they_were_sent() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--data-dir", "state", "--no-functions"]);
    refused(&gateway.s3("GET", "/inputs/a", &[], b""), 404, "NoSuchBucket");
    ok(gateway.s3("PUT", "/inputs", &[], b""));
    ok(gateway.s3("HEAD", "/inputs", &[], b""));
    refused(&gateway.s3("GET", "/inputs/a", &[], b""), 404, "NoSuchKey");
    refused(&gateway.s3("PUT", "/Not_A_Bucket", &[], b""), 400, "InvalidBucketName");

    let put = ok(gateway.s3(
        "PUT",
        "/inputs/a%20b/..%2Fc",
        &[
            ("x-amz-acl", "private"),
            ("x-amz-meta-who", "me"),
            ("content-type", "text/plain"),
            ("x-amz-checksum-crc32", CRC),
        ],
        b"hello world",
    ));
    assert_eq!(put.header("etag"), "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
    let got = ok(gateway.s3("GET", "/inputs/a%20b/..%2Fc", &[("x-amz-checksum-mode", "ENABLED")], b""));
    assert_eq!(got.body, "hello world");
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-length", "11"),
        ("x-amz-meta-who", "me"),
        ("x-amz-checksum-crc32", "duorhq=="),
        ("etag", "\"5eb63bbbe01eeed093cb22bb8f5acdc3\""),
    ] {
        assert_eq!(got.header(name), value, "{name}: {}", got.head);
    }
    let part = gateway.s3("GET", "/inputs/a%20b/..%2Fc", &[("range", "bytes=6-")], b"");
    assert_eq!((part.status, part.body.as_str(), part.header("content-range")), (206, "world", "bytes 6-10/11"));
    let part = gateway.s3("GET", "/inputs/a%20b/..%2Fc", &[("range", "bytes=-5")], b"");
    assert_eq!((part.status, part.body.as_str()), (206, "world"));
    refused(&gateway.s3("GET", "/inputs/a%20b/..%2Fc", &[("range", "bytes=11-")], b""), 416, "InvalidRange");
    let same =
        gateway.s3("GET", "/inputs/a%20b/..%2Fc", &[("if-none-match", "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"")], b"");
    assert_eq!((same.status, same.body.as_str()), (304, ""));
    refused(&gateway.s3("PUT", "/inputs/a%20b/..%2Fc", &[("if-none-match", "*")], b"x"), 412, "PreconditionFailed");
    refused(
        &gateway.s3("PUT", "/inputs/wrong", &[("x-amz-checksum-crc32", "AAAAAA==")], b"hello world"),
        400,
        "BadDigest",
    );
    refused(&gateway.s3("PUT", "/inputs/tagged", &[("x-amz-tagging", "a=b")], b""), 501, "NotImplemented");

    // What is in its way is a file to others; here keys are texts.
    ok(gateway.s3("PUT", "/inputs/dir", &[], b"1"));
    ok(gateway.s3("PUT", "/inputs/dir/file", &[], b"2"));
    assert_eq!(gateway.s3("GET", "/inputs/dir", &[], b"").body, "1");
    gateway.kill();

    let gateway = place.up(&["--data-dir", "state", "--no-functions"]);
    let got = ok(gateway.s3("GET", "/inputs/a%20b/..%2Fc", &[], b""));
    assert_eq!((got.body.as_str(), got.header("x-amz-meta-who")), ("hello world", "me"), "after a kill");
    assert_eq!(gateway.s3("GET", "/inputs/wrong", &[], b"").status, 404);
    refused(&gateway.s3("DELETE", "/inputs", &[], b""), 409, "BucketNotEmpty");
    let all = "<Delete><Object><Key>a b/../c</Key></Object><Object><Key>dir</Key></Object><Object><Key>nothing</Key></Object></Delete>";
    let deleted = ok(gateway.s3("POST", "/inputs?delete", &[], all.as_bytes()));
    assert_eq!(deleted.body.matches("<Deleted>").count(), 3, "{}", deleted.body);
    assert_eq!(ok(gateway.s3("DELETE", "/inputs/dir/file", &[], b"")).status, 204);
    assert_eq!(ok(gateway.s3("DELETE", "/inputs", &[], b"")).status, 204);
    let left = fs::read_dir(place.path().join("state/s3")).unwrap().count();
    assert_eq!(left, 0, "the files went with their objects");
}

#[test]
fn lists_have_pages_and_folders() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    ok(gateway.s3("PUT", "/lists", &[], b""));
    for key in ["a", "b/1", "b/2", "b0", "c/1", "d"] {
        ok(gateway.s3("PUT", &format!("/lists/{key}"), &[], b""));
    }
    let texts = |xml: &str, tag: &str| -> Vec<String> {
        let opening = format!("<{tag}>");
        let found = xml.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("</").next());
        found.map(str::to_owned).collect()
    };
    let (mut token, mut keys, mut folders) = (String::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        let path = format!("/lists?list-type=2&delimiter=%2F&max-keys=2{token}");
        let page = ok(gateway.s3("GET", &path, &[], b"")).body;
        keys.extend(texts(&page, "Key"));
        folders.extend(texts(&page, "Prefix").into_iter().filter(|prefix| !prefix.is_empty()));
        match texts(&page, "NextContinuationToken").pop() {
            Some(next) => token = format!("&continuation-token={next}"),
            None => break,
        }
    }
    assert_eq!((keys, folders), (vec!["a".into(), "b0".into(), "d".into()], vec!["b/".into(), "c/".into()]));
    let below = ok(gateway.s3("GET", "/lists?list-type=2&prefix=b%2F&start-after=b%2F1", &[], b"")).body;
    assert_eq!(texts(&below, "Key"), ["b/2"]);
    let first = ok(gateway.s3("GET", "/lists?max-keys=1&marker=a", &[], b"")).body;
    assert_eq!((texts(&first, "Key"), texts(&first, "IsTruncated")), (vec!["b/1".into()], vec!["true".into()]));
    refused(&gateway.s3("GET", "/lists?list-type=2&continuation-token=%21", &[], b""), 400, "InvalidArgument");
}

#[test]
fn a_bucket_may_be_in_the_host() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    ok(gateway.s3("PUT", "/", &[("host", "inputs.s3.localhost:4566")], b""));
    ok(gateway.s3("PUT", "/k", &[("host", "inputs.s3.us-east-1.localhost")], b"1"));
    ok(gateway.s3("PUT", "/l", &[("host", "inputs.localhost:4566")], b"2"));
    assert_eq!(ok(gateway.s3("GET", "/inputs/k", &[], b"")).body, "1");
    assert_eq!(ok(gateway.s3("GET", "/inputs/l", &[("host", "localhost:4566")], b"")).body, "2");
    // Unsigned, the host alone says what it is for.
    assert_eq!(ok(gateway.send("GET", "/k", &[("host", "inputs.s3.localhost")], b"")).body, "1");
    let elsewhere = drydock_tests::gateway::authorization("eu-west-1", "s3");
    refused(&gateway.send("GET", "/inputs/k", &[("authorization", &elsewhere)], b""), 404, "NoSuchBucket");
}

#[test]
fn chunks_with_a_trailer_become_an_object() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    ok(gateway.s3("PUT", "/inputs", &[], b""));
    let headers = [
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", "11"),
        ("content-encoding", "gzip,aws-chunked"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    let body = |crc: &str| format!("5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n");
    let put = ok(gateway.s3("PUT", "/inputs/k", &headers, body(CRC).as_bytes()));
    assert_eq!(put.header("x-amz-checksum-crc32"), CRC.to_lowercase());
    let got = ok(gateway.s3("GET", "/inputs/k", &[], b""));
    assert_eq!((got.body.as_str(), got.header("content-encoding")), ("hello world", "gzip"));
    refused(&gateway.s3("PUT", "/inputs/l", &headers, body("AAAAAA==").as_bytes()), 400, "BadDigest");
    refused(&gateway.s3("PUT", "/inputs/l", &headers, b"5\r\nhello"), 400, "IncompleteBody");
    refused(&gateway.s3("PUT", "/inputs/l", &headers, b"1\r\na\r\n0\r\n\r\n"), 400, "InvalidRequest");
    assert_eq!(gateway.s3("GET", "/inputs/l", &[], b"").status, 404);
}

#[test]
fn parts_become_one_object() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--data-dir", "state", "--no-functions"]);
    ok(gateway.s3("PUT", "/inputs", &[], b""));
    let begun = ok(gateway.s3("POST", "/inputs/big?uploads", &[("x-amz-meta-who", "me")], b"")).body;
    let id = begun.split("<UploadId>").nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned();
    let large = vec![b'a'; 5 * 1024 * 1024];
    let mut etags = Vec::new();
    for (number, part) in [(1, large.as_slice()), (2, b"end")] {
        let path = format!("/inputs/big?partNumber={number}&uploadId={id}");
        etags.push(ok(gateway.s3("PUT", &path, &[], part)).header("etag").to_owned());
    }
    let completion = |parts: &[(usize, &str)]| {
        let parts =
            parts.iter().map(|(n, etag)| format!("<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>"));
        format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>())
    };
    let path = format!("/inputs/big?uploadId={id}");
    let swapped = completion(&[(2, &etags[1]), (1, &etags[0])]);
    refused(&gateway.s3("POST", &path, &[], swapped.as_bytes()), 400, "InvalidPartOrder");
    refused(&gateway.s3("POST", &path, &[], completion(&[(3, &etags[1])]).as_bytes()), 400, "InvalidPart");
    let both = completion(&[(1, &etags[0]), (2, &etags[1])]);
    let done = ok(gateway.s3("POST", &path, &[], both.as_bytes()));
    assert!(done.body.contains("-2"), "{}", done.body);
    refused(&gateway.s3("POST", &path, &[], both.as_bytes()), 404, "NoSuchUpload");
    let got = ok(gateway.s3("GET", "/inputs/big", &[("range", "bytes=5242878-")], b""));
    assert_eq!((got.body.as_str(), got.header("x-amz-meta-who")), ("aaend", "me"));
    let begun = ok(gateway.s3("POST", "/inputs/other?uploads", &[], b"")).body;
    let id = begun.split("<UploadId>").nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned();
    ok(gateway.s3("PUT", &format!("/inputs/other?partNumber=1&uploadId={id}"), &[], b"x"));
    refused(&gateway.s3("DELETE", "/inputs", &[], b""), 409, "BucketNotEmpty");
    assert_eq!(ok(gateway.s3("DELETE", &format!("/inputs/other?uploadId={id}"), &[], b"")).status, 204);
    let left = fs::read_dir(place.path().join("state/s3")).unwrap().count();
    assert_eq!(left, 1, "the parts went");
}

#[test]
fn an_upload_that_nobody_goes_on_with_ends() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--data-dir", "state", "--no-functions"]);
    ok(gateway.s3("PUT", "/inputs", &[], b""));
    let begin = |key: &str| {
        let begun = ok(gateway.s3("POST", &format!("/inputs/{key}?uploads"), &[], b"")).body;
        let id = begun.split("<UploadId>").nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned();
        ok(gateway.s3("PUT", &format!("/inputs/{key}?partNumber=1&uploadId={id}"), &[], b"x"));
        format!("/inputs/{key}?uploadId={id}")
    };
    let advance = |by: &str| {
        gateway.send("POST", "/_drydock/clock", &[], format!("{{\"advance\": \"{by}\"}}").as_bytes()).ok();
    };
    let files = || fs::read_dir(place.path().join("state/s3")).unwrap().count();
    let first = begin("first");
    advance("6d");
    let second = begin("second");
    assert_eq!(files(), 2);
    advance("2d");
    begin("third");
    refused(&gateway.s3("GET", &first, &[], b""), 404, "NoSuchUpload");
    assert_eq!(files(), 2, "the part of the first went");
    assert_eq!(ok(gateway.s3("DELETE", &second, &[], b"")).status, 204, "the second is two days old");
}

/// The texts of an element in XML, in their order.
fn texts(xml: &str, tag: &str) -> Vec<String> {
    let opening = format!("<{tag}>");
    let found = xml.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("</").next());
    found.map(str::to_owned).collect()
}

fn versioning(gateway: &Gateway<'_>, bucket: &str, status: &str) {
    let body = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    ok(gateway.s3("PUT", &format!("/{bucket}?versioning"), &[], body.as_bytes()));
}

/// The id of the latest version or delete marker of a key, which no other begins with.
fn latest(gateway: &Gateway<'_>, path: &str) -> String {
    let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap();
    let list = ok(gateway.s3("GET", &format!("/{bucket}?versions&prefix={}", key.replace('/', "%2F")), &[], b"")).body;
    let entries = list.split("<Version>").flat_map(|part| part.split("<DeleteMarker>"));
    let latest = entries.filter(|entry| entry.contains("<IsLatest>true"));
    latest.flat_map(|entry| texts(entry, "VersionId")).next().unwrap()
}

/// Puts an object, and gives the id of its version; empty where it has none.
fn put(gateway: &Gateway<'_>, path: &str, body: &str) -> String {
    made(gateway, path, &ok(gateway.s3("PUT", path, &[], body.as_bytes())))
}

/// The id of what an answer says it made of an object: as it is listed, as headers come in small letters here.
fn made(gateway: &Gateway<'_>, path: &str, answer: &Answer) -> String {
    let told = version(answer);
    let id = if told.is_empty() { String::new() } else { latest(gateway, path) };
    assert_eq!(told, id.to_lowercase());
    id
}

fn version(answer: &Answer) -> String {
    answer.header("x-amz-version-id").to_owned()
}

#[test]
fn a_bucket_keeps_the_versions_of_its_objects() {
    let place = Place::new(SMALL);
    let options = ["--data-dir", "state", "--no-functions"];
    let gateway = place.up(&options);
    ok(gateway.s3("PUT", "/firmware", &[], b""));
    assert_eq!(put(&gateway, "/firmware/a", "0"), "", "no versions yet");
    assert_eq!(texts(&ok(gateway.s3("GET", "/firmware?versioning", &[], b"")).body, "Status"), [""; 0]);
    refused(
        &gateway.s3("PUT", "/firmware?versioning", &[], b"<VersioningConfiguration/>"),
        400,
        "IllegalVersioningConfigurationException",
    );
    refused(&gateway.s3("GET", "/nothing?versioning", &[], b""), 404, "NoSuchBucket");
    versioning(&gateway, "firmware", "Enabled");
    assert_eq!(texts(&ok(gateway.s3("GET", "/firmware?versioning", &[], b"")).body, "Status"), ["Enabled"]);
    let first = put(&gateway, "/firmware/a", "1");
    let second = put(&gateway, "/firmware/a", "22");
    assert_eq!((first.len(), first != second), (32, true));
    let get = |path: &str| gateway.s3("GET", path, &[], b"");
    let got = ok(get("/firmware/a"));
    assert_eq!((got.body.as_str(), version(&got)), ("22", second.to_lowercase()));
    assert_eq!(ok(get(&format!("/firmware/a?versionId={first}"))).body, "1");
    assert_eq!(ok(get("/firmware/a?versionId=null")).body, "0", "what was there before");
    assert_eq!(
        ok(gateway.s3("HEAD", &format!("/firmware/a?versionId={first}"), &[], b"")).header("content-length"),
        "1"
    );
    refused(&get(&format!("/firmware/a?versionId={}", "x".repeat(32))), 404, "NoSuchVersion");
    refused(&get("/firmware/a?versionId=x"), 400, "InvalidArgument");

    // A delete marker hides the object; deleting the marker brings it back.
    let deleted = ok(gateway.s3("DELETE", "/firmware/a", &[], b""));
    assert_eq!((deleted.status, deleted.header("x-amz-delete-marker")), (204, "true"));
    let marker = made(&gateway, "/firmware/a", &deleted);
    let hidden = get("/firmware/a");
    refused(&hidden, 404, "NoSuchKey");
    assert_eq!((hidden.header("x-amz-delete-marker"), version(&hidden)), ("true", marker.to_lowercase()));
    let by_id = get(&format!("/firmware/a?versionId={marker}"));
    refused(&by_id, 405, "MethodNotAllowed");
    assert_eq!(by_id.header("allow"), "delete");
    assert!(texts(&ok(get("/firmware?list-type=2")).body, "Key").is_empty());
    gateway.kill();

    let gateway = place.up(&options);
    let get = |path: &str| gateway.s3("GET", path, &[], b"");
    let list = ok(get("/firmware?versions")).body;
    assert_eq!(texts(&list, "VersionId"), [marker.as_str(), &second, &first, "null"], "markers, then versions: {list}");
    assert_eq!(texts(&list, "IsLatest"), ["true", "false", "false", "false"]);
    refused(&get("/firmware/a"), 404, "NoSuchKey");
    let undone = ok(gateway.s3("DELETE", &format!("/firmware/a?versionId={marker}"), &[], b""));
    assert_eq!((undone.header("x-amz-delete-marker"), version(&undone)), ("true", marker.to_lowercase()));
    assert_eq!(ok(get("/firmware/a")).body, "22");
    ok(gateway.s3("DELETE", &format!("/firmware/a?versionId={second}"), &[], b""));
    assert_eq!(ok(get("/firmware/a")).body, "1", "the one before is current again");

    // Copies: of a version, over the object itself, too.
    let source = "/firmware/a?versionId=null".to_owned();
    let copied = ok(gateway.s3("PUT", "/firmware/a", &[("x-amz-copy-source", &source)], b""));
    assert_eq!(copied.header("x-amz-copy-source-version-id"), "null");
    assert_eq!(ok(get("/firmware/a")).body, "0");
    let restored = made(&gateway, "/firmware/a", &copied);

    // While it is suspended there is one null version at most.
    versioning(&gateway, "firmware", "Suspended");
    assert_eq!(put(&gateway, "/firmware/a", "new"), "null");
    assert_eq!(put(&gateway, "/firmware/a", "newer"), "null");
    let list = ok(get("/firmware?versions")).body;
    assert_eq!(texts(&list, "VersionId"), ["null", restored.as_str(), &first], "{list}");
    let deleted = ok(gateway.s3("DELETE", "/firmware/a", &[], b""));
    assert_eq!(version(&deleted), "null", "a marker takes its place");
    assert_eq!(texts(&ok(get("/firmware?versions")).body, "VersionId"), ["null", restored.as_str(), &first]);
    refused(&gateway.s3("DELETE", "/firmware", &[], b""), 409, "BucketNotEmpty");
    let all: String = [restored.as_str(), &first, "null"]
        .iter()
        .map(|id| format!("<Object><Key>a</Key><VersionId>{id}</VersionId></Object>"))
        .collect();
    let deleted = ok(gateway.s3("POST", "/firmware?delete", &[], format!("<Delete>{all}</Delete>").as_bytes())).body;
    assert_eq!(deleted.matches("<Deleted>").count(), 3, "{deleted}");
    assert_eq!(deleted.matches("<DeleteMarker>true").count(), 1, "{deleted}");
    ok(gateway.s3("DELETE", "/firmware", &[], b""));
    let left = fs::read_dir(place.path().join("state/s3")).unwrap().count();
    assert_eq!(left, 0, "the files went with their versions");
}

#[test]
fn versions_are_listed_by_page() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    ok(gateway.s3("PUT", "/firmware", &[], b""));
    versioning(&gateway, "firmware", "Enabled");
    let mut expected = Vec::new();
    for key in ["a", "b/1", "b/2", "c"] {
        let ids: Vec<String> = (0..3).map(|at| put(&gateway, &format!("/firmware/{key}"), &at.to_string())).collect();
        if !key.starts_with('b') {
            expected.extend(ids.into_iter().rev());
        }
    }
    let (mut found, mut folders, mut after, mut pages) = (Vec::new(), Vec::new(), String::new(), 0);
    loop {
        let page = ok(gateway.s3("GET", &format!("/firmware?versions&delimiter=%2F&max-keys=2{after}"), &[], b"")).body;
        found.extend(texts(&page, "VersionId"));
        folders.extend(texts(&page, "Prefix").into_iter().filter(|prefix| !prefix.is_empty()));
        pages += 1;
        let Some(key) = texts(&page, "NextKeyMarker").pop() else { break };
        after = format!("&key-marker={}", key.replace('/', "%2F"));
        if let Some(version) = texts(&page, "NextVersionIdMarker").pop() {
            after = format!("{after}&version-id-marker={version}");
        }
    }
    assert_eq!((found, folders, pages), (expected, vec!["b/".to_owned()], 4));
    refused(&gateway.s3("GET", "/firmware?versions&version-id-marker=null", &[], b""), 400, "InvalidArgument");
    for _ in 0..2 {
        ok(gateway.s3("DELETE", "/firmware/c", &[], b""));
    }
    let markers = ok(gateway.s3("GET", "/firmware?versions&prefix=c", &[], b"")).body;
    assert_eq!(markers.matches("<DeleteMarker>").count(), 2, "each delete makes one");
}

fn keys() -> Keys {
    Keys::new("AKIAFLEET", "the fleet's secret")
}

fn signed(gateway: &Gateway<'_>, keys: &Keys, method: &str, path: &str, body: &[u8]) -> Answer {
    let headers = keys.headers("s3", method, path, body);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    gateway.send(method, path, &headers, body)
}

#[test]
fn signatures_and_presigned_urls_are_checked_where_keys_are_configured() {
    let place = Place::new(SMALL);
    let config = "[[credentials]]\naccess_key_id = \"AKIAFLEET\"\nsecret_access_key = \"the fleet's secret\"\n";
    fs::write(place.path().join("drydock.toml"), config).unwrap();
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    ok(signed(&gateway, &keys(), "PUT", "/inputs", b""));
    ok(signed(&gateway, &keys(), "PUT", "/inputs/a/./b%20c", b"hello world"));
    assert_eq!(ok(signed(&gateway, &keys(), "GET", "/inputs/a/./b%20c", b"")).body, "hello world");
    let guess = Keys::new("AKIAFLEET", "a guess");
    refused(&signed(&gateway, &guess, "GET", "/inputs/a/./b%20c", b""), 403, "SignatureDoesNotMatch");
    refused(&signed(&gateway, &Keys::new("AKIANOBODY", "x"), "GET", "/inputs", b""), 403, "InvalidAccessKeyId");
    refused(&gateway.send("GET", "/k", &[("host", "inputs.s3.localhost")], b""), 403, "AccessDenied");

    // Another body than the one that was signed.
    let headers = keys().headers("s3", "PUT", "/inputs/k", b"mine");
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    refused(&gateway.send("PUT", "/inputs/k", &headers, b"else"), 400, "XAmzContentSHA256Mismatch");

    let now = SystemTime::now();
    let put = keys().presigned("PUT", "/inputs/link", 60, now);
    ok(gateway.send("PUT", &put, &[], b"by link"));
    let get = keys().presigned("GET", "/inputs/link", 60, now);
    assert_eq!(ok(gateway.send("GET", &get, &[], b"")).body, "by link");
    refused(&gateway.send("PUT", &get, &[], b"changed"), 403, "SignatureDoesNotMatch");
    refused(&gateway.send("GET", &get.replace("/link", "/k"), &[], b""), 403, "SignatureDoesNotMatch");
    let over = keys().presigned("GET", "/inputs/link", 60, now - Duration::from_secs(120));
    let answer = gateway.send("GET", &over, &[], b"");
    refused(&answer, 403, "AccessDenied");
    assert!(answer.body.contains("Request has expired"), "{}", answer.body);
}

const TELLS: &str = "\
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: told}}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: inputs
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt Queue.Arn
            Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}
";

/// The events of the next message of the queue, which is deleted.
fn events(gateway: &Gateway<'_>) -> serde_json::Value {
    let url = format!("http://127.0.0.1:{}/123456789012/told", gateway.api_port());
    let sqs = |operation: &str, body: serde_json::Value| {
        let target = format!("AmazonSQS.{operation}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        gateway.call("sqs", "POST", "/", &headers, &body)
    };
    let answer = sqs("ReceiveMessage", serde_json::json!({ "QueueUrl": url, "WaitTimeSeconds": 20 })).ok();
    let message = &answer["Messages"][0];
    let text = message["Body"].as_str().unwrap_or_else(|| panic!("no message: {answer}"));
    let done = sqs("DeleteMessage", serde_json::json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] }));
    assert_eq!(done.status, 200, "{}", done.body);
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_bucket_tells_of_its_objects() {
    let place = Place::new(TELLS);
    let options = ["--data-dir", "state", "--no-functions"];
    let gateway = place.up(&options);
    ok(gateway.s3("PUT", "/inputs/out/a", &[], b"hello world"));
    ok(gateway.s3("PUT", "/inputs/in/a%20%2B", &[], b"hello world"));
    let event = events(&gateway);
    let record = &event["Records"][0];
    assert_eq!((&record["eventName"], &record["eventSource"]), (&"ObjectCreated:Put".into(), &"aws:s3".into()));
    let object = &record["s3"]["object"];
    assert_eq!((&object["key"], &object["size"]), (&"in/a+%2B".into(), &11.into()));
    assert_eq!(object["eTag"], "5eb63bbbe01eeed093cb22bb8f5acdc3");
    let first = object["sequencer"].as_str().unwrap().to_owned();
    ok(gateway.s3("PUT", "/inputs/in/b", &[("x-amz-copy-source", "/inputs/out/a")], b""));
    let event = events(&gateway);
    let object = &event["Records"][0]["s3"]["object"];
    assert_eq!((&event["Records"][0]["eventName"], &object["key"]), (&"ObjectCreated:Copy".into(), &"in/b".into()));
    assert!(object["sequencer"].as_str().unwrap() > first.as_str(), "{event}");

    // What is configured over the API is kept, on a bucket that the template says nothing of.
    ok(gateway.s3("PUT", "/others", &[], b""));
    let queue = "arn:aws:sqs:us-east-1:123456789012:told";
    let put = |gateway: &Gateway<'_>, configurations: &str| {
        let body = format!(
            "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{configurations}</NotificationConfiguration>"
        );
        gateway.s3("PUT", "/others?notification", &[], body.as_bytes())
    };
    let one = |event: &str, queue: &str, more: &str| {
        format!(
            "<QueueConfiguration><Id>mine</Id><Queue>{queue}</Queue><Event>{event}</Event>{more}</QueueConfiguration>"
        )
    };
    let created = "s3:ObjectCreated:*";
    let filter = "<Filter><S3Key><FilterRule><Name>suffix</Name><Value>.json</Value></FilterRule></S3Key></Filter>";
    refused(&put(&gateway, &one("s3:ObjectRestore:Post", queue, "")), 501, "NotImplemented");
    refused(&put(&gateway, &one(created, &format!("{queue}s"), "")), 400, "InvalidArgument");
    let function = queue.replace("sqs", "lambda").replace(":told", ":function:told");
    refused(&put(&gateway, &one(created, &function, "")), 400, "InvalidArgument");
    refused(&put(&gateway, &one(created, queue, "").repeat(2)), 400, "InvalidArgument");
    let bus = "<EventBridgeConfiguration></EventBridgeConfiguration>";
    refused(&put(&gateway, bus), 501, "NotImplemented");
    let got = ok(gateway.s3("GET", "/others?notification", &[], b""));
    assert!(!got.body.contains("<Queue>"), "{}", got.body);
    ok(put(&gateway, &one(created, queue, filter)));
    assert_eq!(events(&gateway)["Event"], "s3:TestEvent");
    gateway.kill();
    let gateway = place.up(&options);
    let got = ok(gateway.s3("GET", "/others?notification", &[], b""));
    for part in ["<Id>mine</Id>", "<Value>.json</Value>", "<Event>s3:ObjectCreated:*</Event>", queue] {
        assert!(got.body.contains(part), "{part}: {}", got.body);
    }
    ok(gateway.s3("PUT", "/others/a.txt", &[], b"1"));
    ok(gateway.s3("PUT", "/others/a.json", &[], b"1"));
    let record = &events(&gateway)["Records"][0]["s3"];
    assert_eq!((&record["configurationId"], &record["object"]["key"]), (&"mine".into(), &"a.json".into()));
    ok(put(&gateway, ""));
    ok(gateway.s3("PUT", "/others/b.json", &[], b"1"));
    ok(gateway.s3("PUT", "/inputs/in/last", &[], b"1"));
    assert_eq!(events(&gateway)["Records"][0]["s3"]["object"]["key"], "in/last", "nobody is told of others/b.json");
}

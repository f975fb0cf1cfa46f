//! Signature Version 4: AWS's own cases, and what they do not cover.

use crate::support::Counting;
use drydock_core::Timestamp;
use drydock_identity::sigv4::{
    Chunks, Claim, Credentials, Denied, Secret, SignedRequest, Signer, Stated,
    canonical::{self, PathStyle, QueryToken, sha256_hex},
    key, verify, verify_head,
};
use serde::Deserialize;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z.
const AT: Timestamp = Timestamp(1_440_938_160_000);
const PRESIGNED: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20150830%2Fus-east-1%2Fiotdevicegateway%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host";

#[derive(Deserialize)]
struct Suite {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn judge(request: &SignedRequest<'_>, secret: &str, now: Timestamp) -> Result<(), Denied> {
    let claim = Claim::read(request).ok_or(Denied::Missing)??;
    verify(&claim, request, &Secret::new(secret), now)
}

#[test]
fn the_cases_of_aws_hold() {
    let suite: Suite = serde_json::from_str(include_str!("../../cases/sigv4.json")).unwrap();
    for case in &suite.cases {
        let request = SignedRequest {
            method: &case.method,
            path: &case.path,
            query: &case.query,
            headers: &case.headers,
            body: case.body.as_bytes(),
        };
        assert_eq!(judge(&request, SECRET, AT), Ok(()), "{}", case.name);
        let wrong = judge(&request, "another", AT).expect_err(&case.name);
        assert_eq!(wrong.code(), "InvalidSignatureException", "{}", case.name);
        let text = wrong.to_string();
        assert!(text.contains("The Canonical String for this request should have been\n'"), "{}: {text}", case.name);
        assert!(!text.contains("6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"), "{text}");
        if !case.body.is_empty() {
            let changed = SignedRequest { body: b"another", ..request };
            assert!(judge(&changed, SECRET, AT).expect_err("changed").to_string().contains("x-amz-content-sha256"));
        }
    }
}

#[test]
fn a_signature_holds_in_its_time_only() {
    let suite: Suite = serde_json::from_str(include_str!("../../cases/sigv4.json")).unwrap();
    for case in &suite.cases {
        let request = SignedRequest {
            method: &case.method,
            path: &case.path,
            query: &case.query,
            headers: &case.headers,
            body: case.body.as_bytes(),
        };
        let valid = if case.query.contains("X-Amz-Expires=3600") { 3600 } else { 300 };
        let at = |seconds: i64| judge(&request, SECRET, AT.plus_millis(seconds * 1000));
        for (seconds, text) in [
            (-301, Some("Signature not yet current")),
            (-300, None),
            (valid, None),
            (valid + 1, Some("Signature expired")),
        ] {
            match (at(seconds), text) {
                (Ok(()), None) => {}
                (Err(Denied::Untimely { text: why, .. }), Some(text)) => {
                    assert!(why.starts_with(text), "{}: {why}", case.name);
                }
                other => panic!("{} at {seconds} s: {other:?}", case.name),
            }
        }
    }
}

/// Signs a query to a path as a client does; `later` is added when the signature has been made.
fn presigned(path: &str, before: &str, later: &str) -> String {
    let headers = [("host".to_owned(), "example".to_owned())];
    let query = format!("{PRESIGNED}{before}");
    let request = SignedRequest { method: "GET", path, query: &query, headers: &headers, body: b"" };
    let text =
        canonical::request(&request, PathStyle::Resolved, &["host".to_owned()], &sha256_hex(b""), QueryToken::Signed);
    let scope = "20150830/us-east-1/iotdevicegateway/aws4_request";
    let text = canonical::string_to_sign("20150830T123600Z", scope, &text);
    let signature = key::signature(&Secret::new(SECRET), "20150830", "us-east-1", "iotdevicegateway", &text);
    format!("{query}&X-Amz-Signature={signature}{later}")
}

#[test]
fn a_websocket_adds_its_session_token_behind_the_signature_and_an_api_call_has_it_signed() {
    let headers = [("host".to_owned(), "example".to_owned())];
    const TOKEN: &str = "&X-Amz-Security-Token=a%2Fb";
    for (path, before, later, holds) in [
        ("/mqtt", "", "", true),
        ("/mqtt", "", TOKEN, true),
        ("/mqtt", TOKEN, "", false),
        ("/mqtt", "", "&X-Amz-Other=1", false),
        ("/mqtt", "&X-Amz-Expires=604801", "", false),
        ("/topics/a", TOKEN, "", true),
        ("/topics/a", "", TOKEN, false),
        ("/mqtt", "", "&X-Amz-Signature=0", false),
        ("/mqtt", "&X-Amz-Signature=0", "", false),
        ("/mqtt", "", "&X-Amz-Security-Token=a&X-Amz-Security-Token=b", false),
        ("/mqtt", "&X-Amz-Expires=60&X-Amz-Expires=600", "", false),
    ] {
        let query = presigned(path, before, later);
        let request = SignedRequest { method: "GET", path, query: &query, headers: &headers, body: b"" };
        assert_eq!(judge(&request, SECRET, AT).is_ok(), holds, "{path} {query}");
        let elsewhere = query.replace("iotdevicegateway", "iotdata");
        let request = SignedRequest { query: &elsewhere, ..request };
        assert!(judge(&request, SECRET, AT).is_err(), "the service is part of the key");
    }
}

#[test]
fn what_is_not_whole_is_named() {
    let full = "AWS4-HMAC-SHA256 Credential=A/20150830/us-east-1/iot/aws4_request, SignedHeaders=host, Signature=00";
    let date = Some("20150830T123600Z");
    for (authorization, date, code, text) in [
        (format!("{full}, Signature=01").as_str(), date, "IncompleteSignatureException", "Only one auth mechanism"),
        (
            full.replace("host,", "host, SignedHeaders=,").as_str(),
            date,
            "IncompleteSignatureException",
            "Only one auth mechanism",
        ),
        ("AWS4-HMAC-SHA256 Credential=x", date, "IncompleteSignatureException", "requires 'Signature' parameter"),
        (full.replace("A/2015", "2015").as_str(), date, "IncompleteSignatureException", "5 slash-delimited elements"),
        (full, None, "IncompleteSignatureException", "'X-Amz-Date' or a 'Date' header"),
        (full, Some("yesterday"), "IncompleteSignatureException", "ISO-8601 'basic format'"),
        (full.replace("=host", "=date").as_str(), date, "InvalidSignatureException", "must be a 'SignedHeader'"),
        (full.replace("/2015", "/2014").as_str(), date, "InvalidSignatureException", "'20140830' != '20150830'"),
    ] {
        let mut headers =
            vec![("host".to_owned(), "example".to_owned()), ("authorization".to_owned(), authorization.to_owned())];
        headers.extend(date.map(|date| ("x-amz-date".to_owned(), date.to_owned())));
        let request = SignedRequest { method: "GET", path: "/", query: "", headers: &headers, body: b"" };
        let denied = judge(&request, SECRET, AT).expect_err(authorization);
        assert_eq!(denied.code(), code, "{authorization}");
        assert!(denied.to_string().contains(text), "{denied}");
    }
    let unsigned = SignedRequest { method: "GET", path: "/", query: "a=b", headers: &[], body: b"" };
    assert!(Claim::read(&unsigned).is_none());
}

#[test]
fn what_is_issued_is_known_until_it_is_over_and_to_its_own_seal_only() {
    let ids = Counting::default();
    let role = "arn:aws:iam::123456789012:role/dock";
    let store = Credentials::new(&[7; 32]);
    let issued = store.issue(role, "dock-1", Some(AT), &ids);
    let token = Some(issued.session_token.reveal());
    let known = store.lookup(&issued.access_key_id, token, AT.plus_millis(-1)).unwrap().unwrap();
    assert_eq!((known.secret, known.role.as_deref()), (issued.secret_access_key.clone(), Some(role)));
    assert_eq!(known.principal.split(':').nth(1), Some("dock-1"));
    assert_eq!(store.lookup(&issued.access_key_id, token, AT), Err(Denied::ExpiredToken));
    assert_eq!(store.lookup("ASIAANOTHER", token, AT), Err(Denied::UnknownKey));
    assert_eq!(store.lookup(&issued.access_key_id, None, AT), Ok(None));
    assert_eq!(Credentials::new(&[8; 32]).lookup(&issued.access_key_id, token, AT), Ok(None));
    assert_eq!((issued.access_key_id.len(), issued.secret_access_key.reveal().len()), (20, 40));
    assert!(!format!("{issued:?}{store:?}").contains(issued.secret_access_key.reveal()));

    let signer = Signer {
        access_key: issued.access_key_id,
        secret: issued.secret_access_key,
        token: Some(issued.session_token),
        region: "us-east-1".into(),
    };
    let mut headers = vec![("host".to_owned(), "example:1".to_owned()), ("x-amz-target".to_owned(), "T".to_owned())];
    let unsigned =
        SignedRequest { method: "POST", path: "/topics/a%2Fb", query: "qos=1", headers: &headers, body: b"x" };
    let added = signer.headers("iotdata", &unsigned, AT);
    headers.extend(added);
    let signed = SignedRequest { method: "POST", path: "/topics/a%2Fb", query: "qos=1", headers: &headers, body: b"x" };
    assert_eq!(judge(&signed, signer.secret.reveal(), AT), Ok(()));
}

#[test]
fn a_configured_key_has_its_token_and_no_other() {
    let mut store = Credentials::new(&[7; 32]);
    assert!(!store.are_configured());
    store.configure("AKID", Secret::new("one"), None);
    store.configure("ASIA", Secret::new("two"), Some(Secret::new("token")));
    assert!(store.are_configured());
    for (key, token, secret) in [
        ("AKID", None, Some("one")),
        ("AKID", Some("token"), None),
        ("ASIA", Some("token"), Some("two")),
        ("ASIA", Some("other"), None),
        ("ASIA", None, None),
    ] {
        let found = store.lookup(key, token, AT);
        match secret {
            Some(secret) => assert_eq!(found.unwrap().unwrap().secret.reveal(), secret),
            None => assert_eq!(found, Err(Denied::UnknownKey), "{key} {token:?}"),
        }
    }
}

/// The examples of "Authenticating Requests: Using the Authorization Header", "… Using Query Parameters" and "Signature
/// calculations: transferring payload in multiple chunks" of the Amazon S3 API reference.
#[test]
fn the_examples_of_s3_hold() {
    const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    /// 2013-05-24T00:00:00Z.
    const DAY: Timestamp = Timestamp(1_369_353_600_000);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let host = pair("host", "examplebucket.s3.amazonaws.com");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let signed = |names: &str, signature: &str| {
        pair(
            "authorization",
            &format!(
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders={names},Signature={signature}"
            ),
        )
    };

    let names = "host;range;x-amz-content-sha256;x-amz-date";
    let headers = [
        host.clone(),
        pair("range", "bytes=0-9"),
        pair("x-amz-content-sha256", empty),
        pair("x-amz-date", "20130524T000000Z"),
        signed(names, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    ];
    let get = SignedRequest { method: "GET", path: "/test.txt", query: "", headers: &headers, body: b"" };
    assert_eq!(judge(&get, KEY, DAY), Ok(()));
    assert_eq!(judge(&get, "another", DAY).unwrap_err().s3_code(), "SignatureDoesNotMatch");
    let late = Timestamp(DAY.0 + 901_000);
    assert_eq!(judge(&get, KEY, late).unwrap_err().s3_code(), "RequestTimeTooSkewed");

    // The key of an object is what it is: its dots and slashes are not a path.
    let names = "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class";
    let headers = [
        pair("date", "Fri, 24 May 2013 00:00:00 GMT"),
        host.clone(),
        pair("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
        pair("x-amz-date", "20130524T000000Z"),
        pair("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        signed(names, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
    ];
    let put = SignedRequest { method: "PUT", path: "/test%24file.text", query: "", headers: &headers, body: b"" };
    assert_eq!(judge(&put, KEY, DAY), Ok(()));

    let headers = [host.clone()];
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
                 &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
                 &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let presigned = SignedRequest { method: "GET", path: "/test.txt", query, headers: &headers, body: b"" };
    assert_eq!(judge(&presigned, KEY, DAY), Ok(()));
    let over = judge(&presigned, KEY, Timestamp(DAY.0 + 86_401_000)).unwrap_err();
    assert_eq!((over.s3_code(), over.to_string().as_str()), ("AccessDenied", "Request has expired"));
    let signer = Signer {
        access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: Secret::new(KEY),
        token: None,
        region: "us-east-1".to_owned(),
    };
    assert_eq!(signer.presign("GET", "examplebucket.s3.amazonaws.com", "/test.txt", 86_400, DAY), query);

    let names = "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class";
    let headers = [
        pair("content-encoding", "aws-chunked"),
        pair("content-length", "66824"),
        pair("host", "s3.amazonaws.com"),
        pair("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        pair("x-amz-date", "20130524T000000Z"),
        pair("x-amz-decoded-content-length", "66560"),
        pair("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        signed(names, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"),
    ];
    let put = SignedRequest {
        method: "PUT",
        path: "/examplebucket/chunkObject.txt",
        query: "",
        headers: &headers,
        body: b"",
    };
    assert_eq!(judge(&put, KEY, DAY), Ok(()));
    let mut chunks = Chunks::after(Claim::read(&put).unwrap().unwrap(), Secret::new(KEY));
    for (length, signature) in [
        (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ] {
        assert!(chunks.holds(false, &sha256_hex(&vec![b'a'; length]), signature), "{length}");
    }
    assert!(!chunks.holds(false, empty, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"));
}

/// Whoever routes a request and whoever judges it must read the same.
#[test]
fn a_request_states_its_signature_once_and_in_one_place() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let of = |query: &str, headers: &[(String, String)]| {
        let request = SignedRequest { method: "GET", path: "/", query, headers, body: b"" };
        Stated::read(&request).map(|stated| (stated.scope.map(|scope| scope.service), stated.claim.is_ok()))
    };
    let header =
        "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/iot/aws4_request, SignedHeaders=host, Signature=ff";
    let authorization = pair("authorization", header);
    let presigned = format!("{PRESIGNED}&X-Amz-Signature=ff");
    let presigned = presigned.as_str();
    assert_eq!(of("", &[]), None);
    assert_eq!(of("", std::slice::from_ref(&authorization)), Some((Some("iot".to_owned()), false)), "without a date");
    assert_eq!(of(presigned, &[]), Some((Some("iotdevicegateway".to_owned()), true)));
    // What is not a signature says nothing, whatever stands in it.
    for stray in ["x Credential=a/20250101/us-east-1/secretsmanager/aws4_request", "Bearer t", "AWS a:b"] {
        assert_eq!(of("", &[pair("authorization", stray)]), None, "{stray}");
        let found = of(presigned, &[pair("authorization", stray)]);
        assert_eq!(found, Some((Some("iotdevicegateway".to_owned()), true)), "{stray}");
    }
    // Two are none.
    assert_eq!(of(presigned, std::slice::from_ref(&authorization)), Some((None, false)));
    assert_eq!(of("", &[authorization.clone(), authorization]), Some((None, false)));
}

#[test]
fn headers_that_change_what_is_done_have_to_be_signed() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let secret = Secret::new(SECRET);
    let signer =
        Signer { access_key: "AKID".to_owned(), secret: secret.clone(), token: None, region: "us-east-1".to_owned() };
    let query = signer.presign("PUT", "h", "/b/k", 60, AT);
    let judged = |added: &[(String, String)]| {
        let headers = [&[pair("host", "h")], added].concat();
        judge(&SignedRequest { method: "PUT", path: "/b/k", query: &query, headers: &headers, body: b"" }, SECRET, AT)
    };
    assert_eq!(judged(&[]), Ok(()));
    assert_eq!(judged(&[pair("content-type", "text/plain"), pair("x-amzn-trace-id", "Root=1")]), Ok(()));
    for name in ["x-amz-copy-source", "x-amz-acl", "x-amzn-principal"] {
        let denied = judged(&[pair(name, "x")]).expect_err(name);
        assert!(matches!(&denied, Denied::Unsigned(names) if names == name), "{denied}");
        assert_eq!(denied.s3_code(), "AccessDenied");
    }
    // In a header's signature as well; the session token may be added later.
    fn request<'a>(headers: &'a [(String, String)], body: &'a [u8]) -> SignedRequest<'a> {
        SignedRequest { method: "POST", path: "/", query: "", headers, body }
    }
    let mut headers = vec![pair("host", "h")];
    let added = signer.headers("dynamodb", &request(&headers, b"{}"), AT);
    headers.extend(added);
    headers.push(pair("x-amz-security-token", "t"));
    assert_eq!(judge(&request(&headers, b"{}"), SECRET, AT), Ok(()));
    headers.push(pair("x-amz-target", "DynamoDB_20120810.DeleteTable"));
    assert!(matches!(judge(&request(&headers, b"{}"), SECRET, AT), Err(Denied::Unsigned(_))));
}

#[test]
fn a_head_is_judged_by_the_hash_that_it_states() {
    let secret = Secret::new(SECRET);
    let signer =
        Signer { access_key: "AKID".to_owned(), secret: secret.clone(), token: None, region: "us-east-1".to_owned() };
    let mut headers = vec![("host".to_owned(), "h".to_owned())];
    let head = |headers: &[(String, String)], body: &'static [u8]| {
        let request = SignedRequest { method: "POST", path: "/", query: "", headers, body };
        let claim = Claim::read(&request).unwrap().unwrap();
        (verify_head(&claim, &request, &secret, AT), verify(&claim, &request, &secret, AT))
    };
    let sign = |headers: &[(String, String)]| {
        let request = SignedRequest { method: "POST", path: "/", query: "", headers, body: b"body" };
        [headers, &signer.headers("iot", &request, AT)].concat()
    };
    assert_eq!(head(&sign(&headers), b"").0, None, "it states none");
    headers.push(("x-amz-content-sha256".to_owned(), sha256_hex(b"body")));
    assert_eq!(head(&sign(&headers), b"").0, Some(Ok(())));
    assert!(head(&sign(&headers), b"another").1.is_err());
    let mut changed = sign(&headers);
    changed[1].1 = sha256_hex(b"another");
    assert!(matches!(head(&changed, b"another").0, Some(Err(Denied::Invalid(_)))));
}

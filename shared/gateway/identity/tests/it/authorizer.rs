//! Using an authorizer: what a device shows, its signature, the function's event and answer. Source: "Custom authentication and
//! authorization" of the developer guide; keys and signature are OpenSSL's.

use drydock_identity::authorizer::{Answer, Authorized, BadKey, BadToken, Occasion, Presented, token};
use drydock_model::iot::{HttpContext, MqttContext, TlsContext};
use serde_json::{Value, json};

pub(crate) const KEY: &str = include_str!("authorizer/rsa-2048.pem");
pub(crate) const SHORT: &str = include_str!("authorizer/rsa-1024.pem");
const ELLIPTIC: &str = include_str!("authorizer/p256.pem");
const SIGNATURE: &str = include_str!("authorizer/signature.txt");
const TOKEN: &str = "dock-7:1793491200";

#[test]
fn parameters_come_from_headers_queries_and_user_names() {
    let escaped = "d?x-amz-customauthorizer-name=fleet&x-amz-customauthorizer-signature=a%2Bb%2f%3D&token=t%20k";
    let plain = "d?x-amz-customauthorizer-name=fleet&x-amz-customauthorizer-signature=a+b/=&Token=t%20k";
    let headers = [
        ("X-Amz-CustomAuthorizer-Name", "fleet"),
        ("x-amz-customauthorizer-signature", "a+b/="),
        ("TOKEN", "t k"),
        ("token", "second"),
    ];
    let query = "x-amz-customauthorizer-name=fleet&token=t%20k&x-amz-customauthorizer-signature=a%2Bb/=";
    for (case, presented) in [
        ("user name, escaped", Presented::in_user_name(escaped)),
        ("user name, plain base64", Presented::in_user_name(plain)),
        ("headers before query", Presented::in_http(headers, "x-amz-customauthorizer-name=other")),
        ("query", Presented::in_http([], query)),
    ] {
        let got = (presented.authorizer(), presented.signature(), presented.token("token"));
        assert_eq!(got, (Some("fleet"), Some("a+b/="), Some("t k")), "{case}");
    }
    for (user_name, name) in [
        ("", None),
        ("device", None),
        ("x-amz-customauthorizer-name=fleet", None),
        ("?x-amz-customauthorizer-name", Some("")),
        ("a?&&x-amz-customauthorizer-name=100%&", Some("100%")),
        ("a?x-amz-customauthorizer-name=%4", Some("%4")),
        ("a?x-amz-customauthorizer-name=x=y", Some("x=y")),
        ("a?X-AMZ-CUSTOMAUTHORIZER-NAME=%C3%A9", Some("é")),
    ] {
        assert_eq!(Presented::in_user_name(user_name).authorizer(), name, "`{user_name}`");
    }
}

#[test]
fn a_token_counts_when_one_of_the_keys_signed_it() {
    let forged = SIGNATURE.replacen(|c: char| c.is_ascii_lowercase(), "Z", 1);
    for (case, token, signature, keys, result) in [
        ("signed", Some(TOKEN), Some(SIGNATURE), &[KEY][..], Ok(())),
        ("by the second key", Some(TOKEN), Some(SIGNATURE), &[ELLIPTIC, KEY], Ok(())),
        ("no token", None, Some(SIGNATURE), &[KEY], Err(BadToken::NoToken)),
        ("empty token", Some(""), Some(SIGNATURE), &[KEY], Err(BadToken::NoToken)),
        ("no signature", Some(TOKEN), None, &[KEY], Err(BadToken::NoSignature)),
        ("no base64", Some(TOKEN), Some("§"), &[KEY], Err(BadToken::NotBase64)),
        ("another token", Some("dock-8:1793491200"), Some(SIGNATURE), &[KEY], Err(BadToken::Forged)),
        ("a changed signature", Some(TOKEN), Some(&forged), &[KEY], Err(BadToken::Forged)),
        ("no key", Some(TOKEN), Some(SIGNATURE), &[], Err(BadToken::Forged)),
    ] {
        assert_eq!(token::verify(token, signature, keys.iter().copied()), result, "{case}");
    }
}

#[test]
fn keys_are_rsa_of_2048_bits_and_more() {
    let cut = KEY.replacen("MIIB", "", 1);
    for (case, pem, result) in [
        ("2048 bits", KEY, Ok(())),
        ("1024 bits", SHORT, Err(BadKey::TooShort(1024))),
        ("elliptic", ELLIPTIC, Err(BadKey::NotRsa)),
        ("empty", "", Err(BadKey::Pem)),
        ("text", "hello", Err(BadKey::Pem)),
        ("cut", &cut, Err(BadKey::Pem)),
    ] {
        assert_eq!(token::check_key(pem), result, "{case}");
    }
}

#[test]
fn the_function_is_told_what_the_connection_has() {
    let tls = Some(TlsContext { server_name: Some("iot.example".into()) });
    let headers = [("host".to_owned(), "iot.example".to_owned())].into();
    let http = Some(HttpContext { headers: Some(headers), query_string: Some("?a=b".into()) });
    let mqtt = Some(MqttContext {
        client_id: Some("dock-7".into()),
        password: Some(vec![0, 255].into()),
        username: Some("d?a=b".into()),
    });
    let whole = Occasion {
        token: Some(TOKEN.into()),
        signature_verified: true,
        tls: tls.clone(),
        certificate: None,
        http,
        mqtt: mqtt.clone(),
        connection_id: Some("c-1".into()),
    };
    let wanted = json!({
        "token": TOKEN,
        "signatureVerified": true,
        "protocols": ["tls", "http", "mqtt"],
        "protocolData": {
            "tls": {"serverName": "iot.example"},
            "http": {"headers": {"host": "iot.example"}, "queryString": "?a=b"},
            "mqtt": {"username": "d?a=b", "password": "AP8=", "clientId": "dock-7"},
        },
        "connectionMetadata": {"id": "c-1"},
    });
    assert_eq!(whole.event(), wanted);
    let unsigned = Occasion { tls, mqtt, ..Occasion::default() };
    let event = unsigned.event();
    assert_eq!(event["protocols"], json!(["tls", "mqtt"]));
    assert_eq!((event.get("token"), &event["signatureVerified"]), (None, &json!(false)));
    assert_eq!(event["protocolData"].get("http"), None);
    assert_eq!(Occasion::default().event()["protocolData"], json!({}));
}

fn good() -> Value {
    json!({
        "isAuthenticated": true,
        "principalId": "dock7",
        "policyDocuments": [{"Version": "2012-10-17", "Statement": []}, "{}"],
        "disconnectAfterInSeconds": 300,
        "refreshAfterInSeconds": 86400,
    })
}

#[test]
fn an_answer_is_read_with_its_limits() {
    let authorized = Authorized {
        principal_id: "dock7".into(),
        policy_documents: vec![json!({"Version": "2012-10-17", "Statement": []}).to_string(), "{}".into()],
        disconnect_after_seconds: 300,
        refresh_after_seconds: 86_400,
    };
    assert_eq!(Answer::read(good().to_string().as_bytes()), Ok(Answer::Authorized(authorized)));
    assert_eq!(Answer::read(br#"{"isAuthenticated":false}"#), Ok(Answer::NotAuthenticated));
    for payload in ["", "null", "[]", "{"] {
        let error = Answer::read(payload.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, "the authorizer's answer is not a JSON object", "`{payload}`");
    }

    let longest = "x".repeat(2048);
    for (field, value) in [
        ("principalId", json!("p".repeat(128))),
        ("policyDocuments", json!([])),
        ("policyDocuments", json!(vec!["{}"; 10])),
        ("policyDocuments", json!([longest])),
        ("disconnectAfterInSeconds", json!(86_400)),
        ("refreshAfterInSeconds", json!(300)),
    ] {
        let mut answer = good();
        answer[field] = value;
        assert!(Answer::read(answer.to_string().as_bytes()).is_ok(), "{answer}");
    }
    let long = "x".repeat(2049);
    for (field, value, message) in [
        ("isAuthenticated", json!("true"), "needs `isAuthenticated`"),
        ("isAuthenticated", Value::Null, "needs `isAuthenticated`"),
        ("principalId", Value::Null, "needs `principalId`"),
        ("principalId", json!(""), "1 to 128 letters and digits"),
        ("principalId", json!("dock-7"), "1 to 128 letters and digits"),
        ("principalId", json!("p".repeat(129)), "1 to 128 letters and digits"),
        ("policyDocuments", Value::Null, "needs `policyDocuments`"),
        ("policyDocuments", json!("{}"), "needs `policyDocuments`"),
        ("policyDocuments", json!([1]), "needs `policyDocuments`"),
        ("policyDocuments", json!(vec!["{}"; 11]), "has 11 policy documents"),
        ("policyDocuments", json!(["{}", long]), "policy document 2 of the authorizer's answer has 2049"),
        ("disconnectAfterInSeconds", json!(299), "needs `disconnectAfterInSeconds`"),
        ("disconnectAfterInSeconds", json!(86_401), "needs `disconnectAfterInSeconds`"),
        ("disconnectAfterInSeconds", json!("300"), "needs `disconnectAfterInSeconds`"),
        ("refreshAfterInSeconds", json!(299), "needs `refreshAfterInSeconds`"),
        ("refreshAfterInSeconds", json!(300.5), "needs `refreshAfterInSeconds`"),
        ("refreshAfterInSeconds", Value::Null, "needs `refreshAfterInSeconds`"),
    ] {
        let mut answer = good();
        answer[field] = value;
        let error = Answer::read(answer.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(message), "{field}: {error}");
    }
}

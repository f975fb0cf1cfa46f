//! Devices without certificates: custom authorizers and domain configurations, with the real `device-authorizer` and with
//! functions that refuse, fail or take too long ("Custom authentication and authorization").

use drydock_tests::bootstrap;
use drydock_tests::gateway::{Gateway, Place, function};
use drydock_tests::http::{self, Answer};
use drydock_tests::mqtt::Mqtt;
use drydock_tests::tls;
use drydock_tests::token::TokenKey;
use drydock_tests::websocket::WebSocket;
use rustls::ClientConfig;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

/// Tables and authorizer as in the project's own template, and an authorizer with another function for each way to go wrong.
const TEMPLATE: &str = r#"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: provided.al2023, Handler: bootstrap, Timeout: 10}
Resources:
  Keys:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: keys
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: kid, AttributeType: S}]
      KeySchema: [{AttributeName: kid, KeyType: HASH}]
  Blocked:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: blocked
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: entry, AttributeType: S}]
      KeySchema: [{AttributeName: entry, KeyType: HASH}]
  Devices:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: devices
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: thingName, AttributeType: S}]
      KeySchema: [{AttributeName: thingName, KeyType: HASH}]
  Tokens:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: tokens/
      Environment:
        Variables:
          KEYS_TABLE: !Ref Keys
          BLOCK_LIST_TABLE: !Ref Blocked
          DEVICES_TABLE: !Ref Devices
          AUDIENCE: drydock-fleet
          IOT_ARN: !Sub "arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}"
          KEYS_REMEMBERED_SECONDS: "0"
  Scripted:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: scripted, CodeUri: scripted/}
  TokenAuthorizer:
    Type: AWS::IoT::Authorizer
    Properties: {AuthorizerName: tokens, AuthorizerFunctionArn: !GetAtt Tokens.Arn, SigningDisabled: true, Status: ACTIVE}
  ScriptedAuthorizer:
    Type: AWS::IoT::Authorizer
    Properties:
      AuthorizerName: scripted
      AuthorizerFunctionArn: !GetAtt Scripted.Arn
      SigningDisabled: true
      Status: ACTIVE
      EnableCachingForHttp: true
      TokenKeyName: say
  TokenPermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt Tokens.Arn
      Action: lambda:InvokeFunction
      Principal: iot.amazonaws.com
      SourceArn: !GetAtt TokenAuthorizer.Arn
  ScriptedPermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt Scripted.Arn
      Action: lambda:InvokeFunction
      Principal: iot.amazonaws.com
      SourceArn: !GetAtt ScriptedAuthorizer.Arn
  DomainPermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt Scripted.Arn
      Action: lambda:InvokeFunction
      Principal: iot.amazonaws.com
      SourceArn: !Sub "arn:aws:iot:${AWS::Region}:${AWS::AccountId}:domainconfiguration/*"
"#;

/// Does what the token says: lets everything in, lets a certificate publish to `given`, refuses, fails, hangs, or answers
/// nonsense; refuses the certificates of domains that begin with `closed`; keeps each event.
const ANSWER: &str = r#"answer='{"isAuthenticated":true,"principalId":"somebody","disconnectAfterInSeconds":300,"refreshAfterInSeconds":300,"policyDocuments":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}]}'
  case "$event" in
    *'"clientCertificateChain"'*)
      answer='{"isAuthenticated":"true"}'
      case "$event" in *'"serverName":"closed.'*) answer='{"isAuthenticated":"false"}' ;; esac ;;
    *'"token":"cert"'*)
      who=${event#*'"principalId":"'} who=${who%%'"'*}
      answer='{"isAuthenticated":true,"principalId":"'$who'","disconnectAfterInSeconds":300,"refreshAfterInSeconds":300,"policyDocuments":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"},{"Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:us-east-1:123456789012:topic/given"}]}]}' ;;
    *'"token":"deny"'*) answer='{"isAuthenticated":false}' ;;
    *'"token":"fail"'*) path=error answer='{"errorType":"Broken","errorMessage":"out of order"}' ;;
    *'"token":"hang"'*) sleep 7 ;;
    *'"token":"nonsense"'*) answer='{"isAuthenticated":true}' ;;
  esac"#;

/// A place with the real function behind `tokens`.
fn place() -> Place {
    place_with(&fs::read(function("device-authorizer")).unwrap())
}

/// A place where both functions are the script.
fn scripted_place() -> Place {
    place_with(bootstrap::script(ANSWER).as_bytes())
}

fn place_with(tokens: &[u8]) -> Place {
    let place = Place::new(TEMPLATE);
    let executable = |folder: &str, bytes: &[u8]| {
        let folder = place.path().join(folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("bootstrap"), bytes).unwrap();
        fs::set_permissions(folder.join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
    };
    executable("tokens", tokens);
    executable("scripted", bootstrap::script(ANSWER).as_bytes());
    place
}

/// A key that the fleet has, in its table.
fn key(gateway: &Gateway<'_>) -> TokenKey {
    let key = TokenKey::new();
    let text = |text: &str| json!({ "S": text });
    let item = json!({ "kid": text("k1"), "algorithm": text("ES256"), "status": text("active"), "publicKey": text(&key.pem()) });
    gateway.dynamodb("PutItem", &json!({ "TableName": "keys", "Item": item }));
    key
}

const TOKENS: &str = "device?x-amz-customauthorizer-name=tokens";

fn scripted(say: &str) -> String {
    format!("device?x-amz-customauthorizer-name=scripted&say={say}")
}

/// Connects through an authorizer, with ALPN `mqtt`.
fn connect(gateway: &Gateway<'_>, client_id: &str, user_name: &str, password: &str) -> Result<Mqtt, String> {
    let config = tls::anonymous(&gateway.root(), &["mqtt"]);
    Mqtt::connect_as(client_id, gateway.port("tls"), config, Some((user_name, password)))
}

/// Sends a CONNECT over TLS and gives what comes back first: a CONNACK's return or reason code, nothing where the other side
/// closes.
fn connack(
    gateway: &Gateway<'_>,
    server: &str,
    alpn: &[&str],
    level: u8,
    user_name: &str,
    password: &str,
) -> Option<u8> {
    connack_with(tls::anonymous(&gateway.root(), alpn), gateway, server, level, user_name, password)
}

/// The same with a TLS configuration of one's own.
fn connack_with(
    config: Arc<ClientConfig>,
    gateway: &Gateway<'_>,
    server: &str,
    level: u8,
    user_name: &str,
    password: &str,
) -> Option<u8> {
    let mut stream = tls::stream(config, server, gateway.tcp(gateway.port("tls")));
    let _ = stream.write_all(&connect_packet(level, user_name, password)).and_then(|()| stream.flush());
    let mut head = [0; 4];
    stream.read_exact(&mut head).ok().map(|()| head[3])
}

/// A CONNECT of the client `raw`.
fn connect_packet(level: u8, user_name: &str, password: &str) -> Vec<u8> {
    let text = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat();
    let mut body = text("MQTT");
    body.extend([level, 0b1100_0010, 0, 60]);
    if level == 5 {
        body.push(0);
    }
    for field in ["raw", user_name, password] {
        body.extend(text(field));
    }
    let mut packet = vec![0x10];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length % 128).unwrap();
        length /= 128;
        packet.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

fn https(gateway: &Gateway<'_>, path: &str, headers: &[(&str, &str)]) -> Answer {
    let stream = tls::stream(tls::anonymous(&gateway.root(), &[]), "127.0.0.1", gateway.tcp(gateway.port("tls")));
    http::send(stream, "POST", path, headers, b"by HTTPS")
}

fn events(place: &Place) -> Vec<Value> {
    let kept = fs::read_to_string(place.path().join("scripted/events")).unwrap_or_default();
    kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_token_lets_its_device_in_and_to_its_own_topics() {
    let place = place();
    let gateway = place.up(&["--ephemeral"]);
    let key = key(&gateway);
    let mut observer = gateway.observer(&["dt/#", "$aws/events/presence/connected/charger-1"]);
    let mut device = connect(&gateway, "charger-1", TOKENS, &key.token("charger-1", 3600)).unwrap();
    let connected = observer.receive("$aws/events/presence/connected/").json();
    assert_eq!(connected["principalIdentifier"], "charger1");
    let key_of_row = json!({ "TableName": "devices", "Key": { "thingName": { "S": "charger-1" } } });
    let row = gateway.dynamodb("GetItem", &key_of_row);
    assert_eq!(row["Item"]["joinedWith"], json!({ "S": "token" }), "it was written down before it was let in");
    device.subscribe("cmd/charger-1/#");
    device.publish("dt/charger-1/telemetry", "{}").unwrap();
    assert_eq!(observer.receive("dt/").topic, "dt/charger-1/telemetry");
    gateway.publish("cmd/charger-1/go", "now", false);
    assert_eq!(device.receive("cmd/").payload, b"now");
    device.publish("dt/charger-2/telemetry", "{}").unwrap_err();

    let other = connect(&gateway, "charger-2", TOKENS, &key.token("charger-1", 3600)).err().unwrap();
    assert!(other.contains("BadUserNamePassword"), "{other}");
}

/// As the AWS IoT Device SDKs connect with MQTT 3.1.1: the upgrade says nothing, and the CONNECT names the authorizer.
#[test]
fn over_a_websocket_the_connect_may_name_the_authorizer() {
    let place = scripted_place();
    let gateway = place.up(&["--ephemeral"]);
    for (say, code) in [("yes", 0), ("deny", 4)] {
        let stream = tls::stream(tls::anonymous(&gateway.root(), &[]), "127.0.0.1", gateway.tcp(gateway.port("tls")));
        let opened = WebSocket::open(stream, "/mqtt", &[("sec-websocket-protocol", "mqtt")]);
        let mut socket = opened.unwrap_or_else(|answer| panic!("{answer:?}"));
        socket.send_bytes(&connect_packet(4, &scripted(say), "secret"));
        assert_eq!(socket.receive_bytes(), [0x20, 2, 0, code], "{say}");
    }
    let seen = &events(&place)[0];
    assert_eq!(seen["protocols"], json!(["tls", "http", "mqtt"]));
    let expected = json!({ "username": scripted("yes"), "password": "c2VjcmV0", "clientId": "raw" });
    assert_eq!(seen["protocolData"]["mqtt"], expected);
}

#[test]
fn each_refusal_has_its_code_and_its_reason() {
    let place = place();
    let gateway = place.up(&["--ephemeral"]);
    let key = key(&gateway);
    let good = key.token("raw", 3600);
    let code = |level: u8, user: &str, password: &str| connack(&gateway, "127.0.0.1", &["mqtt"], level, user, password);
    assert_eq!((code(4, TOKENS, &good), code(5, TOKENS, &good)), (Some(0), Some(0)));
    let forged = TokenKey::new().token("raw", 3600);
    let unknown = "device?x-amz-customauthorizer-name=nobody";
    for (user_name, password, reason) in [
        (TOKENS, forged.as_str(), "NOT_AUTHENTICATED"),
        (TOKENS, &key.token("raw", -10), "NOT_AUTHENTICATED"),
        (TOKENS, &key.token("another", 3600), "NOT_AUTHENTICATED"),
        (TOKENS, "no token", "NOT_AUTHENTICATED"),
        (unknown, &good, "CUSTOM_AUTHORIZER_NOT_FOUND: there is no authorizer `nobody`"),
        ("device", &good, "CUSTOM_AUTHORIZER_NOT_FOUND: no authorizer is named"),
    ] {
        assert_eq!(code(4, user_name, password), Some(4), "{user_name} {reason}");
        assert_eq!(code(5, user_name, password), Some(0x86), "{user_name} {reason}");
        place.told(reason);
    }
    let text = |text: &str| json!({ "S": text });
    let row = json!({ "entry": text("thing#raw"), "why": text("stolen") });
    gateway.dynamodb("PutItem", &json!({ "TableName": "blocked", "Item": row }));
    assert_eq!(code(4, TOKENS, &good), Some(4), "on the block list");
}

#[test]
fn a_function_that_refuses_fails_or_takes_too_long_lets_nobody_in() {
    let place = scripted_place();
    let gateway = place.up(&["--ephemeral"]);
    let code = |level: u8, user: &str| connack(&gateway, "127.0.0.1", &["mqtt"], level, user, "");
    assert_eq!(code(4, &scripted("yes")), Some(0));
    assert_eq!(code(5, &scripted("deny")), Some(0x86));
    for (say, reason) in [
        ("deny", "NOT_AUTHENTICATED"),
        ("fail", "out of order"),
        ("nonsense", "needs `principalId`"),
        ("hang", "took more than 5 s"),
    ] {
        assert_eq!(code(4, &scripted(say)), Some(4), "{say}");
        place.told(reason);
    }
}

#[test]
fn the_function_sees_what_the_device_sent() {
    let place = scripted_place();
    let gateway = place.up(&["--ephemeral"]);
    assert_eq!(connack(&gateway, "iot.example", &["mqtt"], 4, &scripted("yes"), "secret"), Some(0));
    https(&gateway, "/topics/dt/x?qos=0&say=yes&x-amz-customauthorizer-name=scripted", &[("x-mine", "1")]).ok();
    let [mqtt, http] = &events(&place)[..] else { panic!("two events") };
    assert_eq!(mqtt["protocols"], json!(["tls", "mqtt"]));
    assert_eq!(mqtt["token"], "yes");
    assert_eq!(mqtt["signatureVerified"], false);
    assert_eq!(mqtt["protocolData"]["tls"], json!({ "serverName": "iot.example" }));
    let expected = json!({ "username": scripted("yes"), "password": "c2VjcmV0", "clientId": "raw" });
    assert_eq!(mqtt["protocolData"]["mqtt"], expected);
    assert!(mqtt["connectionMetadata"]["id"].is_string());
    assert_eq!(http["protocols"], json!(["tls", "http"]));
    let data = &http["protocolData"]["http"];
    assert_eq!(data["queryString"], "?qos=0&say=yes&x-amz-customauthorizer-name=scripted");
    assert_eq!(data["headers"]["x-mine"], "1");
}

#[test]
fn https_publishes_with_a_bearer_token() {
    let place = place();
    let gateway = place.up(&["--ephemeral"]);
    let key = key(&gateway);
    let mut observer = gateway.observer(&["dt/#"]);
    let bearer = |token: &str| format!("Bearer {token}");
    let name = ("x-amz-customauthorizer-name", "tokens");
    // A request needs no connection that stays: a minute is enough.
    let good = bearer(&key.token("charger-1", 60));
    let answer = https(&gateway, "/topics/dt/charger-1/telemetry?qos=1", &[name, ("authorization", &good)]).ok();
    assert_eq!(answer["message"], "OK");
    assert_eq!(observer.receive("dt/").payload, b"by HTTPS");
    let other = https(&gateway, "/topics/dt/charger-2/telemetry?qos=1", &[name, ("authorization", &good)]);
    other.refused(403, "ForbiddenException", "Forbidden");
    assert!(other.body.contains("traceId"), "{}", other.body);
    let forged = bearer(&TokenKey::new().token("charger-1", 60));
    let refused = https(&gateway, "/topics/dt/charger-1/telemetry", &[name, ("authorization", &forged)]);
    refused.refused(401, "UnauthorizedException", "Unauthorized");
    https(&gateway, "/topics/dt/charger-1/telemetry", &[]).refused(403, "ForbiddenException", "Forbidden");
    // This protocol is for certificates, of which there is none.
    let config = tls::anonymous(&gateway.root(), &["x-amzn-http-ca"]);
    let stream = tls::stream(config, "127.0.0.1", gateway.tcp(gateway.port("tls")));
    let refused =
        http::send(stream, "POST", "/topics/dt/charger-1/telemetry", &[name, ("authorization", &good)], b"by HTTPS");
    refused.refused(401, "UnauthorizedException", "no certificate was sent");
    let shadow = https(&gateway, "/things/charger-1/shadow", &[name, ("authorization", &good)]);
    shadow.refused(403, "ForbiddenException", "Forbidden");
}

#[test]
fn an_https_connection_keeps_the_answer() {
    let place = scripted_place();
    let gateway = place.up(&["--ephemeral"]);
    let mut stream = tls::stream(tls::anonymous(&gateway.root(), &[]), "127.0.0.1", gateway.tcp(gateway.port("tls")));
    let mut request = |say: &str| {
        let head = "x-amz-customauthorizer-name: scripted\r\nhost: h\r\ncontent-length: 1";
        write!(stream, "POST /topics/dt/x HTTP/1.1\r\n{head}\r\nsay: {say}\r\n\r\n1").unwrap();
        stream.flush().unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"}") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            read.push(byte[0]);
        }
        String::from_utf8_lossy(&read).split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!([request("a"), request("a"), request("a")], ["200"; 3]);
    assert_eq!(events(&place).len(), 1, "asked once");
    assert_eq!(request("deny"), "401", "another token is another device");
    assert_eq!(events(&place).len(), 2);
}

#[test]
fn a_default_authorizer_and_a_domain_configuration_name_it_for_the_device() {
    let place = scripted_place();
    let gateway = place.up(&["--ephemeral"]);
    let code = |server: &str, alpn: &[&str], user: &str| connack(&gateway, server, alpn, 4, user, "x");
    assert_eq!(code("127.0.0.1", &["mqtt"], "device"), Some(4));
    gateway.iot("POST", "/default-authorizer", &json!({ "authorizerName": "tokens" }));
    assert_eq!(code("127.0.0.1", &["mqtt"], "device"), Some(0));
    gateway.iot("DELETE", "/default-authorizer", &Value::Null);

    let listed = gateway.iot("GET", "/domainConfigurations", &Value::Null);
    for (at, (name, service)) in
        [("iot:Data-ATS", "DATA"), ("iot:Jobs", "JOBS"), ("iot:CredentialProvider", "CREDENTIAL_PROVIDER")]
            .into_iter()
            .enumerate()
    {
        let own = &listed["domainConfigurations"][at];
        assert_eq!((own["domainConfigurationName"].as_str(), own["serviceType"].as_str()), (Some(name), Some(service)));
        let described = gateway.iot("GET", &format!("/domainConfigurations/{name}"), &Value::Null);
        assert_eq!(described["serviceType"], service, "{described}");
        assert_eq!(
            (&described["domainType"], &described["domainConfigurationArn"]),
            (&json!("ENDPOINT"), &own["domainConfigurationArn"])
        );
        let refused = gateway.iot_answer("DELETE", &format!("/domainConfigurations/{name}"));
        refused.refused(400, "InvalidRequestException", "domainConfigurationName");
    }
    assert_eq!(listed["domainConfigurations"].as_array().unwrap().len(), 3);
    let jobs = gateway.iot("GET", "/domainConfigurations?serviceType=JOBS", &Value::Null);
    assert_eq!(jobs["domainConfigurations"].as_array().unwrap().len(), 1);
    let certificate = "arn:aws:acm:us-east-1:123456789012:certificate/5b1a1c1e-0000-4000-8000-000000000000";
    let create = json!({
        "domainName": "iot.fleet.example", "serverCertificateArns": [certificate],
        "authenticationType": "CUSTOM_AUTH", "applicationProtocol": "SECURE_MQTT",
        "authorizerConfig": { "defaultAuthorizerName": "tokens", "allowAuthorizerOverride": false },
    });
    gateway.iot("POST", "/domainConfigurations/fleet", &create);
    // The domain pins the way: no ALPN is needed, and no name.
    assert_eq!(code("iot.fleet.example", &[], "device"), Some(0));
    assert_eq!(code("iot.fleet.example", &[], &scripted("yes")), Some(4), "the domain allows no other authorizer");
    // Nor is there need of the one port: that of MQTT asks for no certificate there.
    let socket = gateway.tcp(gateway.port("mqtt"));
    let mut stream = tls::stream(tls::anonymous(&gateway.root(), &[]), "iot.fleet.example", socket);
    stream.write_all(&connect_packet(4, "device", "x")).unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0]);
    let update = json!({ "domainConfigurationStatus": "DISABLED" });
    gateway.iot("PUT", "/domainConfigurations/fleet", &update);
    assert_eq!(code("iot.fleet.example", &[], "device"), None, "disabled");
    place.told("DOMAIN_CONFIGURATION_DISABLED");
    gateway.iot("DELETE", "/domainConfigurations/fleet", &Value::Null);
}

/// A domain configuration whose devices connect in this way.
fn domain(gateway: &Gateway<'_>, name: &str, server: &str, more: Value) {
    let certificate = "arn:aws:acm:us-east-1:123456789012:certificate/5b1a1c1e-0000-4000-8000-000000000000";
    let mut create = json!({ "domainName": server, "serverCertificateArns": [certificate] });
    create.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    gateway.iot("POST", &format!("/domainConfigurations/{name}"), &create);
}

#[test]
fn a_domain_may_ask_for_a_certificate_and_an_authorizer() {
    let place = scripted_place();
    let gateway = place.up(&["--ephemeral"]);
    let more = json!({
        "authenticationType": "CUSTOM_AUTH_X509", "applicationProtocol": "SECURE_MQTT",
        "authorizerConfig": { "defaultAuthorizerName": "scripted", "allowAuthorizerOverride": false },
    });
    domain(&gateway, "both", "both.example", more);
    let own = "arn:aws:iot:us-east-1:123456789012:topic/own";
    let device = gateway.device("raw", &json!([{ "Effect": "Allow", "Action": "iot:Publish", "Resource": own }]));
    let mut observer = gateway.observer(&["$aws/events/presence/connected/raw", "own", "given"]);
    let config = || device.config(&gateway.root(), &[]);

    let mut stream = tls::stream(config(), "both.example", gateway.tcp(gateway.port("tls")));
    stream.write_all(&connect_packet(4, "device?say=cert", "secret")).unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0]);
    let connected = observer.receive("$aws/events/").json();
    assert_eq!(connected["principalIdentifier"], device.id, "{connected}");
    // What the certificate may do, and what the authorizer allows besides.
    for (topic, id) in [("own", 1), ("given", 2)] {
        let length = u8::try_from(topic.len()).unwrap();
        let packet = [&[0x32, length + 4, 0, length], topic.as_bytes(), &[0, id]].concat();
        stream.write_all(&packet).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [0x40, 2, 0, id], "{topic}");
        observer.receive(topic);
    }
    stream.write_all(b"\x32\x07\0\x03not\0\x03").unwrap();
    assert!(stream.read_exact(&mut answer).is_err(), "neither allows it");
    let event = &events(&place)[0]["protocolData"]["tls"];
    assert_eq!((&event["principalId"], &event["serverName"]), (&json!(device.id), &json!("both.example")));
    assert!(event["x509CertificatePem"].as_str().unwrap().contains("BEGIN CERTIFICATE"), "{event}");

    let code = |config, say: &str| connack_with(config, &gateway, "both.example", 4, &format!("u?say={say}"), "");
    assert_eq!(code(config(), "yes"), Some(4), "the principal is not the certificate");
    place.told("it must be the certificate's id");
    assert_eq!(code(config(), "deny"), Some(4));
    place.told("NOT_AUTHENTICATED: the authorizer `scripted`");
    assert_eq!(code(tls::anonymous(&gateway.root(), &[]), "cert"), None, "without a certificate nobody is asked");
    place.told("no certificate was sent");
    gateway.iot("PUT", &format!("/certificates/{}?newStatus=INACTIVE", device.id), &Value::Null);
    assert_eq!(code(config(), "cert"), None);
    place.told("DEVICE_CERTIFICATE_INACTIVE");
    assert_eq!(events(&place).len(), 3, "a certificate that does not count needs no authorizer");
}

/// "Custom client certificate validation": a function has a say on certificates that are good otherwise.
#[test]
fn a_domains_function_has_a_say_on_certificates() {
    let place = scripted_place();
    let gateway = place.up(&["--ephemeral"]);
    let function = "arn:aws:lambda:us-east-1:123456789012:function:scripted";
    let more = |application: &str| {
        json!({
            "authenticationType": "AWS_X509", "applicationProtocol": application,
            "clientCertificateConfig": { "clientCertificateCallbackArn": function },
        })
    };
    domain(&gateway, "open", "open.example", more("SECURE_MQTT"));
    domain(&gateway, "closed", "closed.example", more("SECURE_MQTT"));
    domain(&gateway, "web", "closed.web.example", more("HTTPS"));
    let device = gateway.free_device("raw");
    let code = |server: &str| connack_with(device.config(&gateway.root(), &[]), &gateway, server, 4, "", "");
    assert_eq!(code("open.example"), Some(0));
    assert_eq!(code("closed.example"), None);
    place.told("refuses the certificate");
    let config = device.config(&gateway.root(), &["x-amzn-http-ca"]);
    let stream = tls::stream(config, "closed.web.example", gateway.tcp(gateway.port("tls")));
    http::send(stream, "POST", "/topics/a", &[], b"1").refused(403, "ForbiddenException", "Forbidden");
    let asked = events(&place);
    assert_eq!(asked.len(), 3);
    assert_eq!((&asked[0]["principalId"], &asked[0]["serverName"]), (&json!(device.id), &json!("open.example")));
    let chain = asked[0]["clientCertificateChain"].as_array().unwrap();
    assert!(chain.len() == 1 && chain[0].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE"), "{chain:?}");
}

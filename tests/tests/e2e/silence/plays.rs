//! The faults, made.

use super::wire::{Wire, connect, old_hello, publish, publish_with, subscribe};
use drydock_tests::gateway::Gateway;
use drydock_tests::maker::Maker;
use drydock_tests::mqtt::Mqtt;
use drydock_tests::tls::{self, Identity};
use drydock_tests::websocket::WebSocket;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SignatureScheme, StreamOwned};
use serde_json::{Value, json};
use std::any::Any;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const ARN: &str = "arn:aws:iot:us-east-1:123456789012:";
const ACTIVE: &str = "setAsActive=true";
const AUTO: &str = "allowAutoRegistration=true";

/// A gateway with what the faults need.
pub(super) struct Stage<'g> {
    gateway: &'g Gateway<'g>,
    /// A device that may do everything.
    free: Identity,
    other: Identity,
}

/// What must stay until the gateway has told: connections, for example.
type Players = Box<dyn Any>;

impl<'g> Stage<'g> {
    pub(super) fn new(gateway: &'g Gateway<'g>) -> Self {
        for (name, filter, disabled) in [("Telemetry", "dt/+/telemetry", false), ("Off", "off/#", true)] {
            let to =
                json!([{ "republish": { "topic": "rules/out", "roleArn": "arn:aws:iam::123456789012:role/rules" } }]);
            let rule = json!({
                "sql": format!("SELECT * FROM '{filter}'"), "awsIotSqlVersion": "2016-03-23", "actions": to,
                "ruleDisabled": disabled,
            });
            gateway.iot("POST", &format!("/rules/{name}"), &rule);
        }
        Self { gateway, free: gateway.free_device("free"), other: gateway.free_device("other") }
    }

    /// A connection to the port without TLS, whose client may do everything, that says this once it is let in.
    fn plain(&self, client_id: &str, says: &[u8]) -> Players {
        let mut wire = Wire::open(self.gateway.tcp(self.gateway.port("plain")), client_id);
        wire.send(says);
        Box::new(wire)
    }

    /// Bytes to a port.
    fn bytes(&self, port: u16, bytes: &[u8]) -> Players {
        let mut wire = Wire(self.gateway.tcp(port));
        wire.send(bytes);
        Box::new(wire)
    }

    fn stream(&self, config: Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
        tls::stream(config, "127.0.0.1", self.gateway.tcp(self.gateway.port("mqtt")))
    }

    /// A handshake with the port of MQTT, that fails on one side or the other.
    fn handshake(&self, config: Arc<ClientConfig>) -> Players {
        let mut wire = Wire(self.stream(config));
        wire.send(&connect("nobody", 60, 4));
        wire.rest();
        Box::new(())
    }

    /// A device whose policy allows a connect, and this.
    fn device(&self, name: &str, more: &[Value]) -> Identity {
        let mut statements = vec![json!({ "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" })];
        statements.extend(more.iter().cloned());
        self.gateway.device(name, &Value::from(statements))
    }

    fn open(&self, device: &Identity) -> Wire<StreamOwned<ClientConnection, TcpStream>> {
        Wire::open(self.stream(device.config(&self.gateway.root(), &[])), &device.name)
    }

    /// A connect over mutual TLS that is refused.
    fn refused(&self, device: &Identity) -> Players {
        self.gateway.try_connect(device).err().expect("it is to be refused");
        Box::new(())
    }

    fn authority(&self, name: &str, options: &[&str]) -> Maker {
        let maker = Maker::new(name);
        let code = self.gateway.iot("GET", "/registrationcode", &Value::Null);
        let verification = maker.sign(code["registrationCode"].as_str().unwrap());
        let body = json!({ "caCertificate": maker.pem(), "verificationCertificate": verification.certificate });
        self.gateway.iot("POST", &format!("/cacertificate?{}", options.join("&")), &body);
        maker
    }

    /// A WebSocket that is refused.
    fn websocket(&self, path: &str, headers: &[(&str, &str)]) -> Players {
        let opened = WebSocket::open(self.gateway.tcp(self.gateway.api_port()), path, headers);
        opened.err().expect("it is to be refused");
        Box::new(())
    }

    /// Makes a fault.
    pub(super) fn play(&self, fault: &str) -> Players {
        let gateway = self.gateway;
        let root = gateway.root();
        let allow = |action: &str, resource: &str| json!({ "Effect": "Allow", "Action": action, "Resource": format!("{ARN}{resource}") });
        let shadow = |thing: &str, document: &str| {
            publish(&format!("$aws/things/{thing}/shadow/update"), document.as_bytes(), 0)
        };
        match fault {
            "another CA file" => self.handshake(self.free.config(&Maker::new("Another CA").pem(), &[])),
            "a client that goes silent over our certificate" => {
                let mut stream = self.stream(self.free.config(&root, &[]));
                stream.conn.write_tls(&mut stream.sock).unwrap();
                Box::new(stream)
            }
            "a clock in 1970" => self.handshake(Arc::new(in_1970(&root))),
            "no common cipher suite" => self.bytes(gateway.port("mqtt"), &old_hello()),
            "no client certificate" => self.handshake(tls::anonymous(&root, &[])),
            "the key of another certificate" => self.handshake(Arc::new(mixed(&root, &self.free, &self.other))),
            "a certificate that nobody registered" => self.refused(&Maker::new("Strangers CA").sign("stranger")),
            "a CA without auto-registration" => self.refused(&self.authority("Careful CA", &[ACTIVE]).sign("careful")),
            "a CA that is not active" => self.refused(&self.authority("Idle CA", &[AUTO]).sign("idle")),
            "a certificate that waits for its activation" => {
                self.refused(&self.authority("Waiting CA", &[ACTIVE, AUTO]).sign("waiting"))
            }
            "an inactive certificate" => {
                let device = gateway.free_device("inactive");
                gateway.iot("PUT", &format!("/certificates/{}?newStatus=INACTIVE", device.id), &Value::Null);
                self.refused(&device)
            }
            "an expired certificate" => {
                let end = SystemTime::now() + Duration::from_secs(3600);
                let device = self.authority("Short CA", &[ACTIVE]).sign_until("short-lived", end);
                let body = json!({ "certificatePem": device.certificate, "status": "ACTIVE" });
                gateway.iot("POST", "/certificate/register", &body);
                gateway.send("POST", "/_drydock/clock", &[], br#"{"advance":"2h"}"#).ok();
                self.refused(&device)
            }
            "a policy without iot:Connect" => {
                self.refused(&gateway.device("no-connect", &json!([allow("iot:Publish", "topic/*")])))
            }
            "a client id that is not the thing's name" => {
                let own = allow("iot:Connect", "client/${iot:Connection.Thing.ThingName}");
                self.refused(&gateway.device("not-the-thing", &json!([own])))
            }
            "a subscription that the policy allows as a topic" => {
                let mut wire = self.open(&self.device("topic-filter", &[allow("iot:Subscribe", "topic/cmd/meant")]));
                wire.send(&subscribe("cmd/meant", 1));
                Box::new(wire)
            }
            "a policy without iot:Receive" => {
                let mut wire = self.open(&self.device("deaf", &[allow("iot:Subscribe", "topicfilter/news/*")]));
                wire.send(&subscribe("news/#", 1));
                assert_eq!(wire.read(5), [0x90, 3, 0, 1, 1], "SUBACK");
                gateway.publish("news/a", "1", false);
                Box::new(wire)
            }
            "a retained message without iot:RetainPublish" => {
                let mut wire = self.open(&self.device("retains", &[allow("iot:Publish", "topic/*")]));
                wire.send(&publish("kept/1", b"1", 1));
                Box::new(wire)
            }
            "a payload above 128 KB" => self.plain("large", &publish("dt/large", &vec![b'x'; 131_073], 0)),
            "a topic that is too deep" => self.plain("deep", &publish("a/b/c/d/e/f/g/h/i", b"1", 0)),
            "a topic that is too long" => self.plain("long", &publish(&"t".repeat(257), b"1", 0)),
            "a reserved topic" => self.plain("reserved", &publish("$aws/things/t/shadow/update/delta", b"{}", 0)),
            "a topic that starts with $ and is none of AWS's" => {
                self.plain("misspelled", &publish("$aws/thing/t/shadow/update", b"{}", 0))
            }
            "a wildcard in a topic" => self.plain("wild", &publish("dt/+/telemetry", b"{}", 0)),
            "a filter with a misplaced wildcard" => self.plain("misplaced", &subscribe("cmd/#/all", 0)),
            "QoS 2" => self.plain("two", &publish("dt/two", b"1", 4)),
            "a subscription with QoS 2" => self.plain("subscribes-two", &subscribe("dt/#", 2)),
            "a client id that is too long" => self.bytes(gateway.port("plain"), &connect(&"c".repeat(129), 60, 4)),
            "a keep-alive that is too long" => self.bytes(gateway.port("plain"), &connect("patient", 3600, 4)),
            "the same client id twice" => Box::new([self.plain("twin", &[]), self.plain("twin", &[])]),
            "User Properties that are too large" => {
                let mut wire = Wire(gateway.tcp(gateway.port("plain")));
                wire.send(&connect("talkative", 60, 5));
                wire.send(&publish_with("dt/talkative", ("note", &"x".repeat(9000))));
                Box::new(wire)
            }
            "a version conflict of a shadow" => {
                let document = shadow("t", r#"{"state":{"reported":{"a":1}},"version":99}"#);
                self.plain("conflict", &[shadow("t", r#"{"state":{"reported":{"a":1}}}"#), document].concat())
            }
            "a shadow document without a state" => self.plain("stateless", &shadow("t", r#"{"status":1}"#)),
            "a shadow with an invalid name" => {
                self.plain("misnamed", &publish("$aws/things/t/shadow/name/not valid/update", b"{\"state\":{}}", 0))
            }
            "a delta that does not come" => {
                self.plain("same", &shadow("same", r#"{"state":{"desired":{"a":1},"reported":{"a":1}}}"#))
            }
            "a publish that nothing matches" => self.plain("dock-1", &publish("dt/dock-1/telemtry", b"{}", 0)),
            "a publish that a disabled rule would take" => self.plain("hopeful", &publish("off/1", b"{}", 0)),
            "Basic Ingest to a rule that does not exist" => {
                self.plain("ingests", &publish("$aws/rules/Telemetri/dt/x", b"{}", 0))
            }
            "a custom authorizer that is not named" => {
                let config = self.free.config(&root, &["mqtt"]);
                Mqtt::connect("unnamed", gateway.port("tls"), config).err().expect("it is to be refused");
                Box::new(())
            }
            "a custom authorizer without its token" => {
                let made = gateway.iot("POST", "/keys-and-certificate", &Value::Null);
                let body = json!({
                    "authorizerFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:guard", "status": "ACTIVE",
                    "tokenKeyName": "token", "tokenSigningPublicKeys": { "k1": made["keyPair"]["PublicKey"] },
                });
                gateway.iot("POST", "/authorizer/guard", &body);
                let (config, user) = (self.free.config(&root, &["mqtt"]), ("?x-amz-customauthorizer-name=guard", ""));
                let connected = Mqtt::connect_as("tokenless", gateway.port("tls"), config, Some(user));
                connected.err().expect("it is to be refused");
                Box::new(())
            }
            "MQTT without TLS on a port of TLS" => self.bytes(gateway.port("mqtt"), &connect("open", 60, 4)),
            "TLS on the port of the API" => self.bytes(gateway.api_port(), &old_hello()),
            "MQTT on the port of the API" => self.bytes(gateway.api_port(), &connect("open", 60, 4)),
            "TLS on the plain port" => self.bytes(gateway.port("plain"), &old_hello()),
            "a WebSocket at another path" => self.websocket("/ws", &[("sec-websocket-protocol", "mqtt")]),
            "a WebSocket without the subprotocol" => self.websocket("/mqtt", &[]),
            "a WebSocket signed for what is not a region" => {
                let query = "X-Amz-Credential=KEY%2F20260101%2Fnowhere%2Fiotdevicegateway%2Faws4_request";
                self.websocket(&format!("/mqtt?{query}"), &[("sec-websocket-protocol", "mqtt")])
            }
            other => panic!("nobody knows how to make the fault `{other}`"),
        }
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn roots(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap));
    roots
}

#[derive(Debug)]
struct Epoch;

impl TimeProvider for Epoch {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(60)))
    }
}

/// A device whose clock begins in 1970.
fn in_1970(root: &str) -> ClientConfig {
    let builder = ClientConfig::builder_with_details(provider(), Arc::new(Epoch)).with_safe_default_protocol_versions();
    builder.unwrap().with_root_certificates(roots(root)).with_no_client_auth()
}

#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A device that shows one's certificate and has another's key.
fn mixed(root: &str, shown: &Identity, held: &Identity) -> ClientConfig {
    let chain = CertificateDer::pem_slice_iter(shown.certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(held.key.as_bytes()).unwrap();
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let shows = Shows(Arc::new(CertifiedKey::new(chain, key)));
    builder.unwrap().with_root_certificates(roots(root)).with_client_cert_resolver(Arc::new(shows))
}

//! Connections through a custom authorizer in the course of time: a device over a WebSocket, its authorizer's function played
//! here, and a clock that these tests move.

use crate::config::Config;
use crate::dock::Clock as Following;
use crate::{Dock, Gateway};
use bytes::Bytes;
use drydock_cloud::lambda::{Definition, permission::Permission};
use drydock_core::event::DisconnectReason;
use drydock_core::{Clock, Service, Timestamp};
use drydock_model::http::{Request, Response};
use drydock_services::call::Call;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const NOT_AUTHORIZED: u8 = 0x87;
const MAXIMUM_CONNECT_TIME: u8 = 0xA0;

/// A clock that stands still unless it is moved.
struct Still(AtomicI64);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A gateway with the authorizer `fleet`, whose function is whoever takes its requests from `functions`.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) functions: TcpListener,
    dock: Dock,
    clock: Arc<Still>,
}

/// Lets AWS IoT call the function `auth` for the authorizer `fleet`.
pub(crate) fn permit(gateway: &Gateway) {
    let permission = Permission {
        qualifier: None,
        statement_id: "Allow".into(),
        action: "lambda:InvokeFunction".into(),
        principal: "iot.amazonaws.com".into(),
        source_arn: Some("arn:aws:iot:us-east-1:123456789012:authorizer/fleet".into()),
        source_account: None,
    };
    gateway.host.cloud.lambda().permit("auth", permission).unwrap();
}

impl World {
    pub(crate) async fn new() -> Self {
        let functions = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", functions.local_addr().unwrap()).parse().unwrap();
        // While the clock stands still no second passes.
        let mut config = Config::default();
        config.limits.publishes_per_second = 0;
        let clock = Arc::new(Still(AtomicI64::new(drydock_host::system::SystemClock.now().millis())));
        let dock = Dock::empty()
            .lambda_endpoint(endpoint)
            .config(config)
            .clock(Following::following(Arc::clone(&clock) as Arc<dyn Clock>));
        let dock = dock.start().await.unwrap();
        let gateway = dock.gateway().clone();
        let lambda = gateway.host.cloud.lambda();
        lambda.register(Definition::new("auth", "/bin/true")).unwrap();
        permit(&gateway);
        let function = "arn:aws:lambda:us-east-1:123456789012:function:auth";
        let create = json!({ "authorizerFunctionArn": function, "signingDisabled": true, "status": "ACTIVE" });
        assert_eq!(call(&gateway, "POST", "/authorizer/fleet", create).await.0, 200);
        Self { gateway, functions, dock, clock }
    }

    fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
        self.gateway.clock_moved();
    }

    /// Connects through the authorizer, which answers so.
    async fn connect(&self, client_id: &str, answer: &Value) -> Device {
        let mut device = Device::open(self.gateway.addresses().api, "/mqtt").await;
        device.send(&connect_packet(client_id)).await;
        function(&self.functions, answer).await;
        assert_eq!(device.receive().await[3], 0, "{client_id} is let in");
        device
    }

    fn ended(&self, client_id: &str) -> Option<DisconnectReason> {
        self.gateway.host.broker.connection(client_id)?.disconnected.map(|(_, reason)| reason)
    }

    async fn stop(self) {
        self.dock.stop().await;
    }
}

/// Plays the functions: one request, one answer; gives the event back.
pub(crate) async fn function(listener: &TcpListener, answer: &Value) -> Value {
    let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut read = Vec::new();
    let event = loop {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "the request ends early");
        let text = String::from_utf8_lossy(&read);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
        if let Some(event) = body.and_then(|body| serde_json::from_str(body).ok()) {
            break event;
        }
    };
    let body = answer.to_string();
    let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    stream.write_all(response.as_bytes()).await.unwrap();
    event
}

/// An operation of AWS IoT's control plane.
pub(crate) async fn call(gateway: &Gateway, method: &str, path: &str, body: Value) -> (u16, Value) {
    let call = Call {
        services: Arc::clone(&gateway.services),
        source: SocketAddr::from(([127, 0, 0, 1], 1)),
        device: None,
        signer: None,
    };
    let request = Request {
        method: method.into(),
        path: path.into(),
        query: String::new(),
        headers: Vec::new(),
        body: Bytes::from(body.to_string()),
    };
    let Response { status, body, .. } = gateway.router.call(call, Service::Iot, &request).await;
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// A device that speaks MQTT 5 over a WebSocket; each frame holds one packet.
struct Device(TcpStream);

impl Device {
    async fn open(api: SocketAddr, path: &str) -> Self {
        let mut stream = TcpStream::connect(api).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {api}\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: mqtt\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    async fn send(&mut self, packet: &[u8]) {
        // A mask of zeros changes nothing.
        let head = [0x82, 0x80 | u8::try_from(packet.len()).unwrap(), 0, 0, 0, 0];
        self.0.write_all(&[&head, packet].concat()).await.unwrap();
    }

    async fn receive(&mut self) -> Vec<u8> {
        let read = async {
            let mut head = [0; 2];
            self.0.read_exact(&mut head).await.unwrap();
            assert!(head[0] == 0x82 && head[1] < 126, "{head:?}");
            let mut packet = vec![0; head[1].into()];
            self.0.read_exact(&mut packet).await.unwrap();
            packet
        };
        timeout(PATIENCE, read).await.unwrap()
    }

    /// Publishes at QoS 1: the reason code of the PUBACK.
    async fn publish(&mut self, topic: u8) -> u8 {
        self.send(&[0x32, 6, 0, 1, topic, 0, 1, 0]).await;
        let ack = self.receive().await;
        assert_eq!(ack[0], 0x40, "{ack:?}");
        ack.get(4).copied().unwrap_or_default()
    }

    /// The reason code that the gateway says goodbye with.
    async fn farewell(&mut self) -> u8 {
        let packet = self.receive().await;
        assert_eq!(packet[0], 0xE0, "{packet:?}");
        packet[2]
    }
}

/// A CONNECT of MQTT 5 with a keep-alive of 1,200 s that names the authorizer.
fn connect_packet(client_id: &str) -> Vec<u8> {
    let text = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat();
    let fields = [text("MQTT"), vec![5, 0x82, 0x04, 0xB0, 0], text(client_id)].concat();
    let body = [fields, text("device?x-amz-customauthorizer-name=fleet")].concat();
    [vec![0x10, u8::try_from(body.len()).unwrap()], body].concat()
}

/// An answer that lets connect and publish to one topic.
fn granted(topic: &str, refresh: u32, disconnect: u32) -> Value {
    let resource = |rest: &str| format!("arn:aws:iot:us-east-1:123456789012:{rest}");
    let statement =
        |action: &str, rest: &str| json!({ "Effect": "Allow", "Action": action, "Resource": resource(rest) });
    let statements = [statement("iot:Connect", "client/*"), statement("iot:Publish", &format!("topic/{topic}"))];
    json!({
        "isAuthenticated": true, "principalId": "dock", "refreshAfterInSeconds": refresh,
        "disconnectAfterInSeconds": disconnect,
        "policyDocuments": [{ "Version": "2012-10-17", "Statement": statements }],
    })
}

#[tokio::test]
async fn a_refresh_changes_what_a_device_may_do_and_one_that_denies_ends_the_connection() {
    let world = World::new().await;
    let mut device = world.connect("dock-7", &granted("a", 300, 86_400)).await;
    assert_eq!((device.publish(b'a').await, device.publish(b'b').await), (0, NOT_AUTHORIZED));
    world.advance(299);
    assert_eq!(device.publish(b'a').await, 0);
    tokio::select! {
        biased;
        _ = world.functions.accept() => panic!("the function is asked before its time"),
        () = std::future::ready(()) => {}
    }
    world.advance(1);
    let event = function(&world.functions, &granted("b", 600, 86_400)).await;
    assert_eq!(event["protocolData"]["mqtt"]["clientId"], "dock-7", "asked what it was asked at the connect");
    let changed = async { while device.publish(b'b').await != 0 {} };
    timeout(PATIENCE, changed).await.unwrap();
    assert_eq!(device.publish(b'a').await, NOT_AUTHORIZED, "what the first answer allowed is over");

    world.advance(600);
    function(&world.functions, &json!({ "isAuthenticated": false })).await;
    assert_eq!(device.farewell().await, NOT_AUTHORIZED);
    assert_eq!(world.ended("dock-7"), Some(DisconnectReason::AuthError));
    world.stop().await;
}

#[tokio::test]
async fn a_refresh_without_a_usable_answer_ends_the_connection() {
    let world = World::new().await;
    let mut another = granted("a", 300, 86_400);
    another["principalId"] = json!("another");
    for (client_id, answer) in [("nonsense", json!({ "isAuthenticated": true })), ("another", another)] {
        let mut device = world.connect(client_id, &granted("a", 300, 86_400)).await;
        world.advance(300);
        function(&world.functions, &answer).await;
        assert_eq!(device.farewell().await, NOT_AUTHORIZED, "{client_id}");
        assert_eq!(world.ended(client_id), Some(DisconnectReason::AuthError), "{client_id}");
    }
    world.stop().await;
}

/// "The maximum duration (in seconds) of the connection": a refresh does not make it longer.
#[tokio::test]
async fn a_connection_ends_when_its_time_is_over() {
    let world = World::new().await;
    let mut device = world.connect("dock-7", &granted("a", 300, 500)).await;
    world.advance(300);
    function(&world.functions, &granted("b", 300, 86_400)).await;
    let changed = async { while device.publish(b'b').await != 0 {} };
    timeout(PATIENCE, changed).await.unwrap();
    world.advance(199);
    assert_eq!(device.publish(b'b').await, 0);
    world.advance(1);
    assert_eq!(device.farewell().await, MAXIMUM_CONNECT_TIME);
    assert_eq!(world.ended("dock-7"), Some(DisconnectReason::CustomauthTtlExpiration));
    world.stop().await;
}

/// "WebSocket connection duration": 24 hours, however often the client shows that it lives.
#[tokio::test]
async fn a_signed_websocket_ends_after_a_day() {
    let world = World::new().await;
    let signed = "/mqtt?X-Amz-Credential=KEY%2F20260101%2Fus-east-1%2Fiotdevicegateway%2Faws4_request";
    let mut device = Device::open(world.gateway.addresses().api, signed).await;
    device.send(&connect_packet("dock-7")).await;
    assert_eq!(device.receive().await[3], 0);
    // Within one and a half times the keep-alive each.
    for seconds in std::iter::repeat_n(1_728, 49).chain([1_727]) {
        world.advance(seconds);
        device.send(&[0xC0, 0]).await;
        assert_eq!(device.receive().await, [0xD0, 0]);
    }
    world.advance(1);
    assert_eq!(device.farewell().await, MAXIMUM_CONNECT_TIME);
    assert_eq!(world.ended("dock-7"), Some(DisconnectReason::WebsocketTtlExpiration));
    world.stop().await;
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:auth";

#[tokio::test]
async fn an_authorizer_is_tried_out_through_its_function() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let dock = Dock::empty().lambda_endpoint(endpoint).start().await.unwrap();
    let gateway = dock.gateway().clone();
    let lambda = gateway.host.cloud.lambda();
    lambda.register(Definition::new("auth", "/bin/true")).unwrap();
    let create = json!({"authorizerFunctionArn": FUNCTION, "signingDisabled": true, "status": "ACTIVE"});
    assert_eq!(call(&gateway, "POST", "/authorizer/fleet", create).await.0, 200);

    let test = || call(&gateway, "POST", "/authorizer/fleet/test", json!({"mqttContext": {"clientId": "dock-7"}}));
    assert_eq!(test().await.0, 401, "the function does not let AWS IoT call it yet");
    permit(&gateway);

    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]});
    let answer = |policy: Value| {
        json!({"isAuthenticated": true, "principalId": "dock7", "policyDocuments": [policy],
            "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 600})
    };
    let good = answer(policy.clone());
    let ((status, body), event) = tokio::join!(test(), function(&listener, &good));
    let wanted = json!({"isAuthenticated": true, "principalId": "dock7", "policyDocuments": [policy.to_string()],
        "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 600});
    assert_eq!((status, body), (200, wanted));
    assert_eq!(event["protocolData"], json!({"mqtt": {"clientId": "dock-7"}}));
    assert_eq!(event["signatureVerified"], json!(false));

    let bad = answer(json!({"Statement": "nothing"}));
    assert_eq!(tokio::join!(test(), function(&listener, &bad)).0.0, 400, "a policy that is none");
    let denied = json!({"isAuthenticated": false});
    let ((status, body), _) = tokio::join!(test(), function(&listener, &denied));
    assert_eq!((status, body), (200, json!({"isAuthenticated": false})));
    dock.stop().await;
}

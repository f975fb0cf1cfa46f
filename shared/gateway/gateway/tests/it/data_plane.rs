//! The data plane's operations over a real socket, as the API reference of `iot-data` describes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use drydock_gateway::Dock;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn call(api: SocketAddr, line: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(api).await.unwrap();
    let request =
        format!("{line} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn retained_messages_and_connections() {
    let dock = Dock::empty().plain_port(0).start().await.unwrap();
    let gateway = dock.gateway();
    let api = gateway.addresses().api;

    for topic in ["a%2Fb", "c"] {
        let answer = call(api, &format!("POST /topics/{topic}?qos=1&retain=true"), "hello").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let answer = call(api, "GET /retainedMessage/a%2Fb", "").await;
    assert!(answer.contains(r#""payload":"aGVsbG8=""#) && answer.contains(r#""qos":1"#), "{answer}");
    let answer = call(api, "GET /retainedMessage?maxResults=1", "").await;
    assert!(answer.contains(r#""topic":"a/b""#) && answer.contains("nextToken"), "{answer}");
    assert!(answer.contains(r#""payloadSize":5"#) && !answer.contains(r#""topic":"c""#), "{answer}");
    let answer = call(api, "GET /retainedMessage/none", "").await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("ResourceNotFoundException"), "{answer}");

    // Quotas of MQTT 5 properties, over HTTP too: a content type has 256 bytes, correlation data 8 KB.
    let content_type = format!("POST /topics/c?qos=1&contentType={}", "x".repeat(257));
    let correlation =
        format!("POST /topics/c?qos=1 HTTP/1.1\r\nx-amz-mqtt5-correlation-data: {}\r\nx-rest: 1", "QUFB".repeat(2731));
    for line in [content_type, correlation] {
        let answer = call(api, &line, "hello").await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("InvalidRequestException"), "{answer}");
    }

    let mut client = TcpStream::connect(gateway.addresses().plain.unwrap()).await.unwrap();
    client.write_all(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01k").await.unwrap();
    let mut connack = [0; 4];
    client.read_exact(&mut connack).await.unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0]);
    let answer = call(api, "DELETE /connections/k", "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let closed = tokio::time::timeout(Duration::from_secs(20), client.read(&mut connack)).await.unwrap();
    assert_eq!(closed.unwrap_or(0), 0);
    let answer = call(api, "DELETE /connections/nobody", "").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");

    dock.stop().await;
}

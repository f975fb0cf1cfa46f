//! Clients byte by byte, for the tests of what goes wrong around them.

use super::packets::encode;
use super::world::World;
use drydock_broker::Limits;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Limits that nothing but a queue's size holds up.
pub(crate) fn limits() -> Limits {
    Limits { publishes_per_second: 0, bytes_per_second: 0, queue_bytes: 1 << 20, ..Limits::default() }
}

pub(crate) async fn send(stream: &mut TcpStream, packet: &str) {
    stream.write_all(&encode(packet, false)).await.unwrap();
}

pub(crate) async fn expect(stream: &mut TcpStream, packet: &[u8]) {
    let mut got = vec![0; packet.len()];
    timeout(PATIENCE, stream.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(got, packet);
}

/// A client that has connected.
pub(crate) async fn client(world: &World, connect: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    send(&mut stream, connect).await;
    expect(&mut stream, &[0x20, 2, 0, 0]).await;
    stream
}

/// A client that has connected and subscribed at QoS 0.
pub(crate) async fn subscriber(world: &World, connect: &str, filter: &str) -> TcpStream {
    let mut stream = client(world, connect).await;
    send(&mut stream, &format!("subscribe id=1 {filter}:0")).await;
    expect(&mut stream, &[0x90, 3, 0, 1, 0]).await;
    stream
}

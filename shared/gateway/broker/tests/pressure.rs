//! What one client does must not hurt the others: slow readers, floods, tasks that are dropped.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "cases/packets.rs"]
mod packets;
#[path = "cases/world.rs"]
#[expect(dead_code, reason = "the case files need more of it than these tests")]
mod world;

use drydock_broker::{DisconnectOptions, Limits, Message, Origin};
use packets::encode;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use world::World;

const PATIENCE: Duration = Duration::from_secs(30);

fn limits() -> Limits {
    Limits { publishes_per_second: 0, bytes_per_second: 0, queue_bytes: 1 << 20, ..Limits::default() }
}

/// A client that has connected and, if it has a filter, subscribed.
async fn client(world: &World, id: &str, filter: Option<&str>) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&encode(&format!("connect id={id}"), false)).await.unwrap();
    expect(&mut stream, &[0x20, 2, 0, 0]).await;
    if let Some(filter) = filter {
        stream.write_all(&encode(&format!("subscribe id=1 {filter}:0"), false)).await.unwrap();
        expect(&mut stream, &[0x90, 3, 0, 1, 0]).await;
    }
    stream
}

async fn expect(stream: &mut TcpStream, wanted: &[u8]) {
    let mut got = vec![0; wanted.len()];
    timeout(PATIENCE, stream.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(got, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_subscriber_stalls_nobody_and_can_be_cut() {
    let world = World::new(limits()).await;
    let slow = client(&world, "slow", Some("t")).await;
    let mut quick = client(&world, "quick", Some("t")).await;
    let payload = vec![b'x'; 50_000];
    let packet = encode(&format!("publish topic=t payload=x*{}", payload.len()), false);
    for _ in 0..500 {
        drop(world.broker.publish(Message::new("t", payload.clone()), Origin::Service).unwrap());
        expect(&mut quick, &packet).await;
    }
    let stats = world.broker.stats();
    assert!(stats.dropped > 0, "{stats:?}");
    let lines = world.tap.lines.lock().unwrap().clone();
    assert!(lines.iter().any(|l| l == "dropped slow t QUEUE_FULL"));
    assert!(!lines.iter().any(|l| l.starts_with("dropped quick")));
    // Its task waits for a socket that takes nothing; it ends all the same.
    world.broker.disconnect("slow", DisconnectOptions::default()).unwrap();
    drop(quick);
    timeout(PATIENCE, world.broker.shutdown(Duration::MAX)).await.unwrap();
    drop(slow);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_arrives_whole_and_in_order_and_asks_the_gate_once() {
    const COUNT: u32 = 5_000;
    let world = World::new(Limits { queue_bytes: 1 << 30, queue_messages: 1 << 30, ..limits() }).await;
    let mut subscriber = client(&world, "s", Some("flood/#")).await;
    let mut publisher = client(&world, "p", None).await;
    let asked = world.gate.asked.load(Ordering::SeqCst);
    let mut flood = Vec::new();
    for i in 0..COUNT {
        flood.extend(encode(&format!("publish topic=flood/1 payload={i:08} qos=1 id={}", i % 60_000 + 1), false));
    }
    let write = async {
        publisher.write_all(&flood).await.unwrap();
        for i in 0..COUNT {
            expect(&mut publisher, &encode(&format!("puback id={}", i % 60_000 + 1), false)).await;
        }
    };
    let read = async {
        for i in 0..COUNT {
            expect(&mut subscriber, &encode(&format!("publish topic=flood/1 payload={i:08}"), false)).await;
        }
    };
    tokio::join!(write, read);
    assert_eq!(world.gate.asked.load(Ordering::SeqCst) - asked, 2, "one publish and one receive decision");
    let stats = world.broker.stats();
    assert_eq!((stats.received, stats.delivered, stats.dropped), (u64::from(COUNT), u64::from(COUNT), 0));
}

#[tokio::test]
async fn a_dropped_task_ends_its_connection() {
    let world = World::new(limits()).await;
    let _client = client(&world, "a", Some("t")).await;
    let broker = world.broker.clone();
    let (tap, _next) = (world.tap.clone(), world.restart().await);
    let ended = async {
        while !tap.lines.lock().unwrap().iter().any(|l| l.starts_with("disconnected a SERVER_INITIATED_DISCONNECT")) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ended).await.unwrap();
    assert_eq!(broker.stats().connections, 0);
    assert_eq!(broker.stats().subscriptions, 0);
}

//! What one client does must not hurt the others: slow readers, floods, tasks that are dropped.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::packets::encode;
use crate::wire::{PATIENCE, client, expect, limits, subscriber};
use crate::world::World;
use drydock_broker::{DisconnectOptions, Limits, Message, Origin};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_subscriber_stalls_nobody_and_can_be_cut() {
    let world = World::new(limits()).await;
    let slow = subscriber(&world, "connect id=slow", "t").await;
    let mut quick = subscriber(&world, "connect id=quick", "t").await;
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
    let mut subscriber = subscriber(&world, "connect id=s", "flood/#").await;
    let mut publisher = client(&world, "connect id=p").await;
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
    let _client = subscriber(&world, "connect id=a", "t").await;
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

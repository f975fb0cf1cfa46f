//! What goes wrong outside the broker: clients that are killed, sockets that nobody reads, bytes that are not packets.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::packets::encode;
use crate::wire::{PATIENCE, client, expect, limits, send, subscriber};
use crate::world::World;
use drydock_broker::{Message, Origin};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A client that gets the wills.
async fn watcher(world: &World) -> TcpStream {
    subscriber(world, "connect id=watcher keepalive=1200", "will").await
}

async fn told(world: &World, line: &str) {
    let wait = async {
        loop {
            let told = world.tap.told.notified();
            if world.tap.lines.lock().unwrap().iter().any(|l| l.starts_with(line)) {
                return;
            }
            let _ = timeout(Duration::from_millis(50), told).await;
        }
    };
    let found = timeout(PATIENCE, wait).await;
    found.unwrap_or_else(|_| panic!("`{line}` is not among {:#?}", world.tap.lines.lock().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_client_is_lost_and_its_will_is_sent() {
    let world = World::new(limits()).await;
    let mut watcher = watcher(&world).await;
    let will = encode("publish topic=will payload=gone", false);
    // The kernel closes the socket of a killed process: with a reset where it had not read everything,
    let killed = client(&world, "connect id=killed will=will:gone").await;
    killed.set_zero_linger().unwrap();
    drop(killed);
    told(&world, "disconnected killed CONNECTION_LOST").await;
    expect(&mut watcher, &will).await;
    // else with an end, here in the middle of a packet.
    let mut cut = client(&world, "connect id=cut will=will:gone").await;
    cut.write_all(&[0x30, 100, 0, 1]).await.unwrap();
    drop(cut);
    told(&world, "disconnected cut CONNECTION_LOST").await;
    expect(&mut watcher, &will).await;
    assert_eq!(world.broker.stats().connections, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_client_that_takes_nothing_ends_with_its_keep_alive() {
    let world = World::new(limits()).await;
    let mut watcher = watcher(&world).await;
    let silent = subscriber(&world, "connect id=silent keepalive=60 will=will:gone", "t").await;
    // Its machine is gone: it reads nothing and sends nothing, and no end of the stream comes.
    let payload = vec![b'x'; 100_000];
    while world.broker.stats().dropped == 0 {
        drop(world.broker.publish(Message::new("t", payload.clone()), Origin::Service).unwrap());
        tokio::task::yield_now().await;
    }
    let waiting = world.broker.connection("silent").unwrap().waiting;
    assert!(waiting * payload.len() <= 2 << 20, "{waiting} messages wait");
    world.clock.0.fetch_add(89_000, Ordering::SeqCst);
    world.broker.clock_moved();
    send(&mut watcher, "pingreq").await;
    expect(&mut watcher, &[0xD0, 0]).await;
    assert!(world.broker.connection("silent").unwrap().connected);
    world.clock.0.fetch_add(2_000, Ordering::SeqCst);
    world.broker.clock_moved();
    told(&world, "disconnected silent MQTT_KEEP_ALIVE_TIMEOUT").await;
    expect(&mut watcher, &encode("publish topic=will payload=gone", false)).await;
    assert_eq!(world.broker.stats().subscriptions, 1, "its subscription is gone with it");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_packets_end_their_own_connection_in_every_state() {
    let world = World::new(limits()).await;
    let mut watcher = watcher(&world).await;
    let malformed: [&[u8]; 10] = [
        &[0x00, 0x00],
        &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0x30, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0x36, 0x05, 0, 1, b't', 0, 1],
        &[0x32, 0x05, 0, 1, b't', 0, 0],
        &[0x80, 0x06, 0, 1, 0, 1, b't', 0],
        &[0x82, 0x02, 0, 1],
        &[0x62, 0x02, 0, 1],
        &[0xC0, 0x01, 0],
        &[0x30, 0x04, 0, 2, 0xC3, 0x28],
    ];
    let states: [&[&str]; 4] = [
        &[],
        &["connect id=bad"],
        &["connect id=bad keep", "subscribe id=1 t:1"],
        &["connect id=bad", "subscribe id=1 will:1", "publish topic=t payload=x qos=1 id=1"],
    ];
    let mut ended = 0;
    for state in states {
        for bytes in malformed {
            let mut stream = TcpStream::connect(world.address).await.unwrap();
            for packet in state {
                send(&mut stream, packet).await;
            }
            stream.write_all(bytes).await.unwrap();
            let mut all = Vec::new();
            let closed = timeout(PATIENCE, stream.read_to_end(&mut all)).await;
            assert!(closed.is_ok(), "{bytes:x?} after {state:?} leaves the connection open");
            // What came before counts: each packet had its answer.
            let answers: usize = state.len().min(all.iter().filter(|b| [0x20, 0x90, 0x40].contains(*b)).count());
            assert_eq!(answers, state.len(), "{all:x?} after {state:?}");
            ended += usize::from(!state.is_empty());
        }
    }
    told(&world, "disconnected bad CLIENT_ERROR").await;
    let lines = world.tap.lines.lock().unwrap().clone();
    assert_eq!(lines.iter().filter(|l| l.starts_with("disconnected bad CLIENT_ERROR")).count(), ended);
    send(&mut watcher, "publish topic=will payload=ok").await;
    expect(&mut watcher, &encode("publish topic=will payload=ok", false)).await;
    assert_eq!(world.broker.stats().connections, 1);
}

//! What the tap keeps of a message of QoS 1 is durable before the publisher is told, and holds up nothing else.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::packets::encode;
use crate::wire::{PATIENCE, client, expect, limits, send, subscriber};
use crate::world::{KEPT, World};
use drydock_broker::{Limits, Message, Origin, Qos};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

fn kept(world: &World) -> Vec<String> {
    let rows = world.journal.rows.lock().unwrap();
    rows.keys().filter(|(table, _)| table == KEPT).map(|(_, key)| key.clone()).collect()
}

fn count(world: &World, of: &str) -> usize {
    world.tap.lines.lock().unwrap().iter().filter(|line| line.starts_with(of)).count()
}

/// Waits until so many lines begin like this.
async fn told(world: &World, of: &str, most: usize) {
    let wait = async {
        loop {
            let told = world.tap.told.notified();
            if count(world, of) >= most {
                return;
            }
            told.await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledgements_wait_in_order_and_nothing_else_does() {
    let world = World::new(limits()).await;
    let mut other = subscriber(&world, "connect id=other", "#").await;
    let mut publisher = subscriber(&world, "connect id=p", "mine").await;
    world.journal.hold(true);
    // Each in a read of its own, so that there are several commits.
    for id in 1..=3 {
        send(&mut publisher, &format!("publish topic=kept/a payload={id} qos=1 id={id}")).await;
        told(&world, "begun", id).await;
    }
    assert_eq!(kept(&world), ["1", "2", "3"], "each row was handed over before its work began");
    // Read on, and handed on: to others and to the publisher itself, whose acknowledgements still wait.
    send(&mut publisher, "publish topic=kept/a payload=zero").await;
    send(&mut publisher, "publish topic=mine payload=4 qos=1 id=4").await;
    send(&mut publisher, "pingreq").await;
    expect(&mut publisher, &encode("publish topic=mine payload=4", false)).await;
    for payload in ["1", "2", "3", "zero"] {
        expect(&mut other, &encode(&format!("publish topic=kept/a payload={payload}"), false)).await;
    }
    expect(&mut other, &encode("publish topic=mine payload=4", false)).await;
    let early = timeout(Duration::from_millis(50), publisher.read_u8()).await;
    assert!(early.is_err(), "an acknowledgement came before its commit: {early:?}");
    world.journal.hold(false);
    for id in 1..=4 {
        expect(&mut publisher, &encode(&format!("puback id={id}"), false)).await;
    }
    expect(&mut publisher, &[0xD0, 0]).await;
    assert_eq!(kept(&world), ["1", "2", "3"], "a message of QoS 0 leaves nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_kept_is_not_acknowledged() {
    let world = World::new(limits()).await;
    let mut publisher = client(&world, "connect id=p").await;
    world.journal.full.store(true, Ordering::SeqCst);
    send(&mut publisher, "publish topic=kept/a payload=1 qos=1 id=1").await;
    let mut rest = Vec::new();
    timeout(PATIENCE, publisher.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(rest.is_empty(), "an acknowledgement came: {rest:x?}");
    let message = Message::new("kept/a", "2").with_qos(Qos::AtLeastOnce);
    let taken = world.broker.publish(message, Origin::Outside).unwrap();
    assert!(taken.durable().await.is_err(), "who publishes over HTTP is told");
    world.journal.full.store(false, Ordering::SeqCst);
    for (qos, rows) in [(Qos::AtMostOnce, 0), (Qos::AtLeastOnce, 1)] {
        let message = Message::new("kept/a", "3").with_qos(qos);
        world.broker.publish(message, Origin::Outside).unwrap().durable().await.unwrap();
        assert_eq!(kept(&world).len(), rows);
    }
}

/// Receive Maximum counts what is not acknowledged, over all commits that are on their way (MQTT 5, 3.3.4).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_wait_for_commits_count_as_in_flight() {
    let world = World::new(Limits { inbound_in_flight: 3, ..limits() }).await;
    let mut publisher = TcpStream::connect(world.address).await.unwrap();
    publisher.write_all(&encode("connect id=p", true)).await.unwrap();
    let mut connack = [0; 2];
    timeout(PATIENCE, publisher.read_exact(&mut connack)).await.unwrap().unwrap();
    let mut rest = vec![0; connack[1].into()];
    publisher.read_exact(&mut rest).await.unwrap();
    world.journal.hold(true);
    for id in 1..=4 {
        let packet = encode(&format!("publish topic=kept/a payload={id} qos=1 id={id}"), true);
        publisher.write_all(&packet).await.unwrap();
        told(&world, "begun", id.min(3)).await;
    }
    told(&world, "disconnected p CLIENT_ERROR", 1).await;
    // What came before counts: its end says so once that is durable.
    world.journal.hold(false);
    let mut all = Vec::new();
    timeout(PATIENCE, publisher.read_to_end(&mut all)).await.unwrap().unwrap();
    assert!(all.ends_with(&[0xE0, 1, 0x93]), "{all:x?}");
    assert_eq!(count(&world, "begun"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_will_is_kept_in_the_commit_that_forgets_its_connection() {
    let world = World::new(limits()).await;
    for persistent in ["", " keep"] {
        let lost = client(&world, &format!("connect id=lost{persistent} will=kept/will:gone willqos=1")).await;
        let before = count(&world, "begun");
        lost.set_zero_linger().unwrap();
        drop(lost);
        told(&world, "begun", before + 1).await;
    }
    // The same for a will that an earlier run of the broker owes.
    let held = client(&world, "connect id=held will=kept/will:late willqos=1").await;
    let world = world.restart().await;
    drop(held);
    assert_eq!(kept(&world), ["gone", "late"]);
    let units = world.journal.units.lock().unwrap().clone();
    let with_will: Vec<_> = units.iter().filter(|unit| unit.contains(&KEPT)).collect();
    assert_eq!(with_will.len(), 3, "{units:?}");
    assert!(with_will.iter().all(|unit| unit.contains(&"mqtt_clients")), "{units:?}");
}

//! Faults that only the whole process shows: killed in the middle of a stream, and a disk that takes nothing more.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::mqtt::Raw;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

const OPTIONS: [&str; 5] = ["--data-dir", "state", "--no-functions", "--plain-port", "0"];

/// A session that stays, with a subscription to `stream` at QoS 1, and nobody connected to it.
fn subscribe(gateway: &Gateway<'_>) {
    let mut subscriber = gateway.raw();
    assert!(!subscriber.resume("subscriber"));
    subscriber.send(b"\x82\x0b\x00\x01\x00\x06stream\x01");
    assert_eq!(subscriber.packet(), Some((0x90, vec![0, 1, 1])));
    subscriber.send(&[0xE0, 0]);
    subscriber.closed();
}

/// The identifier of the next PUBACK, or `None` where the connection ended before.
fn acknowledged(publisher: &mut Raw) -> Option<u16> {
    match publisher.packet() {
        Some((0x40, body)) => Some(u16::from_be_bytes([body[0], body[1]])),
        None => None,
        other => panic!("{other:?} instead of a PUBACK"),
    }
}

/// What waited for the subscriber, which acknowledges it.
fn receive(gateway: &Gateway<'_>, wanted: &BTreeSet<u16>) -> Vec<u16> {
    let mut subscriber = gateway.raw();
    assert!(subscriber.resume("subscriber"), "the session is there");
    let mut got = Vec::new();
    while !wanted.iter().all(|id| got.contains(id)) {
        let (first, body) = subscriber.packet().unwrap_or_else(|| panic!("the end, after {got:?}"));
        assert_eq!((first, &body[2..8]), (0x32, &b"stream"[..]));
        got.push(String::from_utf8_lossy(&body[10..]).parse().unwrap());
        subscriber.send(&[0x40, 2, body[8], body[9]]);
    }
    got
}

#[test]
fn kill_9_in_a_stream_loses_nothing_that_was_acknowledged() {
    let place = Place::new(SMALL);
    let gateway = place.up(&OPTIONS);
    subscribe(&gateway);
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    // A window of four messages is always on its way, and so when the kill comes.
    let mut known = BTreeSet::new();
    for id in 1..=30 {
        publisher.publish("stream", &id.to_string(), id);
        if id > 4 {
            known.extend(acknowledged(&mut publisher));
        }
    }
    gateway.kill();
    while let Some(id) = acknowledged(&mut publisher) {
        known.insert(id);
    }
    assert!(known.len() >= 26, "{known:?}");

    let gateway = place.up(&OPTIONS);
    let got = receive(&gateway, &known);
    let mut order = got.clone();
    order.sort_unstable();
    assert_eq!(got, order, "in the order in which they came");
}

/// Bounds the size of the files that a process writes, as a full disk does for files that grow.
fn bound_files(gateway: &Gateway<'_>, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let set = Command::new("prlimit").args(["--pid", &gateway.pid().to_string(), &limit]).status();
    assert!(set.unwrap().success(), "prlimit {limit}");
}

#[test]
fn a_full_disk_withholds_acknowledgements_until_there_is_space_again() {
    let place = Place::new(SMALL);
    // With the signal ignored a write over the limit fails, as it does on a full disk.
    let gateway = place.up_by(&["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"], &OPTIONS);
    subscribe(&gateway);
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    publisher.publish("stream", "1", 1);
    assert_eq!(acknowledged(&mut publisher), Some(1));

    bound_files(&gateway, "512");
    publisher.publish("stream", "2", 2);
    assert_eq!(acknowledged(&mut publisher), None, "no PUBACK for what is not on disk");
    // What needs no disk goes on, and what does is refused with an error.
    assert_eq!(gateway.health()["status"], "up");
    let refused = gateway.call("iot", "POST", "/things/pump-1", &[], &Value::Null);
    assert!(refused.status >= 500, "{refused:?}");
    let mut other = gateway.raw();
    other.connect("other");
    other.publish("nobody", "x", 7);
    assert_eq!(acknowledged(&mut other), Some(7), "nothing has to be kept of it");

    bound_files(&gateway, "unlimited");
    let mut publisher = gateway.raw();
    publisher.connect("publisher");
    publisher.publish("stream", "3", 3);
    assert_eq!(acknowledged(&mut publisher), Some(3), "there is space again");
    gateway.iot("POST", "/things/pump-1", &Value::Null);
    gateway.kill();

    let gateway = place.up(&OPTIONS);
    receive(&gateway, &BTreeSet::from([1, 3]));
    gateway.iot("GET", "/things/pump-1", &Value::Null);
}

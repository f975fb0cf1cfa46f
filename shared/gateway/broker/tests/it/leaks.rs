//! A thousand connections leave nothing behind: no task, no file descriptor, no session. The count is of a whole process, so it is
//! made in one of its own, by this binary started anew for this one test.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::packets::encode;
use crate::world::World;
use drydock_broker::Limits;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const CYCLES: usize = 1_000;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn cycle(world: &World, number: usize) {
    let id = number % 50;
    let connect = match number % 4 {
        0 => format!("connect id=c{id}"),
        1 => format!("connect id=c{id} will=will:gone"),
        2 => format!("connect id=c{id} keep"),
        _ => format!("connect id=c{id} will=a/#:refused"),
    };
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&encode(&connect, false)).await.unwrap();
    let mut connack = [0; 4];
    timeout(PATIENCE, stream.read_exact(&mut connack)).await.unwrap().unwrap();
    if connack[3] == 0 {
        stream.write_all(&encode("subscribe id=1 t/+:1 $share/g/t/1:1", false)).await.unwrap();
        stream.write_all(&encode("publish topic=t/1 payload=x qos=1 id=1", false)).await.unwrap();
        let mut answers = [0; 6];
        timeout(PATIENCE, stream.read_exact(&mut answers)).await.unwrap().unwrap();
    }
    match number % 3 {
        0 => stream.write_all(&encode("disconnect", false)).await.unwrap_or_default(),
        1 => stream.set_zero_linger().unwrap(),
        _ => {}
    }
}

#[test]
fn a_thousand_connections_leave_nothing() {
    let this = std::env::current_exe().unwrap();
    let run = Command::new(this).args(["leaks::alone", "--exact", "--ignored", "--nocapture"]).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&run.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a process of its own: `a_thousand_connections_leave_nothing` starts it in one"]
async fn alone() {
    let world = World::new(Limits { publishes_per_second: 0, ..Limits::default() }).await;
    for number in 0..50 {
        cycle(&world, number).await;
    }
    timeout(PATIENCE, quiet(&world)).await.unwrap();
    let before = (descriptors(), tasks());
    for number in 0..CYCLES {
        cycle(&world, number).await;
    }
    timeout(PATIENCE, quiet(&world)).await.unwrap();
    let settled = async {
        while (descriptors(), tasks()) > before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let left = timeout(PATIENCE, settled).await;
    assert!(left.is_ok(), "{:?} descriptors and tasks, before {before:?}", (descriptors(), tasks()));
    // Persistent sessions end by their time, and with them all that the broker keeps.
    world.clock.0.fetch_add(2 * 3_600_000, Ordering::SeqCst);
    world.broker.clock_moved();
    let stats = world.broker.stats();
    assert_eq!((stats.connections, stats.subscriptions), (0, 0), "{stats:?}");
    let rows = world.journal.rows.lock().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(rows, [], "rows are left");
}

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

async fn quiet(world: &World) {
    while world.broker.stats().connections > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

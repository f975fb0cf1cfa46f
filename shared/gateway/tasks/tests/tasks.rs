//! What a stop leaves: nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use drydock_tasks::Tasks;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_drops_some_waits_for_others_and_begins_no_more() {
    let (tasks, done) = (Tasks::new(), Arc::new(AtomicUsize::new(0)));
    let (held, dropped) = oneshot::channel::<()>();
    tasks.spawn(async move {
        let _held = held;
        pending::<()>().await;
    });
    let (stopped, counted) = (tasks.stopped(), Arc::clone(&done));
    tasks.spawn_to_end(async move {
        stopped.await;
        tokio::task::yield_now().await;
        counted.fetch_add(1, Ordering::SeqCst);
    });
    assert_eq!(tasks.count(), 2);
    assert_eq!(tasks.stop(LONG).await, 0);
    assert_eq!((done.load(Ordering::SeqCst), tasks.count()), (1, 0));
    assert!(dropped.await.is_err(), "what the task held is gone");
    assert!(tasks.spawn(async { panic!("nothing begins any more") }).is_none());
    assert!(tasks.spawn_to_end(async { panic!("nothing begins any more") }).is_none());
    assert!(tasks.spawn_for(async { 1 }).await.is_err());
}

#[tokio::test]
async fn who_does_not_come_to_an_end_is_dropped_and_counted() {
    let tasks = Tasks::new();
    tasks.spawn_to_end(pending());
    tasks.spawn_to_end(async {});
    assert_eq!(tasks.stop(Duration::from_millis(20)).await, 1);
    assert_eq!(tasks.count(), 0);
}

#[tokio::test]
async fn who_is_not_to_come_to_an_end_is_not_counted_as_cut_short() {
    let tasks = Tasks::new();
    tasks.spawn(pending());
    assert_eq!(tasks.stop(Duration::ZERO).await, 0);
    assert_eq!(tasks.count(), 0);
}

#[tokio::test]
async fn ended_tasks_leave_nothing_even_by_a_panic() {
    let tasks = Tasks::new();
    for n in 0..1000 {
        tasks.spawn_to_end(async move {
            tokio::task::yield_now().await;
            assert!(n % 100 != 0, "one in a hundred panics");
        });
    }
    tokio::time::timeout(LONG, tasks.idle()).await.unwrap();
    assert_eq!(tasks.count(), 0);
    assert_eq!(tasks.spawn_for(async { 7 }).await, Ok(7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_spawns_while_it_stops_is_ended_too() {
    for _ in 0..200 {
        let (tasks, others) = (Tasks::new(), Tasks::new());
        for _ in 0..3 {
            let spawner = tasks.clone();
            others.spawn_to_end(async move { while spawner.spawn(pending()).is_some() {} });
        }
        tokio::task::yield_now().await;
        tasks.stop(LONG).await;
        tokio::time::timeout(LONG, others.idle()).await.unwrap();
        // One that was let in before is dropped by whoever let it in.
        assert_eq!(tasks.stop(LONG).await, 0);
        assert_eq!(tasks.count(), 0);
    }
}

#[test]
fn a_runtime_that_goes_takes_its_tasks_along() {
    let tasks = Tasks::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (inner, handle) = (tasks.clone(), runtime.handle().clone());
    runtime.block_on(async move {
        inner.spawn(pending());
        inner.spawn_to_end(pending());
    });
    drop(runtime);
    assert_eq!(tasks.count(), 0);
    let _entered = handle.enter();
    tasks.spawn(pending());
    assert_eq!(tasks.count(), 0, "a runtime that is gone drops what it is given");
}

//! What is due happens in order, each at its own time, however the clock gets there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use async_trait::async_trait;
use drydock_core::{Clock, Timestamp};
use drydock_timers::{Bell, ClockError, Due, Timers};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BEGIN: Timestamp = Timestamp(1_800_000_000_000);
/// How long a test waits for what has to happen.
const DEADLINE: Duration = Duration::from_secs(30);

struct Machine;

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp(i64::try_from(since.as_millis()).unwrap())
    }
}

fn stopped() -> Timers {
    Timers::stopped_at(Arc::new(Machine), BEGIN)
}

/// What happened when, in milliseconds from the beginning.
type Log = Arc<Mutex<Vec<(i64, String)>>>;

fn note(log: &Log, timers: &Timers, what: impl Into<String>) {
    log.lock().unwrap().push((timers.now().since(BEGIN), what.into()));
}

/// Somebody who is due after some time, and then again and again, each time twice as late.
fn waiter(timers: &Timers, log: &Log, id: usize, after: i64, times: u32) {
    let (timers, log) = (timers.clone(), Arc::clone(log));
    let mut wait = Box::pin(timers.until("waiter", BEGIN.plus_millis(after)));
    tokio::spawn(async move {
        for round in 0..=times {
            let work = wait.await;
            note(&log, &timers, format!("{id}.{round}"));
            // Work may take some of the machine's time, and go from task to task.
            tokio::task::yield_now().await;
            wait = Box::pin(timers.until("waiter", timers.now().plus_millis(after << round.min(8))));
            drop(work);
        }
    });
}

/// A part with a list of times, of which it learns some only when it is asked.
struct Part {
    timers: Timers,
    log: Log,
    id: usize,
    every: i64,
}

#[async_trait]
impl Due for Part {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        note(&self.log, &self.timers, format!("part {}", self.id));
        tokio::task::yield_now().await;
        Some(now.plus_millis(self.every))
    }
}

/// Runs the same timers, with the clock advanced in these steps.
fn run(waiters: &[(i64, u32)], parts: &[i64], steps: &[i64]) -> Vec<(i64, String)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (timers, log) = (stopped(), Log::default());
        for (id, (after, times)) in waiters.iter().enumerate() {
            waiter(&timers, &log, id, *after, *times);
        }
        for (id, every) in parts.iter().enumerate() {
            let part = Arc::new(Part { timers: timers.clone(), log: Arc::clone(&log), id, every: *every });
            tokio::spawn(timers.reminder("part").run(part));
            // They are asked a first time, one after the other.
            timers.advance(0).await.unwrap();
        }
        for step in steps {
            timers.advance(*step).await.unwrap();
        }
        assert_eq!(timers.now(), BEGIN.plus_millis(steps.iter().sum()));
        log.lock().unwrap().clone()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn one_jump_is_as_many_small_steps(
        waiters in proptest::collection::vec((1_i64..5_000, 0_u32..6), 0..24),
        parts in proptest::collection::vec(40_i64..3_000, 0..4),
        steps in proptest::collection::vec(0_i64..2_500, 1..30),
    ) {
        let whole: i64 = steps.iter().sum();
        let stepped = run(&waiters, &parts, &steps);
        let jumped = run(&waiters, &parts, &[whole]);
        prop_assert_eq!(&stepped, &jumped);
        prop_assert!(jumped.is_sorted_by_key(|(at, _)| *at), "in order of time: {:?}", jumped);
        for (id, (after, _)) in waiters.iter().enumerate() {
            let found = jumped.iter().find(|(_, what)| *what == format!("{id}.0")).map(|(at, _)| *at);
            prop_assert_eq!(found, (*after <= whole).then_some(*after), "each at its own time");
        }
    }
}

#[tokio::test]
async fn an_advance_answers_when_what_was_due_is_done_by_others_too() {
    let (timers, log) = (stopped(), Log::default());
    let bell = Arc::new(Bell::new(&timers, "poll of a queue"));
    let heard = bell.listen();
    {
        let (timers, log) = (timers.clone(), Arc::clone(&log));
        tokio::spawn(async move {
            let work = heard.rung().await;
            note(&log, &timers, "heard");
            let function = timers.work(drydock_timers::Name::new("Lambda function", "slow"));
            drop(work);
            // A process takes the machine's time, in which the clock stands.
            tokio::time::sleep(Duration::from_millis(50)).await;
            note(&log, &timers, "invoked");
            drop(function);
        });
    }
    {
        let wait = timers.until("delay", BEGIN.plus_millis(1_000));
        tokio::spawn(async move {
            let _work = wait.await;
            bell.ring();
        });
    }
    let wait = timers.until("later", BEGIN.plus_millis(1_001));
    let (clock, later) = (timers.clone(), Arc::clone(&log));
    tokio::spawn(async move {
        let _work = wait.await;
        note(&later, &clock, "later");
    });
    let advanced = timers.advance(7 * 24 * 3600 * 1000).await.unwrap();
    assert_eq!(advanced.count, 2);
    assert_eq!(advanced.done[0].due, BEGIN.plus_millis(1_000));
    assert_eq!(advanced.done[0].name.to_string(), "delay");
    let happened = log.lock().unwrap().clone();
    assert_eq!(happened, [(1_000, "heard".into()), (1_000, "invoked".into()), (1_001, "later".into())]);
}

#[tokio::test]
async fn a_guard_that_is_forgotten_ends_the_advance_with_its_name_and_not_the_clock() {
    let timers = Timers::with_patience(Arc::new(Machine), Duration::from_millis(50));
    timers.stop().await;
    let begin = timers.now();
    let wait = timers.until(drydock_timers::Name::new("retry", "pump-1"), begin.plus_millis(5_000));
    let never = tokio::spawn(async move {
        let _work = wait.await;
        std::future::pending::<()>().await;
    });
    let refused = tokio::time::timeout(DEADLINE, timers.advance(60_000)).await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("retry (pump-1)"), "{refused}");
    let ClockError::Unsettled { at, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(at, begin.plus_millis(5_000));
    assert_eq!(timers.now(), at, "the clock stands where the work has not ended");
    never.abort();
    let _ = never.await;
    assert_eq!(timers.advance(55_000).await.unwrap().now, begin.plus_millis(60_000));
}

#[tokio::test]
async fn who_gives_up_waiting_is_gone_from_the_queue() {
    let timers = stopped();
    let wait = timers.until("gives up", BEGIN.plus_millis(10));
    assert_eq!(timers.show(10).pending[0].name.to_string(), "gives up");
    drop(wait);
    assert_eq!(timers.show(10).count, 0);
    assert_eq!(timers.advance(20).await.unwrap().count, 0);
}

#[tokio::test]
async fn an_advance_that_is_broken_off_leaves_the_clock_running() {
    let timers = Timers::new(Arc::new(Machine));
    let busy = timers.work("busy");
    let broken_off = tokio::time::timeout(Duration::from_millis(20), timers.advance(1_000)).await;
    assert!(broken_off.is_err());
    drop(busy);
    let shown = timers.show(0);
    assert!(shown.running && shown.now <= timers.machine_now(), "{shown:?}");
    let due = timers.now().plus_millis(30);
    drop(tokio::time::timeout(DEADLINE, timers.until("by itself", due)).await.unwrap());
    assert!(timers.now() >= due);
}

#[tokio::test]
async fn the_clock_goes_neither_back_nor_too_far_nor_at_any_rate() {
    let timers = stopped();
    let refused = timers.advance_to(BEGIN.plus_millis(-1)).await.unwrap_err();
    assert!(matches!(refused, ClockError::Backwards { .. }), "{refused}");
    assert!(matches!(timers.advance(i64::MAX).await.unwrap_err(), ClockError::TooFar { .. }));
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        assert!(matches!(timers.set_rate(rate).await.unwrap_err(), ClockError::Rate(_)), "{rate}");
    }
    assert_eq!(timers.now(), BEGIN);
}

#[tokio::test]
async fn a_clock_that_is_sped_up_wakes_in_time() {
    let timers = Timers::new(Arc::new(Machine));
    timers.set_rate(3600.0).await.unwrap();
    let due = timers.now().plus_millis(3_600_000);
    drop(tokio::time::timeout(DEADLINE, timers.until("an hour", due)).await.unwrap());
    assert!(timers.now() >= due);
}

#[tokio::test]
async fn a_reminder_counts_at_once_and_only_to_be_earlier() {
    let (timers, log) = (stopped(), Log::default());
    struct Once(Timers, Log);
    #[async_trait]
    impl Due for Once {
        async fn due(&self, _: Timestamp) -> Option<Timestamp> {
            note(&self.1, &self.0, "asked");
            None
        }
    }
    let reminder = timers.reminder("part");
    tokio::spawn(reminder.clone().run(Arc::new(Once(timers.clone(), Arc::clone(&log)))));
    reminder.by(BEGIN.plus_millis(500));
    reminder.by(BEGIN.plus_millis(900));
    reminder.by(BEGIN.plus_millis(200));
    timers.advance(1_000).await.unwrap();
    reminder.by(BEGIN.plus_millis(1_500));
    timers.advance(1_000).await.unwrap();
    let times: Vec<i64> = log.lock().unwrap().iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [0, 200, 1_500], "at its start, and at each reminder");
}

/// A part that looks every second whether there is something to do, and is due once where there is.
struct Looker {
    timers: Timers,
    log: Log,
    reminder: drydock_timers::Reminder,
    todo: Mutex<bool>,
}

#[async_trait]
impl Due for Looker {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        note(&self.log, &self.timers, "looks");
        if std::mem::take(&mut *self.todo.lock().unwrap()) {
            return Some(now.plus_millis(1000));
        }
        self.reminder.look_by(now.plus_millis(1000));
        None
    }
}

#[tokio::test]
async fn who_only_looks_is_asked_at_each_stop_and_makes_none() {
    let (timers, log) = (stopped(), Log::default());
    let reminder = timers.reminder("looker");
    let (of_its_own, todo) = (reminder.clone(), Mutex::new(false));
    let part = Arc::new(Looker { timers: timers.clone(), log: Arc::clone(&log), reminder: of_its_own, todo });
    tokio::spawn(reminder.run(Arc::clone(&part)));
    timers.advance(0).await.unwrap();
    let taken = |log: &Log| std::mem::take(&mut *log.lock().unwrap());
    taken(&log);
    // Nothing happens on the way: it is asked once before the clock goes.
    assert_eq!(timers.advance(3_600_000).await.unwrap().count, 0);
    assert_eq!(taken(&log), [(0, "looks".to_owned())]);
    // Something happens on the way: it is asked then, and is due a second later.
    waiter(&timers, &log, 7, 3_600_000 + 5000, 0);
    *part.todo.lock().unwrap() = true;
    timers.advance(60_000).await.unwrap();
    // Where it is due itself it is asked twice: for that, and before the clock goes on.
    let due = [(3_600_000, "looks"), (3_601_000, "looks"), (3_601_000, "looks")];
    let expected = [due.as_slice(), &[(3_605_000, "7.0"), (3_605_000, "looks")]].concat();
    assert_eq!(taken(&log), expected.into_iter().map(|(at, what)| (at, what.to_owned())).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_part_that_has_ended_holds_no_advance_up() {
    let (timers, log) = (stopped(), Log::default());
    let reminder = timers.reminder("looker");
    let (of_its_own, todo) = (reminder.clone(), Mutex::new(false));
    let part = Arc::new(Looker { timers: timers.clone(), log: Arc::clone(&log), reminder: of_its_own, todo });
    let task = tokio::spawn(reminder.run(Arc::clone(&part)));
    timers.advance(0).await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    // The part is there still, and its reminder with it.
    part.reminder.by(BEGIN.plus_millis(1000));
    timers.advance(3_600_000).await.unwrap();
}

#[tokio::test]
async fn who_only_looks_is_asked_in_time_by_a_clock_that_runs() {
    let timers = Timers::new(Arc::new(Machine));
    let reminder = timers.reminder("looker");
    let log = Log::default();
    let part =
        Looker { timers: timers.clone(), log: Arc::clone(&log), reminder: reminder.clone(), todo: Mutex::new(false) };
    tokio::spawn(reminder.run(Arc::new(part)));
    let seen = async {
        while log.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, seen).await.expect("it is asked again after a second");
}

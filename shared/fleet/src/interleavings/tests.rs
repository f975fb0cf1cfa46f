//! The checker itself: it counts as one counts by hand, and finds what is wrong with functions that are.

use super::*;
use crate::fakes::Part;
use crate::ports::PortResult;

/// Counters that are read and written by two calls, or by one.
#[derive(Debug)]
struct World {
    count: Part<u32>,
    faults: Faults,
}

struct Count {
    jobs: Vec<&'static str>,
    is_atomic: bool,
}

impl World {
    async fn add(&self, is_atomic: bool) -> PortResult<()> {
        if is_atomic {
            return self.faults.run("Add", || *self.count.lock() += 1).await;
        }
        let read = self.faults.run("Read", || *self.count.lock()).await?;
        self.faults.run("Write", || *self.count.lock() = read + 1).await
    }
}

impl Scenario for Count {
    type World = World;
    type Job = &'static str;

    fn world(&self, faults: &Faults) -> World {
        World { count: Part::new(faults, 0), faults: faults.clone() }
    }

    fn jobs(&self) -> Vec<&'static str> {
        self.jobs.clone()
    }

    fn invoke<'a>(&'a self, world: &'a World, _: &'static str, _: EpochMillis) -> Invocation<'a> {
        Box::pin(async move { world.add(self.is_atomic).await.map_err(|error| error.to_string()) })
    }

    fn judge(&self, world: &World, _: usize) -> Result<(), String> {
        let (count, jobs) = (*world.count.lock(), self.jobs.len());
        (usize::try_from(count) == Ok(jobs)).then_some(()).ok_or_else(|| format!("{count} of {jobs}"))
    }
}

fn jobs(names: &[&'static str], is_atomic: bool) -> Count {
    Count { jobs: names.to_vec(), is_atomic }
}

fn lines(wrong: &Wrong) -> Vec<String> {
    wrong.schedule.iter().map(|line| line.replace('"', "")).collect()
}

#[test]
fn orders_are_counted_whether_or_not_jobs_are_alike() {
    for names in [["a", "b", "c"], ["a", "a", "b"], ["a", "a", "a"]] {
        let explored = explore(&jobs(&names, true), Most::Crashes(0)).unwrap();
        assert_eq!(explored.schedules, 6, "{names:?}");
    }
    let different = explore(&jobs(&["a", "b", "c"], true), Most::Crashes(0)).unwrap();
    let alike = explore(&jobs(&["a", "a", "a"], true), Most::Crashes(0)).unwrap();
    assert!(alike.states < different.states, "{alike:?} {different:?}");
}

#[test]
fn a_lost_update_is_found_with_the_schedule_that_loses_it() {
    assert!(explore(&jobs(&["a"], false), Most::Crashes(0)).is_ok());
    let wrong = explore(&jobs(&["a", "b"], false), Most::Crashes(0)).unwrap_err();
    assert_eq!(wrong.what, "1 of 2");
    assert_eq!(lines(&wrong), ["a Read: is made", "b Read: is made", "a Write: is made", "b Write: is made"]);
}

#[test]
fn a_repetition_is_found_by_each_kind_of_fault() {
    // What is counted once more when the answer is lost, or when the process dies behind the call.
    let lost = explore(&jobs(&["a"], true), Most::Faults(1)).unwrap_err();
    assert_eq!(lost.what, "2 of 1");
    assert!(lines(&lost)[0].starts_with("a Add: is made, its answer is lost, it comes again"), "{lost}");
    assert_eq!(lines(&lost)[1..], ["30 s have passed", "60 s have passed", "a Add: is made"]);
    let died = explore(&jobs(&["a"], true), Most::Crashes(1)).unwrap_err();
    assert_eq!(lines(&died)[0], "a Add: is made, then the process dies");
}

#[test]
#[should_panic(expected = "state that is in no part")]
fn state_that_is_in_no_part_is_found() {
    #[derive(Debug)]
    struct Hidden(std::sync::atomic::AtomicU32, Faults);
    struct Hides;
    impl Scenario for Hides {
        type World = Hidden;
        type Job = u32;
        fn world(&self, faults: &Faults) -> Hidden {
            Hidden(0.into(), faults.clone())
        }
        fn jobs(&self) -> Vec<u32> {
            vec![0, 1]
        }
        fn invoke<'a>(&'a self, world: &'a Hidden, _: u32, _: EpochMillis) -> Invocation<'a> {
            let effect = || world.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Box::pin(async move { world.1.run("Add", effect).await.map(|_| ()).map_err(|error| error.to_string()) })
        }
        fn judge(&self, _: &Hidden, _: usize) -> Result<(), String> {
            Ok(())
        }
    }
    let _ = explore(&Hides, Most::Crashes(0));
}

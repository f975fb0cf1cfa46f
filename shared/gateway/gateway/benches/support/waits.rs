//! How long callers wait.

use std::time::Duration;

/// Prints what half of some waits, and all but one in a hundred, stayed below.
pub(crate) fn latency(what: &str, mut waits: Vec<Duration>) {
    waits.sort_unstable();
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!("{what:<46} p50 {:.1} ms, p99 {:.1} ms", at(50), at(99));
}

//! What benchmarks are asked for, and what they print: memory and rates.

use std::time::Duration;

/// A number that a variable of the environment asks for, or the usual one.
pub(crate) fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What the process has in memory, in bytes; 0 where the system does not tell.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")).and_then(|text| text.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// Prints how many there were of something, and how fast they went.
pub(crate) fn rate(what: &str, count: usize, took: Duration) {
    println!("{what:<46} {count:>9} in {:>7.2} s {:>12.0} /s", took.as_secs_f64(), count as f64 / took.as_secs_f64());
}

//! What time it is: the one place where the functions ask.
//!
//! On AWS that is the system's clock. The gateway has one that can be stopped, moved and sped up, and names a file to the processes of its functions that
//! says how it goes: a time of the machine's clock and what the gateway's showed then, in milliseconds since 1970, and how many milliseconds of
//! the gateway's pass in one of the machine's, 0 while it stands. It is replaced whenever that changes, and is not there while the gateway's
//! clock is the machine's.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

/// Names the file; nothing sets it on AWS.
const VARIABLE: &str = "DRYDOCK_CLOCK_FILE";
static FILE: LazyLock<Option<PathBuf>> = LazyLock::new(|| env::var_os(VARIABLE).map(PathBuf::from));

/// Milliseconds since 1970-01-01T00:00:00Z.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let machine = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    match FILE.as_deref() {
        None => machine,
        Some(file) => shown(file, machine),
    }
}

/// What the clock shows that a file tells of; the machine's where there is no file.
fn shown(file: &Path, machine: i64) -> i64 {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return machine,
        Err(error) => {
            tracing::error!(%error, file = %file.display(), "the gateway's clock cannot be read: the machine's is taken");
            return machine;
        }
    };
    read(&text, machine).unwrap_or_else(|| {
        tracing::error!(text, file = %file.display(), "the gateway's clock is not understood: the machine's is taken");
        machine
    })
}

fn read(text: &str, machine: i64) -> Option<i64> {
    let mut words = text.split_whitespace();
    let (from, showed) = (words.next()?.parse::<i64>().ok()?, words.next()?.parse::<i64>().ok()?);
    let rate: f64 = words.next()?.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "milliseconds stay below 2^53")]
    let passed = (machine.saturating_sub(from) as f64 * rate) as i64;
    Some(showed.saturating_add(passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_runs_stands_and_hurries_is_read() {
        assert_eq!(read("1000 5000 1\n", 1_250), Some(5_250));
        assert_eq!(read("0 5000 0\n", 1_250), Some(5_000));
        assert_eq!(read("1000 5000 86400\n", 1_001), Some(91_400));
        assert_eq!(read("1000 5000 0.5\n", 1_010), Some(5_005));
        assert_eq!(read("1000 5000", 1_000), None);
        assert_eq!(read("", 1_000), None);
    }

    #[test]
    fn without_a_file_the_machines_time_counts() {
        assert_eq!(shown(Path::new("/nothing/is/here"), 77), 77);
    }
}

//! What a process spends.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How long callgrind has for a dump.
const DUMP: Duration = Duration::from_secs(60);

/// What was spent, summed over turns.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    /// Seconds on a core, user and kernel.
    pub(crate) seconds: f64,
    /// Instructions of the process itself, by callgrind.
    pub(crate) instructions: Option<f64>,
    /// Cycles, user and kernel, by `perf stat`.
    pub(crate) cycles: Option<f64>,
}

impl Spent {
    /// Adds another turn's.
    pub(crate) fn add(&mut self, other: Self) {
        let sum = |a: Option<f64>, b: Option<f64>| a.map_or(b, |a| Some(a + b.unwrap_or_default()));
        self.seconds += other.seconds;
        self.instructions = sum(self.instructions, other.instructions);
        self.cycles = sum(self.cycles, other.cycles);
    }
}

/// A measurement that runs.
pub(crate) struct Meter<'p> {
    pid: u32,
    /// The folder that callgrind writes to, where the process runs under it.
    callgrind: Option<&'p Path>,
    seconds: f64,
    perf: Option<Child>,
}

impl<'p> Meter<'p> {
    /// Starts to measure a process.
    pub(crate) fn start(pid: u32, callgrind: Option<&'p Path>) -> Self {
        if callgrind.is_some() {
            control("-z", pid);
        }
        let perf = (callgrind.is_none() && *COUNTERS).then(|| {
            let mut perf = Command::new("perf");
            perf.args(["stat", "-x", ",", "-e", "cycles", "-p", &pid.to_string()]);
            perf.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        });
        Self { pid, callgrind, seconds: seconds(pid), perf }
    }

    /// What it has spent since.
    pub(crate) fn stop(self) -> Spent {
        let seconds = seconds(self.pid) - self.seconds;
        let instructions = self.callgrind.map(|folder| {
            let known = dumps(folder, self.pid);
            control("-d", self.pid);
            let begun = Instant::now();
            // It writes when the program next runs, and the total last.
            loop {
                let fresh = dumps(folder, self.pid).into_iter().filter(|name| !known.contains(name));
                if let Some(total) = fresh.filter_map(|name| total(&folder.join(name))).next() {
                    break total;
                }
                assert!(begun.elapsed() < DUMP, "callgrind has written nothing in {DUMP:?}");
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let cycles = self.perf.and_then(|perf| {
            let _ = Command::new("kill").args(["-INT", &perf.id().to_string()]).status();
            let said = perf.wait_with_output().unwrap();
            String::from_utf8_lossy(&said.stderr).lines().find_map(|line| line.split(',').next()?.parse().ok())
        });
        Spent { seconds, instructions, cycles }
    }
}

/// Whether `perf stat` can count cycles here: virtual machines often cannot.
static COUNTERS: LazyLock<bool> = LazyLock::new(|| {
    let tried = Command::new("perf").args(["stat", "-x", ",", "-e", "cycles", "true"]).output();
    tried.is_ok_and(|out| {
        let said = String::from_utf8_lossy(&out.stderr);
        said.lines().any(|line| line.split(',').next().is_some_and(|count| count.parse::<u64>().is_ok()))
    })
});

fn control(what: &str, pid: u32) {
    let done = Command::new("callgrind_control").args([what, &pid.to_string()]).output();
    let done = done.expect("`callgrind_control` does not run: it comes with valgrind");
    assert!(done.status.success(), "callgrind_control {what}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The dumps of a process in a folder; what callgrind has not finished is empty.
fn dumps(folder: &Path, pid: u32) -> Vec<std::ffi::OsString> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let prefix = format!("callgrind.out.{pid}.");
    let ours = |name: &std::ffi::OsString| name.to_string_lossy().starts_with(&prefix);
    files.filter(|file| file.metadata().is_ok_and(|m| m.len() > 0)).map(|file| file.file_name()).filter(ours).collect()
}

/// The instructions of a dump; none while it is not whole.
fn total(file: &Path) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix("totals: ")).and_then(|total| total.trim().parse().ok())
}

/// Seconds that a process has spent on a core so far, in hundredths.
fn seconds(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the broker has ended");
    // The name, in parentheses, may hold blanks; behind it come the fields from the third on.
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("the broker has ended");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

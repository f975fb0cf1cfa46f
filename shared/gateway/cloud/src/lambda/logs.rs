//! What functions write, and what Lambda writes about them: told to the observer, and the last of it kept per function.

use crate::config::{Notice, Observer};
use crate::context::lock;
use drydock_core::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

/// The most bytes of one line; what is longer is cut ("CloudWatch Logs quotas": 1 MB per event; a line here is a line).
pub const MAX_LINE: usize = 262_144;
/// The most lines kept of one function.
const MAX_LINES: usize = 5_000;
/// The most bytes kept of one function.
const MAX_BYTES: usize = 2_097_152;

/// One line of a function's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The function's name.
    pub function: String,
    /// The invocation that ran when it was written; `None` between invocations and while the process starts.
    pub request_id: Option<String>,
    /// The execution environment, as the name of a CloudWatch log stream.
    pub stream: String,
    /// When it was read, on the gateway's clock.
    pub time: Timestamp,
    /// Who wrote it.
    pub source: Source,
    /// The text, without its line end.
    pub text: String,
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The function, to its standard output.
    Stdout,
    /// The function, to its standard error.
    Stderr,
    /// Lambda: `INIT_START`, `START`, `END`, `REPORT`.
    Platform,
}

/// The report of an invocation ("REPORT" in a function's log).
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The function's name.
    pub function: String,
    /// The invocation.
    pub request_id: String,
    /// Milliseconds from handing the event over to the process's next poll.
    pub duration_ms: f64,
    /// Milliseconds from the process's start to its first poll, where this invocation started it.
    pub init_ms: Option<f64>,
    /// Megabytes it is configured with.
    pub memory_mb: u32,
    /// Megabytes that the process used at most, where the system tells.
    pub max_memory_mb: Option<u64>,
    /// Why it failed: `None` where it succeeded.
    pub error: Option<String>,
}

impl Report {
    /// The line that Lambda writes.
    pub(super) fn line(&self) -> String {
        use std::fmt::Write;
        let mut line = format!(
            "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {} MB",
            self.request_id,
            self.duration_ms,
            (self.duration_ms + self.init_ms.unwrap_or_default()).ceil(),
            self.memory_mb
        );
        if let Some(used) = self.max_memory_mb {
            let _ = write!(line, "\tMax Memory Used: {used} MB");
        }
        if let Some(init) = self.init_ms {
            let _ = write!(line, "\tInit Duration: {init:.2} ms");
        }
        line
    }
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    bytes: usize,
}

/// The last lines of every function.
pub(super) struct LogStore {
    observer: Observer,
    kept: Mutex<BTreeMap<String, Kept>>,
}

impl LogStore {
    pub(super) fn new(observer: Observer) -> Self {
        Self { observer, kept: Mutex::default() }
    }

    pub(super) fn add(&self, line: LogLine) {
        {
            let mut kept = lock(&self.kept);
            let kept = kept.entry(line.function.clone()).or_default();
            kept.bytes += line.text.len();
            kept.lines.push_back(line.clone());
            while kept.lines.len() > MAX_LINES || kept.bytes > MAX_BYTES {
                let Some(old) = kept.lines.pop_front() else { break };
                kept.bytes -= old.text.len();
            }
        }
        self.observer.tell(Notice::Log(line));
    }

    pub(super) fn report(&self, report: Report) {
        self.observer.tell(Notice::Report(report));
    }

    pub(super) fn lines(&self, function: &str) -> Vec<LogLine> {
        lock(&self.kept).get(function).map(|kept| kept.lines.iter().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn clear(&self) {
        lock(&self.kept).clear();
    }
}

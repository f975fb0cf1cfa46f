//! What functions write, and what Lambda writes about them: told to the observer, and the last of it kept per function.

use crate::context::lock;
use crate::notice::{Notice, Observer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

pub use crate::notice::{LogLine, Report, Source};

/// The most bytes of one line; what is longer is cut ("CloudWatch Logs quotas": 1 MB per event; a line here is a line).
pub const MAX_LINE: usize = 262_144;
/// The most lines kept of one function.
const MAX_LINES: usize = 5_000;
/// The most bytes kept of one function.
const MAX_BYTES: usize = 2_097_152;

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

//! What functions write, and what Lambda writes about them: told to the observer, handed to CloudWatch Logs, and the last of it
//! kept per function.

use crate::cloudwatch::meter::{Embedded, Meter};
use crate::cloudwatch::metric::{Metric, Unit};
use crate::context::lock;
use crate::logs::{Ingest, Line};
use crate::notice::{Notice, Observer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

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
    /// Takes the metrics of functions, and those in their lines.
    meter: Arc<Meter>,
    ingest: Ingest,
    kept: Mutex<BTreeMap<String, Kept>>,
}

impl LogStore {
    pub(super) fn new(observer: Observer, meter: Arc<Meter>, ingest: Ingest) -> Self {
        Self { observer, meter, ingest, kept: Mutex::default() }
    }

    /// Takes a line of a log group.
    pub(super) fn add(&self, group: &Arc<str>, stream: &Arc<str>, line: LogLine) {
        if line.source != Source::Platform {
            self.meter.embedded(&line.text, line.time);
        }
        // An event has a text ("InputLogEvent").
        if !line.text.is_empty() {
            self.ingest.tell(Line {
                group: Arc::clone(group),
                retention_days: None,
                stream: Arc::clone(stream),
                at: line.time,
                text: line.text.clone(),
            });
        }
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
        let failed = f64::from(u8::from(report.error.is_some()));
        self.measure(&report.function, "Invocations", Unit::COUNT, 1.0);
        self.measure(&report.function, "Errors", Unit::COUNT, failed);
        self.measure(&report.function, "Throttles", Unit::COUNT, 0.0);
        self.measure(&report.function, "Duration", Unit::MILLISECONDS, report.duration_ms);
        self.observer.tell(Notice::Report(report));
    }

    /// An event found no place.
    pub(super) fn throttled(&self, function: &str) {
        self.measure(function, "Throttles", Unit::COUNT, 1.0);
    }

    /// A value of a metric of a function ("Types of metrics for Lambda functions"): of the function, and of all.
    fn measure(&self, function: &str, name: &str, unit: Unit, value: f64) {
        self.meter.note(Metric::new("AWS/Lambda", name, &[("FunctionName", function)]), unit, value);
        self.meter.note(Metric::new("AWS/Lambda", name, &[]), unit, value);
    }

    pub(super) fn lines(&self, function: &str) -> Vec<LogLine> {
        lock(&self.kept).get(function).map(|kept| kept.lines.iter().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn clear(&self) {
        lock(&self.kept).clear();
    }
}

//! What the gateway itself writes: functions' output, AWS IoT's own logs. Whoever writes never waits: lines go into a queue of
//! bounded length and size, and what does not fit is lost, counted, and told once.

use crate::context::lock;
use drydock_core::Timestamp;
use drydock_timers::{Kind, Timers, Work};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// A line that waits: a clock that is advanced waits for it, too; and after which reset it was told.
type Waiting = (Line, Work, u64);

/// How many lines may wait.
const LINES: usize = 65_536;
/// How many bytes may wait.
const BYTES: usize = 32 * 1024 * 1024;
/// How many lines are taken at a time.
const BATCH: usize = 4096;

/// A line for a stream; group and stream are made where they are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The log group.
    pub group: Arc<str>,
    /// The days that the group keeps events, where it is made for this line; for ever where none are given.
    pub retention_days: Option<u32>,
    /// The log stream.
    pub stream: Arc<str>,
    /// When it was written.
    pub at: Timestamp,
    /// The line, without its end.
    pub text: String,
}

/// Where lines are handed in. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Ingest {
    lines: mpsc::Sender<Waiting>,
    /// A clock that is advanced waits for lines that wait.
    kind: Kind,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Bytes that wait.
    waiting: AtomicUsize,
    lost: AtomicU64,
    /// How many resets there have been.
    resets: AtomicU64,
    /// What waits, while nobody takes it.
    arriving: Mutex<Option<mpsc::Receiver<Waiting>>>,
}

impl Ingest {
    pub(super) fn new(timers: &Timers) -> Self {
        let (lines, arriving) = mpsc::channel(LINES);
        let shared = Shared { arriving: Mutex::new(Some(arriving)), ..Shared::default() };
        Self { lines, kind: timers.kind("log lines"), shared: Arc::new(shared) }
    }

    /// Hands a line in.
    pub fn tell(&self, line: Line) {
        let size = line.text.len();
        let waiting = self.shared.waiting.fetch_add(size, Ordering::Relaxed);
        if waiting.saturating_add(size) > BYTES
            || self.lines.try_send((line, self.kind.begin(), self.resets())).is_err()
        {
            self.shared.waiting.fetch_sub(size, Ordering::Relaxed);
            if self.shared.lost.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::warn!("log lines are lost: more come than CloudWatch Logs takes in here; metrics count them");
            }
        }
    }

    fn resets(&self) -> u64 {
        self.shared.resets.load(Ordering::Acquire)
    }

    /// Lets go what waits: nobody wants it any more.
    pub(super) fn forget(&self) {
        self.shared.resets.fetch_add(1, Ordering::AcqRel);
    }

    /// How many lines did not fit.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Takes the end that lines arrive at; `None` where somebody has it.
    pub(super) fn take(&self) -> Option<Arriving> {
        let lines = lock(&self.shared.arriving).take()?;
        Some(Arriving { lines: Some(lines), shared: Arc::clone(&self.shared) })
    }
}

/// The end that lines arrive at. Given back where it is dropped.
pub(super) struct Arriving {
    lines: Option<mpsc::Receiver<Waiting>>,
    shared: Arc<Shared>,
}

impl Arriving {
    /// Waits for lines.
    pub(super) async fn next(&mut self) -> Vec<Waiting> {
        let mut lines = Vec::new();
        if let Some(arriving) = &mut self.lines {
            arriving.recv_many(&mut lines, BATCH).await;
        }
        lines
    }

    /// The lines that are there.
    pub(super) fn now(&mut self) -> Vec<Waiting> {
        let mut lines = Vec::new();
        while let Some(line) = self.lines.as_mut().and_then(|arriving| arriving.try_recv().ok()) {
            lines.push(line);
        }
        lines
    }

    /// The lines that no reset has let go, and what is to be dropped when they are kept.
    pub(super) fn wanted(&self, lines: Vec<Waiting>) -> (Vec<Line>, Vec<Work>) {
        let size = lines.iter().map(|(line, ..)| line.text.len()).sum();
        self.shared.waiting.fetch_sub(size, Ordering::Relaxed);
        let resets = self.shared.resets.load(Ordering::Acquire);
        let wanted = lines.into_iter().filter(|(.., told)| *told == resets);
        wanted.map(|(line, work, _)| (line, work)).unzip()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        *lock(&self.shared.arriving) = self.lines.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Never;

    impl drydock_core::Clock for Never {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let ingest = Ingest::new(&Timers::stopped_at(Arc::new(Never), Timestamp(0)));
        let line =
            |text: String| Line { group: "g".into(), retention_days: None, stream: "s".into(), at: Timestamp(0), text };
        for _ in 0..40 {
            ingest.tell(line("x".repeat(1024 * 1024)));
        }
        assert_eq!(ingest.lost(), 8);
        let mut arriving = ingest.take().unwrap();
        assert!(ingest.take().is_none());
        let waiting = arriving.now();
        assert_eq!(arriving.wanted(waiting).0.len(), 32);
        drop(arriving);
        for _ in 0..LINES + 5 {
            ingest.tell(line(String::new()));
        }
        assert_eq!(ingest.lost(), 13);
        ingest.forget();
        let mut arriving = ingest.take().unwrap();
        let waiting = arriving.now();
        assert_eq!(waiting.len(), LINES);
        assert!(arriving.wanted(waiting).0.is_empty(), "they were told before the reset");
    }
}

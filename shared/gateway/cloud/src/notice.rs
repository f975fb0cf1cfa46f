//! What the stand-ins tell of while they run.

use drydock_core::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Something that the stand-ins tell of, beyond the answers they give.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A function wrote a line, or Lambda wrote one about it.
    Log(LogLine),
    /// An invocation ended.
    Report(Report),
    /// An asynchronous event will be tried again, or was given up.
    AsyncFailed {
        /// The function's name.
        function: String,
        /// The event's request id.
        request_id: String,
        /// Attempts so far.
        attempts: u32,
        /// What went wrong, as the function or Lambda said it.
        why: String,
        /// Milliseconds until the next attempt; `None` where the event was given up.
        retry_in_ms: Option<i64>,
    },
    /// A message could not be handed on: to a failure destination, a subscription, or an event source mapping's function.
    DeliveryFailed {
        /// The ARN that sent it.
        from: String,
        /// The ARN or URL it was for.
        to: String,
        /// Why it was not taken.
        why: String,
    },
}

/// Who is told of a [`Notice`]. Called on the task where it happens, so it must not block.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(Notice) + Send + Sync>);

impl Observer {
    /// An observer that calls a function.
    pub fn new(listen: impl Fn(Notice) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    /// An observer that listens to nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    pub(crate) fn tell(&self, notice: Notice) {
        (self.0)(notice);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

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
    pub(crate) fn line(&self) -> String {
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

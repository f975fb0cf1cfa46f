//! What the gateway tells the people who watch it: one stream of notices, printed by `drydock up`, followed by `drydock
//! demo`. Nothing is made up for it where nobody listens.

use drydock_core::Timestamp;
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;
use tokio::sync::broadcast;

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Something went as it was meant to.
    Good,
    /// Something that is neither.
    Plain,
    /// Something that may be meant so, or not: a remark at the side.
    Aside,
    /// Something was refused, or failed.
    Bad,
}

/// What a notice is about: what watchers select by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// A connection was made, refused or ended.
    Connection,
    /// A publish, subscribe or delivery was refused.
    Refusal,
    /// A message went nowhere, or was dropped.
    Message,
    /// A request of a device shadow was rejected, or had no effect.
    Shadow,
    /// A request of a job execution was rejected.
    Job,
    /// A report on a command execution was rejected.
    Command,
    /// A request of a stream was rejected.
    Stream,
    /// A device violates a behavior, or does so no longer; its report was rejected.
    Defender,
    /// A certificate was registered or changed.
    Certificate,
    /// A bulk registration began, went on or ended.
    Registration,
    /// A rule matched, or an action failed.
    Rule,
    /// A function ran.
    Function,
    /// A line that a function wrote.
    Log,
    /// A stand-in beside IoT could not do something.
    Cloud,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Notice {
    /// When.
    #[serde(rename = "timestamp")]
    pub at: Timestamp,
    /// How it is meant.
    pub tone: Tone,
    /// What it is about.
    pub topic: Topic,
    /// Whom or what: a client id, a certificate id, a rule, a function.
    pub subject: String,
    /// What happened, in a line.
    pub text: String,
    /// Why, in as many lines as it takes; what to do about it stands last, behind [`HELP`]. Empty where there is nothing more
    /// to say.
    pub reasons: Vec<String>,
}

/// How a reason begins that says what to do.
pub const HELP: &str = "help: ";

/// The reasons of a notice that has nothing but a next step; none where the step is empty.
#[must_use]
pub fn help(step: &str) -> Vec<String> {
    if step.is_empty() { Vec::new() } else { vec![format!("{HELP}{step}")] }
}

/// The stream of notices.
#[derive(Debug, Clone)]
pub struct Notices {
    sender: broadcast::Sender<Arc<Notice>>,
}

impl Default for Notices {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(4096) }
    }
}

impl Notices {
    /// Whether anybody listens.
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Tells of something; the closure runs only where somebody listens. Names and texts of others may stand in it.
    pub fn tell(&self, notice: impl FnOnce() -> Notice) {
        if self.wanted() {
            let mut notice = notice();
            let own = notice.reasons.iter_mut().chain([&mut notice.subject, &mut notice.text]);
            own.for_each(|text| {
                if let Cow::Owned(shown) = crate::shown::line(text) {
                    *text = shown;
                }
            });
            // A watcher that left between the question and the answer is no loss.
            let _ = self.sender.send(Arc::new(notice));
        }
    }

    /// Listens from now on. Who falls 4,096 notices behind misses the oldest.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Arc<Notice>> {
        self.sender.subscribe()
    }
}

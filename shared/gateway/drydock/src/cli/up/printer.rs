//! Notices as lines, in one form: the time, whom it is about, what happened; below it why, and what to do.
//!
//! What is refused again and again is printed once whole; after that a line now and then says how often. What a function writes
//! stands below the report of its run.

use crate::cli::print;
use drydock_gateway::Gateway;
use drydock_host::notice::{HELP, Notice, Tone, Topic};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{self, Write as _};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// How long a notice may wait to be printed with others.
const MOMENT: Duration = Duration::from_millis(50);
/// How many notices of one subject are printed within a second: a rule that republishes to itself would fill the terminal.
const MOST_OF_ONE: u64 = 20;
/// How many of all: subjects are names that strangers make up, each as often as they like.
const MOST_OF_ALL: u64 = 1000;
/// How many refusals are remembered, so that those that come again are known.
const REMEMBERED: usize = 1024;
/// After how long a refusal that comes again gets a line in any case.
const AGAIN: Duration = Duration::from_secs(5);
/// How many lines of a function stand below its report; the rest is counted.
const LINES: usize = 20;
/// How long a function's lines wait for its report.
const REPORT: Duration = Duration::from_secs(2);
/// What stands before a line that belongs to the one above: as wide as the time.
const BELOW: &str = "              ";

/// Prints notices as they come: those of a moment together, so that a storm of them costs the gateway little.
pub(super) struct Printer {
    notices: Receiver<Arc<Notice>>,
    lines: String,
    /// What was printed of each subject within this second, and what was not.
    told: HashMap<(Topic, String), (u64, u64)>,
    /// How many were printed within this second, and how many were not as there were so many.
    all: (u64, u64),
    second: Instant,
    refused: HashMap<u64, Repeated>,
    hasher: RandomState,
    /// What functions wrote whose run is not over.
    written: HashMap<String, Written>,
}

/// A refusal that was printed.
struct Repeated {
    times: u64,
    printed: Instant,
}

/// What a function wrote.
struct Written {
    since: Instant,
    lines: Vec<String>,
    more: u64,
}

impl Printer {
    pub(super) fn new(gateway: &Gateway) -> Self {
        Self::of(gateway.host.told.notices.watch())
    }

    fn of(notices: Receiver<Arc<Notice>>) -> Self {
        let (lines, told, all, refused, written, hasher) = Default::default();
        Self { notices, lines, told, all, second: Instant::now(), refused, hasher, written }
    }

    /// Goes on until the gateway is gone.
    pub(super) async fn run(&mut self) {
        loop {
            let wait = if self.written.is_empty() { Duration::MAX } else { REPORT };
            match tokio::time::timeout(wait, self.notices.recv()).await {
                Ok(Ok(notice)) => self.put(&notice),
                Ok(Err(RecvError::Lagged(missed))) => self.missed(missed),
                Ok(Err(RecvError::Closed)) => return,
                Err(_) => {}
            }
            tokio::time::sleep(MOMENT).await;
            self.gather();
            self.flush();
        }
    }

    /// Prints what has come and was not printed yet.
    pub(super) fn finish(&mut self) {
        self.gather();
        for (function, written) in std::mem::take(&mut self.written) {
            self.written_by(&function, written);
        }
        self.flush();
    }

    fn gather(&mut self) {
        loop {
            match self.notices.try_recv() {
                Ok(notice) => self.put(&notice),
                Err(TryRecvError::Lagged(missed)) => self.missed(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.second = Instant::now();
            for ((_, subject), (_, more)) in std::mem::take(&mut self.told) {
                if more > 0 {
                    let text = format!("… {more} more of {subject} within a second, told once");
                    self.line(format_args!("{}", print::dim(text)));
                }
            }
            let (_, more) = std::mem::take(&mut self.all);
            if more > 0 {
                self.missed(more);
            }
        }
        // A function that runs on, or whose report was missed.
        let late = |written: &Written| written.since.elapsed() >= REPORT;
        let over: Vec<String> =
            self.written.iter().filter(|(_, written)| late(written)).map(|(function, _)| function.clone()).collect();
        for function in over {
            if let Some(written) = self.written.remove(&function) {
                self.written_by(&function, written);
            }
        }
    }

    fn flush(&mut self) {
        print::told_at_once(&self.lines);
        self.lines.clear();
    }

    fn put(&mut self, notice: &Notice) {
        if notice.topic == Topic::Log {
            let fresh = || Written { since: Instant::now(), lines: Vec::new(), more: 0 };
            let written = self.written.entry(notice.subject.clone()).or_insert_with(fresh);
            if written.lines.len() < LINES {
                written.lines.push(notice.text.clone())
            } else {
                written.more += 1
            }
            return;
        }
        let again = match self.again(notice) {
            Some(0) => return,
            again => again,
        };
        if self.all.0 >= MOST_OF_ALL {
            self.all.1 += 1;
            return;
        }
        let (printed, more) = self.told.entry((notice.topic, notice.subject.clone())).or_default();
        if *printed >= MOST_OF_ONE {
            *more += 1;
            return;
        }
        *printed += 1;
        self.all.0 += 1;
        let time = notice.at.to_string();
        let time = time.get(11..).unwrap_or_default();
        let text = match notice.tone {
            Tone::Good => print::good(&notice.text),
            Tone::Plain => notice.text.clone(),
            Tone::Aside => print::dim(&notice.text),
            Tone::Bad => print::bad(&notice.text),
        };
        if let Some(times) = again {
            self.line(format_args!(
                "{} {}  {text} {}",
                print::dim(time),
                notice.subject,
                print::dim(format_args!("({times} times by now)"))
            ));
            return;
        }
        self.line(format_args!("{} {}  {text}", print::dim(time), notice.subject));
        for reason in &notice.reasons {
            let shown =
                if reason.starts_with(HELP) && notice.tone == Tone::Bad { reason.clone() } else { print::dim(reason) };
            self.line(format_args!("{BELOW}{shown}"));
        }
        if notice.topic == Topic::Function
            && let Some(written) = self.written.remove(&notice.subject)
        {
            self.below(written);
        }
    }

    /// Of a refusal that was printed before how often it came by now, 0 where that is not to be said; `None` of what is printed
    /// whole.
    fn again(&mut self, notice: &Notice) -> Option<u64> {
        if !matches!(notice.tone, Tone::Bad | Tone::Aside) || notice.topic == Topic::Function {
            return None;
        }
        // Who connects anew has another port.
        let address = notice.subject.parse::<SocketAddr>().ok().map(|address| address.ip().to_string());
        let subject = address.as_deref().unwrap_or(&notice.subject);
        let key = self.hasher.hash_one((notice.topic, subject, &notice.text, &notice.reasons));
        if self.refused.len() >= REMEMBERED {
            self.refused.clear();
        }
        match self.refused.entry(key) {
            Entry::Vacant(place) => {
                place.insert(Repeated { times: 1, printed: Instant::now() });
                None
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.times += 1;
                if !known.times.is_power_of_two() && known.printed.elapsed() < AGAIN {
                    return Some(0);
                }
                known.printed = Instant::now();
                Some(known.times)
            }
        }
    }

    /// What a function wrote whose report does not come.
    fn written_by(&mut self, function: &str, written: Written) {
        self.line(format_args!("{}", print::dim(format_args!("{BELOW}{function} writes"))));
        self.below(written);
    }

    fn below(&mut self, written: Written) {
        for line in &written.lines {
            self.line(format_args!("{BELOW}{}", print::dim(format_args!("| {line}"))));
        }
        if written.more > 0 {
            self.line(format_args!("{BELOW}{}", print::dim(format_args!("| … {} more lines", written.more))));
        }
    }

    fn missed(&mut self, count: u64) {
        self.line(format_args!("{}", print::dim(format_args!("… {count} notices too fast to print"))));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = writeln!(self.lines, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_core::Timestamp;
    use tokio::sync::broadcast;

    fn notice(tone: Tone, topic: Topic, subject: &str, text: &str, reasons: &[&str]) -> Notice {
        let reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
        Notice { at: Timestamp(1_000), tone, topic, subject: subject.to_owned(), text: text.to_owned(), reasons }
    }

    fn printed(notices: &[Notice]) -> String {
        let (_sender, receiver) = broadcast::channel(1);
        let mut printer = Printer::of(receiver);
        notices.iter().for_each(|notice| printer.put(notice));
        std::mem::take(&mut printer.lines)
    }

    #[test]
    fn what_is_refused_again_is_counted_and_not_repeated() {
        let refused = |port: u16| {
            let subject = format!("127.0.0.1:{port}");
            notice(Tone::Bad, Topic::Connection, &subject, "TLS handshake refused", &["help: give it a key"])
        };
        let all: Vec<Notice> = (1..=7).map(refused).collect();
        assert_eq!(
            printed(&all),
            "00:00:01.000Z 127.0.0.1:1  TLS handshake refused\n\
             \x20             help: give it a key\n\
             00:00:01.000Z 127.0.0.1:2  TLS handshake refused (2 times by now)\n\
             00:00:01.000Z 127.0.0.1:4  TLS handshake refused (4 times by now)\n"
        );
    }

    #[test]
    fn notices_of_made_up_names_do_not_fill_the_terminal() {
        let (_sender, receiver) = broadcast::channel(1);
        let mut printer = Printer::of(receiver);
        for n in 0..100_000 {
            printer.put(&notice(Tone::Bad, Topic::Connection, &format!("stranger-{n}"), "was refused", &[]));
        }
        assert_eq!(
            (printer.lines.lines().count(), printer.told.len()),
            (1000, 1000),
            "what is remembered is bounded, too"
        );
        printer.lines.clear();
        printer.second -= Duration::from_secs(2);
        printer.gather();
        assert!(printer.lines.contains("99000 notices too fast to print"), "{}", printer.lines);
        printer.put(&notice(Tone::Good, Topic::Connection, "pump", "connected", &[]));
        assert!(printer.lines.contains("pump  connected"), "the next second prints again");
    }

    #[test]
    fn what_a_function_writes_stands_below_its_report() {
        let mut all = vec![notice(Tone::Good, Topic::Rule, "Telemetry", "matched dt/a", &[])];
        all.extend((0..22).map(|n| notice(Tone::Plain, Topic::Log, "telemetry", &format!("line {n}"), &[])));
        all.push(notice(Tone::Good, Topic::Function, "telemetry", "ran 2.0 ms", &[]));
        let printed = printed(&all);
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines.get(1), Some(&"00:00:01.000Z telemetry  ran 2.0 ms"), "{printed}");
        assert_eq!(lines.get(2), Some(&"              | line 0"), "{printed}");
        assert_eq!(lines.last(), Some(&"              | … 2 more lines"), "{printed}");
    }
}

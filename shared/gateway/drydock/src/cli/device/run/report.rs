//! What is printed of devices: a line for each thing that happens, or one JSON object; a table at the end.

use crate::cli::device::args::RunArgs;
use crate::cli::print;
use crate::simulated::device::Told;
use drydock_core::Clock as _;
use drydock_host::shown;
use drydock_host::system::SystemClock;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is printed.
pub(super) struct Report {
    as_json: bool,
    devices: usize,
    /// How many executions ended with which status.
    ended: BTreeMap<String, u64>,
}

impl Report {
    pub(super) fn new(args: &RunArgs, devices: usize) -> Self {
        Self { as_json: args.at.json, devices, ended: BTreeMap::new() }
    }

    pub(super) fn tell(&mut self, name: &str, told: &Told) {
        if let Some(status) = told.end() {
            *self.ended.entry(status.to_owned()).or_default() += 1;
        }
        if self.as_json {
            let mut line = shown::value(line(told));
            if let Value::Object(line) = &mut line {
                line.insert("device".to_owned(), json!(name));
                line.insert("at".to_owned(), json!(SystemClock.now().millis()));
            }
            print::told(line);
            return;
        }
        let text = match told {
            Told::Connected { resumed: false } => "connected".to_owned(),
            Told::Connected { resumed: true } => "connected again".to_owned(),
            Told::Lost { why } => format!("{} {why}", print::bad("not connected:")),
            Told::DroppedOff => format!("{} in the middle of its job", print::changed("dropped off")),
            Told::Job { job, status } => format!("job {} {}", shown::line(job), colored(status)),
            Told::Command { execution, status } => format!("command execution {execution} {}", colored(status)),
            Told::Refused { asked, why } => {
                format!("{} {}: {}", print::bad("refused:"), shown::line(asked), shown::line(why))
            }
            Told::Fetched { stream } => format!("fetched all files of the stream {}", shown::line(stream)),
            Told::Shadow { topic, reported } => {
                format!("shadow {} {}", print::dim(shown::line(topic)), shown::line(&reported.to_string()))
            }
        };
        print::told(format_args!("{} {text}", print::strong(name)));
    }

    /// What all of it came to.
    pub(super) fn finish(&self) {
        if self.as_json || self.ended.is_empty() {
            return;
        }
        let mut table = print::table(["executions", "ended"]);
        for (status, count) in &self.ended {
            table.add_row([status.clone(), count.to_string()]);
        }
        print::told(format_args!("\n{} device(s)\n{table}", self.devices));
    }
}

fn colored(status: &str) -> String {
    match status {
        "SUCCEEDED" => print::good(status),
        "IN_PROGRESS" | "QUEUED" => print::strong(status),
        _ => print::bad(status),
    }
}

fn line(told: &Told) -> Value {
    match told {
        Told::Connected { resumed } => json!({ "event": "connected", "again": resumed }),
        Told::Lost { why } => json!({ "event": "lost", "why": why }),
        Told::DroppedOff => json!({ "event": "droppedOff" }),
        Told::Job { job, status } => json!({ "event": "job", "jobId": job, "status": status }),
        Told::Command { execution, status } => {
            json!({ "event": "command", "executionId": execution, "status": status })
        }
        Told::Fetched { stream } => json!({ "event": "fetched", "stream": stream }),
        Told::Refused { asked, why } => json!({ "event": "refused", "asked": asked, "why": why }),
        Told::Shadow { topic, reported } => json!({ "event": "shadow", "topic": topic, "reported": reported }),
    }
}

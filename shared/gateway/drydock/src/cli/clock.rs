//! `drydock clock`: shows and changes the clock of a gateway that is up.

use super::args::CommandResult;
use super::print;
use crate::client::Api;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

/// What `drydock clock` takes.
#[derive(Debug, Clone, Args)]
pub struct ClockArgs {
    /// What to do; without it the clock is shown.
    #[command(subcommand)]
    pub command: Option<ClockCommand>,
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566", global = true)]
    pub api_url: String,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with the clock.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum ClockCommand {
    /// Show the time, how the clock goes, and what waits for its time.
    Show,
    /// Let it stand still.
    Stop,
    /// Let it go on from the time that it shows.
    Start,
    /// Advance it to a time, such as 2027-01-01T00:00:00Z; whatever is due on the way happens, in order.
    Set {
        /// The time.
        time: String,
    },
    /// Advance it by a span, such as 7d, 90s or "1h 30m"; whatever is due on the way happens, in order.
    Advance {
        /// The span.
        duration: String,
    },
    /// Let it run so many times as fast as the machine's; 1 is the machine's own speed.
    Speed {
        /// Seconds of the gateway in a second of the machine: 0.001 to 86400.
        rate: f64,
    },
}

/// Runs `drydock clock`.
///
/// # Errors
/// Where no gateway answers, or it refuses.
pub async fn run(args: ClockArgs) -> CommandResult {
    let api = Api::new(&args.api_url, None);
    let answer = match args.command.unwrap_or(ClockCommand::Show) {
        ClockCommand::Show => api.clock(None).await?,
        ClockCommand::Stop => api.clock(Some(&json!({ "stop": true }))).await?,
        ClockCommand::Start => api.clock(Some(&json!({ "resume": true }))).await?,
        ClockCommand::Set { time } => api.clock(Some(&json!({ "set": time }))).await?,
        ClockCommand::Advance { duration } => api.clock(Some(&json!({ "advance": duration }))).await?,
        ClockCommand::Speed { rate } => api.clock(Some(&json!({ "rate": rate }))).await?,
    };
    if args.json {
        print::told(format!("{answer:#}"));
    } else {
        show(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(clock: &Value) {
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |name: &str| clock.get(name).and_then(Value::as_u64).unwrap_or_default();
    let list = |name: &str| clock.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let rate = clock.get("rate").and_then(Value::as_f64).unwrap_or(1.0);
    let running = clock.get("running").and_then(Value::as_bool).unwrap_or_default();
    #[expect(clippy::float_cmp, reason = "1 is set as 1")]
    let how = match (running, rate == 1.0) {
        (true, true) => "runs".to_owned(),
        (true, false) => format!("runs at {rate} times the machine's speed"),
        (false, true) => "is stopped".to_owned(),
        (false, false) => format!("is stopped; runs at {rate} times the machine's speed when it is started"),
    };
    let named = |of: &Value| match text(of, "of") {
        whose if whose.is_empty() => text(of, "what"),
        whose => format!("{} ({whose})", text(of, "what")),
    };
    for (name, heading) in [("done", "was due"), ("pending", "is due")] {
        let entries = list(name);
        if entries.is_empty() {
            continue;
        }
        let mut table = print::table([heading, "what"]);
        for entry in &entries {
            table.add_row([text(entry, "due"), named(entry)]);
        }
        print::told(&table);
        let more = number(&format!("{name}Count")).saturating_sub(entries.len() as u64);
        if more > 0 {
            print::told(format_args!("and {more} more"));
        }
    }
    print::told(format_args!("the clock shows {} and {how}", text(clock, "now")));
}

//! `drydock alarms`: the alarms of a gateway that is up, and their states.

use super::args::CommandResult;
use super::print;
use crate::client::Api;
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The operation, as CloudWatch's JSON protocol names it.
const DESCRIBE: &str = "GraniteServiceVersion20100801.DescribeAlarms";

/// What `drydock alarms` takes.
#[derive(Debug, Clone, Args)]
pub struct AlarmsArgs {
    /// Only alarms in this state: OK, ALARM or INSUFFICIENT_DATA.
    #[arg(long, value_name = "STATE", value_parser = ["OK", "ALARM", "INSUFFICIENT_DATA"])]
    pub state: Option<String>,
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// Print JSON, as DescribeAlarms answers it.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// Where the gateway cannot be asked.
pub async fn run(args: AlarmsArgs) -> CommandResult {
    let api = Api::new(&args.api_url, None);
    let mut alarms: Vec<Value> = Vec::new();
    let mut next = Value::Null;
    loop {
        let asked = json!({ "StateValue": args.state, "NextToken": next });
        let mut page = api.json("monitoring", DESCRIBE, &asked).await?;
        if let Some(Value::Array(found)) = page.get_mut("MetricAlarms").map(Value::take) {
            alarms.extend(found);
        }
        next = page.get_mut("NextToken").map(Value::take).unwrap_or_default();
        if next.is_null() {
            break;
        }
    }
    if args.json {
        let all = json!({ "MetricAlarms": alarms });
        print::told(format_args!("{:#}", drydock_host::shown::value(all)));
        return Ok(ExitCode::SUCCESS);
    }
    if alarms.is_empty() {
        print::told(print::dim("no alarms"));
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(["alarm", "state", "since", "why"]);
    for alarm in alarms.into_iter().map(drydock_host::shown::value) {
        let text = |name: &str| alarm.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let state = match text("StateValue").as_str() {
            "OK" => print::good("OK"),
            "ALARM" => print::bad("ALARM"),
            other => print::dim(other),
        };
        let since = alarm.get("StateTransitionedTimestamp").and_then(Value::as_f64).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds is below 2^53")]
        let since = drydock_core::Timestamp((since * 1000.0) as i64);
        table.add_row([text("AlarmName"), state, since.to_string(), text("StateReason")]);
    }
    print::told(&table);
    Ok(ExitCode::SUCCESS)
}

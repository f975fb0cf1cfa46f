//! `drydock find`: which things a query of the fleet index finds, and for one thing which term of it failed, on which value.

use super::args::CommandResult;
use super::print;
use crate::client::Api;
use clap::Args;
use drydock_host::shown::line;
use serde_json::{Value, json};
use std::process::ExitCode;

/// How the command ends where nothing is found, or the thing is not what is asked for.
const NOTHING: u8 = 2;

/// What `drydock find` takes.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Ends with 0 where something is found, with 2 where nothing is, with 1 where there is no answer.\n\n\
    drydock find 'attributes.manufactured>2013 AND shadow.reported.firmware:1.2 AND connectivity.connected:true'\n\
    drydock find 'thingName:dock-* AND NOT shadow.hasDelta:true' --explain dock-7\n\n\
    Nothing is indexed until it is asked for, as on AWS:\n\n\
    aws iot update-indexing-configuration --thing-indexing-configuration \
    thingIndexingMode=REGISTRY_AND_SHADOW,thingConnectivityIndexingMode=STATUS"
)]
pub struct FindArgs {
    /// The query, in the language of AWS IoT fleet indexing.
    #[arg(value_name = "QUERY")]
    pub query: String,
    /// Say what each term of the query makes of this thing.
    #[arg(long, value_name = "THING", conflicts_with = "most")]
    pub explain: Option<String>,
    /// Print at most so many things.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub most: usize,
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// The region to ask about.
    #[arg(long, value_name = "REGION", value_parser = super::args::parse_region)]
    pub region: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// Where the gateway cannot be asked, or the text is not a query.
pub async fn run(args: FindArgs) -> CommandResult {
    let api = Api::new(&args.api_url, args.region.clone());
    let answer = api.find(&json!({ "query": args.query, "thing": args.explain, "most": args.most })).await?;
    if args.json {
        print::told(format!("{answer:#}"));
    } else if args.explain.is_some() {
        explained(&answer);
    } else {
        found(&answer);
    }
    let is_there = match args.explain {
        Some(_) => answer.get("fits").and_then(Value::as_bool) == Some(true),
        None => answer.get("total").and_then(Value::as_u64).is_some_and(|total| total > 0),
    };
    Ok(if is_there { ExitCode::SUCCESS } else { ExitCode::from(NOTHING) })
}

fn found(answer: &Value) {
    let things: &[Value] = answer["things"].as_array().map_or(&[], Vec::as_slice);
    if !things.is_empty() {
        let mut table = print::table(["thing", "because of"]);
        for thing in things {
            table.add_row([line(text(&thing["thingName"])).into_owned(), pairs(&thing["values"])]);
        }
        print::told(table);
    }
    let total = answer["total"].as_u64().unwrap_or_default();
    let shown = things.len() as u64;
    let rest = if shown < total { format!(", {shown} of them shown: --most shows others") } else { String::new() };
    print::told(print::dim(format!("{total} {}{rest}", if total == 1 { "thing" } else { "things" })));
    for hint in answer["hints"].as_array().into_iter().flatten() {
        print::beside(print::changed(line(text(hint))));
    }
}

fn explained(answer: &Value) {
    let name = line(text(&answer["thingName"])).into_owned();
    let is = answer["fits"] == true;
    let verdict = if is { print::good("is found") } else { print::bad("is not found") };
    print::told(format!("{} {verdict}", print::strong(name)));
    for term in answer["terms"].as_array().into_iter().flatten() {
        let (fits, negated) = (term["fits"] == true, term["negated"] == true);
        let holds = fits != negated;
        let mark = if holds { print::good("holds") } else { print::bad("fails") };
        let not = if negated { "NOT " } else { "" };
        let values = pairs(&term["values"]);
        let similar: Vec<&str> = term["similar"].as_array().into_iter().flatten().map(text).collect();
        let because = match (values.is_empty(), similar.is_empty()) {
            (false, _) => values,
            (true, true) => "it has no such field".to_owned(),
            (true, false) => format!("it has no such field; did you mean {}?", line(&similar.join(", "))),
        };
        let more = term["more"].as_u64().filter(|more| *more > 0).map(|more| format!(" and {more} more"));
        let because = print::dim(format!("{because}{}", more.unwrap_or_default()));
        print::told(format!("  {mark}  {not}{}  {because}", line(text(&term["term"]))));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Fields with their values, as one line. A number that an attribute reads as does not come twice.
fn pairs(values: &Value) -> String {
    let pairs = values.as_array().into_iter().flatten().filter_map(Value::as_array);
    let mut pairs: Vec<String> = pairs
        .filter_map(|pair| Some(line(&format!("{}={}", text(pair.first()?), text(pair.get(1)?))).into_owned()))
        .collect();
    pairs.dedup();
    pairs.join(" ")
}

//! `drydock sql`: what a statement of the rules SQL makes of a message, with no gateway; or, with `--watch`, what a rule of a
//! gateway that is up makes of each.

use super::args::CommandResult;
use super::print;
use crate::client::Api;
use clap::Args;
use drydock_core::{Clock, Ids, Timestamp};
use drydock_host::system::{SystemClock, SystemIds};
use drydock_rules::trace::Step;
use drydock_rules::value::json;
use drydock_rules::{
    Answer, Capabilities, Env, Explanation, External, ExternalCall, Externals, Message, SqlVersion, Value, explain,
    functions, sql,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Read, Write};
use std::net::IpAddr;
use std::process::ExitCode;

/// How the command ends where a rule's actions would not run.
const UNMATCHED: u8 = 2;

/// What `drydock sql` takes.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Ends with 0 where there is a result, with 2 where the message does not match, with 1 where the \
    statement is wrong or fails.\n\n\
    drydock sql \"SELECT temperature FROM 'dt/+/telemetry' WHERE temperature > 50\" --topic dt/a/telemetry --payload '{\"temperature\": 60}'\n\
    drydock sql \"SELECT VALUE encode(*, 'base64') FROM 'raw'\" --payload image.bin\n\
    drydock sql --watch StoreTelemetry"
)]
pub struct SqlArgs {
    /// The statement.
    #[arg(value_name = "STATEMENT", required_unless_present_any = ["watch", "reference"])]
    pub statement: Option<String>,
    /// The topic of the message; without it the topic of FROM, where that has no wildcard.
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// The payload: a file, `-` for standard input, or JSON itself, which begins with `{` or `[`. Without it `{}`.
    #[arg(long, value_name = "FILE|-|JSON")]
    pub payload: Option<String>,
    /// The MQTT client that sends it; without it the message did not come over MQTT.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Who sends it, as principal() gives it: a certificate's id, or ROLEID:SESSION.
    #[arg(long, value_name = "PRINCIPAL")]
    pub principal: Option<String>,
    /// Where it comes from.
    #[arg(long, value_name = "ADDRESS")]
    pub source_ip: Option<IpAddr>,
    /// The version of the SQL; a rule that names none has 2015-10-08.
    #[arg(long, value_name = "VERSION", default_value = "2016-03-23", value_parser = version)]
    pub sql_version: SqlVersion,
    /// When it is received, in milliseconds since 1970, as timestamp() gives it; without it now.
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    pub time: Option<i64>,
    /// Its MQTT 5 content type.
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// Its MQTT 5 response topic.
    #[arg(long, value_name = "TOPIC")]
    pub response_topic: Option<String>,
    /// One of its MQTT 5 user properties; may be given more than once.
    #[arg(long = "user-property", value_name = "NAME=VALUE", value_parser = super::args::parse_parameter)]
    pub user_properties: Vec<(String, String)>,
    /// What a function that reaches out answers, such as aws_lambda={"ok":true}; may be given more than once.
    #[arg(long = "answer", value_name = "FUNCTION=JSON", value_parser = super::args::parse_parameter)]
    pub answers: Vec<(String, String)>,
    /// The account that owns the rule.
    #[arg(long, value_name = "TWELVE DIGITS", default_value = "123456789012", value_parser = super::args::parse_account)]
    pub account: String,
    /// Print every step, also where there is a result.
    #[arg(long)]
    pub trace: bool,
    /// Follow a rule of a gateway that is up, message by message.
    #[arg(long, value_name = "RULE", conflicts_with_all = ["statement", "topic", "payload", "client_id", "principal",
        "source_ip", "time", "content_type", "response_topic", "user_properties", "answers", "trace"])]
    pub watch: Option<String>,
    /// Print the reference of all functions, as Markdown.
    #[arg(long, conflicts_with_all = ["statement", "watch"])]
    pub reference: bool,
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// Print JSON; with `--watch` a line for each message.
    #[arg(long)]
    pub json: bool,
}

fn version(text: &str) -> Result<SqlVersion, String> {
    SqlVersion::parse(text).ok_or_else(|| "there are 2015-10-08, 2016-03-23 and beta".to_owned())
}

/// Runs the command.
///
/// # Errors
/// Where the statement is wrong or fails, the payload cannot be read, or the gateway cannot be asked.
pub async fn run(args: SqlArgs) -> CommandResult {
    if args.reference {
        print::told_at_once(&functions::reference::markdown(drydock_services::rules::externals::CAPABILITIES));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(rule) = &args.watch {
        return watch(rule, &args).await;
    }
    let statement = args.statement.as_deref().unwrap_or_default();
    let message = message(&args, statement)?;
    let answers = Given::read(&args.answers)?;
    let env = Env { ids: &SystemIds::new(), externals: &answers };
    let explanation = explain(statement, args.sql_version, &message, env);
    if args.json {
        print::told(serde_json::to_string(&explanation)?);
        return Ok(ended(&explanation));
    }
    show(&explanation, args.trace)
}

fn ended(explanation: &Explanation) -> ExitCode {
    match explanation {
        Explanation { error: Some(_), .. } => ExitCode::FAILURE,
        Explanation { matched: true, .. } => ExitCode::SUCCESS,
        Explanation { .. } => ExitCode::from(UNMATCHED),
    }
}

fn message(args: &SqlArgs, statement: &str) -> Result<Message, Box<dyn std::error::Error + Send + Sync>> {
    let topic: String = match (&args.topic, sql::parse(statement)) {
        (Some(topic), _) => topic.clone(),
        (None, Ok(sql::ast::Statement { from: Some(from), .. })) if !from.text.contains(['+', '#']) => {
            from.text.to_string()
        }
        (None, Ok(sql::ast::Statement { from: Some(from), .. })) => {
            return Err(format!("FROM `{}` has a wildcard: name the topic with --topic", from.text).into());
        }
        // Nothing asks for the topic, or what is wrong with the statement is told.
        (None, _) => String::new(),
    };
    let at = args.time.map_or_else(|| SystemClock.now(), Timestamp);
    let mut message = Message::new(topic, payload(args.payload.as_deref())?, args.account.as_str(), at);
    if let Some(client) = &args.client_id {
        message.client_id = Some(client.as_str().into());
        message.trace_id = Some(SystemIds::new().uuid().to_string().into());
    }
    message.principal = args.principal.as_deref().map(Into::into);
    message.source_ip = args.source_ip;
    message.mqtt.content_type.clone_from(&args.content_type);
    message.mqtt.response_topic.clone_from(&args.response_topic);
    message.mqtt.user_properties.clone_from(&args.user_properties);
    Ok(message)
}

fn payload(given: Option<&str>) -> Result<Vec<u8>, String> {
    match given {
        None => Ok(b"{}".to_vec()),
        Some("-") => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            read.map(|_| bytes).map_err(|e| format!("standard input cannot be read: {e}"))
        }
        Some(text) if text.trim_start().starts_with(['{', '[']) => Ok(text.as_bytes().to_vec()),
        Some(path) => std::fs::read(path).map_err(|e| {
            format!(
                "the payload `{path}` cannot be read: {e}; name a file, `-` for standard input, or JSON in {{}} or []"
            )
        }),
    }
}

/// What the command line gives for functions that reach out.
struct Given(BTreeMap<String, Value>);

const REACHING: [External; 7] = [
    External::AwsLambda,
    External::DecodeProto,
    External::GetDynamodb,
    External::GetRegistryData,
    External::GetSecret,
    External::GetThingShadow,
    External::MachinelearningPredict,
];

impl Given {
    fn read(answers: &[(String, String)]) -> Result<Self, String> {
        let mut given = BTreeMap::new();
        for (name, text) in answers {
            let name = name.to_ascii_lowercase();
            if !REACHING.iter().any(|external| external.name() == name) {
                let known = REACHING.map(External::name).join(", ");
                return Err(format!("--answer: `{name}` is not a function that reaches out: there are {known}"));
            }
            let value = json::parse(text.as_bytes()).map_err(|e| format!("--answer {name}: {e}"))?;
            given.insert(name, value);
        }
        Ok(Self(given))
    }
}

impl Externals for Given {
    fn capabilities(&self) -> Capabilities {
        REACHING.into_iter().fold(Capabilities::NONE, Capabilities::with)
    }

    fn ask(&self, call: &ExternalCall) -> Answer {
        let name = call.function.name();
        match self.0.get(name) {
            Some(value) => Answer::Value(value.clone()),
            None => Answer::Failed(format!("nobody is asked here: give its answer with --answer '{name}=JSON'")),
        }
    }
}

fn show(explanation: &Explanation, all: bool) -> CommandResult {
    let steps = &explanation.trace.steps;
    if let Some(error) = &explanation.error {
        steps.iter().filter(|step| !matches!(step, Step::Failed { .. })).for_each(|step| print::told(print::dim(step)));
        return Err(error.clone().into());
    }
    if !explanation.matched {
        for (index, step) in steps.iter().enumerate() {
            let last = index + 1 == steps.len();
            print::told(if last { print::bad(step) } else { print::dim(step) });
        }
        print::told("no result: the actions of a rule would not run");
        return Ok(ended(explanation));
    }
    // Beside the result, which stands alone on standard output.
    let odd = |step: &Step| match step {
        Step::Select { value, .. } => value.0.is_undefined(),
        Step::Payload { raw, .. } => raw.is_some(),
        _ => false,
    };
    for step in steps.iter().filter(|step| all || odd(step)) {
        print::beside(step);
    }
    match explanation.result.as_ref().map(|shown| &shown.0) {
        None => print::beside("the result is undefined: the actions of a rule would get an empty payload"),
        Some(Value::Raw(bytes)) => raw(bytes)?,
        Some(value) => print::told(value.to_json()),
    }
    Ok(ended(explanation))
}

/// Raw bytes as they are, but for a terminal, which gets them as base64 where they are not text.
fn raw(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if !out.is_terminal() {
        return out.write_all(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if drydock_host::shown::lines(text) == text => writeln!(out, "{text}"),
        _ => {
            print::beside(format_args!("{} raw bytes, in base64:", bytes.len()));
            writeln!(out, "{}", Value::Raw(bytes.to_vec().into()).to_json().trim_matches('"'))
        }
    }
}

/// Prints what the rule makes of messages until the gateway stops, or nobody reads it any more.
async fn watch(rule: &str, args: &SqlArgs) -> CommandResult {
    let mut executions = Api::new(&args.api_url, None).watch_rule(rule).await?;
    print::beside(format_args!("watching rule `{rule}` of {}; Ctrl-C ends it", args.api_url));
    while let Some(line) = executions.next().await? {
        let told: Told<'_> = serde_json::from_str(&line)?;
        let shown = match told {
            Told { execution: Some(execution), .. } if args.json => execution.get().to_owned(),
            Told { text: Some(text), .. } => coloured(&drydock_host::shown::lines(&text)),
            // How many were missed.
            Told { .. } => line,
        };
        if !print::written(shown) {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A line of the gateway's: the execution as it stands there, with all digits of its numbers, and as a person reads it.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    execution: Option<&'a RawValue>,
    text: Option<String>,
}

fn coloured(text: &str) -> String {
    let lines = text.lines().enumerate().map(|(index, line)| match line {
        line if line.contains(": failed") || line.contains("it failed:") => print::bad(line),
        line if index == 0 => print::strong(line),
        line => print::dim(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use drydock_rules::functions::reference;

    #[test]
    fn the_reference_is_current() {
        let page = include_str!("../../../rules/functions.md");
        let made = reference::markdown(drydock_services::rules::externals::CAPABILITIES);
        assert!(page == made, "shared/gateway/rules/functions.md is not current: run `cargo xtask reference`");
    }
}

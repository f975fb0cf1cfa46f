//! `drydock explain`: why a client may do something, or may not. Asked of a gateway that is up, of a data folder, or of policy
//! files alone; or, with `--follow`, each refusal as it happens.

use super::args::CommandResult;
use super::{account, print};
use crate::client::Api;
use clap::Args;
use drydock_core::{Clock, Scope};
use drydock_gateway::config::Config;
use drydock_host::system::SystemClock;
use drydock_policy::{AppliedPolicy, CompiledDocument, Context, PolicySet};
use drydock_services::policies::explain::Question;
use serde_json::Value;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// How the command ends where the answer is no.
const DENIED: u8 = 2;

/// What `drydock explain` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Ends with 0 where it is allowed, with 2 where it is not, with 1 where there is no answer.\n\n\
    drydock explain --client-id dock-1 --action publish --topic dt/dock-1/state\n\
    drydock explain --policy device.json --client-id dock-1 --action subscribe --filter 'cmd/+'\n\
    drydock explain --follow --client-id dock-1")]
pub struct ExplainArgs {
    /// Print each refusal of a gateway that is up, as it happens.
    #[arg(long, conflicts_with_all = ["action", "policy", "data_dir"])]
    pub follow: bool,
    /// The client id.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// What it wants: connect, publish, retain-publish, subscribe, receive, or another action of a policy.
    #[arg(long, value_name = "ACTION", required_unless_present = "follow")]
    pub action: Option<String>,
    /// The topic, of a publish or delivery.
    #[arg(long, value_name = "TOPIC", group = "name")]
    pub topic: Option<String>,
    /// The topic filter, of a subscription.
    #[arg(long, value_name = "FILTER", group = "name")]
    pub filter: Option<String>,
    /// What another action is about: what follows the kind in the resource's ARN, such as a thing's name.
    #[arg(long, value_name = "NAME", group = "name")]
    pub resource: Option<String>,
    /// Whose policies: the ARN of a certificate or thing group, or a Cognito identity id. Without it the client's connection
    /// says, or the only certificate of the thing.
    #[arg(long, value_name = "ARN")]
    pub principal: Option<String>,
    /// The thing; without it the one that certificate and client id lead to.
    #[arg(long, value_name = "NAME")]
    pub thing: Option<String>,
    /// The client's address.
    #[arg(long, value_name = "ADDRESS")]
    pub source_ip: Option<IpAddr>,
    /// The host name that the client connects to.
    #[arg(long, value_name = "HOST")]
    pub domain_name: Option<String>,
    /// Connect with a session that outlives the connection.
    #[arg(long)]
    pub persistent: bool,
    /// Connect with a will on this topic.
    #[arg(long, value_name = "TOPIC")]
    pub will_topic: Option<String>,
    /// The value of a policy variable, such as iot:Connection.Thing.ThingName=dock-1; may be given more than once.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = super::args::parse_parameter)]
    pub variables: Vec<(String, String)>,
    /// Ask these policy documents alone, with no gateway; may be given more than once.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["principal", "data_dir"])]
    pub policy: Vec<PathBuf>,
    /// Ask the state in this folder, which no gateway may be using.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// The account of the policy files' ARNs.
    #[arg(long, value_name = "TWELVE DIGITS", default_value = "123456789012", value_parser = super::args::parse_account)]
    pub account: String,
    /// The region to ask about, and that of the policy files' ARNs.
    #[arg(long, value_name = "REGION", value_parser = super::args::parse_region)]
    pub region: Option<String>,
    /// Print JSON; with `--follow` a line each.
    #[arg(long)]
    pub json: bool,
}

impl ExplainArgs {
    fn question(&self) -> Question {
        let mut question = Question {
            client_id: self.client_id.clone(),
            action: self.action.clone().unwrap_or_default(),
            name: [&self.topic, &self.filter, &self.resource].into_iter().flatten().next().cloned(),
            principal: self.principal.clone(),
            thing: self.thing.clone(),
            source_ip: self.source_ip,
            domain_name: self.domain_name.clone(),
            persistent: self.persistent,
            will_topic: self.will_topic.clone(),
            ..Question::default()
        };
        for (name, value) in &self.variables {
            question.variables.entry(name.clone()).or_default().push(value.clone());
        }
        question
    }
}

/// Runs the command.
///
/// # Errors
/// Where a file, the folder or the gateway cannot be asked, or the question is not whole.
pub async fn run(args: ExplainArgs) -> CommandResult {
    let question = args.question();
    if args.follow {
        return follow(&args).await;
    }
    // A gateway that is up knows its own.
    let limits = || Config::find(None).map(|config| config.limits.topics());
    let explanation = if !args.policy.is_empty() {
        let mut context = Context::new(
            Scope::new(args.account.as_str(), args.region.as_deref().unwrap_or("us-east-1")),
            SystemClock.now(),
        );
        context.thing = args.thing.as_deref().map(|name| Arc::new(named(name)));
        question.answer_with(documents(&args.policy)?, context, limits()?)?
    } else if let Some(folder) = &args.data_dir {
        let store = account::existing(folder)?;
        let scope = account::only_scope(&store, folder, args.region.as_deref())?;
        question.answer(&account::books(&store, scope)?, None, limits()?)?
    } else {
        let answer = Api::new(&args.api_url, args.region.clone()).explain(&question).await?;
        let allowed = answer.pointer("/explanation/decision").is_some_and(|decision| decision == "ALLOWED")
            && answer.pointer("/explanation/refused").is_none();
        let text = answer.get("text").and_then(Value::as_str).unwrap_or_default();
        show(args.json, allowed, text, answer.get("explanation"));
        return Ok(ended(allowed));
    };
    let allowed = explanation.is_allowed();
    show(args.json, allowed, &explanation.to_string(), Some(&serde_json::to_value(&explanation)?));
    Ok(ended(allowed))
}

fn ended(allowed: bool) -> ExitCode {
    if allowed { ExitCode::SUCCESS } else { ExitCode::from(DENIED) }
}

fn named(thing: &str) -> drydock_policy::ThingFacts {
    drydock_policy::ThingFacts { name: thing.into(), ..Default::default() }
}

/// The policies in files, each called as its file.
fn documents(files: &[PathBuf]) -> Result<PolicySet, String> {
    let read = |path: &PathBuf| {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| format!("the policy `{shown}` cannot be read: {e}"))?;
        let document = CompiledDocument::parse(&text).map_err(|e| format!("`{shown}` is not a policy: {e}"))?;
        let name = path.display().to_string();
        Ok(AppliedPolicy { name, version: None, attached_to: Vec::new(), document: Arc::new(document) })
    };
    let policies = files.iter().map(read).collect::<Result<_, String>>()?;
    Ok(PolicySet { generation: 0, policies })
}

fn show(json: bool, allowed: bool, text: &str, explanation: Option<&Value>) {
    if json {
        print::told(format!("{:#}", explanation.unwrap_or(&Value::Null)));
        return;
    }
    for (index, line) in drydock_host::shown::lines(text).lines().enumerate() {
        match line {
            verdict if index == 0 && allowed => print::told(print::good(verdict)),
            verdict if index == 0 => print::told(print::bad(verdict)),
            help if help.starts_with("help: ") => print::told(print::changed(help)),
            line => print::told(line),
        }
    }
}

/// Prints refusals until the gateway stops, or nobody reads them any more.
async fn follow(args: &ExplainArgs) -> CommandResult {
    let mut refusals = Api::new(&args.api_url, args.region.clone()).refusals(args.client_id.as_deref()).await?;
    if !args.json {
        print::told(print::dim(format!("refusals of {}; Ctrl-C ends it", args.api_url)));
    }
    while let Some(line) = refusals.next().await? {
        let shown = if args.json { line } else { refusal(&drydock_host::shown::value(serde_json::from_str(&line)?)) };
        if !print::written(shown) {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A refusal as a person reads it: a line, and one for each reason.
fn refusal(notice: &Value) -> String {
    let text = |name: &str| notice.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut shown = format!("{} {}  {}", print::dim(text("time")), text("subject"), print::bad(text("text")));
    for reason in notice.get("reasons").and_then(Value::as_array).into_iter().flatten() {
        shown.push_str("\n             ");
        shown.push_str(&print::dim(reason.as_str().unwrap_or_default()));
    }
    shown
}

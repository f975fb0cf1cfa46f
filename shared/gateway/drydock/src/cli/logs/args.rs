//! What `drydock logs` takes.

use clap::Args;

/// What `drydock logs` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "AWS IoT logs nothing until it is asked to, as on AWS:\n\n\
    aws iot set-v2-logging-options --default-log-level INFO --role-arn arn:aws:iam::123456789012:role/logs\n\n\
What the functions write is in the groups /aws/lambda/NAME, or those that the template names.")]
pub struct LogsArgs {
    /// A log group, for example /aws/lambda/telemetry; without one, AWS IoT's own log.
    #[arg(value_name = "GROUP")]
    pub group: Option<String>,
    /// Only events that a filter pattern of CloudWatch Logs matches, for example 'ERROR -timeout' or '{ $.status = "Failure" }';
    /// without GROUP, of all groups.
    #[arg(long, value_name = "PATTERN")]
    pub filter: Option<String>,
    /// Only what is about this device, from all groups, in order.
    #[arg(long, value_name = "NAME", conflicts_with = "filter")]
    pub thing: Option<String>,
    /// Go on with each entry as it is written.
    #[arg(long, short)]
    pub follow: bool,
    /// Only entries of AWS IoT's log of this kind, for example Publish-In.
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["group", "filter", "thing"])]
    pub event_type: Option<String>,
    /// Only entries of AWS IoT's log about this client.
    #[arg(long, value_name = "ID", conflicts_with_all = ["group", "filter", "thing"])]
    pub client_id: Option<String>,
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// Print the entries as they are written: a line of JSON each.
    #[arg(long)]
    pub json: bool,
}

//! The AWS services that actions call, by the names of their SigV4 scopes.

/// A service.
pub struct Known {
    /// Its name in SigV4 scopes, as calls name it.
    pub scope: &'static str,
    /// Its id, as `AWS_ENDPOINT_URL_<ID>` has it in capitals and `drydock.toml` in small letters.
    pub id: &'static str,
    /// What stands before the region in the host of AWS's own endpoint.
    host: &'static str,
}

const fn known(scope: &'static str, id: &'static str, host: &'static str) -> Known {
    Known { scope, id, host }
}

/// All of them.
pub const ALL: &[Known] = &[
    known("dynamodb", "dynamodb", "dynamodb"),
    known("firehose", "firehose", "firehose"),
    known("geo", "location", "tracking.geo"),
    known("iotanalytics", "iotanalytics", "iotanalytics"),
    known("ioteventsdata", "iot_events_data", "data.iotevents"),
    known("iotsitewise", "iotsitewise", "data.iotsitewise"),
    known("kinesis", "kinesis", "kinesis"),
    known("lambda", "lambda", "lambda"),
    known("logs", "cloudwatch_logs", "logs"),
    known("monitoring", "cloudwatch", "monitoring"),
    known("s3", "s3", "s3"),
    // Not AWS's own: an action names the URL, and an endpoint takes the place of its host.
    known("salesforce", "salesforce", ""),
    known("secretsmanager", "secrets_manager", "secretsmanager"),
    known("sns", "sns", "sns"),
    known("sqs", "sqs", "sqs"),
    known("states", "sfn", "states"),
    known("timestream", "timestream_write", "ingest.timestream"),
];

/// The service of a scope.
#[must_use]
pub fn find(scope: &str) -> Option<&'static Known> {
    ALL.iter().find(|known| known.scope == scope)
}

/// AWS's own endpoint of a service in a region.
#[must_use]
pub fn url(scope: &str, region: &str) -> Option<String> {
    let host = find(scope)?.host;
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    Some(format!("https://{host}.{region}.{suffix}"))
}

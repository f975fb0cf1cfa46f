//! The template's resources beside AWS IoT: tables, queues, topics, functions and what feeds them.

use super::runtimes::Executable;
use crate::dock::device::NotMade;
use crate::gateway::Gateway;
use drydock_cloud::http_api::Part;
use drydock_cloud::lambda::{Definition, EventInvokeConfig, LambdaError, Mapping, Permission};
use drydock_cloud::s3::{Notification, Versioning};
use drydock_cloud::{Cloud, CloudError};
use drydock_core::{ApiError, Arn, Timestamp};
use drydock_template::{
    Bucket, EventInvokeConfig as PlannedInvokes, EventSourceMapping, Function, HttpApi, HttpApiPart, LambdaPermission,
    LogGroup, MetricFilter, Plan, Resource, Schedule, Secret, Subscription, SubscriptionFilter, Table, Topic,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What cannot be made, and why.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// AWS IoT refuses.
    #[error(transparent)]
    Iot(ApiError),
    /// A stand-in refuses.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// Lambda refuses.
    #[error(transparent)]
    Lambda(#[from] LambdaError),
    /// CloudWatch Logs refuses.
    #[error(transparent)]
    Logs(#[from] drydock_cloud::logs::Fault),
    /// AWS IoT refuses an operation.
    #[error(transparent)]
    Refused(NotMade),
    /// What was made cannot be written down.
    #[error("`{path}` cannot be written: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A text that is to be a time is none.
    #[error("`{0}` is not a time, such as `2026-03-01T08:00:00Z`")]
    NotATime(String),
    /// Tags cannot be read.
    #[error("{0}")]
    Tags(String),
    /// A text that is to be an ARN is none.
    #[error("`{0}` is not an ARN")]
    NotAnArn(String),
    /// The gateway does not have it yet.
    #[error(
        "{0} is not implemented by this gateway; to leave it to AWS, mark it with `Metadata: {{Drydock: aws-only}}`"
    )]
    NotImplemented(String),
}

/// What making a resource needs to know besides it.
pub(super) struct Surroundings<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) plan: &'a Plan,
    /// The functions' executables by logical id; empty where they run elsewhere.
    pub(super) executables: &'a BTreeMap<String, Executable>,
    /// The names of the functions' binaries by logical id, where a Lambda endpoint runs them.
    pub(super) known_as: &'a BTreeMap<String, String>,
    /// Whether there are functions at all.
    pub(super) functions: bool,
}

impl Surroundings<'_> {
    fn cloud(&self) -> &Cloud {
        &self.gateway.host.cloud
    }

    /// Makes one resource.
    pub(super) async fn make(&self, logical_id: &str, resource: &Resource) -> Result<(), MakeError> {
        match resource {
            Resource::Table(made) => table(self.cloud(), made).await,
            Resource::Queue(queue) => {
                self.cloud().sqs().ensure(&queue.name, &json!(queue.attributes)).await?;
                Ok(())
            }
            Resource::Bucket(bucket) => {
                let s3 = self.cloud().s3();
                s3.ensure_bucket(&bucket.name, false).await?;
                let versioning = match bucket.versioning.as_deref() {
                    None => None,
                    Some("Enabled") => Some(Versioning::Enabled),
                    Some(_) => Some(Versioning::Suspended),
                };
                if let Some(versioning) = versioning {
                    s3.set_versioning(&bucket.name, versioning).await?;
                }
                notify(self.cloud(), bucket, self.functions).await
            }
            Resource::Secret(secret) => {
                let Secret { name, suffix, description, text } = secret;
                Ok(self.cloud().secrets().ensure(name, suffix, description.as_deref(), text).await?)
            }
            Resource::LogGroup(LogGroup { name, retention_days, tags }) => {
                Ok(self.cloud().logs().ensure_group(name, *retention_days, tags.clone()).await?)
            }
            Resource::MetricFilter(made) => metric_filter(self.cloud(), made).await,
            Resource::Topic(made) => topic(self.cloud(), made).await,
            Resource::Subscription(made) => subscribe(self.cloud(), made).await,
            Resource::Alarm(alarm) => {
                self.cloud().cloudwatch().ensure(&alarm.name, &alarm.parameters).await?;
                Ok(())
            }
            Resource::HttpApi(part) => http_api(self.cloud(), part),
            Resource::ScheduleGroup(group) => {
                let tags = drydock_cloud::stand_ins::tags(&group.tags).map_err(MakeError::Tags)?;
                Ok(self.cloud().scheduler().ensure_group(&group.name, tags).await?)
            }
            // What is about a function waits for functions to be there.
            _ if !self.functions => Ok(()),
            Resource::Function(function) => self.function(logical_id, function),
            Resource::Qualifier(made) => Ok(self.cloud().lambda().qualify(&made.function, &made.qualifier)?),
            Resource::LambdaPermission(permission) => permit(self.cloud(), permission),
            Resource::EventSourceMapping(mapping) => map(self.cloud(), mapping),
            Resource::SubscriptionFilter(SubscriptionFilter { name, group, pattern, destination }) => {
                Ok(self.cloud().logs().add_subscription(group, name, pattern, destination).await?)
            }
            // Part of the function's definition: see `function`.
            Resource::EventInvokeConfig(_) => Ok(()),
            Resource::Schedule(planned) => schedule(self.cloud(), planned).await,
            other => Err(MakeError::NotImplemented(format!("{other:?}"))),
        }
    }

    fn function(&self, logical_id: &str, function: &Function) -> Result<(), MakeError> {
        // Where a Lambda endpoint runs the functions, there is no executable here.
        let executable = self.executables.get(logical_id).cloned().unwrap_or_default();
        let invokes = self.plan.resources.iter().find_map(|planned| match &planned.resource {
            Resource::EventInvokeConfig(config) if config.function == function.name => Some(config),
            _ => None,
        });
        let mut events = invokes.map(invoke_config).transpose()?.unwrap_or_default();
        events.dead_letter = function.dead_letter_arn.as_deref().map(arn).transpose()?;
        let mut definition = Definition::new(&function.name, executable.path);
        definition.launch = executable.launch;
        definition.known_as =
            self.known_as.get(logical_id).cloned().into_iter().chain([logical_id.to_owned()]).collect();
        definition.description = function.description.clone().unwrap_or_default();
        definition.runtime.clone_from(&function.runtime);
        definition.architecture.clone_from(&function.architecture);
        definition.role = function.role.clone().unwrap_or_default();
        definition.environment.clone_from(&function.environment);
        // "Advanced logging controls": Lambda tells the function by these two variables.
        let logging = [
            ("AWS_LAMBDA_LOG_FORMAT", &function.logging.log_format),
            ("AWS_LAMBDA_LOG_LEVEL", &function.logging.application_log_level),
        ];
        for (name, value) in logging {
            if let Some(value) = value {
                definition.environment.insert(name.to_owned(), value.clone());
            }
        }
        definition.timeout = function.timeout;
        definition.memory = function.memory_size;
        definition.max_concurrency = function.reserved_concurrent_executions.map(|most| most as usize);
        definition.events = events;
        definition.log_group.clone_from(&function.logging.log_group);
        if let Some(handler) = &function.handler {
            definition.handler.clone_from(handler);
        }
        let lambda = self.cloud().lambda();
        lambda.register(definition)?;
        if let Some(alias) = &function.alias {
            for qualifier in ["1", alias.as_str()] {
                lambda.qualify(&function.name, qualifier)?;
            }
        }
        Ok(())
    }
}

fn arn(text: &str) -> Result<Arn, MakeError> {
    Arn::parse(text).ok_or_else(|| MakeError::NotAnArn(text.to_owned()))
}

async fn table(cloud: &Cloud, table: &Table) -> Result<(), MakeError> {
    // The plan holds `CreateTable`'s input, the stand-in takes CloudFormation's properties: they differ in the stream.
    let mut properties = table.request.as_object().cloned().unwrap_or_default();
    if let Some(Value::Object(stream)) = properties.get_mut("StreamSpecification") {
        stream.remove("StreamEnabled");
    }
    if let Some(attribute) = &table.time_to_live_attribute {
        properties.insert("TimeToLiveSpecification".to_owned(), json!({ "AttributeName": attribute, "Enabled": true }));
    }
    cloud.dynamodb().ensure(&table.name, &Value::Object(properties)).await?;
    Ok(())
}

async fn metric_filter(cloud: &Cloud, filter: &MetricFilter) -> Result<(), MakeError> {
    let made = drydock_cloud::logs::MetricFilter {
        pattern: filter.pattern.clone(),
        namespace: filter.namespace.clone(),
        metric: filter.metric.clone(),
        value: filter.value.clone(),
        default: filter.default,
        unit: filter.unit.clone(),
        dimensions: filter.dimensions.clone(),
        // When it is put.
        created: Timestamp(0),
    };
    Ok(cloud.logs().add_metric_filter(&filter.group, &filter.name, made).await?)
}

async fn topic(cloud: &Cloud, topic: &Topic) -> Result<(), MakeError> {
    cloud.sns().ensure(&topic.name, &json!(topic.attributes)).await?;
    for subscription in &topic.subscriptions {
        subscribe(cloud, subscription).await?;
    }
    Ok(())
}

async fn subscribe(cloud: &Cloud, subscription: &Subscription) -> Result<(), MakeError> {
    let mut properties: Map<String, Value> =
        subscription.attributes.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    properties.insert("Protocol".to_owned(), json!(subscription.protocol));
    properties.insert("Endpoint".to_owned(), json!(subscription.endpoint.as_deref().unwrap_or_default()));
    cloud.sns().ensure_subscription(&arn(&subscription.topic_arn)?, &Value::Object(properties)).await?;
    Ok(())
}

fn http_api(cloud: &Cloud, planned: &HttpApi) -> Result<(), MakeError> {
    let part = match planned.part {
        HttpApiPart::Api => Part::Api,
        HttpApiPart::Route => Part::Route,
        HttpApiPart::Integration => Part::Integration,
        HttpApiPart::Stage => Part::Stage,
        HttpApiPart::Authorizer => Part::Authorizer,
        // Every stage is of the newest.
        HttpApiPart::Deployment => return Ok(()),
    };
    Ok(cloud.http_apis().ensure(&planned.api, part, &planned.id, &planned.properties)?)
}

/// Has the rule or schedule that the template says.
async fn schedule(cloud: &Cloud, planned: &Schedule) -> Result<(), MakeError> {
    let mut request = planned.request.as_object().cloned().unwrap_or_default();
    if planned.service == "events" {
        return Ok(cloud.events().ensure(&planned.name, &request).await?);
    }
    // A template writes times as RFC 3339, the API counts seconds.
    for name in ["StartDate", "EndDate"] {
        if let Some(Value::String(text)) = request.get(name).cloned() {
            let read = text.parse::<jiff::Timestamp>().map_err(|_| MakeError::NotATime(text))?;
            request.insert(name.to_owned(), json!(read.as_second()));
        }
    }
    Ok(cloud.scheduler().ensure(&planned.name, &request).await?)
}

fn invoke_config(config: &PlannedInvokes) -> Result<EventInvokeConfig, MakeError> {
    Ok(EventInvokeConfig {
        max_retries: u8::try_from(config.maximum_retry_attempts).unwrap_or(u8::MAX),
        max_age: config.maximum_event_age_in_seconds,
        on_success: config.on_success.as_deref().map(arn).transpose()?,
        on_failure: config.on_failure.as_deref().map(arn).transpose()?,
        dead_letter: None,
    })
}

fn permit(cloud: &Cloud, permission: &LambdaPermission) -> Result<(), MakeError> {
    let qualifier = permission.qualifier.clone().filter(|one| one != "$LATEST");
    let statement = Permission {
        qualifier: qualifier.clone(),
        statement_id: permission.statement_id.clone(),
        action: permission.action.clone(),
        principal: permission.principal.clone(),
        source_arn: permission.source_arn.clone(),
        source_account: permission.source_account.clone(),
    };
    let reference = qualifier.map_or(permission.function.clone(), |one| format!("{}:{one}", permission.function));
    cloud.lambda().permit(&reference, statement)?;
    Ok(())
}

/// Has a bucket tell of its objects whom the template names; what was configured over the API stays where it names nobody.
async fn notify(cloud: &Cloud, bucket: &Bucket, functions: bool) -> Result<(), MakeError> {
    let mut notifications = Vec::new();
    for planned in &bucket.notifications {
        let target = arn(&planned.target)?;
        if target.service() == "lambda" {
            if !functions {
                continue;
            }
            cloud.lambda().function(&planned.target)?;
        }
        notifications.push(Notification {
            id: planned.id.clone(),
            events: vec![planned.event.clone()],
            prefix: planned.prefix.clone(),
            suffix: planned.suffix.clone(),
            target,
        });
    }
    if !bucket.notifications.is_empty() {
        cloud.s3().notify(&bucket.name, notifications).await?;
    }
    Ok(())
}

fn map(cloud: &Cloud, planned: &EventSourceMapping) -> Result<(), MakeError> {
    if let Some(qualifier) = &planned.qualifier {
        cloud.lambda().function(&format!("{}:{qualifier}", planned.function))?;
    }
    if !planned.filters.is_empty() {
        return Err(MakeError::NotImplemented("`FilterCriteria` of an event source mapping".to_owned()));
    }
    let mut mapping = Mapping::new(&planned.id, arn(&planned.event_source_arn)?, &planned.function);
    mapping.batch_size = planned.batch_size as usize;
    mapping.window = planned.maximum_batching_window_in_seconds;
    mapping.report_failures = planned.report_batch_item_failures;
    mapping.max_concurrency = planned.maximum_concurrency.map(|most| most as usize);
    mapping.enabled = planned.enabled;
    cloud.map(mapping)?;
    Ok(())
}

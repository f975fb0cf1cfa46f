//! A function's `Events`: what SAM turns each event source into.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html>

use super::{http_api, target_arn, target_name};
use crate::document::{Declared, unknown};
use crate::error::{Fallible, Fault, Problem};
use crate::node::{Entry, Node, Value};
use crate::source::Span;

/// The event sources of SAM that this gateway does not have.
const NOT_HERE: &[&str] = &[
    "AlexaSkill",
    "Api",
    "CloudWatchEvent",
    "CloudWatchLogs",
    "Cognito",
    "DocumentDB",
    "DynamoDB",
    "EventBridgeRule",
    "Kinesis",
    "MQ",
    "MSK",
    "SelfManagedKafka",
    "WebSocketApi",
];
/// Whether SAM has an event source that is not here.
pub(super) fn is_foreign(type_: &str) -> bool {
    NOT_HERE.contains(&type_)
}

const HERE: &[&str] = &["HttpApi", "IoTRule", "S3", "SNS", "SQS", "Schedule", "ScheduleV2"];

/// One event of a function, on its way to resources.
struct Event<'a> {
    function: &'a Declared,
    /// `<function><event>`: what SAM calls the first resource of an event.
    id: String,
    name: &'a str,
    span: Span,
    properties: &'a Node,
    generated: &'a mut Vec<Declared>,
}

/// What events ask of buckets that the template declares itself.
pub(super) struct BucketEvent {
    /// The bucket's logical id.
    pub(super) bucket: String,
    pub(super) span: Span,
    /// The logical id of the permission that has to be there before.
    permission: String,
    /// Items of `LambdaConfigurations`.
    configurations: Vec<Node>,
}

impl BucketEvent {
    /// Adds it to the bucket.
    pub(super) fn add_to(self, bucket: &mut Declared) {
        let mut notifications = match bucket.properties.take("NotificationConfiguration") {
            Some(entry) => entry.value,
            None => Node::map(self.span, []),
        };
        let mut configurations = match notifications.take("LambdaConfigurations").map(|entry| entry.value.value) {
            Some(Value::List(items)) => items,
            _ => Vec::new(),
        };
        configurations.extend(self.configurations);
        notifications.set("LambdaConfigurations", Node::list(self.span, configurations));
        bucket.properties.set("NotificationConfiguration", notifications);
        bucket.depends_on.push((self.permission, self.span));
    }
}

pub(super) fn expand(
    function: &Declared,
    event: &Entry,
    apis: &http_api::Apis,
    generated: &mut Vec<Declared>,
    buckets: &mut Vec<BucketEvent>,
) -> Fallible<()> {
    let what = format!("event `{}` of `{}`", event.key, function.logical_id);
    // What it has beside its type and its properties is dropped, and noted where the template is read.
    event.value.want_map(&what)?;
    let missing = || Fault::new(event.span, Problem::Missing { of: what.clone(), name: "Type".to_owned() });
    let type_ = event.value.get("Type").ok_or_else(missing)?;
    let empty = Node::map(event.span, []);
    let properties = event.value.get("Properties").unwrap_or(&empty);
    properties.want_map(&format!("`Properties` of {what}"))?;
    let mut event = Event {
        function,
        id: format!("{}{}", function.logical_id, event.key),
        name: &event.key,
        span: event.span,
        properties,
        generated,
    };
    match type_.as_text() {
        Some("HttpApi") => event.http_api(apis),
        Some("IoTRule") => event.iot_rule(),
        Some("SQS") => event.sqs(),
        Some("SNS") => event.sns(),
        Some("S3") => event.s3(buckets),
        Some("Schedule") => event.schedule(),
        Some("ScheduleV2") => event.schedule_v2(),
        _ => Err(type_.mismatch(format!("`Type` of {what}"), &format!("one of {}", crate::document::list(HERE)))),
    }
}

impl Event<'_> {
    /// Refuses properties that the event source does not have.
    fn only(&self, known: &[&'static str], required: &[&'static str]) -> Fallible<()> {
        let what = format!("event `{}` of `{}`", self.name, self.function.logical_id);
        for entry in self.properties.entries() {
            if !known.contains(&entry.key.as_str()) {
                return Err(unknown(entry, &what, known));
            }
        }
        match required.iter().find(|name| self.properties.get(name).is_none()) {
            Some(name) => Err(Fault::new(self.span, Problem::Missing { of: what, name: (*name).to_owned() })),
            None => Ok(()),
        }
    }

    fn add(&mut self, suffix: &str, type_: &str, properties: Node) -> String {
        let id = format!("{}{suffix}", self.id);
        self.generated.push(Declared::generated(id.clone(), type_, self.span, properties, self.function));
        id
    }

    /// Copies properties under their own names.
    fn copy(&self, names: &[&str], into: &mut Node) {
        for name in names {
            if let Some(value) = self.properties.get(name) {
                into.set(name, value.clone());
            }
        }
    }

    fn permission(&mut self, principal: &str, source_arn: Option<Node>, source_account: Option<Node>) -> String {
        let mut permission = Node::map(
            self.span,
            [
                ("Action", Node::text(self.span, "lambda:InvokeFunction")),
                ("FunctionName", target_name(self.function, self.span)),
                ("Principal", Node::text(self.span, principal)),
            ],
        );
        for (name, source) in [("SourceArn", source_arn), ("SourceAccount", source_account)] {
            if let Some(source) = source {
                permission.set(name, source);
            }
        }
        self.add("Permission", "AWS::Lambda::Permission", permission)
    }

    /// The bucket comes to name the function, so the permission cannot name the bucket: it names the account.
    fn s3(&mut self, buckets: &mut Vec<BucketEvent>) -> Fallible<()> {
        self.only(&["Bucket", "Events", "Filter"], &["Bucket", "Events"])?;
        let span = self.span;
        let named = self.properties.get("Bucket").and_then(|bucket| match bucket.entries() {
            [Entry { key, value, .. }] if key == "Ref" => value.as_text(),
            _ => None,
        });
        let Some(bucket) = named.map(str::to_owned) else {
            let what = format!("`Bucket` of event `{}` of `{}`", self.name, self.function.logical_id);
            return Err(Fault::value(span, what, "must be the `Ref` of a bucket of this template"));
        };
        let events = self.properties.get("Events").map_or_else(Vec::new, |events| match &events.value {
            Value::List(items) => items.clone(),
            _ => vec![events.clone()],
        });
        let permission = self.permission("s3.amazonaws.com", None, Some(Node::reference(span, "AWS::AccountId")));
        let configuration = |event: Node| {
            let mut configuration = Node::map(span, [("Event", event), ("Function", target_arn(self.function, span))]);
            self.copy(&["Filter"], &mut configuration);
            match &self.function.condition {
                Some((condition, at)) => {
                    let nothing = Node::reference(span, "AWS::NoValue");
                    let choice = vec![Node::text(*at, condition.clone()), configuration, nothing];
                    Node::map(span, [("Fn::If", Node::list(span, choice))])
                }
                None => configuration,
            }
        };
        let configurations = events.into_iter().map(configuration).collect();
        buckets.push(BucketEvent { bucket, span, permission, configurations });
        Ok(())
    }

    /// A route, its integration, and the permission to invoke.
    fn http_api(&mut self, apis: &http_api::Apis) -> Fallible<()> {
        const KNOWN: &[&str] =
            &["ApiId", "Auth", "Method", "Path", "PayloadFormatVersion", "RouteSettings", "TimeoutInMillis"];
        self.only(KNOWN, &[])?;
        let span = self.span;
        if let Some(entry) = self.properties.entry("RouteSettings") {
            let why = "write it below `RouteSettings` of the API, by the route's key";
            return Err(Fault::not_implemented(entry.span, "`RouteSettings` of an event", why));
        }
        let text = |name: &str| self.properties.get(name).map(|node| node.want_text(&format!("`{name}`"))).transpose();
        let key = match (text("Method")?, text("Path")?) {
            (None, None) => "$default".to_owned(),
            (_, Some(path)) if path == "$default" => path,
            (Some(method), Some(path)) => {
                let method = method.to_ascii_uppercase();
                format!(
                    "{} {path}",
                    if matches!(method.as_str(), "X-AMAZON-APIGATEWAY-ANY-METHOD" | "*") { "ANY" } else { &method }
                )
            }
            (method, _) => {
                let name = if method.is_some() { "Path" } else { "Method" }.to_owned();
                let of = format!("event `{}` of `{}`", self.name, self.function.logical_id);
                return Err(Fault::new(span, Problem::Missing { of, name }));
            }
        };
        let api = http_api::named(self.properties);
        let reference = Node::reference(span, &api);
        let mut integration = Node::map(
            span,
            [
                ("ApiId", reference.clone()),
                ("IntegrationType", Node::text(span, "AWS_PROXY")),
                ("IntegrationUri", target_arn(self.function, span)),
                ("PayloadFormatVersion", Node::text(span, "2.0")),
            ],
        );
        self.copy(&["PayloadFormatVersion", "TimeoutInMillis"], &mut integration);
        let integration = self.add("Integration", "AWS::ApiGatewayV2::Integration", integration);
        let target = Node::list(span, vec![Node::text(span, "integrations"), Node::reference(span, &integration)]);
        let target = Node::list(span, vec![Node::text(span, "/"), target]);
        let mut route = Node::map(
            span,
            [
                ("ApiId", reference),
                ("RouteKey", Node::text(span, key.clone())),
                ("Target", Node::map(span, [("Fn::Join", target)])),
            ],
        );
        let auth = self.properties.get("Auth");
        if let Some(known) = apis.get(&api) {
            known.authorize(&api, auth, span, &mut route)?;
        }
        self.add("Route", "AWS::ApiGatewayV2::Route", route);
        let asked = match key.split_once(' ') {
            Some((method, path)) => {
                let method = if method == "ANY" { "*" } else { method };
                format!("{method}{}", http_api::starred(path))
            }
            None => key,
        };
        let arn =
            format!("arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{api}}}/*/{asked}");
        let source = Node::map(span, [("Fn::Sub", Node::text(span, arn))]);
        self.permission("apigateway.amazonaws.com", Some(source), None);
        Ok(())
    }

    fn iot_rule(&mut self) -> Fallible<()> {
        self.only(&["Sql", "AwsIotSqlVersion"], &["Sql"])?;
        let span = self.span;
        let lambda = Node::map(span, [("FunctionArn", target_arn(self.function, span))]);
        let actions = Node::list(span, vec![Node::map(span, [("Lambda", lambda)])]);
        let mut payload = Node::map(span, [("Actions", actions), ("RuleDisabled", Node::bool(span, false))]);
        self.copy(&["Sql", "AwsIotSqlVersion"], &mut payload);
        let id = self.add("", "AWS::IoT::TopicRule", Node::map(span, [("TopicRulePayload", payload)]));
        let source = Node::attribute(span, &id, "Arn");
        self.permission("iot.amazonaws.com", Some(source), Some(Node::reference(span, "AWS::AccountId")));
        Ok(())
    }

    fn sqs(&mut self) -> Fallible<()> {
        const COPIED: &[&str] = &[
            "BatchSize",
            "Enabled",
            "FilterCriteria",
            "FunctionResponseTypes",
            "KmsKeyArn",
            "LoggingConfig",
            "MaximumBatchingWindowInSeconds",
            "MetricsConfig",
            "ProvisionedPollerConfig",
            "ScalingConfig",
        ];
        let known: Vec<&'static str> = COPIED.iter().copied().chain(["Queue"]).collect();
        self.only(&known, &["Queue"])?;
        let mut mapping = Node::map(self.span, [("FunctionName", target_name(self.function, self.span))]);
        if let Some(queue) = self.properties.get("Queue") {
            mapping.set("EventSourceArn", queue.clone());
        }
        self.copy(COPIED, &mut mapping);
        self.add("", "AWS::Lambda::EventSourceMapping", mapping);
        Ok(())
    }

    fn sns(&mut self) -> Fallible<()> {
        self.only(
            &["Topic", "Region", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy", "SqsSubscription"],
            &["Topic"],
        )?;
        let span = self.span;
        let topic = self.properties.get("Topic").cloned().unwrap_or_else(|| Node::text(span, ""));
        let mut subscription = Node::map(span, [("TopicArn", topic.clone())]);
        self.copy(&["Region", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy"], &mut subscription);
        let through_queue =
            self.properties.get("SqsSubscription").filter(|node| node.boolean() != Some(false)).cloned();
        let Some(queue) = through_queue else {
            subscription.set("Protocol", Node::text(span, "lambda"));
            subscription.set("Endpoint", target_arn(self.function, span));
            self.add("", "AWS::SNS::Subscription", subscription);
            self.permission("sns.amazonaws.com", Some(topic), None);
            return Ok(());
        };
        let (queue_arn, queue_url, policy_id) = if queue.boolean() == Some(true) {
            let id = self.add("Queue", "AWS::SQS::Queue", Node::map(span, []));
            (Node::attribute(span, &id, "Arn"), Node::reference(span, &id), None)
        } else {
            let known = &["BatchSize", "Enabled", "QueueArn", "QueuePolicyLogicalId", "QueueUrl"];
            for entry in queue.want_map("`SqsSubscription`")? {
                if !known.contains(&entry.key.as_str()) {
                    return Err(unknown(entry, "`SqsSubscription`", known));
                }
            }
            let part = |name: &str| {
                let problem = Problem::Missing { of: "`SqsSubscription`".to_owned(), name: name.to_owned() };
                queue.get(name).cloned().ok_or_else(|| Fault::new(queue.span, problem))
            };
            (part("QueueArn")?, part("QueueUrl")?, queue.get("QueuePolicyLogicalId").and_then(Node::scalar))
        };
        subscription.set("Protocol", Node::text(span, "sqs"));
        subscription.set("Endpoint", queue_arn.clone());
        self.add("", "AWS::SNS::Subscription", subscription);
        let policy = queue_policy(span, topic, queue_arn.clone(), queue_url);
        let policy_id = policy_id.unwrap_or_else(|| format!("{}QueuePolicy", self.id));
        self.generated.push(Declared::generated(policy_id, "AWS::SQS::QueuePolicy", span, policy, self.function));
        let mut mapping =
            Node::map(span, [("FunctionName", target_name(self.function, span)), ("EventSourceArn", queue_arn)]);
        for name in ["BatchSize", "Enabled"] {
            if let Some(value) = queue.get(name) {
                mapping.set(name, value.clone());
            }
        }
        self.add("EventSourceMapping", "AWS::Lambda::EventSourceMapping", mapping);
        Ok(())
    }

    /// What a schedule invokes: the function, with what the event says of input, failures and retries.
    fn target(&mut self) -> Fallible<Node> {
        let span = self.span;
        let mut target = Node::map(span, [("Arn", target_arn(self.function, span))]);
        self.copy(&["Input", "RetryPolicy"], &mut target);
        let Some(config) = self.properties.get("DeadLetterConfig").cloned() else { return Ok(target) };
        let known = &["Arn", "QueueLogicalId", "Type"];
        for entry in config.want_map("`DeadLetterConfig`")? {
            if !known.contains(&entry.key.as_str()) {
                return Err(unknown(entry, "`DeadLetterConfig`", known));
            }
        }
        let arn = match config.get("Arn") {
            Some(arn) => arn.clone(),
            None if config.get("Type").and_then(Node::as_text) == Some("SQS") => {
                let id =
                    config.get("QueueLogicalId").and_then(Node::scalar).unwrap_or_else(|| format!("{}Queue", self.id));
                let queue = Node::map(span, []);
                self.generated.push(Declared::generated(id.clone(), "AWS::SQS::Queue", span, queue, self.function));
                Node::attribute(span, &id, "Arn")
            }
            None => {
                let problem = Problem::Missing { of: "`DeadLetterConfig`".to_owned(), name: "Arn".to_owned() };
                return Err(Fault::with_help(config.span, problem, "or say `Type: SQS` to have a queue made"));
            }
        };
        target.set("DeadLetterConfig", Node::map(span, [("Arn", arn)]));
        Ok(target)
    }

    fn schedule(&mut self) -> Fallible<()> {
        const KNOWN: &[&str] =
            &["Schedule", "Name", "Description", "Enabled", "State", "Input", "DeadLetterConfig", "RetryPolicy"];
        self.only(KNOWN, &["Schedule"])?;
        let span = self.span;
        let mut rule = Node::map(span, []);
        self.copy(&["Name", "Description", "State"], &mut rule);
        if let Some(expression) = self.properties.get("Schedule") {
            rule.set("ScheduleExpression", expression.clone());
        }
        if let Some(enabled) = self.properties.entry("Enabled") {
            if self.properties.get("State").is_some() {
                return Err(Fault::value(enabled.span, "`Enabled`", "and `State` may not both be given"));
            }
            let on = enabled.value.boolean().ok_or_else(|| enabled.value.mismatch("`Enabled`", "true or false"))?;
            rule.set("State", Node::text(enabled.value.span, if on { "ENABLED" } else { "DISABLED" }));
        }
        let mut target = self.target()?;
        target.set("Id", Node::text(span, format!("{}LambdaTarget", self.id)));
        rule.set("Targets", Node::list(span, vec![target]));
        let id = self.add("", "AWS::Events::Rule", rule);
        self.permission("events.amazonaws.com", Some(Node::attribute(span, &id, "Arn")), None);
        Ok(())
    }

    fn schedule_v2(&mut self) -> Fallible<()> {
        const COPIED: &[&str] = &[
            "ScheduleExpression",
            "FlexibleTimeWindow",
            "Name",
            "State",
            "Description",
            "StartDate",
            "EndDate",
            "ScheduleExpressionTimezone",
            "GroupName",
            "KmsKeyArn",
        ];
        let own = ["Input", "RoleArn", "DeadLetterConfig", "RetryPolicy", "OmitName", "PermissionsBoundary"];
        let known: Vec<&'static str> = COPIED.iter().copied().chain(own).collect();
        self.only(&known, &["ScheduleExpression"])?;
        let span = self.span;
        let off = Node::map(span, [("Mode", Node::text(span, "OFF"))]);
        let mut schedule = Node::map(span, [("FlexibleTimeWindow", off)]);
        if self.properties.get("OmitName").and_then(Node::boolean) != Some(true) {
            schedule.set("Name", Node::text(span, self.id.clone()));
        }
        self.copy(COPIED, &mut schedule);
        let mut target = self.target()?;
        let role = match self.properties.get("RoleArn") {
            Some(role) => role.clone(),
            None => {
                let trust = super::trust(span, "scheduler.amazonaws.com");
                let id = self.add("Role", "AWS::IAM::Role", Node::map(span, [("AssumeRolePolicyDocument", trust)]));
                Node::attribute(span, &id, "Arn")
            }
        };
        target.set("RoleArn", role);
        schedule.set("Target", target);
        self.add("", "AWS::Scheduler::Schedule", schedule);
        Ok(())
    }
}

/// That a topic may send to a queue.
fn queue_policy(span: Span, topic: Node, queue_arn: Node, queue_url: Node) -> Node {
    let text = |text: &str| Node::text(span, text);
    let condition = Node::map(span, [("ArnEquals", Node::map(span, [("aws:SourceArn", topic)]))]);
    let statement = Node::map(
        span,
        [
            ("Effect", text("Allow")),
            ("Principal", text("*")),
            ("Action", text("sqs:SendMessage")),
            ("Resource", queue_arn),
            ("Condition", condition),
        ],
    );
    let document = Node::map(span, [("Version", text("2012-10-17")), ("Statement", Node::list(span, vec![statement]))]);
    Node::map(span, [("PolicyDocument", document), ("Queues", Node::list(span, vec![queue_url]))])
}

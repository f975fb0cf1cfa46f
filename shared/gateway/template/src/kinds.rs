//! The resource types that this gateway creates, one file each: what properties they take, how they are named, what
//! `Ref` and `Fn::GetAtt` give, and what they become in a plan.

mod accepted;
mod alarm;
mod authorizer;
mod bucket;
mod defender;
mod event_invoke_config;
mod event_source_mapping;
mod fleet;
mod function;
mod http_api;
mod layer;
mod logs;
mod permission;
mod policy;
mod provisioning_template;
mod qualifier;
mod queue;
mod role;
mod role_alias;
mod schedule;
mod secret;
mod table;
mod thing_type;
mod topic;
mod topic_rule;
mod topic_rule_actions;

pub use accepted::ResourcePolicy;
pub use alarm::{Alarm, Dashboard};
pub use authorizer::Authorizer;
pub use bucket::{Bucket, BucketNotification};
pub use event_invoke_config::EventInvokeConfig;
pub use event_source_mapping::EventSourceMapping;
pub use fleet::{Attachment, Requested};
pub use function::{Code, Function, LoggingConfig};
pub use http_api::{EXECUTE_API, HttpApi, HttpApiPart};
pub use layer::Layer;
pub use logs::{LogGroup, MetricFilter, SubscriptionFilter};
pub use permission::LambdaPermission;
pub use policy::Policy;
pub use provisioning_template::ProvisioningTemplate;
pub use qualifier::Qualifier;
pub use queue::Queue;
pub use role::{IamPolicy, Role};
pub use role_alias::RoleAlias;
pub use schedule::{Schedule, ScheduleGroup};
pub use secret::Secret;
pub use table::Table;
pub use thing_type::ThingType;
pub use topic::{Subscription, Topic};
pub use topic_rule::TopicRule;

use crate::error::{Fallible, Fault};
use crate::names::{Naming, suffix, uuid};
use crate::node::Node;
use crate::shape::{Field, Use};
use crate::source::Span;
use drydock_core::Scope;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

/// A resource, ready to be created.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Resource {
    /// `AWS::Serverless::Function` or `AWS::Lambda::Function`.
    Function(Box<Function>),
    /// `AWS::Serverless::LayerVersion` or `AWS::Lambda::LayerVersion`.
    Layer(Layer),
    /// `AWS::IoT::Thing`.
    Thing(Requested),
    /// `AWS::IoT::ThingGroup`.
    ThingGroup(Requested),
    /// `AWS::IoT::BillingGroup`.
    BillingGroup(Requested),
    /// `AWS::IoT::Certificate`.
    Certificate(Requested),
    /// `AWS::IoT::CACertificate`.
    CaCertificate(Requested),
    /// `AWS::IoT::DomainConfiguration`.
    DomainConfiguration(Requested),
    /// `AWS::IoT::TopicRuleDestination`.
    TopicRuleDestination(Requested),
    /// `AWS::IoT::Logging`.
    Logging(Requested),
    /// `AWS::IoT::AccountAuditConfiguration`.
    AuditConfiguration(Requested),
    /// `AWS::IoT::ScheduledAudit`.
    ScheduledAudit(Requested),
    /// `AWS::IoT::MitigationAction`.
    MitigationAction(Requested),
    /// `AWS::IoT::SecurityProfile`.
    SecurityProfile(Requested),
    /// `AWS::IoT::PolicyPrincipalAttachment`.
    PolicyAttachment(Attachment),
    /// `AWS::IoT::ThingPrincipalAttachment`.
    ThingAttachment(Attachment),
    /// `AWS::Lambda::Version` or `AWS::Lambda::Alias`.
    Qualifier(Qualifier),
    /// `AWS::IoT::TopicRule`, or SAM's `IoTRule` event.
    TopicRule(TopicRule),
    /// `AWS::IoT::Policy`.
    Policy(Policy),
    /// `AWS::IoT::ProvisioningTemplate`.
    ProvisioningTemplate(ProvisioningTemplate),
    /// `AWS::IoT::ThingType`.
    ThingType(ThingType),
    /// `AWS::IoT::Authorizer`.
    Authorizer(Authorizer),
    /// `AWS::DynamoDB::Table` or `AWS::Serverless::SimpleTable`.
    Table(Table),
    /// `AWS::S3::Bucket`.
    Bucket(Bucket),
    /// `AWS::SecretsManager::Secret`.
    Secret(Secret),
    /// `AWS::SNS::Topic`.
    Topic(Topic),
    /// `AWS::SNS::Subscription`, or SAM's `SNS` event.
    Subscription(Subscription),
    /// `AWS::SNS::TopicPolicy`.
    TopicPolicy(ResourcePolicy),
    /// `AWS::SQS::Queue`.
    Queue(Queue),
    /// `AWS::SQS::QueuePolicy`.
    QueuePolicy(ResourcePolicy),
    /// `AWS::Lambda::Permission`, or the permission of a SAM event.
    LambdaPermission(LambdaPermission),
    /// `AWS::Lambda::EventSourceMapping`, or SAM's `SQS` event.
    EventSourceMapping(EventSourceMapping),
    /// `AWS::Lambda::EventInvokeConfig`, or a SAM function's `EventInvokeConfig`.
    EventInvokeConfig(EventInvokeConfig),
    /// `AWS::Events::Rule`, `AWS::Scheduler::Schedule`, or SAM's `Schedule` and `ScheduleV2` events.
    Schedule(Schedule),
    /// `AWS::ApiGatewayV2::Api` and what belongs to it, `AWS::Serverless::HttpApi`, or SAM's `HttpApi` event.
    HttpApi(HttpApi),
    /// `AWS::Scheduler::ScheduleGroup`.
    ScheduleGroup(ScheduleGroup),
    /// `AWS::IoT::RoleAlias`.
    RoleAlias(RoleAlias),
    /// `AWS::IAM::Role`: its ARN is known, and who may assume it.
    Role(Role),
    /// `AWS::IAM::ManagedPolicy` or `AWS::IAM::Policy`: IAM is not evaluated here.
    IamPolicy(IamPolicy),
    /// `AWS::Logs::LogGroup`.
    LogGroup(LogGroup),
    /// `AWS::CloudWatch::Alarm`.
    Alarm(Alarm),
    /// `AWS::CloudWatch::Dashboard`: nothing is made of it.
    Dashboard(Dashboard),
    /// `AWS::Logs::MetricFilter`.
    MetricFilter(MetricFilter),
    /// `AWS::Logs::SubscriptionFilter`.
    SubscriptionFilter(SubscriptionFilter),
}

/// What a resource is called, and where it lives.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) logical_id: String,
    /// The physical name, given or generated.
    pub(crate) name: String,
    /// The value of the kind's [`extra`](Kind::extra) property.
    pub(crate) extra: Option<String>,
    pub(crate) scope: Scope,
    pub(crate) stack: String,
    pub(crate) queue_url_base: String,
}

impl Identity {
    /// An ARN in this scope.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        self.scope.arn(service, resource).as_str().to_owned()
    }

    /// An ARN of IAM, which has no region.
    pub(crate) fn iam(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.scope.partition(), self.scope.account)
    }

    /// An id in the form of a UUID, the same on every run.
    pub(crate) fn uuid(&self) -> String {
        uuid(&[&self.scope.account, &self.scope.region, &self.stack, &self.logical_id])
    }

    /// Ten small letters and digits, the same on every run: an id as API Gateway gives it.
    pub(crate) fn short_id(&self) -> String {
        let unique = suffix(&[&self.scope.account, &self.scope.region, &self.stack, &self.logical_id]);
        unique.chars().take(10).collect::<String>().to_ascii_lowercase()
    }

    /// Twelve letters and digits, the same on every run.
    pub(crate) fn suffix(&self) -> String {
        suffix(&[&self.stack, &self.logical_id])
    }
}

/// What `Fn::GetAtt` gives for an attribute.
pub(crate) type Attribute = (&'static str, fn(&Identity) -> String);

/// A resource type.
pub(crate) struct Kind {
    pub(crate) type_: &'static str,
    /// The AWS page that this follows.
    pub(crate) page: &'static str,
    pub(crate) properties: &'static [Field],
    pub(crate) naming: Naming,
    /// One more property that the type's ARN or name depends on.
    pub(crate) extra: Option<&'static str>,
    /// What `Ref` gives.
    pub(crate) reference: fn(&Identity) -> String,
    pub(crate) attributes: &'static [Attribute],
    pub(crate) plan: fn(&Identity, &Properties) -> Fallible<Resource>,
}

/// A resource's properties: checked, and as they stood.
pub(crate) struct Properties<'n> {
    /// Checked, under CloudFormation's names, without those that have no effect.
    pub(crate) json: Map<String, Json>,
    /// Resolved, with places.
    pub(crate) node: &'n Node,
    /// As declared.
    pub(crate) declared: &'n crate::document::Declared,
}

impl Properties<'_> {
    /// The properties as the type's own struct. The check before it makes this succeed; if not, that is an error too.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Fallible<T> {
        serde_json::from_value(Json::Object(self.json.clone())).map_err(|error| {
            Fault::value(self.declared.span, format!("`{}`", self.declared.logical_id), error.to_string())
        })
    }

    /// The place of a property, `A.B` for one inside another; the resource's where it is not given.
    pub(crate) fn span(&self, path: &str) -> Span {
        let mut node = self.node;
        let mut span = self.declared.span;
        for key in path.split('.') {
            match node.get(key) {
                Some(value) => (node, span) = (value, value.span),
                None => break,
            }
        }
        span
    }

    pub(crate) fn fault(&self, path: &str, why: impl Into<String>) -> Box<Fault> {
        Fault::value(self.span(path), format!("`{path}` of `{}`", self.declared.logical_id), why)
    }
}

/// All types, by name.
const KINDS: &[&Kind] = &[
    &alarm::KIND,
    &alarm::DASHBOARD,
    &http_api::API,
    &http_api::AUTHORIZER,
    &http_api::DEPLOYMENT,
    &http_api::INTEGRATION,
    &http_api::ROUTE,
    &http_api::STAGE,
    &schedule::RULE,
    &schedule::SCHEDULE,
    &schedule::GROUP,
    &role::MANAGED_POLICY,
    &role::INLINE_POLICY,
    &role::ROLE,
    &table::TABLE,
    &table::SIMPLE_TABLE,
    &event_invoke_config::KIND,
    &event_source_mapping::KIND,
    &function::LAMBDA,
    &function::SERVERLESS,
    &qualifier::ALIAS,
    &qualifier::VERSION,
    &layer::LAMBDA,
    &layer::SERVERLESS,
    &permission::KIND,
    &authorizer::KIND,
    &defender::CONFIGURATION,
    &defender::MITIGATION_ACTION,
    &defender::SCHEDULED_AUDIT,
    &defender::SECURITY_PROFILE,
    &fleet::BILLING_GROUP,
    &fleet::CA_CERTIFICATE,
    &fleet::CERTIFICATE,
    &fleet::DOMAIN,
    &fleet::LOGGING,
    &policy::KIND,
    &fleet::POLICY_ATTACHMENT,
    &provisioning_template::KIND,
    &role_alias::KIND,
    &fleet::THING,
    &fleet::THING_GROUP,
    &fleet::THING_ATTACHMENT,
    &thing_type::KIND,
    &topic_rule::KIND,
    &fleet::DESTINATION,
    &logs::GROUP,
    &logs::METRIC_FILTER,
    &logs::SUBSCRIPTION_FILTER,
    &bucket::KIND,
    &secret::KIND,
    &accepted::QUEUE_POLICY,
    &accepted::TOPIC_POLICY,
    &queue::KIND,
    &topic::SUBSCRIPTION,
    &topic::TOPIC,
];

/// The type of a name.
pub(crate) fn find(type_: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.type_ == type_)
}

/// The names of the types that a plan can create.
pub fn supported_types() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.type_)
}

/// A table of the types, for documentation: name, AWS page, and the properties accepted without effect with their reasons.
pub fn type_table() -> impl Iterator<Item = (&'static str, &'static str, Vec<(&'static str, &'static str)>)> {
    KINDS.iter().map(|kind| {
        let inert = kind.properties.iter().filter_map(|field| match field.use_ {
            Use::Inert(why) => Some((field.name, why)),
            _ => None,
        });
        (kind.type_, kind.page, inert.collect())
    })
}

/// A function's name out of its name, its ARN, or a part of its ARN, and the qualifier where one is given.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html> (`FunctionName`).
#[must_use]
pub fn function_name(text: &str) -> (&str, Option<&str>) {
    let rest = match text.split_once(":function:") {
        Some((_, rest)) => rest,
        None => text,
    };
    match rest.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (rest, None),
    }
}

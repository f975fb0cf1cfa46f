//! The actions of AWS IoT's data plane, and the resource that each is judged on ("AWS IoT Core policy actions" and "AWS IoT
//! Core action resources").

use drydock_core::Scope;
use std::fmt;
use std::str::FromStr;

/// What an action's resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// `client/<client id>`.
    Client,
    /// `topic/<topic>`.
    Topic,
    /// `topicfilter/<topic filter>`.
    TopicFilter,
    /// `thing/<thing>` or `thing/<thing>/<shadow>`.
    Thing,
    /// `rolealias/<alias>`.
    RoleAlias,
    /// No resource of its own: only `*` matches.
    All,
}

impl ResourceKind {
    /// What the resource part of the ARN starts with, for example `topic/`.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Client => "client/",
            Self::Topic => "topic/",
            Self::TopicFilter => "topicfilter/",
            Self::Thing => "thing/",
            Self::RoleAlias => "rolealias/",
            Self::All => "*",
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $kind:ident [$first:literal $(, $also:literal)?],)*) => {
        /// An action of the data plane.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The names a policy may call it by, AWS's present one first.
            #[must_use]
            pub fn names(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$first $(, $also)?],)* }
            }

            /// What its resource is.
            #[must_use]
            pub fn resource_kind(self) -> ResourceKind {
                match self { $(Self::$name => ResourceKind::$kind,)* }
            }
        }
    };
}

actions! {
    /// A client connects.
    Connect = Client ["iot:Connect"],
    /// A client publishes, or names a will.
    Publish = Topic ["iot:Publish"],
    /// A client publishes a retained message; asked besides `Publish`.
    RetainPublish = Topic ["iot:RetainPublish"],
    /// A client subscribes; judged on the filter's text.
    Subscribe = TopicFilter ["iot:Subscribe"],
    /// A message is delivered to a client.
    Receive = Topic ["iot:Receive"],
    /// A retained message is read over HTTPS.
    GetRetainedMessage = Topic ["iot:GetRetainedMessage"],
    /// The retained messages are listed over HTTPS.
    ListRetainedMessages = All ["iot:ListRetainedMessages"],
    /// A connection is closed over HTTPS.
    DeleteConnection = Client ["iot:DeleteConnection"],
    /// A connection is described over HTTPS.
    GetConnection = Client ["iot:GetConnection"],
    /// A client's subscriptions are listed over HTTPS.
    ListSubscriptions = Client ["iot:ListSubscriptions"],
    /// A message is sent to one client over HTTPS.
    SendDirectMessage = Client ["iot:SendDirectMessage"],
    /// A shadow is read over HTTPS.
    GetThingShadow = Thing ["iot:GetThingShadow"],
    /// A shadow is updated over HTTPS.
    UpdateThingShadow = Thing ["iot:UpdateThingShadow"],
    /// A shadow is deleted over HTTPS.
    DeleteThingShadow = Thing ["iot:DeleteThingShadow"],
    /// A thing's named shadows are listed over HTTPS.
    ListNamedShadowsForThing = Thing ["iot:ListNamedShadowsForThing"],
    /// A job execution is described over HTTPS.
    DescribeJobExecution = Thing ["iotjobsdata:DescribeJobExecution", "iot:DescribeJobExecution"],
    /// A thing's pending job executions are listed over HTTPS.
    GetPendingJobExecutions = Thing ["iotjobsdata:GetPendingJobExecutions", "iot:GetPendingJobExecutions"],
    /// A job execution is updated over HTTPS.
    UpdateJobExecution = Thing ["iotjobsdata:UpdateJobExecution", "iot:UpdateJobExecution"],
    /// A thing's next job execution is started over HTTPS.
    StartNextPendingJobExecution = Thing ["iotjobsdata:StartNextPendingJobExecution", "iot:StartNextPendingJobExecution"],
    /// The credential provider hands out a role's credentials.
    AssumeRoleWithCertificate = RoleAlias ["iot:AssumeRoleWithCertificate"],
}

impl Action {
    /// AWS's name of the action, for example `iot:Publish`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names().first().copied().unwrap_or_default()
    }

    /// The ARN that the action is judged on, for a client id, topic, topic filter, thing or role alias.
    #[must_use]
    pub fn resource(self, scope: &Scope, name: &str) -> String {
        match self.resource_kind() {
            ResourceKind::All => "*".to_owned(),
            kind => format!("{}{name}", prefix(scope, kind)),
        }
    }
}

/// What the ARN of every resource of a kind starts with.
pub(crate) fn prefix(scope: &Scope, kind: ResourceKind) -> String {
    scope.arn("iot", kind.prefix()).into()
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no action of the data plane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an action of the AWS IoT data plane; known are for example `Connect`, `Publish`, `Subscribe` and `Receive`"
)]
pub struct UnknownAction(String);

impl FromStr for Action {
    type Err = UnknownAction;

    /// With or without its service, upper and lower case alike: `iot:Publish`, `publish`.
    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        let same = |name: &&str| {
            name.eq_ignore_ascii_case(text)
                || name.split_once(':').is_some_and(|(_, short)| short.eq_ignore_ascii_case(text))
        };
        let found = Self::ALL.iter().copied().find(|action| action.names().iter().any(same));
        found.ok_or_else(|| UnknownAction(text.chars().take(160).collect()))
    }
}

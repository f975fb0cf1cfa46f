//! The kinds of log entries.

use crate::levels::Level;
use std::fmt;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal at $level:ident,)*) => {
        /// The kind of a log entry: its `eventType`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventType { $($(#[$doc])* $name,)* }

        impl EventType {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// AWS's spelling, for example `Publish-In`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The level of an entry that tells of a success; a failure is at [`Level::Error`].
            #[must_use]
            pub fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)* }
            }

            /// The kind that AWS calls so.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

events! {
    /// A client connects.
    Connect = "Connect" at Info,
    /// A client could not prove who it is. Logged only where it was asked for by event type or by resource.
    AuthNError = "Connection.AuthNError" at Error,
    /// A connection ends.
    Disconnect = "Disconnect" at Info,
    /// A client asks whether the connection is alive.
    Ping = "Ping" at Debug,
    /// A message arrives from a client.
    PublishIn = "Publish-In" at Info,
    /// A message goes to a client.
    PublishOut = "Publish-Out" at Info,
    /// A message waits for a client that is not connected.
    Queued = "Queued" at Info,
    /// A client subscribes.
    Subscribe = "Subscribe" at Info,
    /// A client unsubscribes.
    Unsubscribe = "Unsubscribe" at Info,
    /// A retained message is read over HTTP.
    GetRetainedMessage = "GetRetainedMessage" at Info,
    /// Retained messages are listed over HTTP.
    ListRetainedMessage = "ListRetainedMessage" at Info,
    /// A connection is ended over HTTP.
    DeleteConnection = "DeleteConnection" at Info,
    /// A connection is described over HTTP.
    GetConnection = "GetConnection" at Info,
    /// A client's subscriptions are listed over HTTP.
    ListSubscriptions = "ListSubscriptions" at Info,
    /// A message is sent to one client over HTTP.
    SendDirectMessage = "SendDirectMessage" at Info,
    /// A shadow is read.
    GetThingShadow = "GetThingShadow" at Info,
    /// A shadow is changed.
    UpdateThingShadow = "UpdateThingShadow" at Info,
    /// A shadow is deleted.
    DeleteThingShadow = "DeleteThingShadow" at Info,
    /// A rule's topic filter matches.
    RuleMatch = "RuleMatch" at Info,
    /// A rule's action begins.
    StartingRuleExecution = "StartingRuleExecution" at Debug,
    /// A rule's action ended.
    RuleExecution = "RuleExecution" at Info,
    /// A function of the rules SQL reached out.
    FunctionExecution = "FunctionExecution" at Debug,
    /// A message was too much for a rule.
    RuleMessageThrottled = "RuleMessageThrottled" at Error,
    /// A message for a rule that is not there.
    RuleNotFound = "RuleNotFound" at Error,
    /// A device reads a job execution.
    DescribeJobExecution = "DescribeJobExecution" at Debug,
    /// A device reports on a job execution.
    UpdateJobExecution = "UpdateJobExecution" at Debug,
    /// A device lists its job executions.
    GetPendingJobExecution = "GetPendingJobExecution" at Debug,
    /// A device begins its next job execution.
    StartNextPendingJobExecution = "StartNextPendingJobExecution" at Debug,
    /// A command execution is started.
    StartCommandExecution = "StartCommandExecution" at Debug,
    /// A device reports on a command execution.
    UpdateCommandExecution = "UpdateCommandExecution" at Debug,
    /// A job is over.
    ReportFinalJobExecutionCount = "ReportFinalJobExecutionCount" at Info,
    /// A device takes AWS credentials for its certificate.
    GetDeviceCredentials = "GetDeviceCredentials" at Info,
    /// A device is provisioned.
    ProvisionDevice = "ProvisionDevice" at Info,
    /// A server certificate's revocation status is looked up.
    RetrieveOcspStapleData = "RetrieveOCSPStapleData" at Info,
    /// A thing does not fit into dynamic groups.
    AddThingToDynamicThingGroupsFailed = "AddThingToDynamicThingGroupsFailed" at Error,
    /// A thing has more named shadows than a dynamic group's query can see.
    NamedShadowCountForDynamicGroupQueryLimitExceeded = "NamedShadowCountForDynamicGroupQueryLimitExceeded" at Error,
    /// A value is not of the type that its custom field has in the fleet index.
    IndexingCustomFieldFailed = "IndexingCustomFieldFailed" at Error,
    /// A value is not a place, where the fleet index has a geolocation.
    IndexingGeoLocationFieldFailed = "IndexingGeoLocationFieldFailed" at Error,
}

impl EventType {
    /// Whether it is logged only where an event type or a resource asks for it, whatever the account's level.
    #[must_use]
    pub fn is_opt_in(self) -> bool {
        self == Self::AuthNError
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

//! The policies that a token's scope stands for: the device's own client id and its own topics, no other's.
//!
//! They allow what the policy of devices with certificates in `template.yaml` does. There a policy variable stands for the
//! thing; a custom authorizer writes the name itself, as its principals are attached to no thing.

use serde_json::{Value, json};

/// A part of what a device may do, as a word in a token's `scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// `telemetry`: send readings.
    Telemetry,
    /// `events`: send events.
    Events,
    /// `commands`: get commands.
    Commands,
    /// `shadow`: use its shadows.
    Shadow,
    /// `jobs`: carry out its jobs.
    Jobs,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Telemetry, Self::Events, Self::Commands, Self::Shadow, Self::Jobs];

    /// The areas of a scope: all without one, and none for a word that is not known.
    #[must_use]
    pub fn of_scope(scope: Option<&[String]>) -> Vec<Self> {
        Self::ALL.into_iter().filter(|area| scope.is_none_or(|words| words.iter().any(|w| w == area.word()))).collect()
    }

    /// The word in a scope.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Events => "events",
            Self::Commands => "commands",
            Self::Shadow => "shadow",
            Self::Jobs => "jobs",
        }
    }

    fn statements(self, iot: &str, name: &str) -> Vec<Value> {
        let allow = |actions: &[&str], resource: String| json!({"Effect": "Allow", "Action": actions, "Resource": format!("{iot}:{resource}")});
        let both_ways = |topics: &str| {
            vec![
                allow(&["iot:Publish", "iot:Receive"], format!("topic/{topics}")),
                allow(&["iot:Subscribe"], format!("topicfilter/{topics}")),
            ]
        };
        match self {
            Self::Telemetry => vec![allow(&["iot:Publish"], format!("topic/dt/{name}/telemetry"))],
            Self::Events => vec![allow(&["iot:Publish"], format!("topic/evt/{name}/events"))],
            Self::Commands => vec![
                allow(&["iot:Receive"], format!("topic/cmd/{name}/*")),
                allow(&["iot:Subscribe"], format!("topicfilter/cmd/{name}/*")),
            ],
            Self::Shadow => both_ways(&format!("$aws/things/{name}/shadow/*")),
            Self::Jobs => both_ways(&format!("$aws/things/{name}/jobs/*")),
        }
    }
}

/// The policy documents of a device: one to connect, and one for each area. `iot` is the beginning of AWS IoT's ARNs in the
/// account and region, such as `arn:aws:iot:us-east-1:123456789012`.
///
/// AWS takes 10 documents of 2,048 characters: one document for all would be too long for a long name.
#[must_use]
pub fn policies(iot: &str, name: &str, areas: &[Area]) -> Vec<Value> {
    let document = |statements: Vec<Value>| json!({"Version": "2012-10-17", "Statement": statements});
    let connect = json!({"Effect": "Allow", "Action": "iot:Connect", "Resource": format!("{iot}:client/{name}")});
    let areas = areas.iter().map(|area| document(area.statements(iot, name)));
    std::iter::once(document(vec![connect])).chain(areas).collect()
}

//! What a document allows on any device, rather than on the one that has it: actions of the data plane of AWS IoT.
//!
//! A name that nobody gives to a device is asked for: where a document lets it through, it lets every other one through. So a
//! wildcard behind a specific text is not broad ("it is preceded by a specific string, and that limits the set of things",
//! "Authenticated Cognito role overly permissive"), and one in its place is.

use crate::glob::Glob;
use crate::statement::{Document, HERE, Statement};

/// Something that is allowed too widely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The action, as it is called.
    pub action: String,
    /// The place of the document among those that were judged, from 0.
    pub document: usize,
    /// The place of the statement in it, from 0.
    pub statement: usize,
    /// The resource as it is written there.
    pub resource: String,
}

/// An action, and resources of which each is one of any device's: the ends of their ARNs.
type Probe = (&'static str, &'static [&'static str]);

const THINGS: &[&str] = &["thing/{any}"];
const TOPICS: &[&str] = &["topic/$aws/things/{any}"];

/// The actions of "MQTT permissions" and "Shadow and job permissions" of "AWS IoT policies overly permissive". To receive is not
/// among them: a device receives only what it may subscribe to.
const PROBES: &[Probe] = &[
    ("iot:Connect", &["client/{any}"]),
    ("iot:Publish", TOPICS),
    ("iot:RetainPublish", TOPICS),
    (
        "iot:Subscribe",
        &[
            "topicfilter/$aws/things/{any}",
            "topicfilter/$aws/things/+*",
            "topicfilter/$aws/things/#",
            "topicfilter/$aws/+*",
            "topicfilter/$aws/#",
            "topicfilter/#",
        ],
    ),
    ("iot:GetThingShadow", THINGS),
    ("iot:UpdateThingShadow", THINGS),
    ("iot:DeleteThingShadow", THINGS),
    ("iot:DescribeJobExecution", THINGS),
    ("iot:GetPendingJobExecutions", THINGS),
    ("iot:StartNextPendingJobExecution", THINGS),
    ("iot:UpdateJobExecution", THINGS),
];

/// What a document allows on the devices of others, one for each action.
pub(crate) fn data_plane(document: &Document) -> Vec<Grant> {
    PROBES.iter().filter_map(|(action, resources)| broad(document, action, resources)).collect()
}

/// The first of an action's grants that lets any device through; the resources as in [`PROBES`].
pub(crate) fn broad(document: &Document, action: &str, resources: &[&str]) -> Option<Grant> {
    let name = Glob::action(action);
    resources.iter().map(|text| Glob::probe(&format!("{HERE}{text}"))).find_map(|resource| {
        if document.denies(&name, &resource) {
            return None;
        }
        document.allowing().find_map(|(place, statement)| {
            if !statement.actions.overlap(&name) {
                return None;
            }
            let found = granted(statement, action, &resource)?;
            Some(Grant { action: action.to_owned(), document: 0, statement: place, resource: found })
        })
    })
}

/// The resource of a statement that is one of any device's.
fn granted(statement: &Statement, action: &str, resource: &Glob) -> Option<String> {
    // Who is attached to the thing of the connection connects as that thing alone, whatever the resource says. Otherwise a
    // device chooses its client id, so that naming it restricts nothing.
    let connects = action == "iot:Connect";
    if connects && statement.is_attached {
        return None;
    }
    let wild: &[&str] = if connects { &["iot:ClientId"] } else { &[] };
    statement.resources.overlapping(resource, wild)
}

/// The actions that are asked for.
pub(crate) fn data_plane_actions() -> impl Iterator<Item = &'static str> {
    PROBES.iter().map(|(action, _)| *action)
}

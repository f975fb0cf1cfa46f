//! Topics that start with `$`: which of them exist, what a client may do with each, and what a message to one asks for.
//!
//! This is the only place that takes such a topic apart. The broker does it once for each topic of a connection and keeps the
//! result beside the policies' decision; services read the names out of the topic by it. Follows "Reserved topics" of the
//! developer guide. A pattern's level is literal, `*` for exactly one level, `a-*` for one that begins with `a-`, or, at the end,
//! `**` for one level or more.
//! The first pattern that fits counts.

use crate::topic::names_rule;

const PUBLISH: u8 = 1;
const SUBSCRIBE: u8 = 2;

/// What a message to a reserved topic asks for. Its names are the levels of the topic that the pattern leaves open, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReservedTopic {
    /// Basic Ingest: a message for one rule. Names: the rule. What follows it may be missing.
    BasicIngest,
    /// "CreateKeysAndCertificate". Names: the payload's format.
    CreateKeysAndCertificate,
    /// "CreateCertificateFromCsr". Names: the payload's format.
    CreateCertificateFromCsr,
    /// "RegisterThing". Names: the provisioning template, the payload's format.
    RegisterThing,
    /// "GetThingShadow". Names: the thing; the shadow where it is a named one.
    GetThingShadow,
    /// "UpdateThingShadow". Names: as of [`GetThingShadow`](Self::GetThingShadow).
    UpdateThingShadow,
    /// "DeleteThingShadow". Names: as of [`GetThingShadow`](Self::GetThingShadow).
    DeleteThingShadow,
    /// "GetPendingJobExecutions". Names: the thing.
    GetPendingJobExecutions,
    /// "StartNextPendingJobExecution". Names: the thing.
    StartNextPendingJobExecution,
    /// "DescribeJobExecution". Names: the thing, the job; the namespace where it is one's.
    DescribeJobExecution,
    /// "UpdateJobExecution". Names: as of [`DescribeJobExecution`](Self::DescribeJobExecution).
    UpdateJobExecution,
    /// A report of Device Defender's device-side metrics. Names: the thing, the payload's format.
    DefenderMetrics,
    /// "DescribeStream". Names: the thing, the stream, the payload's format.
    DescribeStream,
    /// "GetStream". Names: the thing, the stream, the payload's format.
    GetStream,
    /// "UpdateCommandExecution". Names: the kind of device, the device, the execution. The payload's format is the last level.
    CommandResponse,
    /// A question for the position of a device. Names: the device.
    DevicePosition,
    /// What is told by services only.
    Told,
}

use ReservedTopic::{
    BasicIngest, CommandResponse, CreateCertificateFromCsr, CreateKeysAndCertificate, DefenderMetrics,
    DeleteThingShadow, DescribeJobExecution, DescribeStream, DevicePosition, GetPendingJobExecutions, GetStream,
    GetThingShadow, RegisterThing, StartNextPendingJobExecution, Told, UpdateJobExecution, UpdateThingShadow,
};

/// Every reserved topic that a client may use, and how.
const TABLE: &[(&str, u8, ReservedTopic)] = &[
    ("$aws/events/**", SUBSCRIBE, Told),
    ("$aws/rules/*", PUBLISH, BasicIngest),
    ("$aws/rules/*/**", PUBLISH, BasicIngest),
    ("$aws/certificates/create/*", PUBLISH, CreateKeysAndCertificate),
    ("$aws/certificates/create/*/*", SUBSCRIBE, Told),
    ("$aws/certificates/create-from-csr/*", PUBLISH, CreateCertificateFromCsr),
    ("$aws/certificates/create-from-csr/*/*", SUBSCRIBE, Told),
    ("$aws/provisioning-templates/*/provision/*", PUBLISH, RegisterThing),
    ("$aws/provisioning-templates/*/provision/*/*", SUBSCRIBE, Told),
    ("$aws/things/*/shadow/get", PUBLISH, GetThingShadow),
    ("$aws/things/*/shadow/update", PUBLISH, UpdateThingShadow),
    ("$aws/things/*/shadow/delete", PUBLISH, DeleteThingShadow),
    ("$aws/things/*/shadow/*/*", SUBSCRIBE, Told),
    ("$aws/things/*/shadow/name/*/get", PUBLISH, GetThingShadow),
    ("$aws/things/*/shadow/name/*/update", PUBLISH, UpdateThingShadow),
    ("$aws/things/*/shadow/name/*/delete", PUBLISH, DeleteThingShadow),
    ("$aws/things/*/shadow/name/*/*/*", SUBSCRIBE, Told),
    ("$aws/things/*/jobs/get", PUBLISH, GetPendingJobExecutions),
    ("$aws/things/*/jobs/start-next", PUBLISH, StartNextPendingJobExecution),
    ("$aws/things/*/jobs/*/get", PUBLISH, DescribeJobExecution),
    ("$aws/things/*/jobs/*/update", PUBLISH, UpdateJobExecution),
    ("$aws/things/*/jobs/*/namespace-*/get", PUBLISH, DescribeJobExecution),
    ("$aws/things/*/jobs/*/namespace-*/update", PUBLISH, UpdateJobExecution),
    ("$aws/things/*/jobs/notify", SUBSCRIBE, Told),
    ("$aws/things/*/jobs/notify-next", SUBSCRIBE, Told),
    ("$aws/things/*/jobs/notify-namespace-*", SUBSCRIBE, Told),
    ("$aws/things/*/jobs/notify-next-namespace-*", SUBSCRIBE, Told),
    ("$aws/things/*/jobs/*/accepted", SUBSCRIBE, Told),
    ("$aws/things/*/jobs/*/rejected", SUBSCRIBE, Told),
    ("$aws/things/*/jobs/*/*/*", SUBSCRIBE, Told),
    ("$aws/things/*/jobs/*/namespace-*/*/*", SUBSCRIBE, Told),
    ("$aws/things/*/defender/metrics/*", PUBLISH, DefenderMetrics),
    ("$aws/things/*/defender/metrics/*/*", SUBSCRIBE, Told),
    ("$aws/things/*/streams/*/describe/*", PUBLISH, DescribeStream),
    ("$aws/things/*/streams/*/get/*", PUBLISH, GetStream),
    ("$aws/things/*/streams/*/description/*", SUBSCRIBE, Told),
    ("$aws/things/*/streams/*/data/*", SUBSCRIBE, Told),
    ("$aws/things/*/streams/*/rejected/*", SUBSCRIBE, Told),
    ("$aws/things/*/tunnels/notify", SUBSCRIBE, Told),
    ("$aws/sitewise/asset-models/*/assets/*/properties/*", SUBSCRIBE, Told),
    ("$aws/commands/*/*/executions/*/request", SUBSCRIBE, Told),
    ("$aws/commands/*/*/executions/*/request/*", SUBSCRIBE, Told),
    ("$aws/commands/*/*/executions/*/response/json", PUBLISH | SUBSCRIBE, CommandResponse),
    ("$aws/commands/*/*/executions/*/response/cbor", PUBLISH | SUBSCRIBE, CommandResponse),
    ("$aws/commands/*/*/executions/*/response/accepted", SUBSCRIBE, Told),
    ("$aws/commands/*/*/executions/*/response/rejected", SUBSCRIBE, Told),
    ("$aws/commands/*/*/executions/*/response/accepted/*", SUBSCRIBE, Told),
    ("$aws/commands/*/*/executions/*/response/rejected/*", SUBSCRIBE, Told),
    ("$aws/device_location/*/get_position_estimate", PUBLISH, DevicePosition),
    ("$aws/device_location/*/get_position_estimate/*", SUBSCRIBE, Told),
];

/// The most levels that a pattern which may be published to leaves open.
const NAMES: usize = 4;

/// A reserved topic, taken apart: what a message to it asks for, and where its names are in the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// What a message asks for.
    pub topic: ReservedTopic,
    /// Where each name begins and ends in the topic, in bytes.
    names: [(u16, u16); NAMES],
}

/// A reserved topic that clients may not publish to, or that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotForClients;

impl Reserved {
    /// Takes a topic apart that a client publishes to; `None` for one that is not reserved.
    ///
    /// # Errors
    /// [`NotForClients`].
    pub fn read(topic: &str) -> Result<Option<Self>, NotForClients> {
        if !is_reserved(topic) {
            return Ok(None);
        }
        let publishable = TABLE.iter().filter(|(_, uses, _)| uses & PUBLISH != 0);
        let mut matching =
            publishable.filter_map(|(pattern, _, topic_kind)| Some((topic_kind, names(pattern, topic)?)));
        let (kind, names) = matching.next().ok_or(NotForClients)?;
        // Basic Ingest goes nowhere without the name of a rule.
        if *kind == BasicIngest && !names_rule(topic) {
            return Err(NotForClients);
        }
        Ok(Some(Self { topic: *kind, names }))
    }

    /// A name of the topic that this was taken from: what its pattern leaves open, counted from 0.
    #[must_use]
    pub fn name<'t>(&self, topic: &'t str, at: usize) -> Option<&'t str> {
        let (begin, end) = self.names.get(at).copied().filter(|place| *place != (0, 0))?;
        topic.get(usize::from(begin)..usize::from(end))
    }
}

/// Whether a topic is one of the reserved kind at all.
fn is_reserved(topic: &str) -> bool {
    topic.starts_with('$')
}

/// Whether a client may subscribe to a filter (without `$share/<name>/`), as far as its being reserved goes: whether some
/// topic that it matches can be subscribed to.
#[must_use]
pub fn may_subscribe(filter: &str) -> bool {
    !is_reserved(filter) || TABLE.iter().any(|(pattern, uses, _)| uses & SUBSCRIBE != 0 && overlaps(pattern, filter))
}

/// Where in a topic the levels are that a pattern leaves open; `None` where it does not match.
fn names(pattern: &str, topic: &str) -> Option<[(u16, u16); NAMES]> {
    let mut found = [(0, 0); NAMES];
    let mut places = found.iter_mut();
    let mut levels = topic.split('/');
    let mut begin = 0;
    for part in pattern.split('/') {
        let level = levels.next()?;
        let end = begin + level.len();
        match part {
            "**" => return Some(found),
            "*" => *places.next()? = (u16::try_from(begin).ok()?, u16::try_from(end).ok()?),
            literal if literal == level => {}
            begun => {
                let beginning = begun.strip_suffix('*').filter(|beginning| level.starts_with(beginning))?;
                *places.next()? = (u16::try_from(begin + beginning.len()).ok()?, u16::try_from(end).ok()?);
            }
        }
        begin = end + 1;
    }
    levels.next().is_none().then_some(found)
}

/// Whether a pattern of the table and a filter have a topic in common.
fn overlaps(pattern: &str, filter: &str) -> bool {
    let mut patterns = pattern.split('/');
    let mut filters = filter.split('/');
    loop {
        match (patterns.next(), filters.next()) {
            (None, None) | (Some(_), Some("#")) | (Some("**"), Some(_)) => return true,
            (Some("*"), Some(_)) | (Some(_), Some("+")) => {}
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) if a.strip_suffix('*').is_some_and(|beginning| b.starts_with(beginning)) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_says_what_is_asked_of_whom() {
        for (topic, kind, names) in [
            ("$aws/rules/r/a/b", BasicIngest, &["r"][..]),
            ("$aws/rules/r", BasicIngest, &["r"]),
            ("$aws/rules/r/", BasicIngest, &["r"]),
            ("$aws/certificates/create/json", CreateKeysAndCertificate, &["json"]),
            ("$aws/certificates/create-from-csr/cbor", CreateCertificateFromCsr, &["cbor"]),
            ("$aws/provisioning-templates/fleet/provision/cbor", RegisterThing, &["fleet", "cbor"]),
            ("$aws/things/a/shadow/get", GetThingShadow, &["a"]),
            ("$aws/things/a/shadow/name/b/update", UpdateThingShadow, &["a", "b"]),
            ("$aws/things/a/shadow/name/get/delete", DeleteThingShadow, &["a", "get"]),
            ("$aws/things/a/jobs/$next/get", DescribeJobExecution, &["a", "$next"]),
            ("$aws/things/a/jobs/j/namespace-ns/update", UpdateJobExecution, &["a", "j", "ns"]),
            ("$aws/commands/things/a/executions/e/response/json", CommandResponse, &["things", "a", "e"]),
        ] {
            let found = Reserved::read(topic).unwrap().unwrap_or_else(|| panic!("{topic} is reserved"));
            assert_eq!(found.topic, kind, "{topic}");
            let read: Vec<&str> = (0..NAMES).filter_map(|at| found.name(topic, at)).collect();
            assert_eq!(read, names, "{topic}");
        }
        assert_eq!(Reserved::read("a"), Ok(None));
    }

    #[test]
    fn a_client_may_do_with_reserved_topics_what_the_guide_lists() {
        for topic in [
            "$SYS/a",
            "$aws",
            "$aws/certificates/create/json/accepted",
            "$aws/events/presence/connected/c",
            "$aws/provisioning-templates/fleet",
            "$aws/rules",
            "$aws/rules/",
            "$aws/rules//a",
            "$aws/things/a/shadow/name/b",
            "$aws/things/a/shadow/name/b/update/delta",
            "$aws/things/a/shadow/update/delta",
            "$aws/commands/things/a/executions/e/request/json",
            "$aws/commands/things/a/executions/e/response/accepted",
            "$aws/commands/things/a/executions/e/response/rejected/json",
        ] {
            assert_eq!(Reserved::read(topic), Err(NotForClients), "{topic}");
        }
        for filter in [
            "#",
            "$aws/events/#",
            "$aws/events/presence/connected/+",
            "$aws/things/t/shadow/#",
            "$aws/things/+/shadow/update/accepted",
            "$aws/things/t/jobs/$next/get/accepted",
            "$aws/things/t/jobs/notify-next",
            "$aws/things/t/jobs/notify-next-namespace-ns",
            "$aws/things/t/jobs/$next/namespace-ns/get/accepted",
            "$aws/commands/things/t/executions/+/request",
            "$aws/commands/clients/c/executions/+/request/json",
            "$aws/commands/things/t/executions/+/response/accepted/json",
            "$aws/commands/things/t/executions/+/response/rejected",
        ] {
            assert!(may_subscribe(filter), "{filter}");
        }
        for filter in
            ["$SYS/#", "$aws/rules/r", "$aws/rules/r/a", "$aws/rules/#", "$aws/things/t/shadow/update", "$share"]
        {
            assert!(!may_subscribe(filter), "{filter}");
        }
    }
}

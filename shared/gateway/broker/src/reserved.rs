//! Topics that start with `$`: which of them exist, and what a client may do with each.
//!
//! Follows "Reserved topics" of the developer guide. A pattern's level is literal, `*` for exactly one level, or, at the
//! end, `**` for one level or more.

use drydock_core::topic::names_rule;

const PUBLISH: u8 = 1;
const SUBSCRIBE: u8 = 2;

/// Every reserved topic that a client may use, and how.
const TABLE: &[(&str, u8)] = &[
    ("$aws/events/**", SUBSCRIBE),
    ("$aws/rules/*", PUBLISH),
    ("$aws/rules/*/**", PUBLISH),
    ("$aws/certificates/create/*", PUBLISH),
    ("$aws/certificates/create/*/*", SUBSCRIBE),
    ("$aws/certificates/create-from-csr/*", PUBLISH),
    ("$aws/certificates/create-from-csr/*/*", SUBSCRIBE),
    ("$aws/provisioning-templates/*/provision/*", PUBLISH),
    ("$aws/provisioning-templates/*/provision/*/*", SUBSCRIBE),
    ("$aws/things/*/shadow/get", PUBLISH),
    ("$aws/things/*/shadow/update", PUBLISH),
    ("$aws/things/*/shadow/delete", PUBLISH),
    ("$aws/things/*/shadow/*/*", SUBSCRIBE),
    ("$aws/things/*/shadow/name/*/get", PUBLISH),
    ("$aws/things/*/shadow/name/*/update", PUBLISH),
    ("$aws/things/*/shadow/name/*/delete", PUBLISH),
    ("$aws/things/*/shadow/name/*/*/*", SUBSCRIBE),
    ("$aws/things/*/jobs/get", PUBLISH),
    ("$aws/things/*/jobs/start-next", PUBLISH),
    ("$aws/things/*/jobs/*/get", PUBLISH),
    ("$aws/things/*/jobs/*/update", PUBLISH),
    ("$aws/things/*/jobs/notify", SUBSCRIBE),
    ("$aws/things/*/jobs/notify-next", SUBSCRIBE),
    ("$aws/things/*/jobs/*/accepted", SUBSCRIBE),
    ("$aws/things/*/jobs/*/rejected", SUBSCRIBE),
    ("$aws/things/*/jobs/*/*/*", SUBSCRIBE),
    ("$aws/things/*/defender/metrics/*", PUBLISH),
    ("$aws/things/*/defender/metrics/*/*", SUBSCRIBE),
    ("$aws/things/*/streams/*/describe/*", PUBLISH),
    ("$aws/things/*/streams/*/get/*", PUBLISH),
    ("$aws/things/*/streams/*/description/*", SUBSCRIBE),
    ("$aws/things/*/streams/*/data/*", SUBSCRIBE),
    ("$aws/things/*/streams/*/rejected/*", SUBSCRIBE),
    ("$aws/things/*/tunnels/notify", SUBSCRIBE),
    ("$aws/sitewise/asset-models/*/assets/*/properties/*", SUBSCRIBE),
    ("$aws/commands/*/*/executions/*/request", SUBSCRIBE),
    ("$aws/commands/*/*/executions/*/request/*", SUBSCRIBE),
    ("$aws/commands/*/*/executions/*/response/*", PUBLISH | SUBSCRIBE),
    ("$aws/commands/*/*/executions/*/response/accepted/*", SUBSCRIBE),
    ("$aws/commands/*/*/executions/*/response/rejected/*", SUBSCRIBE),
    ("$aws/device_location/*/get_position_estimate", PUBLISH),
    ("$aws/device_location/*/get_position_estimate/*", SUBSCRIBE),
];

/// Whether a topic is one of the reserved kind at all.
#[must_use]
pub fn is_reserved(topic: &str) -> bool {
    topic.starts_with('$')
}

/// Whether a client may publish to a topic, as far as its being reserved goes.
#[must_use]
pub fn may_publish(topic: &str) -> bool {
    if !is_reserved(topic) {
        return true;
    }
    if topic.starts_with("$aws/rules/") && !names_rule(topic) {
        return false;
    }
    TABLE.iter().any(|(pattern, uses)| uses & PUBLISH != 0 && overlaps(pattern, topic))
}

/// Whether a client may subscribe to a filter (without `$share/<name>/`), as far as its being reserved goes: whether some
/// topic that it matches can be subscribed to.
#[must_use]
pub fn may_subscribe(filter: &str) -> bool {
    !is_reserved(filter) || TABLE.iter().any(|(pattern, uses)| uses & SUBSCRIBE != 0 && overlaps(pattern, filter))
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
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_do_with_reserved_topics_what_the_guide_lists() {
        for topic in
            ["a", "$aws/rules/r/a/b", "$aws/rules/r", "$aws/things/t/shadow/update", "$aws/things/t/shadow/name/n/get"]
        {
            assert!(may_publish(topic), "{topic}");
        }
        for topic in [
            "$SYS/a",
            "$aws/events/presence/connected/c",
            "$aws/things/t/shadow/update/delta",
            "$aws/rules/",
            "$aws/rules",
            "$aws",
        ] {
            assert!(!may_publish(topic), "{topic}");
        }
        for filter in [
            "#",
            "$aws/events/#",
            "$aws/events/presence/connected/+",
            "$aws/things/t/shadow/#",
            "$aws/things/+/shadow/update/accepted",
            "$aws/things/t/jobs/$next/get/accepted",
            "$aws/things/t/jobs/notify-next",
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

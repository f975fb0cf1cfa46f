//! Which messages a dimension of the type `TOPIC_FILTER` counts.

use crate::behavior::Operator;

/// Whether a filter matches a topic, as MQTT has it: `+` is one level, `#` at the end all that follow; wildcards at the start do not
/// match topics that begin with `$`.
#[must_use]
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut filters = filter.split('/');
    let mut levels = topic.split('/');
    loop {
        match (filters.next(), levels.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(filter), Some(level)) if filter == level => {}
            _ => return false,
        }
    }
}

/// A filter with a device's name in the place of the policy variables that a dimension may have. The name is one level: it cannot
/// bring wildcards along.
#[must_use]
pub fn filled(filter: &str, device: &str) -> String {
    let name = if device.contains(['+', '#']) { "" } else { device };
    filter.replace("${iot:ClientId}", name).replace("${iot:Connection.Thing.ThingName}", name)
}

/// Whether a message on a topic counts.
#[must_use]
pub fn counts<S: AsRef<str>>(filters: &[S], operator: Option<Operator>, topic: &str) -> bool {
    let any = filters.iter().any(|filter| matches(filter.as_ref(), topic));
    any == (operator != Some(Operator::NotIn))
}

/// Whether a text is a topic filter: `+` and `#` stand for whole levels, and `#` is the last.
#[must_use]
pub fn is_filter(text: &str) -> bool {
    let levels: Vec<&str> = text.split('/').collect();
    let last = levels.len() - 1;
    let fits = |(at, level): (usize, &&str)| match *level {
        "+" => true,
        "#" => at == last,
        level => !level.contains(['+', '#', '\0']),
    };
    !text.is_empty() && levels.iter().enumerate().all(fits)
}

//! Messages that go nowhere are told of, once a topic, with what may have been meant: the rule that is nearest to the topic, or
//! that would take it if it were enabled.
//!
//! The path of the messages only asks whether the topic is new; the rules are looked through in a task, one topic at a time.

use drydock_broker::Inbound;
use drydock_core::ReservedTopic;
use drydock_core::topic::matches;
use drydock_host::books::Books;
use drydock_host::notice::{Notice, Notices, Tone, Topic as About, help};
use drydock_host::once::Once;
use drydock_rules::CompiledRule;
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How many topics may wait to be told of.
const WAITING: usize = 64;

/// A message that went nowhere.
struct Lost {
    topic: SmolStr,
    /// Who published it: the client id, or what is known of a caller of the HTTP API.
    of: String,
    asks: Option<ReservedTopic>,
}

/// Tells of messages that go nowhere.
pub(super) struct Unheard {
    books: Arc<Books>,
    notices: Notices,
    once: Once,
    lost: Sender<Lost>,
    arriving: Mutex<Option<Receiver<Lost>>>,
}

impl Unheard {
    pub(super) fn new(books: Arc<Books>, notices: Notices) -> Self {
        let (lost, arriving) = channel(WAITING);
        Self { books, notices, once: Once::default(), lost, arriving: Mutex::new(Some(arriving)) }
    }

    /// Notes a message that went nowhere. Topics that differ by their client's id alone are one: a fleet is told of once.
    pub(super) fn note(&self, inbound: &Inbound<'_>) {
        if !self.notices.wanted() {
            return;
        }
        let topic = &inbound.message.topic;
        let id = inbound.client.map(|client| client.client_id.as_str());
        let shape: Vec<&str> =
            topic.split('/').map(|level| if Some(level) == id { "${iot:ClientId}" } else { level }).collect();
        if !self.once.is_first(shape, self.books.now()) {
            return;
        }
        let of = id.or(inbound.caller.map(|caller| caller.principal.as_str()));
        let asks = inbound.reserved.map(|reserved| reserved.topic);
        // Where too many wait, some are not told of.
        let _ = self.lost.try_send(Lost { topic: topic.clone(), of: of.unwrap_or("message").to_owned(), asks });
    }

    /// Tells of what was noted as long as the gateway runs.
    pub(super) async fn run(self: Arc<Self>) {
        let Some(mut arriving) = self.arriving.lock().take() else { return };
        while let Some(lost) = arriving.recv().await {
            self.notices.tell(|| self.notice(lost));
        }
    }

    fn notice(&self, Lost { topic, of, asks }: Lost) -> Notice {
        let (text, next) = match asks {
            Some(asks) => (
                format!("published to `{topic}` in vain: nothing here answers {asks:?}"),
                "AWS IoT does: KNOWN-GAPS.md lists what this gateway does not have".to_owned(),
            ),
            None => (format!("published to `{topic}` in vain: no rule and no subscriber matches"), self.meant(&topic)),
        };
        let (at, tone, reasons) = (self.books.now(), Tone::Aside, help(&next));
        Notice { at, tone, topic: About::Message, subject: of, text, reasons }
    }

    /// What may have been meant by a topic that no rule takes.
    fn meant(&self, topic: &str) -> String {
        let enabled = self.books.enabled_rules();
        let all: Vec<Arc<CompiledRule>> =
            self.books.rules.read(|rules| rules.names().filter_map(|name| rules.rule(name)).collect());
        let filters = all.iter().filter_map(|rule| Some((rule, rule.program.from.as_ref()?.as_str())));
        let disabled =
            filters.clone().find(|(rule, filter)| enabled.get(&rule.name).is_none() && matches(filter, topic));
        if let Some((rule, _)) = disabled {
            return format!("the rule `{}` would take it, but is disabled: enable it (EnableTopicRule)", rule.name);
        }
        let enabled = filters.filter(|(rule, _)| enabled.get(&rule.name).is_some());
        let nearest = enabled.min_by_key(|(_, filter)| distance(topic, filter));
        match nearest {
            Some((rule, filter)) => format!("the nearest rule is `{}`, on `{filter}`", rule.name),
            None => "no rule is enabled: make one, or subscribe to the topic first".to_owned(),
        }
    }
}

/// By how many characters a topic would have to be changed for a filter to take it.
fn distance(topic: &str, filter: &str) -> usize {
    let topic: Vec<&str> = topic.split('/').collect();
    let mut filter: Vec<&str> = filter.split('/').collect();
    let open = filter.last() == Some(&"#");
    if open {
        filter.pop();
    }
    let whole = |level: &str| level.chars().count() + 1;
    // The costs of taking the first levels of the filter for the first `n` of the topic, row by row.
    let mut row: Vec<usize> = topic
        .iter()
        .scan(0, |sum, level| {
            *sum += whole(level);
            Some(*sum)
        })
        .collect();
    row.insert(0, 0);
    for wanted in &filter {
        let mut next = vec![row.first().copied().unwrap_or_default() + whole(wanted)];
        for (at, level) in topic.iter().enumerate() {
            let other = if *wanted == "+" { 0 } else { strsim::osa_distance(level, wanted) };
            let cost = |row: &[usize], at: usize, more: usize| row.get(at).map_or(usize::MAX, |cost| cost + more);
            let replaced = cost(&row, at, other);
            let added = cost(&row, at + 1, whole(wanted));
            let left_out = cost(&next, at, whole(level));
            next.push(replaced.min(added).min(left_out));
        }
        row = next;
    }
    if open {
        // What follows is taken, whatever it is, but has to be there.
        let before = row.len().saturating_sub(1).max(1);
        row.iter().take(before).copied().min().unwrap_or_default()
    } else {
        row.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_what_has_to_be_changed() {
        for (topic, filter, expected) in [
            ("dt/dock-1/telemetry", "dt/+/telemetry", 0),
            ("dt/dock-1/telemtry", "dt/+/telemetry", 1),
            ("/dt/dock-1/telemetry", "dt/+/telemetry", 1),
            ("dt/telemetry", "dt/+/telemetry", 2),
            ("DT/dock-1/telemetry", "dt/+/telemetry", 2),
            ("dt/a/b/c", "dt/#", 0),
            ("td/a/b/c", "dt/#", 1),
            ("dt", "dt/#", 3),
            ("a", "#", 0),
        ] {
            assert_eq!(distance(topic, filter), expected, "{topic} {filter}");
        }
    }
}

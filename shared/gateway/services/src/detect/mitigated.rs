//! Which violations Device Defender's mitigation acts upon.

use drydock_audit::mitigation::{Violation, Violations, Wanted};
use drydock_core::Timestamp;
use drydock_host::books::Books;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Before and after everything that is kept.
const ALWAYS: (Timestamp, Timestamp) = (Timestamp(0), Timestamp(9_999_999_999_999_999));

/// The violations that the book knows, for who mitigates them.
pub struct Mitigated(pub Arc<Books>);

impl Violations for Mitigated {
    fn find(&self, wanted: &Wanted) -> Vec<Violation> {
        let is_named = !wanted.ids.is_empty();
        let fits = |id: &str, profile: &str, behavior: &str, is_suppressed: bool| {
            let is_of = |asked: &Option<String>, name: &str| asked.as_ref().is_none_or(|asked| asked == name);
            // Who names a violation means it, whether somebody is told of it or not.
            let is_meant = if is_named {
                wanted.ids.iter().any(|wanted| wanted == id)
            } else {
                wanted.with_suppressed || !is_suppressed
            };
            is_meant && is_of(&wanted.profile, profile) && is_of(&wanted.behavior, behavior)
        };
        let (from, to) = wanted.between.unwrap_or(ALWAYS);
        let found: BTreeMap<String, String> = self.0.detect.read(|book| {
            let goes_on = book.active_violations().filter(|of| of.start <= to && of.last >= from);
            let goes_on = goes_on.filter(|of| fits(of.id, of.profile, &of.behavior.name, of.is_suppressed()));
            let mut found: BTreeMap<_, _> = goes_on.map(|of| (of.id.to_owned(), of.thing.to_owned())).collect();
            if !wanted.only_active {
                let was = book.violation_events(from, to);
                let suppressed =
                    |of: &drydock_detect::violation::Happened<'_>| of.behavior.suppress_alerts == Some(true);
                let was = was.filter(|of| fits(of.id, of.profile, &of.behavior.name, suppressed(of)));
                found.extend(was.map(|of| (of.id.to_owned(), of.thing.to_owned())));
            }
            found
        });
        found.into_iter().map(|(id, thing)| Violation { id: id.into(), thing: thing.into() }).collect()
    }
}

//! An answer that an HTTPS connection keeps ("enableCachingForHttp"): while the connection is kept alive, the function is not
//! asked again before `refreshAfterInSeconds`.

use super::Granted;
use drydock_core::Timestamp;
use drydock_identity::authorizer::Presented;
use std::sync::{Arc, Mutex, PoisonError};

/// What a connection keeps.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Option<Answer>>);

#[derive(Debug, Clone)]
struct Answer {
    authorizer: String,
    presented: Presented,
    until: Timestamp,
    granted: Arc<Granted>,
}

impl Kept {
    /// The answer for a request that shows the same to the same authorizer, as long as it counts. A request that shows anything
    /// else is another device, whose answer this is not.
    #[must_use]
    pub fn find(&self, authorizer: &str, presented: &Presented, now: Timestamp) -> Option<Arc<Granted>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = kept.as_ref()?;
        let same = answer.authorizer == authorizer && answer.presented == *presented;
        (same && now < answer.until).then(|| Arc::clone(&answer.granted))
    }

    /// Keeps an answer in the place of the one before.
    pub fn keep(&self, authorizer: &str, presented: Presented, granted: &Arc<Granted>, now: Timestamp) {
        let authorized = &granted.authorized;
        let seconds = authorized.refresh_after_seconds.min(authorized.disconnect_after_seconds);
        let until = now.plus_millis(i64::from(seconds) * 1000);
        let answer = Answer { authorizer: authorizer.to_owned(), presented, until, granted: Arc::clone(granted) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_identity::authorizer::Authorized;
    use drydock_policy::PolicySet;

    #[test]
    fn an_answer_counts_for_what_was_shown_until_it_is_to_be_refreshed() {
        let shown = |token: &str| Presented::in_http([("authorization", token)], "");
        let granted = |refresh: u32, disconnect: u32| {
            Arc::new(Granted {
                authorized: Authorized {
                    principal_id: "dock7".into(),
                    policy_documents: Vec::new(),
                    disconnect_after_seconds: disconnect,
                    refresh_after_seconds: refresh,
                },
                policies: PolicySet::default(),
            })
        };
        let start = Timestamp(1_000_000);
        let after = |seconds: i64| start.plus_millis(seconds * 1000);
        let kept = Kept::default();
        assert!(kept.find("fleet", &shown("a"), start).is_none());
        kept.keep("fleet", shown("a"), &granted(600, 86_400), start);
        assert!(kept.find("fleet", &shown("a"), after(599)).is_some());
        assert!(kept.find("fleet", &shown("a"), after(600)).is_none());
        assert!(kept.find("fleet", &shown("b"), start).is_none(), "another token");
        assert!(kept.find("other", &shown("a"), start).is_none(), "another authorizer");
        kept.keep("fleet", shown("a"), &granted(86_400, 300), start);
        assert!(kept.find("fleet", &shown("a"), after(300)).is_none(), "no longer than the token may count");
    }
}

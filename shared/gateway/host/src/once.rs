//! A bounded memory of what was told, so that it is told once.

use drydock_core::Timestamp;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

/// What may be remembered at a time.
const MOST: usize = 2048;
/// How much may be new within a second: whoever makes up topics does not get to fill a terminal.
const MOST_A_SECOND: u32 = 20;

/// Remembers what was told. What was told long ago, with much told since, may be told again.
#[derive(Debug, Default)]
pub struct Once {
    hasher: RandomState,
    state: Mutex<State>,
}

/// Two halves: when the young one is full it becomes the old one, and what was old is forgotten.
#[derive(Debug, Default)]
struct State {
    young: HashSet<u64>,
    old: HashSet<u64>,
    second: i64,
    within: u32,
}

impl Once {
    /// Whether something is to be told: it was not told yet, and not too much else within this second. What is not told for
    /// that reason counts as not told.
    pub fn is_first(&self, what: impl Hash, now: Timestamp) -> bool {
        let what = self.hasher.hash_one(what);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.young.contains(&what) || state.old.contains(&what) {
            return false;
        }
        let second = now.seconds();
        if state.second != second {
            (state.second, state.within) = (second, 0);
        }
        if state.within >= MOST_A_SECOND {
            return false;
        }
        state.within += 1;
        if state.young.len() >= MOST / 2 {
            state.old = std::mem::take(&mut state.young);
        }
        state.young.insert(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_not_told_again_and_little_at_a_time() {
        let (once, at) = (Once::default(), Timestamp);
        assert!(once.is_first("a", at(0)));
        assert!(!once.is_first("a", at(5_000)));
        let told = (0..100).filter(|topic| once.is_first(topic, at(9_000))).count();
        assert_eq!(told, MOST_A_SECOND as usize);
        assert!(once.is_first(99, at(10_000)), "what was too much is told later");
    }

    #[test]
    fn the_memory_is_bounded() {
        let once = Once::default();
        for topic in 0..10_000 {
            once.is_first(topic, Timestamp(topic * 1000));
        }
        let state = once.state.lock().unwrap();
        assert!(state.young.len() + state.old.len() <= MOST, "{}", state.young.len() + state.old.len());
    }
}

//! A bounded memory of what is costly to find out again.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Remembers what was asked for lately, up to a number of entries. It is for what stays true: nothing is ever taken back.
///
/// There are two halves. What is asked for moves to the young one; when that is full it becomes the old one, and what was old
/// and not asked for since is forgotten.
#[derive(Debug)]
pub struct Recent<K, V> {
    half: usize,
    state: Mutex<Halves<K, V>>,
}

#[derive(Debug)]
struct Halves<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    /// An empty memory of at most `most` entries.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let state = Mutex::new(Halves { young: HashMap::new(), old: HashMap::new() });
        Self { half: (most / 2).max(1), state }
    }

    /// What is remembered under a key, or else what `find` finds, which is remembered from then on. Two that ask at the same
    /// moment may both have to find it.
    pub fn get_or<Q>(&self, key: &Q, find: impl FnOnce() -> (K, V)) -> V
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = state.young.get(key) {
                return known.clone();
            }
            if let Some((key, known)) = state.old.remove_entry(key) {
                let value = known.clone();
                self.put(&mut state, key, known);
                return value;
            }
        }
        let (key, found) = find();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.put(&mut state, key, found.clone());
        found
    }

    fn put(&self, state: &mut Halves<K, V>, key: K, value: V) {
        if state.young.len() >= self.half {
            state.old = std::mem::take(&mut state.young);
        }
        state.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_found_once_and_what_is_not_goes() {
        let recent: Recent<u32, u32> = Recent::new(4);
        let mut found = Vec::new();
        let mut ask = |key: u32| {
            let value = recent.get_or(&key, || {
                found.push(key);
                (key, key * 10)
            });
            assert_eq!(value, key * 10);
        };
        // 1 is asked for all the time and stays; of the others there is never room for more than three.
        [1, 1, 2, 1, 3, 1, 4, 1, 5, 1, 2].into_iter().for_each(&mut ask);
        assert_eq!(found, [1, 2, 3, 4, 5, 2]);
        let state = recent.state.lock().unwrap();
        assert!(state.young.len() + state.old.len() <= 4, "{state:?}");
    }
}

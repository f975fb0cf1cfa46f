//! What one process remembers for a while, bounded without ever forgetting all at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The answers to questions that are asked again and again. Of two generations the older is dropped when the younger is full:
/// what was asked for lately stays, and at most twice as many entries are kept as one generation holds.
#[derive(Debug)]
pub(crate) struct Remembered<T> {
    capacity: usize,
    generations: Mutex<[HashMap<String, (Instant, T)>; 2]>,
}

impl<T: Clone> Remembered<T> {
    /// Nothing yet; a generation holds so many.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, generations: Mutex::default() }
    }

    /// The answer, if it is remembered and still counts.
    pub(crate) fn get(&self, key: &str) -> Option<T> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *generations;
        if let Some((until, answer)) = young.get(key) {
            return (*until > Instant::now()).then(|| answer.clone());
        }
        let (until, answer) = old.remove(key)?;
        if until <= Instant::now() {
            return None;
        }
        let kept = answer.clone();
        self.keep(&mut generations, key.to_owned(), until, answer);
        Some(kept)
    }

    /// Remembers the answer for so long.
    pub(crate) fn put(&self, key: &str, answer: T, for_how_long: Duration) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        self.keep(&mut generations, key.to_owned(), Instant::now() + for_how_long, answer);
    }

    /// Forgets the answer.
    pub(crate) fn forget(&self, key: &str) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.iter_mut().for_each(|generation| drop(generation.remove(key)));
    }

    fn keep(&self, [young, old]: &mut [HashMap<String, (Instant, T)>; 2], key: String, until: Instant, answer: T) {
        if young.len() >= self.capacity && !young.contains_key(&key) {
            *old = std::mem::take(young);
        }
        young.insert(key, (until, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let remembered = Remembered::new(10);
        let hour = Duration::from_secs(3600);
        remembered.put("asked", 1, hour);
        for number in 0..100 {
            assert_eq!(remembered.get("asked"), Some(1), "after {number} others");
            remembered.put(&number.to_string(), number, hour);
        }
        assert_eq!((remembered.get("99"), remembered.get("5")), (Some(99), None));
        remembered.put("asked", 2, Duration::ZERO);
        assert_eq!(remembered.get("asked"), None, "its time is over");
    }
}

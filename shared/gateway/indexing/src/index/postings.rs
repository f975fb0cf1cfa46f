//! The documents that have a value. Most values are in one document or few: those are kept without an allocation.

use super::{Hits, Slot};
use smallvec::SmallVec;

/// How many are kept as a list.
const FEW: usize = 16;

#[derive(Debug)]
pub(super) enum Postings {
    /// Sorted.
    Few(SmallVec<[Slot; 2]>),
    Many(Box<Hits>),
}

impl Default for Postings {
    fn default() -> Self {
        Self::Few(SmallVec::new())
    }
}

impl Postings {
    pub(super) fn insert(&mut self, slot: Slot) {
        match self {
            Self::Few(few) => {
                let Err(place) = few.binary_search(&slot) else { return };
                few.insert(place, slot);
                if few.len() > FEW {
                    *self = Self::Many(Box::new(few.iter().copied().collect()));
                }
            }
            Self::Many(many) => {
                many.insert(slot);
            }
        }
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        match self {
            Self::Few(few) => {
                if let Ok(place) = few.binary_search(&slot) {
                    few.remove(place);
                }
            }
            Self::Many(many) => {
                many.remove(slot);
                // Half of what makes many: a document that comes and goes does not move it to and fro.
                if many.len() <= FEW as u64 / 2 {
                    *self = Self::Few(many.iter().collect());
                }
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Few(few) => few.len() as u64,
            Self::Many(many) => many.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn count_in(&self, among: &Hits) -> u64 {
        match self {
            Self::Few(few) => few.iter().filter(|slot| among.contains(**slot)).count() as u64,
            Self::Many(many) => many.intersection_len(among),
        }
    }

    /// Adds them to what is found: lists to a list, which is sorted once, sets to a set.
    pub(super) fn add_to(&self, few: &mut Vec<Slot>, many: &mut Hits) {
        match self {
            Self::Few(slots) => few.extend_from_slice(slots),
            Self::Many(slots) => *many |= slots.as_ref(),
        }
    }
}

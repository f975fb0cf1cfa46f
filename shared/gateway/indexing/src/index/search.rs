//! Which documents a query asks for.
//!
//! Of terms that all have to hold the most selective one is looked up; others are looked up as long as that is less than to look
//! at the documents that are left.

use super::{Entry, FieldEntry, Hits, Index, Kept, place};
use crate::query::plan::{Fields, Leaf, Plan, Predicate};
use crate::value::{Text, Value};
use smol_str::SmolStr;
use std::ops::Bound;

/// How many entries of a range are counted before it is taken for a large one.
const COUNTED: usize = 256;
/// What it costs to look at a document, as a multiple of what it costs to take one from an entry.
const LOOK: u64 = 16;

impl Index {
    /// The documents that a query asks for.
    #[must_use]
    pub fn search(&self, plan: &Plan) -> Hits {
        match plan {
            Plan::Leaf(leaf) => self.leaf(leaf),
            Plan::Or(parts) => parts.iter().fold(Hits::new(), |hits, part| hits | self.search(part)),
            Plan::Not(part) => &self.all - self.search(part),
            Plan::And(parts) => self.all_of(parts),
        }
    }

    fn all_of(&self, parts: &[Plan]) -> Hits {
        let mut parts: Vec<(u64, &Plan)> = parts.iter().map(|part| (self.cost(part), part)).collect();
        parts.sort_by_key(|(cost, _)| *cost);
        let mut hits: Option<Hits> = None;
        for (cost, part) in parts {
            hits = Some(match hits {
                None => self.search(part),
                Some(hits) if hits.is_empty() => return hits,
                Some(hits) if hits.len().saturating_mul(LOOK) < cost => {
                    hits.iter().filter(|slot| self.fits(*slot, part)).collect()
                }
                Some(hits) => match part {
                    Plan::Not(part) => hits - self.search(part),
                    part => hits & self.search(part),
                },
            });
        }
        hits.unwrap_or_else(|| self.all.clone())
    }

    /// About how many steps it takes to look something up.
    fn cost(&self, plan: &Plan) -> u64 {
        match plan {
            Plan::Leaf(leaf) => self.leaf_cost(leaf),
            Plan::And(parts) => parts.iter().map(|part| self.cost(part)).min().unwrap_or_default(),
            Plan::Or(parts) => parts.iter().map(|part| self.cost(part)).fold(0, u64::saturating_add),
            // Never first where anything else is there to begin with.
            Plan::Not(part) => self.all.len().saturating_add(self.cost(part)),
        }
    }

    fn leaf_cost(&self, leaf: &Leaf) -> u64 {
        if leaf.is_everything() {
            return self.all.len();
        }
        self.fields_of(&leaf.field).map(|field| self.field_cost(field, &leaf.test)).fold(0, u64::saturating_add)
    }

    fn field_cost(&self, field: &FieldEntry, test: &Predicate) -> u64 {
        let mut cost: u64 = 0;
        for (place, (id, is_it)) in field.candidates(test).enumerate() {
            if place == COUNTED {
                return cost.max(field.weight / 2);
            }
            cost += if is_it { self.entry(id).map_or(0, |entry| entry.documents.len()) } else { 1 };
        }
        cost
    }

    fn leaf(&self, leaf: &Leaf) -> Hits {
        if leaf.is_everything() {
            return self.all.clone();
        }
        let (mut few, mut many) = (Vec::new(), Hits::new());
        for field in self.fields_of(&leaf.field) {
            for (id, is_it) in field.candidates(&leaf.test) {
                let Some(entry) = self.entry(id) else { continue };
                if is_it || leaf.test.is(&entry.value) {
                    entry.documents.add_to(&mut few, &mut many);
                }
            }
        }
        if few.is_empty() {
            return many;
        }
        few.sort_unstable();
        few.dedup();
        let few: Hits = few.into_iter().collect();
        if many.is_empty() { few } else { many | few }
    }

    fn fields_of<'a>(&'a self, fields: &'a Fields) -> impl Iterator<Item = &'a FieldEntry> {
        let one = match fields {
            Fields::One(name) => self.names.get(name).and_then(|id| self.field(*id)),
            _ => None,
        };
        let is_one = matches!(fields, Fields::One(_));
        let several = self.names.iter().filter(move |(name, _)| !is_one && fields.has(name));
        one.into_iter().chain(several.filter_map(|(_, id)| self.field(*id)))
    }

    /// Whether a document is one that a query asks for.
    #[must_use]
    pub fn fits(&self, slot: super::Slot, plan: &Plan) -> bool {
        match plan {
            Plan::Leaf(leaf) => self.kept(slot).is_some_and(|kept| self.leaf_fits(kept, leaf)),
            Plan::And(parts) => parts.iter().all(|part| self.fits(slot, part)),
            Plan::Or(parts) => parts.iter().any(|part| self.fits(slot, part)),
            Plan::Not(part) => self.kept(slot).is_some() && !self.fits(slot, part),
        }
    }

    fn leaf_fits(&self, kept: &Kept, leaf: &Leaf) -> bool {
        let has = |entry: &Entry| match &leaf.field {
            // Its number says it without a look at its name.
            Fields::One(name) => self.names.get(name) == Some(&entry.field),
            fields => self.field(entry.field).is_some_and(|field| fields.has(&field.name)),
        };
        let entries = kept.entries.iter().filter_map(|id| self.entries.get(place(*id))?.as_ref());
        leaf.is_everything() || entries.into_iter().any(|entry| leaf.test.is(&entry.value) && has(entry))
    }
}

impl FieldEntry {
    /// The entries that may be meant, and whether each surely is.
    fn candidates<'a>(&'a self, test: &'a Predicate) -> Box<dyn Iterator<Item = (u32, bool)> + 'a> {
        let text = |text: &SmolStr| Value::Text(Text::least(text.clone()));
        match test {
            Predicate::Any => Box::new(self.values.values().map(|id| (*id, true))),
            Predicate::Ordered => Box::new(self.values.values().map(|id| (*id, false))),
            Predicate::Exactly { folded, number, bool } => {
                let number = number.and_then(|number| self.values.get(&Value::Number(number)));
                let bool = bool.and_then(|bool| self.values.get(&Value::Bool(bool)));
                let texts = self.values.range(text(folded)..);
                let texts =
                    texts.take_while(move |(value, _)| matches!(value, Value::Text(text) if text.folded() == folded));
                let simple = number.into_iter().chain(bool).map(|id| (*id, true));
                Box::new(simple.chain(texts.map(|(_, id)| (*id, true))))
            }
            Predicate::Pattern(glob) => {
                let prefix = glob.prefix();
                let texts = self.values.range(text(&prefix.into())..);
                let texts = texts.take_while(
                    move |(value, _)| matches!(value, Value::Text(text) if text.folded().starts_with(prefix)),
                );
                let is_it = glob.is_prefix();
                Box::new(texts.map(move |(_, id)| (*id, is_it)))
            }
            Predicate::Numbers { low, high } => {
                let low = low.map_or(Bound::Unbounded, |(low, _)| Bound::Included(Value::Number(low)));
                let high =
                    high.map_or(Bound::Excluded(Value::Bool(false)), |(high, _)| Bound::Included(Value::Number(high)));
                self.between(low, high)
            }
            Predicate::Texts { low, high } => {
                let least = low.as_ref().map_or_else(|| text(&SmolStr::default()), |(low, _)| text(low));
                let texts = self.values.range(least..);
                let texts = texts.take_while(move |(value, _)| match (value, high) {
                    (Value::Text(text), Some((high, _))) => text.folded() <= high.as_str(),
                    (Value::Text(_), None) => true,
                    _ => false,
                });
                Box::new(texts.map(|(_, id)| (*id, false)))
            }
            Predicate::Near { place, metres } => match place {
                None => Box::new(std::iter::empty()),
                Some(place) => {
                    let (low, high) = place.band(*metres);
                    self.between(Bound::Included(Value::Place(low)), Bound::Included(Value::Place(high)))
                }
            },
        }
    }

    fn between<'a>(&'a self, low: Bound<Value>, high: Bound<Value>) -> Box<dyn Iterator<Item = (u32, bool)> + 'a> {
        let is_empty = match (&low, &high) {
            (Bound::Included(low), Bound::Included(high) | Bound::Excluded(high)) => low > high,
            _ => false,
        };
        if is_empty {
            return Box::new(std::iter::empty());
        }
        Box::new(self.values.range((low, high)).map(|(_, id)| (*id, false)))
    }
}

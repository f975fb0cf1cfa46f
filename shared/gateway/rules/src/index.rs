//! Rules found by topic: a tree of topic levels, so that what a message costs does not grow with the rules it does not match.
//!
//! A [`RuleSet`] never changes. A change makes another one, which shares all parts of the tree that stayed the same; who runs
//! rules keeps the one it has until it takes the next.

use crate::rule::CompiledRule;
use drydock_core::{RuleName, topic};
use smallvec::SmallVec;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// The enabled rules of an account.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    root: Node,
    by_name: HashMap<RuleName, Arc<CompiledRule>>,
}

/// The rules that a message reaches.
pub type Matching<'a> = SmallVec<[&'a Arc<CompiledRule>; 8]>;

/// A message of Basic Ingest whose rule does not exist or is disabled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule `{0}` does not exist or is disabled")]
pub struct RuleNotFound(pub String);

#[derive(Debug, Clone, Default)]
struct Node {
    literal: HashMap<SmolStr, Arc<Node>>,
    plus: Option<Arc<Node>>,
    /// Rules whose filter ends here.
    here: Vec<Arc<CompiledRule>>,
    /// Rules whose filter ends here with `#`.
    below: Vec<Arc<CompiledRule>>,
}

impl RuleSet {
    /// The rules that a message on a topic reaches: those whose filter matches, or with Basic Ingest the one it names.
    ///
    /// # Errors
    /// [`RuleNotFound`] where a topic of Basic Ingest names no enabled rule.
    pub fn matching(&self, topic: &str) -> Result<Matching<'_>, RuleNotFound> {
        let mut found = Matching::new();
        if let Some((name, _)) = topic::basic_ingest(topic) {
            let rule = RuleName::new(name).ok().and_then(|name| self.by_name.get(&name));
            found.push(rule.ok_or_else(|| RuleNotFound(name.to_owned()))?);
            return Ok(found);
        }
        // A wildcard in the first level does not match the service's own topics.
        self.root.find(topic.split('/'), !topic.starts_with('$'), &mut found);
        Ok(found)
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// An enabled rule by its name.
    #[must_use]
    pub fn get(&self, name: &RuleName) -> Option<&Arc<CompiledRule>> {
        self.by_name.get(name)
    }

    pub(crate) fn insert(&mut self, rule: Arc<CompiledRule>) {
        self.remove(&rule.name);
        if let Some(filter) = &rule.program.from {
            self.root.change(filter.as_str().split('/'), &mut |rules| rules.push(Arc::clone(&rule)));
        }
        self.by_name.insert(rule.name.clone(), rule);
    }

    pub(crate) fn remove(&mut self, name: &RuleName) {
        if let Some(rule) = self.by_name.remove(name)
            && let Some(filter) = &rule.program.from
        {
            self.root.change(filter.as_str().split('/'), &mut |rules| rules.retain(|other| other.name != *name));
        }
    }
}

impl Node {
    fn find<'a>(&'a self, mut levels: std::str::Split<'_, char>, wildcards: bool, found: &mut Matching<'a>) {
        let Some(level) = levels.next() else {
            found.extend(&self.here);
            return;
        };
        if wildcards {
            found.extend(&self.below);
            if let Some(next) = &self.plus {
                next.find(levels.clone(), true, found);
            }
        }
        if let Some(next) = self.literal.get(level) {
            next.find(levels, true, found);
        }
    }

    /// Changes the rules at a filter's place, and leaves no empty branch behind.
    fn change(&mut self, mut levels: std::str::Split<'_, char>, change: &mut dyn FnMut(&mut Vec<Arc<CompiledRule>>)) {
        match levels.next() {
            None => change(&mut self.here),
            Some("#") => change(&mut self.below),
            Some("+") => {
                let mut next = self.plus.take().unwrap_or_default();
                Arc::make_mut(&mut next).change(levels, change);
                self.plus = Some(next).filter(|next| !next.is_empty());
            }
            Some(level) => {
                let next = self.literal.entry(level.into()).or_default();
                Arc::make_mut(next).change(levels, change);
                if next.is_empty() {
                    self.literal.remove(level);
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.below.is_empty() && self.plus.is_none() && self.literal.is_empty()
    }
}

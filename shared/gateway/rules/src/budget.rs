//! What one evaluation may use. AWS does not say what it grants a statement; these are ours, far above what rules need and far
//! below what would hold up others.
//!
//! Steps and bytes are counted, so that the same message ends the same way anywhere; the time, which
//! [`Externals::is_over`](crate::externals::Externals::is_over) knows, ends what the counts do not see.

use crate::eval::Interrupt;
use crate::externals::Externals;
use std::cell::Cell;

/// Expressions evaluated, elements and characters looked at in bulk.
const STEPS: u64 = 500_000;
/// Bytes of values made.
const BYTES: u64 = 16 * 1024 * 1024;
/// The largest result of a statement, as JSON, in bytes.
pub(crate) const RESULT: usize = 8 * 1024 * 1024;
/// How many steps pass between two looks at the time.
const BETWEEN_LOOKS: u64 = 64;

/// What is left for an evaluation.
pub(crate) struct Budget<'a> {
    externals: &'a dyn Externals,
    steps: Cell<u64>,
    bytes: Cell<u64>,
    look_at: Cell<u64>,
    spent: Cell<Option<&'static str>>,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(externals: &'a dyn Externals) -> Self {
        let look_at = Cell::new(STEPS - BETWEEN_LOOKS);
        Self { externals, steps: Cell::new(STEPS), bytes: Cell::new(BYTES), look_at, spent: Cell::new(None) }
    }

    /// Takes steps; nothing where there are not as many, or the time is over.
    pub(crate) fn steps(&self, count: u64) -> Option<()> {
        match self.steps.get().checked_sub(count) {
            None => self.end("it takes more than 500,000 steps"),
            Some(left) => {
                self.steps.set(left);
                if left > self.look_at.get() {
                    return Some(());
                }
                self.look_at.set(left.saturating_sub(BETWEEN_LOOKS));
                self.look()
            }
        }
    }

    /// Looks at the time; nothing where it is over.
    pub(crate) fn look(&self) -> Option<()> {
        if self.externals.is_over() { self.end("it takes too long") } else { Some(()) }
    }

    /// Takes bytes of a value that is to be made; nothing where there are not as many.
    pub(crate) fn bytes(&self, count: usize) -> Option<()> {
        match self.bytes.get().checked_sub(count as u64) {
            None => self.end("it makes values of more than 16 MiB"),
            Some(left) => {
                self.bytes.set(left);
                Some(())
            }
        }
    }

    /// Notes that the result is too large.
    pub(crate) fn too_large(&self) -> Option<()> {
        self.end("its result has more than 8 MiB")
    }

    /// Whether the result could be larger than it may be: each step adds at most one value that there was, and values that
    /// were made were counted.
    pub(crate) fn may_be_large(&self, largest: usize) -> bool {
        let steps = STEPS - self.steps.get();
        steps.saturating_mul(largest as u64).saturating_add(BYTES - self.bytes.get()) > RESULT as u64
    }

    /// # Errors
    /// [`Interrupt::Exhausted`] where something was not granted.
    pub(crate) fn check(&self) -> Result<(), Interrupt> {
        match self.spent.get() {
            None => Ok(()),
            Some(why) => Err(Interrupt::Exhausted(format!("the evaluation was ended: {why}"))),
        }
    }

    fn end(&self, why: &'static str) -> Option<()> {
        self.spent.set(self.spent.get().or(Some(why)));
        None
    }
}

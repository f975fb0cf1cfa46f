//! The one order in which rulebooks are locked: that in which they were opened. Whoever holds one may lock a later one and never
//! an earlier one, so that no two threads wait for each other. Checked where debug assertions are on, which is so in every test.

#[cfg(debug_assertions)]
use std::cell::RefCell;

#[cfg(debug_assertions)]
thread_local! {
    /// The places of the rulebooks that this thread has locked.
    static LOCKED: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// A rulebook is locked by this thread as long as this lives. Declared behind the lock's guard, so that it is dropped after it.
#[derive(Debug)]
pub(crate) struct Entry {
    #[cfg(debug_assertions)]
    place: u32,
    /// It belongs to the thread that made it.
    _thread: std::marker::PhantomData<*const ()>,
}

impl Entry {
    /// Checks, before the rulebook at a place is locked, that all which this thread has locked come before it.
    pub(crate) fn new(place: u32) -> Self {
        #[cfg(debug_assertions)]
        LOCKED.with_borrow_mut(|locked| {
            let last = locked.iter().max().copied();
            assert!(
                last.is_none_or(|last| last < place),
                "lock order violated: the rulebook that was opened as number {place} is locked while number {last:?} is; \
                 name both in one `change`, in the order in which they were opened"
            );
            locked.push(place);
        });
        #[cfg(not(debug_assertions))]
        let _ = place;
        Self {
            #[cfg(debug_assertions)]
            place,
            _thread: std::marker::PhantomData,
        }
    }
}

#[cfg(debug_assertions)]
impl Drop for Entry {
    fn drop(&mut self) {
        LOCKED.with_borrow_mut(|locked| locked.retain(|place| *place != self.place));
    }
}

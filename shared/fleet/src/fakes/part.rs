//! The parts of a world: what calls look at and change, so that it can be kept and put back.

use super::{Faults, lock};
use std::any::Any;
use std::collections::hash_map::DefaultHasher;
use std::fmt::{self, Write as _};
use std::hash::Hasher as _;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a part held.
pub(crate) type Kept = Arc<dyn Any + Send + Sync>;

/// A part, whatever it holds.
pub(crate) trait Keep: Send + Sync {
    /// What it holds, and a digest of that.
    fn keep(&self) -> (u64, Kept);
    /// Makes it hold that again.
    fn restore(&self, kept: &Kept);
}

impl<T: Clone + fmt::Debug + Send + Sync + 'static> Keep for Mutex<T> {
    fn keep(&self) -> (u64, Kept) {
        let value = lock(self).clone();
        (digest(&value), Arc::new(value))
    }

    fn restore(&self, kept: &Kept) {
        if let Some(value) = kept.downcast_ref::<T>() {
            lock(self).clone_from(value);
        }
    }
}

/// A digest of what `Debug` shows.
pub(crate) fn digest(value: &impl fmt::Debug) -> u64 {
    struct Digest(DefaultHasher);
    impl fmt::Write for Digest {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut digest = Digest(DefaultHasher::new());
    // Writing into a hasher does not fail.
    let _ = write!(digest, "{value:?}");
    digest.0.finish()
}

/// Something that calls look at and change. All that a fake keeps beside what never changes is in one of these, as the checker of
/// interleavings puts a world back by its parts; it panics where a world has state that is in none.
pub struct Part<T> {
    value: Arc<Mutex<T>>,
    number: usize,
    faults: Faults,
}

impl<T: Clone + fmt::Debug + Send + Sync + 'static> Part<T> {
    /// A part of the world whose calls these faults meet.
    #[must_use]
    pub fn new(faults: &Faults, value: T) -> Self {
        let value = Arc::new(Mutex::new(value));
        let number = faults.join(Arc::<Mutex<T>>::clone(&value));
        Self { value, number, faults: faults.clone() }
    }
}

impl<T> Part<T> {
    /// Looks at it, or changes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.faults.touch(self.number);
        lock(&self.value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lock(&self.value).fmt(f)
    }
}

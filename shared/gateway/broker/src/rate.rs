//! A bucket of tokens that fills with time.

use drydock_core::Timestamp;

/// Allows so many things a second, and as many at once.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Tokens a second; 0 allows everything.
    rate: i64,
    /// In thousandths of a token; negative where more was taken than there was.
    level: i64,
    at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(rate: u64, now: Timestamp) -> Self {
        let rate = i64::try_from(rate).unwrap_or(0);
        Self { rate, level: rate.saturating_mul(1000), at: now }
    }

    /// A bucket with a single token, for a pace without a burst.
    pub(crate) fn paced(rate: u64, now: Timestamp) -> Self {
        Self { level: 1000, ..Self::new(rate, now) }
    }

    fn fill(&mut self, now: Timestamp) {
        let passed = now.since(self.at);
        if passed > 0 {
            self.level =
                self.level.saturating_add(passed.saturating_mul(self.rate)).min(self.rate.saturating_mul(1000));
            self.at = now;
        }
    }

    /// Takes a token where there is one.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        if self.rate == 0 {
            return true;
        }
        self.fill(now);
        if self.level < 1000 {
            return false;
        }
        self.level -= 1000;
        true
    }

    /// Whether there is a token.
    pub(crate) fn has(&mut self, now: Timestamp) -> bool {
        self.fill(now);
        self.rate == 0 || self.level >= 1000
    }

    /// Takes tokens that were used already, even where there are none.
    pub(crate) fn spend(&mut self, count: usize, now: Timestamp) {
        if self.rate != 0 {
            self.fill(now);
            self.level = self.level.saturating_sub(i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(1000));
        }
    }

    /// When the next token is there.
    pub(crate) fn next_at(&self, now: Timestamp) -> Timestamp {
        if self.rate == 0 || self.level >= 1000 {
            return now;
        }
        let missing = 1000 - self.level;
        self.at.plus_millis(missing.div_euclid(self.rate) + 1).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_and_no_more() {
        let mut bucket = Bucket::new(10, Timestamp(0));
        assert_eq!((0..20).filter(|_| bucket.take(Timestamp(0))).count(), 10);
        assert_eq!(bucket.next_at(Timestamp(0)), Timestamp(101));
        assert!(bucket.take(Timestamp(101)));
        assert!(!bucket.take(Timestamp(101)));
        assert_eq!((0..20).filter(|_| bucket.take(Timestamp(5_000))).count(), 10);
        bucket.spend(10, Timestamp(5_000));
        assert!(!bucket.take(Timestamp(5_900)));
        let mut paced = Bucket::paced(10, Timestamp(0));
        assert_eq!((0..20).filter(|_| paced.take(Timestamp(0))).count(), 1);
    }
}

//! Tells of certificates whose validity ends, so that what is connected with them is cut.

use async_trait::async_trait;
use drydock_core::{Event, Timestamp};
use drydock_host::books::{Books, VALIDITY_GRACE};
use drydock_timers::Due;
use std::sync::{Arc, Mutex, PoisonError};

/// Tells of the end of validities as it comes.
struct Ends {
    books: Arc<Books>,
    /// Up to when it has told.
    since: Mutex<Timestamp>,
}

/// Tells of every end of a validity, until the task is dropped.
pub async fn watch(books: Arc<Books>) {
    let since = Mutex::new(books.now().plus_millis(-VALIDITY_GRACE));
    books.certificates_end.clone().run(Arc::new(Ends { books, since })).await;
}

#[async_trait]
impl Due for Ends {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let until = now.plus_millis(-VALIDITY_GRACE);
        let since = std::mem::replace(&mut *self.since.lock().unwrap_or_else(PoisonError::into_inner), until);
        for (certificate_id, at) in self.books.identity.read(|identity| identity.expired(since, until)) {
            self.books.emit(Event::CertificateExpired { certificate_id, at });
        }
        self.books.identity.read(|identity| identity.next_expiry(until)).map(|ends| ends.plus_millis(VALIDITY_GRACE))
    }
}

//! Tells of certificates whose validity ends, so that what is connected with them is cut.

use super::service::CertificatesService;
use async_trait::async_trait;
use drydock_core::{Event, Timestamp};
use drydock_host::books::VALIDITY_GRACE;
use drydock_timers::Due;

#[async_trait]
impl Due for CertificatesService {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let books = &self.host.books;
        let until = now.plus_millis(-VALIDITY_GRACE);
        let since = std::mem::replace(&mut *self.told_until.lock(), until);
        for (certificate_id, at) in books.identity.read(|identity| identity.expired(since, until)) {
            books.emit(Event::CertificateExpired { certificate_id, at });
        }
        books.identity.read(|identity| identity.next_expiry(until)).map(|ends| ends.plus_millis(VALIDITY_GRACE))
    }
}

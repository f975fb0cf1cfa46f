//! Tells of certificates whose validity ends, so that what is connected with them is cut.

use drydock_core::Event;
use drydock_host::books::Books;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often the gateway's clock is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long after the end of its validity a certificate is told of, in milliseconds: a connect that found it valid has reached
/// the broker by then.
const GRACE: i64 = 1000;

/// Looks at the gateway's clock again and again, until the task is dropped.
pub async fn watch(books: Arc<Books>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since = books.now().plus_millis(-GRACE);
    loop {
        looks.tick().await;
        let until = books.now().plus_millis(-GRACE);
        for (certificate_id, at) in books.identity.read(|identity| identity.expired(since, until)) {
            books.emit(Event::CertificateExpired { certificate_id, at });
        }
        // Where the clock was set back, what expires until it is here again is told again.
        since = until;
    }
}

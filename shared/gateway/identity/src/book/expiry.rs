//! The end of a certificate's validity. What connected with it is to be cut then.

use super::Identity;
use drydock_core::{CertificateId, Timestamp};

/// A certificate is valid for the whole of the second that it names as its last.
const LAST_SECOND: i64 = 1000;

impl Identity {
    /// The certificates whose validity ended after `since` and not after `until`, with the first moment at which each was no
    /// longer valid; earliest first. Whatever their status is.
    #[must_use]
    pub fn expired(&self, since: Timestamp, until: Timestamp) -> Vec<(CertificateId, Timestamp)> {
        // No id compares below the one of zeros.
        let first = (since.plus_millis(1 - LAST_SECOND), CertificateId::from_digest(&[0; 32]));
        let last = until.plus_millis(-LAST_SECOND);
        self.by_expiry
            .range(first..)
            .take_while(|(not_after, _)| *not_after <= last)
            .map(|(not_after, id)| (id.clone(), not_after.plus_millis(LAST_SECOND)))
            .collect()
    }

    /// When the first of the validities ends that end after a time.
    #[must_use]
    pub fn next_expiry(&self, since: Timestamp) -> Option<Timestamp> {
        let first = (since.plus_millis(1 - LAST_SECOND), CertificateId::from_digest(&[0; 32]));
        self.by_expiry.range(first..).next().map(|(not_after, _)| not_after.plus_millis(LAST_SECOND))
    }

    /// When the validity of a certificate ends.
    #[must_use]
    pub fn validity_ends(&self, id: &CertificateId) -> Option<Timestamp> {
        self.certificate(id.as_str()).map(|row| row.not_after.plus_millis(LAST_SECOND))
    }
}

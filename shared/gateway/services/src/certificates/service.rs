//! What goes on with certificates besides their operations: they expire, and connections that rely on one that is good no more end.

use crate::service::Service;
use drydock_core::event::DisconnectReason;
use drydock_core::{Event, Timestamp};
use drydock_host::Host;
use drydock_host::books::VALIDITY_GRACE;
use drydock_timers::Reminder;
use parking_lot::Mutex;
use std::sync::Arc;

/// CAs and certificates.
pub struct CertificatesService {
    /// What it stands on.
    pub host: Host,
    /// The ends of validity up to then were told. Connections that relied on earlier ones ended with the process before.
    pub(super) told_until: Mutex<Timestamp>,
}

impl CertificatesService {
    /// CAs and certificates.
    #[must_use]
    pub fn new(host: Host) -> Self {
        let told_until = Mutex::new(host.books.now().plus_millis(-VALIDITY_GRACE));
        Self { host, told_until }
    }
}

impl Service for CertificatesService {
    fn reminder(&self) -> Option<Reminder> {
        Some(self.host.books.certificates_end.clone())
    }

    fn hears(self: Arc<Self>, event: &Event) {
        // What else changes a session's rights it finds out itself: it looks at the authorization generation with each message.
        if let Event::CertificateStatusChanged { certificate_id, active: false }
        | Event::CertificateExpired { certificate_id, .. } = event
        {
            self.host.broker.disconnect_relying_on(certificate_id.as_str(), DisconnectReason::AuthError);
        }
    }
}

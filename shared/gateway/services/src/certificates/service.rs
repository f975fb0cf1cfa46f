//! What goes on with certificates besides their operations: they expire, and connections that rely on one that is good no more end.

use super::expiry;
use crate::service::Service;
use drydock_core::Event;
use drydock_core::event::DisconnectReason;
use drydock_host::Host;
use drydock_tasks::Tasks;
use std::sync::Arc;

/// CAs and certificates.
pub struct CertificatesService {
    /// What it stands on.
    pub host: Host,
}

impl Service for CertificatesService {
    fn hears(self: Arc<Self>, event: &Event) {
        // What else changes a session's rights it finds out itself: it looks at the authorization generation with each message.
        if let Event::CertificateStatusChanged { certificate_id, active: false }
        | Event::CertificateExpired { certificate_id, .. } = event
        {
            self.host.broker.disconnect_relying_on(certificate_id.as_str(), DisconnectReason::AuthError);
        }
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        tasks.spawn(expiry::watch(Arc::clone(&self.host.books)));
    }
}

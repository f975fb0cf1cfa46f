//! What jobs ask of Signer.

use drydock_cloud::signer::Signer;
use drydock_jobs::document::Location;
use drydock_jobs::{Signature, Signatures};

/// The signing jobs, as jobs ask for them.
pub(super) struct Signed<'s>(pub(super) &'s Signer);

impl Signatures for Signed<'_> {
    fn signature(&self, of: &Location) -> Option<Signature> {
        let (signature, bucket, key) =
            self.0.signature(&of.bucket, &of.key, of.version.as_deref().unwrap_or("null"))?;
        Some(Signature { signature, object: Location { bucket, key, version: None } })
    }
}

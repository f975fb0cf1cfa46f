//! Random identifiers. Only the composition root knows where randomness comes from; everything else is handed an [`Ids`].

use uuid::Uuid;

/// What makes identifiers and secrets that nobody can guess.
pub trait Ids: Send + Sync + 'static {
    /// Fills a buffer with random bytes, fit for keys and tokens.
    fn fill(&self, bytes: &mut [u8]);

    /// A random (version 4) UUID.
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// 64 random hexadecimal digits, the form of a registration code.
    fn hex64(&self) -> String {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}

impl<I: Ids + ?Sized> Ids for std::sync::Arc<I> {
    fn fill(&self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }
}

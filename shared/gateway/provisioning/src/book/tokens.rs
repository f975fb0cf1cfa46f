//! Certificate ownership tokens: who asked for a certificate proves with one that it is theirs to provision.
//!
//! A token is good for an hour and for one provisioning. Follows "Device provisioning MQTT API": a certificate that is not
//! active and has nothing attached when its token expires is deleted.

use super::{Provisioning, TOKENS, json};
use drydock_core::{CertificateId, Done, Ids, Timestamp, Write};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How long a token is good for: an hour, in milliseconds.
pub const LIFETIME: i64 = 60 * 60 * 1000;

/// A token as it is kept, under its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenRow {
    certificate: CertificateId,
    expires: Timestamp,
}

/// Why a token does not open anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It was never given, was used, or is too old.
    #[error("the certificate ownership token is not valid: it was not issued here, was used, or has expired")]
    Unknown,
    /// A request with it is under way.
    #[error("a request with this certificate ownership token is under way")]
    InUse,
}

impl Provisioning {
    /// Gives out the token of a certificate.
    pub fn issue_token(&mut self, certificate: CertificateId, now: Timestamp, ids: &dyn Ids) -> Done<String> {
        let token = format!("{}{}", ids.hex64(), ids.hex64());
        let digest = digest(&token);
        let row = TokenRow { certificate, expires: now.plus_millis(LIFETIME) };
        let write = Write::put(TOKENS, digest.clone(), json(&row));
        self.take_in(digest, row);
        Done::written(token, vec![write])
    }

    /// Begins to use a token: nobody else can until it is [`spent`](Self::spend) or [given back](Self::give_back).
    ///
    /// # Errors
    /// [`Refused`].
    pub fn take_token(&mut self, token: &str, now: Timestamp) -> Result<CertificateId, Refused> {
        let digest = digest(token);
        let row = self.tokens.get(&digest).filter(|row| row.expires > now).ok_or(Refused::Unknown)?;
        if !self.in_use.insert(digest) {
            return Err(Refused::InUse);
        }
        Ok(row.certificate.clone())
    }

    /// Whether a token that was taken is there still.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn check_token(&self, token: &str) -> Result<(), Refused> {
        if self.tokens.contains_key(&digest(token)) { Ok(()) } else { Err(Refused::Unknown) }
    }

    /// A token that was taken stays good: provisioning failed.
    pub fn give_back(&mut self, token: &str) -> Done<()> {
        self.in_use.remove(&digest(token));
        Done::reply(())
    }

    /// A token that was taken is good no more: the device is provisioned.
    pub fn spend(&mut self, token: &str) -> Done<()> {
        let digest = digest(token);
        self.in_use.remove(&digest);
        self.forget(&digest)
    }

    /// Certificates whose tokens have expired by now, each with what [`expire`](Self::expire) takes.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Vec<(CertificateId, String)> {
        let old = self.by_expiry.iter().take_while(|(expires, _)| *expires <= now);
        let old = old.filter(|(_, digest)| !self.in_use.contains(digest));
        old.filter_map(|(_, digest)| Some((self.tokens.get(digest)?.certificate.clone(), digest.clone()))).collect()
    }

    /// When the next token expires after a time.
    #[must_use]
    pub fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        self.by_expiry.range((now.plus_millis(1), String::new())..).next().map(|(expires, _)| *expires)
    }

    /// Forgets a token that has expired.
    pub fn expire(&mut self, digest: &str) -> Done<()> {
        self.forget(digest)
    }

    pub(super) fn take_in(&mut self, digest: String, row: TokenRow) {
        self.by_expiry.insert((row.expires, digest.clone()));
        self.tokens.insert(digest, row);
    }

    fn forget(&mut self, digest: &str) -> Done<()> {
        match self.tokens.remove(digest) {
            Some(row) => {
                self.by_expiry.remove(&(row.expires, digest.to_owned()));
                Done::written((), vec![Write::delete(TOKENS, digest)])
            }
            None => Done::reply(()),
        }
    }
}

fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

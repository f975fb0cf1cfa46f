//! The keys that are known: those of the configuration, and temporary ones, which are issued here for a role.
//!
//! Temporary credentials are kept nowhere. Their session token says whose they are and until when, sealed with a key of the
//! gateway's own, and the secret follows from that key and the access key id; so they outlive a restart with the key, and
//! issuing a million costs no memory.

use super::{Denied, Secret};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use drydock_core::{Ids, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use std::collections::HashMap;
use std::fmt;

/// The letters of AWS's identifiers: base32 of RFC 4648.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The keys that are known.
pub struct Credentials {
    configured: HashMap<String, Configured>,
    seal: hmac::Key,
}

struct Configured {
    secret: Secret,
    token: Option<Secret>,
}

/// A key that may be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What its requests are signed with.
    pub secret: Secret,
    /// Whose it is, as events show a principal: `ROLEID:SESSION` of temporary credentials, the access key id of others.
    pub principal: SmolStr,
    /// The ARN of the role that it was issued for.
    pub role: Option<String>,
}

/// Temporary credentials, as they are handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCredentials {
    /// The access key id; begins with `ASIA`.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token, which every request has to carry.
    pub session_token: Secret,
    /// When they are over; `None` for those that never are.
    pub expires: Option<Timestamp>,
}

/// What a session token says.
#[derive(Serialize, Deserialize)]
struct Session {
    key: String,
    role: String,
    session: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    expires: Option<Timestamp>,
}

impl Credentials {
    /// No keys yet; `seal` is a random key of the gateway's own, which temporary credentials depend on.
    #[must_use]
    pub fn new(seal: &[u8; 32]) -> Self {
        Self { configured: HashMap::new(), seal: hmac::Key::new(hmac::HMAC_SHA256, seal) }
    }

    /// Makes a key known. With `token` its requests have to carry that session token.
    pub fn configure(&mut self, access_key: impl Into<String>, secret: Secret, token: Option<Secret>) {
        self.configured.insert(access_key.into(), Configured { secret, token });
    }

    /// Whether keys are configured: then nobody else's are accepted.
    #[must_use]
    pub fn are_configured(&self) -> bool {
        !self.configured.is_empty()
    }

    /// Issues temporary credentials for a role. `session` names the session, as `RoleSessionName` does.
    #[must_use]
    pub fn issue(&self, role: &str, session: &str, expires: Option<Timestamp>, ids: &dyn Ids) -> IssuedCredentials {
        let access_key_id = format!("ASIA{}", letters(ids.uuid().as_bytes()));
        let says = Session { key: access_key_id.clone(), role: role.to_owned(), session: session.to_owned(), expires };
        // A struct of texts and a number always has a JSON form.
        let says = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&says).unwrap_or_default());
        let seal = URL_SAFE_NO_PAD.encode(self.mac("token", &says));
        IssuedCredentials {
            secret_access_key: self.secret(&access_key_id),
            session_token: Secret::new(format!("{says}.{seal}")),
            access_key_id,
            expires,
        }
    }

    /// Looks a key up; `None` where it is neither configured nor issued here.
    ///
    /// # Errors
    /// [`Denied::ExpiredToken`] for temporary credentials that are over, [`Denied::UnknownKey`] for a known key with a session
    /// token that is not its own.
    pub fn lookup(&self, access_key: &str, token: Option<&str>, now: Timestamp) -> Result<Option<Known>, Denied> {
        if let Some(Configured { secret, token: wanted }) = self.configured.get(access_key) {
            let same = match (wanted, token) {
                (None, None) => true,
                (Some(wanted), Some(token)) => {
                    verify_slices_are_equal(wanted.reveal().as_bytes(), token.as_bytes()).is_ok()
                }
                _ => false,
            };
            let known = || Known { secret: secret.clone(), principal: access_key.into(), role: None };
            return if same { Ok(Some(known())) } else { Err(Denied::UnknownKey) };
        }
        let Some(session) = token.and_then(|token| self.open(token)) else { return Ok(None) };
        if session.key != access_key {
            return Err(Denied::UnknownKey);
        }
        if session.expires.is_some_and(|expires| expires <= now) {
            return Err(Denied::ExpiredToken);
        }
        let principal = format_smolstr!("{}:{}", role_id(&session.role), session.session);
        Ok(Some(Known { secret: self.secret(access_key), principal, role: Some(session.role) }))
    }

    fn open(&self, token: &str) -> Option<Session> {
        let (says, seal) = token.split_once('.')?;
        let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
        verify_slices_are_equal(self.mac("token", says).as_ref(), &seal).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(says).ok()?).ok()
    }

    fn secret(&self, access_key: &str) -> Secret {
        // 30 bytes are the 40 characters that AWS's have.
        let mac = self.mac("secret", access_key);
        Secret::new(STANDARD.encode(mac.as_ref().get(..30).unwrap_or_default()))
    }

    fn mac(&self, purpose: &str, text: &str) -> hmac::Tag {
        hmac::sign(&self.seal, format!("{purpose}\n{text}").as_bytes())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("configured", &self.configured.len()).finish_non_exhaustive()
    }
}

/// The unique id that a role's ARN has here: always the same.
fn role_id(arn: &str) -> String {
    format!("AROA{}", letters(digest(&SHA256, arn.as_bytes()).as_ref()))
}

/// Sixteen letters and digits from ten or more bytes.
fn letters(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(16);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes.iter().take(10) {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            let digit = usize::try_from((held >> bits) & 31).unwrap_or_default();
            text.push(char::from(LETTERS.get(digit).copied().unwrap_or(b'A')));
        }
        held &= (1 << bits) - 1;
    }
    text
}
